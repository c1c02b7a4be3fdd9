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
	w.packets, w.bytes = r.received()
	return w
}

func (w *windowMeter) close(r *runner) {
	w.Seconds = time.Since(w.Start).Seconds()
	packets, bytes := r.received()
	w.drops, w.sendErrs = r.socketTroubles()
	w.ownCPU = cpuSeconds(os.Getpid()) - w.own
	w.ReceivedPackets, w.ReceivedBytes = packets-min(packets, w.packets), bytes-min(bytes, w.bytes)
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

func (r *runner) received() (packets, bytes uint64) {
	for _, b := range r.bots() {
		p, n := b.peer.receiver.progress()
		packets += p
		bytes += n
	}
	return packets, bytes
}

// socketTroubles sums up what the bots' own sockets could not take or send.
func (r *runner) socketTroubles() (drops, sendErrs uint64) {
	for _, b := range r.bots() {
		drops += b.peer.wire.overflow.Load()
		sendErrs += b.peer.wire.sendErrs.Load()
	}
	return drops, sendErrs
}

// cpuSeconds returns the user and system time of a process of this machine so far, 0 where there is no /proc.
func cpuSeconds(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if pid <= 0 || err != nil {
		return 0
	}
	// The command's name is in parentheses and may hold spaces; utime and stime are fields 14 and 15 of proc(5).
	_, rest, _ := cutLast(string(raw), ")")
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
	var lastPackets, lastBytes uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.gone:
			return
		case <-tick.C:
		}
		packets, bytes := r.received()
		var a arrivalCount
		for _, c := range r.arrivals(time.Now()) {
			a.expectedAudio += c.expectedAudio
			a.audio += min(c.audio, c.expectedAudio)
			a.expectedVideo += c.expectedVideo
			a.video += min(c.video, c.expectedVideo)
		}
		// A bot that left takes its counts along: the rate is never negative.
		_, _ = fmt.Fprintf(r.cfg.Progress, "%4.0fs  %d/%d in  audio %d/%d  video %d/%d  %d packets/s  %.1f Mbit/s\n",
			time.Since(r.started).Seconds(), len(r.bots()), r.cfg.Count, a.audio, a.expectedAudio, a.video, a.expectedVideo,
			packets-min(packets, lastPackets), float64(bytes-min(bytes, lastBytes))*8/1e6)
		lastPackets, lastBytes = packets, bytes
	}
}
