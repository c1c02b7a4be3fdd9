package history

import "time"

const (
	// ShortPackets is how many packets a Short remembers at most: at Opus's usual 20 ms, 0.64 s.
	ShortPackets = 32
	// ShortBytes is how many bytes of them: half a second of stereo at 64 kbit/s and its headers.
	ShortBytes = 8 << 10
)

// Short is a ring of the latest sealed packets of one outgoing audio stream, to send some of them again. It keeps them
// sealed, because a retransmission on the same SSRC must be the same, byte for byte: the nonce of its cipher comes from
// its sequence number (RFC 7714 §8.1), and must not seal two different packets. Pure; not safe for concurrent use.
type Short struct {
	entries [ShortPackets]shortEntry
	bytes   [ShortBytes]byte
	written int // position of the next byte in the endless stream of bytes
}

type shortEntry struct {
	at     time.Time // when it was sent
	pos    int
	size   int
	seq    uint16
	asked  time.Time // when it was last sent again for a NACK
	copies uint8     // how often it was sent again without one
}

// Add keeps a copy of the sealed packet with that sequence number. One too large for the ring is not kept.
func (s *Short) Add(seq uint16, sealed []byte, now time.Time) {
	e := &s.entries[seq%ShortPackets]
	*e = shortEntry{}
	if len(sealed) > ShortBytes/4 {
		return
	}
	if s.written%ShortBytes+len(sealed) > ShortBytes { // keep each packet in one piece
		s.written += ShortBytes - s.written%ShortBytes
	}
	copy(s.bytes[s.written%ShortBytes:], sealed)
	*e = shortEntry{at: now, pos: s.written, size: len(sealed), seq: seq}
	s.written += len(sealed)
}

// Ask returns the packet with that sequence number for the answer to a NACK, unless it is older than maxAge or was
// asked for less than wait ago. first says that it had not been asked for before. The packet is valid until the next
// Add.
func (s *Short) Ask(seq uint16, now time.Time, maxAge, wait time.Duration) (sealed []byte, first, ok bool) {
	e := s.find(seq, now, maxAge)
	if e == nil || now.Sub(e.asked) < wait {
		return nil, false, false
	}
	first = e.asked.IsZero()
	e.asked = now
	return s.packet(e), first, true
}

// Copy returns the packet with that sequence number to be sent once more unasked, unless it is older than maxAge or
// was copied most times already. The packet is valid until the next Add.
func (s *Short) Copy(seq uint16, now time.Time, maxAge time.Duration, most int) (sealed []byte, ok bool) {
	e := s.find(seq, now, maxAge)
	if e == nil || int(e.copies) >= most {
		return nil, false
	}
	e.copies++
	return s.packet(e), true
}

// find returns the entry of a packet that is kept and not older than maxAge, else nil.
func (s *Short) find(seq uint16, now time.Time, maxAge time.Duration) *shortEntry {
	e := &s.entries[seq%ShortPackets]
	if e.seq != seq || e.size == 0 || now.Sub(e.at) > maxAge || s.written-e.pos > ShortBytes {
		return nil
	}
	return e
}

func (s *Short) packet(e *shortEntry) []byte {
	at := e.pos % ShortBytes
	return s.bytes[at : at+e.size]
}
