// Package nack decides which lost packets to ask a publisher for again, and when (RFC 4585 §6.2.1). Pure: time is an
// argument. One goroutine at a time.
package nack

import (
	"cmp"
	"slices"
	"time"
)

const (
	// maxMissing bounds the packets waited for: a quarter of a second of a 1,000-packet-a-second stream. A longer hole is
	// not worth filling; a key frame is.
	maxMissing = 256
	// reorder is how long a packet may be late before it counts as lost.
	reorder = 10 * time.Millisecond
	// maxTries is how often a packet is asked for. The waits for an answer begin at the round-trip time, or minWait if
	// that is longer, and double.
	maxTries = 5
	minWait  = 20 * time.Millisecond
	// maxAge is when a receiver's jitter buffer will have given up.
	maxAge = time.Second
)

type missing struct {
	seq   uint64
	since time.Time
	next  time.Time
	tries int
}

// Tracker follows one stream of extended sequence numbers. The zero value is ready.
type Tracker struct {
	highest uint64
	any     bool
	missing []missing // ascending by seq
}

// Received notes a packet. gaveUp is true if a hole opened that is too long to ask for: ask for a key frame.
func (t *Tracker) Received(seq uint64, now time.Time) (gaveUp bool) {
	switch {
	case !t.any:
		t.any, t.highest = true, seq
		return false
	case seq <= t.highest:
		t.found(seq)
		return false
	}
	hole := seq - t.highest - 1
	if hole > uint64(maxMissing-len(t.missing)) {
		t.missing = t.missing[:0]
		t.highest = seq
		return true
	}
	for s := t.highest + 1; s < seq; s++ {
		t.missing = append(t.missing, missing{seq: s, since: now, next: now.Add(reorder)})
	}
	t.highest = seq
	return false
}

func (t *Tracker) found(seq uint64) {
	i, ok := slices.BinarySearchFunc(t.missing, seq, func(m missing, seq uint64) int { return cmp.Compare(m.seq, seq) })
	if ok {
		t.missing = slices.Delete(t.missing, i, i+1)
	}
}

// Due appends to seqs what is to be asked for now, ascending, at most up to cap(seqs). rtt is the round-trip time to
// the publisher: asking twice within it is pointless. lost is true when a packet has been given up: ask for a key
// frame.
func (t *Tracker) Due(seqs []uint64, now time.Time, rtt time.Duration) (due []uint64, lost bool) {
	kept := t.missing[:0]
	for _, m := range t.missing {
		waiting := now.Before(m.next) // for the packet itself, or for the answer to what was asked last
		if now.Sub(m.since) > maxAge || m.tries == maxTries && !waiting {
			lost = true
			continue
		}
		if !waiting && len(seqs) < cap(seqs) {
			seqs = append(seqs, m.seq)
			m.next = now.Add(max(rtt, minWait) << m.tries)
			m.tries++
		}
		kept = append(kept, m)
	}
	t.missing = kept
	return seqs, lost
}
