package client

import (
	"testing"
	"time"
)

func TestAFloodIsAsLargeAsItSays(t *testing.T) {
	f := flood{requests: 50, datagrams: 700}
	begin := time.Unix(1_000_000, 0)
	requests, datagrams := 0, 0
	for at := time.Duration(0); at <= 10*time.Second; at += 37 * time.Millisecond {
		r, d := f.due(begin.Add(at))
		requests, datagrams = requests+r, datagrams+d
	}
	if requests < 495 || requests > 500 || datagrams < 6950 || datagrams > 7000 {
		t.Errorf("%d requests, %d datagrams in 10 s", requests, datagrams)
	}
}
