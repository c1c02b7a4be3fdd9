package forward

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// A frame of a webinar goes to every listener: on one core the last of hundreds would wait for milliseconds while the
// other cores rest. So a round for many destinations is shared: the worker has decrypted its packets once, and mates
// that have nothing to do seal and send it for some of the destinations. The worker waits for them before it goes on,
// so that nothing is overtaken and the packets stay where they are.
const (
	shareFrom = 64 // destinations: waking a mate costs as much as some of them
	shareSize = 16 // destinations that are taken at a time
)

// sharing is a round as it is shared. The worker and its mates take destinations from next on.
type sharing struct {
	round   *round
	now     time.Time
	next    atomic.Int32
	invited []*mate
	done    chan struct{} // one from each mate that took part
}

// mate seals and sends what a worker has received, when it is invited to. One goroutine.
type mate struct {
	sender
	// invited is what it is invited to share; &working while it does, nil while it rests. A worker takes back its own
	// invitation and no other: that mates have been invited by others meanwhile is why this is not just a state.
	invited atomic.Pointer[sharing]
	working sharing
	wake    chan struct{}
}

// openMates makes as many mates as there are processors beside the worker's.
func (e *Engine) openMates() error {
	for i := range min(len(e.workers), runtime.GOMAXPROCS(0)) - 1 {
		m := &mate{wake: make(chan struct{}, 1)}
		if err := m.open(e.network, i, arenaBytes); err != nil {
			return fmt.Errorf("forward: %w", err)
		}
		m.seal.shared = true
		e.mates = append(e.mates, m)
	}
	for _, w := range e.workers {
		w.round.openSharing(len(e.mates))
	}
	return nil
}

func (r *round) openSharing(mates int) {
	r.sharing.round, r.sharing.done = r, make(chan struct{}, mates)
}

// run shares rounds until the engine is closed.
func (m *mate) run(e *Engine) {
	defer e.wg.Done()
	for {
		select {
		case <-e.stop:
			return
		case <-m.wake:
		}
		s := m.invited.Load()
		if s == nil || !m.invited.CompareAndSwap(s, &m.working) {
			continue // too late: the worker did it all
		}
		s.round.takeShares(&m.sender)
		s.done <- struct{}{}
		m.invited.Store(nil)
	}
}

// share forwards the round together with mates that are idle; it says whether there are any.
func (w *worker) share(now time.Time) bool {
	s := &w.sharing
	s.now = now
	s.next.Store(0)
	most := len(w.touched) / (shareFrom / 2)
	for _, m := range w.engine.mates {
		if len(s.invited) < most && m.invited.CompareAndSwap(nil, s) {
			s.invited = append(s.invited, m)
			select {
			case m.wake <- struct{}{}:
			default: // of an invitation that was taken back
			}
		}
	}
	if len(s.invited) == 0 {
		return false
	}
	w.seal.shared = true
	w.takeShares(&w.sender)
	w.seal.shared = false
	for i, m := range s.invited {
		if !m.invited.CompareAndSwap(s, nil) {
			<-s.done
		}
		s.invited[i] = nil
	}
	s.invited = s.invited[:0]
	return true
}

// takeShares forwards parts of a round until none is left.
func (r *round) takeShares(s *sender) {
	for {
		end := int(r.sharing.next.Add(shareSize))
		begin := end - shareSize
		if begin >= len(r.touched) {
			break
		}
		s.forward(r, r.touched[begin:min(end, len(r.touched))], r.sharing.now)
	}
	s.send()
}
