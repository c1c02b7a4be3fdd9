package handover

import "time"

// phase is how far a conversation is. Each end has its own.
type phase int

const (
	opened    phase = iota // old: nothing was said; it expects ask or reload
	offered                // old: the listeners are offered; it expects ready
	given                  // old: the state is given; it expects taken
	asked                  // new: it expects listeners, and offer or refused
	preparing              // new: it has the offer. It expects nothing
	ready                  // new: it expects state and go
	taking                 // new: it has the state. It expects nothing
	older                  // the link, at the older end
	newer                  // the link, at the newer end
	commanded              // command: it expects taken or refused
	over
)

// next is the phase after a message from the other end; ok is false if it may not come now.
func (p phase) next(t Type) (next phase, ok bool) {
	switch p {
	case opened:
		switch t {
		case Ask:
			return offered, true
		case Reload:
			return over, true
		}
	case offered:
		return given, t == Ready
	case given:
		return older, t == Taken
	case asked:
		switch t {
		case Listener:
			return asked, true
		case Offer:
			return preparing, true
		case Refused:
			return over, true
		}
	case ready:
		switch t {
		case State:
			return ready, true
		case Go:
			return taking, true
		}
	case older:
		return older, t == Stream || t == Revoke || t == End
	case newer:
		return newer, t == Stream || t == State || t == Revoke || t == Touch
	case commanded:
		return over, t == Taken || t == Refused
	}
	return p, false
}

// How long the other end may take.
const (
	sayWithin   = 5 * time.Second  // to say what it wants, and to answer at once
	readyWithin = 60 * time.Second // to get ready: a certificate may have to be read from a slow disk
	doneWithin  = 2 * time.Minute  // to start a new version
	stateWithin = 30 * time.Second // to read the whole state
)

// within is how long the other end may take for its next message; 0 for ever.
func (p phase) within() time.Duration {
	switch p {
	case offered:
		return readyWithin
	case ready, given:
		return stateWithin
	case commanded:
		return doneWithin
	case older, newer:
		return 0
	}
	return sayWithin
}

// MaxGenerations bounds the versions that run at once.
const MaxGenerations = 3

// Reasons why a new version is refused.
const (
	whyBusy   = "another new version is starting"
	whyFull   = "two versions before this one still have meetings; try again when one of them has ended"
	whyGone   = "this version has been taken over from, or is stopping"
	whyOther  = "the versions speak different protocols of the hand-over; restart instead"
	whyCannot = "this server cannot start a new version by itself"
)

// place is where a process stands among the versions that run. It decides who may take over. The zero value is the
// only version.
type place struct {
	busy bool // a new version is starting
	gone bool // this one has been taken over from, or is stopping
}

// ask says why a new version may not take over; "" if it may. Then it has the place until lost or taken. before is how
// many versions before this one still run.
func (p *place) ask(version, before int) (why string) {
	switch {
	case version != protocolVersion:
		return whyOther
	case p.gone:
		return whyGone
	case p.busy:
		return whyBusy
	case before+2 > MaxGenerations:
		return whyFull
	}
	p.busy = true
	return ""
}

// lost says that the new version has failed: this one goes on.
func (p *place) lost() { p.busy = false }

// taken says that the new version serves.
func (p *place) taken() { p.busy, p.gone = false, true }
