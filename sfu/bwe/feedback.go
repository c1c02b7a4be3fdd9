package bwe

import (
	"encoding/binary"
	"errors"
)

// ErrFeedback is returned for transport-wide feedback that does not parse.
var ErrFeedback = errors.New("bwe: malformed transport-wide feedback")

// Status is what a feedback message says about one packet.
type Status struct {
	Seq      uint16
	Received bool
	Arrival  int64 // µs by the receiver's clock since Feedback.Reference; only if received
}

// Feedback reads one transport-wide feedback message where it lies
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). It allocates nothing.
type Feedback struct {
	Base      uint16 // sequence number of the first status
	Count     int    // statuses
	Reference uint32 // 24 bits, in units of 64 ms
	Sequence  uint8  // of the message itself

	chunks, deltas []byte
	next           uint16
	left           int
	symbols        uint16 // of the chunk at hand
	inChunk        int    // symbols left in it
	width          int    // bits a symbol; 0: a run, whose symbol is symbols
	arrival        int64
}

const (
	feedbackHeader = 16 // two SSRCs, base, count, reference time, message count
	vectorBits     = 14

	symbolLost  = 0
	symbolSmall = 1 // one unsigned byte of 250 µs
	symbolLarge = 2 // two signed bytes

	deltaUnit = 250 // µs
)

// ParseFeedback checks body, what follows the four bytes of the RTCP header without padding, as a whole: after nil,
// Next goes through exactly Count statuses. body must stay unchanged for as long.
func ParseFeedback(body []byte) (f Feedback, err error) {
	if len(body) < feedbackHeader {
		return f, ErrFeedback
	}
	f = Feedback{
		Base:      binary.BigEndian.Uint16(body[8:]),
		Count:     int(binary.BigEndian.Uint16(body[10:])),
		Reference: binary.BigEndian.Uint32(body[12:]) >> 8,
		Sequence:  body[15],
	}
	if f.Count == 0 {
		return f, ErrFeedback
	}
	rest := body[feedbackHeader:]
	chunks, deltas := 0, 0
	for covered := 0; covered < f.Count; chunks++ {
		if len(rest) < 2*(chunks+1) {
			return f, ErrFeedback
		}
		n, bytes, ok := measure(binary.BigEndian.Uint16(rest[2*chunks:]), f.Count-covered)
		if !ok {
			return f, ErrFeedback
		}
		covered += n
		deltas += bytes
	}
	if len(rest) < 2*chunks+deltas {
		return f, ErrFeedback
	}
	f.chunks, f.deltas = rest[:2*chunks], rest[2*chunks:2*chunks+deltas]
	f.next, f.left = f.Base, f.Count
	return f, nil
}

// measure says how many of the remaining statuses chunk covers and how many bytes of deltas they need. A run of none
// and the reserved symbol are refused.
func measure(chunk uint16, remaining int) (statuses, deltaBytes int, ok bool) {
	size := [...]int{symbolLost: 0, symbolSmall: 1, symbolLarge: 2}
	if chunk>>15 == 0 { // §3.1.3: a run
		n := min(int(chunk&0x1fff), remaining)
		symbol := chunk >> 13 & 3
		if n == 0 || int(symbol) >= len(size) {
			return 0, 0, false
		}
		return n, n * size[symbol], true
	}
	width := 1 + int(chunk>>14&1) // §3.1.4: a vector of symbols of one or two bits
	n := min(vectorBits/width, remaining)
	for i := range n {
		symbol := symbolAt(chunk, width, i)
		if int(symbol) >= len(size) {
			return 0, 0, false
		}
		deltaBytes += size[symbol]
	}
	return n, deltaBytes, true
}

func symbolAt(chunk uint16, width, i int) uint16 {
	return chunk >> (vectorBits - width*(i+1)) & (1<<width - 1)
}

// Next returns the next status; ok is false after the last.
func (f *Feedback) Next() (s Status, ok bool) {
	if f.left == 0 {
		return s, false
	}
	if f.inChunk == 0 {
		f.openChunk()
	}
	symbol := f.symbols
	if f.width != 0 {
		symbol = symbolAt(f.symbols, f.width, vectorBits/f.width-f.inChunk)
	}
	f.inChunk--
	f.left--
	s.Seq = f.next
	f.next++
	switch symbol {
	case symbolSmall:
		f.arrival += int64(f.deltas[0]) * deltaUnit
		f.deltas = f.deltas[1:]
	case symbolLarge:
		f.arrival += int64(int16(binary.BigEndian.Uint16(f.deltas))) * deltaUnit
		f.deltas = f.deltas[2:]
	default:
		return s, true
	}
	s.Received, s.Arrival = true, f.arrival
	return s, true
}

func (f *Feedback) openChunk() {
	chunk := binary.BigEndian.Uint16(f.chunks)
	f.chunks = f.chunks[2:]
	if chunk>>15 == 0 {
		f.width, f.symbols, f.inChunk = 0, chunk>>13&3, int(chunk&0x1fff)
		return
	}
	f.width, f.symbols = 1+int(chunk>>14&1), chunk
	f.inChunk = vectorBits / f.width
}
