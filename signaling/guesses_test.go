package signaling

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"conclave/auth"
	"conclave/meeting"
)

func someone(t *testing.T, address string) auth.Person {
	t.Helper()
	email, err := auth.ParseEmail(address)
	if err != nil {
		t.Fatal(err)
	}
	return auth.Identity{Email: email}.Person()
}

func numbered(t *testing.T, n int) meeting.ID {
	t.Helper()
	id, err := meeting.ParseID(fmt.Sprintf("0000-0000-0000-%04d", n))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func from(address string) auth.ClientIP { return auth.NewClientIP(netip.MustParseAddr(address)) }

// TestGuessesCountForThePersonWhereverTheyAre: 200 guesses of one person, each from a network of its own, and each
// with another tag of the address.
func TestGuessesCountForThePersonWhereverTheyAre(t *testing.T) {
	l := newGuesses(10, 1000)
	now := time.Unix(1_800_000_000, 0)
	looked := 0
	for i := range 200 {
		g := guess{someone(t, "eve+"+string(rune('a'+i%26))+"@example.org"),
			auth.NewClientIP(netip.AddrFrom4([4]byte{203, byte(i), 1, 1})), numbered(t, 1)}
		if l.wait(now, g) == 0 {
			looked++
			l.wrong(now, g)
		}
	}
	if looked != 10 {
		t.Errorf("%d guesses were looked at", looked)
	}
	ana := guess{someone(t, "ana@example.org"), from("203.7.1.1"), numbered(t, 1)}
	if wait := l.wait(now, ana); wait > 0 {
		t.Errorf("another person at one of those networks waits %v", wait)
	}
}

// TestOneWhoGuessesRefusesNoNeighbour: a network has three times what a person has, and a wider one more.
func TestOneWhoGuessesRefusesNoNeighbour(t *testing.T) {
	for name, tt := range map[string]struct {
		address func(i int) auth.ClientIP
		looked  int
	}{
		"one_address": {func(int) auth.ClientIP { return from("203.0.113.1") }, 30},
		"one_24":      {func(i int) auth.ClientIP { return auth.NewClientIP(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})) }, 120},
		"one_48": {func(i int) auth.ClientIP {
			return auth.NewClientIP(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, byte(i >> 4), byte(i << 4)}))
		}, 120},
	} {
		t.Run(name, func(t *testing.T) {
			l := newGuesses(10, 10_000)
			now := time.Unix(1_800_000_000, 0)
			looked := 0
			for i := range 256 { // each by another person
				g := guess{someone(t, "eve"+string(rune('a'+i/16))+string(rune('a'+i%16))+"@example.org"), tt.address(i),
					numbered(t, 1)}
				if l.wait(now, g) == 0 {
					looked++
					l.wrong(now, g)
				}
			}
			if looked != tt.looked {
				t.Errorf("%d guesses were looked at, want %d", looked, tt.looked)
			}
			ana := guess{someone(t, "ana@example.org"), from("198.51.100.1"), numbered(t, 1)}
			if wait := l.wait(now, ana); wait > 0 {
				t.Errorf("another network waits %v", wait)
			}
		})
	}
}

// TestTheWrongGuessesOfAllMakeStrangersSlowerAndRefuseNone: thousands of persons guess from thousands of networks.
func TestTheWrongGuessesOfAllMakeStrangersSlowerAndRefuseNone(t *testing.T) {
	l := newGuesses(10, 10_000)
	now := time.Unix(1_800_000_000, 0)
	ana := guess{someone(t, "ana@example.org"), from("198.51.100.1"), numbered(t, 1)}
	ben := guess{someone(t, "ben@example.org"), from("198.51.100.1"), numbered(t, 1)}
	l.right(now, ana)
	last := time.Duration(0)
	for i := range 5000 {
		g := guess{someone(t, "eve"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676))+"@example.org"),
			auth.NewClientIP(netip.AddrFrom4([4]byte{11, byte(i >> 8), byte(i), 1})), numbered(t, 1)}
		l.wrong(now, g)
		if d := l.delay(now, ben); d < last || d > longestDelay || (i < 20 && d > 0) {
			t.Fatalf("after %d wrong guesses a stranger waits %v, before that %v", i+1, d, last)
		}
		last = l.delay(now, ben)
		if l.wait(now, ana) > 0 || l.wait(now, ben) > 0 || l.delay(now, ana) > 0 {
			t.Fatalf("after %d wrong guesses of others: ana %v + %v, ben %v", i+1, l.wait(now, ana), l.delay(now, ana),
				l.wait(now, ben))
		}
	}
	if last != longestDelay {
		t.Errorf("in the end a stranger waits %v", last)
	}
	other := ben
	other.meeting = numbered(t, 2)
	if l.delay(now, other) > 0 || l.delay(now.Add(time.Minute), ben) > 0 {
		t.Error("another meeting, or a calm one, is slow")
	}
}

// TestADelayHoldsUpNoNeighbour: a stranger who waits keeps only their own next try waiting.
func TestADelayHoldsUpNoNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newGuesses(10, 10_000)
		eve := guess{someone(t, "eve@example.org"), from("198.51.100.1"), numbered(t, 1)}
		ana := guess{someone(t, "ana@example.org"), from("198.51.100.1"), numbered(t, 1)}
		l.right(time.Now(), ana)
		for range 1000 {
			l.all.Take(time.Now(), eve.meeting)
		}
		begun := time.Now()
		turns := make(chan time.Duration, 2)
		for range 2 {
			go func() {
				done, err := l.turn(t.Context(), eve, time.Now)
				if err != nil {
					t.Error(err)
					return
				}
				turns <- time.Since(begun)
				done()
			}()
		}
		synctest.Wait()
		done, err := l.turn(t.Context(), ana, time.Now)
		if err != nil || time.Since(begun) != 0 {
			t.Errorf("a neighbour waited %v, %v", time.Since(begun), err)
		}
		done()
		if first, second := <-turns, <-turns; first != longestDelay || second != 2*longestDelay {
			t.Errorf("eve's turns came after %v and %v", first, second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.turn(ctx, eve, time.Now); err == nil {
			t.Error("a turn after the client has gone")
		}
		if len(l.byPerson.keys) != 0 || len(l.byNetwork.keys) != 0 {
			t.Error("keys are left")
		}
	})
}
