package scenario

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/bots/network"
	"conclave/media"
)

const webinar = `
name: Webinar
meetings:
  - roles:
      - role: publisher
      - role: listener
        count: 3
stages:
  - join: all
    over: 3s
  - hold: 10s
`

// plan reads a scenario, which must be right.
func plan(t *testing.T, text string) *Plan {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestARoleIsWhatItsNameSays(t *testing.T) {
	p := plan(t, webinar)
	publisher := Bot{
		Role: "publisher", Sources: []media.Source{media.Mic, media.Camera}, Simulcast: true,
		AudioSlots: 4, VideoSlots: 9, View: 9, Height: 180, Speakers: 1,
	}
	listener := publisher
	listener.Role, listener.Sources = "listener", nil
	want := &Plan{
		Meetings: []PlannedMeeting{{E2EE: true}},
		Bots:     []Bot{publisher, listener, listener, listener},
		Stages:   []Stage{{Kind: Join, Bots: 4, Length: 3 * time.Second}, {Kind: Hold, Length: 10 * time.Second}},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("%+v, want %+v", p, want)
	}
}

func TestAFileOverridesWhatARoleDoes(t *testing.T) {
	p := plan(t, `
meetings:
  - e2ee: false
    roles:
      - {role: sharer, sources: [screen], simulcast: false, audio_slots: 0, video_slots: 25, view: 20, height: 90,
	stage: 720, flip: 2s}
      - {role: publisher, video_slots: 2, sample: 16}
      - role: flipper
      - role: speaker
stages: [{join: all}, {hold: 1s}]
`)
	if p.Meetings[0].E2EE {
		t.Error("the meeting is encrypted")
	}
	want := Bot{
		Role: "sharer", Sources: []media.Source{media.Screen}, VideoSlots: 25, View: 20, Height: 90, Stage: 720,
		Flip: 2 * time.Second, Speakers: 2,
	}
	if !reflect.DeepEqual(p.Bots[0], want) {
		t.Errorf("%+v, want %+v", p.Bots[0], want)
	}
	if p.Bots[1].View != 2 || p.Bots[1].Sample != 16 || p.Sampled() != 1 {
		t.Errorf("%d pictures in 2 slots, a sample of %d, %d bots have one", p.Bots[1].View, p.Bots[1].Sample, p.Sampled())
	}
	if f := p.Bots[2]; f.Flip == 0 || f.View >= 9 || len(f.Sources) > 0 {
		t.Errorf("a page-flipper is %+v", f)
	}
	if !reflect.DeepEqual(p.Bots[3].Sources, []media.Source{media.Mic}) {
		t.Errorf("a speaker sends %v", p.Bots[3].Sources)
	}
}

func TestARoleNamesItsNetwork(t *testing.T) {
	p := plan(t, `
networks:
  mobile: {loss: 2%, burst: 3, delay: 40ms, jitter: 30ms, reorder: 0.5%, rate: 800, queue: 200ms,
	blackout: {every: 20s, length: 1s}}
meetings: [{roles: [{role: publisher}, {role: listener, network: mobile}]}]
stages: [{join: all}, {hold: 1s}]
`)
	want := &network.Conditions{
		Loss: 0.02, Burst: 3, Delay: 40 * time.Millisecond, Jitter: 30 * time.Millisecond, Reorder: 0.005, Rate: 800,
		Queue: 200 * time.Millisecond, BlackoutEvery: 20 * time.Second, BlackoutLength: time.Second,
	}
	if p.Bots[0].Network != nil || !reflect.DeepEqual(p.Bots[1].Network, want) {
		t.Errorf("%+v and %+v, want none and %+v", p.Bots[0].Network, p.Bots[1].Network, want)
	}
}

// A load on many meetings grows in all of them alike.
func TestMeetingsFillSideBySide(t *testing.T) {
	p := plan(t, `
meetings:
  - count: 2
    roles: [{role: publisher}, {role: listener, count: 2}]
  - roles: [{role: speaker}]
stages: [{join: 50%}, {hold: 1s}]
`)
	var got []string
	for _, b := range p.Bots {
		got = append(got, b.Role+string(rune('0'+b.Meeting)))
	}
	if want := "publisher0 publisher1 speaker2 listener0 listener1 listener0 listener1"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
	if p.Stages[0].Bots != 4 || len(p.Meetings) != 3 {
		t.Errorf("%+v, %d meetings", p.Stages[0], len(p.Meetings))
	}
}

func TestStagesFollowEachOther(t *testing.T) {
	p := plan(t, `
meetings: [{roles: [{role: publisher, count: 10}]}]
stages:
  - {join: 4, over: 2s}
  - {churn: 5s, every: 500ms, away: 1s}
  - {leave: 20%, over: 1s}
  - {join: 60%}
  - {hold: 1h}
`)
	want := []Stage{
		{Kind: Join, Bots: 4, Length: 2 * time.Second},
		{Kind: Churn, Length: 5 * time.Second, Every: 500 * time.Millisecond, Away: time.Second},
		{Kind: Leave, Bots: 2, Length: time.Second},
		{Kind: Join, Bots: 6},
		{Kind: Hold, Length: time.Hour},
	}
	if !reflect.DeepEqual(p.Stages, want) {
		t.Errorf("%+v, want %+v", p.Stages, want)
	}
}

// Each mistake is named with its place.
func TestMistakesAreNamed(t *testing.T) {
	change := func(old, by string) string { return strings.Replace(webinar, old, by, 1) }
	for text, want := range map[string]string{
		change("name:", "naem:"):                                             `line 2: unknown key "naem"; did you mean name?`,
		change("count:", "cuont:"):                                           `line 7: unknown key "cuont"; did you mean count?`,
		change("over:", "duration:"):                                         `unknown key "duration"; it is one of join, leave`,
		change("role: listener", "role: lisener"):                            `did you mean listener?`,
		change("role: listener", "role: xyzzy"):                              `it is one of publisher, listener`,
		change("count: 3", "count: 0"):                                       `meetings[0]: roles[1]: count must be`,
		change("count: 3", "count: 5000"):                                    `count must be between 1 and 2000`,
		change("count: 3", "count: many"):                                    `scenario: `,
		change("count: 3", "view: 65"):                                       `view: between 0 and`,
		change("count: 3", "height: 0"):                                      `height: between 1 and`,
		change("count: 3", "stage: 99999"):                                   `stage: between 0 and`,
		change("count: 3", "flip: -1s"):                                      `a time is negative`,
		change("count: 3", "audio_slots: 200"):                               `audio_slots, video_slots: at most`,
		change("count: 3", "sources: [cam]"):                                 `sources: "cam" is unknown`,
		change("count: 3", "sources: [mic, mic]"):                            `"mic" is there twice`,
		change("join: all", "join: most"):                                    `stages[0]: "most" is not a number`,
		change("join: all", "join: 5"):                                       `between 1 and 4`,
		change("join: all", "join: 0%"):                                      `not a percentage`,
		change("join: all", "hold: 1s"):                                      `over goes with join or leave`,
		change("join: all\n    over", "hold"):                                `the first stage must be a join`,
		change("hold: 10s", "join: 1"):                                       `stages[1]: 5 bots have joined by then, of 4`,
		change("hold: 10s", "leave: 4\n  - leave: 1"):                        `stages[2]: more bots leave than are in`,
		change("hold: 10s", "hold: 49h"):                                     `longer than 48h`,
		change("hold: 10s", "churn: 10s"):                                    `a churn needs every`,
		change("hold: 10s", "{hold: 1s, every: 1s}"):                         `every and away go with churn`,
		change("hold: 10s", "{hold: 1s, churn: 1s}"):                         `give one of join, leave, hold and churn`,
		change("hold: 10s", "hold: -1s"):                                     `a time is negative`,
		change("  - hold: 10s\n", ""):                                        `a join and something after it`,
		"networks: {a: {los: 1%}}\n" + webinar:                               `line 1: unknown key "los"; did you mean loss?`,
		"networks: {a: {loss: 1}}\n" + webinar:                               `networks: a: loss: "1" is not a percentage`,
		"networks: {a: {reorder: 101%}}\n" + webinar:                         `networks: a: reorder: "101%"`,
		"networks: {a: {rate: -1}}\n" + webinar:                              `networks: a: rate is negative`,
		"networks: {a: {blackout: {length: 1s}}}\n" + webinar:                `networks: a: a blackout`,
		change("count: 3", "network: a"):                                     `roles[1]: network: "a" is unknown; there is none`,
		"networks: {mobile: {}}\n" + change("count: 3", "network: mobil"):    `did you mean mobile?`,
		change("count: 3", "codec: vp10"):                                    `codec: "vp10" is unknown; did you mean vp8?`,
		change("count: 3", "transport: tcp"):                                 `transport: "tcp" is unknown`,
		change("count: 3", "admit_after: 1s"):                                `admit_after goes with the role host`,
		change("count: 3", "requests: 5"):                                    `requests, datagrams and acts go with the role flooder`,
		change("count: 3", "every: 5s"):                                      `every goes with the role guesser`,
		change("role: listener", "role: gest"):                               `role: "gest" is unknown; did you mean guest?`,
		change("role: listener", "role: guest"):                              `guests wait for a host`,
		change("role: listener", "role: flooder\n        requests: 1000000"): `requests, datagrams, acts: between 0 and 10000`,
		change("role: listener", "role: guesser\n        every: -1s"):        `every must be above 0`,
		"networks: {a: {udp_blocked: true, loss: 1%}}\n" + webinar:           `where UDP is blocked`,
		"networks: {a: {loss: 1%}}\n" + change("count: 3", "network: a\n        transport: ice_tcp"): `goes with the transport udp only`,
		"profile: fast\n" + webinar:                                                              `neither normal nor bench`,
		"meetings: []\nstages: [{join: all}]\n":                                                  `meetings: there is none`,
		"meetings: [{roles: []}]\n":                                                              `roles: there is none`,
		"meetings: [{count: 501, roles: [{role: listener}]}]\n":                                  `at most 500 meetings`,
		"meetings: [{count: 300, roles: [{role: listener, count: 9}]}]\nstages: [{join: all}]\n": `more than 2000 bots`,
		"name: [\n":                     `scenario: `,
		"":                              `one document`,
		"a: 1\n---\nb: 2\n":             `one document`,
		"meetings: &m []\nstages: *m\n": `aliases`,
		"meetings: [{roles: []}]\nstages: !x 1\n": `tags`,
		strings.Repeat("#", MaxFile+1):            `more than`,
	} {
		s, err := Parse([]byte(text))
		if err == nil {
			_, err = s.Plan()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestASampleIsOneThatCanBeTaken(t *testing.T) {
	for role, want := range map[string]string{
		"sample: 48": "a power of two", "sample: 128": "a power of two", "sample: -2": "a power of two",
		"sample: 32, transport: ice_tcp": "goes with the transport udp", "sample: 32, network: slow": "without a network",
		"sample: 32": "not with the speech p59",
	} {
		s, err := Parse([]byte("networks: {slow: {rate: 500}}\nstages: [{join: all}, {hold: 1s}]\n" +
			"meetings: [{speech: p59, roles: [{role: speaker}, {role: listener, " + role + "}]}]\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Plan(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", role, err, want)
		}
	}
}

// What a meeting is follows from who comes: guests wait in a lobby, guessers need a password, and only a microphone
// takes part in a conversation.
func TestAMeetingIsWhatItsRolesNeed(t *testing.T) {
	s, err := Parse([]byte(`
meetings:
  - {speech: p59, roles: [{role: host, admit_after: 1s}, {role: listener}, {role: guest, count: 2, codec: av1}]}
  - {lobby: false, roles: [{role: guest, transport: turn_tls}, {role: guesser, every: 2s}]}
  - {e2ee: false, roles: [{role: flooder, requests: 7, datagrams: 0}]}
stages: [{join: all}, {hold: 1s}]
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	want := []PlannedMeeting{{E2EE: true, Lobby: true, Conversation: true}, {E2EE: true, Password: true}, {}}
	if !slices.Equal(p.Meetings, want) {
		t.Errorf("%+v, want %+v", p.Meetings, want)
	}
	for i, b := range p.Bots { // in the order of joins: the first of each meeting come first
		guesses, floods := b.Role == "guesser", b.Role == "flooder"
		if b.Host != (b.Role == "host") || b.Guest != (b.Role == "guest" || guesses) || b.Attacks() != (guesses || floods) {
			t.Errorf("bot %d: %+v", i, b)
		}
	}
	host, guest, flooder := p.Bots[0], p.Bots[5], p.Bots[2]
	if host.AdmitAfter != time.Second || host.Speaker != 0 || host.Speakers != 3 || guest.Speaker != 1 ||
		guest.Codec != "av1" {
		t.Errorf("%+v\n%+v", host, guest)
	}
	if flooder.Requests != 7 || flooder.Datagrams != 0 || p.Bots[1].Transport != "turn_tls" ||
		p.Bots[4].Guess != 2*time.Second {
		t.Errorf("%+v", p.Bots)
	}
	alone := &Scenario{
		Meetings: []Meeting{{Roles: []Role{{Role: "guesser"}}}}, Stages: []Step{{Join: "all"}, {Hold: time.Second}},
	}
	if _, err := alone.Plan(); err == nil {
		t.Error("a meeting of guessers was accepted")
	}
	alone.Meetings[0] = Meeting{Speech: "p60", Roles: []Role{{Role: "speaker"}}}
	if _, err := alone.Plan(); err == nil {
		t.Error("a model that there is not was accepted")
	}
}

// FuzzParse checks that no file makes the reader fail, and that what it takes keeps the bounds.
func FuzzParse(f *testing.F) {
	f.Add([]byte(webinar))
	f.Add([]byte("meetings: [{count: 2, roles: [{role: flipper, flip: 1s}]}]\nstages: [{join: 50%}, {churn: 1s, " +
		"every: 1ms}]\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Parse(raw)
		if err != nil {
			return
		}
		p, err := s.Plan()
		if err != nil {
			return
		}
		if len(p.Bots) > MaxBots || len(p.Meetings) > MaxMeetings || p.Stages[0].Kind != Join {
			t.Errorf("%d bots, %d meetings, %+v", len(p.Bots), len(p.Meetings), p.Stages)
		}
	})
}

// The examples are what people begin with: each can be read as it is.
func TestTheExamplesAreScenarios(t *testing.T) {
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: no examples", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if _, err := s.Plan(); err != nil || s.Name == "" {
			t.Errorf("%s: %v", file, err)
		}
	}
}
