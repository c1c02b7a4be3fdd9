package meeting

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// fill joins n people, and as many who wait, without looking after each whether all is well: that costs n itself.
func (st *stage) fill(n int) (people, waiting []*someone) {
	st.unchecked = true
	people = append(people, st.join("ana"))
	for i := range n - 1 {
		people = append(people, st.join(fmt.Sprint("p", 1+i)))
	}
	st.s.lobby = true
	for i := range n {
		waiting = append(waiting, st.join(fmt.Sprint("w", i)))
	}
	st.unchecked = false
	st.advance(time.Minute) // all has been told
	return people, waiting
}

// costEvent is something that happens in a meeting that fill has filled.
type costEvent struct {
	name string
	do   func()
}

// costEvents are the events whose costs do not depend on the number of people.
func (st *stage) costEvents(people, waiting []*someone) []costEvent {
	ana, ben := people[0], people[1]
	of := func(p *someone) []media.ParticipantID { return []media.ParticipantID{p.id} }
	ask := func(p *someone, m protocol.ClientMessage) func() { return func() { st.must(p, m) } }
	admit := &protocol.Admit{Participants: of(waiting[2])}
	chat := protocol.ClientMessage(&protocol.Chat{Text: "hello"})
	if st.s.e2ee {
		admit = &protocol.Admit{Admissions: []protocol.Admission{{Participant: waiting[2].id, Admit: "signed"}}}
		chat = &protocol.Broadcast{Kind: "chat", Data: "c2VhbGVk"}
	}
	mic := []media.Source{media.Mic}
	return []costEvent{
		{"a hand is raised", ask(people[3], &protocol.Hand{Raised: true})},
		{"a hand is lowered", ask(people[3], &protocol.Hand{})},
		{"a microphone is switched on", ask(people[4], on(media.Mic))},
		{"a microphone is muted", ask(ana, &protocol.Mute{Participants: of(people[4]), Sources: mic})},
		{"a camera is switched on", ask(people[4], on(media.Camera))},
		{"a camera is switched off", ask(people[4], on())},
		{"all are muted, and none speaks", func() { st.must(ana, &protocol.Mute{All: true, Sources: mic}) }},
		{"one is asked to speak", ask(ana, &protocol.AskUnmute{Participants: of(people[4]), Sources: mic})},
		{"a join", func() {
			st.s.lobby = false
			st.join("new")
			st.s.lobby = true
		}},
		{"a leave", ask(people[5], &protocol.Leave{})},
		{"a socket is lost", func() { st.lose(people[6]); st.advance(time.Second) }},
		{"a seat is resumed", func() {
			st.join("p6", func(j *joinRequest) { j.resume = hashToken(people[6].token) })
		}},
		{"a seat is not resumed", func() { st.lose(people[7]); st.advance(st.cfg.ResumeGrace) }},
		{"another speaks", func() { st.s.speaking(st.now, of(ben)) }},
		{"a connection is worse", func() { st.s.connections(st.now, map[media.ParticipantID]int{ben.id: 3}) }},
		{"a message", ask(ben, chat)},
		{"a view", func() { st.must(ben, negotiated{}); st.must(ben, &protocol.View{}) }},
		{"a spotlight", ask(ana, &protocol.Spotlight{Participant: ben.id})},
		{"a role", ask(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})},
		{"one more waits", func() { st.join("late") }},
		{"one who waits is away", func() { st.lose(waiting[1]); st.advance(time.Second) }},
		{"one is admitted", ask(ana, admit)},
		{"one is denied", ask(ana, &protocol.Deny{Participants: of(waiting[3])})},
		{"one is removed", ask(ana, &protocol.Remove{Participants: of(people[8]), Ban: true})},
		{"the host leaves", ask(ana, &protocol.Leave{})}, // the co-host inherits,
		{"the next host leaves", ask(ben, &protocol.Leave{})},
	}
}

// What a meeting looks at for an event, beside whom it tells, is the same with ten people and with a thousand, and as
// many in the lobby. An event is a few messages, each encoded once for all, and a newcomer costs a few entries of the
// roster.
func TestAnEventCostsWhatHasChanged(t *testing.T) {
	people := []int{10, 100, 300, 1000}
	if testing.Short() {
		people = people[:3]
	}
	for _, n := range people {
		for _, kind := range []string{"plain", "encrypted"} {
			t.Run(fmt.Sprintf("%s/people=%d", kind, n), func(t *testing.T) {
				st := newStage(t, withOptions(func(c *Config) {
					c.MaxParticipants, c.ParticipantIdle = n+10, time.Hour
				}), func(_ *stage, m *meta, _ *bool) { m.e2ee = kind == "encrypted" })
				most := 8 // messages
				if st.s.e2ee {
					most = 16 // one more is asked to found the group every five seconds
				}
				for _, event := range st.costEvents(st.fill(n)) {
					looked, told, encoded := st.s.looked, st.told, st.s.encoded
					event.do()
					st.settle()
					st.advance(10 * time.Second)
					looked, told, encoded = st.s.looked-looked, st.told-told, st.s.encoded-encoded
					if looked > 6 || told > most || encoded > 4 {
						t.Errorf("%s: %d seats looked at, %d messages, %d entries", event.name, looked, told, encoded)
					}
				}
			})
		}
	}
}

// What has to count what it looks at could forget to: only the end of a meeting goes over all its seats. All else finds
// them by the index.
func TestNothingButTheEndLooksAtAllSeats(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, of := range []string{"range s.seats", "range a.state.seats", "(s.seats)", "(a.state.seats)"} {
			if n := strings.Count(string(source), of); n > 0 && file != "leaving.go" {
				t.Errorf("%s: %s", file, of)
			} else {
				found += n
			}
		}
	}
	if found != 1 {
		t.Errorf("%d times in leaving.go, not once", found)
	}
}

// Fifty of a thousand raise and lower hands and switch microphones as fast as they may: the others are told at most ten
// times a second, and twice as many entries at most as are told in a second for long; no seat is looked at for it.
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
	entries := 0
	for _, e := range ana.events[told:] {
		if r, ok := e.(*protocol.Roster); ok {
			entries += len(r.Changed)
		}
	}
	if got, most := entries*n, 2*10*toldPerInterval; got > most {
		t.Errorf("%d entries were told in a second, %d at most", got, most)
	}
	if got := st.s.looked - looked; got > 11*50 {
		t.Errorf("%d seats and hands were looked at", got)
	}
}
