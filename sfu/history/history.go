// Package history keeps the latest payloads of one published layer, once for all its viewers: for answering NACKs
// (RFC 4585 §6.2.1) and for starting a new viewer at the latest key frame. The bytes live in one ring of fixed
// size.
//
// A History is pure and not safe for concurrent use: its owner locks around it.
package history

// Entries is how many packets are remembered at most: at 1,200 packets a second, 0.4 s; at a camera's 120, over 4 s.
const Entries = 512

// Meta is what is kept of a packet beside its payload.
type Meta struct {
	Seq       uint64 // extended, in the layer's numbering
	Timestamp uint32
	Marker    bool
	KeyStart  bool
	Epoch     uint16 // of a frame's first packet, if it is end-to-end encrypted
	CTR       uint64 // the same
}

type entry struct {
	Meta
	pos  uint64 // absolute position in the endless stream of bytes written
	size int
}

// History is a ring of payloads.
type History struct {
	bytes   []byte
	entries [Entries]entry
	written uint64 // absolute position of the next byte
	highest uint64 // highest sequence number added
	any     bool
	key     uint64 // sequence number of the latest key frame's first packet
	hasKey  bool
}

// New returns a History that keeps up to size bytes of payload.
func New(size int) *History { return &History{bytes: make([]byte, size)} }

// Add copies a payload in. Ignored are an empty payload, one larger than the whole ring, and a late packet whose place
// in the table a newer one has.
func (h *History) Add(m Meta, payload []byte) {
	size := uint64(len(h.bytes))
	n := uint64(len(payload))
	if n == 0 || n > size || h.any && m.Seq < h.highest && h.highest-m.Seq >= Entries {
		return
	}
	if h.written%size+n > size { // keep each payload in one piece
		h.written += size - h.written%size
	}
	copy(h.bytes[h.written%size:], payload)
	h.entries[m.Seq%Entries] = entry{Meta: m, pos: h.written, size: len(payload)}
	h.written += n
	if !h.any || m.Seq > h.highest {
		h.highest = m.Seq
	}
	if m.KeyStart && (!h.hasKey || m.Seq > h.key) {
		h.key, h.hasKey = m.Seq, true
	}
	h.any = true
}

// Get returns a packet by its sequence number. The payload points into the ring: it is valid until the next Add.
func (h *History) Get(seq uint64) (m Meta, payload []byte, ok bool) {
	e := &h.entries[seq%Entries]
	size := uint64(len(h.bytes))
	if !h.any || e.Seq != seq || e.size == 0 || h.written-e.pos > size {
		return Meta{}, nil, false
	}
	at := e.pos % size
	return e.Meta, h.bytes[at : at+uint64(e.size)], true
}

// SinceKey returns the range [from, to] of sequence numbers from the latest key frame's first packet to the newest, if
// every packet in it is here and together they are at most maxBytes.
func (h *History) SinceKey(maxBytes int) (from, to uint64, ok bool) {
	if !h.hasKey || h.highest-h.key >= Entries {
		return 0, 0, false
	}
	total := 0
	for seq := h.key; seq <= h.highest; seq++ {
		_, payload, have := h.Get(seq)
		total += len(payload)
		if !have || total > maxBytes {
			return 0, 0, false
		}
	}
	return h.key, h.highest, true
}
