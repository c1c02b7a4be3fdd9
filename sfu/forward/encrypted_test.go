package forward

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/sframe"
	"conclave/sfu/wiretest"
)

// encryptedRoom is a publisher whose media must be encrypted and a viewer of its camera and microphone. What the
// publisher sends goes through a worker of the test's own, so that it has been forwarded, or not, when send returns.
type encryptedRoom struct {
	t                 *testing.T
	rig               *rig
	w                 *worker
	publisher, viewer *peer
	seq               uint16
	refusals          chan string
}

func newEncryptedRoom(t *testing.T, kind codec.Kind) *encryptedRoom {
	t.Helper()
	r := &encryptedRoom{t: t, rig: newRig(t)}
	r.publisher = r.rig.join(1, options{codec: kind, sframe: true}).live()
	r.viewer = r.rig.join(2, options{codec: kind}).watch(r.publisher)
	r.refusals = r.publisher.told
	r.w = testWorker(r.rig.engine, &sink{})
	return r
}

// send sends a packet and says whether it was forwarded.
func (r *encryptedRoom) send(p *rtp.Packet) bool {
	r.t.Helper()
	before := r.w.counters.Forwarded.Load()
	r.w.feed(r.publisher, time.Now(), r.publisher.Sealed(p))
	return r.w.counters.Forwarded.Load() > before
}

// frame sends a frame of two packets and says which were forwarded. Its header, if any, follows the clear bytes.
func (r *encryptedRoom) frame(kind codec.Kind, key bool, header ...byte) (forwarded [2]bool) {
	r.t.Helper()
	src := &wiretest.VideoSource{Codec: kind, Height: 180, Seq: r.seq, Timestamp: uint32(r.seq) * 1500, PictureID: r.seq,
		Packets: 2}
	for i, p := range src.Frame(key) {
		if i == 0 {
			p.Payload = withSFrame(r.t, kind, p.Payload, header)
		}
		p.SSRC, p.PayloadType = 5, wiretest.PayloadTypes()[kind]
		_ = p.SetExtension(wiretest.ExtMID, []byte("1"))
		_ = p.SetExtension(wiretest.ExtRID, []byte("q"))
		forwarded[i] = r.send(p)
	}
	r.seq += 2
	return forwarded
}

// withSFrame puts an SFrame header where the codec's clear bytes end.
func withSFrame(t *testing.T, kind codec.Kind, payload, header []byte) []byte {
	t.Helper()
	if len(header) == 0 {
		return payload
	}
	if kind == codec.AV1 {
		header = append([]byte{0x30}, header...)
		return append(payload[:1:1], append(header, payload[1:]...)...)
	}
	info, err := codec.Parse(kind, payload)
	if err != nil {
		t.Fatal(err)
	}
	body, ok := sframe.Find(kind, info, payload)
	if !ok {
		t.Fatal("no room for a header")
	}
	at := len(payload) - len(body)
	return append(payload[:at:at], append(header, body...)...)
}

// cameraHeader is an SFrame header for the camera of leaf 5 in an epoch below 256.
func cameraHeader(ctr byte, epoch ...byte) []byte {
	return []byte{0xa8, 0x10, 0x14, append(epoch, 0)[0], 0x10 + ctr}
}

func (r *encryptedRoom) assertForwarded(what string, got [2]bool, want bool) {
	r.t.Helper()
	if got != [2]bool{want, want} {
		r.t.Errorf("%s: forwarded %v, want %v", what, got, want)
	}
}

// Frames in clear are not forwarded, whichever codec; the publisher is told once; and from the third encrypted frame
// on, what is encrypted is forwarded again, starting at a key frame.
func TestFramesInClearAreNotForwarded(t *testing.T) {
	for name, kind := range map[string]codec.Kind{"VP8": codec.VP8, "VP9": codec.VP9, "AV1": codec.AV1} {
		t.Run(name, func(t *testing.T) {
			r := newEncryptedRoom(t, kind)
			for i := range byte(4) {
				r.assertForwarded("encrypted", r.frame(kind, i == 0, cameraHeader(i)...), true)
			}
			r.assertForwarded("one in clear", r.frame(kind, false), false)
			r.assertForwarded("encrypted after it", r.frame(kind, false, cameraHeader(4)...), true)
			select {
			case got := <-r.refusals:
				t.Errorf("told %q after one frame", got)
			default:
			}
			for range 10 {
				r.assertForwarded("in clear", r.frame(kind, true), false)
			}
			if got := <-r.refusals; got != "camera" {
				t.Errorf("told %q", got)
			}
			r.assertForwarded("the first encrypted", r.frame(kind, true, cameraHeader(10)...), false)
			r.assertForwarded("the second encrypted", r.frame(kind, true, cameraHeader(11)...), false)
			r.assertForwarded("the third encrypted, no key frame", r.frame(kind, false, cameraHeader(12)...), false)
			r.assertForwarded("a key frame", r.frame(kind, true, cameraHeader(13)...), true)
			r.assertForwarded("a frame after it", r.frame(kind, false, cameraHeader(14)...), true)
			if n := len(r.refusals); n != 0 {
				t.Errorf("told %d times more", n)
			}
			// 11 frames in clear, the first two encrypted after them
			if n := r.w.counters.Drops[drop.NotEncrypted].Load(); n != 26 {
				t.Errorf("%d packets are counted as not encrypted", n)
			}
			if valid := r.rig.engine.Totals().Frames[sframe.Valid]; valid != 10 {
				t.Errorf("%d frames were valid", valid)
			}
		})
	}
}

// Nothing of a source that is held back is kept for those who ask again or come later.
func TestNothingInClearIsKept(t *testing.T) {
	r := newEncryptedRoom(t, codec.VP8)
	for i := range byte(3) {
		r.frame(codec.VP8, i == 0, cameraHeader(i)...)
	}
	for range 3 {
		r.frame(codec.VP8, true)
	}
	l := r.publisher.camera.layers[0]
	if _, _, ok := l.sinceKey(playBytes, &mark{}); ok || l.hist != nil {
		t.Error("there is a history")
	}
}

// A key frame sealed under an older key than what followed is not played to somebody who comes: they were not given
// that key.
func TestAKeyFrameOfAnOlderEpochIsNotPlayedAgain(t *testing.T) {
	r := newEncryptedRoom(t, codec.VP8)
	r.frame(codec.VP8, true, cameraHeader(0)...)
	r.frame(codec.VP8, false, cameraHeader(1)...)
	l, newcomer := r.publisher.camera.layers[0], &mark{}
	if _, _, ok := l.sinceKey(playBytes, newcomer); !ok {
		t.Fatal("a key frame of the epoch in use is not there")
	}
	r.frame(codec.VP8, false, cameraHeader(0, 1)...)
	if _, _, ok := l.sinceKey(playBytes, newcomer); ok {
		t.Error("it is played to newcomers after the epoch has changed")
	}
	r.frame(codec.VP8, true, cameraHeader(1, 1)...)
	if _, _, ok := l.sinceKey(playBytes, newcomer); !ok {
		t.Error("the next key frame is not")
	}
	r.publisher.camera.reached(2) // another encoding has come to the next epoch
	if _, _, ok := l.sinceKey(playBytes, newcomer); ok {
		t.Error("it is played while another encoding is in the next epoch")
	}
	r.publisher.camera.reached(1)
	if _, _, ok := l.sinceKey(playBytes, newcomer); ok {
		t.Error("it is played because a frame of the epoch before came late")
	}
}

// What a viewer was sent of a track, over any slot, encoding or connection, is not sent again, nor is what is older: a
// frame is accepted once.
func TestKeptMediaIsPlayedOnlyWhereItIsNewer(t *testing.T) {
	r := newEncryptedRoom(t, codec.VP8)
	r.frame(codec.VP8, true, cameraHeader(0)...)
	r.frame(codec.VP8, false, cameraHeader(2)...)
	l, e := r.publisher.camera.layers[0], r.viewer.c.Egress()
	plays := func(e *Egress) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		_, _, ok := l.sinceKey(playBytes, e.markOf(l))
		return ok
	}
	if plays(e) {
		t.Error("what the viewer was sent is sent again")
	}
	for _, s := range e.Slots() {
		s.Release()
	}
	if plays(e) {
		t.Error("it is sent again in another slot")
	}
	second := &Egress{}
	second.Follow(e)
	if plays(second) {
		t.Error("it is sent again over another connection")
	}
	if !plays(&Egress{}) {
		t.Error("it is not sent to another viewer")
	}
	r.frame(codec.VP8, true, cameraHeader(1, 1)...) // while nothing of the track is sent to the viewer
	if !plays(e) {
		t.Error("a later epoch is not newer")
	}
}

// A repeat comes with a number below what was sent: it does not make the mark go back.
func TestAMarkOnlyRises(t *testing.T) {
	m := &mark{}
	for _, p := range []packet{
		{sealed: true, at: sframe.Position{Epoch: 1, CTR: 7}}, {sealed: true, at: sframe.Position{Epoch: 1, CTR: 3}},
		{at: sframe.Position{Epoch: 9, CTR: 9}}, {sealed: true, at: sframe.Position{CTR: 99}},
	} {
		m.sends(&p)
	}
	if want := (sframe.Position{Epoch: 1, CTR: 7}); m.at != want {
		t.Errorf("it is %+v", m.at)
	}
}

// What an egress knows of what it sent is bounded; those who came last are known.
func TestMarksAreBounded(t *testing.T) {
	e := &Egress{}
	for i := range media.ParticipantID(maxMarks + 3) {
		e.markOf(NewTrack(&TrackConfig{Owner: i + 1, Source: media.Camera, RequireSFrame: true}).layers[0])
	}
	if len(e.marks) != maxMarks || e.marks[trackName{3, media.Camera}] != nil ||
		e.marks[trackName{maxMarks + 3, media.Camera}] == nil {
		t.Errorf("%d are known", len(e.marks))
	}
}

// Speech in clear is held back, encrypted speech and the silence between (DTX: packets without payload, and pauses) are
// not.
func TestMicrophonesMustBeEncryptedToo(t *testing.T) {
	r := newEncryptedRoom(t, codec.VP8)
	seq := uint16(0)
	speak := func(payload []byte) bool {
		seq++
		p := wiretest.Audio(seq, 20)
		p.Payload = payload
		return r.send(p)
	}
	sealed := func(ctr byte) []byte { return append([]byte{0x98, 0x14, 0x00, 0x10 + ctr}, make([]byte, 20)...) }
	wiretest.Eventually(t, "encrypted speech is heard", func() bool { return speak(sealed(byte(seq))) })
	for range 10 {
		speak(nil)
	}
	seq += 100
	if !speak(sealed(100)) {
		t.Error("speech after silence is not heard")
	}
	if len(r.refusals) != 0 {
		t.Errorf("told %q", <-r.refusals)
	}
	for range 3 {
		if speak([]byte{0x78, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}) {
			t.Error("speech in clear is heard")
		}
	}
	if got := <-r.refusals; got != "mic" {
		t.Errorf("told %q", got)
	}
}

// What need not be encrypted is not looked at.
func TestMediaInClearIsNotLookedAt(t *testing.T) {
	r := newRig(t)
	publisher := r.join(1, options{}).live()
	viewer := r.join(2, options{}).watch(publisher)
	testWorker(r.engine, &sink{}).feed(publisher, time.Now(), publisher.Sealed(wiretest.Video(5, 1, "q")))
	if viewer.shown() != 1 {
		t.Error("it is not forwarded")
	}
	for result, n := range r.engine.Totals().Frames {
		if n != 0 {
			t.Errorf("%d frames were found %s", n, sframe.Result(result))
		}
	}
}
