package bots

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/publish"
	"conclave/bots/receive"
	"conclave/bots/report"
	"conclave/bots/wire"
	"conclave/e2ee/sframe"
	"conclave/protocol"
)

// link joins a publisher straight to a receiver, with loss and delay, in virtual time: what a bot sends is what another
// one can measure.
type link struct {
	publisher *publish.Publisher
	receiver  *receive.Receiver
	drop      func(packet []byte) bool
	delay     time.Duration
	sent      uint64
	mute      bool       // nothing goes back
	queue     []inFlight // in order of arrival: the link keeps the order
}

type inFlight struct {
	at      time.Time
	deliver func()
}

func context16(t *testing.T) *srtp.Context {
	t.Helper()
	c, err := srtp.CreateContext(make([]byte, 16), make([]byte, 12), srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	linkAudio = 1000
	linkVideo = 2000
	linkRTX   = 2001
)

func newLink(t *testing.T, delay time.Duration, drop func([]byte) bool) *link {
	t.Helper()
	clip, err := clip.Load(sframe.VP8)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{drop: drop, delay: delay}
	l.publisher = publish.New(publish.Config{Send: l.forward, Lag: measure.NewLag()})
	in := context16(t)
	answer := func(list []rtcp.Packet) {
		if l.mute {
			return
		}
		// The way back is not encrypted here: what is tested is what is said.
		raw, err := rtcp.Marshal(list)
		if err != nil {
			t.Error(err)
			return
		}
		l.carry(func() {
			packets, err := rtcp.Unmarshal(raw)
			if err != nil {
				t.Error(err)
			}
			for _, p := range packets {
				l.publisher.OnRTCP(p)
			}
		})
	}
	l.receiver = receive.New(receive.Config{
		Verify: 1, Feedback: true, Keys: func() (*srtp.Context, error) { return in, nil },
		OnRTCP: func(rtcp.Packet) {}, SendRTCP: answer,
	})
	ext := publish.Extensions{MID: 1, RID: 2, RRID: 3, AudioLevel: 4, TWCC: 5}
	l.publisher.Add(publish.Track{
		Source: protocol.Mic, MID: "0", Extensions: ext, Payload: 111,
		Encodings: []publish.Encoding{{SSRC: linkAudio, Audio: &clip.Audio}},
	})
	l.publisher.Add(publish.Track{
		Source: protocol.Camera, MID: "1", Extensions: ext, Payload: 96, RTX: 97,
		Encodings: []publish.Encoding{{RID: "h", SSRC: linkVideo, RTXSSRC: linkRTX, Video: clip.Layer("h")}},
	})
	l.publisher.SetLive(func(protocol.Source) bool { return true })
	l.receiver.Expect([]receive.Slot{
		{MID: "5", SSRC: linkAudio, TWCC: 5}, {MID: "6", Video: true, SSRC: linkVideo, RTX: linkRTX, TWCC: 5},
	})
	l.receiver.Assign([]protocol.Slot{{MID: "5", Participant: 9}, {MID: "6", Participant: 9}}, nil, time.Now())
	l.publisher.Begin(context16(t), time.Now())
	return l
}

func (l *link) forward(b []byte) {
	if wire.IsRTCP(b) {
		return
	}
	l.sent++
	if l.drop(b) {
		return
	}
	packet := append([]byte(nil), b...)
	l.carry(func() { l.receiver.Batch([]wire.Arrival{{Data: packet, At: time.Now().UnixNano()}}) })
}

func (l *link) carry(deliver func()) {
	l.queue = append(l.queue, inFlight{time.Now().Add(l.delay), deliver})
}

// step delivers what is due.
func (l *link) step() {
	for len(l.queue) > 0 && !l.queue[0].at.After(time.Now()) {
		deliver := l.queue[0].deliver
		l.queue = l.queue[1:]
		deliver()
	}
	l.receiver.Pulse(time.Now())
	time.Sleep(time.Millisecond)
	synctest.Wait()
}

// play runs both ends for d of virtual time, and then the receiver alone until all is settled.
func (l *link) play(d time.Duration) report.Bot {
	end := time.Now().Add(d)
	for now := time.Now(); now.Before(end); now = time.Now() {
		l.publisher.Run(now)
		l.step()
	}
	for range 1000 {
		l.step()
	}
	var r report.Bot
	got := l.receiver.Summary(end)
	r.AddReceived(&got)
	return r
}

func TestWithoutLossNothingIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, 30*time.Millisecond, func([]byte) bool { return false })
		r := l.play(10 * time.Second)
		if r.LostBefore != 0 || r.NACKsSent != 0 || r.PLIsSent != 0 || r.Freezes != 0 || r.UndecodedPackets != 0 {
			t.Errorf("%+v", r.Traffic)
		}
		if r.ReceivedPackets != l.sent {
			t.Errorf("%d of %d packets", r.ReceivedPackets, l.sent)
		}
		if r.Frames < 299 || r.KeyFrames != 2 { // the clip is 8 s long
			t.Errorf("%d frames, %d key frames", r.Frames, r.KeyFrames)
		}
		for _, q := range []measure.Quantiles{r.AudioDelay, r.VideoDelay} {
			if q.P50 < 29.5 || q.Max > 30.5 {
				t.Errorf("delay %+v, want 30 ms", q)
			}
		}
		for _, s := range r.Received {
			if !s.Arrived || s.JitterMS > 1.1 { // the loop's own step
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestLossIsRepairedByRetransmissionAndCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	dropped := map[uint32]uint64{}
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, 25*time.Millisecond, func(b []byte) bool {
			v, _ := wire.ParseRTP(b)
			if v.Marker || v.SSRC != linkVideo && v.SSRC != linkRTX || rng.IntN(20) != 0 {
				return false
			}
			dropped[v.SSRC]++
			return true
		})
		r := l.play(10 * time.Second)
		if r.LostBefore != dropped[linkVideo] || r.LostAfter != 0 || dropped[linkVideo] == 0 {
			t.Errorf("dropped %d, counted %d, %d after retransmission", dropped[linkVideo], r.LostBefore, r.LostAfter)
		}
		if r.LostFrames != 0 || r.Frames < 299 {
			t.Errorf("%d frames, %d lost", r.Frames, r.LostFrames)
		}
		sent := l.publisher.Sent()[1]
		if sent.RTXPackets != dropped[linkVideo]+dropped[linkRTX] {
			t.Errorf("%d sent again for %d + %d lost", sent.RTXPackets, dropped[linkVideo], dropped[linkRTX])
		}
	})
}

func TestAnUnrepairableLossBringsAKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hole atomic.Bool
		l := newLink(t, 20*time.Millisecond, func(b []byte) bool {
			v, _ := wire.ParseRTP(b)
			return v.SSRC == linkRTX || hole.Load() && v.SSRC == linkVideo
		})
		time.AfterFunc(2*time.Second, func() { hole.Store(true) })
		time.AfterFunc(5*time.Second, func() { hole.Store(false) })
		r := l.play(7 * time.Second)
		if r.Freezes != 1 || r.FreezeMS < 3000 {
			t.Errorf("%d freezes, %.0f ms", r.Freezes, r.FreezeMS)
		}
		if r.PLIsSent == 0 || l.publisher.Sent()[1].PLIs == 0 || r.KeyFrames < 2 {
			t.Errorf("%d PLI sent, %d key frames", r.PLIsSent, r.KeyFrames)
		}
		if r.LostAfter == 0 {
			t.Error("a blackout of 3 s lost nothing")
		}
	})
}

func TestEncodingsStopAndRestartWithAKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, 0, func([]byte) bool { return false })
		time.AfterFunc(time.Second, func() { l.publisher.Encode(protocol.Camera, nil) })
		time.AfterFunc(2*time.Second, func() { l.publisher.Encode(protocol.Camera, []protocol.RID{"h"}) })
		r := l.play(3 * time.Second)
		sent := l.publisher.Sent()
		if sent[1].KeyFrames != 2 || r.KeyFrames != 2 {
			t.Errorf("%d key frames sent, %d received", sent[1].KeyFrames, r.KeyFrames)
		}
		if r.Frames < 58 || r.Frames > 62 {
			t.Errorf("%d frames in 3 s with one second off", r.Frames)
		}
		if sent[0].Packets < 149 {
			t.Errorf("%d audio packets", sent[0].Packets)
		}
	})
}

func TestAMutedSourceSendsNoPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t, 0, func([]byte) bool { return false })
		l.publisher.SetLive(func(s protocol.Source) bool { return s == protocol.Camera })
		l.play(time.Second)
		if n := l.publisher.Sent()[0].Packets; n != 0 {
			t.Errorf("%d audio packets", n)
		}
	})
}

func TestHeadersCarryWhatWasNegotiatedUntilAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		named, unnamed := 0, 0
		acknowledged := false
		l := newLink(t, 0, func(b []byte) bool {
			v, ok := wire.ParseRTP(b)
			if !ok || v.Extension(5) == nil {
				t.Errorf("no transport-wide sequence number")
			}
			mid, rid := string(v.Extension(1)), string(v.Extension(2))
			switch {
			case v.SSRC == linkAudio && len(v.Extension(4)) != 1:
				t.Errorf("no audio level")
			case v.SSRC == linkVideo && mid == "1" && rid == "h":
				named++
			case v.SSRC == linkVideo && acknowledged:
				unnamed++
			case v.SSRC == linkVideo:
				t.Errorf("mid %q, rid %q", mid, rid)
			}
			return false
		})
		time.AfterFunc(500*time.Millisecond, func() {
			acknowledged = true
			l.publisher.OnRTCP(&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: linkVideo}}})
		})
		l.mute = true
		l.play(time.Second)
		if named == 0 || unnamed == 0 {
			t.Errorf("%d with names, %d without", named, unnamed)
		}
	})
}
