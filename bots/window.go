package bots

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"conclave/bots/client"
	"conclave/bots/measure"
	"conclave/bots/report"
)

// machineInterval is the mean time between two looks at the machine.
const machineInterval = 100 * time.Millisecond

// windowMeter measures between two moments.
type windowMeter struct {
	report.Window
	packets, bytes  uint64
	own, server     float64
	ownCPU          float64
	drops, sendErrs uint64
	machine         measure.MachineMeter
	stop            context.CancelFunc // of the looks at the machine
	looking         sync.WaitGroup
}

func (r *runner) openWindow(ctx context.Context) *windowMeter {
	r.lag.Reset()
	for _, b := range r.bots() {
		b.OpenWindow()
	}
	w := &windowMeter{own: measure.CPUSeconds(os.Getpid()), server: measure.CPUSeconds(r.cfg.ServerPID)}
	w.Start = time.Now()
	w.Planned = measured(r.cfg.Plan).Seconds()
	ctx, w.stop = context.WithCancel(ctx)
	w.look()
	w.looking.Go(func() { w.lookOn(ctx) })
	sum := r.sum()
	w.packets, w.bytes = sum.packets, sum.bytes
	return w
}

// lookOn looks at the machine until ctx ends, at times that are not those of the bots' own clocks.
func (w *windowMeter) lookOn(ctx context.Context) {
	for {
		wait(ctx, machineInterval/2+rand.N(machineInterval))
		if ctx.Err() != nil {
			return
		}
		w.look()
	}
}

func (w *windowMeter) look() {
	if p, err := measure.ReadProcessors(); err == nil {
		w.machine.Add(p)
	}
}

// close ends the window.
func (w *windowMeter) close(r *runner) {
	w.look()
	w.stop()
	w.looking.Wait()
	sum := r.sum()
	w.drops, w.sendErrs = sum.drops, sum.sendErrs
	if len(r.bots()) == 0 { // they are all gone: nothing was measured to the end
		return
	}
	w.Seconds = time.Since(w.Start).Seconds()
	w.ownCPU = measure.CPUSeconds(os.Getpid()) - w.own
	w.ReceivedPackets, w.ReceivedBytes = sum.packets-w.packets, sum.bytes-w.bytes
	if w.Seconds > 0 {
		w.PacketsPerS = float64(w.ReceivedPackets) / w.Seconds
		w.MbitPerS = float64(w.ReceivedBytes) * 8 / 1e6 / w.Seconds
	}
	if r.cfg.ServerPID > 0 {
		w.ServerCPUSeconds = measure.CPUSeconds(r.cfg.ServerPID) - w.server
		w.ServerRSSMiB = measure.RSSMiB(r.cfg.ServerPID)
		if w.ReceivedPackets > 0 {
			w.ServerCPUMicrosPerPacket = w.ServerCPUSeconds * 1e6 / float64(w.ReceivedPackets)
		}
	}
}

// machineUse says what the machine did in the window; nil where nothing tells.
func (w *windowMeter) machineUse(serverHere bool) *report.Machine {
	u, ok := w.machine.Use()
	if !ok || w.Seconds == 0 {
		return nil
	}
	return report.NewMachine(u, w.ownCPU, w.ServerCPUSeconds, serverHere)
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
