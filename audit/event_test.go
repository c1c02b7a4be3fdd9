package audit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

func TestEventHasOneCanonicalForm(t *testing.T) {
	zone := time.FixedZone("elsewhere", 3600)
	e := Event{
		Time: time.Date(2026, 11, 29, 7, 0, 0, 123456789, zone), Kind: RoleChanged, Actor: "ana@example.org",
		Subject: "ben@example.org", Meeting: "abcd", Detail: `<"viewer">`,
	}
	got, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"time":"2026-11-29T06:00:00.123Z","kind":"role_changed","actor":"ana@example.org",` +
		`"subject":"ben@example.org","meeting":"abcd","detail":"<\"viewer\">"}` + "\n"
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	back, err := ParseEvent(got)
	if err != nil || back.Detail != e.Detail || !back.Time.Equal(e.Time.Truncate(time.Millisecond)) {
		t.Errorf("%+v, %v", back, err)
	}
	for _, other := range []string{
		strings.Replace(want, `"kind"`, ` "kind"`, 1),
		strings.Replace(want, "06:00:00.123Z", "07:00:00.123+01:00", 1),
		strings.Replace(want, `"meeting":"abcd",`, `"meeting":"abcd","meeting":"efgh",`, 1),
		strings.Replace(want, `}`, `,"more":1}`, 1),
		strings.Replace(want, "role_changed", "role_changing", 1),
		strings.Replace(want, "<", `\u003c`, 1),
		"{}", "", "[]", strings.TrimSpace(want) + " {}",
	} {
		if _, err := ParseEvent([]byte(other)); err == nil {
			t.Errorf("taken: %s", other)
		}
	}
}

func TestEventIsBounded(t *testing.T) {
	good := event(1)
	for name, spoil := range map[string]func(*Event){
		"no time":      func(e *Event) { e.Time = time.Time{} },
		"no kind":      func(e *Event) { e.Kind = "" },
		"long actor":   func(e *Event) { e.Actor = strings.Repeat("a", maxField+1) },
		"long detail":  func(e *Event) { e.Detail = strings.Repeat("a", maxField+1) },
		"line break":   func(e *Event) { e.Subject = "a\nb" },
		"broken UTF-8": func(e *Event) { e.Meeting = "\xff" },
	} {
		e := good
		spoil(&e)
		if e.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	worst := Event{Time: epoch, Kind: SignInVerified}
	for _, text := range []*string{&worst.Actor, &worst.Subject, &worst.Meeting, &worst.Detail} {
		*text = strings.Repeat(`"`, maxField) // two bytes each in JSON
	}
	b, err := worst.AppendJSON(nil)
	if err != nil || len(b)*maxBatch > maxRecord*3/2 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
}

func FuzzParseEvent(f *testing.F) {
	e := event(1)
	b, _ := e.AppendJSON(nil)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEvent(b)
		if err != nil {
			return
		}
		again, err := e.AppendJSON(nil)
		if err != nil || !bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), bytes.TrimSuffix(b, []byte("\n"))) {
			t.Fatalf("%q became %q, %v", b, again, err)
		}
	})
}

// A record of one event must not tell by its length which kind of event it is.
func TestLengthOfARecordTellsNoKind(t *testing.T) {
	r := newReader(t)
	lengths := map[int]bool{}
	for _, k := range Kinds() {
		m, s := written(t, r, 0)
		e := event(1)
		e.Kind = k
		if err := s.commit([]Event{e}); err != nil {
			t.Fatal(err)
		}
		lengths[len(m.names[segmentFile(0, recordsSuffix)].now)] = true
	}
	if len(lengths) != 1 {
		t.Errorf("%d lengths", len(lengths))
	}
}

func TestOnlyRecipientsReadARecord(t *testing.T) {
	r, other := newReader(t), newReader(t)
	e := event(1)
	line, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	both, err := ParseRecipients([]string{r.public, other.public})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := seal(both, line)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("person1")) {
		t.Error("the address is in the ciphertext")
	}
	for _, id := range []age.Identity{r.identity, other.identity} {
		if events, err := Open(sealed, id); err != nil || fmt.Sprint(events) != fmt.Sprint([]Event{e}) {
			t.Error(events, err)
		}
	}
	if _, err := Open(sealed, newReader(t).identity); err == nil {
		t.Error("a stranger reads it")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := Open(sealed, r.identity); err == nil {
		t.Error("a changed record opens")
	}
}

func TestRecipientsAreRequired(t *testing.T) {
	for _, list := range [][]string{nil, {}, {""}, {"age1nonsense"}, {"AGE-SECRET-KEY-1QQQQQQ"}} {
		if _, err := ParseRecipients(list); err == nil {
			t.Errorf("%q: taken", list)
		}
	}
	if _, err := OpenLog(Options{Dir: t.TempDir()}); err == nil {
		t.Error("a log without recipients was opened")
	}
}
