package meeting

import (
	"time"

	"conclave/protocol"
)

// What one person may have the meeting tell everybody. Each byte is sent to all who are there, so a flood from one
// person is a flood to each of the others. The largest encrypted chat message is 12 KiB; four of them pass at once.
const (
	sayBurst, sayRate = 64 << 10, 4 << 10 // bytes, bytes a second, of one person over all of their seats
	saidOverhead      = 128               // what one message counts beside its content

	// The same of a whole meeting. Beyond it only those are heard who have said little: a flood from many accounts
	// silences itself and no other.
	meetingSayBurst, meetingSayRate = 512 << 10, 64 << 10
	littleBurst, littleRate         = 16 << 10, 512 // of one person: about what a person types
)

// maxSeatsPerPerson bounds the seats of one person in one meeting, lobby included: a few devices, and pages that were
// loaded again. A bot token is many participants, each with its own budget.
const maxSeatsPerPerson = 8

// voice is what one person said to everybody. The zero value said nothing.
type voice struct{ said, little allowance }

// allowance is a token bucket of bytes. The zero value is full.
type allowance struct {
	spent int
	last  time.Time
}

// fits says whether n more bytes are within burst, after refilling rate bytes a second.
func (a *allowance) fits(now time.Time, n, burst, rate int) bool {
	if passed := now.Sub(a.last); passed > 0 {
		refill := int(min(passed.Seconds()*float64(rate), float64(a.spent)))
		if refill > 0 || a.spent == 0 {
			a.spent, a.last = a.spent-refill, now
		}
	}
	return a.spent+n <= burst
}

// mayTellAll charges n bytes that p wants to tell everybody.
func (s *state) mayTellAll(now time.Time, p *seat, n int) bool {
	n += saidOverhead
	v := p.voice
	little := v.little.fits(now, n, littleBurst, littleRate)
	if !v.said.fits(now, n, sayBurst, sayRate) {
		return false
	}
	if !s.said.fits(now, n, meetingSayBurst, meetingSayRate) && !little {
		return false
	}
	v.said.spent += n
	v.little.spent = min(v.little.spent+n, littleBurst)
	s.said.spent = min(s.said.spent+n, meetingSayBurst)
	return true
}

// entrySize is what a change of the seat adds to a roster event, beside the overhead: most of it is signed, if
// anything is.
func (p *seat) entrySize() int {
	return len(p.announce.Reveal()) + len(p.admit.Reveal()) + len(p.grant.Reveal())
}

// voiceOf is the voice of a new seat: that of its person, if they have or had another seat.
func (s *state) voiceOf(now time.Time, who Identity) *voice {
	if who.Bot {
		return &voice{}
	}
	if s.voices == nil {
		s.voices = make(map[person]*voice)
	}
	v := s.voices[who.person()]
	if v == nil {
		s.forgetVoices(now)
		v = &voice{}
		s.voices[who.person()] = v
	}
	return v
}

// forgetVoices drops those that are as good as new, when there are more than one for each seat that may be. It keeps
// the others of persons who left, so that coming again refills nothing.
func (s *state) forgetVoices(now time.Time) {
	if len(s.voices) < 2*s.cfg.MaxParticipants {
		return
	}
	used := make(map[*voice]bool, len(s.seats))
	for _, p := range s.seats {
		used[p.voice] = true
	}
	for who, v := range s.voices {
		v.said.fits(now, 0, sayBurst, sayRate)
		v.little.fits(now, 0, littleBurst, littleRate)
		if v.said.spent == 0 && v.little.spent == 0 && !used[v] {
			delete(s.voices, who)
		}
	}
}

// makeSeat says whether a person may have one more seat. The oldest of theirs whose socket is gone makes place for it.
func (s *state) makeSeat(now time.Time, who Identity) bool {
	if who.Bot {
		return true
	}
	n, oldest := 0, (*seat)(nil)
	for _, p := range s.seats {
		if p.identity.Bot || p.identity.person() != who.person() {
			continue
		}
		n++
		if p.sink == nil && (oldest == nil || p.lostAt.Before(oldest.lostAt)) {
			oldest = p
		}
	}
	switch {
	case n < maxSeatsPerPerson:
		return true
	case oldest == nil:
		return false
	}
	s.leave(now, oldest, protocol.LeftLost, protocol.ByeLeft)
	return !s.ended
}
