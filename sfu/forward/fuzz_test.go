package forward

import (
	"encoding/binary"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/wiretest"
)

// FuzzMediaPath feeds authentic packets of any content through the whole path: header, extensions, binding, RTX,
// descriptor, history, rewriting, sealing. Nothing may panic, and the send buffer's bounds must hold.
func FuzzMediaPath(f *testing.F) {
	r := newRig(f)
	kinds := []codec.Kind{codec.VP8, codec.VP9, codec.AV1, codec.H264}
	var publishers []*peer
	for i, kind := range kinds { // one of each codec, and one who watches it
		p := r.join(media.ParticipantID(i+1), options{codec: kind}).live()
		r.join(media.ParticipantID(i+11), options{codec: kind}).watch(p)
		publishers = append(publishers, p)
	}
	// A worker of our own: the engine's is reading its socket.
	w := testWorker(r.engine, &sink{})
	for _, p := range []struct {
		ssrc uint32
		rid  string
	}{{1, "q"}, {2, "h"}, {3, "f"}} {
		for i, kind := range kinds {
			packet := wiretest.VideoOf(kind, p.ssrc, 1, p.rid)
			packet.Version = 2
			raw, err := packet.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), raw)
		}
	}
	seq := uint16(10)
	f.Fuzz(func(t *testing.T, who uint8, raw []byte) {
		publisher := publishers[int(who)%len(publishers)]
		if len(raw) < 12 || len(raw) > 1500 {
			return
		}
		raw = append([]byte(nil), raw...)
		raw[0] = raw[0]&0x3f | 0x80
		headerLen := 12 + 4*int(raw[0]&0x0f)
		if raw[0]&0x10 != 0 && len(raw) >= headerLen+4 {
			headerLen += 4 + 4*int(binary.BigEndian.Uint16(raw[headerLen+2:]))
		}
		if len(raw) < headerLen {
			return
		}
		publisher.c.in.mu.Lock()
		publisher.c.in.budget = 1000
		publisher.c.in.mu.Unlock()
		seq++
		binary.BigEndian.PutUint16(raw[2:], seq) // past the replay window
		w.feed(publisher, time.Now(), publisher.Seal(raw, headerLen))
		if n := len(publisher.c.in.streams); n > testLimits.Streams {
			t.Fatalf("%d streams", n)
		}
	})
}
