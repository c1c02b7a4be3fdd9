package srtp

import (
	"fmt"
	"testing"
)

func TestIndexFollowsTheRollOver(t *testing.T) {
	for _, c := range []struct {
		highest uint64
		seq     uint16
		want    uint64
	}{
		{100, 101, 101},
		{100, 99, 99},
		{65535, 0, 65536},
		{65536, 65535, 65535},
		{65536 + 10, 65530, 65530},
		{40000, 3000, 65536 + 3000},
		{3 << 16, 0x7fff, 3<<16 | 0x7fff},
		{3 << 16, 0x8000, 2<<16 | 0x8000},
		{3<<16 | 0xffff, 0x7ffe, 4<<16 | 0x7ffe},
		{5, 65530, 65530}, // there is no cycle before the first
		{0, 40000, 40000},
	} {
		t.Run(fmt.Sprint(c.highest, c.seq), func(t *testing.T) {
			var w Window
			w.Mark(c.highest)
			if got := w.Index(c.seq); got != c.want {
				t.Errorf("index %d, want %d", got, c.want)
			}
		})
	}
}

func TestFirstPacketIsInCycleZero(t *testing.T) {
	var w Window
	if w.Index(65000) != 65000 || !w.Fresh(65000) {
		t.Error("not taken as index 65000")
	}
	if _, ok := w.Highest(); ok {
		t.Error("an empty window has a highest index")
	}
}

func TestARepeatIsNotFresh(t *testing.T) {
	var w Window
	for index := uint64(65000); index < 67000; index += 3 {
		if !w.Fresh(index) {
			t.Fatalf("%d was never seen", index)
		}
		w.Mark(index)
		if w.Fresh(index) {
			t.Fatalf("%d was seen", index)
		}
	}
}

func TestLatePacketsAreFreshUntilTheWindowHasPassed(t *testing.T) {
	var w Window
	w.Mark(10)
	w.Mark(10 + WindowSize)
	if w.Fresh(10) || !w.Fresh(11) {
		t.Error("the window does not end where it should")
	}
	w.Mark(11)
	if w.Fresh(11) || w.Fresh(10+WindowSize) || !w.Fresh(12) {
		t.Error("marking a late packet marks others")
	}
	w.Mark(9) // too old
	if highest, _ := w.Highest(); highest != 10+WindowSize || !w.Fresh(9+WindowSize) {
		t.Error("marking what is too old changes something")
	}
}

func TestSkippedIndicesAreFreshAlsoWhereOldOnesWere(t *testing.T) {
	var w Window
	for index := range uint64(2 * WindowSize) {
		w.Mark(index)
	}
	for index := uint64(2*WindowSize + 2); index < 4*WindowSize; index += 3 {
		w.Mark(index)
		if !w.Fresh(index-1) || !w.Fresh(index-2) {
			t.Fatalf("%d or %d count as seen", index-2, index-1)
		}
	}
}

func TestAJumpBeyondTheWindowForgetsEverything(t *testing.T) {
	for _, jump := range []uint64{WindowSize - 1, WindowSize, WindowSize + 1, 1 << 30} {
		var w Window
		for index := range uint64(100) {
			w.Mark(index)
		}
		w.Mark(99 + jump)
		for index := 100 + jump - WindowSize; index < 99+jump; index++ {
			if want := index > 99; w.Fresh(index) != want {
				t.Fatalf("after a jump of %d, %d is fresh: %v", jump, index, !want)
			}
		}
	}
}

func TestTheWindowDoesNotAllocate(t *testing.T) {
	var w Window
	seq := uint16(0)
	if n := testing.AllocsPerRun(1000, func() {
		seq += 7
		if i := w.Index(seq); w.Fresh(i) {
			w.Mark(i)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzWindow compares with a set that forgets nothing.
func FuzzWindow(f *testing.F) {
	f.Add(uint16(65530), []byte{1, 1, 1, 1, 1, 1, 1, 1, 0x81, 0x82, 0x83, 1})
	f.Add(uint16(0), []byte{0x7f, 0x81, 0x7f, 0xff, 0x7f, 0x40, 0x41, 0x80})
	f.Add(uint16(32768), []byte{0x40, 0x40, 0x40, 0x40, 0x81, 0xc1, 0x40, 0x7e})
	f.Fuzz(func(t *testing.T, start uint16, script []byte) {
		var w Window
		seen := map[uint64]bool{}
		highest := uint64(start)
		w.Mark(highest)
		seen[highest] = true
		for _, b := range script[:min(len(script), 2000)] {
			step := uint64(b & 0x3f)
			if b&0x40 != 0 {
				step *= 200 // up to 12,600
			}
			index := highest + step
			if b&0x80 != 0 {
				if step > highest {
					continue
				}
				index = highest - step
			}
			if got := w.Index(uint16(index)); got != index {
				t.Fatalf("%d is taken for %d, highest %d", index, got, highest)
			}
			want := index > highest || highest-index < WindowSize && !seen[index]
			if w.Fresh(index) != want {
				t.Fatalf("%d is fresh: %v, highest %d", index, !want, highest)
			}
			if want {
				w.Mark(index)
				seen[index] = true
				highest = max(highest, index)
			}
			if got, ok := w.Highest(); !ok || got != highest {
				t.Fatalf("highest %d, want %d", got, highest)
			}
		}
	})
}

func BenchmarkWindow(b *testing.B) {
	var w Window
	seq := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		if i := w.Index(seq); w.Fresh(i) {
			w.Mark(i)
		}
	}
}
