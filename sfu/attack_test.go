package sfu

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pionsrtp "github.com/pion/srtp/v3"

	"conclave/media"
	"conclave/sfu/drop"
	"conclave/sfu/transport"
	"conclave/sfu/transport/srtp"
)

// attacker is a participant with a finished handshake and no manners: it holds its SRTP keys and sends what it likes.
type attacker struct {
	t       testing.TB
	conn    *net.UDPConn
	peer    *Peer
	session *session
	cipher  *srtp.Cipher
	rtcp    *pionsrtp.Context
	server  netip.AddrPort
}

const attackerOffer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
	"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\n" +
	"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" +
	"a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\na=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:2\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"

// Header extension ids of attackerOffer.
const extMID, extRID, extRRID = 4, 10, 11

// newAttacker joins the room with keys of its own choice in place of a handshake; everything after that is the real path.
func newAttacker(t testing.TB, room *Room, id media.ParticipantID) *attacker {
	t.Helper()
	return newAttackerWith(t, room, id, attackerOffer)
}

func newAttackerWith(t testing.TB, room *Room, id media.ParticipantID, offer string) *attacker {
	t.Helper()
	srv := room.server
	a := &attacker{t: t, server: srv.network.Locals()[0].Addr}
	var err error
	if a.peer, err = room.Join(id, PeerEvents{}); err != nil {
		t.Fatal(err)
	}
	if _, err = a.peer.Negotiate(context.Background(), offer, []media.Track{{MID: "0", Source: media.Mic}, {MID: "1", Source: media.Camera}}); err != nil {
		t.Fatal(err)
	}
	a.session = a.peer.session
	if a.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.conn.Close() })
	key, salt := bytes.Repeat([]byte{7}, srtp.KeyLen), bytes.Repeat([]byte{9}, srtp.SaltLen)
	material := slices.Concat(key, key, salt, salt)
	ks, err := transport.NewKeys(material)
	if err != nil {
		t.Fatal(err)
	}
	const profile = pionsrtp.ProtectionProfileAeadAes128Gcm
	for _, err := range []error{
		set(&a.cipher)(srtp.NewCipher(key, salt)), set(&a.rtcp)(pionsrtp.CreateContext(key, salt, profile)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a.session.transport.Adopt(ks, &transport.Path{From: a.conn.LocalAddr().(*net.UDPAddr).AddrPort()})
	return a
}

// set stores the result of a constructor and passes its error on.
func set[T any](to *T) func(T, error) error {
	return func(v T, err error) error {
		*to = v
		return err
	}
}

// address is where the server takes the attacker to be.
func (a *attacker) address() netip.AddrPort {
	_, to, _ := a.session.transport.Ready()
	return to.To.AddrPort
}

func (a *attacker) raw(b []byte) {
	a.t.Helper()
	if _, err := a.conn.WriteToUDPAddrPort(b, a.server); err != nil {
		a.t.Fatal(err)
	}
}

// sealRTP authenticates b, an RTP packet however odd whose header ends at headerLen.
func (a *attacker) sealRTP(b []byte, headerLen int) []byte {
	var n srtp.Nonce
	out := append(make([]byte, 0, len(b)+srtp.Overhead), b[:headerLen]...)
	return a.cipher.Seal(out, b[headerLen:], binary.BigEndian.Uint32(b[8:]), uint64(binary.BigEndian.Uint16(b[2:])), &n)
}

func (a *attacker) rtp(p *rtp.Packet) {
	a.t.Helper()
	p.Version = 2
	b, err := p.Marshal()
	if err != nil {
		a.t.Fatal(err)
	}
	a.raw(a.sealRTP(b, p.Header.MarshalSize()))
}

// video is one packet of layer rid: a whole key frame.
func (a *attacker) video(ssrc uint32, seq uint16, rid string) *rtp.Packet {
	src := &videoSource{height: 180, seq: seq, timestamp: uint32(seq) * 3000, pictureID: seq & 0x7fff, packets: 1}
	p := src.frame(true)[0]
	p.SSRC, p.PayloadType = ssrc, 96
	_ = p.SetExtension(extMID, []byte("1"))
	_ = p.SetExtension(extRID, []byte(rid))
	return p
}

// audio is one packet of speech at the given level in -dBov.
func (a *attacker) audio(seq uint16, level byte) *rtp.Packet {
	p := &rtp.Packet{Header: rtp.Header{SSRC: 3, PayloadType: 111, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: []byte{1, 2, 3}}
	_ = p.SetExtension(extMID, []byte("0"))
	_ = p.SetExtension(1, []byte{level})
	return p
}

func (a *attacker) rtcpPackets(packets ...rtcp.Packet) {
	a.t.Helper()
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		a.t.Fatal(err)
	}
	sealed, err := a.rtcp.EncryptRTCP(nil, plain, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	a.raw(sealed)
}

func dropped(s *Server, d drop.Reason) (n uint64) {
	for _, w := range s.workers {
		n += w.stats.drops[d].Load()
	}
	return n
}

func receivedBy(s *Server) (n uint64) {
	for _, w := range s.workers {
		n += w.stats.received.Load()
	}
	return n
}

// drained waits until the server has looked at everything sent so far, which is n datagrams more than before.
func drained(t *testing.T, s *Server, before, n uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d datagrams are looked at", n), func() bool { return receivedBy(s) >= before+n })
	time.Sleep(5 * time.Millisecond) // the batch in hand
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// attacked is a room in which bob watches alice while mallory is at work; bystander checks at the end that alice's video still arrives.
func attacked(t *testing.T) (srv *Server, mallory *attacker, bystander func()) {
	t.Helper()
	room, publishers, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	eventually(t, "a picture", showing(v, 1))
	mid, _ := v.slotOf(1, media.Camera)
	_ = publishers
	return room.server, newAttacker(t, room, 666), func() {
		t.Helper()
		n := len(v.packets(mid))
		eventually(t, "the bystander's video goes on", func() bool { return len(v.packets(mid)) > n+30 })
	}
}

// Threat 1: RTCP that names many SSRCs, random, again and again. Memory and goroutines stay where they were.
func TestRTCPNamingManySSRCsGrowsNothing(t *testing.T) {
	srv, mallory, bystander := attacked(t)
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
		mallory.rtcpPackets(bombs()...)
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	for i := range 3000 {
		if i%100 == 0 {
			mallory.peer.rtcpBudget.fill(rtcpPerSecond) // not even the rate limit is what protects
			time.Sleep(time.Millisecond)
		}
		mallory.rtcpPackets(bombs()[i%4])
	}
	time.Sleep(100 * time.Millisecond)
	if after := heap(); after > before+1<<20 {
		t.Errorf("heap grew from %d to %d KiB", before>>10, after>>10)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("goroutines grew from %d to %d", goroutines, n)
	}
	if n := len(mallory.session.streams); n != 0 {
		t.Errorf("%d streams were made by RTCP", n)
	}
	_ = srv
	bystander()
}

// Threat 2: RTP on random SSRCs, authentic and not: nothing is kept of either.
func TestRandomSSRCsAreDropped(t *testing.T) {
	srv, mallory, bystander := attacked(t)
	before := receivedBy(srv)
	for i := range 500 {
		p := mallory.video(rand.Uint32(), uint16(i), "q") //nolint:gosec // any numbers will do
		p.Extension, p.Extensions = false, nil
		mallory.rtp(p)
		forged := make([]byte, 100)
		forged[0], forged[1] = 0x80, 96
		binary.BigEndian.PutUint32(forged[8:], rand.Uint32()) //nolint:gosec // any numbers will do
		mallory.raw(forged)
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	drained(t, srv, before, 1000)
	if n := dropped(srv, drop.UnknownSSRC); n != 500 {
		t.Errorf("%d dropped as unknown SSRC, want 500", n)
	}
	if n := dropped(srv, drop.Auth); n != 500 {
		t.Errorf("%d dropped as not authentic, want 500", n)
	}
	if n := len(mallory.session.streams); n != 0 {
		t.Errorf("%d streams kept", n)
	}
	bystander()
}

// Threat 2: a layer that comes with ever new SSRCs is re-bound a bounded number of times and never holds more than one.
func TestAnSSRCThatKeepsChangingIsBounded(t *testing.T) {
	srv, mallory, bystander := attacked(t)
	mallory.peer.SetLive(media.Sources(media.Camera))
	before := receivedBy(srv)
	for i := range 600 {
		mallory.rtp(mallory.video(uint32(1000+i), 1, "q"))
		if i%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	drained(t, srv, before, 600)
	mallory.session.inMu.Lock()
	n := len(mallory.session.streams)
	mallory.session.inMu.Unlock()
	if n > 1 {
		t.Errorf("%d streams for one layer", n)
	}
	if dropped(srv, drop.OverLimit) == 0 {
		t.Error("no limit was reached")
	}
	bystander()
}

// Threat 3: an authenticated flood is cut at the packet budget, unopened beyond it, and others do not notice.
func TestAnAuthenticatedFloodIsCut(t *testing.T) {
	srv, mallory, bystander := attacked(t)
	mallory.peer.SetLive(media.Sources(media.Camera))
	mallory.session.inMu.Lock()
	mallory.session.budget = 100
	mallory.session.inMu.Unlock()
	for i := range 400 {
		mallory.rtp(mallory.video(1, uint16(i), "q"))
	}
	eventually(t, "the limit is counted", func() bool { return dropped(srv, drop.OverLimit) >= 250 })
	bystander()
}

// Threat 4: however often viewers ask for key frames, their publisher is asked once in 500 ms at most.
func TestPLIFloodsReachThePublisherTwiceASecond(t *testing.T) {
	room, publishers, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	eventually(t, "a picture", showing(v, 1))
	mallory := newAttacker(t, room, 666)
	mallory.peer.SetView(wantsOf(1))
	eventually(t, "mallory watches too", func() bool {
		room.mu.Lock()
		defer room.mu.Unlock()
		return mallory.session.egress.list()[0].assigned != nil
	})
	publishers[0].mu.Lock()
	before := publishers[0].plis["q"]
	publishers[0].mu.Unlock()
	ssrc := mallory.session.egress.list()[0].ssrc
	began := time.Now()
	for range 30 { // 1.5 s and more
		for range 10 {
			mallory.rtcpPackets(&rtcp.PictureLossIndication{MediaSSRC: ssrc}, &rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc}}})
		}
		time.Sleep(50 * time.Millisecond)
	}
	publishers[0].mu.Lock()
	defer publishers[0].mu.Unlock()
	if n, most := publishers[0].plis["q"]-before, int(time.Since(began)/keyInterval)+2; n < 1 || n > most {
		t.Errorf("the publisher was asked %d times in %v", n, time.Since(began))
	}
}

// Threat 4: NACKs for everything, all the time, are answered within the cap, and each packet once a round trip.
func TestNACKFloodsAreCapped(t *testing.T) {
	room, _, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	eventually(t, "a picture", showing(v, 1))
	mallory := newAttacker(t, room, 666)
	mallory.peer.SetView(wantsOf(1))
	slot := mallory.session.egress.list()[0]
	eventually(t, "mallory receives", func() bool {
		mallory.session.egress.mu.Lock()
		defer mallory.session.egress.mu.Unlock()
		return slot.packets > 30
	})
	ssrc := slot.ssrc
	resent := func() (n uint64) {
		for _, w := range room.server.workers {
			n += w.stats.retransmitted.Load()
		}
		return n
	}
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
			mallory.rtcpPackets(nack)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := resent() - before; n > 3*rtxPerSecond {
		t.Errorf("%d packets were sent again in a second, the cap is %d", n, rtxPerSecond)
	}
}

// Threat 5: sender reports and goodbyes about somebody else's SSRC change nothing.
func TestReportsAboutOthersChangeNothing(t *testing.T) {
	room, publishers, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	eventually(t, "a picture", showing(v, 1))
	mallory := newAttacker(t, room, 666)
	l := room.tracks[trackKey{1, media.Camera}].layers[0]
	ssrc, ok := publishers[0].peer.session.ssrcOf(l)
	if !ok {
		t.Fatal("no SSRC")
	}
	was := l.sr.Load()
	before := receivedBy(room.server)
	mallory.rtcpPackets(&rtcp.SenderReport{SSRC: ssrc, NTPTime: 12345, RTPTime: 1}, &rtcp.Goodbye{Sources: []uint32{ssrc}})
	mallory.rtcpPackets(&rtcp.ReceiverReport{SSRC: ssrc, Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: 255, TotalLost: 1 << 22}}})
	drained(t, room.server, before, 2)
	if sr := l.sr.Load(); sr != was && sr != nil && sr.timestamp == 1 {
		t.Error("a stranger's sender report was taken")
	}
}

// Threat 6: estimates of nothing, feedback that is noise, clocks that run backwards.
func TestSenselessFeedbackChangesNothing(t *testing.T) {
	srv, mallory, bystander := attacked(t)
	mallory.peer.SetLive(media.Sources(media.Camera))
	mallory.rtp(mallory.video(5, 1, "q"))
	before := receivedBy(srv)
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // any numbers will do
	for i := range 200 {
		mallory.rtcpPackets(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 0, SSRCs: []uint32{5}},
			&rtcp.SenderReport{SSRC: 5, NTPTime: random.Uint64(), RTPTime: uint32(1000 - i)})
		noise := make(rtcp.RawPacket, 4+4*(2+i%40))
		for j := range noise {
			noise[j] = byte(random.Uint32())
		}
		noise[0], noise[1] = 0x80|15, 205
		binary.BigEndian.PutUint16(noise[2:], uint16(len(noise)/4-1))
		mallory.rtcpPackets(&noise)
		mallory.rtp(mallory.video(5, uint16(2+i), "q"))
	}
	drained(t, srv, before, 600)
	bystander()
}

// Threat 7: packets that are authentic and malformed in every way; the sender's next good packet is forwarded.
func TestMalformedRTPIsDroppedAndForgotten(t *testing.T) {
	srv, mallory, bystander := attacked(t)
	mallory.peer.SetLive(media.Sources(media.Camera, media.Mic))
	mallory.session.inMu.Lock()
	mallory.session.budget = 1 << 20
	mallory.session.inMu.Unlock()
	good := mallory.video(77, 1000, "q")
	mallory.rtp(good)
	seq := uint16(1001)
	send := func(change func(b []byte) ([]byte, int)) {
		p := mallory.video(77, seq, "q")
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
		mallory.raw(mallory.sealRTP(b, headerLen))
	}
	p := mallory.video(77, 1, "q")
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
		mallory.raw(b)
	}
	rtx := mallory.video(78, 1, "q")
	rtx.PayloadType, rtx.Extensions = 97, nil
	_ = rtx.SetExtension(extMID, []byte("1"))
	_ = rtx.SetExtension(extRRID, []byte("q"))
	for n := range 4 { // RTX too short for its OSN
		rtx.SequenceNumber++
		rtx.Payload = make([]byte, n)
		mallory.rtp(rtx)
	}
	before := mallory.session.tracks
	mallory.rtp(mallory.video(77, seq+10, "q"))
	_ = before
	eventually(t, "a good packet is taken", func() bool {
		mallory.session.inMu.Lock()
		defer mallory.session.inMu.Unlock()
		st := mallory.session.streams[77]
		if st == nil {
			return false
		}
		highest, _ := st.layer.receive.seen.Highest()
		return highest == uint64(seq+10)
	})
	_ = srv
	bystander()
}

// Threat 8: replayed SRTP, wrong tags, SRTCP of every small length.
func TestReplaysAndForgeriesAreDropped(t *testing.T) {
	srv, mallory, bystander := attacked(t)
	mallory.peer.SetLive(media.Sources(media.Camera))
	p := mallory.video(5, 100, "q")
	before := receivedBy(srv)
	for range 20 {
		mallory.rtp(p)
	}
	drained(t, srv, before, 20)
	if n := dropped(srv, drop.Replay); n != 19 {
		t.Errorf("%d of 19 replays were dropped", n)
	}
	p.Version = 2
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(b[2:], 101)
	sealed := mallory.sealRTP(b, p.Header.MarshalSize())
	before = receivedBy(srv)
	auth := dropped(srv, drop.Auth)
	for i := range sealed[12:] {
		forged := bytes.Clone(sealed)
		forged[12+i] ^= 1
		mallory.raw(forged)
	}
	drained(t, srv, before, uint64(len(sealed)-12))
	if n := dropped(srv, drop.Auth) + dropped(srv, drop.Malformed) - auth; n != uint64(len(sealed)-12) {
		t.Errorf("%d of %d forgeries were dropped", n, len(sealed)-12)
	}
	for n := 2; n <= 64; n++ {
		b := make([]byte, n)
		b[0], b[1] = 0x80, 200
		mallory.raw(b)
	}
	bystander()
}

// Threats 9 to 11: strangers get no answer: no reflection of STUN, no handshake, and no packet ever goes to a candidate.
func TestStrangersGetNoAnswer(t *testing.T) {
	srv := testServer(t)
	room := srv.NewRoom(RoomEvents{})
	trap, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = trap.Close() }()
	peer, err := room.Join(1, PeerEvents{})
	if err != nil {
		t.Fatal(err)
	}
	port := trap.LocalAddr().(*net.UDPAddr).Port
	offer := attackerOffer + fmt.Sprintf("a=candidate:1 1 udp 2130706431 127.0.0.1 %d typ host\r\n", port)
	if _, err := peer.Negotiate(context.Background(), offer, []media.Track{{MID: "0", Source: media.Mic}}); err != nil {
		t.Fatal(err)
	}
	binding := make([]byte, 20) // RFC 8489 §5: a Binding request without credentials
	binary.BigEndian.PutUint16(binding, 1)
	binary.BigEndian.PutUint32(binding[4:], 0x2112A442)
	hello := append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50}, make([]byte, 50)...)
	to := net.UDPAddrFromAddrPort(srv.network.Locals()[0].Addr)
	for _, b := range [][]byte{binding, hello, {0x80, 96, 0, 1}, {0}, {}} {
		if _, err := trap.WriteTo(b, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := trap.SetReadDeadline(time.Now().Add(700 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1500)
	if n, _, err := trap.ReadFrom(buf); err == nil {
		t.Errorf("a stranger was sent %d bytes: % x", n, buf[:min(n, 32)])
	}
}

// Threat 13: Firefox probes with RTX of packets that have arrived. They are counted as repeats and reach nobody.
func TestRTXProbingReachesNobody(t *testing.T) {
	room, _, v := meet(t, 0, clientOptions{video: 1})
	mallory := newAttacker(t, room, 666)
	mallory.peer.SetLive(media.Sources(media.Camera))
	v.peer.SetView(wantsOf(666))
	mallory.rtp(mallory.video(1, 1, "q"))
	eventually(t, "a picture", func() bool {
		mallory.rtp(mallory.video(1, uint16(2+receivedBy(room.server)), "q"))
		return showing(v, 666)()
	})
	mallory.session.inMu.Lock()
	highest, _ := mallory.session.streams[1].layer.receive.seen.Highest()
	mallory.session.inMu.Unlock()
	mid, _ := v.slotOf(666, media.Camera)
	time.Sleep(20 * time.Millisecond)
	n, before := len(v.packets(mid)), dropped(room.server, drop.Duplicate)
	for i := range 300 {
		original := mallory.video(1, uint16(highest), "q")
		rtx := &rtp.Packet{Header: rtp.Header{SSRC: 2, PayloadType: 97, SequenceNumber: uint16(i), Timestamp: original.Timestamp},
			Payload: append(binary.BigEndian.AppendUint16(nil, uint16(highest)), original.Payload...)}
		_ = rtx.SetExtension(extMID, []byte("1"))
		_ = rtx.SetExtension(extRRID, []byte("q"))
		mallory.rtp(rtx)
	}
	eventually(t, "the repeats are counted", func() bool { return dropped(room.server, drop.Duplicate)-before == 300 })
	if got := len(v.packets(mid)); got != n {
		t.Errorf("%d repeats reached the viewer", got-n)
	}
}
