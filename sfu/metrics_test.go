package sfu

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"conclave/sfu/wiretest"
)

// Every metric is well-formed, and its labels come from closed sets.
func TestMetricsAreWellFormedAndNameNobody(t *testing.T) {
	room, _, v := meet(t, 1, clientOptions{video: 1})
	v.peer.SetView(wantsOf(1))
	wiretest.Eventually(t, "a picture", showing(v, 1))
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(room.server.Collector()); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "conclave_sfu_") {
			t.Errorf("metric %s", f.GetName())
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if !slices.Contains([]string{"sender", "reason", "cause", "state", "direction"}, l.GetName()) {
					t.Errorf("label %s of %s", l.GetName(), f.GetName())
				}
			}
		}
	}
}
