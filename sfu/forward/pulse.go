package forward

import (
	"time"

	"github.com/pion/rtcp"
)

// PulseEvery is how often a peer hears from us at least. Its page takes a longer silence for a broken path: no
// candidate pair counts anything else of a meeting that is silent.
const PulseEvery = 500 * time.Millisecond

// pulsePacket is what a pulse says: a receiver report about nothing (RFC 3550 §6.4.2), 8 bytes. The full compound has
// our CNAME too.
func pulsePacket(ssrc uint32) (reduced, full []byte, err error) {
	report := []rtcp.Packet{&rtcp.ReceiverReport{SSRC: ssrc}}
	full, err = rtcp.Marshal(fullCompound(ssrc, report))
	return full[:min(8, len(full))], full, err //nolint:wrapcheck // it cannot fail
}

// Pulse sends a packet to each peer of list that was sent nothing since the last call. Nothing goes to a peer without
// keys or without a path that it has proven. Up to batch.MaxMessages packets leave in one system call, and a pulse that
// finds the socket full is lost. Call it every PulseEvery, from one goroutine.
func (e *Engine) Pulse(list []*Connection, now time.Time) {
	reduced, full, err := pulsePacket(e.ssrc)
	for _, c := range list {
		if c.spoke.Swap(false) || err != nil {
			continue
		}
		ks, to, ok := c.transport.Ready()
		if !ok {
			continue
		}
		plain := reduced
		if c.full.Load() {
			plain = full
		}
		box := e.pulse.begin(ks, to, now)
		at := len(box.arena)
		sealed, err := ks.SealRTCP(box.arena, plain)
		if err != nil {
			e.log.Error("sealing a pulse", "error", err)
			continue
		}
		box.arena = sealed
		box.add(at)
	}
	for _, box := range e.pulse.out {
		box.send()
	}
}
