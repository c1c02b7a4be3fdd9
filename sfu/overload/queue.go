package overload

import "time"

// A queue of more than Bound that no batch has seen the end of for Stands is no burst: more comes than can be
// forwarded.
// What is a burst, or came while the process did not run, is forwarded late rather than lost.
//
// Bound is a third of what a receiver puts up with in sound (150 ms), so that sound behind it is in time still. Below
// Rest the queue has gone.
const (
	Bound  = 50 * time.Millisecond
	Rest   = Bound / 2
	Stands = 60 * time.Millisecond
)

// Queue tells a queue that stands from one that is being worked off, by the age of what is received (as CoDel does, RFC
// 8289 §3.2, with the age of a whole batch). One a socket. The zero value is ready. One goroutine at a time.
type Queue struct {
	since    time.Time // each batch since had waited longer than Bound; zero: the latest had not
	standing bool
}

// Observe takes in how long the oldest datagram of a batch received at now had waited, and says whether the queue
// stands: whether old video is to be left out.
func (q *Queue) Observe(age time.Duration, now time.Time) (stands bool) {
	switch {
	case age < Rest:
		*q = Queue{}
	case age <= Bound:
		q.since = time.Time{}
	case q.since.IsZero():
		q.since = now
	case now.Sub(q.since) >= Stands:
		q.standing = true
	}
	return q.standing
}
