package ticker_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conclave/sfu/ticker"
)

func TestMain(m *testing.M) {
	// the runtime's own, seen only while it is at work
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.runCleanups"))
}

func newTicker(t *testing.T) *ticker.Ticker {
	t.Helper()
	tick, err := ticker.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tick.Close() })
	return tick
}

func TestTicksComeAtTheIntervalOnceSet(t *testing.T) {
	tick := newTicker(t)
	ticks := make(chan error, 100)
	go func() {
		for {
			err := tick.Wait()
			ticks <- err
			if err != nil {
				return
			}
		}
	}()
	select {
	case err := <-ticks:
		t.Fatalf("a tick before Set: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	began := time.Now()
	if err := tick.Set(5 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := <-ticks; err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 15*time.Millisecond {
		t.Errorf("four ticks of 5 ms in %v", took)
	}
	if err := tick.Set(0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	for len(ticks) > 0 {
		<-ticks
	}
	select {
	case err := <-ticks:
		t.Errorf("a tick after it was stopped: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	if err := tick.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ticks; !errors.Is(err, ticker.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAClosedTickerSaysSo(t *testing.T) {
	tick := newTicker(t)
	if err := tick.Close(); err != nil {
		t.Fatal(err)
	}
	if err := tick.Wait(); !errors.Is(err, ticker.ErrClosed) {
		t.Error(err)
	}
}
