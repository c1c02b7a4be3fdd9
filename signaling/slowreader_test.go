package signaling

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"conclave/meeting"
	"conclave/protocol"
)

// A participant that never reads is disconnected with a reason and delays nobody, while 50 others chat.
func TestOneWhoNeverReadsDelaysNobody(t *testing.T) {
	const people, rounds = 50, 20
	s := newServer(t, func(c *Config, _ *meeting.Config) {
		c.JoinsPerMinute, c.WriteTimeout = 1000, 5*time.Second
	})
	ana := s.signIn("ana")
	id := ana.create(`{"lobby": false}`)
	ana.join(id)

	deaf := s.signIn("deaf").rawDial()
	deaf.join(id)

	bot := s.bot()
	var crowd []*peer
	for i := range people {
		p := bot.join(id, func(j *protocol.Join) { j.Name = fmt.Sprintf("p%d", i) })
		p.noChat.Store(true)
		crowd = append(crowd, p)
	}
	text := fmt.Sprintf("%0300d", 0) // twenty are what a person may say at once, whatever the others say
	var slowest time.Duration
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, p := range crowd {
		all.Go(func() {
			for r := range rounds {
				begun := time.Now()
				p.send(&protocol.Chat{ID: p.id(), Text: text})
				match(p, func(m *protocol.OK) bool { return m.ID == p.lastID })
				mu.Lock()
				slowest = max(slowest, time.Since(begun))
				mu.Unlock()
				time.Sleep(time.Duration(110+i%7+r%5) * time.Millisecond) // below the rate limit
			}
		})
	}
	all.Wait()
	next := 0
	eventually(t, "the deaf one is disconnected, however much its connection takes in", func() bool {
		p := crowd[next%people]
		next++
		p.send(&protocol.Chat{ID: p.id(), Text: text})
		match(p, func(m *protocol.OK) bool { return m.ID == p.lastID })
		return s.counter("conclave_signaling_closed_total", "reason", string(protocol.ByeSlowReader)) == 1
	})
	eventually(t, "and nobody else is", func() bool { return s.handler.countSockets() == people+1 })
	t.Logf("the slowest of %d requests took %v", people*rounds, slowest)
	most := 2 * time.Second
	if testing.Short() { // the race detector, on a machine that may do other work
		most = 8 * time.Second
	}
	if slowest > most {
		t.Fatalf("a request took %v", slowest)
	}
}

// The queue is bounded in messages and in bytes, and the bye gets in whatever is queued.
func TestQueueIsBounded(t *testing.T) {
	q := newQueue(&queued{}, &queued{})
	frame := []byte("x")
	for i := range maxQueued {
		if !q.put(frame) {
			t.Fatalf("refused at %d", i)
		}
	}
	if q.put(frame) {
		t.Fatal("unbounded")
	}
	if !q.finish([]byte("bye"), protocol.ByeSlowReader, true) || q.finish([]byte("bye"), protocol.ByeLeft, true) {
		t.Fatal("there is one bye")
	}
	if !q.put(frame) {
		t.Fatal("what comes after the bye is dropped, not an error")
	}
	if f, ok, _ := q.next(); !ok || string(f) != "bye" {
		t.Fatal("the bye is not first")
	}
	if _, ok, end := q.next(); ok || !end {
		t.Fatal("not at the end")
	}
	if why, ended := q.finished(); !ended || why != protocol.ByeSlowReader {
		t.Fatal(why)
	}

	q = newQueue(&queued{}, &queued{})
	if !q.put(make([]byte, 4*maxQueuedBytes)) {
		t.Fatal("one large frame must pass: a welcome")
	}
	if q.put(frame) {
		t.Fatal("unbounded in bytes")
	}
	q.next()
	if !q.put(frame) {
		t.Fatal("the bytes were not given back")
	}
}

// Ten a second with a burst of forty; 200 over the limit is the end.
func TestRateOfSignals(t *testing.T) {
	now := time.Unix(0, 0)
	var b bucket
	take := func(n int) (ok int, giveUp bool) {
		for range n {
			fine, end := b.take(now, rateRefill, rateBurst)
			if fine {
				ok++
			}
			giveUp = giveUp || end
		}
		return ok, giveUp
	}
	if ok, _ := take(100); ok != 40 {
		t.Fatalf("burst of %d", ok)
	}
	now = now.Add(time.Second)
	if ok, _ := take(100); ok != 10 {
		t.Fatalf("%d after a second", ok)
	}
	if _, giveUp := take(49); giveUp {
		t.Fatal("given up too early")
	}
	if _, giveUp := take(1); !giveUp {
		t.Fatal("not given up after 200")
	}
	now = now.Add(4 * time.Second)
	if ok, giveUp := take(40); ok != 40 || giveUp {
		t.Fatalf("%d after four seconds of silence", ok)
	}
	now = now.Add(-time.Hour) // a clock that jumps back gives nothing away
	if ok, _ := take(10); ok != 0 {
		t.Fatalf("%d after a jump back", ok)
	}
	var steady bucket
	now = time.Unix(0, 0)
	for range 10_000 {
		now = now.Add(100 * time.Millisecond)
		if ok, _ := steady.take(now, rateRefill, rateBurst); !ok {
			t.Fatal("ten a second is allowed for ever")
		}
	}
}

// Beyond the limit requests are refused, and beyond 200 refused ones their sender is sent away.
func TestRateOfSignalsOverTheWire(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		id, check := calm(t, s)
		p := s.signIn("eve").join(id)
		for range 60 {
			p.send(&protocol.Active{ID: p.id()})
		}
		limited := 0
		for range 60 {
			if e, ok := match(p, answers).(*protocol.Error); ok {
				if e.Error != protocol.ErrRateLimited || e.Fatal {
					t.Fatalf("%+v", e)
				}
				limited++
			}
		}
		if limited < 10 || limited > 21 {
			t.Fatalf("%d of 60 were limited", limited)
		}
		check()
		for range 400 {
			if p.tryRaw(`{"type":"active","id":1}`) != nil {
				break
			}
		}
		p.bye(protocol.ByeRateLimited)
		check()
	})
}
