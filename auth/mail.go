package auth

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrMailRefused is wrapped by a Mailer's error when trying again is useless: the server refused this message for good.
var ErrMailRefused = errors.New("message refused")

const (
	mailWorkers    = 4
	mailTimeout    = 30 * time.Second
	maxMailRetries = 4
)

func mailRetryDelay(attempt int) time.Duration {
	delays := [maxMailRetries]time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute}
	return delays[min(attempt, maxMailRetries)-1]
}

// Message is one sign-in code on its way to its owner.
type Message struct {
	To       Email
	Code     string
	ValidFor time.Duration
}

// Mailer sends one message. It returns within the context's deadline. Its errors name no address. Safe for concurrent
// use.
type Mailer interface {
	Send(ctx context.Context, m Message) error
}

// MailHealth is the state of mail sending.
type MailHealth struct {
	// Failing is true when the last attempt did not reach the server or was not accepted for a reason of the server's.
	Failing bool
	// Queued is how many messages wait, for a worker or for another try.
	Queued int
}

// mailQueue sends in the background, in the order of outgoing: a slow or dead mail server never holds up a request.
// Safe for concurrent use.
type mailQueue struct {
	mailer Mailer
	log    *slog.Logger
	count  func(Event)

	work   chan mailJob  // from the dispatcher to the workers
	wake   chan struct{} // capacity 1: the dispatcher looks again
	closed <-chan struct{}
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	out      *outgoing
	inFlight int  // at most mailWorkers+1
	unsent   bool // the last message was not accepted, though the server takes the login: for operators
	down     bool // the server could not be signed in to: what those who wait are told too
}

type mailJob struct {
	message   Message
	challenge challengeID
	place     place
	seq       uint64
	notBefore time.Time // of the next try
	deadline  time.Time
	attempt   int
	discard   bool
}

func newMailQueue(mailer Mailer, perMinute int, log *slog.Logger, count func(Event)) *mailQueue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &mailQueue{
		mailer: mailer, log: log, count: count, out: newOutgoing(perMinute),
		work: make(chan mailJob), wake: make(chan struct{}, 1), closed: ctx.Done(), stop: cancel,
	}
	q.done.Go(q.dispatch)
	for range mailWorkers {
		q.done.Go(func() { q.run(ctx) })
	}
	return q
}

// room says whether add would take a message at p, and how many would leave before it.
func (q *mailQueue) room(p place) (ahead int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.out.ahead(p), q.out.room(p) && !q.isClosed()
}

// add queues a message; ok is false if it is refused. dropped is the challenge of one that was dropped to make room. A
// message to be discarded takes the same way and is dropped at its end, so that a request for it looks like any other.
func (q *mailQueue) add(j mailJob) (dropped challengeID, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isClosed() {
		return dropped, false
	}
	j.deadline = time.Now().Add(j.message.ValidFor)
	out, ok := q.out.add(j)
	if out != nil {
		dropped = out.challenge
		q.count(EventMailDropped)
	}
	q.rouse()
	return dropped, ok
}

// rouse wakes the dispatcher.
func (q *mailQueue) rouse() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close drops what is queued and waits for the workers.
func (q *mailQueue) close() {
	q.stop()
	q.done.Wait()
}

func (q *mailQueue) health() MailHealth {
	q.mu.Lock()
	defer q.mu.Unlock()
	return MailHealth{Failing: q.unsent || q.down, Queued: q.out.len() + q.inFlight}
}

func (q *mailQueue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}

// dispatch hands messages to the workers until close.
func (q *mailQueue) dispatch() {
	for {
		q.mu.Lock()
		job, wait, ok := q.out.next(time.Now())
		if ok {
			q.inFlight++
		}
		q.mu.Unlock()
		if !ok {
			if !q.sleep(wait) {
				return
			}
			continue
		}
		select {
		case q.work <- job:
		case <-q.closed:
			return
		}
	}
}

// sleep waits for something new, or for so long (zero: for ever); false at close.
func (q *mailQueue) sleep(wait time.Duration) bool {
	var alarm <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-q.wake:
	case <-alarm:
	case <-q.closed:
		return false
	}
	return true
}

// run takes messages until close.
func (q *mailQueue) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-q.work:
			q.attempt(ctx, job)
		}
	}
}

// attempt sends once and either finishes the job or plans another try. One to be discarded takes the same steps with a
// look at the server in place of sending, so that neither the queue nor delivery tells whose message was sent.
func (q *mailQueue) attempt(ctx context.Context, job mailJob) {
	if time.Now().After(job.deadline) {
		q.finish(job, EventMailFailed)
		return
	}
	try := func() error { return q.send(ctx, job.message) }
	if job.discard {
		try = func() error { return q.check(ctx) }
	}
	err := try()
	job.attempt++
	switch {
	case err == nil:
		q.finish(job, EventMailSent)
	case errors.Is(err, ErrMailRefused):
		q.finish(job, EventMailRefused)
	case job.attempt > maxMailRetries || time.Now().Add(mailRetryDelay(job.attempt)).After(job.deadline):
		q.finish(job, EventMailFailed)
	default:
		q.again(job)
	}
}

func (q *mailQueue) again(job mailJob) {
	q.mu.Lock()
	q.inFlight--
	job.notBefore = time.Now().Add(mailRetryDelay(job.attempt))
	q.out.again(job)
	q.mu.Unlock()
	q.rouse()
	q.count(EventMailRetried)
}

func (q *mailQueue) finish(job mailJob, e Event) {
	if job.discard {
		e = EventMailDiscarded
	}
	q.mu.Lock()
	q.inFlight--
	q.mu.Unlock()
	q.count(e)
}

// checker is a Mailer that can talk to its server without sending anything.
type checker interface {
	Check(ctx context.Context) error
}

// send hands one message to the mail server. A server may take the login and refuse messages: only messages that are
// sent meet that, so after a failure those who wait are told what a look at the server says.
func (q *mailQueue) send(ctx context.Context, m Message) error {
	bounded, cancel := context.WithTimeout(ctx, mailTimeout)
	err := q.mailer.Send(bounded, m)
	cancel()
	var down error
	if err != nil {
		down = q.look(ctx)
	}
	q.note(err != nil && down == nil && !errors.Is(err, ErrMailRefused), errors.Join(err, down), down != nil)
	return err //nolint:wrapcheck // counted, and told to the log
}

// check looks at the mail server in place of sending a message.
func (q *mailQueue) check(ctx context.Context) error {
	err := q.look(ctx)
	q.mu.Lock()
	unsent := q.unsent
	q.mu.Unlock()
	q.note(unsent, err, err != nil)
	return err
}

// look signs in to the mail server, if it is one.
func (q *mailQueue) look(ctx context.Context) error {
	c, ok := q.mailer.(checker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	return c.Check(ctx) //nolint:wrapcheck // counted, and told to the log
}

// delivery says how codes reach people now.
func (q *mailQueue) delivery() Delivery {
	switch _, console := q.mailer.(*ConsoleMailer); {
	case console:
		return InTerminal
	case q.isDown():
		return MailFailing
	}
	return ByMail
}

// Delivery is how codes reach people now, as those who wait for one are told.
type Delivery string

// The ways.
const (
	ByMail      Delivery = "mail"
	MailFailing Delivery = "failing"  // the mail server cannot be reached, or refuses the login
	InTerminal  Delivery = "terminal" // codes are printed where the server runs
)

// note keeps how mail is, and logs the change from working to failing and back, not every message.
func (q *mailQueue) note(unsent bool, err error, down bool) {
	q.mu.Lock()
	before, failing := q.unsent || q.down, unsent || down
	q.unsent, q.down = unsent, down
	q.mu.Unlock()
	switch {
	case !before && failing && !q.isClosed():
		q.log.Error("mail cannot be sent; sign-in codes wait", "error", err)
	case before && !failing:
		q.log.Info("mail is sent again")
	}
}

func (q *mailQueue) isDown() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.down
}
