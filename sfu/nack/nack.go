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
	// maxTries is how often a packet is asked for: each request is sent twice, one tick of 20 ms apart, because one of
	// them may be lost too. No second answer comes: browsers send a packet again once in a round trip. The wait for the
	// answer begins at the second request, so that the next is not taken for another repeat. The waits begin at the
	// round-trip time, or minWait if that is longer, and double.
	maxTries = 10
	repeat   = 15 * time.Millisecond
	minWait  = 20 * time.Millisecond
	// Where packets are lost, a picture whose last packet is lost is noticed only when the next picture begins. So the
	// packet after the newest is asked for if that one doesn't end a picture and nothing has come for openFor. What a
	// publisher hasn't sent yet it can't send again, and it comes by itself. Lossy is a stream that has lost a packet
	// within lossyFor.
	openFor  = 25 * time.Millisecond
	lossyFor = 2 * time.Second
	// maxAge is when a receiver's jitter buffer will have given up.
	maxAge = time.Second

	// Audio is played sooner: the packet after the lost one comes 20 ms later, which is time enough to be late, and what
	// is not there after three or four round trips has been concealed. A hole of more packets than that is not asked for.
	audioMissing  = 15
	audioMaxTries = 6
	audioMaxAge   = 300 * time.Millisecond
)

type missing struct {
	seq   uint64
	since time.Time
	next  time.Time
	tries int
}

// Tracker follows one stream of extended sequence numbers. The zero value is ready, for video.
type Tracker struct {
	Audio   bool // the stream is audio: fewer packets are waited for, and not as long
	highest uint64
	any     bool
	missing []missing // ascending by seq
	lossyAt time.Time // when a hole was seen last
	openAt  time.Time // when the newest packet came, if it doesn't end a picture; zero if it does
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
	most, late := maxMissing, reorder
	if t.Audio {
		most, late = audioMissing, 0
	}
	if hole > uint64(max(0, most-len(t.missing))) {
		t.missing = t.missing[:0]
		t.highest = seq
		return true
	}
	if hole > 0 {
		t.lossyAt = now
	}
	for s := t.highest + 1; s < seq; s++ {
		t.missing = append(t.missing, missing{seq: s, since: now, next: now.Add(late)})
	}
	t.highest = seq
	return false
}

// Skip notes a packet that was not to be had in full: nothing before it is missing any more.
func (t *Tracker) Skip(seq uint64) {
	t.missing, t.openAt = t.missing[:0], time.Time{}
	t.any, t.highest = true, max(t.highest, seq)
}

func (t *Tracker) found(seq uint64) {
	i, ok := slices.BinarySearchFunc(t.missing, seq, func(m missing, seq uint64) int { return cmp.Compare(m.seq, seq) })
	if ok {
		t.missing = slices.Delete(t.missing, i, i+1)
	}
}

// Newest notes whether the newest packet of a stream of video, received at now, ends a picture.
func (t *Tracker) Newest(ends bool, now time.Time) {
	t.openAt = now
	if ends {
		t.openAt = time.Time{}
	}
}

// Any says whether anything may be missing.
func (t *Tracker) Any() bool { return len(t.missing) > 0 || !t.openAt.IsZero() }

// expectEnd takes the packet after the newest for missing if the picture should have ended by now.
func (t *Tracker) expectEnd(now time.Time) {
	if t.openAt.IsZero() || now.Sub(t.openAt) < openFor {
		return
	}
	t.openAt = time.Time{}
	if now.Sub(t.lossyAt) < lossyFor && len(t.missing) < maxMissing {
		t.highest++
		t.missing = append(t.missing, missing{seq: t.highest, since: now, next: now})
	}
}

// Due appends to seqs what is to be asked for now, ascending, at most up to cap(seqs). rtt is the round-trip time to
// the publisher: asking twice within it is pointless. lost is true when a packet has been given up: ask for a key
// frame.
func (t *Tracker) Due(seqs []uint64, now time.Time, rtt time.Duration) (due []uint64, lost bool) {
	t.expectEnd(now)
	age, tries := maxAge, maxTries
	if t.Audio {
		age, tries = audioMaxAge, audioMaxTries
	}
	kept := t.missing[:0]
	for _, m := range t.missing {
		waiting := now.Before(m.next) // for the packet itself, or for the answer to what was asked last
		if now.Sub(m.since) > age || m.tries == tries && !waiting {
			lost = true
			continue
		}
		if !waiting && len(seqs) < cap(seqs) {
			seqs = append(seqs, m.seq)
			m.next = now.Add(wait(m.tries, rtt))
			m.tries++
		}
		kept = append(kept, m)
	}
	t.missing = kept
	return seqs, lost
}

// wait is how long after so many requests and one more the next is due.
func wait(tries int, rtt time.Duration) time.Duration {
	if tries%2 == 0 {
		return repeat
	}
	return max(rtt, minWait) << (tries / 2)
}
