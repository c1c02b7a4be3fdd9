package sfu

import (
	"encoding/binary"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/codec"
)

// FuzzMediaPath feeds authentic packets of any content through the whole path: header, extensions, binding, RTX, descriptor, history,
// rewriting, sealing. Nothing may panic, and the send buffer's bounds must hold.
func FuzzMediaPath(f *testing.F) {
	srv, err := Listen(Config{Listen: []netipAddrPort{mustAddrPort("127.0.0.1:0")}, Workers: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	room := srv.NewRoom(RoomEvents{})
	kinds := []codec.Kind{codec.VP8, codec.VP9, codec.AV1}
	var publishers []*attacker
	for i, kind := range kinds { // one of each codec, and one who watches it
		p, viewer := newAttacker(f, room, media.ParticipantID(i+1)), newAttacker(f, room, media.ParticipantID(i+11))
		if kind != codec.VP8 {
			p.renegotiate(attackerOfferOf(kind))
			viewer.renegotiate(attackerOfferOf(kind))
		}
		p.peer.SetLive(media.Sources(media.Camera, media.Mic))
		viewer.peer.SetView([]media.Want{{Participant: p.peer.id, Source: media.Camera, Height: 720}})
		publishers = append(publishers, p)
	}
	// A worker of our own: the server's is reading its socket.
	w := testWorker(srv)
	for _, p := range []struct {
		ssrc uint32
		rid  string
	}{{1, "q"}, {2, "h"}, {3, "f"}} {
		for i, kind := range kinds {
			packet := publishers[i].video(p.ssrc, 1, p.rid)
			packet.Version = 2
			if kind != codec.VP8 {
				packet.PayloadType = uint8(testPayloadTypes[kind])
				packet.Payload = (&videoSource{codec: kind, height: 180, packets: 1}).frame(true)[0].Payload
			}
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
		publisher.session.inMu.Lock()
		publisher.session.budget = 1000
		publisher.session.inMu.Unlock()
		seq++
		binary.BigEndian.PutUint16(raw[2:], seq) // past the replay window
		w.take([]batch.Datagram{{Data: publisher.sealRTP(raw, headerLen), From: publisher.address()}}, time.Now())
		w.flush(time.Now())
		if n := len(publisher.session.streams); n > maxStreams {
			t.Fatalf("%d streams", n)
		}
	})
}
