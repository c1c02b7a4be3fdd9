package link

import (
	"testing"
	"time"

	"conclave/bots/receive"
	"conclave/cmd/bench/netlab"
)

var linkEpoch = time.UnixMilli(1_000_000)

// samples are of a link that carries so many kbit/s, a sample every 100 ms.
func samples(seconds int, kbit func(second int) int) (list []sample) {
	var q netlab.Queue
	for i := range seconds * 10 {
		list = append(list, sample{at: linkEpoch.Add(time.Duration(i) * lookEvery), Queue: q})
		q.Bytes += uint64(kbit(i/10) * 1000 / 8 / 10)
	}
	return list
}

func TestSentRate(t *testing.T) {
	list := samples(5, func(int) int { return 800 })
	if got := sentRate(list); got < 799 || got > 801 {
		t.Errorf("%f kbit/s", got)
	}
	list[len(list)-1].Backlog = 12_500 // what waits was sent too
	if got := sentRate(list); got < 819 || got > 823 {
		t.Errorf("%f kbit/s with a queue", got)
	}
	if sentRate(nil) != 0 || sentRate(list[:1]) != 0 {
		t.Error("a rate of nothing")
	}
	if got := queueDelays(list, 1000); got[len(got)-1] != 100 {
		t.Errorf("%v ms", got[len(got)-1])
	}
}

func TestReached(t *testing.T) {
	for _, c := range []struct {
		name string
		kbit func(int) int
		want time.Duration
	}{
		{"always", func(int) int { return 900 }, 0},
		{"never", func(int) int { return 500 }, -1},
		{"from the fourth second", func(s int) int { return 300 + 600*min(1, s/4) }, 4 * time.Second},
		{"not if it falls back", func(s int) int { return 900 - 500*(s/8) }, -1},
	} {
		got := reached(samples(10, c.kbit), 1000, 0.85)
		if diff := (got - c.want).Abs(); diff > time.Second {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBetweenOfNothing(t *testing.T) {
	list := samples(2, func(int) int { return 1 })
	if got := between(list, linkEpoch.Add(time.Second), linkEpoch); len(got) != 0 {
		t.Errorf("%d samples", len(got))
	}
}

func TestLook(t *testing.T) {
	at := func(i int, streams ...receive.MomentStream) receive.Moment {
		return receive.Moment{At: linkEpoch.UnixMilli() + int64(i)*1000, Streams: streams}
	}
	list := []receive.Moment{
		at(0, receive.MomentStream{Participant: 1, Height: 720, Frames: 100},
			receive.MomentStream{Participant: 2, Height: 180, Frames: 10}),
		at(1, receive.MomentStream{Participant: 1, Height: 360, Frames: 130},
			receive.MomentStream{Participant: 2, Height: 180, Frames: 40, FreezeMS: 300}),
		at(2, receive.MomentStream{Participant: 1, Height: 360, Frames: 160}),
		at(9, receive.MomentStream{Participant: 1, Height: 720, Frames: 999}),
	}
	v := look(list, linkEpoch, linkEpoch.Add(2*time.Second))
	if v.visible != 1 || v.changes != 2 || v.longest != 300 || v.frameRate != 45 || heightsOf(v) != "1 × 360" {
		t.Errorf("%+v %s", v, heightsOf(v))
	}
	if v := look(nil, linkEpoch, linkEpoch); heightsOf(v) != "none" {
		t.Errorf("%+v", v)
	}
}

func TestEncodingChange(t *testing.T) {
	moment := func(ms int64, frames uint64) browserMoment {
		return browserMoment{Moment: receive.Moment{At: ms}, Sent: []browserSent{{RID: "q", Frames: 7 * frames},
			{RID: "f", Frames: frames}}}
	}
	var list []browserMoment
	frames := uint64(0)
	for ms := int64(0); ms < 20_000; ms += 100 {
		if ms < 4000 || ms >= 12_000 {
			frames += 3
		}
		list = append(list, moment(ms, frames))
	}
	if after, on := encodingChange(list, time.UnixMilli(1000), false); on || after != 2900*time.Millisecond {
		t.Errorf("paused after %v", after)
	}
	if after, on := encodingChange(list, time.UnixMilli(10_000), true); !on || after != 2*time.Second {
		t.Errorf("began after %v", after)
	}
	if after, _ := encodingChange(list, time.UnixMilli(13_000), false); after >= 0 {
		t.Errorf("paused after %v though it never was", after)
	}
}
