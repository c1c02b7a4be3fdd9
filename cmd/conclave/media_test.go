package main

import "testing"

func TestTheEgressCeilingIsOffByDefault(t *testing.T) {
	rate := uint64(800_000_000)
	now := func() uint64 { return rate }
	if overEgress(0, now) != nil {
		t.Error("there is a ceiling without max_egress")
	}
	over := overEgress(800_000_000, now)
	if over() {
		t.Error("the ceiling itself is over it")
	}
	if rate++; !over() {
		t.Error("more than the ceiling is not over it")
	}
}
