package protocol_test

import (
	"fmt"
	"strings"
	"testing"

	"conclave/protocol"
)

func sealed(name, announce string) string {
	return `{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"` + name + `","announce":"` +
		announce + `"}`
}

// joiner is one who is added, with so many characters of secrets.
func joiner(participant, characters int) string {
	return fmt.Sprintf(`{"participant":%d,"leaf":%d,"secrets":%q}`, participant, participant,
		strings.Repeat("A", characters))
}

func joiners(n, characters int) string {
	var list []string
	for i := range n {
		list = append(list, joiner(i+1, characters))
	}
	return strings.Join(list, ",")
}

func TestStrictDecoding(t *testing.T) {
	join := func(name string) string {
		return `{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"` + name + `"}`
	}
	for name, c := range map[string]struct {
		in, err, names string
	}{
		"empty":                    {``, "bad_json", ""},
		"not_json":                 {`hello`, "bad_json", ""},
		"an_array":                 {`[]`, "bad_json", "object"},
		"two_objects":              {`{"type":"leave","id":1}{}`, "bad_json", "more than one"},
		"trailing_comma":           {`{"type":"leave","id":1,}`, "bad_json", ""},
		"comment":                  {`{"type":"leave"/**/,"id":1}`, "bad_json", ""},
		"nan":                      {`{"type":"leave","id":NaN}`, "bad_json", ""},
		"infinity":                 {`{"type":"leave","id":-Infinity}`, "bad_json", ""},
		"leading_zero":             {`{"type":"leave","id":01}`, "bad_json", ""},
		"raw_newline_in_string":    {"{\"type\":\"lea\nve\",\"id\":1}", "bad_json", ""},
		"invalid_utf8":             {"{\"type\":\"chat\",\"id\":1,\"text\":\"\xff\"}", "bad_json", "UTF-8"},
		"encoded_surrogate_utf8":   {"{\"type\":\"chat\",\"id\":1,\"text\":\"\xed\xa0\x80\"}", "bad_json", "UTF-8"},
		"lone_high_surrogate":      {`{"type":"chat","id":1,"text":"\ud83d"}`, "bad_json", "surrogate"},
		"lone_low_surrogate":       {`{"type":"chat","id":1,"text":"\ude00x"}`, "bad_json", "surrogate"},
		"high_then_high_surrogate": {`{"type":"chat","id":1,"text":"\ud83d\ud83d"}`, "bad_json", "surrogate"},
		"byte_order_mark":          {"\ufeff{\"type\":\"leave\",\"id\":1}", "bad_json", ""},
		"deep_array":               {`{"type":"view","id":1,"wants":` + strings.Repeat("[", 7000) + strings.Repeat("]", 7000) + `}`, "bad_json", "deep"},
		"deep_object":              {strings.Repeat(`{"a":`, 3000) + "1" + strings.Repeat("}", 3000), "bad_json", "deep"},
		"17_keys":                  {`{"type":"leave","id":1,"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1}`, "bad_json", "16 keys"},
		"4100_values":              {`{"type":"media","id":1,"sources":[` + strings.Repeat(`1,`, 4095) + `1]}`, "bad_json", "4096 JSON values"},
		"16_keys":                  {`{"type":"leave","id":1,"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1}`, "invalid_request", "\"a\""},
		"duplicate_key":            {`{"type":"leave","id":1,"id":2}`, "bad_json", "twice"},
		"duplicate_key_escaped":    {`{"type":"leave","id":1,"\u0069d":2}`, "bad_json", "twice"},
		"duplicate_key_nested":     {`{"type":"view","id":1,"wants":[{"participant":1,"participant":2}]}`, "bad_json", "twice"},
		"no_type":                  {`{"id":1}`, "invalid_request", `"type"`},
		"type_is_a_number":         {`{"type":7,"id":1}`, "invalid_request", `"type"`},
		"unknown_type":             {`{"type":"jump","id":1}`, "unknown_type", ""},
		"server_type":              {`{"type":"welcome","id":1}`, "unknown_type", ""},
		"type_in_other_case":       {`{"type":"Leave","id":1}`, "unknown_type", ""},
		"key_in_other_case":        {`{"type":"leave","ID":1}`, "invalid_request", `"ID"`},
		"unknown_field":            {`{"type":"leave","id":1,"x":1}`, "invalid_request", `"x"`},
		"unknown_nested_field":     {`{"type":"view","id":1,"wants":[{"participant":1,"source":"mic","height":1,"x":1}]}`, "invalid_request", `"wants[0].x"`},
		"missing_field":            {`{"type":"chat","id":1}`, "invalid_request", `"text"`},
		"missing_nested_field":     {`{"type":"view","id":1,"wants":[{"participant":1,"source":"mic"}]}`, "invalid_request", `"wants[0].height"`},
		"missing_boolean":          {`{"type":"hand","id":1}`, "invalid_request", `"raised"`},
		"null":                     {`{"type":"hand","id":1,"raised":null}`, "invalid_request", `"raised"`},
		"null_optional":            {`{"type":"policy","id":1,"locked":null}`, "invalid_request", `"locked"`},
		"string_for_number":        {`{"type":"leave","id":"1"}`, "invalid_request", `"id"`},
		"number_for_string":        {`{"type":"chat","id":1,"text":1}`, "invalid_request", `"text"`},
		"object_for_list":          {`{"type":"view","id":1,"wants":{}}`, "invalid_request", `"wants"`},
		"list_for_object":          {`{"type":"view","id":1,"wants":[[]]}`, "invalid_request", `"wants[0]"`},
		"fraction":                 {`{"type":"leave","id":1.5}`, "invalid_request", `"id"`},
		"exponent":                 {`{"type":"leave","id":1e3}`, "invalid_request", `"id"`},
		"negative_id":              {`{"type":"leave","id":-1}`, "invalid_request", `"id"`},
		"zero_id":                  {`{"type":"leave","id":0}`, "invalid_request", `"id"`},
		"id_over_31_bits":          {`{"type":"leave","id":2147483648}`, "invalid_request", `"id"`},
		"id_over_64_bits":          {`{"type":"leave","id":99999999999999999999999}`, "invalid_request", `"id"`},
		"version":                  {`{"type":"join","id":1,"version":2,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"A"}`, "version", ""},
		"meeting_id_form":          {`{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hru","name":"A"}`, "invalid_request", `"meeting"`},
		"empty_name":               {join(""), "invalid_request", `"name"`},
		"blank_name":               {join("   "), "invalid_request", `"name"`},
		"name_of_65":               {join(strings.Repeat("ä", 65)), "invalid_request", `"name"`},
		"name_with_control":        {join(`A\u0007`), "invalid_request", `"name"`},
		"name_with_newline":        {join(`A\nB`), "invalid_request", `"name"`},
		"name_with_rtl_override":   {join(`A\u202eB`), "invalid_request", `"name"`},
		"name_with_isolate":        {join(`A\u2066B`), "invalid_request", `"name"`},
		"name_with_zero_width":     {join(`A\u200bB`), "invalid_request", `"name"`},
		"name_of_a_blank_letter":   {join(`\u3164`), "invalid_request", `"name"`},
		"name_with_tag_character":  {join(`A\udb40\udc41`), "invalid_request", `"name"`},
		"password_of_129": {`{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"A","password":"` +
			strings.Repeat("x", 129) + `"}`, "invalid_request", `"password"`},
		"resume_not_hex": {`{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"A","resume":"` +
			strings.Repeat("X", 64) + `"}`, "invalid_request", `"resume"`},
		"message_over_16_KiB":   {`{"type":"chat","id":9,"text":"` + strings.Repeat("x", 16<<10) + `"}`, "too_large", ""},
		"offer_over_256_KiB":    {`{"type":"offer","id":9,"sdp":"` + strings.Repeat("x", 256<<10) + `"}`, "too_large", ""},
		"offer_of_129_m_lines":  {`{"type":"offer","id":9,"sdp":"v=0` + strings.Repeat(`\nm=audio`, 129) + `","tracks":[]}`, "bad_offer", ""},
		"track_twice":           {`{"type":"offer","id":9,"sdp":"v","tracks":[{"mid":"0","source":"mic"},{"mid":"1","source":"mic"}]}`, "invalid_request", `"tracks"`},
		"mid_twice":             {`{"type":"offer","id":9,"sdp":"v","tracks":[{"mid":"0","source":"mic"},{"mid":"0","source":"camera"}]}`, "invalid_request", `"tracks"`},
		"mid_with_newline":      {`{"type":"offer","id":9,"sdp":"v","tracks":[{"mid":"0\n","source":"mic"}]}`, "invalid_request", `"tracks[0].mid"`},
		"unknown_source":        {`{"type":"media","id":1,"sources":["nose"]}`, "invalid_request", `"sources[0]"`},
		"source_twice":          {`{"type":"media","id":1,"sources":["mic","mic"]}`, "invalid_request", `"sources"`},
		"height_of_zero":        {`{"type":"view","id":1,"wants":[{"participant":1,"source":"camera","height":0}]}`, "invalid_request", `"wants[0].height"`},
		"height_of_4321":        {`{"type":"view","id":1,"wants":[{"participant":1,"source":"camera","height":4321}]}`, "invalid_request", `between 1 and 4320`},
		"want_of_nobody":        {`{"type":"view","id":1,"wants":[{"participant":0,"source":"camera","height":1}]}`, "invalid_request", `"wants[0].participant"`},
		"65_wants":              {`{"type":"view","id":1,"wants":[` + strings.Repeat(`{"participant":1,"source":"camera","height":9},`, 64) + `{"participant":1,"source":"camera","height":9}]}`, "invalid_request", `"wants"`},
		"257_participants":      {`{"type":"deny","id":1,"participants":[` + strings.Repeat("1,", 256) + `1]}`, "invalid_request", `"participants"`},
		"participant_zero":      {`{"type":"deny","id":1,"participants":[0]}`, "invalid_request", `"participants[0]"`},
		"chat_of_2001":          {`{"type":"chat","id":1,"text":"` + strings.Repeat("x", 2001) + `"}`, "invalid_request", `"text"`},
		"chat_with_nul":         {`{"type":"chat","id":1,"text":"a\u0000"}`, "invalid_request", `"text"`},
		"chat_names_its_sender": {`{"type":"chat","id":1,"text":"a","from":3}`, "invalid_request", `"from"`},
		"unknown_reaction":      {`{"type":"react","id":1,"reaction":"boo"}`, "invalid_request", `"reaction"`},
		"raise_all_hands":       {`{"type":"hand","id":1,"raised":true,"all":true}`, "invalid_request", `"raised"`},
		"lower_one_and_all": {
			`{"type":"hand","id":1,"raised":false,"participant":3,"all":true}`, "invalid_request", `"participant"`,
		},
		"timer_of_neither": {`{"type":"timer","id":1}`, "invalid_request", `"in_s"`},
		"timer_of_both":    {`{"type":"timer","id":1,"in_s":0,"add_s":60}`, "invalid_request", `"in_s"`},
		"timer_too_long":   {`{"type":"timer","id":1,"in_s":86401}`, "invalid_request", `"in_s"`},
		"app_to_one_too_long": {
			`{"type":"app","id":1,"to":3,"text":"` + strings.Repeat("x", 1501) + `"}`, "invalid_request", `"text"`,
		},
		"app_too_long":           {`{"type":"app","id":1,"text":"` + strings.Repeat("x", 8001) + `"}`, "invalid_request", `"text"`},
		"no_breakouts":           {`{"type":"open_breakouts","id":1,"rooms":0}`, "invalid_request", `"rooms"`},
		"21_breakouts":           {`{"type":"open_breakouts","id":1,"rooms":21}`, "invalid_request", `"rooms"`},
		"raise_anothers_hand":    {`{"type":"hand","id":1,"raised":true,"participant":3}`, "invalid_request", `"raised"`},
		"admit_nobody":           {`{"type":"admit","id":1}`, "invalid_request", `"participants"`},
		"admit_some_and_all":     {`{"type":"admit","id":1,"participants":[1],"all":true}`, "invalid_request", `"participants"`},
		"empty_policy":           {`{"type":"policy","id":1}`, "invalid_request", `"locked"`},
		"announce_with_padding":  {sealed("", "YWI="), "invalid_request", `"announce"`},
		"announce_of_base64":     {sealed("", "+/+/"), "invalid_request", `"announce"`},
		"announce_with_newline":  {sealed("", `YWJj\n`), "invalid_request", `"announce"`},
		"announce_with_slack":    {sealed("", "YWJ"), "invalid_request", `"announce"`},
		"announce_of_one_letter": {sealed("", "Y"), "invalid_request", `"announce"`},
		"announce_empty":         {sealed("", ""), "invalid_request", `"announce"`},
		"announce_over_512":      {sealed("", strings.Repeat("A", 684)), "invalid_request", `"announce" must have between 33 and 512 bytes`},
		"announce_of_a_key":      {sealed("", strings.Repeat("A", 43)), "invalid_request", `"announce" must have between 33 and 512 bytes`},
		"announce_and_name":      {sealed("Ana", strings.Repeat("A", 44)), "invalid_request", `"name"`},
		"commit_over_128_KiB":    {`{"type":"commit","id":1,"data":"` + strings.Repeat("A", 174766) + `"}`, "invalid_request", `"data"`},
		"commit_over_1_MiB":      {`{"type":"commit","id":1,"data":"` + strings.Repeat("A", 1<<20) + `"}`, "too_large", "1024 KiB"},
		"commit_of_no_info":      {`{"type":"commit","id":1,"data":"YWJj","added":[` + joiner(1, 4) + `]}`, "invalid_request", `"group_info"`},
		"commit_for_nobody":      {`{"type":"commit","id":1,"data":"YWJj","group_info":"YWJj"}`, "invalid_request", `"group_info"`},
		"commit_adds_one_twice":  {`{"type":"commit","id":1,"data":"YWJj","group_info":"YWJj","added":[` + joiner(1, 4) + "," + joiner(1, 4) + `]}`, "invalid_request", `"added"`},
		"commit_adds_65":         {`{"type":"commit","id":1,"data":"YWJj","group_info":"YWJj","added":[` + joiners(65, 4) + `]}`, "invalid_request", `"added"`},
		"secrets_over_512_KiB":   {`{"type":"commit","id":1,"data":"YWJj","group_info":"` + strings.Repeat("A", 699048-64*1024) + `","added":[` + joiners(64, 1028) + `]}`, "invalid_request", `"group_info"`},
		"leaf_of_1024":           {`{"type":"found","id":1,"group_id":"` + strings.Repeat("A", 22) + `","leaf":1024}`, "invalid_request", `"leaf"`},
		"group_id_of_15":         {`{"type":"found","id":1,"group_id":"` + strings.Repeat("A", 20) + `","leaf":0}`, "invalid_request", `"group_id"`},
		"key_package_over_2_KiB": {`{"type":"key_package","id":1,"data":"` + strings.Repeat("A", 2732) + `"}`, "invalid_request", `"data"`},
		"propose_over_4_KiB":     {`{"type":"propose","id":1,"data":"` + strings.Repeat("A", 5464) + `"}`, "invalid_request", `"data"`},
		"log_from_0":             {`{"type":"log_get","id":1,"from":0}`, "invalid_request", `"from"`},
		"stuck_of_a_short_hash":  {`{"type":"stuck","id":1,"epoch":0,"hash":"YWJj"}`, "invalid_request", `"hash"`},
		"relay_to_nobody":        {`{"type":"relay","id":1,"to":[]}`, "invalid_request", `"to"`},
		"relay_to_1001":          {`{"type":"relay","id":1,"to":[` + strings.Repeat(`{"participant":1,"data":"YWJj"},`, 1000) + `{"participant":1,"data":"YWJj"}]}`, "invalid_request", `"to"`},
		"relay_to_zero":          {`{"type":"relay","id":1,"to":[{"participant":0,"data":"YWJj"}]}`, "invalid_request", `"to[0].participant"`},
		"relay_over_2_KiB":       {`{"type":"relay","id":1,"to":[{"participant":1,"data":"` + strings.Repeat("A", 2732) + `"}]}`, "invalid_request", `"to[0].data"`},
		"relay_names_its_sender": {`{"type":"relay","id":1,"from":3,"to":[{"participant":1,"data":"YWJj"}]}`, "invalid_request", `"from"`},
		"entry_names_its_sender": {`{"type":"relay","id":1,"to":[{"participant":1,"from":3,"data":"YWJj"}]}`, "invalid_request", `"to[0].from"`},
		"relays_of_a_client":     {`{"type":"relays","relays":[{"from":3,"data":"YWJj"}]}`, "unknown_type", ""},
		"relay_over_512_KiB":     {`{"type":"relay","id":9,"to":[` + strings.Repeat(`{"participant":1,"data":"`+strings.Repeat("A", 2728)+`"},`, 200) + `{"participant":1,"data":"YWJj"}]}`, "too_large", "512 KiB"},
		"broadcast_of_a_sort":    {`{"type":"broadcast","id":1,"kind":"file","data":"YWJj"}`, "invalid_request", `"kind"`},
		"broadcast_over_12_KiB":  {`{"type":"broadcast","id":1,"kind":"chat","data":"` + strings.Repeat("A", 16387) + `"}`, "invalid_request", `"data"`},
		"broadcast_over_24_KiB":  {`{"type":"broadcast","id":1,"kind":"chat","data":"` + strings.Repeat("A", 24<<10) + `"}`, "too_large", "24 KiB"},
		"broadcast_names_sender": {`{"type":"broadcast","id":1,"kind":"chat","data":"YWJj","from":3}`, "invalid_request", `"from"`},
		"admission_twice":        {`{"type":"admit","id":1,"admissions":[{"participant":1,"admit":"YWJj"},{"participant":1,"admit":"YWJj"}]}`, "invalid_request", `"admissions"`},
		"admission_of_others":    {`{"type":"admit","id":1,"participants":[2],"admissions":[{"participant":1,"admit":"YWJj"}]}`, "invalid_request", `"admissions"`},
		"admission_of_more":      {`{"type":"admit","id":1,"participants":[2],"admissions":[{"participant":1,"admit":"YWJj"},{"participant":2,"admit":"YWJj"}]}`, "invalid_request", `"participants"`},
		"admissions_and_all":     {`{"type":"admit","id":1,"participants":[2],"all":true,"admissions":[{"participant":2,"admit":"YWJj"}]}`, "invalid_request", `"all"`},
		"257_admissions":         {`{"type":"admit","id":1,"admissions":[` + strings.Repeat(`{"participant":1,"admit":"YWJj"},`, 256) + `{"participant":1,"admit":"YWJj"}]}`, "invalid_request", `"admissions"`},
		"admission_over_1_KiB":   {`{"type":"admit","id":1,"admissions":[{"participant":1,"admit":"` + strings.Repeat("A", 1367) + `"}]}`, "invalid_request", `"admissions[0].admit"`},
		"grant_over_1_KiB":       {`{"type":"role","id":1,"participant":2,"role":"host","grant":"` + strings.Repeat("A", 1367) + `"}`, "invalid_request", `"grant"`},
		"spotlight_without_whom": {`{"type":"spotlight","id":1}`, "invalid_request", `"participant"`},
		"spotlight_of_a_name":    {`{"type":"spotlight","id":1,"participant":"ana"}`, "invalid_request", `"participant"`},
		"unknown_role":           {`{"type":"role","id":1,"participant":2,"role":"king"}`, "invalid_request", `"role"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := protocol.DecodeClient([]byte(c.in))
			if err == nil {
				t.Fatal("accepted")
			}
			e := err.(*protocol.RequestError)
			if string(e.Err) != c.err || !strings.Contains(e.Message, c.names) {
				t.Fatalf("got %s %q, want %s naming %q", e.Err, e.Message, c.err, c.names)
			}
			if r := e.Reply(); r.Fatal != e.Err.Fatal() || r.Message == "" {
				t.Fatalf("reply %+v", r)
			}
		})
	}
}

func TestAcceptsWhatTheDocumentAllows(t *testing.T) {
	for name, in := range map[string]string{
		"escapes":               `{"type":"chat","id":1,"text":"\ud83d\ude00\u00e4\n\t\"\\\/"}`,
		"escaped_key":           `{"type":"leave","\u0069d":1}`,
		"white_space":           " {\r\n\t\"type\" : \"leave\" , \"id\" : 1 } ",
		"name_of_64_characters": `{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"` + strings.Repeat("😀", 64) + `"}`,
		"html_name_is_text":     `{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"<img src=x onerror=alert(1)>"}`,
		"hebrew_name":           `{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"דנה"}`,
		"everything_muted":      `{"type":"media","id":1,"sources":[]}`,
		"view_of_nothing":       `{"type":"view","id":1,"wants":[]}`,
		"largest_id":            `{"type":"leave","id":2147483647}`,
		"largest_announce":      sealed("", strings.Repeat("A", 683)),
		"largest_commit":        `{"type":"commit","id":1,"data":"` + strings.Repeat("A", 174763) + `","group_info":"` + strings.Repeat("A", 699048-65*1024) + `","added":[` + joiners(64, 1024) + `]}`,
		"resumed_without_name":  `{"type":"join","id":1,"version":1,"meeting":"k7qm-2f9x-w3dj-8hrt","name":"","resume":"` + strings.Repeat("0", 64) + `"}`,
		"largest_relay":         `{"type":"relay","id":1,"to":[` + strings.Repeat(`{"participant":1,"data":"`+strings.Repeat("A", 2728)+`"},`, 189) + `{"participant":2,"data":"AA"}]}`,
		"relay_to_1000":         `{"type":"relay","id":1,"to":[` + strings.Repeat(`{"participant":1,"data":"YWJj"},`, 999) + `{"participant":1,"data":"YWJj"}]}`,
		"largest_broadcast":     `{"type":"broadcast","id":1,"kind":"reaction","data":"` + strings.Repeat("A", 16384) + `"}`,
		"admissions_alone":      `{"type":"admit","id":1,"admissions":[{"participant":1,"admit":"YWJj"}]}`,
		"admissions_named":      `{"type":"admit","id":1,"participants":[1],"admissions":[{"participant":1,"admit":"YWJj"}]}`,
		"admissions_of_all":     `{"type":"admit","id":1,"all":true,"admissions":[{"participant":1,"admit":"YWJj"}]}`,
		"spotlight_of_nobody":   `{"type":"spotlight","id":1,"participant":0}`,
		"offer_over_16_KiB":     `{"type":"offer","id":1,"sdp":"` + strings.Repeat("x", 200<<10) + `","tracks":[]}`,
	} {
		if _, err := protocol.DecodeClient([]byte(in)); err != nil {
			t.Errorf("%s: %s", name, detail(err))
		}
	}
}

// A reply can be matched to its request even when the request is wrong.
func TestErrorsEchoTheRequestID(t *testing.T) {
	for _, in := range []string{
		`{"type":"jump","id":42}`, `{"id":42}`, `{"type":"chat","id":42,"text":""}`, `{"type":"chat","text":1,"id":42}`,
	} {
		_, err := protocol.DecodeClient([]byte(in))
		if e := err.(*protocol.RequestError); e.ID != 42 {
			t.Errorf("%s: id %d", in, e.ID)
		}
	}
}

// Wrong types in every field of every message are invalid requests that name the field, never a panic.
func TestEveryFieldOfEveryMessageRejectsEveryWrongType(t *testing.T) {
	for _, ex := range examples(readDoc(t), "client") {
		m, err := protocol.DecodeClient([]byte(ex))
		if err != nil {
			t.Fatal(detail(err))
		}
		good, _ := protocol.Marshal(m)
		for i := range good {
			if good[i] != ':' {
				continue
			}
			for _, wrong := range []string{`null`, `{"a":{}}`, `[[]]`, `-1`, `1.5`, `"\u202e"`, `"💥💥💥💥💥💥💥💥💥💥💥💥💥💥💥💥💥"`} {
				end := i + 1
				for depth := 0; end < len(good); end++ {
					if c := good[end]; c == '{' || c == '[' {
						depth++
					} else if (c == '}' || c == ']' || c == ',') && depth == 0 {
						break
					} else if c == '}' || c == ']' {
						depth--
					}
				}
				in := string(good[:i+1]) + wrong + string(good[end:])
				if _, err := protocol.DecodeClient([]byte(in)); err == nil && !strings.Contains(in, `"text":"`) &&
					!strings.Contains(in, `"password":"`) && !strings.Contains(in, `"sdp":"`) && !strings.Contains(in, `"name":"💥`) {
					t.Errorf("accepted %s", in)
				}
			}
		}
	}
}

func TestMeetingIDForm(t *testing.T) {
	for id, want := range map[protocol.MeetingID]bool{
		"k7qm-2f9x-w3dj-8hrt": true, "0123-4567-89ab-cdef": true, "K7qm-2f9x-w3dj-8hrt": false, "k7qm2f9xw3dj8hrt": false, "": false,
		"k7qm-2f9x-w3dj-8hru": false, "k7qm-2f9x-w3dj-8hrt\n": false, "k7qm_2f9x-w3dj-8hrt": false, "../../etc/passwd-xx": false,
	} {
		if id.Valid() != want {
			t.Errorf("%q valid: %v", id, !want)
		}
	}
	if len(protocol.MeetingAlphabet) != 32 {
		t.Error("a character does not carry 5 bits")
	}
	for _, c := range protocol.MeetingAlphabet {
		c := string(c)
		if id := protocol.MeetingID(c + c + c + c + "-aaaa-aaaa-aaaa"); !id.Valid() {
			t.Errorf("%q is refused", id)
		}
	}
}

// An id that was heard, read or typed is the id that was meant.
func TestMeetingIDsAreReadForgivingly(t *testing.T) {
	const want = "k7q0-2f91-w31j-8hrt"
	for _, typed := range []string{
		want, "K7Q0-2F91-W31J-8HRT", "k7q02f91w31j8hrt", "k7qo-2f9i-w3lj-8hrt", "K7QO 2F9I W3LJ 8HRT", " k7q0-2f91-w31j-8hrt ", "k-7-q02f91w31j8hrt--",
	} {
		if id, ok := protocol.ParseMeetingID(typed); !ok || id != want {
			t.Errorf("%q is read as %q, %v", typed, id, ok)
		}
		m, err := protocol.DecodeClient([]byte(`{"type":"join","id":1,"version":1,"meeting":"` + typed + `","name":"Ana"}`))
		if err != nil {
			t.Errorf("join with %q: %v", typed, err)
		} else if j, ok := m.(*protocol.Join); !ok || j.Meeting != want {
			t.Errorf("join with %q: %+v", typed, m)
		}
	}
	for _, bad := range []string{
		"", "-", "k7qm-2f9x-w3dj-8hr", "k7qm-2f9x-w3dj-8hrtt", "k7qm-2f9x-w3dj-8hru", "k7qm-2f9x-w3dj-8hr\u0430", "k7qm\n2f9x-w3dj-8hrt", strings.Repeat("-", 60) + want,
	} {
		if id, ok := protocol.ParseMeetingID(bad); ok {
			t.Errorf("%q is taken for %q", bad, id)
		}
	}
}
