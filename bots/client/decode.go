package client

import (
	"hash/maphash"
	"sync"

	"conclave/protocol"
)

// maxDecoded is how many messages a Decoder remembers: the newest.
const maxDecoded = 128

// Decoder decodes what the server sends to bots of one process. Most of it goes to all of them: it is decoded once, and
// what comes out is not to be changed. Safe for concurrent use; the zero value is ready.
type Decoder struct {
	mu    sync.Mutex
	seed  maphash.Seed
	slots map[uint64]*decodedOnce
	order []uint64 // oldest first
}

// decodedOnce is one message. raw tells it from another with the same hash.
type decodedOnce struct {
	once sync.Once
	raw  []byte
	m    protocol.ServerMessage
	err  error
}

// decode decodes a message, or takes what another bot has decoded.
func (d *Decoder) decode(raw []byte) (protocol.ServerMessage, error) {
	if d == nil {
		return protocol.DecodeServer(raw) //nolint:wrapcheck // the caller says what failed
	}
	slot := d.slot(raw)
	if string(slot.raw) != string(raw) {
		return protocol.DecodeServer(raw) //nolint:wrapcheck // likewise
	}
	slot.once.Do(func() { slot.m, slot.err = protocol.DecodeServer(raw) })
	return slot.m, slot.err
}

// slot finds or makes the place of a message.
func (d *Decoder) slot(raw []byte) *decodedOnce {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.slots == nil {
		d.seed, d.slots = maphash.MakeSeed(), map[uint64]*decodedOnce{}
	}
	key := maphash.Bytes(d.seed, raw)
	if found := d.slots[key]; found != nil {
		return found
	}
	if len(d.order) == maxDecoded {
		delete(d.slots, d.order[0])
		d.order = d.order[1:]
	}
	made := &decodedOnce{raw: raw}
	d.slots[key], d.order = made, append(d.order, key)
	return made
}
