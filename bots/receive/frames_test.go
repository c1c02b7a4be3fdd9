package receive

import (
	"math"
	"testing"
	"time"

	"conclave/bots/payload"
	"conclave/protocol"
)

// video plays packets into a frame log: 3 packets a frame, every 33 ms.
type video struct {
	log    seqLog
	frames frameLog
}

const frameTime = int64(33e6)

func (v *video) frame(n int, key bool, lose int) {
	for i := range 3 {
		if i == lose {
			continue
		}
		v.packet(n, i, key, false, int64(n)*frameTime)
	}
}

func (v *video) packet(n, i int, key, rtx bool, now int64) {
	ext, fresh := v.log.add(uint16(3*n+i), rtx)
	if fresh {
		v.frames.packet(&v.log, ext, uint32(n)*2970, i == 2, key && i == 0, now)
	}
}

func TestFramesBeforeTheFirstKeyFrameAreNotCounted(t *testing.T) {
	var v video
	v.frame(1, false, -1)
	v.frame(2, false, -1)
	v.frame(3, true, -1)
	v.frame(4, false, -1)
	if v.frames.Frames != 2 || v.frames.KeyFrames != 1 || v.frames.Lost != 0 {
		t.Errorf("%+v", v.frames)
	}
}

func TestARetransmittedPacketCompletesItsFrameAndThoseBehindIt(t *testing.T) {
	var v video
	v.frames.trackKey = true
	v.frame(1, true, -1)
	v.frame(2, false, 1)
	v.frame(3, false, -1)
	if v.frames.Frames != 1 {
		t.Fatalf("%d frames before the retransmission", v.frames.Frames)
	}
	v.packet(2, 1, false, true, 3*frameTime+1e6)
	if v.frames.Frames != 3 || v.frames.Lost != 0 {
		t.Errorf("%d frames, %d lost", v.frames.Frames, v.frames.Lost)
	}
}

// A browser's jitter buffer hides what one retransmission delays; what takes several is seen.
func TestOneRetransmissionIsNoFreeze(t *testing.T) {
	for _, test := range []struct {
		late, freezes int64
	}{{5, 0}, {8, 1}} { // frames
		var v video
		v.frame(1, true, -1)
		for n := 2; n < 100; n++ {
			if n == 50 {
				v.frame(n, false, 1)
				continue
			}
			v.frame(n, false, -1)
			if int64(n) == 50+test.late {
				v.packet(50, 1, false, true, int64(n)*frameTime)
			}
		}
		if f := &v.frames; f.Frames != 99 || f.Lost != 0 || f.freeze.Count != uint64(test.freezes) {
			t.Errorf("%d frames late: %d frames, %d freezes", test.late, f.Frames, f.freeze.Count)
		}
	}
}

func TestALostFrameBreaksThePictureUntilTheNextKeyFrame(t *testing.T) {
	var v video
	v.frames.trackKey = true
	v.frame(1, true, -1)
	v.frame(2, false, 2) // its marker never comes
	for n := 3; n < 60; n++ {
		v.frame(n, false, -1)
	}
	if !v.frames.broken || v.frames.Frames != 1 {
		t.Fatalf("broken %v, %d frames", v.frames.broken, v.frames.Frames)
	}
	lost := v.frames.Lost
	v.frame(60, true, -1)
	v.frame(61, false, -1)
	if v.frames.broken || v.frames.KeyFrames != 2 || v.frames.Lost < lost {
		t.Errorf("after the key frame: %+v", v.frames)
	}
	for n := 62; n < 62+2*maxPendingFrames; n++ {
		v.frame(n, false, -1)
	}
	if v.frames.Frames < 2*maxPendingFrames || len(v.frames.pending) > maxPendingFrames {
		t.Errorf("%d frames, %d pending", v.frames.Frames, len(v.frames.pending))
	}
}

func TestFreezesFollowTheRuleOfWebrtcStats(t *testing.T) {
	tests := []struct {
		name  string
		gap   int64
		count uint64
	}{
		{"a frame late", 2 * frameTime, 0},
		{"just under mean + 150 ms", frameTime + 149e6, 0},
		{"mean + 150 ms", frameTime + 150e6, 1},
		{"a second", 1e9, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var f freezeLog
			now := int64(1)
			for range 60 {
				f.frame(now)
				now += frameTime
			}
			f.frame(now - frameTime + test.gap)
			if f.Count != test.count {
				t.Errorf("%d freezes", f.Count)
			}
			if test.count > 0 && f.Longest != test.gap {
				t.Errorf("longest %d, want %d", f.Longest, test.gap)
			}
		})
	}
}

func TestAtLowRatesAFreezeIsThreeFrames(t *testing.T) {
	var f freezeLog
	now := int64(1)
	for range 40 { // 5 frames a second: 200 ms, so 3δ is more than δ + 150 ms
		f.frame(now)
		now += 200e6
	}
	f.frame(now - 200e6 + 599e6)
	if f.Count != 0 {
		t.Error("less than 3δ counted as a freeze")
	}
}

func TestAPauseIsNoFreeze(t *testing.T) {
	var f freezeLog
	for i := range int64(40) {
		f.frame(1 + i*frameTime)
	}
	f.restart()
	f.frame(1e12)
	f.frame(1e12 + frameTime)
	if f.Count != 0 || f.Duration != 0 || f.Watched != 40*frameTime {
		t.Errorf("%d freezes, watched for %d ns", f.Count, f.Watched)
	}
	f.frame(3e12)
	if f.Count != 1 {
		t.Error("a freeze after a pause is not counted")
	}
}

// A slot that another participant gets freezes nothing; one that gets another layer of the same picture may.
func TestAFreezeIsOfOnePicture(t *testing.T) {
	for _, test := range []struct {
		name    string
		then    protocol.Slot
		freezes uint64
	}{
		{"another layer", protocol.Slot{MID: "0", Participant: 7, Source: protocol.Camera, Height: 720}, 1},
		{"another source", protocol.Slot{MID: "0", Participant: 7, Source: protocol.Screen, Height: 180}, 0},
		{"another participant", protocol.Slot{MID: "0", Participant: 8, Source: protocol.Camera, Height: 180}, 0},
		{"nothing", protocol.Slot{MID: "0"}, 0},
	} {
		r := New(Config{Verify: 1})
		r.Expect([]Slot{{MID: "0", Video: true, SSRC: 1}})
		first := protocol.Slot{MID: "0", Participant: 7, Source: protocol.Camera, Height: 180}
		r.Assign([]protocol.Slot{first}, nil, time.Now())
		freeze := &r.list[0].frames.freeze
		for i := range int64(40) {
			freeze.frame(1 + i*frameTime)
		}
		r.Assign([]protocol.Slot{test.then}, nil, time.Now())
		freeze.frame(1 + 80*frameTime)
		if freeze.Count != test.freezes {
			t.Errorf("%s: %d freezes", test.name, freeze.Count)
		}
	}
}

func TestJitterIsThatOfRFC3550(t *testing.T) {
	var j jitterLog
	at := int64(1_700_000_000e9)
	for i := range int64(2000) { // alternately 0 and 2 ms late: D is 2 ms each time, and J goes there
		j.packet(at+i*20e6+(i%2)*2e6, uint32(i*960), payload.AudioClock)
	}
	if ms := j.jitter / payload.AudioClock * 1000; math.Abs(ms-2) > 0.05 {
		t.Errorf("%.3f ms", ms)
	}
	var steady jitterLog
	for i := range int64(200) {
		steady.packet(at+i*20e6, uint32(math.MaxUint32-50*960+i*960), payload.AudioClock) // across the wrap
	}
	if steady.jitter > 1 {
		t.Errorf("a steady stream has jitter %.1f", steady.jitter)
	}
}
