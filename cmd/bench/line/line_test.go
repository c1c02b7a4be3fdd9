package line

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"conclave/bots/network"
)

func TestAnOrderChangesOneDirectionOrBoth(t *testing.T) {
	l := unconnected(t)
	var out strings.Builder
	in := orders(strings.NewReader(`{"both":{"loss":100}} {"to_near":{}} {} {"both":{"loss":101}}`))
	if err := l.obey(t.Context(), in, json.NewEncoder(&out)); err != nil {
		t.Fatal(err)
	}
	l.ToFar.Put(nil, 10, time.Now())
	l.ToNear.Put(nil, 10, time.Now())
	if far, near := l.ToFar.Counts(), l.ToNear.Counts(); far.Lost != 1 || near.Passed != 1 {
		t.Errorf("to far %+v, to near %+v", far, near)
	}
	answers := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(answers) != 4 || !strings.Contains(answers[3], "loss and reorder are between") {
		t.Errorf("%q", answers)
	}
}

func TestAnOrderThatMakesNoSenseEndsTheLine(t *testing.T) {
	for _, text := range []string{`{"loss":3}`, `nonsense`, `[]`} {
		l := unconnected(t)
		if err := l.obey(t.Context(), orders(strings.NewReader(text)), json.NewEncoder(&strings.Builder{})); err != nil {
			t.Error(err)
		}
		if c := l.ToFar.Counts(); c != (network.Counts{}) {
			t.Errorf("%s: %+v", text, c)
		}
	}
	var c Conditions
	if err := strictly(`{"delay":20}`, &c); err == nil {
		t.Error("a condition of another name is taken")
	}
}

func TestConditionsAreWrittenInMillisecondsAndPercent(t *testing.T) {
	var c Conditions
	text := `{"delay_ms":25,"jitter_ms":2.5,"reorder":1,"loss":5,"burst":3,"kbit":500,"queue_ms":600,
		"dark_every_ms":1000,"dark_ms":100}`
	if err := strictly(text, &c); err != nil {
		t.Fatal(err)
	}
	want := network.Conditions{
		Loss: 0.05, Burst: 3, Delay: 25 * time.Millisecond, Jitter: 2500 * time.Microsecond, Reorder: 0.01, Rate: 500,
		Queue: 600 * time.Millisecond, BlackoutEvery: time.Second, BlackoutLength: 100 * time.Millisecond,
	}
	if got := c.network(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// unconnected is a line without devices.
func unconnected(t *testing.T) *Line {
	discard := func([]byte, time.Time) {}
	l := &Line{
		ToFar:  Way{network.NewLine(network.NewLink(network.Conditions{}, 1, time.Now()), discard)},
		ToNear: Way{network.NewLine(network.NewLink(network.Conditions{}, 2, time.Now()), discard)},
	}
	t.Cleanup(func() {
		l.ToFar.Close()
		l.ToNear.Close()
	})
	return l
}
