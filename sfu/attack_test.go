package sfu

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"conclave/media"
	"conclave/sfu/drop"
	"conclave/sfu/forward"
	"conclave/sfu/wiretest"
)

// attacker is a participant with a finished handshake and no manners: it holds its SRTP keys and sends what it likes.
type attacker struct {
	*wiretest.Endpoint
	peer       *Peer
	connection *connection
}

const attackerOffer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
	"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:" +
	"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\n" +
	"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=rtcp-mux\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 " +
	"rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" +
	"a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\na=rid:q send\r\na=rid:h send\r\na=rid:f " +
	"send\r\na=simulcast:send q;h;f\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:2\r\na=rtcp-mux\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 " +
	"rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:3\r\na=rtcp-mux\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n"

// newAttacker joins the room with keys of its own choice in place of a handshake; everything after that is the real
// path.
func newAttacker(t testing.TB, room *testRoom, id media.ParticipantID) *attacker {
	t.Helper()
	return newAttackerWith(t, room, id, attackerOffer)
}

func newAttackerWith(t testing.TB, room *testRoom, id media.ParticipantID, offer string) *attacker {
	t.Helper()
	a := &attacker{Endpoint: wiretest.New(t, room.server.network.Locals()[0].Addr)}
	a.peer = room.Join(id)
	a.renegotiate(offer)
	a.connection = a.peer.connection
	a.Adopt(a.connection.Transport())
	return a
}

func dropped(s *Server, d drop.Reason) (n uint64) {
	for _, sender := range s.engine.Senders() {
		n += sender.Drops[d].Load()
	}
	return n
}

func receivedBy(s *Server) (n uint64) {
	for _, sender := range s.engine.Senders() {
		n += sender.Received.Load()
	}
	return n
}

// drained waits until the server has looked at everything sent so far, which is n datagrams more than before.
func drained(t *testing.T, s *Server, before, n uint64) {
	t.Helper()
	wiretest.Eventually(t, fmt.Sprintf("%d datagrams are looked at", n), func() bool { return receivedBy(s) >= before+n })
	time.Sleep(5 * time.Millisecond) // the batch in hand
}

// attacked is a room in which bob watches alice while mallory is at work; bystander checks at the end that alice's
// video still arrives.
func attacked(t *testing.T) (srv *Server, mallory *attacker, bystander func()) {
	t.Helper()
	room, publishers, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "a picture", showing(v, 1))
	mid, _ := v.slotOf(1, media.Camera)
	_ = publishers
	return room.server, newAttacker(t, room, 666), func() {
		t.Helper()
		n := len(v.packets(mid))
		wiretest.Eventually(t, "the bystander's video goes on", func() bool { return len(v.packets(mid)) > n+30 })
	}
}

// Threat 4: however often viewers ask for key frames, their publisher is asked once in 500 ms at most.
func TestPLIFloodsReachThePublisherTwiceASecond(t *testing.T) {
	room, publishers, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "a picture", showing(v, 1))
	mallory := newAttacker(t, room, 666)
	mallory.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "mallory watches too", func() bool {
		room.Room.mu.Lock()
		defer room.Room.mu.Unlock()
		return mallory.connection.Egress().Slots()[0].Assigned() != nil
	})
	publishers[0].mu.Lock()
	before := publishers[0].plis["q"]
	publishers[0].mu.Unlock()
	ssrc, _, _ := mallory.connection.Egress().Slots()[0].SSRCs()
	began := time.Now()
	for range 30 { // 1.5 s and more
		for range 10 {
			mallory.RTCP(&rtcp.PictureLossIndication{MediaSSRC: ssrc},
				&rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc}}})
		}
		time.Sleep(50 * time.Millisecond)
	}
	publishers[0].mu.Lock()
	defer publishers[0].mu.Unlock()
	if n, most := publishers[0].plis["q"]-before, int(time.Since(began)/forward.KeyFrameInterval)+2; n < 1 || n > most {
		t.Errorf("the publisher was asked %d times in %v", n, time.Since(began))
	}
}

// Threat 6: estimates of nothing, feedback that is noise, clocks that run backwards.
func TestSenselessFeedbackChangesNothing(t *testing.T) {
	srv, mallory, bystander := attacked(t)
	setLive(mallory.peer, media.Sources(media.Camera))
	mallory.RTP(wiretest.Video(5, 1, "q"))
	before := receivedBy(srv)
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // any numbers will do
	for i := range 200 {
		mallory.RTCP(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 0, SSRCs: []uint32{5}},
			&rtcp.SenderReport{SSRC: 5, NTPTime: random.Uint64(), RTPTime: uint32(1000 - i)})
		noise := make(rtcp.RawPacket, 4+4*(2+i%40))
		for j := range noise {
			noise[j] = byte(random.Uint32())
		}
		noise[0], noise[1] = 0x80|15, 205
		binary.BigEndian.PutUint16(noise[2:], uint16(len(noise)/4-1))
		mallory.RTCP(&noise)
		mallory.RTP(wiretest.Video(5, uint16(2+i), "q"))
	}
	drained(t, srv, before, 600)
	bystander()
}

// Threats 9 to 11: strangers get no answer: no reflection of STUN, no handshake, and no packet ever goes to a
// candidate.
func TestStrangersGetNoAnswer(t *testing.T) {
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	trap, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = trap.Close() }()
	peer := room.Join(1)
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
