package stun_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	pion "github.com/pion/stun/v4"

	"conclave/sfu/transport/stun"
)

const password = "abcdefghijklmnopqrstuvwx"

// check is a request as Pion makes it, which browsers' are like.
func check(tb testing.TB, username, password string, more ...pion.Setter) []byte {
	tb.Helper()
	setters := append([]pion.Setter{pion.BindingRequest, pion.TransactionID, pion.NewUsername(username),
		pion.RawAttribute{Type: 0xc057, Value: []byte{0, 1, 0, 10}},
		pion.RawAttribute{Type: pion.AttrICEControlling, Value: make([]byte, 8)}}, more...)
	m, err := pion.Build(append(setters, pion.NewShortTermIntegrity(password), pion.Fingerprint)...)
	if err != nil {
		tb.Fatal(err)
	}
	return m.Raw
}

func useCandidate() pion.Setter { return pion.RawAttribute{Type: pion.AttrUseCandidate} }

func TestChecksAreReadAndAnswered(t *testing.T) {
	for _, from := range []string{"192.0.2.7:1234", "[2001:db8::7]:65535", "[::ffff:192.0.2.7]:80"} {
		addr := netip.MustParseAddrPort(from)
		raw := check(t, "ours:theirs", password, useCandidate())
		c, err := stun.Parse(raw)
		if err != nil || string(c.Local) != "ours" || string(c.Remote) != "theirs" || !c.UseCandidate {
			t.Fatalf("%+v, %v", c, err)
		}
		k := stun.NewKey(password)
		if !c.Authentic(k) {
			t.Fatal("not authentic")
		}
		answer := &pion.Message{Raw: c.Answer([]byte("before"), addr, k)[6:]}
		if err := answer.Decode(); err != nil {
			t.Fatal(err)
		}
		var mapped pion.XORMappedAddress
		if err := mapped.GetFrom(answer); err != nil {
			t.Fatal(err)
		}
		if answer.Type != pion.BindingSuccess || !bytes.Equal(answer.TransactionID[:], raw[8:20]) ||
			mapped.Port != int(addr.Port()) ||
			!mapped.IP.Equal(net.IP(addr.Addr().AsSlice())) {
			t.Errorf("%s: %v, %v", from, answer, mapped)
		}
		if err := pion.NewShortTermIntegrity(password).Check(answer); err != nil {
			t.Error(err)
		}
		if err := pion.Fingerprint.Check(answer); err != nil {
			t.Error(err)
		}
	}
}

func TestWithoutUseCandidateNothingIsNominated(t *testing.T) {
	if c, err := stun.Parse(check(t, "a:b", password)); err != nil || c.UseCandidate {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhoDoesNotKnowThePasswordIsNotAuthentic(t *testing.T) {
	raw := check(t, "ours:theirs", "another password")
	c, err := stun.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if c.Authentic(stun.NewKey(password)) {
		t.Error("authentic")
	}
}

// Every bit of a check is covered by one of its two sums: none can be flipped.
func TestNoBitOfACheckCanBeFlipped(t *testing.T) {
	raw := check(t, "ours:theirs", password, useCandidate())
	k := stun.NewKey(password)
	for bit := range 8 * len(raw) {
		flipped := bytes.Clone(raw)
		flipped[bit/8] ^= 1 << (bit % 8)
		if c, err := stun.Parse(flipped); err == nil && c.Authentic(k) {
			t.Errorf("bit %d", bit)
		}
	}
}

func TestCutChecksAreMalformed(t *testing.T) {
	raw := check(t, "ours:theirs", password)
	for n := range raw {
		if c, err := stun.Parse(raw[:n]); err == nil {
			t.Errorf("%d bytes: %+v", n, c)
		}
	}
	if _, err := stun.Parse(append(bytes.Clone(raw), 0, 0, 0, 0)); err == nil {
		t.Error("four bytes more")
	}
}

func TestWhatIsNotACheckIsMalformed(t *testing.T) {
	build := func(setters ...pion.Setter) []byte {
		m, err := pion.Build(setters...)
		if err != nil {
			t.Fatal(err)
		}
		return m.Raw
	}
	integrity := pion.NewShortTermIntegrity(password)
	for name, raw := range map[string][]byte{
		"success": build(pion.BindingSuccess, pion.TransactionID, pion.NewUsername("a:b"), integrity,
			pion.Fingerprint),
		"error": build(pion.BindingError, pion.TransactionID, pion.NewUsername("a:b"), integrity,
			pion.Fingerprint),
		"no user name": build(pion.BindingRequest, pion.TransactionID, integrity, pion.Fingerprint),
		"no integrity": build(pion.BindingRequest, pion.TransactionID, pion.NewUsername("a:b"),
			pion.Fingerprint),
		"no fingerprint": build(pion.BindingRequest, pion.TransactionID, pion.NewUsername("a:b"), integrity),
		"user name behind integrity": build(pion.BindingRequest, pion.TransactionID, integrity, pion.NewUsername("a:b"),
			pion.Fingerprint),
		"nobody's": build(pion.BindingRequest, pion.TransactionID, pion.NewUsername(":b"), integrity,
			pion.Fingerprint),
		"something behind fingerprint": build(pion.BindingRequest, pion.TransactionID, pion.NewUsername("a:b"), integrity,
			pion.Fingerprint, useCandidate()),
	} {
		if c, err := stun.Parse(raw); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestAnsweringDoesNotAllocate(t *testing.T) {
	raw, from, k := check(t, "ours:theirs", password), netip.MustParseAddrPort("[2001:db8::7]:65535"),
		stun.NewKey(password)
	room := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		c, err := stun.Parse(raw)
		if err != nil || !c.Authentic(k) {
			t.Fatal("refused")
		}
		c.Answer(room, from, k)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzCheck feeds any datagram: no panic; what is taken for a check is one to Pion too; and what is authentic was made
// with the key.
func FuzzCheck(f *testing.F) {
	f.Add(check(f, "ours:theirs", password))
	f.Add(check(f, "ours:theirs", password, useCandidate()))
	f.Add(check(f, "a:", "x"))
	from := netip.MustParseAddrPort("192.0.2.7:1234")
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := stun.Parse(raw)
		if err != nil {
			return
		}
		m := &pion.Message{Raw: bytes.Clone(raw)}
		if err := m.Decode(); err != nil {
			t.Fatalf("Pion does not read it: %v", err)
		}
		k := stun.NewKey(password)
		if ours, theirs := c.Authentic(k), pion.NewShortTermIntegrity(password).Check(m) == nil; ours && !theirs {
			t.Fatalf("authentic %v, to Pion %v", ours, theirs)
		}
		answer := &pion.Message{Raw: c.Answer(nil, from, k)}
		if err := answer.Decode(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	raw, from, k := check(b, "ours:theirs", password), netip.MustParseAddrPort("192.0.2.7:1234"), stun.NewKey(password)
	room := make([]byte, 0, 200)
	b.ReportAllocs()
	for b.Loop() {
		c, err := stun.Parse(raw)
		if err != nil || !c.Authentic(k) {
			b.Fatal("refused")
		}
		c.Answer(room, from, k)
	}
}

func TestOurChecksAreAsTheRFCAsks(t *testing.T) {
	for _, to := range []string{"t", "to", "theirs", "theirs+/"} { // with and without padding
		id := stun.ID{1, 2, 3}
		raw := stun.AppendCheck([]byte("before"), id, to, "ours", 0x1122334455667788, stun.NewKey(password))[6:]
		m := &pion.Message{Raw: raw}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		var name pion.Username
		if err := name.GetFrom(m); err != nil || name.String() != to+":ours" {
			t.Errorf("for %q, %v", name, err)
		}
		tie, _ := m.Get(pion.AttrICEControlled)
		priority, _ := m.Get(pion.AttrPriority)
		if m.Type != pion.BindingRequest || stun.ID(m.TransactionID) != id || len(tie) != 8 || len(priority) != 4 {
			t.Errorf("%v", m)
		}
		if err := pion.NewShortTermIntegrity(password).Check(m); err != nil {
			t.Error(err)
		}
		if err := pion.Fingerprint.Check(m); err != nil {
			t.Error(err)
		}
		theirs := check(t, to+":ours", password, pion.RawAttribute{Type: pion.AttrPriority, Value: make([]byte, 4)})
		if len(raw) > len(theirs) {
			t.Errorf("ours has %d bytes, theirs %d", len(raw), len(theirs))
		}
	}
}

// answer is a success response as Pion makes it, which browsers' are like.
func answer(tb testing.TB, fingerprint bool) []byte {
	tb.Helper()
	setters := []pion.Setter{pion.NewTransactionIDSetter([12]byte{7}), pion.BindingSuccess,
		&pion.XORMappedAddress{IP: net.IPv4(192, 0, 2, 7), Port: 7}, pion.NewShortTermIntegrity(password)}
	if fingerprint {
		setters = append(setters, pion.Fingerprint)
	}
	m, err := pion.Build(setters...)
	if err != nil {
		tb.Fatal(err)
	}
	return m.Raw
}

func TestAnswersAreRead(t *testing.T) {
	k := stun.NewKey(password)
	for _, fingerprint := range []bool{true, false} {
		raw := answer(t, fingerprint)
		a, err := stun.ParseAnswer(raw)
		if err != nil || !stun.IsAnswer(raw) || a.ID() != (stun.ID{7}) || !a.Authentic(k) ||
			a.Authentic(stun.NewKey("another")) {
			t.Errorf("with a fingerprint %v: %v", fingerprint, err)
		}
		for n := range raw {
			cut := append([]byte(nil), raw[:n]...)
			if _, err := stun.ParseAnswer(cut); err == nil {
				t.Errorf("cut at %d it is an answer", n)
			}
		}
		sealed := raw // FINGERPRINT, behind what is sealed, counts only if it is there
		if fingerprint {
			sealed = raw[:len(raw)-8]
		}
		for bit := range 8 * len(sealed) {
			flipped := append([]byte(nil), raw...)
			flipped[bit/8] ^= 1 << (bit % 8)
			if a, err := stun.ParseAnswer(flipped); err == nil && a.Authentic(k) {
				t.Errorf("with bit %d flipped it is authentic", bit)
			}
		}
	}
	wrong := answer(t, true)
	wrong[len(wrong)-1] ^= 1
	if _, err := stun.ParseAnswer(wrong); err == nil {
		t.Error("a wrong fingerprint is as good as none")
	}
	if raw := check(t, "ours:theirs", password); stun.IsAnswer(raw) {
		t.Error("a check is an answer")
	} else if _, err := stun.ParseAnswer(raw); err == nil {
		t.Error("a check reads as an answer")
	}
	if _, err := stun.Parse(answer(t, true)); err == nil {
		t.Error("an answer reads as a check")
	}
}
