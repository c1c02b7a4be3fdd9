package sfu

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/wiretest"
)

// cameraOf brings a publisher of the given codec into the room.
func cameraOf(ctx context.Context, t *testing.T, room *testRoom, id media.ParticipantID, kind codec.Kind,
	layers int) *client {
	t.Helper()
	c := newClient(t, room, id, clientOptions{layers: layers, codecs: []codec.Kind{kind}})
	c.negotiate()
	c.waitUp()
	setLive(c.peer, media.Sources(media.Camera))
	go c.runCamera(ctx, 3)
	return c
}

// assertOneStream checks that what one slot received is continuous, of whatever codec its owners send, and that each
// owner's first packet there begins a key frame. It returns the owners in their order.
func assertOneStream(t *testing.T, packets []rtp.Packet, codecs map[uint32]codec.Kind) (owners []uint32) {
	t.Helper()
	slices.SortStableFunc(packets, func(a, b rtp.Packet) int { return int(int16(a.SequenceNumber - b.SequenceNumber)) })
	var last codec.Info
	for i, p := range packets {
		owner := p.CSRC[0]
		kind := codecs[owner]
		if p.PayloadType != wiretest.PayloadTypes()[kind] {
			t.Fatalf("packet %d of participant %d has payload type %d", p.SequenceNumber, owner, p.PayloadType)
		}
		info, err := codec.Parse(kind, p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		switched := i == 0 || packets[i-1].CSRC[0] != owner
		if switched {
			owners = append(owners, owner)
			if !info.KeyStart {
				t.Errorf("packet %d: participant %d begins in the middle of the stream", p.SequenceNumber, owner)
			}
		}
		if i > 0 {
			if p.SequenceNumber != packets[i-1].SequenceNumber+1 {
				t.Errorf("packet %d follows %d", p.SequenceNumber, packets[i-1].SequenceNumber)
			}
			if step := int32(p.Timestamp - packets[i-1].Timestamp); step < 0 || step > 2*90000 {
				t.Errorf("packet %d: timestamp steps by %d", p.SequenceNumber, step)
			}
		}
		if info.PictureIDAt != 0 {
			if i > 0 && !switched && info.FrameStart && (info.PictureID != (last.PictureID+1)&0x7fff ||
				info.TL0PicIdx != last.TL0PicIdx+1) {
				t.Errorf("packet %d: picture %d/%d after %d/%d", p.SequenceNumber, info.PictureID, info.TL0PicIdx, last.PictureID,
					last.TL0PicIdx)
			}
			last = info
		}
	}
	return owners
}

// One slot shows a VP8, then a VP9, an AV1 and an H.264 camera, then VP8 again: the payload type follows the
// publisher's codec, the stream goes on without a jump, and each begins at a key frame.
func TestASlotChangesCodecWithWhatItCarries(t *testing.T) {
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	codecs := map[uint32]codec.Kind{1: codec.VP8, 2: codec.VP9, 3: codec.AV1, 4: codec.H264}
	for id, kind := range codecs {
		cameraOf(ctx, t, room, media.ParticipantID(id), kind, 1)
	}
	viewer := newClient(t, room, 9, clientOptions{video: 1,
		codecs: []codec.Kind{codec.VP9, codec.AV1, codec.H264, codec.VP8}})
	viewer.negotiate()
	viewer.waitUp()
	order := []uint32{1, 2, 3, 4, 1}
	var mid string
	for _, id := range order {
		viewer.peer.SetView(wantsOf(media.ParticipantID(id)))
		wiretest.Eventually(t, "the slot carries it", func() (ok bool) {
			mid, ok = viewer.slotOf(media.ParticipantID(id), media.Camera)
			return ok
		})
		already := len(viewer.packets(mid))
		wiretest.Eventually(t, "a third of a second of it", func() bool { return len(viewer.packets(mid)) > already+30 })
	}
	packets := viewer.packets(mid)
	if owners := assertOneStream(t, packets[:len(packets)-5], codecs); !slices.Equal(owners, order) {
		t.Errorf("owners %v", owners)
	}
}

// Three encodings with RIDs of VP9, AV1 and H.264: the layer follows the height that is shown, and switches at key
// frames.
func TestSimulcastOfEveryCodec(t *testing.T) {
	for name, kind := range map[string]codec.Kind{"VP9": codec.VP9, "AV1": codec.AV1, "H.264": codec.H264} {
		t.Run(name, func(t *testing.T) {
			srv := testServer(t)
			room := newRoom(srv, media.RoomConfig{})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cameraOf(ctx, t, room, 1, kind, 3)
			viewer := newClient(t, room, 9, clientOptions{video: 1, codecs: []codec.Kind{kind}})
			viewer.negotiate()
			viewer.waitUp()
			var mid string
			for layer, height := range []int{180, 360, 720} {
				viewer.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: height}})
				wiretest.Eventually(t, "the slot carries it", func() (ok bool) {
					mid, ok = viewer.slotOf(1, media.Camera)
					packets := viewer.packets(mid)
					return ok && len(packets) > 0 && int(packets[len(packets)-1].Payload[100]>>4) == layer
				})
			}
			packets := viewer.packets(mid)
			for i := 1; i < len(packets); i++ {
				info, err := codec.Parse(kind, packets[i].Payload)
				switched := packets[i].Payload[100]>>4 != packets[i-1].Payload[100]>>4
				if err != nil || switched && !info.KeyStart {
					t.Errorf("packet %d: switched at %+v, %v", packets[i].SequenceNumber, info, err)
				}
				if switched && kind == codec.H264 && packets[i].Payload[0] != 0x78 {
					t.Errorf("packet %d: switched without parameter sets", packets[i].SequenceNumber)
				}
			}
		})
	}
}

// Who cannot decode what somebody publishes is told so, and gets what it can decode.
func TestWhatAViewerCannotDecodeIsWithheld(t *testing.T) {
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cameraOf(ctx, t, room, 1, codec.AV1, 1)
	cameraOf(ctx, t, room, 2, codec.VP8, 1)
	viewer := newClient(t, room, 9, clientOptions{video: 2})
	viewer.negotiate()
	viewer.waitUp()
	viewer.peer.SetView(wantsOf(1, 2))
	wiretest.Eventually(t, "the VP8 camera is shown, the AV1 camera withheld", func() bool {
		viewer.mu.Lock()
		withheld := slices.Clone(viewer.withheld)
		viewer.mu.Unlock()
		return showing(viewer, 2)() && slices.Equal(withheld, []media.Withheld{{Participant: 1, Source: media.Camera,
			Reason: media.ReasonCodec}})
	})
}

// attackerOfferOf is attackerOffer with another codec in place of VP8, and a slot that takes both.
func attackerOfferOf(kind codec.Kind) string {
	const vp8 = "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
	const camera = "\r\na=mid:1\r\na=rtcp-mux\r\na=sendonly\r\n"
	const slot = "\r\na=mid:2\r\na=rtcp-mux\r\na=recvonly\r\n"
	pt := wiretest.PayloadTypes()[kind]
	pts := fmt.Sprintf("%d %d", pt, pt+1)
	name := map[codec.Kind]string{codec.VP8: "VP8/90000", codec.VP9: "VP9/90000", codec.AV1: "AV1/90000"}[kind]
	own := fmt.Sprintf("a=rtpmap:%d %s\r\na=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", pt, name, pt+1, pt+1, pt)
	return strings.NewReplacer("96 97"+camera+vp8, pts+camera+own, "96 97"+slot+vp8,
		"96 97 "+pts+slot+vp8+own).Replace(attackerOffer)
}

func (a *attacker) renegotiate(offer string) string {
	a.T.Helper()
	answer, err := a.peer.Negotiate(context.Background(), offer,
		[]media.Track{{MID: "0", Source: media.Mic}, {MID: "1", Source: media.Camera}})
	if err != nil {
		a.T.Fatal(err)
	}
	return answer
}

// A later offer on the same PeerConnection may change what a camera is encoded in. The same SSRC goes on in the new
// codec, what still comes in the old one is dropped, and what was received before cannot be replayed.
func TestAPublisherChangesItsCodec(t *testing.T) {
	srv := testServer(t)
	room := newRoom(srv, media.RoomConfig{})
	a := newAttacker(t, room, 1)
	setLive(a.peer, media.Sources(media.Camera))
	a.RTP(wiretest.Video(5, 7, "q"))
	track := func() *track {
		room.Room.mu.Lock()
		defer room.Room.mu.Unlock()
		return room.tracks[trackKey{1, media.Camera}]
	}
	wiretest.Eventually(t, "VP8 is received", func() bool { return track().Layers()[0].Active(time.Now()) })
	old := track()

	answer := a.renegotiate(attackerOfferOf(codec.VP9))
	now := track()
	if now == old || now.Codec != codec.VP9 || now.PT != 98 ||
		!strings.Contains(answer, "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\n") {
		t.Fatalf("%+v\n%s", now.Format, answer)
	}
	a.RTP(wiretest.Video(5, 7, "q"))
	wiretest.Eventually(t, "a replay is dropped", func() bool { return dropped(srv, drop.Replay) == 1 })
	a.RTP(wiretest.Video(5, 8, "q"))
	wiretest.Eventually(t, "VP8 is dropped", func() bool { return dropped(srv, drop.Malformed) == 1 })
	a.RTP(wiretest.VideoOf(codec.VP9, 5, 9, "q"))
	wiretest.Eventually(t, "VP9 is received", func() bool { return now.Layers()[0].Describe(time.Now()).Height == 180 })
	a.renegotiate(attackerOfferOf(codec.VP9))
	if track() != now {
		t.Error("the same offer again made another track")
	}
}
