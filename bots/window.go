package bots

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks is USER_HZ, in which /proc counts CPU time; it is 100 on every Linux that Go runs on.
const clockTicks = 100

// windowMeter measures between two moments.
type windowMeter struct {
	Window
	packets, bytes  uint64
	own, server     float64
	ownCPU          float64
	drops, sendErrs uint64
}

func (r *runner) openWindow() *windowMeter {
	r.lag.reset()
	for _, b := range r.bots() {
		b.peer.receiver.openWindow()
	}
	w := &windowMeter{own: cpuSeconds(os.Getpid()), server: cpuSeconds(r.cfg.ServerPID)}
	w.Start = time.Now()
	sum := r.sum()
	w.packets, w.bytes = sum.packets, sum.bytes
	return w
}

func (w *windowMeter) close(r *runner) {
	w.Seconds = time.Since(w.Start).Seconds()
	sum := r.sum()
	w.drops, w.sendErrs = sum.drops, sum.sendErrs
	w.ownCPU = cpuSeconds(os.Getpid()) - w.own
	w.ReceivedPackets, w.ReceivedBytes = sum.packets-w.packets, sum.bytes-w.bytes
	if w.Seconds > 0 {
		w.PacketsPerS = float64(w.ReceivedPackets) / w.Seconds
		w.MbitPerS = float64(w.ReceivedBytes) * 8 / 1e6 / w.Seconds
	}
	if r.cfg.ServerPID > 0 && w.ReceivedPackets > 0 {
		w.ServerCPUSeconds = cpuSeconds(r.cfg.ServerPID) - w.server
		w.ServerCPUMicrosPerPacket = w.ServerCPUSeconds * 1e6 / float64(w.ReceivedPackets)
		w.ServerRSSMiB = rssMiB(r.cfg.ServerPID)
	}
}

// tally sums up what bots received, and what their own sockets could not take or send.
type tally struct{ packets, bytes, drops, sendErrs uint64 }

func (t *tally) add(b *bot) {
	packets, bytes := b.peer.receiver.progress()
	t.packets += packets
	t.bytes += bytes
	t.drops += b.peer.wire.overflow.Load()
	t.sendErrs += b.peer.wire.sendErrs.Load()
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

// cpuSeconds returns the user and system time of a process of this machine so far, 0 where there is no /proc.
func cpuSeconds(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if pid <= 0 || err != nil {
		return 0
	}
	// The command's name is in parentheses and may hold spaces; utime and stime are fields 14 and 15 of proc(5).
	_, rest := cutLast(string(raw), ")")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	var ticks float64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return ticks / clockTicks
}

// rssMiB returns the resident memory of a process.
func rssMiB(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
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
