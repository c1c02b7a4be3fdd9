package bots

import (
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// describe makes the report of one bot.
func (r *runner) describe(b *bot, now time.Time) BotReport {
	rep := BotReport{
		Bot: b.index + 1, Participant: b.self, Lobby: b.times.lobby, JoinMS: map[string]float64{},
		RequestErrors: b.errorCounts(), Sent: []SentStream{}, Received: []ReceivedStream{},
	}
	if b.peer == nil {
		b.times.phases(rep.JoinMS, time.Time{}, time.Time{})
		return rep
	}
	rep.Sent = b.peer.publisher.sent()
	for i := range rep.Sent {
		rep.SentPackets += rep.Sent[i].Packets
		rep.SentBytes += rep.Sent[i].Bytes
		rep.PLIsReceived += rep.Sent[i].PLIs
	}
	firstRTP, firstKey := b.peer.receiver.report(&rep, now)
	b.times.phases(rep.JoinMS, firstRTP, firstKey)
	return rep
}

// report sums up.
func (r *runner) report(w *windowMeter, interrupted error) (*Report, error) {
	rep := &Report{
		Started: r.started, Count: r.cfg.Count, Publishers: r.cfg.Publishers, Join: map[string]Phase{}, Window: w.Window,
		Generator: Generator{Lag: r.lag.summary(), CPUSeconds: w.ownCPU, Cores: runtime.GOMAXPROCS(0)},
	}
	rep.E2EE = r.cfg.link != nil
	if rep.E2EE {
		rep.Rekeys = r.rekeys.report()
	}
	audio, video := newDelayHistogram(), newDelayHistogram()
	joins := map[string]*hdrhistogram.Histogram{}
	var failures []string
	if interrupted != nil {
		failures = append(failures, "the run was interrupted")
	}
	for i := range r.seats {
		failures = append(failures, r.seats[i].failures...)
		for j := range r.seats[i].reports {
			b := &r.seats[i].reports[j]
			rep.Total.add(&b.Traffic)
			if b.audio != nil {
				audio.Merge(b.audio)
				video.Merge(b.video)
			}
			for phase, ms := range b.JoinMS {
				if joins[phase] == nil {
					joins[phase] = newDelayHistogram()
				}
				_ = joins[phase].RecordValue(min(60_000_000, max(1, int64(ms*1000)))) // within bounds by construction
			}
			rep.Bots = append(rep.Bots, *b)
		}
	}
	rep.Total.AudioDelay, rep.Total.VideoDelay = quantiles(audio), quantiles(video)
	rep.Join["sign_in"] = singleton(r.signed)
	for phase, h := range joins {
		rep.Join[phase] = quantiles(h)
	}
	rep.Generator.SocketDrops, rep.Generator.SendErrors = w.drops, w.sendErrs
	if err := rep.judge(r.cfg.Thresholds, failures); err != nil {
		return nil, err
	}
	return rep, nil
}

func singleton(d time.Duration) Quantiles {
	ms := float64(d) / float64(time.Millisecond)
	return Quantiles{Count: 1, P50: ms, P95: ms, P99: ms, Max: ms}
}

// phases names the durations of a join: each phase's own, and the total until media may flow.
func (p *phases) phases(out map[string]float64, firstRTP, firstKey time.Time) {
	put := func(name string, from, to time.Time) {
		if !from.IsZero() && !to.IsZero() {
			out[name] = max(0, float64(to.Sub(from))/float64(time.Millisecond))
		}
	}
	put("socket", p.start, p.socket)
	put("admitted", p.socket, p.admitted)
	put("answer", p.admitted, p.answered)
	put("ice", p.answered, p.ice)
	put("dtls", p.ice, p.dtls)
	put("total", p.start, p.dtls)
	put("first_rtp", p.start, firstRTP)
	put("first_key_frame", p.start, firstKey)
}
