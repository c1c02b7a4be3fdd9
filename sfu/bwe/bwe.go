// Package bwe estimates how much one viewer's path carries, at the sending side: from transport-wide congestion
// control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01) by the delay of packets (after Google
// congestion control, draft-ietf-rmcat-gcc-02), by loss only where sending less helps, and by bounded probes; from REMB
// (draft-alvestrand-rmcat-remb-03) if a peer gives no better. docs/bandwidth.md explains the method and its constants.
//
// It is pure: no socket, clock, lock or goroutine. Time is an argument and may stand still or go backwards; nothing is
// allocated after New. It imports nothing of Conclave. Start reading at Estimator.
package bwe

import "time"

const (
	// Initial is the estimate before anything is known of the path: nine thumbnails and audio. Probing begins with the
	// first feedback.
	Initial = 1_500_000 // bit/s
	// Min is as low as an estimate goes: one voice.
	Min = 50_000 // bit/s
	// Max is as high as an estimate goes: 49 tiles in full.
	Max = 200_000_000 // bit/s

	// beta is by how much less than what arrives is sent once a queue grows: the rest of the path drains it
	// (draft-ietf-rmcat-gcc-02 §5.5).
	beta = 0.9
	// leastQueue, in ms, must stand for a growing delay to count: two packets at 1 Mbit/s.
	leastQueue = 10
	// A path of whose estimate less is being sent, and from which at least this share of what is sent arrives, is full of
	// something else: the estimate falls by its own measure, not to what happens to be sent.
	filling   = 0.85
	throttled = 0.75
	// deepest is the least that a decrease leaves: behind another sender's burst nothing may arrive for a moment. The next
	// may follow sooner.
	deepest = 0.5
	// drained is below which the queue counts as empty, in ms.
	drained = 50
	// additive is by how much the estimate rises in a second near the path's known rate (a tenth of that below 1 Mbit/s).
	// It is the same for all round-trip times, so that flows that share a path come to share it equally.
	additive = 100_000
	// recovered is the share of the path's known rate that is returned to at once when the queue has drained.
	recovered = settled
	// beyond is how far the estimate rises over the path's known rate by itself: more must be found by a probe. On a slow
	// path a twentieth too much is a long queue within seconds.
	beyond     = 1.05
	slowBeyond = 1.02
	// decreaseEvery is how long a decrease is given to show, in µs.
	decreaseEvery = 250_000
	// oneFall: decreases that follow each other sooner are of one fall, µs.
	oneFall = 2_000_000
	// Rates are taken over 150 ms where the path's own rate is asked, while it is full (twice that below 1 Mbit/s: there
	// are 13 packets in 150 ms of it), and over half a second where ours is.
	fullWindow = 150_000
	slowPath   = 1_000_000
	sentWindow = 500_000
	// A queue this long, in ms, on a path from which less than this share of what is sent arrives means that it has become
	// narrower.
	narrowQueue = 100
	narrowShare = 0.7
	// feedbackPatience is how long feedback may stay away while packets are sent. After it the estimate falls by a fifth
	// each half second.
	feedbackPatience = 1_000_000
	silentStep       = 500_000
	silentFactor     = 0.8
	// unanswered is how long a peer may take to send its first feedback before it counts as giving none.
	unanswered = 2_000_000
	// rembPatience is how long a REMB holds (browsers repeat it each second).
	rembPatience = 10_000_000
	// statusesPerSecond bounds what feedback may cost: four times what a 25-tile meeting sends.
	statusesPerSecond = 16 * Entries
)

// Estimator estimates one viewer's path. Not safe for concurrent use.
type Estimator struct {
	start  time.Time
	latest time.Time // argument
	now    int64     // µs since start; never goes back

	sent    history
	sending rateMeter // by our clock
	acked   rateMeter // by the receiver's
	delay   delayDetector
	loss    lossControl
	probe   probe
	drain   drain

	estimate int64
	wanted   int64 // 0: not said
	ceiling  ceiling
	remb     int64
	rembAt   int64

	firstSent, lastSent  int64 // 0: never
	lastFeedback         int64 // 0: never
	sentSince            int64 // first packet sent since the last feedback, 0: none
	reference            uint32
	referenceAt          int64 // µs by the receiver's clock
	response             int64 // smoothed time from sending to feedback, µs
	lastDecrease         int64
	fellFrom             int64 // the estimate before the latest fall
	lastIncrease         int64
	lastRaise            int64 // by a probe
	nextProbe            int64
	probed               int64 // when the last one was concluded
	backoff              int64
	silentAt             int64
	away                 bool // feedback is back after silence, and nothing of what is sent now has arrived yet
	statuses, statusesAt int64

	reliable bool
	patience int64 // µs for which a ceiling holds on a reliable path
}

// New returns an Estimator for a path that nothing is known of.
func New(now time.Time) *Estimator {
	return &Estimator{start: now, now: 1, estimate: Initial, backoff: firstBackoff, statuses: statusesPerSecond}
}

// Moved begins anew on another path, of which what was known of the one before says nothing. Sequence numbers go on.
// reliable says that the path is a byte stream, such as TCP: it loses nothing, and what is sent too much is late. It is
// not probed. The estimate rises by itself to what is wanted, and delay takes it down again.
func (e *Estimator) Moved(now time.Time, reliable bool) {
	t, next, wanted := e.clock(now), e.sent.next, e.wanted
	*e = Estimator{start: e.start, latest: e.latest, now: t, estimate: Initial, backoff: firstBackoff, wanted: wanted,
		statuses: statusesPerSecond, statusesAt: t, reliable: reliable, patience: firstPatience}
	e.sent.next = next
}

// clock turns now into µs since the start. A clock that steps back stands still until it has caught up.
func (e *Estimator) clock(now time.Time) int64 {
	if now == e.latest { // the packets of a batch
		return e.now
	}
	e.latest = now
	if t := now.Sub(e.start).Microseconds() + 1; t > e.now {
		e.now = t
	}
	return e.now
}

// Sent takes note of a packet of size bytes of UDP payload that is about to be sent and returns its transport-wide
// sequence number.
func (e *Estimator) Sent(now time.Time, size int) (seq uint16) {
	t := e.clock(now)
	var cluster uint8
	if e.probe.sending {
		cluster = e.probe.cluster
	}
	seq = e.sent.add(t, size, cluster)
	if cluster != 0 {
		e.probe.sent(t, size, seq)
	}
	e.sending.add(t, size)
	e.lastSent = t
	if e.firstSent == 0 {
		e.firstSent = t
	}
	if e.sentSince == 0 {
		e.sentSince = t
	}
	return seq
}

// Delayed corrects when the packet with the number seq was sent: a pacer held it back until now.
func (e *Estimator) Delayed(seq uint16, now time.Time) {
	if p := e.sent.find(seq); p != nil && p.state == inFlight {
		p.sent = e.clock(now)
	}
}

// Feedback takes in the body of a transport-wide feedback message (see ParseFeedback). A message that does not parse,
// or one too many, changes nothing; the error says so. What a message says of packets never sent, or long ago, is
// ignored.
func (e *Estimator) Feedback(now time.Time, body []byte) error {
	t := e.clock(now)
	f, err := ParseFeedback(body)
	if err != nil {
		return err
	}
	if !e.affords(t, f.Count) {
		return ErrFeedback
	}
	e.advanceReference(f.Reference)
	e.away = e.away || e.unheard(t)
	newest, news := e.statusesOf(&f)
	if !news {
		return nil // it tells nothing: a repeat, or garbage
	}
	e.lastFeedback, e.sentSince, e.silentAt = t, 0, 0
	if newest != 0 {
		sample := t - newest
		if e.response == 0 {
			e.response = sample
		}
		e.response += (sample - e.response) / 8
	}
	e.sending.add(t, 0)
	e.react(t)
	return nil
}

// affords takes count statuses from the budget, which fills over a second.
func (e *Estimator) affords(now int64, count int) bool {
	e.statuses = min(e.statuses+(now-e.statusesAt)*statusesPerSecond/1_000_000, statusesPerSecond)
	e.statusesAt = now
	if int64(count) > e.statuses {
		return false
	}
	e.statuses -= int64(count)
	return true
}

// advanceReference unwraps the 24-bit reference time.
func (e *Estimator) advanceReference(reference uint32) {
	const unit = 64_000 // µs
	step := int64(int32((reference-e.reference)<<8) >> 8)
	if e.lastFeedback == 0 {
		step = 0
	}
	e.reference = reference
	e.referenceAt += step * unit
}

// statusesOf goes through a message. It returns when the newest packet it acknowledges was sent, 0 if it does none, and
// whether it told anything new.
func (e *Estimator) statusesOf(f *Feedback) (newest int64, news bool) {
	for {
		s, ok := f.Next()
		if !ok {
			return newest, news
		}
		p := e.sent.find(s.Seq)
		if p == nil || p.state == received {
			continue
		}
		news = true
		if e.probe.waiting && p.cluster == e.probe.cluster && s.Seq == e.probe.lastSeq {
			e.probe.covered = true
		}
		if !s.Received {
			if p.state == inFlight {
				p.state = lost
				if !e.away { // what a path that was gone has lost is no sign that it is full
					e.loss.count(true)
				}
			}
			continue
		}
		if p.sent > e.now-feedbackPatience {
			e.away = false
		}
		if p.state == lost {
			e.loss.found()
		} else {
			e.loss.count(false)
		}
		p.state = received
		newest = max(newest, p.sent)
		arrival := e.referenceAt + s.Arrival
		e.acked.add(arrival, int(p.size))
		e.delay.add(p.sent, arrival)
		e.probe.received(p, arrival)
		e.drain.received(p.sent, arrival, int(p.size))
	}
}

// Wanted says what would be useful in all, in bit/s: probes go a tenth beyond it and no further. Until it is called
// they go to twice what is being sent.
func (e *Estimator) Wanted(bps int64) { e.wanted = max(bps, 1) }

// REMB takes in a receiver's own estimate in bit/s. It counts only while the peer gives no transport-wide feedback.
func (e *Estimator) REMB(now time.Time, bps int64) {
	e.remb, e.rembAt = min(max(bps, Min), Max), e.clock(now)
}

// Estimate is what the path carries in all, in bit/s of UDP payload. known is false when the peer gives neither kind of
// feedback: then there is nothing to go by.
func (e *Estimator) Estimate(now time.Time) (bps int64, known bool) {
	t := e.clock(now)
	switch {
	case e.lastFeedback != 0:
		e.decay(t)
		return e.estimate, true
	case e.rembAt != 0 && t-e.rembAt < rembPatience:
		return e.remb, true
	case e.firstSent == 0 || t-e.firstSent < unanswered:
		return e.estimate, true
	}
	return 0, false
}

// decay lowers the estimate while packets go out and no feedback comes: the path may be gone.
func (e *Estimator) decay(now int64) {
	if !e.unheard(now) || e.lastSent < now-feedbackPatience {
		return
	}
	e.silentAt = max(e.silentAt, e.sentSince+feedbackPatience-silentStep)
	for e.silentAt+silentStep <= now && e.estimate > Min {
		e.silentAt += silentStep
		e.estimate = max(int64(silentFactor*float64(e.estimate)), Min)
		e.nextProbe = now + afterDrop/3
	}
	e.silentAt = max(e.silentAt, now-silentStep)
}

// Silent says whether feedback, of which there was some before, has stayed away for so long that the estimate falls:
// the path may be gone.
func (e *Estimator) Silent(now time.Time) bool { return e.lastFeedback != 0 && e.unheard(e.clock(now)) }

// unheard says whether no feedback has come for too long on what was sent.
func (e *Estimator) unheard(now int64) bool {
	return e.sentSince != 0 && now-e.sentSince >= feedbackPatience
}

// Stats describe the path as it was lately.
type Stats struct {
	// RTT is from sending to the arrival of feedback, which receivers send some 50 to 100 ms apart.
	RTT time.Duration
	// Queue is by how much the latest packets were slower than the fastest of the last 20 s.
	Queue time.Duration
	// Loss is the share of packets lost before retransmission, 0 to 1.
	Loss float64
	// Sent and Acked are rates in bit/s over the last half second.
	Sent, Acked int64
}

// Stats returns what quality and metrics go by. Zero where nothing is known.
func (e *Estimator) Stats() Stats {
	return Stats{RTT: time.Duration(e.response) * time.Microsecond,
		Queue: time.Duration(e.delay.queue() * float64(time.Millisecond)),
		Loss:  e.loss.shown, Sent: e.sending.over(sentWindow), Acked: e.acked.over(sentWindow)}
}
