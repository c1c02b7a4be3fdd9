package transport

import (
	"testing"
	"time"
)

// A peer is told what its connection waits for, once for each step: 4 s after the step before.
func TestAStuckConnectionIsToldWhatItWaitsFor(t *testing.T) {
	c := newChecks(t)
	now := time.Unix(0, c.transport.rise.since.Load())
	watch := func(at time.Duration, want string) {
		t.Helper()
		c.transport.Watch(now.Add(at))
		c.network.wg.Wait() // what Watch tells runs in the background
		got := ""
		if len(c.told) > 0 {
			got = <-c.told
		}
		if got != want {
			t.Errorf("after %v told %q, want %q", at, got, want)
		}
	}
	watch(stuckAfter-time.Millisecond, "")
	watch(stuckAfter, "stuck: udp_blocked")
	watch(stuckAfter+time.Second, "")
	const from = "192.0.2.1:1"
	c.send(c.message(true), from, now.Add(6*time.Second)) // our own check is not answered
	watch(9*time.Second, "")
	watch(10*time.Second, "stuck: ice_timeout")
	c.from(from, true, now.Add(11*time.Second))
	watch(14*time.Second, "")
	watch(15*time.Second, "stuck: dtls_timeout")
	watch(16*time.Second, "")
	watch(11*time.Second+failedAfter+time.Second, "ice_timeout")
}

// Without a single check the final word is that none came.
func TestAConnectionThatNoCheckReachedWasBlocked(t *testing.T) {
	c := newChecks(t)
	c.transport.Watch(time.Unix(0, c.transport.heard.Load()).Add(failedAfter + time.Second))
	if told := <-c.told; told != string(CauseUDPBlocked) {
		t.Errorf("failed for %q", told)
	}
}

// A connection that is up waits for nothing.
func TestAConnectionThatIsUpIsNotStuck(t *testing.T) {
	c := newChecks(t)
	now := time.Now()
	c.transport.keys.Store(&Keys{})
	c.transport.Watch(now.Add(2 * stuckAfter))
	c.network.wg.Wait()
	if len(c.told) != 0 {
		t.Errorf("told %q", <-c.told)
	}
}
