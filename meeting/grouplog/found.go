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
	if l.group != nil {
		return
	}
	asked, person := false, false
	for _, s := range l.seats {
		if s.asked && s.connected {
			asked, person = true, person || !s.Bot
		}
	}
	for _, s := range l.byEntering(l.mayBeAsked) {
		switch {
		case l.creatorOnly:
		case asked && (person || s.Bot) && l.nextAt.After(now):
			continue
		}
		s.asked, asked, person = true, true, person || !s.Bot
		l.nextAt = now.Add(foundWithin)
		l.news.Ask = append(l.news.Ask, s.Seat)
	}
}

func (l *Log) mayBeAsked(s *seat) bool {
	return s.connected && !s.asked && (s.Creator || !l.creatorOnly)
}

// timeToAsk is when one more is asked to found the group.
func (l *Log) timeToAsk() time.Time {
	if l.group != nil || len(l.byEntering(l.mayBeAsked)) == 0 {
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
	l.dropPackage(id)
	l.group, l.void = group, now.Add(beginWithin)
	l.claim(s, uint32(m.Leaf)) //nolint:gosec // the protocol bounds it
	s.confirmed = true
	return nil
}
