package meeting

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// maxMailbox bounds what waits for an actor. A participant has one request under way at a time, so that two requests
// for each seat of a full meeting fit; media reports are coalesced a seat and need no room.
const maxMailbox = 2048

// actor runs one meeting: one goroutine at a time works off the mailbox, and none exists while it is empty. All that
// the state decides happens here, in order.
type actor struct {
	deps *deps
	id   ID
	hash passwordHash // zero: no password

	parent *actor // of a breakout room

	mu      sync.Mutex
	jobs    []job // at most maxMailbox
	running bool
	closed  bool // the meeting has ended: nothing is taken any more
	timer   *time.Timer
	reports map[media.ParticipantID]*mediaReport // not yet looked at; at most one a peer
	speaker []media.ParticipantID                // the latest list, if speaks
	speaks  bool
	bars    map[media.ParticipantID]int // the latest of each, not yet looked at; at most one a peer

	// Owned by the working goroutine.
	state *state
	held  []*held // effects that wait for records; about maxHeld at most
	room  Room
	peers map[media.ParticipantID]*mediaPeer // at most one a seat
	conveyed
}

// deps is what actors share.
type deps struct {
	cfg     Config
	release func(*actor) // the meeting has ended

	openBreakouts  func(ctx context.Context, parent *actor, host Identity, n int) ([]ID, error)
	leaveBreakouts func(parent *actor, who person)
	closeBreakouts func(parent *actor)
	stats          *Stats
}

// job is one entry of the mailbox. seat is the participant it concerns, zero for none; a panic in it ends that one.
type job struct {
	seat media.ParticipantID
	run  func(now time.Time)
	// done is called once: with nil when what follows from run is done, with ErrInternal if run panicked or never ran,
	// with ErrAuditUnavailable if it could not be recorded. It may be nil.
	done func(error)
}

func (j job) finish(err error) {
	if j.done != nil {
		j.done(err)
	}
}

func newActor(d *deps, parent *actor, m meta, lobby bool, hash passwordHash) *actor {
	a := &actor{deps: d, parent: parent, id: m.id, hash: hash}
	now := d.cfg.Now()
	a.state = newState(m, &a.deps.cfg, lobby, now)
	a.mu.Lock() // the timer may be due at once
	defer a.mu.Unlock()
	a.timer = time.AfterFunc(a.state.deadline().Sub(now), func() { a.poke() })
	return a
}

// post puts a job into the mailbox. It never blocks.
func (a *actor) post(j job) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrNoSuchMeeting
	}
	if len(a.jobs) >= maxMailbox {
		return ErrBusy
	}
	a.jobs = append(a.jobs, j)
	a.start()
	return nil
}

// finish has the meeting end, before anything else that waits and however full the mailbox is.
func (a *actor) finish(why protocol.ByeReason) {
	a.next(func(time.Time) { a.state.end(why) })
}

// next has the actor do something before all that waits. It never blocks.
func (a *actor) next(run func(now time.Time)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.jobs = append([]job{{run: run}}, a.jobs...)
	a.start()
}

// poke has the actor look at the clock and at media reports. It never blocks.
func (a *actor) poke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.start()
	}
}

// start makes sure that a goroutine works. The lock is held.
func (a *actor) start() {
	if !a.running {
		a.running = true
		go a.work()
	}
}

// work empties the mailbox and ends.
func (a *actor) work() {
	for {
		a.release()
		a.mu.Lock()
		var jobs []job
		if len(a.held) < maxHeld {
			jobs, a.jobs = a.jobs, nil
		}
		reports, speaker, speaks, bars := a.reports, a.speaker, a.speaks, a.bars
		a.reports, a.speaks, a.bars = nil, false, nil
		a.mu.Unlock()

		for id, r := range reports {
			a.guard(job{seat: id, run: func(now time.Time) { a.state.report(now, id, r) }})
			a.applied(id, r)
		}
		if speaks {
			a.guard(job{run: func(now time.Time) { a.state.speaking(now, speaker) }})
		}
		if bars != nil {
			a.guard(job{run: func(now time.Time) { a.state.connections(now, bars) }})
		}
		for _, j := range jobs {
			a.guard(j)
		}
		a.guard(job{run: a.state.tick})

		if a.rest() {
			return
		}
	}
}

// rest ends the work if there is nothing left to do, and sets the timer for what comes next.
func (a *actor) rest() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.settledFirst() {
		return false
	}
	if a.state.ended && len(a.held) == 0 {
		a.close()
		return true
	}
	full := len(a.held) >= maxHeld
	if len(a.jobs) > 0 && !full || len(a.reports) > 0 || a.speaks || a.bars != nil {
		return false
	}
	a.running = false
	if a.state.ended || full { // settle starts the work again
		return true
	}
	a.timer.Reset(max(0, a.state.deadline().Sub(a.deps.cfg.Now())))
	return true
}

// close refuses everything from now on and answers those who wait. The lock is held.
func (a *actor) close() {
	a.closed = true
	a.timer.Stop()
	for _, j := range a.jobs {
		j.finish(ErrInternal)
	}
	a.answerWaiting(ErrInternal)
	a.jobs, a.reports, a.bars = nil, nil, nil
}

// guard runs one job and what follows from it. A panic is our bug: it ends the participant it concerns, or, if there
// is none, the meeting, and no other.
func (a *actor) guard(j job) {
	now := a.deps.cfg.Now()
	ok := a.protect(func() {
		j.run(now)
		a.state.flush(now)
	})
	if !ok {
		a.blame(j.seat)
		j.finish(ErrInternal)
		return
	}
	a.count() // before the effects: who hears of one finds it in the gauges
	a.conclude(now, j)
}

// blame ends the participant that a panic concerned, or, if there is none, the meeting.
func (a *actor) blame(seat media.ParticipantID) {
	now := a.deps.cfg.Now()
	a.state.by = nil
	ok := seat != 0 && a.protect(func() {
		if p := a.state.seats[seat]; p != nil {
			a.state.leave(now, p, protocol.LeftLost, protocol.ByeInternal)
		}
		a.count()
		a.conclude(now, job{})
	})
	if !ok && !a.protect(func() { a.state.end(protocol.ByeInternal); a.count(); a.conclude(now, job{}) }) {
		a.state.ended = true
	}
}

// protect runs f and says whether it came to its end.
func (a *actor) protect(f func()) (ok bool) {
	defer func() {
		if ok {
			return
		}
		_ = recover() // its value might hold what a person typed; the stack holds none of it
		a.deps.stats.panics.Add(1)
		a.deps.cfg.Log.Error("panic in a meeting", "stack", string(debug.Stack()))
	}()
	f()
	return true
}

// perform carries out effects of the state, in order.
func (a *actor) perform(effects []effect) {
	for _, e := range effects {
		switch e.kind {
		case sendOne:
			if w, ok := e.event.(*protocol.Welcome); ok && a.peers[e.seat] != nil {
				w.ICEServers = a.peers[e.seat].servers
			}
			e.sink.Deliver(&Delivery{Message: e.event, roster: e.roster})
		case sendAll, sendAdmitters, sendRemovers, sendLobby, sendSome:
			a.spread(&e)
		case openPeer:
			a.openPeer(e.seat)
		case closePeer:
			a.closePeer(e.seat)
		case setLive:
			a.setLive(e.seat, e.live)
		case setView:
			if p := a.peers[e.seat]; p != nil {
				p.SetView(e.wants)
			}
		case leaveBreakouts:
			a.deps.leaveBreakouts(a, e.who)
		case closeBreakouts:
			a.deps.closeBreakouts(a)
		case endMeeting:
			a.endMedia()
			a.deps.release(a)
		}
	}
}

// spread delivers one event to many, as one Delivery.
func (a *actor) spread(e *effect) {
	sinks := slices.Values(e.sinks)
	if e.sinks == nil {
		sinks = a.state.audience(e)
	}
	d := &Delivery{Message: e.event}
	for sink := range sinks {
		sink.Deliver(d)
	}
}

// count keeps the gauges.
func (a *actor) count() {
	present, waiting := 0, 0
	if !a.state.ended {
		present, waiting = a.state.present, a.state.index.waiting.len
	}
	a.deps.stats.count(a, present, waiting)
}

// ask runs f in the actor and waits for what it returns and for its effects. ctx bounds the wait only: f may still run
// after it.
func ask[T any](ctx context.Context, a *actor, seat media.ParticipantID, f func(now time.Time) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none, value T
	var err error
	reply := make(chan answer, 1)
	posted := a.post(job{
		seat: seat,
		run:  func(now time.Time) { value, err = f(now) },
		done: func(failure error) {
			if failure != nil {
				value, err = none, failure
			}
			reply <- answer{value, err}
		},
	})
	if posted != nil {
		return none, posted
	}
	select {
	case r := <-reply:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err() //nolint:wrapcheck // the caller's own
	}
}

func newToken() string {
	var t [32]byte
	_, _ = rand.Read(t[:]) // never fails: it ends the process instead
	return hex.EncodeToString(t[:])
}

func hashToken(token string) [32]byte { return sha256.Sum256([]byte(token)) }
