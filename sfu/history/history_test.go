package history_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"conclave/sfu/history"
)

// payload is n bytes that no other sequence number has.
func payload(seq uint64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seq>>(8*(i%8))) ^ byte(i/8)
	}
	return b
}

func add(h *history.History, seq uint64, n int, key bool) {
	h.Add(history.Meta{Seq: seq, Timestamp: uint32(seq) * 3000, Marker: seq%3 == 0, KeyStart: key}, payload(seq, n))
}

func has(h *history.History, seq uint64) bool {
	_, _, ok := h.Get(seq)
	return ok
}

func TestGetReturnsWhatWasAdded(t *testing.T) {
	h := history.New(10000)
	for seq := uint64(100); seq < 108; seq++ {
		add(h, seq, 1000+int(seq), seq == 100)
	}
	for seq := uint64(100); seq < 108; seq++ {
		m, p, ok := h.Get(seq)
		want := history.Meta{Seq: seq, Timestamp: uint32(seq) * 3000, Marker: seq%3 == 0, KeyStart: seq == 100}
		if !ok || m != want || !bytes.Equal(p, payload(seq, 1000+int(seq))) {
			t.Errorf("packet %d: %+v, %d bytes, %v", seq, m, len(p), ok)
		}
	}
}

func TestEmptyHistoryHasNothing(t *testing.T) {
	for _, size := range []int{0, 1, 1000} {
		h := history.New(size)
		if has(h, 0) || has(h, history.Entries) {
			t.Error("it has a packet")
		}
		if _, _, ok := h.SinceKey(1 << 30); ok {
			t.Error("it has a key frame")
		}
	}
}

func TestPayloadsThatCannotBeKeptAreIgnored(t *testing.T) {
	h := history.New(100)
	add(h, 1, 101, true)
	add(h, 2, 0, true)
	history.New(0).Add(history.Meta{}, nil)
	if has(h, 1) || has(h, 2) {
		t.Error("it was kept")
	}
	add(h, 3, 100, true)
	if !has(h, 3) {
		t.Error("a payload of exactly the ring's size was not kept")
	}
}

func TestTheOldestBytesGoFirst(t *testing.T) {
	for _, size := range []int{1, 100} {
		h := history.New(10 * size)
		for seq := uint64(1); seq <= 25; seq++ {
			add(h, seq, size, false)
			for old := uint64(1); old <= seq; old++ {
				if want := old+10 > seq; has(h, old) != want {
					t.Fatalf("after packet %d: packet %d kept: %v", seq, old, !want)
				}
			}
		}
	}
}

func TestPayloadsStayInOnePieceAtTheRingsEnd(t *testing.T) {
	h := history.New(1000)
	for seq := uint64(1); seq < 200; seq++ {
		add(h, seq, 300+int(seq)%7, false) // three fit, the fourth starts at the front
		for back := range min(seq, 3) {
			if _, p, ok := h.Get(seq - back); back < 2 && !ok || ok && !bytes.Equal(p, payload(seq-back, 300+int(seq-back)%7)) {
				t.Fatalf("after packet %d: packet %d is %x, %v", seq, seq-back, p, ok)
			}
		}
	}
}

func TestAtMostEntriesPacketsAreKept(t *testing.T) {
	h := history.New(1 << 20)
	for seq := uint64(0); seq < 3*history.Entries; seq++ {
		add(h, seq, 10, false)
	}
	for seq := uint64(0); seq < 3*history.Entries; seq++ {
		if want := seq >= 2*history.Entries; has(h, seq) != want {
			t.Fatalf("packet %d kept: %v", seq, !want)
		}
	}
}

func TestALatePacketDoesNotEvictANewerOne(t *testing.T) {
	h := history.New(1 << 20)
	add(h, 2000, 10, true)
	add(h, 2000-history.Entries, 10, true)
	add(h, 3, 10, true)
	if !has(h, 2000) || has(h, 2000-history.Entries) {
		t.Error("the newer packet is gone")
	}
	add(h, 2001-history.Entries, 10, false)
	if !has(h, 2001-history.Entries) {
		t.Error("a late packet with a place of its own was not kept")
	}
}

func TestSinceKeyIsTheWholeRangeOrNothing(t *testing.T) {
	build := func(skip uint64) *history.History {
		h := history.New(100 << 10)
		for seq := uint64(10); seq <= 30; seq++ {
			if seq != skip {
				add(h, seq, 100, seq == 12 || seq == 20)
			}
		}
		return h
	}
	if from, to, ok := build(0).SinceKey(1100); !ok || from != 20 || to != 30 {
		t.Errorf("complete: %d to %d, %v", from, to, ok)
	}
	if _, _, ok := build(0).SinceKey(1099); ok {
		t.Error("more than was asked for")
	}
	if from, to, ok := build(15).SinceKey(1100); !ok || from != 20 || to != 30 {
		t.Error("a loss before the key frame matters")
	}
	for skip := uint64(21); skip < 30; skip++ {
		h := build(skip)
		if _, _, ok := h.SinceKey(1 << 20); ok {
			t.Errorf("packet %d is missing", skip)
		}
		add(h, skip, 100, false)
		if _, _, ok := h.SinceKey(1 << 20); !ok {
			t.Errorf("packet %d came late and still it is incomplete", skip)
		}
	}
}

func TestSinceKeyEndsWhenTheKeyFrameIsOverwritten(t *testing.T) {
	h := history.New(1000)
	add(h, 1, 100, true)
	for seq := uint64(2); seq <= 10; seq++ {
		add(h, seq, 100, false)
	}
	if _, _, ok := h.SinceKey(1 << 20); !ok {
		t.Error("it is all there")
	}
	add(h, 11, 100, false)
	if _, _, ok := h.SinceKey(1 << 20); ok {
		t.Error("the key frame is gone")
	}
}

func TestSinceKeyOfAnOldKeyFrame(t *testing.T) {
	h := history.New(1 << 20)
	add(h, 0, 10, true)
	for seq := uint64(1); seq < history.Entries; seq++ {
		add(h, seq, 10, false)
	}
	if from, to, ok := h.SinceKey(1 << 20); !ok || from != 0 || to != history.Entries-1 {
		t.Error("all of it is there")
	}
	add(h, history.Entries, 10, false)
	if _, _, ok := h.SinceKey(1 << 20); ok {
		t.Error("the key frame's place is taken")
	}
}

func TestALateOlderKeyFrameIsNotTheLatest(t *testing.T) {
	h := history.New(10000)
	add(h, 10, 10, true)
	add(h, 11, 10, false)
	add(h, 8, 10, true)
	if from, _, ok := h.SinceKey(10000); !ok || from != 10 {
		t.Errorf("since %d, %v", from, ok)
	}
}

func TestAddingDoesNotAllocate(t *testing.T) {
	h := history.New(256 << 10)
	p := payload(1, 1100)
	seq := uint64(0)
	if n := testing.AllocsPerRun(2000, func() {
		seq++
		h.Add(history.Meta{Seq: seq}, p)
		h.Get(seq - 7)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzHistory compares with a map that forgets nothing: whatever is returned is what was added last under that number,
// the newest is always there, and no more bytes are kept than the ring has.
func FuzzHistory(f *testing.F) {
	f.Add(uint16(1000), []byte{100, 1, 100, 1, 100, 1, 100, 0x41, 250, 1, 250, 1, 250, 1})
	f.Add(uint16(300), []byte{255, 0x41, 44, 1, 1, 1, 1, 0x7f, 200, 0x81, 200, 2})
	f.Add(uint16(0), []byte{0, 0, 0, 0})
	f.Add(uint16(65535), bytes.Repeat([]byte{9, 0x3f, 7, 0xc1, 255, 0x41}, 100))
	f.Fuzz(func(t *testing.T, size uint16, script []byte) {
		h := history.New(int(size))
		all := map[uint64][]byte{}
		metas := map[uint64]history.Meta{}
		highest := uint64(100000)
		for i := 0; i+1 < len(script) && i < 4000; i += 2 {
			n, op := int(script[i]), script[i+1]
			seq := highest + uint64(op&15)
			if op&0x80 != 0 && len(all) > 0 { // late
				seq = highest - uint64(op&15)*50
			}
			p := payload(seq^uint64(i)<<32, n)
			m := history.Meta{Seq: seq, Timestamp: binary.LittleEndian.Uint32([]byte{op, 1, byte(i), 2}), KeyStart: seq%7 == 0}
			tooLate := len(all) > 0 && seq+history.Entries <= highest
			h.Add(m, p)
			if n == 0 || n > int(size) || tooLate {
				continue
			}
			highest = max(highest, seq)
			all[seq], metas[seq] = p, m
			if !has(h, seq) {
				t.Fatalf("packet %d, just added, is not there", seq)
			}
		}
		kept := 0
		for seq := range all {
			m, p, ok := h.Get(seq)
			if !ok {
				continue
			}
			kept += len(p)
			if m != metas[seq] || !bytes.Equal(p, all[seq]) {
				t.Fatalf("packet %d is %+v %x, was %+v %x", seq, m, p, metas[seq], all[seq])
			}
		}
		if kept > int(size) {
			t.Fatalf("%d bytes kept in a ring of %d", kept, size)
		}
		checkSinceKey(t, h, metas)
	})
}

func checkSinceKey(t *testing.T, h *history.History, metas map[uint64]history.Meta) {
	t.Helper()
	const limit = 2000
	from, to, ok := h.SinceKey(limit)
	if !ok {
		return
	}
	total := 0
	for seq := from; seq <= to; seq++ {
		_, p, have := h.Get(seq)
		if !have {
			t.Fatalf("packet %d of %d to %d is not there", seq, from, to)
		}
		total += len(p)
	}
	if m, _, _ := h.Get(from); total > limit || !m.KeyStart {
		t.Fatalf("%d bytes from %d on, key %v", total, from, m.KeyStart)
	}
	for seq, m := range metas {
		if seq > to || m.KeyStart && seq > from && has(h, seq) {
			t.Fatalf("%d to %d, but %d (key %v) was added", from, to, seq, m.KeyStart)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	h := history.New(256 << 10)
	p := payload(1, 1100)
	seq := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		h.Add(history.Meta{Seq: seq}, p)
	}
}
