package grouplog

import (
	"fmt"
	"testing"
	"time"

	"conclave/protocol"
)

// What the log looks at for an event is the same with ten seats and with a thousand: before the group is founded, in a
// group of all, and while all but its founder wait to be added.
func TestAnEventCostsWhatHasChanged(t *testing.T) {
	people := []int{10, 100, 300, 1000}
	if testing.Short() {
		people = people[:3]
	}
	for _, n := range people {
		for name, begin := range map[string]func(st *stage){
			"unfounded": func(st *stage) {
				st.enter(numbers(n)...)
				st.l.looked = 0
			},
			"all are members": func(st *stage) {
				st.group()
				for i := 2; i <= n; i += maxPackages {
					some := numbers(n)[i-1 : min(n, i-1+maxPackages)]
					st.enter(some...)
					for _, id := range some {
						st.ask(id)
					}
					st.commit(1, add(some...)...)
				}
				st.commit(1)
			},
			"all wait": func(st *stage) {
				st.group()
				st.enter(numbers(n)[1:]...)
				for _, id := range numbers(n)[1:] {
					st.ask(id)
				}
			},
		} {
			t.Run(fmt.Sprintf("%s/people=%d", name, n), func(t *testing.T) {
				st := newStage(t, false)
				begin(st)
				most := 4
				if name == "all wait" {
					most = 16 * maxPackages // a look at those of the next batch, each time that a deadline is asked for
				}
				for _, event := range []struct {
					name string
					do   func()
				}{
					{"one comes", func() { st.enter(protocol.Participant(n + 1)) }},
					{"a socket is lost", func() { st.l.Connected(st.now, protocol.Participant(n), false); st.settle() }},
					{"and is back", func() { st.l.Connected(st.now, protocol.Participant(n), true); st.settle() }},
					{"another event", func() { st.settle() }},
					{"one leaves", func() { st.leave(protocol.Participant(n + 1)) }},
				} {
					looked := st.l.looked
					event.do()
					if got := st.l.looked - looked; got > most {
						t.Errorf("%s: %d seats and key packages were looked at, at most %d", event.name, got, most)
					}
				}
				looked := st.l.looked
				st.advance(10 * time.Second)
				if got := st.l.looked - looked; got > 200*maxPackages+10*n {
					t.Errorf("ten seconds: %d seats and key packages were looked at", got)
				}
			})
		}
	}
}

func numbers(n int) (ids []protocol.Participant) {
	for i := range n {
		ids = append(ids, protocol.Participant(1+i))
	}
	return ids
}
