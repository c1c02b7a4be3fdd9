package turn

import (
	"encoding/binary"
	"errors"
	mathrand "math/rand/v2"
	"net/netip"
	"time"
)

const (
	channelHeader = 4
	// MaxMessage bounds a message in a stream: a datagram of the media port in a Send indication, and its attributes.
	MaxMessage = 2048
	// MaxOverhead is what a Framing adds to a datagram at most: a Data indication from an IPv6 address.
	MaxOverhead = headerLen + 24 + 4 + 3
)

// errNotTURN is returned for a stream that holds no TURN message where one must begin.
var errNotTURN = errors.New("turn: the stream holds something else")

// Next splits a stream: message is the first message in b, size what it takes up with its padding (RFC 8656 §12.5).
// size is 0 while b does not hold all of it.
func Next(b []byte) (message []byte, size int, err error) {
	if len(b) < channelHeader {
		return nil, 0, nil
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch b[0] & 0xc0 {
	case 0x00:
		n += headerLen
		size = n
		if n%4 != 0 {
			return nil, 0, errNotTURN
		}
	case 0x40:
		n += channelHeader
		size = (n + 3) &^ 3
	default:
		return nil, 0, errNotTURN
	}
	if size > MaxMessage {
		return nil, 0, errNotTURN
	}
	if len(b) < size {
		return nil, 0, nil
	}
	return b[:n], size, nil
}

// channelData reads ChannelData (RFC 8656 §12.7): to a peer that the channel is bound to, and is permitted.
func (c *Client) channelData(now time.Time, b []byte) (data []byte, peer int) {
	n := int(binary.BigEndian.Uint16(b[2:]))
	at := now.UnixNano()
	if !c.alloc.live(at) || n > len(b)-channelHeader || n == 0 {
		return nil, 0
	}
	number := uint32(binary.BigEndian.Uint16(b))
	for i := range c.alloc.peers {
		p := &c.alloc.peers[i]
		if p.channel.Load() == number && p.bound.Load() > at && p.permitted.Load() > at {
			return b[channelHeader : channelHeader+n], i
		}
	}
	return nil, 0
}

// send reads a Send indication (RFC 8656 §11.2): to a peer that is ours, port and all, and is permitted.
func (c *Client) send(now time.Time, m *message) (data []byte, peer int) {
	if !c.alloc.live(now.UnixNano()) || !m.hasData || len(m.data) == 0 || m.badPeer || len(m.peers) != 1 ||
		len(m.unknown) > 0 {
		return nil, 0
	}
	at := c.server.peer(m.peers[0])
	if at < 0 || c.alloc.peers[at].permitted.Load() <= now.UnixNano() {
		return nil, 0
	}
	return m.data, at
}

// Framing brings datagrams of one peer to the client of an allocation: as ChannelData if a channel is bound, else as
// Data indications (RFC 8656 §11.3, §12.6). Safe for concurrent use.
type Framing struct {
	alloc  *allocation
	at     *binding
	peer   netip.AddrPort
	stream bool
	now    func() time.Time
}

// Framing returns the framing of the peer at that place in Server.Peers. The client must have an allocation.
func (c *Client) Framing(peer int, now func() time.Time) *Framing {
	return &Framing{alloc: c.alloc, at: &c.alloc.peers[peer], peer: c.server.peers[peer], stream: c.stream, now: now}
}

// Max is how many bytes Append adds to a datagram at most.
func (f *Framing) Max() int { return MaxOverhead }

// Append appends what brings a datagram to the client; nothing once the allocation has ended, or for a peer that the
// client has not permitted. It does not allocate but what append needs.
func (f *Framing) Append(dst, datagram []byte) []byte {
	now := f.now().UnixNano()
	if !f.alloc.live(now) || f.at.permitted.Load() <= now {
		return dst
	}
	if number := f.at.channel.Load(); number != 0 && f.at.bound.Load() > now {
		dst = append(dst, byte(number>>8), byte(number), byte(len(datagram)>>8), byte(len(datagram)))
		dst = append(dst, datagram...)
		if f.stream {
			dst = pad(dst, len(datagram))
		}
		return dst
	}
	return appendIndication(dst, f.peer, datagram)
}

func appendIndication(dst []byte, peer netip.AddrPort, datagram []byte) []byte {
	at := len(dst)
	dst = append(dst, (methodData|classIndication)>>8, methodData|classIndication, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, cookie)
	dst = binary.BigEndian.AppendUint64(dst, mathrand.Uint64())
	dst = binary.BigEndian.AppendUint32(dst, mathrand.Uint32())
	dst = appendAddress(dst, attrXORPeerAddress, peer, dst[at+4:at+headerLen])
	dst = append(appendAttrHeader(dst, attrData, len(datagram)), datagram...)
	dst = pad(dst, len(datagram))
	binary.BigEndian.PutUint16(dst[at+2:], uint16(len(dst)-at-headerLen)) //nolint:gosec // a datagram
	return dst
}
