package auth

import (
	"fmt"
	"testing"
	"time"
)

// crowded fills the strangers' line with first codes, each from a network of its own.
func (s *site) crowded() {
	s.t.Helper()
	eve := mustEmail(s.t, "eve@example.net")
	for ok := true; ok; {
		_, ok = s.svc.mail.add(mailJob{message: Message{To: eve, ValidFor: 10 * time.Minute}})
	}
}

// slowMail are limits that do not bite, but for the mail's pace.
func slowMail() Config {
	cfg := openLimits()
	cfg.Limits.CodesPerMinute = 12
	return cfg
}

// TestTheKnownNeedNoProof: hundreds of networks fill the strangers' line. A person at a network seen well-behaved
// asks, gets a mail in seconds and signs in; a stranger is asked for a proof, and with it is told to come again.
func TestTheKnownNeedNoProof(t *testing.T) {
	inSite(t, slowMail(), func(s *site) {
		s.browser().signIn("ben@example.org") // makes 192.0.2.1 known
		s.crowded()
		ana := s.browser()
		if w := ana.ask("ana@example.org"); w.Code != 202 {
			t.Fatalf("from a known network: %d %s", w.Code, w.Body)
		}
		time.Sleep(11 * time.Second) // two at the pace of twelve a minute: one of them is of the known
		if w := ana.verify(s.mail.last("ana@example.org")); w.Code != 200 {
			t.Errorf("from a known network: %d %s", w.Code, w.Body)
		}
		stranger := s.browser()
		stranger.addr = "203.0.113.1:1"
		w := stranger.ask("carl@example.org")
		expect(t, w, 429, "proof_needed")
		stranger.prove(w)
		time.Sleep(5 * time.Second) // one more has left
		if w := stranger.ask("carl@example.org"); w.Code != 202 {
			t.Errorf("with a proof and room in the line: %d %s", w.Code, w.Body)
		}
	})
}

func TestTheProofGrowsWithTheCrowd(t *testing.T) {
	for name, tt := range map[string]struct {
		isKnown, beyond bool
		ahead, want     int
	}{
		"calm":                    {false, false, 63, 0},
		"a_crowd":                 {false, false, 64, 1},
		"a_larger_one":            {false, false, 200, 3},
		"the_known_in_a_crowd":    {true, false, 200, 0},
		"beyond_what_is_free":     {false, true, 0, 1},
		"the_known_beyond":        {true, true, 200, 1},
		"beyond_in_a_large_crowd": {false, true, 200, 3},
	} {
		if got := proofLevel(tt.isKnown, tt.beyond, tt.ahead); got != tt.want {
			t.Errorf("%s: level %d, want %d", name, got, tt.want)
		}
	}
}

// TestAKnownBrowserSignsInUnderAttack: strangers use up a mailbox's codes, and fill their line. Its owner, at a
// network that was never seen, asks in the browser they last signed in with.
func TestAKnownBrowserSignsInUnderAttack(t *testing.T) {
	cfg := slowMail()
	cfg.Limits.CodesPerAddressHour = 0
	inSite(t, cfg, func(s *site) {
		ana := s.browser()
		ana.signIn("ana+work@example.org")
		time.Sleep(25 * time.Hour) // her session and her network's good name are over
		for i := range 5 {
			eve := s.browser()
			eve.addr = fmt.Sprintf("203.0.%d.1:1", i)
			eve.ask("ana@example.org")
		}
		s.crowded()
		stranger := s.browser()
		stranger.addr = "203.0.113.1:1"
		expect(t, stranger.ask("ana@example.org"), 429, "rate_limited")
		ana.addr = "198.51.100.1:1"
		if w := ana.ask("ana+work@example.org"); w.Code != 202 {
			t.Fatalf("the owner's browser: %d %s", w.Code, w.Body)
		}
		time.Sleep(11 * time.Second)
		if w := ana.verify(s.mail.last("ana+work@example.org")); w.Code != 200 {
			t.Errorf("the owner's browser: %d %s", w.Code, w.Body)
		}
	})
}

// TestSigningOutForgetsTheBrowser: nothing is left of it on a machine that others use.
func TestSigningOutForgetsTheBrowser(t *testing.T) {
	inSite(t, openLimits(), func(s *site) {
		b := s.browser()
		b.signIn("ana@example.org")
		if b.cookies[secureKnownCookie] == "" {
			t.Fatal("not known")
		}
		b.do("POST", "/api/auth/logout", "")
		if len(b.cookies) != 0 {
			t.Errorf("cookies are left: %v", b.cookies)
		}
	})
}

// TestAClassOfThreeHundredSignsInFromOneAddress: with the default limits, within five minutes. Beyond the free ones
// each proves a little work, and none is refused.
func TestAClassOfThreeHundredSignsInFromOneAddress(t *testing.T) {
	inSite(t, Config{}, func(s *site) {
		proofs := 0
		for i := range 300 {
			b, address := s.browser(), fmt.Sprintf("p%d@example.org", i)
			for range 3 {
				b.do("GET", "/api/auth/session", "")
			}
			w := b.ask(address)
			if w.Code == 429 {
				expect(t, w, 429, "proof_needed")
				b.prove(w)
				w = b.ask(address)
				proofs++
			}
			if w.Code != 202 {
				t.Fatalf("person %d: %d %s", i, w.Code, w.Body)
			}
			time.Sleep(time.Second)
			if w := b.verify(s.mail.last(address)); w.Code != 200 {
				t.Fatalf("person %d: %d %s", i, w.Code, w.Body)
			}
		}
		if proofs != 240 {
			t.Errorf("%d had to prove work, want all after the sixtieth", proofs)
		}
	})
}
