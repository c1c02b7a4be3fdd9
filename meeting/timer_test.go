package meeting

import (
	"testing"
	"time"

	"conclave/protocol"
)

func left(t *testing.T, p *someone) time.Duration {
	t.Helper()
	e, ok := last[*protocol.TimerEvent](p)
	if !ok {
		t.Fatalf("%s was told of no countdown", p.name)
	}
	return time.Duration(e.LeftMS) * time.Millisecond
}

func TestATimerIsRunByHostsAndToldToAll(t *testing.T) {
	st, ana, ben, cem := trio(t)
	st.refused(ben, &protocol.Timer{InS: ptr(60)}, ErrNotPermitted)
	st.must(ana, &protocol.Timer{InS: ptr(60)})
	for _, p := range []*someone{ana, ben, cem} {
		if e, _ := last[*protocol.TimerEvent](p); *e != (protocol.TimerEvent{LeftMS: 60_000, By: ana.id}) {
			t.Fatalf("%s was told %+v", p.name, e)
		}
	}
	st.advance(20 * time.Second)
	st.must(ana, &protocol.Timer{AddS: 60})
	if have := left(t, ben); have != 100*time.Second {
		t.Fatalf("a minute more makes %v", have)
	}
	st.must(ana, &protocol.Timer{InS: ptr(0)})
	if have := left(t, ben); have != 0 {
		t.Fatalf("%v are left of what was stopped", have)
	}
	told := count[*protocol.TimerEvent](ben)
	st.must(ana, &protocol.Timer{InS: ptr(0)})
	if count[*protocol.TimerEvent](ben) != told {
		t.Fatal("stopping nothing is told")
	}
}

// Whoever comes late, or comes back, is told what is left by the server's clock.
func TestNewcomersSeeWhatIsLeftOfTheTimer(t *testing.T) {
	st, ana, ben, _ := trio(t)
	st.must(ana, &protocol.Timer{InS: ptr(600)})
	st.advance(90 * time.Second)
	if have := left(t, st.join("dora")); have != 510*time.Second {
		t.Fatalf("a newcomer sees %v", have)
	}
	st.lose(ben)
	st.advance(10 * time.Second)
	if have := left(t, st.join("ben", func(j *joinRequest) { j.resume = hashToken(ben.token) })); have != 500*time.Second {
		t.Fatalf("one who comes back sees %v", have)
	}
	st.advance(501 * time.Second)
	if n := count[*protocol.TimerEvent](st.join("emil")); n != 0 {
		t.Fatal("a newcomer is told of a countdown that is over")
	}
	st.must(ana, &protocol.Timer{AddS: 60})
	if have := left(t, ana); have != 60*time.Second {
		t.Fatalf("a minute after the end is %v", have)
	}
}

func TestATimerIsBounded(t *testing.T) {
	st, ana, _, _ := trio(t)
	for range 100 {
		st.must(ana, &protocol.Timer{AddS: 3600})
		st.advance(time.Second)
	}
	if have := left(t, ana); have != maxTimer {
		t.Fatalf("%v", have)
	}
	for range 10_000 {
		if st.do(ana, &protocol.Timer{InS: ptr(60)}) == ErrTooMuch {
			st.must(ana, &protocol.Timer{InS: ptr(0)}) // to stop is free
			return
		}
	}
	t.Fatal("no bound on how often everybody is told")
}
