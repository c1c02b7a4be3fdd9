package forward

import (
	"testing"
	"time"

	"github.com/pion/rtp"

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

// cameraHeader is an SFrame header of generation 0 for the camera.
func cameraHeader(ctr byte) []byte { return []byte{0x18, 0x10 + ctr} }

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
	if _, _, ok := l.sinceKey(playBytes); ok || l.hist != nil {
		t.Error("there is a history")
	}
}

// A key frame sealed under an older key than what followed is not played to somebody who comes: they were not given
// that key.
func TestAKeyFrameOfAnOlderKeyIsNotPlayedAgain(t *testing.T) {
	r := newEncryptedRoom(t, codec.VP8)
	r.frame(codec.VP8, true, cameraHeader(0)...)
	r.frame(codec.VP8, false, cameraHeader(1)...)
	l := r.publisher.camera.layers[0]
	if _, _, ok := l.sinceKey(playBytes); !ok {
		t.Fatal("a key frame under the key in use is not there")
	}
	r.frame(codec.VP8, false, 0x80, 0x09) // step 1, counter 0
	if _, _, ok := l.sinceKey(playBytes); ok {
		t.Error("it is played to newcomers after the key has changed")
	}
	r.frame(codec.VP8, true, 0x81, 0x09)
	if _, _, ok := l.sinceKey(playBytes); !ok {
		t.Error("the next key frame is not")
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
	sealed := func(ctr byte) []byte { return append([]byte{0x08, 0x10 + ctr}, make([]byte, 20)...) }
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
