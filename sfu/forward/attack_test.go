package forward

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/wiretest"
)

// attacked is a rig in which bob watches alice while mallory is at work; bystander checks at the end that alice's video
// still arrives.
func attacked(t *testing.T) (r *rig, mallory *peer, bystander func()) {
	t.Helper()
	r = newRig(t).drive()
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{}).watch(alice)
	alice.film()
	wiretest.Eventually(t, "a picture", func() bool { return bob.shown() > 0 })
	mallory = r.join(666, options{})
	return r, mallory, func() {
		t.Helper()
		n := bob.shown()
		wiretest.Eventually(t, "the bystander's video goes on", func() bool { return bob.shown() > n+30 })
		bob.Arrivals("the bystander's video", func(p *rtp.Packet, _ int) bool { return p.PayloadType == 96 })
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Threat 1: RTCP that names many SSRCs, random, again and again. Memory and goroutines stay where they were.
func TestRTCPNamingManySSRCsGrowsNothing(t *testing.T) {
	_, mallory, bystander := attacked(t)
	random := rand.Uint32
	bombs := func() []rtcp.Packet {
		remb := &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1}
		for range 255 {
			remb.SSRCs = append(remb.SSRCs, random())
		}
		fir := &rtcp.FullIntraRequest{MediaSSRC: random()}
		for range 120 {
			fir.FIR = append(fir.FIR, rtcp.FIREntry{SSRC: random()})
		}
		rr := &rtcp.ReceiverReport{SSRC: random()}
		bye := &rtcp.Goodbye{}
		for range 31 {
			rr.Reports = append(rr.Reports, rtcp.ReceptionReport{SSRC: random()})
			bye.Sources = append(bye.Sources, random())
		}
		return []rtcp.Packet{remb, fir, rr, bye}
	}
	for range 50 { // warm up
		mallory.RTCP(bombs()...)
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	for i := range 3000 {
		if i%100 == 0 {
			mallory.c.rtcpBudget.fill(testLimits.RTCPPerSecond) // not even the rate limit is what protects
			time.Sleep(time.Millisecond)
		}
		mallory.RTCP(bombs()[i%4])
	}
	time.Sleep(100 * time.Millisecond)
	if after := heap(); after > before+1<<20 {
		t.Errorf("heap grew from %d to %d KiB", before>>10, after>>10)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("goroutines grew from %d to %d", goroutines, n)
	}
	if n := len(mallory.c.in.streams); n != 0 {
		t.Errorf("%d streams were made by RTCP", n)
	}
	bystander()
}

// Threat 2: RTP on random SSRCs, authentic and not: nothing is kept of either.
func TestRandomSSRCsAreDropped(t *testing.T) {
	r, mallory, bystander := attacked(t)
	before := receivedBy(r.engine)
	for i := range 500 {
		p := wiretest.Video(rand.Uint32(), uint16(i), "q") //nolint:gosec // any numbers will do
		p.Extension, p.Extensions = false, nil
		mallory.RTP(p)
		forged := make([]byte, 100)
		forged[0], forged[1] = 0x80, 96
		binary.BigEndian.PutUint32(forged[8:], rand.Uint32()) //nolint:gosec // any numbers will do
		mallory.Raw(forged)
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	drained(t, r.engine, before, 1000)
	if n := dropped(r.engine, drop.UnknownSSRC); n != 500 {
		t.Errorf("%d dropped as unknown SSRC, want 500", n)
	}
	if n := dropped(r.engine, drop.Auth); n != 500 {
		t.Errorf("%d dropped as not authentic, want 500", n)
	}
	if n := len(mallory.c.in.streams); n != 0 {
		t.Errorf("%d streams kept", n)
	}
	bystander()
}

// Threat 2: a layer that comes with ever new SSRCs is re-bound a bounded number of times and never holds more than one.
func TestAnSSRCThatKeepsChangingIsBounded(t *testing.T) {
	r, mallory, bystander := attacked(t)
	mallory.live()
	before := receivedBy(r.engine)
	for i := range 600 {
		mallory.RTP(wiretest.Video(uint32(1000+i), 1, "q"))
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	drained(t, r.engine, before, 600)
	mallory.c.in.mu.Lock()
	n := len(mallory.c.in.streams)
	mallory.c.in.mu.Unlock()
	if n > 1 {
		t.Errorf("%d streams for one layer", n)
	}
	if dropped(r.engine, drop.OverLimit) == 0 {
		t.Error("no limit was reached")
	}
	bystander()
}

// Threat 2: nor may a layer go to and fro between two SSRCs for ever: each time its viewers need a key frame.
func TestAnSSRCThatGoesToAndFroIsBounded(t *testing.T) {
	r, mallory, _ := attacked(t)
	mallory.live()
	before := receivedBy(r.engine)
	const rounds = 300
	for i := range rounds {
		mallory.RTP(wiretest.Video(uint32(1000+i%2), uint16(i/2+1), "q"))
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	drained(t, r.engine, before, rounds)
	over := rounds - 1 - testLimits.Rebinds // from then on one of the two is refused
	if n, want := dropped(r.engine, drop.OverLimit), uint64(over+1)/2; n != want {
		t.Errorf("%d packets were refused, want %d", n, want)
	}
}

// Replay windows outlive their SSRCs, but there are only so many: offers that name others, again and again, add no
// more.
func TestWindowsAreBounded(t *testing.T) {
	_, mallory, _ := attacked(t)
	for i := range uint32(1000) {
		// the SSRCs of before are given up
		track := NewTrack(&TrackConfig{Owner: 666, Source: media.Camera, MID: strconv.Itoa(int(i)),
			Format: codec.Format{Codec: codec.VP8, PT: 96, RTX: 97}})
		mallory.c.Publish(track, []uint32{2 * i, 2*i + 1})
	}
	if n, most := len(mallory.c.in.windows), testLimits.Streams+testLimits.Rebinds; n != most {
		t.Errorf("%d windows are kept, want %d", n, most)
	}
}

// Threat 3: an authenticated flood is cut at the packet budget, unopened beyond it, and others do not notice.
func TestAnAuthenticatedFloodIsCut(t *testing.T) {
	r, mallory, bystander := attacked(t)
	mallory.live()
	mallory.c.in.mu.Lock()
	mallory.c.in.budget = 100
	mallory.c.in.mu.Unlock()
	for i := range 400 {
		mallory.RTP(wiretest.Video(1, uint16(i), "q"))
	}
	opened := func() bool { // packets beyond the budget
		mallory.c.in.mu.Lock()
		defer mallory.c.in.mu.Unlock()
		return mallory.c.in.budget < 0
	}
	wiretest.Eventually(t, "the limit is counted", func() bool {
		return opened() || dropped(r.engine, drop.OverLimit) >= 250
	})
	if opened() {
		t.Fatal("packets beyond the budget were opened")
	}
	bystander()
}

// Threat 4: NACKs for everything, all the time, are answered within the cap, and each packet once a round trip.
func TestNACKFloodsAreCapped(t *testing.T) {
	r := newRig(t).drive()
	alice := r.join(1, options{}).live()
	mallory := r.join(666, options{}).watch(alice)
	alice.film()
	wiretest.Eventually(t, "mallory receives", func() bool { return mallory.shown() > 30 })
	ssrc := mallory.c.out.slots[0].ssrc
	resent := func() uint64 { return r.engine.workers[0].counters.Retransmitted.Load() }
	before, began := resent(), time.Now()
	for time.Since(began) < time.Second {
		nack := &rtcp.TransportLayerNack{MediaSSRC: ssrc}
		for i := range 128 {
			nack.Nacks = append(nack.Nacks, rtcp.NackPair{PacketID: uint16(i * 17), LostPackets: 0xffff})
		}
		for base := range 30 {
			for i := range nack.Nacks {
				nack.Nacks[i].PacketID = uint16((base*128 + i) * 17)
			}
			mallory.RTCP(nack)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := resent() - before; n > 3*rtxPerSecond {
		t.Errorf("%d packets were sent again in a second, the cap is %d", n, rtxPerSecond)
	}
}

// Threat 5: sender reports and goodbyes about somebody else's SSRC change nothing.
func TestReportsAboutOthersChangeNothing(t *testing.T) {
	r := newRig(t).drive()
	alice := r.join(1, options{}).live()
	alice.film()
	l := alice.camera.layers[0]
	wiretest.Eventually(t, "a picture", func() bool { return l.Active(time.Now()) })
	mallory := r.join(666, options{})
	const ssrc = 5
	was := l.sr.Load()
	before := receivedBy(r.engine)
	mallory.RTCP(&rtcp.SenderReport{SSRC: ssrc, NTPTime: 12345, RTPTime: 1}, &rtcp.Goodbye{Sources: []uint32{ssrc}})
	mallory.RTCP(&rtcp.ReceiverReport{SSRC: ssrc, Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: 255,
		TotalLost: 1 << 22}}})
	drained(t, r.engine, before, 2)
	if sr := l.sr.Load(); sr != was && sr != nil && sr.timestamp == 1 {
		t.Error("a stranger's sender report was taken")
	}
}

// Threat 7: packets that are authentic and malformed in every way; the sender's next good packet is forwarded.
func TestMalformedRTPIsDroppedAndForgotten(t *testing.T) {
	_, mallory, bystander := attacked(t)
	mallory.live()
	mallory.c.in.mu.Lock()
	mallory.c.in.budget = 1 << 20
	mallory.c.in.mu.Unlock()
	good := wiretest.Video(77, 1000, "q")
	mallory.RTP(good)
	seq := uint16(1001)
	send := func(change func(b []byte) ([]byte, int)) {
		p := wiretest.Video(77, seq, "q")
		seq++
		p.Version = 2
		b, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		headerLen := p.Header.MarshalSize()
		if change != nil {
			b, headerLen = change(b)
		}
		mallory.Raw(mallory.Seal(b, headerLen))
	}
	p := wiretest.Video(77, 1, "q")
	p.Version = 2
	whole, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	header := p.Header.MarshalSize()
	for n := header; n < len(whole); n++ { // every length of descriptor and payload
		send(func(b []byte) ([]byte, int) { return b[:n], header })
	}
	for _, pad := range []byte{0, 1, 200, 255} {
		send(func(b []byte) ([]byte, int) { b[0] |= 0x20; b[len(b)-1] = pad; return b, header })
	}
	for first := range 256 { // version, padding, extension, CSRC count in every combination; the header may end anywhere
		send(func(b []byte) ([]byte, int) { b[0] = byte(first); return b, header })
	}
	for length := range 20 { // extension blocks that end before, at and after the packet's end
		send(func(b []byte) ([]byte, int) { binary.BigEndian.PutUint16(b[14:], uint16(length*8)); return b, header })
	}
	for n := range 64 { // datagrams of every small size that look like RTP
		b := make([]byte, n)
		if n > 0 {
			b[0] = 0x90
		}
		mallory.Raw(b)
	}
	rtx := wiretest.Video(78, 1, "q")
	rtx.PayloadType, rtx.Extensions = 97, nil
	_ = rtx.SetExtension(wiretest.ExtMID, []byte("1"))
	_ = rtx.SetExtension(wiretest.ExtRepairedRID, []byte("q"))
	for n := range 4 { // RTX too short for its OSN
		rtx.SequenceNumber++
		rtx.Payload = make([]byte, n)
		mallory.RTP(rtx)
	}
	mallory.RTP(wiretest.Video(77, seq+10, "q"))
	wiretest.Eventually(t, "a good packet is taken", func() bool {
		mallory.c.in.mu.Lock()
		defer mallory.c.in.mu.Unlock()
		st := mallory.c.in.streams[77]
		if st == nil {
			return false
		}
		highest, _ := st.layer.receive.seen.Highest()
		return highest == uint64(seq+10)
	})
	bystander()
}

// Threat 8: replayed SRTP, wrong tags, SRTCP of every small length.
func TestReplaysAndForgeriesAreDropped(t *testing.T) {
	r, mallory, bystander := attacked(t)
	mallory.live()
	p := wiretest.Video(5, 100, "q")
	before := receivedBy(r.engine)
	for range 20 {
		mallory.RTP(p)
	}
	drained(t, r.engine, before, 20)
	if n := dropped(r.engine, drop.Replay); n != 19 {
		t.Errorf("%d of 19 replays were dropped", n)
	}
	p.Version = 2
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(b[2:], 101)
	sealed := mallory.Seal(b, p.Header.MarshalSize())
	before = receivedBy(r.engine)
	auth := dropped(r.engine, drop.Auth)
	for i := range sealed[12:] {
		forged := bytes.Clone(sealed)
		forged[12+i] ^= 1
		mallory.Raw(forged)
	}
	drained(t, r.engine, before, uint64(len(sealed)-12))
	if n := dropped(r.engine, drop.Auth) + dropped(r.engine, drop.Malformed) - auth; n != uint64(len(sealed)-12) {
		t.Errorf("%d of %d forgeries were dropped", n, len(sealed)-12)
	}
	for n := 2; n <= 64; n++ {
		b := make([]byte, n)
		b[0], b[1] = 0x80, 200
		mallory.Raw(b)
	}
	bystander()
}

// Threat 13: Firefox probes with RTX of packets that have arrived. They are counted as repeats and reach nobody.
func TestRTXProbingReachesNobody(t *testing.T) {
	r := newRig(t).drive()
	mallory := r.join(666, options{}).live()
	viewer := r.join(1, options{}).watch(mallory)
	const highest = 7
	for seq := range uint16(highest) {
		mallory.RTP(wiretest.Video(1, 1+seq, "q"))
	}
	wiretest.Eventually(t, "a picture", func() bool { return viewer.shown() == highest })
	before := dropped(r.engine, drop.Duplicate)
	for i := range 300 {
		original := wiretest.Video(1, uint16(highest), "q")
		rtx := &rtp.Packet{Header: rtp.Header{SSRC: 2, PayloadType: 97, SequenceNumber: uint16(i),
			Timestamp: original.Timestamp},
			Payload: append(binary.BigEndian.AppendUint16(nil, uint16(highest)), original.Payload...)}
		_ = rtx.SetExtension(wiretest.ExtMID, []byte("1"))
		_ = rtx.SetExtension(wiretest.ExtRepairedRID, []byte("q"))
		mallory.RTP(rtx)
	}
	wiretest.Eventually(t, "the repeats are counted", func() bool {
		return viewer.shown() > highest || dropped(r.engine, drop.Duplicate)-before == 300
	})
	if n := viewer.shown(); n != highest {
		t.Errorf("%d repeats reached the viewer", n-highest)
	}
}
