package forward

import (
	"sync"
	"time"
)

// paceStep is how often the pacer comes by while there is something to do.
const paceStep = 5 * time.Millisecond

// pacer sends what goes out by time rather than with a packet's arrival: the rest of a burst, and probes. It is one
// goroutine for the engine, asleep unless some destination needs it.
type pacer struct {
	sender
	signal chan struct{}

	mu   sync.Mutex
	list []*destination // to be taken over; each at most once, so that connections bound it
}

// add has the pacer look after d until there is nothing left to do for it.
func (p *pacer) add(d *destination) {
	if d.paced.Swap(true) {
		return
	}
	p.mu.Lock()
	p.list = append(p.list, d)
	p.mu.Unlock()
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// run sends until the engine is closed.
func (p *pacer) run(e *Engine) {
	defer e.wg.Done()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var active []*destination
	for {
		select {
		case <-e.stop:
			return
		case <-p.signal: // what a worker has just sealed must go out before what it has held back: that waits for the step
			if len(active) == 0 {
				timer.Reset(paceStep)
			}
			active = p.take(active)
			continue
		case <-timer.C:
		}
		kept := active[:0]
		for _, d := range active {
			if p.pace(d, time.Now()) {
				kept = append(kept, d)
			}
		}
		clear(active[len(kept):])
		if active = kept; len(active) > 0 {
			timer.Reset(paceStep)
		}
	}
}

// take moves what has been added to active.
func (p *pacer) take(active []*destination) []*destination {
	p.mu.Lock()
	defer p.mu.Unlock()
	active = append(active, p.list...)
	clear(p.list)
	p.list = p.list[:0]
	return active
}

// pace sends what is due to one destination and says whether there will be more.
func (p *pacer) pace(d *destination, now time.Time) (more bool) {
	ks, to, ok := d.transport.Ready()
	if !ok {
		d.paced.Store(false)
		return false
	}
	box := p.begin(ks, to, now)
	probing := p.gather(d, box, now)
	box.send()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hold.leaving--
	if more = probing || !d.hold.empty(); !more {
		d.paced.Store(false)
	}
	return more
}

// gather puts what is due to d into the box, which leaves without the lock, and says whether a probe goes on.
func (p *pacer) gather(d *destination, box *outbox, now time.Time) (probing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reach(box.to, now)
	if d.hold.leaving == 0 {
		d.release(box, d.hold.due(now, paceFactor*d.estimated.Load()), now)
	}
	probing = p.probe(d, box, now)
	d.hold.leaving++
	return probing
}

// probe sends what a probe has due and says whether it goes on. d is locked.
func (p *pacer) probe(d *destination, box *outbox, now time.Time) (more bool) {
	if d.path.bwe == nil || d.way.stream {
		return false
	}
	due, more := d.path.bwe.Probe(now)
	for due > 0 && box.fits() {
		at := len(box.arena)
		var ok bool
		if box.arena, ok = d.filler.fill(box.arena, now, &p.seal); !ok {
			break
		}
		due -= len(box.arena) - at + d.way.overhead
		box.add(at)
		p.counters.Probes.Add(1)
	}
	return more
}
