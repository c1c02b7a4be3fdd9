package main

import (
	"context"
	"testing"
	"time"
)

func TestTheEgressCeilingIsOffByDefault(t *testing.T) {
	if underEgress(0, func() uint64 { return 1 << 40 }, func() int { return 0 }) != nil {
		t.Error("there is a ceiling without max_egress")
	}
}

// The machine is asked first; a limit of what is sent is another.
func TestBothTheMachineAndTheLimitMustHaveRoom(t *testing.T) {
	for _, tt := range []struct{ carried, limited, room, want bool }{
		{true, false, false, true}, {false, false, false, false}, {true, true, true, true}, {true, true, false, false},
		{false, true, true, false},
	} {
		var reserve func() (func(), bool)
		if tt.limited {
			reserve = func() (func(), bool) { return func() {}, tt.room }
		}
		taken := 0
		admit := func(context.Context) (func(), bool) {
			if !tt.carried {
				return func() {}, false
			}
			taken++
			return func() { taken-- }, true
		}
		release, ok := whileCarried(admit, reserve)(t.Context())
		if ok != tt.want {
			t.Errorf("%+v: %v", tt, ok)
		}
		if ok {
			release()
		}
		if taken != 0 {
			t.Errorf("%+v: of the machine something stays taken", tt)
		}
	}
}

// newCeiling is a ceiling of 10 Mbit/s in virtual time.
func newCeiling() (c *ceiling, rate *uint64, present *int, now *time.Time) {
	rate, present, now = new(uint64), new(int), new(time.Time)
	*now = time.Unix(1000, 0)
	c = &ceiling{
		limit: 10_000_000, rate: func() uint64 { return *rate }, present: func() int { return *present }, now: func() time.Time { return *now },
	}
	return c, rate, present, now
}

// burst asks for room for n people and returns how many got it.
func (c *ceiling) burst(n int) (got int) {
	for range n {
		if _, ok := c.reserve(); ok {
			got++
		}
	}
	return got
}

// However many come at once, no more are taken in than there is room for, before anything of theirs can be measured.
func TestABurstOfJoinsCannotPassTheEgressCeiling(t *testing.T) {
	c, rate, present, now := newCeiling()
	if n := c.burst(100); n != 10 {
		t.Fatalf("%d of a burst got in", n)
	}
	for i := range shareFor - 1 {
		*now = now.Add(time.Second)
		if c.burst(1) != 0 {
			t.Fatalf("the burst is forgotten after %d s", i+1)
		}
	}
	*now = now.Add(time.Second) // now the rate tells of them: they take half of what was expected
	*rate, *present = 5_000_000, 10
	if n := c.burst(100); n != 5 {
		t.Fatalf("%d more got in", n)
	}
	*now = now.Add(time.Hour)
	*rate, *present = 9_500_000, 2 // two who take much: one like them does not fit
	if c.burst(1) != 0 {
		t.Fatal("the average of those present does not count")
	}
	*rate, *present = 10_000_001, 100
	if c.burst(1) != 0 {
		t.Fatal("over the ceiling")
	}
}

// A join that fails gives its capacity back, once, and not that of a later one.
func TestRoomBelowTheEgressCeilingIsGivenBack(t *testing.T) {
	c, _, _, now := newCeiling()
	c.burst(9)
	release, ok := c.reserve()
	if !ok || c.burst(1) != 0 {
		t.Fatal("ten fit")
	}
	release()
	if c.burst(2) != 1 {
		t.Fatal("the room was not given back")
	}
	late, _ := func() (func(), bool) { *now = now.Add(time.Minute); return c.reserve() }()
	*now = now.Add(shareFor * time.Second)
	c.burst(10)
	late()
	if c.burst(1) != 0 {
		t.Fatal("another participant's capacity was given back")
	}
}
