package forward

import (
	"sync"
	"time"

	"conclave/sfu/batch"
)

// Each of hundreds of listeners reports what it receives many times a second. To wake up for each costs more than what
// it says, so RTCP comes to a socket that wakes no one: a worker looks at it when media has come, and a tick where none
// has. It waits for 20 ms at most while anybody publishes, and for a pulse while no one does.

// pollEvery is the time between two looks: a worker may have a batch each fraction of a millisecond.
const pollEvery = 4 * time.Millisecond

// maxWaited bounds what the age of a datagram may say about when it came: the clocks may have been set meanwhile.
const maxWaited = time.Second

// polling is a worker's RTCP, where it has a socket of its own.
type polling struct {
	busy   sync.Mutex   // held by who does the worker's work: it, or a tick
	rtcp   batch.Polled // nil: RTCP comes with all else
	looked time.Time
	act    func([]batch.Datagram) // made once, so that a look allocates nothing
}

// openPolling has RTCP come to a socket of its own.
func (w *worker) openPolling(rtcp batch.Polled) {
	w.rtcp = rtcp
	w.act = func(datagrams []batch.Datagram) {
		w.counters.Batches.Add(1)
		w.counters.BatchSize.observe(float64(len(datagrams)))
		w.forget()
		w.take(datagrams, w.looked)
		w.finish(w.looked)
	}
}

// poll acts on the RTCP that has come, unless it was looked at just now. busy is held.
func (w *worker) poll(now time.Time) {
	if w.rtcp == nil || now.Sub(w.looked) < pollEvery {
		return
	}
	w.looked = now
	// It fails only when the engine closes, which the other socket says too.
	_ = w.rtcp.Poll(w.act)
}

// Poll acts on RTCP, and forwards what is gathered, that waits because nothing else has come. Call it at each tick.
func (e *Engine) Poll(now time.Time) {
	for _, w := range e.workers {
		if w.busy.TryLock() { // else it works, and looks itself
			w.poll(now)
			w.finish(now)
			w.busy.Unlock()
		}
	}
}

// came is when d arrived, to be compared with other times of this process.
func came(d *batch.Datagram, now time.Time) time.Time { return now.Add(-min(d.Age(now), maxWaited)) }
