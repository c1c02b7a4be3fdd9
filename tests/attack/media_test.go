package attack

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// sequences number what a client publishes: its microphone, then its camera.
type sequences struct {
	ssrc      [2]uint32
	seq       [2]uint16
	timestamp [2]uint32
	twcc      uint16
	encodings int // of the camera, by RID; 0: one without
}

func newSequences() sequences {
	return sequences{ssrc: [2]uint32{rand.Uint32(), rand.Uint32()},
		seq: [2]uint16{uint16(rand.N(1 << 14)), uint16(rand.N(1 << 14))}}
}

// What a client publishes, as it numbers its m-lines.
const (
	mic    = 0
	camera = 1
)

// packet makes the next packet of a source. One of the camera is a whole frame, and each hundredth a key frame.
func (s *sequences) packet(source int) *rtp.Packet {
	s.seq[source]++
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: opusType, SequenceNumber: s.seq[source],
		Timestamp: s.timestamp[source], SSRC: s.ssrc[source], Marker: true}}
	if source == camera {
		p.PayloadType = vp8Type
		s.timestamp[source] += 3000
		p.Payload = make([]byte, 1000)
		copy(p.Payload, []byte{0x10, 0x11}) // RFC 7741 §4.2, RFC 6386 §9.1
		if s.timestamp[source]/3000%100 == 1 {
			copy(p.Payload, []byte{0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xb4, 0})
		}
		if s.encodings > 0 {
			_ = p.SetExtension(ridExtension, []byte{"qhf"[rand.N(s.encodings)]}) // of a valid id: cannot fail
		}
	} else {
		s.timestamp[source] += 960
		p.Payload = make([]byte, 80)
		p.Payload[0] = 0x78
	}
	s.twcc++
	_ = p.SetExtension(midExtension, []byte{'0' + byte(source)}) // of a valid id: cannot fail
	_ = p.SetExtension(twccExtension, binary.BigEndian.AppendUint16(nil, s.twcc))
	return p
}

// packet makes the next packet of a source.
func (c *client) packet(source int) *rtp.Packet {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	return c.sequences.packet(source)
}

// seal encrypts a packet with the client's keys.
func (c *client) seal(p *rtp.Packet) []byte {
	c.t.Helper()
	raw, err := p.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	c.outMu.Lock()
	defer c.outMu.Unlock()
	sealed, err := c.out.EncryptRTP(nil, raw, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return sealed
}

// sealRTCP encrypts control packets with the client's keys.
func (c *client) sealRTCP(packets ...rtcp.Packet) []byte {
	c.t.Helper()
	raw, err := rtcp.Marshal(packets)
	if err != nil {
		c.t.Fatal(err)
	}
	c.outMu.Lock()
	defer c.outMu.Unlock()
	sealed, err := c.out.EncryptRTCP(nil, raw, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return sealed
}

// write sends a datagram to the server's media address.
func (c *client) write(b []byte) { _, _ = c.current().WriteToUDPAddrPort(b, c.media) } // UDP: it may be lost

// publish sends microphone and camera until the test ends: 50 and perSecond packets a second.
func (c *client) publish(ctx context.Context, perSecond int) {
	go c.every(ctx, time.Second/50, func() { c.write(c.seal(c.packet(mic))) })
	if perSecond > 0 {
		go c.every(ctx, time.Second/time.Duration(perSecond), func() { c.write(c.seal(c.packet(camera))) })
	}
}

func (c *client) every(ctx context.Context, interval time.Duration, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// view asks for a participant's camera.
func (c *client) view(of *client) {
	c.t.Helper()
	c.request(message{"type": "view", "wants": []message{{"participant": of.id, "source": "camera", "height": 180}}}, "ok")
}

// read takes in what comes until the socket is closed.
func (c *client) read(socket *net.UDPConn) {
	buffer := make([]byte, 2048)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		b := buffer[:n]
		switch {
		case n == 0:
		case b[0] < 4:
			c.stun(b, from, socket)
		case b[0] >= 20 && b[0] < 64:
			c.record(b)
		case b[0] >= 128 && n > 12 && socket == c.current():
			c.rtp(b)
		}
	}
}

// record hands DTLS on. After the handshake nothing is due, so what comes is counted.
func (c *client) record(b []byte) {
	c.outMu.Lock()
	done := c.dtls != nil
	c.outMu.Unlock()
	if done {
		c.alerts.Add(1)
		return
	}
	_, _ = c.records.Write(b, nil) // full: DTLS repeats
}

// rtp opens media and control packets.
func (c *client) rtp(b []byte) {
	c.outMu.Lock()
	in := c.in
	c.outMu.Unlock()
	if in == nil {
		return
	}
	c.inMu.Lock() // a client that moves reads two sockets for a moment
	defer c.inMu.Unlock()
	if b[1] >= 192 && b[1] < 224 {
		plain, err := in.DecryptRTCP(nil, b, nil)
		if err != nil {
			return
		}
		list, err := rtcp.Unmarshal(plain)
		if err != nil {
			return
		}
		for _, p := range list {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				c.keyRequests.Add(1)
			}
		}
		return
	}
	var h rtp.Header
	if _, err := in.DecryptRTP(nil, b, &h); err == nil {
		c.packets.Add(1)
		c.bytes.Add(int64(len(b)))
		if h.PayloadType == vp8Type {
			c.newest.Store(uint32(h.SequenceNumber))
		}
	}
}

// flows says whether media comes to the client within the given time.
func (c *client) flows(within time.Duration) bool {
	before := c.packets.Load()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if c.packets.Load() >= before+5 {
			return true
		}
	}
	return false
}

// needsFlow fails the test unless media comes to the client.
func (c *client) needsFlow(when string) {
	c.t.Helper()
	if !c.flows(3 * time.Second) {
		c.t.Fatalf("no media %s", when)
	}
}
