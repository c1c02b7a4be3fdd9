// Package wiretest is the other end of the wire, for tests of the packet path: an endpoint that holds its SRTP keys,
// sends what it likes, and reads what it is sent; and video as browsers packetise it. Only tests import it.
package wiretest

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pionsrtp "github.com/pion/srtp/v3"

	"conclave/sfu/batch"
	"conclave/sfu/codec"
	"conclave/sfu/rtcpview"
	"conclave/sfu/transport"
	"conclave/sfu/transport/srtp"
)

// Patience is how long something that has to happen may take before it counts as never: only a test that fails waits so
// long.
const Patience = time.Minute

// Eventually polls: what it waits for crosses sockets and goroutines.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Header extension ids: of what an endpoint publishes, and of the transport-wide sequence numbers that a viewer takes.
const (
	ExtAudioLevel  = 1
	ExtMID         = 4
	ExtTWCC        = 5
	ExtRID         = 10
	ExtRepairedRID = 11
)

// PayloadTypes are those of the codecs; the RTX of each is one higher.
func PayloadTypes() map[codec.Kind]uint8 {
	return map[codec.Kind]uint8{codec.Opus: 111, codec.VP8: 96, codec.VP9: 98, codec.AV1: 45, codec.H264: 102}
}

// key and salt are those of AES-128-GCM, in both directions.
var key, salt = bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{9}, 12)

// Endpoint is a client with a finished handshake and no manners.
type Endpoint struct {
	T      testing.TB
	Conn   *net.UDPConn
	Cipher *srtp.Cipher
	Server netip.AddrPort
	rtcp   *pionsrtp.Context // seals
	rtcpIn *pionsrtp.Context
}

// New makes an endpoint on the loopback.
func New(t testing.TB, server netip.AddrPort) *Endpoint {
	t.Helper()
	e := &Endpoint{T: t, Server: server}
	var err error
	if e.Conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Conn.Close() })
	if e.Cipher, err = srtp.NewCipher(srtp.AES128GCM, key, salt); err != nil {
		t.Fatal(err)
	}
	for _, context := range []**pionsrtp.Context{&e.rtcp, &e.rtcpIn} {
		if *context, err = pionsrtp.CreateContext(key, salt, pionsrtp.ProtectionProfileAeadAes128Gcm); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// Adopt gives the transport the endpoint's keys and address, in place of a handshake; all else is the real path.
func (e *Endpoint) Adopt(t *transport.Transport) {
	e.T.Helper()
	e.AdoptAt(t, e.Address())
}

// AdoptAt does the same with an address where no one may listen.
func (e *Endpoint) AdoptAt(t *transport.Transport, at netip.AddrPort) {
	e.T.Helper()
	keys, err := transport.NewKeys(srtp.AES128GCM, slices.Concat(key, key, salt, salt))
	if err != nil {
		e.T.Fatal(err)
	}
	t.Adopt(keys, &transport.Path{From: at})
}

// Address is where the endpoint sends from.
func (e *Endpoint) Address() netip.AddrPort {
	addr, ok := e.Conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		e.T.Fatal("no UDP address")
	}
	return addr.AddrPort()
}

// Raw sends one datagram.
func (e *Endpoint) Raw(b []byte) {
	e.T.Helper()
	if _, err := e.Conn.WriteToUDPAddrPort(b, e.Server); err != nil {
		e.T.Fatal(err)
	}
}

// Seal authenticates b, an RTP packet however odd whose header ends at headerLen. The roll-over counter is zero.
func (e *Endpoint) Seal(b []byte, headerLen int) []byte {
	var n srtp.Scratch
	out := append(make([]byte, 0, len(b)+srtp.Overhead), b[:headerLen]...)
	return e.Cipher.Seal(out, b[headerLen:], binary.BigEndian.Uint32(b[8:]), uint64(binary.BigEndian.Uint16(b[2:])), &n)
}

// Sealed marshals and seals an RTP packet.
func (e *Endpoint) Sealed(p *rtp.Packet) []byte {
	e.T.Helper()
	p.Version = 2
	b, err := p.Marshal()
	if err != nil {
		e.T.Fatal(err)
	}
	return e.Seal(b, p.Header.MarshalSize())
}

// RTP sends an RTP packet.
func (e *Endpoint) RTP(p *rtp.Packet) {
	e.T.Helper()
	e.Raw(e.Sealed(p))
}

// RTCP sends packets as one compound.
func (e *Endpoint) RTCP(packets ...rtcp.Packet) {
	e.T.Helper()
	e.Raw(e.SealedRTCP(packets...))
}

// SealedRTCP marshals and seals packets as one compound.
func (e *Endpoint) SealedRTCP(packets ...rtcp.Packet) []byte {
	e.T.Helper()
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		e.T.Fatal(err)
	}
	sealed, err := e.rtcp.EncryptRTCP(nil, plain, nil)
	if err != nil {
		e.T.Fatal(err)
	}
	return sealed
}

// Feedback sends body as transport-wide feedback.
func (e *Endpoint) Feedback(body []byte) {
	e.T.Helper()
	raw := make(rtcp.RawPacket, 4, 4+len(body)+3)
	raw[0], raw[1] = 0x80|rtcpview.FormatTWCC, rtcpview.TypeRTPFB
	raw = append(raw, body...)
	if pad := -len(body) & 3; pad > 0 {
		raw[0] |= 0x20
		raw = append(raw, make([]byte, pad)...)
		raw[len(raw)-1] = byte(pad)
	}
	binary.BigEndian.PutUint16(raw[2:], uint16(len(raw)/4-1))
	e.RTCP(&raw)
}

// isRTCP tells RTCP from RTP by the packet type (RFC 5761 §4).
func isRTCP(b []byte) bool { return len(b) > 1 && b[1] >= 192 && b[1] <= 223 }

// Arrivals reads the RTP packets that the server sends until enough says so. Payloads are still sealed.
func (e *Endpoint) Arrivals(what string, enough func(p *rtp.Packet, size int) bool) {
	e.T.Helper()
	e.Datagrams(what, func(b []byte) bool {
		var p rtp.Packet
		return !isRTCP(b) && p.Unmarshal(b) == nil && enough(&p, len(b))
	})
}

// Datagrams reads what the server sends, RTP and RTCP, until enough says so. b is valid for the call only.
func (e *Endpoint) Datagrams(what string, enough func(b []byte) bool) {
	e.T.Helper()
	buf := make([]byte, batch.MaxDatagram)
	_ = e.Conn.SetReadDeadline(time.Now().Add(Patience))
	for {
		n, err := e.Conn.Read(buf)
		if err != nil {
			e.T.Fatalf("never: %s: %v", what, err)
		}
		if enough(buf[:n]) {
			return
		}
	}
}

// Report reads what the server sends until a compound of RTCP comes, and returns that.
func (e *Endpoint) Report(what string) []rtcp.Packet {
	e.T.Helper()
	var packets []rtcp.Packet
	e.Datagrams(what, func(b []byte) bool {
		if !isRTCP(b) {
			return false
		}
		plain, err := e.rtcpIn.DecryptRTCP(nil, b, nil)
		if err != nil {
			e.T.Fatalf("%s: %v", what, err)
		}
		if packets, err = rtcp.Unmarshal(plain); err != nil {
			e.T.Fatalf("%s: %v", what, err)
		}
		return true
	})
	return packets
}

// Video is one packet of layer rid of a VP8 camera: a whole key frame.
func Video(ssrc uint32, seq uint16, rid string) *rtp.Packet {
	return VideoOf(codec.VP8, ssrc, seq, rid)
}

// VideoOf is one packet of layer rid of a camera: a whole key frame.
func VideoOf(kind codec.Kind, ssrc uint32, seq uint16, rid string) *rtp.Packet {
	src := &VideoSource{Codec: kind, Height: 180, Seq: seq, Timestamp: uint32(seq) * 3000, PictureID: seq & 0x7fff,
		Packets: 1}
	p := src.Frame(true)[0]
	p.SSRC, p.PayloadType = ssrc, PayloadTypes()[kind]
	_ = p.SetExtension(ExtMID, []byte("1"))
	_ = p.SetExtension(ExtRID, []byte(rid))
	return p
}

// Speak writes 50 packets of sound a second until ctx ends or the track does not take them. Pion leaves the MID to the
// application; the m-line is known by its SSRC.
func Speak(ctx context.Context, track interface{ WriteRTP(p *rtp.Packet) error }) {
	for seq := uint16(1); ; seq++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
		p := Audio(seq, 20)
		p.Header = rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960}
		if err := track.WriteRTP(p); err != nil {
			return
		}
	}
}

// Audio is one packet of speech at the given level in -dBov.
func Audio(seq uint16, level byte) *rtp.Packet {
	p := &rtp.Packet{Payload: []byte{1, 2, 3},
		Header: rtp.Header{SSRC: 3, PayloadType: 111, SequenceNumber: seq, Timestamp: uint32(seq) * 960}}
	_ = p.SetExtension(ExtMID, []byte("0"))
	_ = p.SetExtension(ExtAudioLevel, []byte{level})
	return p
}

// AllReceived appends the body of a feedback message: count packets from base on arrived, a quarter of a millisecond
// apart, beginning at reference, in units of 64 ms.
func AllReceived(b []byte, base, count uint16, reference uint32) []byte {
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 2)
	b = binary.BigEndian.AppendUint16(b, base)
	b = binary.BigEndian.AppendUint16(b, count)
	b = append(b, byte(reference>>16), byte(reference>>8), byte(reference), 0)
	b = binary.BigEndian.AppendUint16(b, 1<<13|count)
	for range count {
		b = append(b, 1)
	}
	return b
}

// ArrivedAt is the body of a feedback message: packets from base on arrived at the given µs.
func ArrivedAt(base uint16, times []int64) []byte {
	const unit = 64_000
	reference := times[0] / unit
	b := AllReceived(nil, base, uint16(len(times)), uint32(reference))
	b[16], b[17] = 2<<5, byte(len(times)) // a run of two-byte deltas
	b = b[:18]
	last := reference * unit
	for _, at := range times {
		b = binary.BigEndian.AppendUint16(b, uint16((at-last)/250))
		last += (at - last) / 250 * 250
	}
	return b
}
