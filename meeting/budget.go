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
	littleSaid                      = sayBurst / 4
)

// maxSeatsPerPerson bounds the seats of one person in one meeting, lobby included: a few devices, and pages that were
// loaded again. A bot token is many participants, each with its own budget.
const maxSeatsPerPerson = 8

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
	if !p.said.fits(now, n, sayBurst, sayRate) {
		return false
	}
	if !s.said.fits(now, n, meetingSayBurst, meetingSayRate) && p.said.spent+n > littleSaid {
		return false
	}
	p.said.spent += n
	s.said.spent = min(s.said.spent+n, meetingSayBurst)
	return true
}

// entrySize is what a change of the seat adds to a roster event, beside the overhead: most of it is signed, if
// anything is.
func (p *seat) entrySize() int {
	return len(p.announce.Reveal()) + len(p.admit.Reveal()) + len(p.grant.Reveal())
}

// budgetOf is what a new seat may say: that of its person, if they have or had another seat.
func (s *state) budgetOf(now time.Time, who Identity) *allowance {
	if who.Bot {
		return &allowance{}
	}
	if s.budgets == nil {
		s.budgets = make(map[person]*allowance)
	}
	a := s.budgets[who.person()]
	if a == nil {
		s.forgetBudgets(now)
		a = &allowance{}
		s.budgets[who.person()] = a
	}
	return a
}

// forgetBudgets drops the budgets that are full again, when there are more than one for each seat that may be. It
// keeps those of persons who left, so that coming again refills nothing.
func (s *state) forgetBudgets(now time.Time) {
	if len(s.budgets) < 2*s.cfg.MaxParticipants {
		return
	}
	used := make(map[*allowance]bool, len(s.seats))
	for _, p := range s.seats {
		used[p.said] = true
	}
	for who, a := range s.budgets {
		if a.fits(now, 0, sayBurst, sayRate); a.spent == 0 && !used[a] {
			delete(s.budgets, who)
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
