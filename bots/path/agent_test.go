package path

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

var (
	start  = time.Unix(1_000_000, 0)
	server = netip.MustParseAddrPort("192.0.2.1:443")
	other  = netip.MustParseAddrPort("192.0.2.2:443")
	bot    = Credentials{"bot", "the password of the bot"}
	lite   = Credentials{"lite", "the password of the server"}
)

// answerTo is the server's answer to a check.
func answerTo(t *testing.T, d Datagram, pwd string) []byte {
	t.Helper()
	m := &stun.Message{Raw: d.Data}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	r, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return r.Raw
}

// one returns the only check that is due.
func one(t *testing.T, a *Agent, now time.Time) Datagram {
	t.Helper()
	out, again, err := a.Tick(now)
	if err != nil || len(out) != 1 || !again.After(now) {
		t.Fatalf("%d checks, again at %v, %v", len(out), again, err)
	}
	return out[0]
}

func has(t *testing.T, d Datagram, attribute stun.AttrType) bool {
	t.Helper()
	m := &stun.Message{Raw: d.Data}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	return m.Contains(attribute)
}

func TestThePathIsNominatedThatAnswers(t *testing.T) {
	a := NewAgent(bot, lite, []netip.AddrPort{other, server}, start)
	first := one(t, a, start)
	second := one(t, a, start.Add(checkEvery))
	if first.To != other || second.To != server || has(t, second, stun.AttrUseCandidate) {
		t.Fatalf("checks to %v and %v", first.To, second.To)
	}
	now := start.Add(2 * checkEvery)
	a.Take(now, answerTo(t, second, "another password"), server)
	a.Take(now, answerTo(t, second, lite.Pwd), other) // from where it was not sent to
	if out, _, _ := a.Tick(now); len(out) != 1 || has(t, out[0], stun.AttrUseCandidate) {
		t.Fatal("an answer of another made a path")
	}
	now = now.Add(checkEvery)
	third := one(t, a, now)
	if third.To != server {
		t.Fatalf("the check goes to %v", third.To)
	}
	a.Take(now, answerTo(t, third, lite.Pwd), server)
	if _, ok := a.Selected(); ok {
		t.Fatal("a path that the server has not been told of")
	}
	nomination := one(t, a, now)
	if nomination.To != server || !has(t, nomination, stun.AttrUseCandidate) {
		t.Fatalf("%v, nominates: %v", nomination.To, has(t, nomination, stun.AttrUseCandidate))
	}
	a.Take(now, answerTo(t, nomination, lite.Pwd), server)
	if to, ok := a.Selected(); !ok || to != server {
		t.Fatalf("%v %v", to, ok)
	}
}

func TestAServerThatAnswersNothingIsNoPath(t *testing.T) {
	a := NewAgent(bot, lite, []netip.AddrPort{server}, start)
	if _, _, err := a.Tick(start.Add(connectWithin + 1)); err == nil {
		t.Fatal("it looks for ever")
	}
	if _, _, err := NewAgent(bot, lite, nil, start).Tick(start); err == nil {
		t.Fatal("without a candidate")
	}
}

func TestConsentEnds(t *testing.T) {
	a := NewAgent(bot, lite, []netip.AddrPort{server}, start)
	for range 2 {
		a.Take(start, answerTo(t, one(t, a, start), lite.Pwd), server)
	}
	now := start
	for range 10 { // answered consent lasts
		now = now.Add(consentEvery)
		a.Take(now, answerTo(t, one(t, a, now), lite.Pwd), server)
	}
	for range 6 {
		now = now.Add(consentEvery)
		if _, _, err := a.Tick(now); err != nil {
			t.Fatal("too early")
		}
	}
	if _, _, err := a.Tick(now.Add(consentEvery)); err == nil {
		t.Fatal("the server has answered nothing for 35 s")
	}
	if len(a.pending) > maxPending {
		t.Fatalf("%d checks are remembered", len(a.pending))
	}
}

func TestTheServersChecksAreAnswered(t *testing.T) {
	a := NewAgent(bot, lite, []netip.AddrPort{server}, start)
	for pwd, want := range map[string]int{bot.Pwd: 1, "another": 0} {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("bot:lite"),
			stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		out := a.Take(start, m.Raw, server)
		if len(out) != want {
			t.Fatalf("%d answers to a check with %q", len(out), pwd)
		}
		if want == 1 && (out[0].To != server || !has(t, out[0], stun.AttrXORMappedAddress)) {
			t.Fatal("the answer says nothing")
		}
		for n := range m.Raw { // truncated at every length
			if len(a.Take(start, m.Raw[:n], server)) != 0 {
				t.Fatalf("%d bytes of a check were answered", n)
			}
		}
	}
}
