package client

import (
	"testing"
	"time"
)

func TestAFloodIsAsLargeAsItSays(t *testing.T) {
	f := flood{requests: 50, datagrams: 700, acts: 10}
	begin := time.Unix(1_000_000, 0)
	requests, datagrams, acts := 0, 0, 0
	for at := time.Duration(0); at <= 10*time.Second; at += 37 * time.Millisecond {
		r, d, a := f.due(begin.Add(at))
		requests, datagrams, acts = requests+r, datagrams+d, acts+a
	}
	if requests < 495 || requests > 500 || datagrams < 6950 || datagrams > 7000 || acts < 99 || acts > 100 {
		t.Errorf("%d requests, %d datagrams, %d acts in 10 s", requests, datagrams, acts)
	}
}
