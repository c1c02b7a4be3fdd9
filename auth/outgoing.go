package auth

import "time"

// maxWaiting bounds each of the two lines of outgoing. 256 messages are two minutes of the default pace. A code that
// waits longer is of no use any more.
const maxWaiting = 256

// place is where a message waits.
type place struct {
	// known: the request came from a network or browser seen well-behaved.
	known bool
	// rank is how many codes its network, or its mailbox's known browsers, have asked for in the last hour.
	rank int
}

// outgoing decides which message leaves next, and which is dropped when too many wait. A flood delays its own messages
// and those of no other network.
//   - Two lines, of the known and of strangers, take turns: neither can starve the other.
//   - In a line the lowest rank goes first, then the oldest. A network's first message is never behind another's second
//     one.
//   - In a full line the highest rank is dropped, the newest of them, or the new message is refused if that is the one.
//   - Messages leave at a pace, so that the mail server's patience is not used up.
//
// Pure; not safe for concurrent use.
type outgoing struct {
	between time.Duration // two messages, at the steady pace
	burst   int           // messages that may leave at once after a pause

	// lines are the strangers' and the known's, at most maxWaiting each, and mailWorkers+1 that come back for another try.
	lines [2][]mailJob
	turn  int // whose turn it is if both wait
	seq   uint64
	free  time.Time // when the pace has caught up with what was sent (GCRA's theoretical arrival time)
}

func newOutgoing(perMinute int) *outgoing {
	return &outgoing{between: time.Minute / time.Duration(perMinute), burst: max(perMinute/4, 1)}
}

func (p place) line() int {
	if p.known {
		return 1
	}
	return 0
}

// ahead is how many would leave before a message at p, those of the other line not counted.
func (o *outgoing) ahead(p place) (n int) {
	for _, j := range o.lines[p.line()] {
		if j.place.rank <= p.rank {
			n++
		}
	}
	return n
}

// room says whether add would take a message at p.
func (o *outgoing) room(p place) bool {
	line := o.lines[p.line()]
	return len(line) < maxWaiting || line[worst(line)].place.rank > p.rank
}

// add takes a message. It returns the one that was dropped for it, if any; ok is false if the new one is refused.
func (o *outgoing) add(j mailJob) (dropped *mailJob, ok bool) {
	if !o.room(j.place) {
		return nil, false
	}
	line := &o.lines[j.place.line()]
	if len(*line) >= maxWaiting {
		w := worst(*line)
		out := (*line)[w]
		*line = append((*line)[:w], (*line)[w+1:]...)
		dropped = &out
	}
	o.seq++
	j.seq = o.seq
	*line = append(*line, j)
	return dropped, true
}

// again takes back a message that could not be sent, to be tried not before j.notBefore. It keeps its place.
func (o *outgoing) again(j mailJob) { o.lines[j.place.line()] = append(o.lines[j.place.line()], j) }

// next returns the message to send at now; ok is false if there is none, and wait says how long there will be none
// unless one is added (zero: for ever).
func (o *outgoing) next(now time.Time) (j mailJob, wait time.Duration, ok bool) {
	if o.free.Before(now) {
		o.free = now
	}
	if early := o.free.Sub(now) - time.Duration(o.burst-1)*o.between; early > 0 && o.len() > 0 {
		return j, early, false
	}
	for range o.lines {
		line := &o.lines[o.turn]
		o.turn = 1 - o.turn
		best, soonest := first(now, *line)
		if best >= 0 {
			j = (*line)[best]
			*line = append((*line)[:best], (*line)[best+1:]...)
			o.free = o.free.Add(o.between)
			return j, 0, true
		}
		if soonest > 0 && (wait == 0 || soonest < wait) {
			wait = soonest
		}
	}
	return j, wait, false
}

func (o *outgoing) len() int { return len(o.lines[0]) + len(o.lines[1]) }

// first returns the index of the message that goes first of those that may go at now; -1 if there is none, and then
// how long until the first may.
func first(now time.Time, line []mailJob) (best int, wait time.Duration) {
	best = -1
	for i, j := range line {
		if w := j.notBefore.Sub(now); w > 0 {
			if wait == 0 || w < wait {
				wait = w
			}
			continue
		}
		if best < 0 || before(j, line[best]) {
			best = i
		}
	}
	return best, wait
}

// worst returns the index of the message that goes last. line is not empty.
func worst(line []mailJob) (w int) {
	for i := range line {
		if before(line[w], line[i]) {
			w = i
		}
	}
	return w
}

func before(a, b mailJob) bool {
	if a.place.rank != b.place.rank {
		return a.place.rank < b.place.rank
	}
	return a.seq < b.seq
}
