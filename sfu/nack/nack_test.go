package nack_test

import (
	"slices"
	"testing"
	"time"

	"conclave/sfu/nack"
)

const ms = time.Millisecond

// clock is virtual time.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Unix(1000, 0)} }

func (c *clock) at(d time.Duration) time.Time { return c.now.Add(d) }

// receive notes packets at a time and fails if one of them opens too long a hole.
func receive(tb testing.TB, t *nack.Tracker, at time.Time, seqs ...uint64) {
	tb.Helper()
	for _, seq := range seqs {
		if t.Received(seq, at) {
			tb.Fatalf("gave up at packet %d", seq)
		}
	}
}

func due(t *nack.Tracker, at time.Time, rtt time.Duration) ([]uint64, bool) {
	return t.Due(make([]uint64, 0, 64), at, rtt)
}

func expect(tb testing.TB, t *nack.Tracker, at time.Time, rtt time.Duration, want ...uint64) {
	tb.Helper()
	got, lost := due(t, at, rtt)
	if lost || !slices.Equal(got, want) {
		tb.Fatalf("due %v, lost %v, want %v", got, lost, want)
	}
}

func TestNothingIsDueWithoutLoss(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	expect(t, tr, c.at(0), 50*ms)
	receive(t, tr, c.at(0), 1000, 1001, 1002, 1003)
	expect(t, tr, c.at(time.Hour), 50*ms)
}

func TestWhatCameBeforeTheFirstPacketIsNotMissing(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	receive(t, tr, c.at(0), 5000, 4990, 5001)
	expect(t, tr, c.at(20*ms), 50*ms)
}

func TestALossIsAskedForAfterTheReorderingTime(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	receive(t, tr, c.at(0), 1, 2, 5)
	expect(t, tr, c.at(9*ms), 50*ms)
	expect(t, tr, c.at(10*ms), 50*ms, 3, 4)
}

func TestAReorderedPacketIsNotAskedFor(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	receive(t, tr, c.at(0), 1, 2, 5)
	receive(t, tr, c.at(5*ms), 4)
	expect(t, tr, c.at(10*ms), 50*ms, 3)
	receive(t, tr, c.at(11*ms), 3, 3, 4, 1)
	expect(t, tr, c.at(time.Second), 50*ms)
}

func TestWaitsBeginAtTheRoundTripTimeAndDouble(t *testing.T) {
	for _, c := range []struct {
		rtt  time.Duration
		asks []time.Duration
	}{
		{30 * ms, []time.Duration{10 * ms, 25 * ms, 55 * ms, 70 * ms, 130 * ms, 145 * ms, 265 * ms, 280 * ms, 520 * ms, 535 * ms}},
		// 20 ms at least
		{0, []time.Duration{10 * ms, 25 * ms, 45 * ms, 60 * ms, 100 * ms, 115 * ms, 195 * ms, 210 * ms, 370 * ms, 385 * ms}},
		{200 * ms, []time.Duration{10 * ms, 25 * ms, 225 * ms, 240 * ms, 640 * ms, 655 * ms}},
	} {
		clk, tr := newClock(), &nack.Tracker{}
		receive(t, tr, clk.at(0), 1, 3)
		var asks []time.Duration
		for d := time.Duration(0); d <= time.Second; d += ms {
			if got, _ := due(tr, clk.at(d), c.rtt); len(got) > 0 {
				asks = append(asks, d)
			}
		}
		if !slices.Equal(asks, c.asks) {
			t.Errorf("with a round trip of %v asked at %v, want %v", c.rtt, asks, c.asks)
		}
	}
}

func TestTheLastRequestIsGivenTimeToBeAnswered(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	receive(t, tr, c.at(0), 1, 3)
	lostAt := time.Duration(-1)
	for d := time.Duration(0); d <= 2*time.Second && lostAt < 0; d += ms {
		if _, lost := due(tr, c.at(d), 20*ms); lost {
			lostAt = d
		}
	}
	if want := 705 * ms; lostAt != want { // 10 + 5·15 + 20·(1+2+4+8), and 20·16 for the answer
		t.Errorf("given up after %v, want %v", lostAt, want)
	}
}

func TestAPacketIsGivenUpAfterASecond(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	receive(t, tr, c.at(0), 1, 3)
	if _, lost := due(tr, c.at(time.Second), time.Minute); lost {
		t.Error("given up too early")
	}
	if got, lost := due(tr, c.at(time.Second+1), time.Minute); !lost || len(got) != 0 {
		t.Errorf("due %v, lost %v", got, lost)
	}
	if _, lost := due(tr, c.at(time.Minute), time.Minute); lost {
		t.Error("given up twice")
	}
}

func TestAHoleTooLongToFillIsGivenUpAtOnce(t *testing.T) {
	for hole, want := range map[uint64]bool{1: false, 256: false, 257: true, 30000: true, 1 << 62: true} {
		c, tr := newClock(), &nack.Tracker{}
		receive(t, tr, c.at(0), 10)
		if got := tr.Received(11+hole, c.at(0)); got != want {
			t.Errorf("a hole of %d: gave up %v", hole, got)
		}
		receive(t, tr, c.at(0), 12+hole)
		if got, _ := due(tr, c.at(20*ms), 50*ms); (len(got) == 0) != want {
			t.Errorf("a hole of %d: due %v", hole, got)
		}
	}
}

func TestManySmallHolesTooAreBounded(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	gaveUp := 0
	for seq := uint64(0); seq < 1024; seq += 2 {
		if tr.Received(seq, c.at(0)) {
			gaveUp++
		}
	}
	got, _ := tr.Due(make([]uint64, 0, 2000), c.at(20*ms), 50*ms)
	if len(got) > 256 || gaveUp != 1 {
		t.Errorf("%d packets missing, gave up %d times", len(got), gaveUp)
	}
}

func TestDueAsksForTheOldestFirstAndNoMoreThanThereIsRoomFor(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	receive(t, tr, c.at(0), 1, 102)
	for i := range uint64(10) {
		got, _ := tr.Due(make([]uint64, 0, 10), c.at(20*ms), 50*ms)
		if len(got) != 10 || got[0] != 2+10*i || !slices.IsSorted(got) {
			t.Fatalf("round %d: %v", i, got)
		}
	}
	expect(t, tr, c.at(20*ms), 50*ms)
	if got, _ := tr.Due(nil, c.at(time.Second), 50*ms); len(got) != 0 {
		t.Errorf("no room, but %v", got)
	}
}

func TestSteadyLossDoesNotAllocate(t *testing.T) {
	c, tr := newClock(), &nack.Tracker{}
	seq, seqs := uint64(0), make([]uint64, 0, 64)
	step := func() {
		seq += 2
		c.now = c.at(10 * ms)
		tr.Received(seq, c.now)
		tr.Due(seqs, c.now, 50*ms)
	}
	for range 1000 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzTracker plays packets, losses and reordering. Only what is missing is asked for, never more than 256 at a time,
// never more than 10 times, never more than twice within the round-trip time.
func FuzzTracker(f *testing.F) {
	f.Add([]byte{1, 1, 2, 0x80, 1, 5, 0x90, 1, 0x40, 0xff, 0xff})
	f.Add([]byte{63, 0x90, 63, 0x90, 63, 0x90, 63, 0x90, 63, 0x90, 63, 0xff, 0xff})
	f.Add([]byte{1, 40, 0x81, 0x41, 0x42, 0x83, 0x44, 0xa0, 30, 0xa0, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, script []byte) {
		const rtt = 40 * ms
		c, tr := newClock(), &nack.Tracker{}
		received := map[uint64]bool{}
		asked := map[uint64][]time.Time{}
		highest := uint64(100000)
		receive(t, tr, c.now, highest)
		received[highest] = true
		for _, b := range script[:min(len(script), 2000)] {
			seq := highest
			switch {
			case b&0x80 != 0:
				c.now = c.at(time.Duration(b&0x7f) * ms)
				checkDue(t, tr, c.now, rtt, highest, received, asked)
				continue
			case b&0x40 != 0: // late
				seq -= uint64(b & 0x3f)
			case b == 0x3f:
				seq += 300
			default:
				seq += uint64(b)
			}
			gaveUp := tr.Received(seq, c.now)
			if gaveUp && seq < highest+2 {
				t.Fatal("gave up without a hole")
			}
			received[seq] = true
			highest = max(highest, seq)
		}
	})
}

func checkDue(t *testing.T, tr *nack.Tracker, now time.Time, rtt time.Duration, highest uint64,
	received map[uint64]bool, asked map[uint64][]time.Time) {
	t.Helper()
	got, _ := tr.Due(make([]uint64, 0, 1000), now, rtt)
	if len(got) > 256 || !slices.IsSorted(got) {
		t.Fatalf("%d due: %v", len(got), got)
	}
	for _, seq := range got {
		times := asked[seq]
		if received[seq] || seq >= highest {
			t.Fatalf("packet %d is not missing", seq)
		}
		wait := 15 * ms // an odd one is repeated
		if len(times)%2 == 0 && len(times) > 0 {
			wait = rtt << (len(times)/2 - 1)
		}
		if len(times) >= 10 || len(times) > 0 && now.Sub(times[len(times)-1]) < wait {
			t.Fatalf("packet %d asked for at %v and now %v", seq, times, now)
		}
		asked[seq] = append(times, now)
	}
}

// Each request of audio is sent twice, a tick apart: one may be lost. What a round trip later is still missing is asked
// for again.
func TestAudioIsAskedForAtOnceTwiceAndNotForLong(t *testing.T) {
	tr := nack.Tracker{Audio: true}
	now := time.Unix(1000, 0)
	tr.Received(1, now)
	tr.Received(3, now)
	var asks []time.Duration
	for at := time.Duration(0); at <= time.Second; at += 20 * time.Millisecond {
		if due, _ := tr.Due(make([]uint64, 0, 64), now.Add(at), 50*time.Millisecond); len(due) > 0 {
			asks = append(asks, at)
		}
	}
	if want := []time.Duration{0, 20 * ms, 80 * ms, 100 * ms, 200 * ms, 220 * ms}; !slices.Equal(asks, want) {
		t.Errorf("it is asked for after %v, want %v", asks, want)
	}
	if tr.Any() {
		t.Error("it is still waited for")
	}
}

func TestALongHoleInAudioIsNotAskedFor(t *testing.T) {
	tr := nack.Tracker{Audio: true}
	now := time.Unix(1000, 0)
	tr.Received(1, now)
	if gaveUp := tr.Received(18, now); !gaveUp || tr.Any() {
		t.Error("a third of a second of silence is asked for")
	}
	if gaveUp := tr.Received(34, now); gaveUp || !tr.Any() {
		t.Error("the longest hole that is worth it is not asked for")
	}
}

func TestTheLostEndOfAPictureIsAskedForBeforeTheNextBegins(t *testing.T) {
	for _, c := range []struct {
		name  string
		hole  bool // the stream has lost a packet
		since time.Duration
		ends  bool
		want  []uint64
	}{
		{"the picture goes on", true, 0, false, []uint64{8}},
		{"it has ended", true, 0, true, nil},
		{"nothing was ever lost", false, 0, false, nil},
		{"nothing was lost lately", true, 3 * time.Second, false, nil},
	} {
		clk, tr := newClock(), &nack.Tracker{}
		receive(t, tr, clk.at(0), 1, 2, 3)
		if c.hole {
			receive(t, tr, clk.at(0), 5)
		}
		receive(t, tr, clk.at(ms), 4, 5)
		receive(t, tr, clk.at(c.since), 6, 7)
		tr.Newest(c.ends, clk.at(c.since))
		expect(t, tr, clk.at(c.since+24*ms), 50*ms)
		expect(t, tr, clk.at(c.since+25*ms), 50*ms, c.want...)
		receive(t, tr, clk.at(c.since+30*ms), 8, 9) // it had not been sent yet
		tr.Newest(true, clk.at(c.since+30*ms))
		expect(t, tr, clk.at(c.since+90*ms), 50*ms)
		if tr.Any() {
			t.Errorf("%s: something is missing", c.name)
		}
	}
}

// Packets that come after what was taken for missing are no hole.
func TestWhatIsTakenForTheEndOfAPictureIsNoHole(t *testing.T) {
	clk, tr := newClock(), &nack.Tracker{}
	receive(t, tr, clk.at(0), 1, 3, 2)
	tr.Newest(false, clk.at(0))
	expect(t, tr, clk.at(30*ms), 50*ms, 4)
	receive(t, tr, clk.at(31*ms), 5)
	receive(t, tr, clk.at(32*ms), 4)
	tr.Newest(true, clk.at(32*ms))
	expect(t, tr, clk.at(time.Second), 50*ms)
}
