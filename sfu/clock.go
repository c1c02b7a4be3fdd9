package sfu

import (
	"errors"
	"sync"
	"time"

	"conclave/sfu/ticker"
)

// The rhythm of what is not packet-driven.
const (
	tick          = 20 * time.Millisecond // ranking of speakers, NACKs, key-frame requests, finished switches
	feedbackEvery = 5                     // ticks: transport-wide feedback to publishers, 10 a second
	reportEvery   = 50                    // ticks: sender and receiver reports, once a second
	allocateEvery = 5                     // ticks: who gets what, 10 times a second
	meterEvery    = 10                    // ticks: the rates of layers
	pulseEvery    = 25                    // ticks: peers sent nothing meanwhile hear from us; whose media has stopped
)

// clock ticks every 20 ms while anybody publishes, else with the pulse: people who only sit together cost next to
// nothing.
type clock struct {
	ticker *ticker.Ticker
	mu     sync.Mutex
	fast   bool
}

func newClock() (*clock, error) {
	t, err := ticker.New()
	if err != nil {
		return nil, err
	}
	if err := t.Set(pulseEvery * tick); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return &clock{ticker: t}, nil
}

// set makes the clock fast or slow.
func (c *clock) set(fast bool) error {
	if fast == c.fast {
		return nil
	}
	c.fast = fast
	if fast {
		return c.ticker.Set(tick)
	}
	return c.ticker.Set(pulseEvery * tick)
}

// adjust makes the clock as fast as what is published needs.
func (s *Server) adjust() {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	fast := false
	for _, r := range s.listRooms() {
		fast = fast || r.published.Load() > 0
	}
	if err := s.clock.set(fast); err != nil && !s.closing.Load() {
		s.log.Error("setting the clock", "error", err)
	}
}

// control does what is due by time until the server is closed.
func (s *Server) control() {
	defer s.wg.Done()
	for n := 1; s.clock.ticker.Wait() == nil; n++ {
		s.clock.mu.Lock()
		fast := s.clock.fast
		s.clock.mu.Unlock()
		if !fast { // each tick is a pulse; at every other one, everything is due
			n += (pulseEvery - n%pulseEvery) % pulseEvery
		}
		now := time.Now()
		s.engine.Poll(now)
		if n%allocateEvery == 0 {
			s.govern(now)
		}
		for _, r := range s.listRooms() {
			if fast || n%reportEvery == 0 {
				r.tick(now, n)
			}
		}
		if n%reportEvery == 0 {
			s.egress.measure(sentBytes(s.engine.Senders()), now)
			s.adjust()
		}
		if n%pulseEvery == 0 { // after the reports: a peer that was just sent one needs no pulse
			s.pulse(now)
		}
	}
}

// pulse sends something to each peer that was sent nothing since the last pulse.
func (s *Server) pulse(now time.Time) {
	list := s.pulsed[:0]
	for _, r := range s.listRooms() {
		r.mu.Lock()
		for _, p := range r.peers {
			if p.connection != nil {
				list = append(list, p.connection.Connection)
			}
		}
		r.mu.Unlock()
	}
	s.engine.Pulse(list, now)
	clear(list) // it must keep no connection alive
	s.pulsed = list
}

// follow does at once what others have asked for, until the server is closed.
func (s *Server) follow() {
	defer s.wg.Done()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
		now := time.Now()
		for _, r := range s.listRooms() {
			if r.hasWork.Swap(false) {
				if r.settle(now) {
					r.soon() // the other rooms have their turn first
				}
			}
		}
		s.adjust()
	}
}

// settle applies what is desired of the room and its peers, and reconciles those it has changed something for, as far
// as there is time for. more says that not all has been applied; what is to be reconciled still, the next tick does.
func (r *Room) settle(now time.Time) (more bool) {
	r.mu.Lock()
	turn := r.turn()
	end := r.apply(&turn)
	r.rehear(now)
	r.reconcileDirty(&turn, now)
	more = len(r.backlog) > 0
	r.mu.Unlock()
	if end {
		r.end()
	}
	return more
}
