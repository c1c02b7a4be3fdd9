package rewrite_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"conclave/sfu/rewrite"
	"conclave/sfu/transport/srtp"
)

// source makes up a layer's packets: frames of packets with a timestamp, a picture id and TL0PICIDX.
type source struct {
	in rewrite.In
}

func (s *source) packet() rewrite.In {
	in := s.in
	s.in.Seq++
	return in
}

// frame begins the next frame.
func (s *source) frame(base bool) {
	s.in.Timestamp += 3000
	s.in.PictureID = (s.in.PictureID + 1) & 0x7fff
	if base {
		s.in.TL0PicIdx++
	}
}

func next(tb testing.TB, r *rewrite.Rewriter, in rewrite.In) rewrite.Out {
	tb.Helper()
	out, ok := r.Next(in)
	if !ok {
		tb.Fatalf("%+v was refused", in)
	}
	return out
}

func TestNothingComesOutBeforeASwitch(t *testing.T) {
	r := rewrite.New(1, 1)
	r.Drop(rewrite.In{Seq: 5}, true)
	if out, ok := r.Next(rewrite.In{Seq: 5}); ok {
		t.Errorf("put out %+v", out)
	}
	if _, ok := r.Last(); ok {
		t.Error("there is a last packet")
	}
}

func TestFirstPacketCarriesTheGivenNumbers(t *testing.T) {
	for _, c := range []struct {
		seq  uint16
		want uint64
	}{{1, 1}, {0, 1}, {32767, 32767}, {65535, 65535}} {
		r := rewrite.New(c.seq, 77)
		in := rewrite.In{Seq: 9999999, Timestamp: 123456, PictureID: 500, TL0PicIdx: 9}
		r.Switch(in, 5000)
		if out := next(t, &r, in); out.Seq != c.want || out.Timestamp != 77 {
			t.Errorf("started at %d: %+v", c.seq, out)
		}
	}
}

func TestSwitchGoesOnWithoutAJump(t *testing.T) {
	r := rewrite.New(100, 1000)
	a := source{rewrite.In{Seq: 70000, Timestamp: math.MaxUint32 - 10, PictureID: 0x7fff, TL0PicIdx: 255}}
	in := a.packet()
	r.Switch(in, 1)
	first := next(t, &r, in)
	b := source{rewrite.In{Seq: 3, Timestamp: 9, PictureID: 5, TL0PicIdx: 200}}
	in = b.packet()
	r.Switch(in, 2970)
	second := next(t, &r, in)
	want := rewrite.Out{Seq: first.Seq + 1, Timestamp: first.Timestamp + 2970, PictureID: first.PictureID + 1,
		TL0PicIdx: first.TL0PicIdx + 1}
	if second != want {
		t.Errorf("got %+v, want %+v", second, want)
	}
	if r.TimestampOffset() != second.Timestamp-in.Timestamp {
		t.Error("the timestamp offset is not what was added")
	}
}

func TestSwitchAdvancesTheTimestampByAtLeastOne(t *testing.T) {
	r := rewrite.New(1, 1000)
	r.Switch(rewrite.In{Seq: 5, Timestamp: 50}, 0)
	a := next(t, &r, rewrite.In{Seq: 5, Timestamp: 50})
	r.Switch(rewrite.In{Seq: 9, Timestamp: 90}, 0)
	if b := next(t, &r, rewrite.In{Seq: 9, Timestamp: 90}); b.Timestamp != a.Timestamp+1 {
		t.Errorf("from %d to %d", a.Timestamp, b.Timestamp)
	}
}

func TestSwitchBuildsOnTheHighestPacketNotTheLatest(t *testing.T) {
	r := rewrite.New(1, 0)
	r.Switch(rewrite.In{Seq: 10, Timestamp: 100}, 0)
	next(t, &r, rewrite.In{Seq: 10, Timestamp: 100})
	high := next(t, &r, rewrite.In{Seq: 12, Timestamp: 300})
	next(t, &r, rewrite.In{Seq: 11, Timestamp: 200}) // late
	r.Switch(rewrite.In{Seq: 500, Timestamp: 7}, 10)
	if out := next(t, &r, rewrite.In{Seq: 500, Timestamp: 7}); out.Seq != high.Seq+1 ||
		out.Timestamp != high.Timestamp+10 {
		t.Errorf("%+v after %+v", out, high)
	}
}

func TestPacketsOlderThanTheSwitchAreRefused(t *testing.T) {
	r := rewrite.New(1, 1)
	r.Switch(rewrite.In{Seq: 100}, 1)
	next(t, &r, rewrite.In{Seq: 100})
	for _, seq := range []uint64{99, 0} {
		if _, ok := r.Next(rewrite.In{Seq: seq}); ok {
			t.Errorf("packet %d got through", seq)
		}
	}
}

func TestDroppedFramesLeaveNoTrace(t *testing.T) {
	r := rewrite.New(1, 0)
	s := source{rewrite.In{Seq: 65530, Timestamp: 0, PictureID: 0x7ffd}}
	r.Switch(s.in, 0)
	var outs []rewrite.Out
	for frame := range 12 { // three packets a frame; of each four frames the last is dropped
		for range 3 {
			in := s.packet()
			if frame%4 == 3 {
				r.Drop(in, true)
				continue
			}
			outs = append(outs, next(t, &r, in))
		}
		s.frame(true)
	}
	for i, out := range outs {
		if out.Seq != uint64(i+1) || out.PictureID != outs[0].PictureID+uint16(i/3) {
			t.Errorf("packet %d is %+v", i, out)
		}
	}
}

func TestLatePacketsAroundADropFallIntoPlace(t *testing.T) {
	r := rewrite.New(1, 0)
	r.Switch(rewrite.In{Seq: 10}, 0)
	want := map[uint64]uint64{10: 1, 11: 2, 13: 3, 14: 4, 16: 5} // 12 and 15 are dropped
	got := map[uint64]uint64{}
	put := func(seq uint64) { got[seq] = next(t, &r, rewrite.In{Seq: seq}).Seq }
	put(10)
	r.Drop(rewrite.In{Seq: 12}, false)
	r.Drop(rewrite.In{Seq: 15}, false)
	put(16)
	put(14)
	put(11)
	put(13)
	for in, out := range want {
		if got[in] != out {
			t.Errorf("packet %d became %d, want %d", in, got[in], out)
		}
	}
}

func TestALateDropFillsItsPlace(t *testing.T) {
	r := rewrite.New(1, 0)
	r.Switch(rewrite.In{Seq: 10}, 0)
	next(t, &r, rewrite.In{Seq: 10})
	next(t, &r, rewrite.In{Seq: 12})
	if r.Drop(rewrite.In{Seq: 11}, true) || r.Drop(rewrite.In{Seq: 12}, true) {
		t.Error("removed after a later one was out")
	}
	if out := next(t, &r, rewrite.In{Seq: 11}); out.Seq != 2 {
		t.Errorf("packet 11 became %d", out.Seq)
	}
	if out := next(t, &r, rewrite.In{Seq: 13, PictureID: 3}); out.Seq != 4 {
		t.Errorf("packet 13 became %d", out.Seq)
	}
}

func TestPictureIdsCloseUpOverAFrameWhoseLastPacketWasLost(t *testing.T) {
	r := rewrite.New(1, 0)
	r.Switch(rewrite.In{Seq: 10, PictureID: 20}, 0)
	first := next(t, &r, rewrite.In{Seq: 10, PictureID: 20})
	r.Drop(rewrite.In{Seq: 11, PictureID: 21}, true) // 12 is lost
	r.Drop(rewrite.In{Seq: 13, PictureID: 22}, true)
	if out := next(t, &r, rewrite.In{Seq: 14, PictureID: 23}); out.PictureID != first.PictureID+1 || out.Seq != 3 {
		t.Errorf("%+v", out)
	}
}

func TestALongRunOfPaddingIsOneGap(t *testing.T) {
	r := rewrite.New(1, 0)
	r.Switch(rewrite.In{Seq: 10}, 0)
	next(t, &r, rewrite.In{Seq: 10})
	for seq := uint64(12); seq < 500; seq++ {
		r.Drop(rewrite.In{Seq: seq}, false)
	}
	if out := next(t, &r, rewrite.In{Seq: 500}); out.Seq != 3 {
		t.Errorf("packet 500 became %d, want 3", out.Seq)
	}
	if out := next(t, &r, rewrite.In{Seq: 11}); out.Seq != 2 {
		t.Errorf("late packet 11 became %d, want 2", out.Seq)
	}
}

func TestPacketsFromBeforeTheRememberedDropsAreRefused(t *testing.T) {
	r := rewrite.New(1, 0)
	r.Switch(rewrite.In{Seq: 0}, 0)
	next(t, &r, rewrite.In{Seq: 0})
	for i := uint64(1); i <= 17; i++ { // 17 runs: 2, 4, 6, …, 34; all that is odd is late
		r.Drop(rewrite.In{Seq: 2 * i}, false)
	}
	if out, ok := r.Next(rewrite.In{Seq: 1}); ok {
		t.Errorf("packet 1 became %d", out.Seq)
	}
	for i := uint64(1); i <= 17; i++ {
		if out := next(t, &r, rewrite.In{Seq: 2*i + 1}); out.Seq != 2+i {
			t.Errorf("packet %d became %d, want %d", 2*i+1, out.Seq, 2+i)
		}
	}
}

func TestRollOverCountIsContinuous(t *testing.T) {
	// A receiver extends 16-bit sequence numbers by itself (RFC 3711 §3.3.1): it must arrive at ours, over every
	// wrap-around.
	r := rewrite.New(32767, 0)
	var receiver srtp.Window
	s := source{rewrite.In{Seq: 1 << 40}}
	r.Switch(s.in, 0)
	for i := range 200000 {
		if i%5000 == 4999 {
			s = source{rewrite.In{Seq: uint64(i) * 31}}
			r.Switch(s.in, 3000)
		}
		in := s.packet()
		if i%7 == 3 {
			r.Drop(in, true)
			continue
		}
		out := next(t, &r, in)
		if got := receiver.Index(uint16(out.Seq)); got != out.Seq {
			t.Fatalf("sent as %d, the receiver takes it for %d", out.Seq, got)
		}
		receiver.Mark(out.Seq)
	}
	if last, _ := r.Last(); last.Seq < 2<<16 {
		t.Fatalf("only %d packets: nothing wrapped", last.Seq)
	}
}

func TestMappingDoesNotAllocate(t *testing.T) {
	r := rewrite.New(1, 1)
	in := rewrite.In{Seq: 1}
	r.Switch(in, 0)
	if n := testing.AllocsPerRun(1000, func() {
		in.Seq++
		r.Next(in)
		in.Seq++
		r.Drop(in, true)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// model is the mapping as one would write it with endless memory.
type model struct {
	base, first          rewrite.In // base is the first packet's, in the receiver's numbering
	dropped              map[uint64]bool
	framesUpTo           map[uint64]uint16 // at a dropped packet: how many frames were gone with it
	removed              int               // picture id of the frame removed last, -1: none
	highest              uint64
	last                 rewrite.Out
	any                  bool
	produced             map[uint64]uint64 // out to in, of all time; the in numbers of sources are set apart
	holes, firstOut, gen uint64
}

func (m *model) switchTo(in rewrite.In, step uint32) {
	if m.any {
		m.holes += m.missing()
		step = max(step, 1)
	} else {
		step = 0
	}
	m.base = rewrite.In{Seq: m.last.Seq + 1, Timestamp: m.last.Timestamp + step, PictureID: m.last.PictureID + 1,
		TL0PicIdx: m.last.TL0PicIdx + 1}
	m.first, m.highest = in, in.Seq
	m.dropped, m.framesUpTo = map[uint64]bool{}, map[uint64]uint16{}
	m.removed = -1
	m.gen++
}

// missing is how many numbers up to the last one nobody carries, beyond those of earlier sources.
func (m *model) missing() uint64 {
	return m.last.Seq - m.firstOut + 1 - uint64(len(m.produced)) - m.holes
}

func (m *model) next(in rewrite.In) rewrite.Out {
	var before uint64
	var frames uint16
	for seq := range m.dropped {
		if seq < in.Seq {
			before++
			frames = max(frames, m.framesUpTo[seq])
		}
	}
	return rewrite.Out{
		Seq:       m.base.Seq + in.Seq - m.first.Seq - before,
		Timestamp: m.base.Timestamp + in.Timestamp - m.first.Timestamp,
		PictureID: (m.base.PictureID + in.PictureID - m.first.PictureID - frames) & 0x7fff,
		TL0PicIdx: m.base.TL0PicIdx + in.TL0PicIdx - m.first.TL0PicIdx,
	}
}

func (m *model) drop(in rewrite.In, closeIDs bool) (removed bool) {
	if in.Seq <= m.highest {
		return false
	}
	var frames uint16
	for _, n := range m.framesUpTo {
		frames = max(frames, n)
	}
	if closeIDs && m.removed != int(in.PictureID) {
		frames++
		m.removed = int(in.PictureID)
	}
	m.dropped[in.Seq] = true
	m.framesUpTo[in.Seq] = frames
	m.highest = in.Seq
	return true
}

// runsAfter is how many runs of dropped packets end after seq.
func (m *model) runsAfter(seq uint64) (n int) {
	for d := range m.dropped {
		if d > seq && !m.dropped[d+1] {
			n++
		}
	}
	return n
}

// scenario plays what the script says: each byte is a step.
type scenario struct {
	tb   testing.TB
	r    rewrite.Rewriter
	m    model
	src  source
	held []rewrite.In // packets on their way, to arrive late
	step int
}

func (s *scenario) fail(format string, args ...any) {
	s.tb.Helper()
	s.tb.Fatalf("step %d: %s", s.step, fmt.Sprintf(format, args...))
}

func (s *scenario) switchTo(b byte) {
	s.src = source{rewrite.In{
		Seq:       [...]uint64{0, 65500, 1 << 20, 1<<32 - 5, uint64(b) * 997}[b%5],
		Timestamp: [...]uint32{0, math.MaxUint32 - 4000, 1 << 31, uint32(b) << 24}[b%4],
		PictureID: [...]uint16{0, 0x7ffc, 127}[b%3],
		TL0PicIdx: b * 3,
	}}
	s.held = nil
	in := s.src.packet()
	before, started := s.r.Last()
	s.r.Switch(in, uint32(b)*30)
	s.m.switchTo(in, uint32(b)*30)
	s.put(in)
	if after, _ := s.r.Last(); started && (after.Seq != before.Seq+1 || int32(after.Timestamp-before.Timestamp) <= 0) {
		s.fail("switched from %+v to %+v", before, after)
	}
}

func (s *scenario) put(in rewrite.In) {
	want := s.m.next(in)
	out, ok := s.r.Next(in)
	if !ok {
		if s.m.runsAfter(in.Seq) < 16 {
			s.fail("%+v was refused with %d drops behind it", in, s.m.runsAfter(in.Seq))
		}
		return
	}
	if out != want {
		s.fail("%+v became %+v, want %+v", in, out, want)
	}
	id := s.m.gen<<48 | in.Seq
	if was, twice := s.m.produced[out.Seq]; twice {
		s.fail("number %d for both %x and %x", out.Seq, was, id)
	}
	s.m.produced[out.Seq] = id
	s.m.highest = max(s.m.highest, in.Seq)
	if !s.m.any {
		s.m.any, s.m.firstOut, s.m.last = true, out.Seq, out
	} else if out.Seq > s.m.last.Seq {
		if int32(out.Timestamp-s.m.last.Timestamp) < 0 {
			s.fail("timestamp went back from %d to %d", s.m.last.Timestamp, out.Timestamp)
		}
		s.m.last = out
	}
	if last, ok := s.r.Last(); !ok || last != s.m.last {
		s.fail("last is %+v, want %+v", last, s.m.last)
	}
}

// drop removes a packet, or lets it fill its place if it comes too late for that.
func (s *scenario) drop(in rewrite.In, closeIDs bool) {
	want := s.m.drop(in, closeIDs)
	if got := s.r.Drop(in, closeIDs); got != want && !s.forgotten(in) {
		s.fail("%+v removed: %v, want %v", in, got, want)
	}
	if !want {
		s.put(in)
	}
}

// forgotten says whether in is from before the drops that are remembered.
func (s *scenario) forgotten(in rewrite.In) bool { return s.m.runsAfter(in.Seq) >= 16 }

func (s *scenario) play(script []byte) {
	if len(script) < 2 {
		return
	}
	start := uint16(script[0])<<8 | uint16(script[1])
	s.r = rewrite.New(start, uint32(start)<<16)
	s.m.last = rewrite.Out{Seq: uint64(max(start, 1)) - 1, Timestamp: uint32(start) << 16}
	s.m.produced = map[uint64]uint64{}
	s.switchTo(script[0])
	for i, b := range script[2:] {
		s.step = i
		arg := b >> 4
		switch b & 15 {
		case 0:
			s.switchTo(b >> 3)
		case 1, 2: // a dropped packet, whose frame's id may close up
			s.drop(s.src.packet(), b&15 == 2)
		case 3: // lost
			s.src.packet()
		case 4, 5: // late
			s.held = append(s.held, s.src.packet())
		case 6, 7, 8: // what was late arrives
			if len(s.held) > 0 {
				at := int(arg) % len(s.held)
				in := s.held[at]
				s.held = append(s.held[:at], s.held[at+1:]...)
				if b&15 == 8 {
					s.drop(in, false)
				} else {
					s.put(in)
				}
			}
		case 9, 10:
			s.src.frame(arg%4 == 0)
		default:
			s.put(s.src.packet())
		}
	}
	s.holesAreLosses()
}

// holesAreLosses asserts that within the current source the numbers nobody carries are those of packets that never came
// through.
func (s *scenario) holesAreLosses() {
	var absent uint64
	through := map[uint64]bool{}
	for _, id := range s.m.produced {
		if id>>48 == s.m.gen {
			through[id&(1<<48-1)] = true
		}
	}
	newest := s.m.first.Seq
	for seq := range through {
		newest = max(newest, seq)
	}
	for seq := s.m.first.Seq; seq <= newest; seq++ {
		if !through[seq] && !s.m.dropped[seq] {
			absent++
		}
	}
	if got := s.m.missing(); got != absent {
		s.fail("%d numbers missing, %d packets absent", got, absent)
	}
}

func seeds() [][]byte {
	plain := make([]byte, 200)
	for i := range plain {
		plain[i] = 15
	}
	script := func(body string) []byte { return append([]byte{0x7f, 0xff}, body...) }
	var mixed []byte
	for i := range 600 {
		mixed = append(mixed, byte(i*i*7+i*3))
	}
	return [][]byte{
		script(string(plain)),
		script("\x0f\x0f\x01\x0f\x02\x0f\x09\x0f\x30\x0f\x0f"),
		script("\x0f\x04\x01\x04\x01\x04\x02\x0f\x06\x16\x26\x07\x06"),
		script(strings.Repeat("\x04\x01", 18) + "\x06\x06\x06\x06"),
		script("\x04\x0f\x08\x0f\x04\x01\x08\x0f\x0f"),
		append([]byte{0xff, 0xff}, mixed...),
		append([]byte{0, 0}, mixed...),
	}
}

func TestSeedScenarios(t *testing.T) {
	for i, script := range seeds() {
		t.Run(fmt.Sprint(i), func(t *testing.T) { (&scenario{tb: t}).play(script) })
	}
}

// FuzzRewriter plays random successions of switches, drops, losses and reordering, and compares with a model of endless
// memory.
func FuzzRewriter(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		(&scenario{tb: t}).play(script[:min(len(script), 1000)])
	})
}

func BenchmarkNext(b *testing.B) {
	r := rewrite.New(1, 1)
	in := rewrite.In{Seq: 1}
	r.Switch(in, 0)
	b.ReportAllocs()
	for b.Loop() {
		in.Seq++
		if _, ok := r.Next(in); !ok {
			b.Fatal("refused")
		}
	}
}
