package grouplog

import (
	"encoding/base64"
	"time"

	"conclave/protocol"
)

// How long one who was asked to found the group has to do so before the next is asked as well, and how long the first
// commit may take after that.
const (
	foundWithin = 5 * time.Second
	beginWithin = 10 * time.Second
)

// ask asks those who may found the group. In a meeting that had a lobby from the start these are the seats of its
// creator, all at once: which device can, the link says. In others it is one after the other, in the order in which
// they came; while only bots were asked, which may be no members, a person is asked at once.
func (l *Log) ask(now time.Time) {
	if l.group != nil || l.nothingToAsk(now) {
		return
	}
	asked, person := l.index.asked.seats > 0, l.index.asked.persons > 0
	for _, s := range l.byEntering(l.seats, l.mayBeAsked) {
		switch {
		case l.creatorOnly:
		case asked && (person || s.Bot) && l.nextAt.After(now):
			continue
		}
		l.count(s, -1)
		s.asked, asked, person = true, true, person || !s.Bot
		l.count(s, 1)
		l.nextAt = now.Add(foundWithin)
		l.news.Ask = append(l.news.Ask, s.Seat)
	}
}

// nothingToAsk says that ask would ask no one, without looking at the seats.
func (l *Log) nothingToAsk(now time.Time) bool {
	if l.index.mayBeAsked.seats == 0 {
		return true
	}
	waits := l.index.asked.seats > 0 && l.nextAt.After(now)
	return !l.creatorOnly && waits && (l.index.asked.persons > 0 || l.index.mayBeAsked.persons == 0)
}

func (l *Log) mayBeAsked(s *seat) bool {
	return s.connected && !s.asked && (s.Creator || !l.creatorOnly)
}

// timeToAsk is when one more is asked to found the group.
func (l *Log) timeToAsk() time.Time {
	if l.group != nil || l.index.mayBeAsked.seats == 0 {
		return time.Time{}
	}
	return l.nextAt
}

// Found takes the founding of the group. Its first commit has to follow.
func (l *Log) Found(now time.Time, id protocol.Participant, m *protocol.FoundGroup) error {
	s := l.seats[id]
	if s == nil {
		return ErrNotHere
	}
	group, err := base64.RawURLEncoding.DecodeString(m.GroupID)
	if err != nil || len(group) == 0 || m.Leaf < 0 {
		return ErrMalformed
	}
	if l.group != nil || !s.asked {
		return ErrFounding
	}
	l.dropPackage(s)
	l.group, l.void = group, now.Add(beginWithin)
	l.claim(s, uint32(m.Leaf)) //nolint:gosec // the protocol bounds it
	s.confirmed = true
	return nil
}
