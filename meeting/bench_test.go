package meeting

import (
	"fmt"
	"runtime"
	"testing"

	"conclave/protocol"
)

// BenchmarkEmptyMeetings shows what an empty meeting costs: bytes of heap and stack, and goroutines (none).
func BenchmarkEmptyMeetings(b *testing.B) {
	for b.Loop() {
		bytes, goroutines := fill(b, 10_000)
		b.ReportMetric(bytes, "B/meeting")
		b.ReportMetric(goroutines, "goroutines")
	}
}

// TenThousandEmptyMeetings fit into 8 KiB each; the benchmark prints the figure.
func TestTenThousandEmptyMeetingsFitInto8KiBEach(t *testing.T) {
	if testing.Short() {
		t.Skip("memory test")
	}
	bytes, goroutines := fill(t, 10_000)
	t.Logf("%.0f bytes a meeting, %.0f goroutines more", bytes, goroutines)
	if bytes > 8<<10 || goroutines > 10 {
		t.Fatal("too much")
	}
}

func fill(t testing.TB, n int) (bytesEach, goroutines float64) {
	r, _ := newRegistry(t, Config{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutinesBefore := runtime.NumGoroutine()
	for i := range n {
		create(t, r, Creation{Creator: who(fmt.Sprint(i)), Title: NewTitle(fmt.Sprintf("Meeting %d", i)), Lobby: true})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	goroutines = float64(runtime.NumGoroutine() - goroutinesBefore)
	bytesEach = (float64(after.HeapAlloc) - float64(before.HeapAlloc) +
		float64(after.StackInuse) - float64(before.StackInuse)) / float64(n)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return bytesEach, goroutines
}

// BenchmarkJoin is the cost of a join through the registry, by the number of meetings there are.
func BenchmarkJoin(b *testing.B) {
	for _, meetings := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("meetings=%d", meetings), func(b *testing.B) {
			r, _ := newRegistry(b, Config{})
			var id ID
			for i := range meetings {
				id = create(b, r, Creation{Creator: who(fmt.Sprint(i))})
			}
			b.ReportAllocs()
			for b.Loop() {
				seat, _ := enter(b, r, id, "ben")
				seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
			}
			b.StopTimer()
			if err := r.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
