package bots

import (
	"context"
	"fmt"
	"os"
	"time"

	"conclave/bots/client"
	"conclave/bots/measure"
	"conclave/bots/report"
)

// windowMeter measures between two moments.
type windowMeter struct {
	report.Window
	packets, bytes  uint64
	own, server     float64
	ownCPU          float64
	drops, sendErrs uint64
}

func (r *runner) openWindow() *windowMeter {
	r.lag.Reset()
	for _, b := range r.bots() {
		b.OpenWindow()
	}
	w := &windowMeter{own: measure.CPUSeconds(os.Getpid()), server: measure.CPUSeconds(r.cfg.ServerPID)}
	w.Start = time.Now()
	sum := r.sum()
	w.packets, w.bytes = sum.packets, sum.bytes
	return w
}

func (w *windowMeter) close(r *runner) {
	w.Seconds = time.Since(w.Start).Seconds()
	sum := r.sum()
	w.drops, w.sendErrs = sum.drops, sum.sendErrs
	w.ownCPU = measure.CPUSeconds(os.Getpid()) - w.own
	w.ReceivedPackets, w.ReceivedBytes = sum.packets-w.packets, sum.bytes-w.bytes
	if w.Seconds > 0 {
		w.PacketsPerS = float64(w.ReceivedPackets) / w.Seconds
		w.MbitPerS = float64(w.ReceivedBytes) * 8 / 1e6 / w.Seconds
	}
	if r.cfg.ServerPID > 0 && w.ReceivedPackets > 0 {
		w.ServerCPUSeconds = measure.CPUSeconds(r.cfg.ServerPID) - w.server
		w.ServerCPUMicrosPerPacket = w.ServerCPUSeconds * 1e6 / float64(w.ReceivedPackets)
		w.ServerRSSMiB = measure.RSSMiB(r.cfg.ServerPID)
	}
}

// tally sums up what bots received, and what their own sockets could not take or send.
type tally struct{ packets, bytes, drops, sendErrs uint64 }

func (t *tally) add(b *client.Bot) {
	packets, bytes, drops, sendErrs := b.Traffic()
	t.packets += packets
	t.bytes += bytes
	t.drops += drops
	t.sendErrs += sendErrs
}

// sum covers all bots of the run so far.
func (r *runner) sum() tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.left
	for b := range r.active {
		t.add(b)
	}
	return t
}

// progress writes a line a second.
func (r *runner) progress(ctx context.Context) {
	if r.cfg.Progress == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last tally
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.gone:
			return
		case <-tick.C:
		}
		sum := r.sum()
		var a arrivalCount
		for _, c := range r.arrivals(time.Now()) {
			a.expectedAudio += c.expectedAudio
			a.audio += min(c.audio, c.expectedAudio)
			a.expectedVideo += c.expectedVideo
			a.video += min(c.video, c.expectedVideo)
		}
		_, _ = fmt.Fprintf(r.cfg.Progress, "%4.0fs  %d/%d in  audio %d/%d  video %d/%d  %d packets/s  %.1f Mbit/s\n",
			time.Since(r.started).Seconds(), len(r.bots()), r.cfg.Count, a.audio, a.expectedAudio, a.video, a.expectedVideo,
			sum.packets-last.packets, float64(sum.bytes-last.bytes)*8/1e6)
		last = sum
	}
}
