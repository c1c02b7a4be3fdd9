package bots

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"conclave/bots/client"
	"conclave/bots/measure"
	"conclave/bots/receive"
	"conclave/bots/report"
)

// machineInterval is the mean time between two looks at the machine.
const machineInterval = 100 * time.Millisecond

// windowMeter measures between two moments.
type windowMeter struct {
	report.Window
	generator report.Generator // but for its lag
	packets   uint64
	bytes     uint64
	machine   *machineWatch
}

// machineWatch looks at the machine from when it is made until it is closed.
type machineWatch struct {
	serverPID   int
	own, server float64 // CPU seconds: when it was made, and once it is closed those since
	meter       measure.MachineMeter
	stop        context.CancelFunc
	looking     sync.WaitGroup
}

func watchMachine(ctx context.Context, serverPID int) *machineWatch {
	w := &machineWatch{
		serverPID: serverPID, own: measure.CPUSeconds(os.Getpid()), server: measure.CPUSeconds(serverPID),
	}
	ctx, w.stop = context.WithCancel(ctx)
	w.look()
	w.looking.Go(func() { w.lookOn(ctx) })
	return w
}

// close ends the looks.
func (w *machineWatch) close() {
	w.look()
	w.stop()
	w.looking.Wait()
	w.own = measure.CPUSeconds(os.Getpid()) - w.own
	if w.serverPID > 0 {
		w.server = measure.CPUSeconds(w.serverPID) - w.server
	}
}

// use says what the machine did; nil where nothing tells.
func (w *machineWatch) use() *report.Machine {
	u, ok := w.meter.Use()
	if !ok {
		return nil
	}
	return report.NewMachine(u, w.own, w.server, w.serverPID > 0)
}

func (r *runner) openWindow(ctx context.Context) *windowMeter {
	debug.FreeOSMemory() // what the joins left behind is neither resident nor collected in the window
	r.lag.Reset()
	for _, b := range r.bots() {
		b.OpenWindow()
	}
	w := &windowMeter{machine: watchMachine(ctx, r.cfg.ServerPID)}
	w.Start = time.Now()
	w.Planned = measured(r.cfg.Plan).Seconds()
	sum := r.sum()
	w.packets, w.bytes = sum.Packets, sum.Bytes
	return w
}

// lookOn looks at the machine until ctx ends, at times that are not those of the bots' own clocks.
func (w *machineWatch) lookOn(ctx context.Context) {
	for {
		wait(ctx, machineInterval/2+rand.N(machineInterval))
		if ctx.Err() != nil {
			return
		}
		w.look()
	}
}

func (w *machineWatch) look() {
	if p, err := measure.ReadProcessors(); err == nil {
		w.meter.Add(p)
	}
}

// close ends the window.
func (w *windowMeter) close(r *runner) {
	w.machine.close()
	sum := r.sum()
	g := &w.generator
	g.SocketDrops, g.SendErrors, g.Cores = sum.drops, sum.sendErrs, runtime.GOMAXPROCS(0)
	if len(r.bots()) == 0 { // they are all gone: nothing was measured to the end
		return
	}
	w.Seconds = time.Since(w.Start).Seconds()
	g.CPUSeconds = w.machine.own
	g.RSSMiB, g.Goroutines = measure.RSSMiB(os.Getpid()), runtime.NumGoroutine()
	w.ReceivedPackets, w.ReceivedBytes = sum.Packets-w.packets, sum.Bytes-w.bytes
	if w.Seconds > 0 {
		w.PacketsPerS = float64(w.ReceivedPackets) / w.Seconds
		w.MbitPerS = float64(w.ReceivedBytes) * 8 / 1e6 / w.Seconds
	}
	if r.cfg.ServerPID > 0 {
		w.ServerCPUSeconds = w.machine.server
		w.ServerRSSMiB = measure.RSSMiB(r.cfg.ServerPID)
		if w.ReceivedPackets > 0 {
			w.ServerCPUMicrosPerPacket = w.ServerCPUSeconds * 1e6 / float64(w.ReceivedPackets)
		}
	}
}

// machineUse says what the machine did in the window; nil where nothing was measured.
func (w *windowMeter) machineUse() *report.Machine {
	if w.Seconds == 0 {
		return nil
	}
	return w.machine.use()
}

// tally sums up what bots received, and what their own sockets could not take or send.
type tally struct {
	receive.Glance
	drops, sendErrs uint64
}

func (t *tally) add(b *client.Bot) {
	t.Glance.Add(b.Glance())
	drops, sendErrs := b.Trouble()
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

// series finishes a series: it says where the measured window lies.
func (w *windowMeter) series(s *report.Series, begun time.Time) report.Series {
	s.DropConstants()
	if w.Seconds > 0 {
		s.WindowFromS = w.Start.Sub(begun).Seconds()
		s.WindowToS = s.WindowFromS + w.Seconds
	}
	if s.Samples == nil {
		s.Samples = []report.Sample{}
	}
	return *s
}
