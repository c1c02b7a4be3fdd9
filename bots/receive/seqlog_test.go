package receive

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestLossIsCountedBeforeAndAfterRetransmission(t *testing.T) {
	for _, first := range []uint16{0, 1, 1000, 65000, 65535} { // with and without wrapping
		var l seqLog
		for i := range uint16(1000) {
			if i != 0 && i%10 == 0 {
				continue // 99 lost
			}
			l.add(first+i, false)
		}
		for i := uint16(10); i < 500; i += 10 { // 49 come back
			l.add(first+i, true)
		}
		if before, after := l.lost(); l.expected() != 1000 || before != 99 || after != 50 {
			t.Errorf("from %d: expected %d, lost %d then %d", first, l.expected(), before, after)
		}
	}
}

func TestEveryPacketIsCountedOnceWhateverTheOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var l seqLog
	l.add(65500, false)
	order := make([]uint16, 0, 400)
	for i := range uint16(200) {
		order = append(order, 65501+i, 65501+i) // each twice
	}
	for i := range order { // displaced by up to 20 places
		j := min(len(order)-1, i+rng.IntN(20))
		order[i], order[j] = order[j], order[i]
	}
	for _, seq := range order {
		l.add(seq, false)
	}
	if before, after := l.lost(); before != 0 || after != 0 || l.Direct != 201 || l.Duplicates != 200 {
		t.Errorf("lost %d/%d, direct %d, duplicates %d", before, after, l.Direct, l.Duplicates)
	}
}

func TestMissingPacketsAreAskedForWithinBounds(t *testing.T) {
	var l seqLog
	l.add(10, false)
	l.add(14, false)
	got, _ := l.missing(0, 50, seqWindow, nil)
	if len(got) != 3 || got[0] != 11 || got[2] != 13 {
		t.Fatalf("asked for %v", got)
	}
	if got, waiting := l.missing(49, 50, seqWindow, nil); len(got) != 0 || !waiting {
		t.Errorf("asked again too early for %v, or no longer waited for (%v)", got, waiting)
	}
	l.add(12, true)
	asked := 0
	for now := int64(50); now < 10_000; now += 50 {
		more, _ := l.missing(now, 50, seqWindow, nil)
		asked += len(more)
	}
	if asked != 2*(nackTries-1) {
		t.Errorf("asked %d times more", asked)
	}
	if _, waiting := l.missing(10_000, 50, seqWindow, nil); waiting {
		t.Error("what was asked for often enough is still waited for")
	}
	l.add(14+seqWindow/2, false)
	if got, _ := l.missing(20_000, 50, seqWindow, nil); len(got) != maxNACK {
		t.Errorf("asked for %d at once", len(got))
	}
}

func TestRetransmissionAheadOfItsStreamIsNotCounted(t *testing.T) {
	var l seqLog
	if _, fresh := l.add(5, true); fresh || l.started {
		t.Error("a retransmission started the stream")
	}
	l.add(100, false)
	if _, fresh := l.add(99, true); fresh {
		t.Error("a packet from before the beginning was counted")
	}
	if l.expected() != 1 {
		t.Errorf("expected %d", l.expected())
	}
}

func TestAPacketOvertakenAtTheBeginningIsCounted(t *testing.T) {
	var l seqLog
	l.add(2, false)
	if _, fresh := l.add(65535, false); !fresh { // three before
		t.Fatal("not counted")
	}
	l.add(1, false)
	if before, _ := l.lost(); l.expected() != 4 || before != 1 || l.Reordered != 2 {
		t.Errorf("expected %d, lost %d, %d out of order", l.expected(), before, l.Reordered)
	}
}

func TestAJumpForwardForgetsWhatIsTooOld(t *testing.T) {
	var l seqLog
	l.add(0, false)
	l.add(20_000, false)
	if before, _ := l.lost(); before != 19_999 {
		t.Errorf("lost %d", before)
	}
	if _, fresh := l.add(1, false); fresh || l.TooOld != 1 {
		t.Error("a packet out of the window was counted")
	}
	if l.complete(l.highest-10, l.highest) {
		t.Error("a gap is called complete")
	}
}

// Half a second of a voice is worth asking for: what the server keeps.
func TestAVoiceIsNotAskedForLong(t *testing.T) {
	var l seqLog
	l.add(0, false)
	for seq := uint16(2); seq <= audioNACKed+1; seq++ {
		l.add(seq, false)
	}
	if got, waiting := l.missing(0, 50, audioNACKed, nil); len(got) != 0 || waiting {
		t.Errorf("asked for %v of half a second ago", got)
	}
	l.add(audioNACKed+3, false)
	if got, _ := l.missing(0, 50, audioNACKed, nil); len(got) != 1 || got[0] != audioNACKed+2 {
		t.Errorf("asked for %v", got)
	}
	l.add(audioNACKed+2, false)
	if before, after := l.lost(); before != 2 || after != 1 {
		t.Errorf("%d lost and %d after one came again, want 2 and 1", before, after)
	}
}

// A request or its answer may be lost as well: it is asked for again, though nothing else is lost.
func TestARequestThatIsLostIsMadeAgain(t *testing.T) {
	r := New(Config{Verify: 1})
	r.Expect([]Slot{{MID: "0", Video: true, SSRC: 1, RTX: 2}})
	log := &r.list[0].log
	log.add(10, false)
	log.add(12, false)
	r.gap = true
	now, asked := time.Unix(1000, 0), 0
	for range 20 { // pulses
		if !r.gap {
			break
		}
		r.gap = false
		asked += len(r.nacks(now, nil))
		now = now.Add(20 * time.Millisecond)
	}
	if asked < 5 {
		t.Errorf("asked %d times within 400 ms", asked)
	}
}
