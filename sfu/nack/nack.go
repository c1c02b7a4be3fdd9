// Package nack decides which lost packets to ask a publisher for again, and when (RFC 4585 §6.2.1). Pure: time is an
// argument. One goroutine at a time.
package nack

import "time"

const (
	// maxMissing bounds the packets waited for: a quarter of a second of a 1,000-packet-a-second stream. A longer hole is
	// not worth filling; a key frame is.
	maxMissing = 256
	// reorder is how long a packet may be late before it counts as lost.
	reorder = 10 * time.Millisecond
	// maxTries is how often a packet is asked for; the waits between double.
	maxTries = 5
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
	if !t.any || seq <= t.highest {
		t.found(seq)
		if !t.any {
			t.any, t.highest = true, seq
		}
		return false
	}
	if seq-t.highest-1+uint64(len(t.missing)) > maxMissing {
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
	for i := range t.missing {
		if t.missing[i].seq == seq {
			t.missing = append(t.missing[:i], t.missing[i+1:]...)
			return
		}
	}
}

// Due appends to seqs what is to be asked for now, ascending, at most up to cap(seqs). rtt is the round-trip time to the publisher: asking
// twice within it is pointless. lost is true when a packet has been given up: ask for a key frame.
func (t *Tracker) Due(seqs []uint64, now time.Time, rtt time.Duration) (due []uint64, lost bool) {
	kept := t.missing[:0]
	for _, m := range t.missing {
		if m.tries == maxTries || now.Sub(m.since) > maxAge {
			lost = true
			continue
		}
		if !now.Before(m.next) && len(seqs) < cap(seqs) {
			seqs = append(seqs, m.seq)
			m.next = now.Add(max(rtt, 20*time.Millisecond) << m.tries)
			m.tries++
		}
		kept = append(kept, m)
	}
	t.missing = kept
	return seqs, lost
}
