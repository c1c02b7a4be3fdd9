package auth

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"
)

func testOTP(t testing.TB) *otpStore {
	t.Helper()
	s, err := newOTPStore(
		otpConfig{digits: 6, ttl: 10 * time.Minute, tries: 5, maxChallenges: 1000, shortGuesses: 500},
		rand.Reader,
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func issue(t testing.TB, s *otpStore, now time.Time, address string) (challengeID, string) {
	t.Helper()
	id, code, err := s.issue(now, mustEmail(t, address), challengeID{})
	if err != nil {
		t.Fatal(err)
	}
	return id, code
}

// other is a code that is not code.
func other(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func TestCodeSignsInItsOwner(t *testing.T) {
	s := testOTP(t)
	id, code := issue(t, s, epoch(), "ana@example.org")
	email, err := s.verify(epoch(), id, code)
	if err != nil || email.Reveal() != "ana@example.org" {
		t.Fatalf("%v", err)
	}
}

func TestCodeIsSingleUse(t *testing.T) {
	s := testOTP(t)
	id, code := issue(t, s, epoch(), "ana@example.org")
	_, _ = s.verify(epoch(), id, code)
	if _, err := s.verify(epoch(), id, code); !errors.Is(err, errCodeGone) {
		t.Errorf("used twice: %v", err)
	}
}

func TestCodeEndsAfterTenMinutes(t *testing.T) {
	s := testOTP(t)
	id, code := issue(t, s, epoch(), "ana@example.org")
	if _, err := s.verify(epoch().Add(10*time.Minute), id, code); !errors.Is(err, errCodeGone) {
		t.Errorf("valid at ten minutes: %v", err)
	}
	if _, err := s.verify(epoch().Add(10*time.Minute-1), id, code); err != nil {
		t.Errorf("not valid just before: %v", err)
	}
}

func TestOnlyTheNewestCodeOfABrowserCounts(t *testing.T) {
	s := testOTP(t)
	id1, code1 := issue(t, s, epoch(), "ana@example.org")
	id2, code2, err := s.issue(epoch(), mustEmail(t, "ana@example.org"), id1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.verify(epoch(), id1, code1); !errors.Is(err, errCodeGone) {
		t.Errorf("the old code works: %v", err)
	}
	if code1 != code2 {
		if _, err := s.verify(epoch(), id2, code1); !errors.Is(err, errCodeWrong) {
			t.Errorf("the old code works with the new challenge: %v", err)
		}
	}
	if _, err := s.verify(epoch(), id2, code2); err != nil {
		t.Errorf("the new code does not work: %v", err)
	}
}

func TestCodeWorksWithItsOwnChallengeOnly(t *testing.T) {
	s := testOTP(t)
	idA, codeA := issue(t, s, epoch(), "ana@example.org")
	idB, codeB := issue(t, s, epoch(), "eve@example.org")
	for codeA == codeB {
		idB, codeB = issue(t, s, epoch(), "eve@example.org")
	}
	if _, err := s.verify(epoch(), idB, codeA); !errors.Is(err, errCodeWrong) {
		t.Errorf("Ana's code signs in through Eve's challenge: %v", err)
	}
	if _, err := s.verify(epoch(), challengeID{}, codeA); !errors.Is(err, errCodeGone) {
		t.Errorf("a code without its challenge: %v", err)
	}
	if email, err := s.verify(epoch(), idA, codeA); err != nil || email.Reveal() != "ana@example.org" {
		t.Errorf("Ana's own: %v", err)
	}
}

func TestFiveWrongTriesLockTheChallenge(t *testing.T) {
	s := testOTP(t)
	id, code := issue(t, s, epoch(), "ana@example.org")
	for try := 1; try <= 5; try++ {
		want := errCodeWrong
		if try == 5 {
			want = errCodeGone
		}
		if _, err := s.verify(epoch(), id, other(code)); !errors.Is(err, want) {
			t.Errorf("try %d: %v, want %v", try, err, want)
		}
	}
	if _, err := s.verify(epoch(), id, code); !errors.Is(err, errCodeGone) {
		t.Errorf("the right code after five wrong ones: %v", err)
	}
}

func TestTheAddressIsNeverLocked(t *testing.T) {
	s := testOTP(t)
	id, code := issue(t, s, epoch(), "ana@example.org")
	for range 5 {
		_, _ = s.verify(epoch(), id, other(code))
	}
	id, code = issue(t, s, epoch(), "ana@example.org")
	if _, err := s.verify(epoch(), id, code); err != nil {
		t.Errorf("a new code of a locked challenge's address: %v", err)
	}
}

func TestOpenChallengesAreBounded(t *testing.T) {
	s := testOTP(t)
	s.cfg.maxChallenges = 10
	for i := range 10 {
		issue(t, s, epoch(), fmt.Sprintf("ana%d@example.org", i))
	}
	_, _, err := s.issue(epoch(), mustEmail(t, "one@more.example"), challengeID{})
	if !errors.Is(err, errTooManyChallenges) {
		t.Errorf("eleventh of ten: %v", err)
	}
	issue(t, s, epoch().Add(10*time.Minute), "one@more.example")
	if len(s.open) != 1 || len(s.order) != 1 || s.exposed != s.cfg.tries {
		t.Errorf("expired challenges are held: %d %d, %d tries", len(s.open), len(s.order), s.exposed)
	}
}

func TestResendsDoNotGrowTheStoreBeyondItsBound(t *testing.T) {
	s := testOTP(t)
	s.cfg.maxChallenges = 10
	issue(t, s, epoch(), "first@example.org")
	for i := range 100 {
		_, _, err := s.issue(epoch(), mustEmail(t, "ana@example.org"), challengeID{})
		if len(s.order) > 10 || (i < 9) != (err == nil) {
			t.Fatalf("re-send %d: %d held, %v", i, len(s.order), err)
		}
	}
}

// TestTheCodeIsNotKept looks for the code in what the store holds of it.
func TestTheCodeIsNotKept(t *testing.T) {
	s := testOTP(t)
	id, code := issue(t, s, epoch(), "ana@example.org")
	if strings.Contains(fmt.Sprintf("%+v %#v", *s.open[id], *s.open[id]), code) ||
		bytes.Contains(s.open[id].mac[:], []byte(code)) {
		t.Error("the code is in memory")
	}
}

func TestAnotherProcessKeyGivesAnotherMAC(t *testing.T) {
	a, b := testOTP(t), testOTP(t)
	email := mustEmail(t, "ana@example.org")
	if a.mac(challengeID{}, email, "123456") == b.mac(challengeID{}, email, "123456") {
		t.Error("two processes share a key")
	}
}

func TestCodesAreUniformDigits(t *testing.T) {
	var seen [6][10]int
	const n = 20_000
	for range n {
		code, err := randomDigits(rand.Reader, 6)
		if err != nil || len(code) != 6 {
			t.Fatalf("%q, %v", code, err)
		}
		for i, c := range []byte(code) {
			seen[i][c-'0']++
		}
	}
	for i := range seen {
		for d, count := range seen[i] {
			if count < n/10*8/10 || count > n/10*12/10 { // 20 % is nine standard deviations
				t.Errorf("digit %d at place %d: %d of %d", d, i, count, n)
			}
		}
	}
}

func TestRandomnessThatFailsIsAnError(t *testing.T) {
	empty := bytes.NewReader(nil)
	if _, err := newOTPStore(otpConfig{}, empty); err == nil {
		t.Error("a store without a key")
	}
	s := testOTP(t)
	s.random = bytes.NewReader(make([]byte, 32)) // enough for the challenge, not for the code
	if _, _, err := s.issue(epoch(), mustEmail(t, "ana@example.org"), challengeID{}); err == nil {
		t.Error("a code without randomness")
	}
}

// TestGuessesAtShortCodesAreBoundedInAnyTenMinutes: an attacker with unlimited networks and mailboxes keeps short
// codes until they nearly end, spends them all at once, asks for more and goes on, while people sign in. No right
// code is refused, and the guesses at six digits stay within the bound.
func TestGuessesAtShortCodesAreBoundedInAnyTenMinutes(t *testing.T) {
	most := 0
	for seed := range uint64(20) {
		random := mathrand.New(mathrand.NewPCG(seed, 1))
		s := testOTP(t)
		s.cfg.maxChallenges = 1 << 20
		var short []challengeID // the attacker's
		var guesses []time.Time
		spend := func(now time.Time) {
			for _, id := range short {
				for c := s.open[id]; c != nil && c.short && c.tries < s.cfg.tries && now.Before(c.expires); {
					if _, err := s.verify(now, id, "not it"); err == nil {
						t.Fatal("a wrong code was taken")
					}
					guesses = append(guesses, now)
				}
			}
			short = short[:0]
		}
		now := epoch()
		for now.Sub(epoch()) < 3*time.Hour {
			now = now.Add(time.Duration(random.Int64N(int64(time.Second))))
			switch random.IntN(400) {
			case 0: // saved up for as long as possible
				now = now.Add(guessWindow - time.Second - time.Duration(random.Int64N(int64(time.Minute))))
				spend(now)
			case 1:
				now = now.Add(time.Duration(random.Int64N(int64(guessWindow + time.Minute))))
			case 2:
				spend(now)
			}
			id, code := issue(t, s, now, "ana@example.org")
			if random.IntN(5) == 0 { // a person, who mistypes once
				_, _ = s.verify(now, id, other(code))
				if _, err := s.verify(now, id, code); err != nil {
					t.Fatalf("a right code was refused: %v", err)
				}
				continue
			}
			short = append(short, id)
		}
		from := 0
		for i, at := range guesses {
			for at.Sub(guesses[from]) >= guessWindow {
				from++
			}
			most = max(most, i-from+1)
		}
		left := 0
		for _, c := range s.open {
			if c.short {
				left += s.cfg.tries - c.tries
			}
		}
		if left != s.exposed {
			t.Errorf("seed %d: %d tries are left, %d counted", seed, left, s.exposed)
		}
	}
	if most > 500 || most < 450 {
		t.Errorf("%d guesses in ten minutes; the bound is 500, and an attacker should come near it", most)
	}
}

// TestAskingForAnothersCodeVoidsNothing: a stranger who knows an address asks for codes for it, and its owner's stays
// good.
func TestAskingForAnothersCodeVoidsNothing(t *testing.T) {
	s := testOTP(t)
	id, code := issue(t, s, epoch(), "ana@example.org")
	ben, benCode := issue(t, s, epoch(), "ben@example.org")
	for range 4 {
		issue(t, s, epoch(), "ana@example.org")
	}
	if _, _, err := s.issue(epoch(), mustEmail(t, "ana@example.org"), ben); err != nil { // a cookie of another address
		t.Fatal(err)
	}
	if _, err := s.verify(epoch(), id, code); err != nil {
		t.Errorf("the owner's code: %v", err)
	}
	if _, err := s.verify(epoch(), ben, benCode); err != nil {
		t.Errorf("a code of another address was replaced: %v", err)
	}
}

func TestInventedChallengesCountNowhere(t *testing.T) {
	s := testOTP(t)
	issue(t, s, epoch(), "ana@example.org")
	for range 1000 {
		var id challengeID
		_, _ = rand.Read(id[:])
		if _, err := s.verify(epoch(), id, "000000"); !errors.Is(err, errCodeGone) {
			t.Fatal(err)
		}
	}
	if n, _ := s.wrong.state(epoch(), struct{}{}); n != 0 || s.exposed != 5 || s.digits(epoch()) != 6 {
		t.Errorf("%d counted, %d exposed, the next code has %d digits", n, s.exposed, s.digits(epoch()))
	}
}
