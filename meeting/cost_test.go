package meeting

import (
	"fmt"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// What a meeting looks at for an event, beside whom it tells, is the same with ten people and with a thousand; and each
// event is one message, encoded once for all.
func TestAnEventCostsWhatHasChanged(t *testing.T) {
	people := []int{10, 100, 300, 1000}
	if testing.Short() {
		people = people[:3]
	}
	for _, n := range people {
		t.Run(fmt.Sprintf("people=%d", n), func(t *testing.T) {
			st := newStage(t, withOptions(func(c *Config) {
				c.MaxParticipants, c.ParticipantIdle = n+10, time.Hour
			}))
			ana := st.join("ana")
			people := []*someone{ana}
			for i := range n - 1 {
				people = append(people, st.join(fmt.Sprint("p", i)))
			}
			st.advance(time.Second) // the roster has been told
			for name, event := range map[string]func(){
				"a hand":     func() { st.must(people[3], &protocol.Hand{Raised: true}) },
				"a switch":   func() { st.must(people[4], &protocol.Media{Sources: []media.Source{media.Mic}}) },
				"a join":     func() { people = append(people, st.join("new")) },
				"a leave":    func() { st.must(people[5], &protocol.Leave{}) },
				"a speaker":  func() { st.s.speaking(st.now, []media.ParticipantID{people[6].id}) },
				"a quality":  func() { st.s.connections(st.now, map[media.ParticipantID]int{people[7].id: 3}) },
				"a reaction": func() { st.must(people[8], &protocol.React{Reaction: "clap"}) },
			} {
				looked := st.s.looked
				told := len(ana.events)
				event()
				st.settle()
				st.advance(2 * time.Second)
				if got := st.s.looked - looked; got > 4 {
					t.Errorf("%s: %d seats and hands were looked at", name, got)
				}
				if got := len(ana.events) - told; got == 0 || got > 2 {
					t.Errorf("%s: %d messages to each", name, got)
				}
			}
		})
	}
}

// Fifty of a thousand raise and lower hands and switch microphones as fast as they may: the others are told ten times a
// second, and no seat is looked at for it.
func TestAFloodOfHandsCostsTheOthersTenEventsASecond(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 300
	}
	st := newStage(t, withOptions(func(c *Config) { c.MaxParticipants, c.ParticipantIdle = n, time.Hour }))
	ana := st.join("ana")
	var people []*someone
	for i := range n - 1 {
		people = append(people, st.join(fmt.Sprint("p", i)))
	}
	st.advance(time.Second)
	looked, told := st.s.looked, len(ana.events)
	for step := range 10 { // a second, ten requests of each
		for _, p := range people[:50] {
			// what is over the budget is refused
			_ = st.do(p, &protocol.Hand{Raised: step%2 == 0})
			_ = st.do(p, &protocol.Media{Sources: []media.Source{media.Mic}[:step%2]})
		}
		st.advance(100 * time.Millisecond)
	}
	if got := len(ana.events) - told; got > 11 {
		t.Errorf("%d messages in a second", got)
	}
	if got := st.s.looked - looked; got > 11*50 {
		t.Errorf("%d seats and hands were looked at", got)
	}
}
