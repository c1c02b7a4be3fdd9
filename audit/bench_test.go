package audit

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkRecordUnderLoad measures how long one event takes while 10,000 others a second are written to a real disk.
func BenchmarkRecordUnderLoad(b *testing.B) {
	r := newReader(b)
	l, err := OpenLog(Options{Dir: b.TempDir(), Recipients: r.recipients})
	if err != nil {
		b.Fatal(err)
	}
	stop := make(chan struct{})
	var load sync.WaitGroup
	var written, refused int
	load.Go(func() {
		const perTick = 20
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for range perTick {
				if l.Append(event(i), func(error) {}) == nil {
					written++
				} else {
					refused++
				}
			}
		}
	})
	start := time.Now()
	var took []time.Duration
	for b.Loop() {
		at := time.Now()
		if err := l.Record(b.Context(), event(1)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(at))
	}
	elapsed := time.Since(start)
	close(stop)
	load.Wait()
	records := l.Health().Records
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
	b.ReportMetric(float64(written)/elapsed.Seconds(), "events/s")
	b.ReportMetric(float64(records)/elapsed.Seconds(), "records/s")
	b.ReportMetric(float64(refused), "refused")
}
