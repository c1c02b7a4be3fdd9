package network

import (
	"container/heap"
	"sync"
	"time"
)

// maxInFlight bounds the datagrams on a line. One more is lost.
const maxInFlight = 4096

// Line carries datagrams as a Link decides, and hands them over when they arrive. Safe for concurrent use.
type Line[T any] struct {
	deliver func(T, time.Time)
	closed  chan struct{}
	done    chan struct{}
	wake    chan struct{}

	mu      sync.Mutex
	link    *Link
	flight  flight[T] // at most maxInFlight
	counter uint64
}

// NewLine starts a line. deliver is called by one goroutine, with each datagram and its time of arrival, until Close.
func NewLine[T any](link *Link, deliver func(T, time.Time)) *Line[T] {
	l := &Line[T]{
		link: link, deliver: deliver, closed: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	go l.run()
	return l
}

// Put sends a datagram of so many bytes on its way. The line keeps it.
func (l *Line[T]) Put(datagram T, size int, now time.Time) {
	l.mu.Lock()
	at, ok := l.link.Pass(now, size)
	if !ok || len(l.flight) >= maxInFlight {
		l.mu.Unlock()
		return
	}
	l.counter++
	heap.Push(&l.flight, travelling[T]{at, l.counter, datagram})
	first := l.flight[0].number == l.counter
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Change gives the line other conditions. What is on it arrives as was decided before.
func (l *Line[T]) Change(c Conditions, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.link.Change(c, now)
}

// Counts is what the line's link has done so far.
func (l *Line[T]) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.link.counts
}

// Close ends the line; what is on it is lost. Call it once.
func (l *Line[T]) Close() {
	close(l.closed)
	<-l.done
}

func (l *Line[T]) run() {
	defer close(l.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next, ok := l.arrive(time.Now())
		if !ok {
			next = time.Now().Add(time.Hour)
		}
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-l.wake:
		case <-l.closed:
			return
		}
	}
}

// arrive hands over what has arrived by now, and says when the next one does; ok is false if none is on its way.
func (l *Line[T]) arrive(now time.Time) (next time.Time, ok bool) {
	for {
		l.mu.Lock()
		if len(l.flight) == 0 {
			l.mu.Unlock()
			return time.Time{}, false
		}
		if at := l.flight[0].at; at.After(now) {
			l.mu.Unlock()
			return at, true
		}
		d, _ := heap.Pop(&l.flight).(travelling[T]) // it holds nothing else
		l.mu.Unlock()
		l.deliver(d.datagram, d.at)
	}
}

// travelling is a datagram on its way.
type travelling[T any] struct {
	at       time.Time
	number   uint64 // of those that arrive at the same time, the first sent comes first
	datagram T
}

// flight is a heap.Interface: the first to arrive is at the top.
type flight[T any] []travelling[T]

func (f flight[T]) Len() int { return len(f) }

func (f flight[T]) Less(i, j int) bool {
	if f[i].at.Equal(f[j].at) {
		return f[i].number < f[j].number
	}
	return f[i].at.Before(f[j].at)
}

func (f flight[T]) Swap(i, j int) { f[i], f[j] = f[j], f[i] }

// Push implements heap.Interface.
func (f *flight[T]) Push(x any) {
	if t, ok := x.(travelling[T]); ok {
		*f = append(*f, t)
	}
}

// Pop implements heap.Interface.
func (f *flight[T]) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}
