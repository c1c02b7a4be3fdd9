// Package sframe is what a server without keys can tell of an end-to-end encrypted frame (RFC 9605, as docs/e2ee.md
// uses it): does it begin with a well-formed SFrame header, of this track, of an epoch no older and with a counter
// higher than the frame before? Frames that were never encrypted fail this within a few frames. It proves nothing about
// a sender who means harm; only the receivers' keys do.
//
// No state but what a Checker holds, no clock, no allocation.
package sframe

import (
	"encoding/binary"
	"errors"

	"conclave/sfu/codec"
)

// ErrMalformed is returned for bytes that begin no SFrame header, or one that is not encoded minimally.
var ErrMalformed = errors.New("sframe: malformed header")

// A KID of docs/e2ee.md (section 13) has 4 bits of context, 10 of sender and 10 of the epoch. A key is good for 2^32
// frames.
const (
	maxKID      = 1<<24 - 1
	maxCTR      = 1<<32 - 1
	contextAt   = 20
	epochs      = 1 << 10 // that the ten bits tell apart
	mostForward = epochs / 2
	outside     = 8 // what the context of a sender outside the group has more than the track
)

// tagLen is the authentication tag of AES_128_GCM_SHA256_128 (RFC 9605 §4.5).
const tagLen = 16

// Header is an SFrame header (RFC 9605 §4.3).
type Header struct {
	KID, CTR uint64
	Len      int // bytes
}

// ParseHeader reads the header at the beginning of b, which may go on.
func ParseHeader(b []byte) (Header, error) {
	if len(b) == 0 {
		return Header{}, ErrMalformed
	}
	config := b[0]
	rest := b[1:]
	kid, rest, ok := value(config>>4, rest)
	if !ok {
		return Header{}, ErrMalformed
	}
	ctr, rest, ok := value(config, rest)
	if !ok {
		return Header{}, ErrMalformed
	}
	return Header{KID: kid, CTR: ctr, Len: len(b) - len(rest)}, nil
}

// value reads one of the header's numbers: four bits hold it, or say in how many bytes it follows.
func value(config byte, rest []byte) (uint64, []byte, bool) {
	if config&0x08 == 0 {
		return uint64(config & 0x07), rest, true
	}
	n := int(config&0x07) + 1
	if len(rest) < n {
		return 0, nil, false
	}
	var wide [8]byte
	copy(wide[8-n:], rest[:n])
	v := binary.BigEndian.Uint64(wide[:])
	// Minimal: not what four bits can hold, and no leading zero.
	return v, rest[n:], v > 7 && (n == 1 || rest[0] != 0)
}

// Find returns the part of a payload that begins with the SFrame header: what follows the payload descriptor and the
// codec's clear bytes. info describes payload, which begins a frame. ok is false where there can be none.
func Find(kind codec.Kind, info codec.Info, payload []byte) (frame []byte, ok bool) {
	frame = payload[min(int(info.FrameAt), len(payload)):]
	switch kind {
	case codec.VP8:
		plain := 1
		if info.KeyStart {
			plain = 10
		}
		if len(frame) < plain {
			return nil, false
		}
		return frame[plain:], true
	case codec.AV1:
		return inOBU(payload[0], frame)
	default:
		return frame, true
	}
}

// inOBU returns the payload of the one OBU that holds an encrypted temporal unit. header is the aggregation header (RTP
// payload format for AV1, §4.4), elements what follows it.
func inOBU(header byte, elements []byte) ([]byte, bool) {
	if header>>4&0x03 != 1 { // W: but for a single element, each is preceded by its length
		size, rest, ok := leb128(elements)
		if !ok || size > uint64(len(rest)) {
			return nil, false
		}
		elements = rest[:size]
	}
	if len(elements) == 0 {
		return nil, false
	}
	obu, rest := elements[0], elements[1:]
	kind := obu >> 3
	if kind != 1 && kind != 6 || obu&0x04 != 0 { // a sequence header or a frame; no extension
		return nil, false
	}
	if obu&0x02 == 0 {
		return rest, true
	}
	_, rest, ok := leb128(rest) // how long the OBU is, over all packets
	return rest, ok
}

// leb128 reads a little-endian base-128 number of at most 32 bits (AV1 specification §4.10.5).
func leb128(b []byte) (n uint64, rest []byte, ok bool) {
	for i := range min(len(b), 5) {
		n |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 != 0 {
			continue
		}
		if n > 1<<32-1 {
			break
		}
		return n, b[i+1:], true
	}
	return 0, nil, false
}

// Result is what a Checker found. The set is closed: it labels a metric.
type Result uint8

// The results.
const (
	Valid        Result = iota
	Malformed           // no SFrame header, or no room for the tag
	WrongTrack          // the key is another track's
	KeyBack             // an older epoch than the frame before
	CounterBack         // the counter has not grown
	CounterAhead        // the counter has grown by more than there were packets
	Results             // how many there are
)

var resultNames = [Results]string{"valid", "malformed", "wrong_track", "key_back", "counter_back", "counter_ahead"}

// String is the metric's label.
func (r Result) String() string { return resultNames[r] }

// Frame is the beginning of one frame of an RTP stream.
type Frame struct {
	Seq   uint64 // extended RTP sequence number of its first packet
	Track uint8  // which the key must be for
	Data  []byte // from the SFrame header on
	Whole bool   // Data is all of it
	Sound bool   // each packet of the stream is a frame, and there is one encoding
}

// inARow is how many frames in a row must fail before the gate closes, and pass before it opens again. Of sound more
// must pass: the first bytes of Opus in clear often are those of a header of the first member in the first epochs, with
// a counter that goes up and down slowly.
const inARow, inARowOfSound = 3, 8

// Checker follows one RTP stream. The zero value is ready. One goroutine at a time.
type Checker struct {
	seq    uint64 // of the newest frame that passed
	at     Position
	any    bool
	anew   bool // the numbering has begun anew since
	closed bool
	run    uint8 // frames in a row that speak against what closed says
}

// Position is where a frame stands among those of its track, of all encodings: an epoch, as the ten bits of the KID,
// and a counter in it.
type Position struct {
	Epoch uint16
	CTR   uint64
}

// Before says whether a frame at p was sealed before one at q, if they are less than 512 epochs apart.
func (p Position) Before(q Position) bool {
	if p.Epoch == q.Epoch {
		return p.CTR < q.CTR
	}
	return (q.Epoch-p.Epoch)%epochs <= mostForward
}

// PositionOf reads where the frame that begins with an SFrame header stands. ok is false where there is no header.
func PositionOf(frame []byte) (p Position, ok bool) {
	h, err := ParseHeader(frame)
	return Position{uint16(h.KID % epochs), h.CTR}, err == nil
}

// Check looks at a frame. Frames that come late, reordered or retransmitted, must be well formed and of the track, and
// are not compared.
func (c *Checker) Check(f Frame) Result {
	r := c.look(f)
	enough := uint8(inARow)
	if c.closed && f.Sound {
		enough = inARowOfSound
	}
	if (r == Valid) != c.closed {
		c.run = 0
	} else if c.run++; c.run >= enough {
		c.closed, c.run = !c.closed, 0
	}
	return r
}

func (c *Checker) look(f Frame) Result {
	h, err := ParseHeader(f.Data)
	if err != nil || h.KID > maxKID || h.CTR > maxCTR || f.Whole && len(f.Data) < h.Len+tagLen {
		return Malformed
	}
	if h.KID>>contextAt&^outside != uint64(f.Track) {
		return WrongTrack
	}
	if c.any && f.Seq < c.seq {
		return Valid
	}
	result, at := Valid, Position{uint16(h.KID % epochs), h.CTR}
	switch {
	case !c.any:
	case f.Sound && !c.anew && at.Epoch == c.at.Epoch && at.CTR > c.at.CTR+(f.Seq-c.seq):
		result = CounterAhead
	case c.at.Before(at):
	case at.Epoch == c.at.Epoch:
		result = CounterBack
	default:
		result = KeyBack
	}
	// What is held back is compared with its predecessor, whatever that was: a clear frame that happened to look like a
	// far epoch must not keep out the encrypted ones that follow. So with a counter that is ahead: that costs one
	// frame.
	if result == Valid || result == CounterAhead || c.closed {
		c.any, c.anew, c.seq, c.at = true, false, f.Seq, at
	}
	return result
}

// At is where the newest frame stands; ok is false before the first.
func (c *Checker) At() (p Position, ok bool) { return c.at, c.any }

// Closed says whether the stream is to be held back: three frames in a row have failed, and no three since have passed,
// of sound no eight.
func (c *Checker) Closed() bool { return c.closed }

// Renumber tells that sequence numbers begin anew: another SSRC. Keys and counters go on.
func (c *Checker) Renumber() { c.seq, c.anew = 0, true }
