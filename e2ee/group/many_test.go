package group

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// TestManySessionsOfOneProcess: as many come in at once; they share what can be shared. MANY sets how many.
func TestManySessionsOfOneProcess(t *testing.T) {
	n := 60
	if text := os.Getenv("MANY"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, false, "p0")
	names := make([]string, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	for i := range n {
		names[i] = "p" + strconv.Itoa(i)
		w.person(names[i]).bot = true
		w.people[names[i]].join()
		w.pass(20 * time.Millisecond)
	}
	in := func() (k int) {
		for _, p := range w.people {
			if p.session.Ready() {
				k++
			}
		}
		return k
	}
	for in() < n && w.now.Sub(w.start) < 2*time.Minute {
		w.pass(500 * time.Millisecond)
	}
	all := w.now.Sub(w.start)
	took := time.Since(begin)
	w.pass(30 * time.Second)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if in() != n {
		t.Errorf("%d of %d are in", in(), n)
	}
	one := w.people[names[0]].authenticator()
	for _, name := range names {
		if w.people[name].authenticator() != one {
			t.Fatalf("%s is in another group", name)
		}
	}
	st := w.people[names[0]].session.cur
	t.Logf("%d sessions in after %v of virtual time and %v of work; 30 s more: %v; epoch %d, longest copath %d",
		n, all, took, time.Since(begin)-took, st.public.epoch, st.public.longest)
	t.Logf("%d KiB for each", (int64(after.HeapAlloc)-int64(before.HeapAlloc))/1024/int64(n))
}
