package meeting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// largest is the largest broadcast.
var largest = &protocol.Broadcast{Kind: protocol.BroadcastChat, Data: strings.Repeat("A", 16<<10)}

// heard is how many bytes of broadcasts came to p.
func heard(p *someone) (n int) {
	for _, e := range p.events {
		if b, ok := e.(*protocol.BroadcastEvent); ok {
			n += len(b.Data)
		}
	}
	return n
}

// floods has people broadcast as fast as their sockets let them, for a while.
func (st *stage) floods(people []*someone, m *protocol.Broadcast, d time.Duration) {
	for end := st.now.Add(d); st.now.Before(end); st.advance(100 * time.Millisecond) {
		for _, p := range people {
			if err := st.do(p, m); err != nil && err != ErrTooMuch {
				st.t.Fatal(err)
			}
		}
	}
}

// One person with as many seats as they may have cannot make the others read more than 4 KiB a second.
func TestAFloodOfOnePersonIsBounded(t *testing.T) {
	st := newStage(t, withE2EE)
	st.freshKeys = true
	ana := st.join("ana")
	var eve []*someone
	for range maxSeatsPerPerson {
		eve = append(eve, st.join("eve"))
	}
	st.floods(eve, largest, time.Minute)
	if n, most := heard(ana), sayBurst+60*sayRate; n > most || n < most/2 {
		t.Errorf("ana was told %d bytes in a minute, at most %d may be", n, most)
	}
	st.must(ana, largest)
}

// To leave and come again refills nothing.
func TestComingAgainRefillsNoBudget(t *testing.T) {
	st := newStage(t, withE2EE)
	st.freshKeys = true
	ana := st.join("ana")
	for range 10 {
		eve := st.join("eve")
		for st.do(eve, largest) == nil {
		}
		st.must(eve, &protocol.Leave{})
	}
	if n := heard(ana); n > sayBurst {
		t.Errorf("ana was told %d bytes", n)
	}
}

// Many accounts together are bounded as well, each within its own limit, and those who said little are heard whatever
// the others do.
func TestAFloodOfManyAccountsSilencesItself(t *testing.T) {
	const accounts, seconds = 60, 30
	for name, m := range map[string]*protocol.Broadcast{
		"large": largest, "small": {Kind: protocol.BroadcastChat, Data: strings.Repeat("A", 250)},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, withE2EE)
			ana, ben := st.join("ana"), st.join("ben")
			var eves []*someone
			for i := range accounts {
				eves = append(eves, st.join(fmt.Sprint("eve", i)))
			}
			st.floods(eves, m, seconds*time.Second)
			most := meetingSayBurst + seconds*meetingSayRate + accounts*(littleBurst+seconds*littleRate)
			if n := heard(ana); n > most {
				t.Errorf("ana was told %d bytes, at most %d may be", n, most)
			}
			for range 5 {
				st.must(ben, &protocol.Broadcast{Kind: protocol.BroadcastChat, Data: strings.Repeat("A", 1000)})
				st.floods(eves, m, time.Second)
			}
		})
	}
}

// Each bot of one token is a participant with a budget of its own.
func TestBotsOfOneTokenAreBudgetedEach(t *testing.T) {
	st := newStage(t, withE2EE)
	st.freshKeys = true
	as := func(j *joinRequest) { j.identity = Identity{Session: SessionKeyOf("token"), Bot: true} }
	var bots []*someone
	for i := range 2 * maxSeatsPerPerson {
		bots = append(bots, st.join(fmt.Sprint("bot", i), as))
	}
	for st.do(bots[0], largest) == nil {
	}
	for _, b := range bots[1:] {
		st.must(b, largest)
	}
}

// A person has a bounded number of seats; one that waits for its socket makes place for a new one.
func TestSeatsOfOnePersonAreBounded(t *testing.T) {
	st := newStage(t)
	st.join("ana")
	var eve []*someone
	for range maxSeatsPerPerson {
		eve = append(eve, st.join("eve"))
	}
	if _, err := st.tryJoin("eve"); err != ErrTooManySeats {
		t.Fatalf("one more: %v", err)
	}
	st.join("ben")
	st.lose(eve[3])
	st.advance(time.Second)
	st.lose(eve[5])
	st.join("eve")
	st.wantGone(eve[3])
	if st.s.seats[eve[5].id] == nil {
		t.Error("a seat was taken that was not the oldest without a socket")
	}
}

// What changes the roster is told to all and charged like a message; to switch off is free, for nobody may be kept
// from it.
func TestSwitchingOffIsFree(t *testing.T) {
	st := newStage(t)
	ana := st.join("ana")
	refused := 0
	for range 1000 {
		if st.do(ana, on(media.Mic)) == ErrTooMuch {
			refused++
		}
		st.must(ana, on())
		if st.do(ana, &protocol.Hand{Raised: true}) == ErrTooMuch {
			refused++
		}
		st.must(ana, &protocol.Hand{})
	}
	if refused < 1000 {
		t.Errorf("%d of 2000 were refused", refused)
	}
	if st.live[ana.id] != 0 {
		t.Error("the microphone is on")
	}
}
