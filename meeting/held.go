package meeting

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// maxHeld bounds the jobs whose effects wait for records. Beyond it the actor takes no more from its mailbox until some
// records are on disk. One sweep may go over it by what the mailbox holds.
const maxHeld = 256

// held is what one job has left to do once its actions are on disk: an audited meeting tells nothing of them before.
// The state goes on meanwhile. Effects are carried out in the order of the jobs.
type held struct {
	job     job
	effects []effect
	entered []media.ParticipantID // who came in by this job
	settled bool                  // guarded by the actor's lock, as is err
	err     error                 // why it could not be recorded
}

// conclude carries out what a job has left to do: at once, or after its records and those of the jobs before it are on
// disk.
func (a *actor) conclude(now time.Time, j job) {
	records, effects := a.state.takeRecords(now), a.state.take()
	if len(records) == 0 && len(a.held) == 0 {
		a.carryOut(j, effects, nil)
		return
	}
	h := &held{job: j, effects: effects, settled: len(records) == 0}
	for i := range h.effects { // who hears of it is decided now, not when it is on disk
		h.effects[i].sinks = slices.AppendSeq([]Sink{}, a.state.audience(&h.effects[i]))
	}
	for _, r := range records {
		if r.Action == ActionJoined {
			h.entered = append(h.entered, r.seat)
		}
	}
	a.held = append(a.held, h)
	if len(records) > 0 {
		a.deps.cfg.Recorder.Record(records, func(err error) { a.settle(h, err) })
	}
	a.release()
}

// settle notes that the records of h are on disk, or that they cannot be written. It runs on any goroutine.
func (a *actor) settle(h *held, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h.settled, h.err = true, err
	a.start()
}

// settledFirst says whether the job that has waited longest waits for nothing any more. The lock is held.
func (a *actor) settledFirst() bool { return len(a.held) > 0 && a.held[0].settled }

// release carries out what waits for nothing any more.
func (a *actor) release() {
	for {
		a.mu.Lock()
		if !a.settledFirst() {
			a.mu.Unlock()
			return
		}
		h := a.held[0]
		a.held = slices.Delete(a.held, 0, 1)
		a.mu.Unlock()
		if h.err == nil {
			a.carryOut(h.job, h.effects, nil)
			continue
		}
		a.unrecorded(h)
	}
}

// unrecorded deals with a job whose actions could not be recorded. Who came in by it goes out again without having been
// welcomed. The rest has happened, but who asked for it gets an error.
func (a *actor) unrecorded(h *held) {
	h.effects = slices.DeleteFunc(h.effects, func(e effect) bool {
		return e.kind == sendOne && slices.Contains(h.entered, e.seat)
	})
	a.carryOut(h.job, h.effects, ErrAuditUnavailable)
	for _, id := range h.entered {
		a.guard(job{run: func(now time.Time) {
			if p := a.state.seats[id]; p != nil {
				a.state.leave(now, p, protocol.LeftLost, protocol.ByeInternal)
			}
		}})
	}
}

// carryOut carries out effects and ends their job, with an error if there is one.
func (a *actor) carryOut(j job, effects []effect, err error) {
	a.owed = nil
	switch ok := a.protect(func() { a.perform(effects) }); {
	case !ok:
		a.blame(j.seat)
		j.finish(ErrInternal)
	case err != nil:
		j.finish(err)
	default:
		a.acknowledge(j)
	}
}
