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

// Bounds and pace of the mail queue. 256 messages are two minutes of the default global send rate: beyond that the mail
// server is not coming back in time for the codes to be of use.
const (
	maxQueuedMail  = 256
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

// Mailer sends one message. It returns within the context's deadline. Its errors name no address. Safe for concurrent use.
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

// mailQueue sends in the background: a slow or dead mail server never holds up a request.
type mailQueue struct {
	mailer Mailer
	log    *slog.Logger
	count  func(Event)

	ready  chan mailJob    // capacity maxQueuedMail, the bound of jobs in existence: a send on it never blocks
	closed <-chan struct{} // by stop
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	queued  int
	failing bool
}

type mailJob struct {
	message  Message
	deadline time.Time
	attempt  int
	discard  bool
}

func newMailQueue(mailer Mailer, log *slog.Logger, count func(Event)) *mailQueue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &mailQueue{mailer: mailer, log: log, count: count, ready: make(chan mailJob, maxQueuedMail), closed: ctx.Done(), stop: cancel}
	for range mailWorkers {
		q.done.Go(func() { q.work(ctx) })
	}
	return q
}

// add queues a message; false if the queue is full. A discarded message takes the same way and is dropped at its end, so
// that a request for it looks like any other.
func (q *mailQueue) add(m Message, discard bool) bool {
	q.mu.Lock()
	if q.queued >= maxQueuedMail || q.isClosed() {
		q.mu.Unlock()
		return false
	}
	q.queued++
	q.mu.Unlock()
	q.ready <- mailJob{message: m, deadline: time.Now().Add(m.ValidFor), discard: discard}
	return true
}

// full says whether add would refuse.
func (q *mailQueue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queued >= maxQueuedMail
}

// close drops what is queued and waits for the workers.
func (q *mailQueue) close() {
	q.stop()
	q.done.Wait()
}

func (q *mailQueue) health() MailHealth {
	q.mu.Lock()
	defer q.mu.Unlock()
	return MailHealth{Failing: q.failing, Queued: q.queued}
}

func (q *mailQueue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}

func (q *mailQueue) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-q.ready:
			q.attempt(ctx, job)
		}
	}
}

// attempt sends once and either finishes the job or plans another try.
func (q *mailQueue) attempt(ctx context.Context, job mailJob) {
	if job.discard {
		q.finish(EventMailDiscarded)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	err := q.mailer.Send(ctx, job.message)
	cancel()
	refused := errors.Is(err, ErrMailRefused)
	q.setFailing(err != nil && !refused, err)
	job.attempt++
	switch {
	case err == nil:
		q.finish(EventMailSent)
	case refused:
		q.finish(EventMailRefused)
	case job.attempt > maxMailRetries || time.Now().Add(mailRetryDelay(job.attempt)).After(job.deadline):
		q.finish(EventMailFailed)
	default:
		q.count(EventMailRetried)
		time.AfterFunc(mailRetryDelay(job.attempt), func() { q.ready <- job })
	}
}

func (q *mailQueue) finish(e Event) {
	q.mu.Lock()
	q.queued--
	q.mu.Unlock()
	q.count(e)
}

// setFailing logs the change from working to failing and back, not every message.
func (q *mailQueue) setFailing(failing bool, err error) {
	q.mu.Lock()
	changed := q.failing != failing
	q.failing = failing
	q.mu.Unlock()
	switch {
	case changed && failing && !q.isClosed():
		q.log.Error("mail cannot be sent; sign-in codes wait", "error", err)
	case changed && !failing:
		q.log.Info("mail is sent again")
	}
}
