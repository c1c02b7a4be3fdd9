package meeting

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// placeInLobby finds the place that a session has in the lobby. Bots share one session and have no such place.
func (s *state) placeInLobby(who Identity) *seat {
	if who.Bot {
		return nil
	}
	for _, p := range s.index.persons[who.person()] {
		s.looked++
		if p.role == noRole && p.identity.Session == who.Session {
			return p
		}
	}
	return nil
}

// wait puts a person at the end of the lobby's queue.
func (s *state) wait(now time.Time, j joinRequest) (media.ParticipantID, error) {
	if s.index.waiting.len >= s.cfg.MaxParticipants {
		return 0, ErrMeetingFull
	}
	p := s.newSeat(now, j)
	s.waits(p, nil)
	s.recordOf(ActionWaiting, p, "")
	s.tell(p, s.lobbyStatus())
	s.lobbyChanged(now)
	return p.id, nil
}

// returnToLobby gives a place in the lobby to a new socket: the page was loaded again.
func (s *state) returnToLobby(now time.Time, p *seat, j joinRequest) (media.ParticipantID, error) {
	if p.deviceKey != identityOf(j.announce) {
		p = s.replaceInLobby(now, p, j)
	}
	if p.approved && s.e2ee && s.holder(p.deviceKey) != nil {
		return 0, ErrIdentityTaken
	}
	if p.approved && s.present >= s.cfg.MaxParticipants {
		return 0, ErrMeetingFull
	}
	if p.sink != j.sink {
		s.bye(p, protocol.ByeReplaced)
	}
	p.sink, p.name, p.announce, p.lostAt = j.sink, j.name, j.announce, time.Time{}
	if p.approved {
		s.admit(now, p, j.token)
		return p.id, nil
	}
	s.tell(p, s.lobbyStatus())
	s.deliver(p)
	s.lobbyChanged(now)
	return p.id, nil
}

// replaceInLobby puts a new seat in the place of p. Other keys are another participant, who is not admitted yet, even
// if what a host signed for the earlier keys is under way.
func (s *state) replaceInLobby(now time.Time, p *seat, j joinRequest) *seat {
	q := s.newSeat(now, j)
	q.since = p.since
	s.waits(q, p)
	s.recordOf(ActionWaiting, q, "")
	s.leave(now, p, protocol.Left, protocol.ByeReplaced)
	return q
}

// admit lets a seat of the lobby in, or notes that it may come in when its socket is back.
func (s *state) admit(now time.Time, p *seat, token string) {
	if p.sink == nil {
		s.approve(p)
		s.lobbyChanged(now)
		return
	}
	s.waitsNoMore(p)
	s.lobbyChanged(now)
	s.enter(now, p, token, s.roleOf(p))
}

func (s *state) lobbyStatus() *protocol.Lobby {
	return &protocol.Lobby{Title: s.title.Reveal(), Waiting: s.index.undecided, HostsPresent: s.admitterPresent()}
}

// admitterPresent says whether a participant is there who may admit.
func (s *state) admitterPresent() bool {
	for _, p := range s.index.leaders {
		s.looked++
		if p.sink != nil {
			return true
		}
	}
	return false
}

func (s *state) waitingEntries() []protocol.WaitingEntry {
	out := make([]protocol.WaitingEntry, 0, min(s.index.undecided, maxWaitingSent))
	for p := range s.index.waiting.all() {
		if p.approved {
			continue
		}
		if len(out) == maxWaitingSent {
			break
		}
		out = append(out, protocol.WaitingEntry{
			Participant: p.id, Name: p.name.Reveal(), Email: p.identity.Address.Reveal(), Since: wireTime(p.since),
			Kind: p.identity.kind(), Announce: p.announce.Reveal(),
		})
	}
	return out
}

// named looks up people in the lobby by number; all must be there.
func (s *state) named(ids []media.ParticipantID, inLobby bool) ([]*seat, error) {
	out := make([]*seat, 0, len(ids))
	for _, id := range ids {
		p := s.seats[id]
		if p == nil || (p.role == noRole) != inLobby {
			return nil, ErrNoSuchParticipant
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}

// admitRequest is Admit. As many are let in as there are seats; if none can be, it is refused.
func (s *state) admitRequest(now time.Time, r *protocol.Admit, token func() string) error {
	if s.e2ee != (len(r.Admissions) > 0) {
		return ErrAdmissions
	}
	ids := slices.Clone(r.Participants)
	signed := make(map[media.ParticipantID]Blob, len(r.Admissions))
	for _, a := range r.Admissions {
		ids = append(ids, a.Participant)
		signed[a.Participant] = NewBlob(a.Admit)
	}
	list := slices.Collect(s.index.waiting.all())
	if s.e2ee || !r.All {
		var err error
		if list, err = s.named(ids, true); err != nil {
			return err
		}
	}
	if s.e2ee && s.anyHeld(list) {
		return ErrIdentityTaken
	}
	for i, p := range list {
		if s.present >= s.cfg.MaxParticipants {
			if i == 0 {
				return ErrMeetingFull
			}
			break
		}
		p.admit = signed[p.id]
		s.recordOn(ActionAdmitted, p, "")
		s.admit(now, p, token())
	}
	return nil
}

func (s *state) denyRequest(now time.Time, r *protocol.Deny) error {
	list, err := s.named(r.Participants, true)
	if err != nil {
		return err
	}
	for _, p := range list {
		s.recordOn(ActionDenied, p, "")
		s.leave(now, p, protocol.LeftRemoved, protocol.ByeDenied)
	}
	return nil
}
