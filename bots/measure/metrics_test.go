package measure

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMetricsAreReadAndAddedUp(t *testing.T) {
	const page = `# HELP conclave_participants Participants.
# TYPE conclave_participants gauge
conclave_participants 12
conclave_sfu_dropped_total{reason="a } b"} 3
conclave_sfu_dropped_total{reason="late"} 4 1700000000
conclave_http_request_duration_seconds_bucket{le="+Inf"} 9
conclave_nan NaN
conclave_inf +Inf
conclave_broken
go_goroutines 7
go_gc_cycles 9
process_cpu_seconds_total 1.5
`
	want := map[string]float64{
		"conclave_participants": 12, "conclave_sfu_dropped_total": 7, "go_goroutines": 7, "process_cpu_seconds_total": 1.5,
	}
	if got := parseMetrics(page); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var many strings.Builder
	for i := range 1000 {
		many.WriteString("conclave_" + strconv.Itoa(i) + " 1\n")
	}
	if got := parseMetrics(many.String()); len(got) != maxMetrics {
		t.Errorf("%d names of a page with 1,000", len(got))
	}
}

func TestMetricsComeFromTheServerItself(t *testing.T) {
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(answer)
		_, _ = w.Write([]byte("go_goroutines 7\n"))
	}))
	defer server.Close()
	s := NewScraper(server.URL)
	defer s.Close()
	if got, err := s.Read(t.Context()); err != nil || got["go_goroutines"] != 7 {
		t.Errorf("%v %v", got, err)
	}
	for _, answer = range []int{http.StatusFound, http.StatusNotFound} {
		if got, err := s.Read(t.Context()); err == nil {
			t.Errorf("status %d: %v", answer, got)
		}
	}
}

func TestRecentDelaysAreTakenOnce(t *testing.T) {
	r := NewRecent()
	r.Add(false, 5*time.Millisecond)
	r.Add(true, 7*time.Millisecond)
	(*Recent)(nil).Add(true, time.Second) // no one listens
	if audio, video := r.Take(); audio.Count != 1 || video.Count != 1 || video.Max < 6.9 || video.Max > 7.2 {
		t.Errorf("%+v %+v", audio, video)
	}
	if audio, video := r.Take(); audio.Count+video.Count != 0 {
		t.Errorf("taken twice: %+v %+v", audio, video)
	}
}
