package main

import "time"

// steadyClock returns a clock that begins with the machine's time and goes on evenly, whatever the machine's is set to
// later. Limits, sessions, codes, meetings and relays live by it: when a clock is set, nothing ends early and no one
// waits for an hour. What is true for others (certificates, the audit log) follows the machine's time.
func steadyClock(now func() time.Time) func() time.Time {
	start := now()
	return func() time.Time { return start.Add(now().Sub(start)) } // by the monotonic clock, and so is what it returns
}
