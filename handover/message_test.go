package handover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
)

var someSession = strings.Repeat("0a", 16)

// messages are one of each type, as it may be.
func messages() []*Message {
	client, ours := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[2001:db8::1]:443")
	return []*Message{
		{Type: Ask, Version: 1, Build: "v1"}, {Type: Reload}, {Type: Listener, Address: "web :443"},
		{Type: Offer, Generation: 2, Build: "v1"}, {Type: Refused, Why: "no"}, {Type: Ready},
		{Type: State, Data: []byte{1}}, {Type: Go}, {Type: Taken, Build: "v2"}, {Type: Stream, Kind: Requests},
		{Type: Stream, Kind: Inside, From: client, To: ours}, {Type: Revoke, Session: someSession},
		{Type: Touch, Session: someSession}, {Type: End, Seconds: 30},
	}
}

func withFile(m *Message) bool { return m.Type == Listener || m.Type == Stream }

func TestMessagesAreReadAsTheyWereWritten(t *testing.T) {
	for _, m := range messages() {
		b, err := encode(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(b, withFile(m))
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if again, _ := encode(got); !bytes.Equal(again, b) {
			t.Errorf("%s became %s", b, again)
		}
	}
}

// TestAMessageHasWhatItsTypeNeedsAndNothingElse: each field of every other type, missing fields, a descriptor too many
// or too few, and what is no message at all.
func TestAMessageHasWhatItsTypeNeedsAndNothingElse(t *testing.T) {
	refused := func(text string, file bool) {
		t.Helper()
		if m, err := decode([]byte(text), file); err == nil {
			t.Errorf("%s (file: %v) was read as %v", text, file, m)
		}
	}
	for _, m := range messages() {
		b, _ := encode(m)
		refused(string(b), !withFile(m))
		refused(string(b)+"{}", withFile(m))
		refused(string(b)+"x", withFile(m))
		for _, other := range messages() {
			var fields, more map[string]any
			c, _ := encode(other)
			_, _ = json.Unmarshal(b, &fields), json.Unmarshal(c, &more)
			added := 0
			for name, value := range more {
				if _, has := fields[name]; !has && !(m.Type == Stream && (name == "from" || name == "to")) {
					fields[name] = value
					added++
				}
			}
			if text, _ := json.Marshal(fields); added > 0 {
				refused(string(text), withFile(m))
			}
		}
	}
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"type":"x"}`, `{"type":"ready","x":1}`, `{"type":"ask","build":"v"}`,
		`{"type":"state"}`, `{"type":"refused"}`, `{"type":"revoke","session":"x"}`, `{"type":"end","seconds":-1}`,
		`{"type":"revoke","session":"` + strings.ToUpper(someSession) + `"}`, `{"type":"offer","generation":1}`,
		`{"type":"ask","version":1,"build":"a\nb"}`, `{"type":"ask","version":1,"build":"` + strings.Repeat("a", 257) + `"}`,
		`{"type":"state","data":"` + strings.Repeat("AAAA", MaxData/3+1) + `"}`,
	} {
		refused(text, false)
	}
	for _, text := range []string{
		`{"type":"listener"}`, `{"type":"stream"}`, `{"type":"stream","kind":"x"}`, `{"type":"stream","kind":"plain"}`,
		`{"type":"stream","kind":"requests","from":"192.0.2.1:1"}`,
		`{"type":"stream","kind":"plain","from":"192.0.2.1:1","to":"[fe80::1%eth0]:443"}`,
	} {
		refused(text, true)
	}
	refused(`{"type":"ready"`+strings.Repeat(" ", maxMessage)+`}`, false)
}

func TestMessagesCannotBePrinted(t *testing.T) {
	m := &Message{Type: Stream, Kind: Plain, From: netip.MustParseAddrPort("192.0.2.77:1"), Session: someSession,
		Data: []byte("canary")}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "m", m)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", m, m, m, m, m), log.String()} {
		if strings.Contains(text, "192.0.2.77") || strings.Contains(text, someSession) || strings.Contains(text, "canary") ||
			!strings.Contains(text, "message stream") {
			t.Error(text)
		}
	}
}

// TestEachMessageHasItsTime: of all types, a phase takes those that belong there.
func TestEachMessageHasItsTime(t *testing.T) {
	want := map[phase]string{
		opened: "ask→offered reload→over", offered: "ready→given", given: "taken→older",
		asked: "listener→asked offer→preparing refused→over", preparing: "", ready: "state→ready go→taking", taking: "",
		older: "stream→older revoke→older end→older", newer: "state→newer stream→newer revoke→newer touch→newer",
		commanded: "refused→over taken→over", over: "",
	}
	name := map[phase]string{opened: "opened", offered: "offered", given: "given", asked: "asked", preparing: "preparing",
		ready: "ready", taking: "taking", older: "older", newer: "newer", commanded: "commanded", over: "over"}
	for p := opened; p <= over; p++ {
		var got []string
		for _, typ := range []Type{
			Ask, Reload, Listener, Offer, Refused, Ready, State, Go, Taken, Stream, Revoke, Touch, End,
		} {
			if next, ok := p.next(typ); ok {
				got = append(got, string(typ)+"→"+name[next])
			}
		}
		if text := strings.Join(got, " "); text != want[p] {
			t.Errorf("%s takes %q, want %q", name[p], text, want[p])
		}
	}
}

func TestOneNewVersionAtATimeAndThreeAltogether(t *testing.T) {
	var p place
	if why := p.ask(protocolVersion+1, 0); why != whyOther {
		t.Error(why)
	}
	if why := p.ask(protocolVersion, 0); why != "" {
		t.Error(why)
	}
	if why := p.ask(protocolVersion, 0); why != whyBusy {
		t.Error(why)
	}
	if p.lost(); p.ask(protocolVersion, MaxGenerations-1) != whyFull {
		t.Error("a fourth version")
	}
	if why := p.ask(protocolVersion, MaxGenerations-2); why != "" {
		t.Error(why)
	}
	if p.taken(); p.ask(protocolVersion, 0) != whyGone {
		t.Error("two versions have taken over")
	}
}

// FuzzDecode: whatever comes, what is read can be written, and is read the same again.
func FuzzDecode(f *testing.F) {
	for _, m := range messages() {
		b, _ := encode(m)
		f.Add(b, withFile(m))
	}
	f.Fuzz(func(t *testing.T, b []byte, file bool) {
		m, err := decode(b, file)
		if err != nil {
			return
		}
		text, err := encode(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(text, file)
		if err != nil {
			t.Fatal(err)
		}
		if other, _ := encode(again); !bytes.Equal(other, text) {
			t.Fatalf("%s became %s", text, other)
		}
	})
}
