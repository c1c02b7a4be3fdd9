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

// What one person may have clients do with the group of an encrypted meeting. Of what goes to everybody there is a
// bound for the whole meeting too, beyond which only those are heard who have sent little. A commit of 64 new members
// has 70 KiB; without, it has 2 to 60. It counts groupCommit more, so that no one commits more than twice a second for
// long: else a member could lead the log far ahead of the group.
const (
	groupBurst, groupRate               = 64 << 10, 2 << 10 // bytes, bytes a second: broadcasts, proposals
	groupLittleBurst, groupLittleRate   = 8 << 10, 256
	meetingGroupBurst, meetingGroupRate = 512 << 10, 64 << 10

	groupCommit                           = 16 << 10
	commitBurst, commitRate               = 512 << 10, 32 << 10
	commitLittleBurst, commitLittleRate   = 192 << 10, 2 << 10
	meetingCommitBurst, meetingCommitRate = 4 << 20, 256 << 10

	joinersBurst, joinersRate   = 4 << 20, 192 << 10 // what goes to those who are added
	packagesBurst, packagesRate = 16 << 10, 512      // key packages: each goes to a few members
	getBurst, getRate           = 6 << 20, 64 << 10  // what of the log is sent again
)

// voice is what one person said to everybody, and had clients do with the group. The zero value said nothing.
type voice struct {
	said, little                                                   allowance
	group, groupLittle, commits, commitsLittle, joiners, pack, got allowance
}

// rested says whether v is as good as new.
func (v *voice) rested(now time.Time) bool {
	for _, a := range []struct {
		*allowance
		rate int
	}{
		{&v.said, sayRate}, {&v.little, littleRate}, {&v.group, groupRate}, {&v.groupLittle, groupLittleRate},
		{&v.commits, commitRate}, {&v.commitsLittle, commitLittleRate}, {&v.joiners, joinersRate}, {&v.pack, packagesRate},
		{&v.got, getRate},
	} {
		if a.fits(now, 0, 0, a.rate); a.spent != 0 {
			return false
		}
	}
	return true
}

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
	return charge(now, n+saidOverhead, budget{&p.voice.said, sayBurst, sayRate},
		budget{&p.voice.little, littleBurst, littleRate}, budget{&s.said, meetingSayBurst, meetingSayRate})
}

// mayTellGroup charges n bytes that p's client tells everybody by itself.
func (s *state) mayTellGroup(now time.Time, p *seat, n int) bool {
	v := p.voice
	return charge(now, n+saidOverhead, budget{&v.group, groupBurst, groupRate},
		budget{&v.groupLittle, groupLittleBurst, groupLittleRate}, budget{&s.groupSaid, meetingGroupBurst, meetingGroupRate})
}

// mayAskGroup charges what p asks of the group. What LogGet costs is known later.
func (s *state) mayAskGroup(now time.Time, p *seat, m protocol.ClientMessage) bool {
	v := p.voice
	switch m := m.(type) {
	case *protocol.KeyPackage:
		return v.pack.take(now, len(m.Data), packagesBurst, packagesRate)
	case *protocol.Commit:
		n := len(m.GroupInfo)
		for _, a := range m.Added {
			n += len(a.Secrets)
		}
		return v.joiners.take(now, n, joinersBurst, joinersRate) &&
			charge(now, len(m.Data)+groupCommit, budget{&v.commits, commitBurst, commitRate},
				budget{&v.commitsLittle, commitLittleBurst, commitLittleRate},
				budget{&s.committed, meetingCommitBurst, meetingCommitRate})
	case *protocol.Propose:
		return s.mayTellGroup(now, p, len(m.Data))
	case *protocol.LogGet:
		return true
	default: // they are small, and few get them
		return s.mayTellGroup(now, p, 0)
	}
}

// mayGet charges entries that are sent again.
func (v *voice) mayGet(now time.Time, entries []protocol.LogEntry) bool {
	n := saidOverhead
	for _, e := range entries {
		n += len(e.Data) + saidOverhead
	}
	return v.got.take(now, n, getBurst, getRate)
}

// budget is an allowance with its bounds.
type budget struct {
	*allowance
	burst, rate int
}

// charge takes n bytes of what a person has. What all have together binds only who has used more than little.
func charge(now time.Time, n int, own, little, all budget) bool {
	isLittle := little.fits(now, n, little.burst, little.rate)
	if !own.fits(now, n, own.burst, own.rate) {
		return false
	}
	if !all.fits(now, n, all.burst, all.rate) && !isLittle {
		return false
	}
	own.spent += n
	little.spent = min(little.spent+n, little.burst)
	all.spent = min(all.spent+n, all.burst)
	return true
}

// take charges n bytes if they fit.
func (a *allowance) take(now time.Time, n, burst, rate int) bool {
	if !a.fits(now, n, burst, rate) {
		return false
	}
	a.spent += n
	return true
}

// entrySize is what a change of the seat adds to a roster event, beside the overhead: most of it is signed, if
// anything is.
func (p *seat) entrySize() int {
	return len(p.announce.Reveal()) + len(p.admit.Reveal())
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
	if len(s.voices) < max(s.voicesTo, 2*s.cfg.MaxParticipants) {
		return
	}
	for who, v := range s.voices {
		s.looked++
		if len(s.index.persons[who]) == 0 && v.rested(now) {
			delete(s.voices, who)
		}
	}
	s.voicesTo = 2 * len(s.voices) // so that looking at all costs each newcomer little
}

// makeSeat says whether a person may have one more seat. The oldest of theirs whose socket is gone makes place for it.
func (s *state) makeSeat(now time.Time, who Identity) bool {
	if who.Bot {
		return true
	}
	n, oldest := 0, (*seat)(nil)
	for _, p := range s.index.persons[who.person()] {
		s.looked++
		if p.identity.Bot {
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
