package meeting

import (
	"time"

	"conclave/media"
	"conclave/protocol"
)

// request does what a participant asks. token makes fresh resume tokens. sink is the socket it came by: one that is no
// longer the seat's has no say.
func (s *state) request(
	now time.Time, id media.ParticipantID, sink Sink, m protocol.ClientMessage, token func() string,
) error {
	p, spec := s.seats[id], protocol.SpecOf(m)
	if s.ended || p == nil || p.sink != sink {
		return ErrNotJoined
	}
	if p.role == noRole && spec.From == protocol.InMeeting {
		return ErrNotJoined
	}
	if p.role != noRole && spec.Needs != "" && !p.may(spec.Needs) {
		return ErrNotPermitted
	}
	if !s.recordable(p, m) {
		return ErrAuditUnavailable
	}
	s.by = p
	defer func() { s.by = nil }()
	if !protocol.IsAutomatic(m) {
		p.active, p.asked = now, time.Time{}
	}
	return s.carryOut(now, p, m, token)
}

// carryOut does what a participant asks who may ask it.
func (s *state) carryOut(now time.Time, p *seat, m protocol.ClientMessage, token func() string) error {
	switch m := m.(type) {
	case *protocol.Media:
		return s.mediaRequest(now, p, m)
	case *protocol.View:
		return s.view(p, m)
	case *protocol.Chat:
		return s.chat(now, p, m)
	case *protocol.App:
		return s.app(now, p, m)
	case *protocol.React:
		return s.react(now, p, m)
	case *protocol.Hand:
		return s.setHand(now, p, m)
	case *protocol.Relay:
		return s.relay(now, p, m)
	case *protocol.Broadcast:
		return s.broadcast(now, p, m)
	case *protocol.Admit:
		return s.admitRequest(now, m, token)
	case *protocol.Deny:
		return s.denyRequest(now, m)
	case *protocol.Mute:
		return s.mute(now, p, m)
	case *protocol.AskUnmute:
		return s.askUnmute(p, m)
	case *protocol.Remove:
		return s.remove(now, p, m)
	case *protocol.SetRole:
		return s.roleRequest(now, p, m)
	case *protocol.Spotlight:
		return s.spotlightRequest(p, m)
	case *protocol.Timer:
		return s.setTimer(now, p, m)
	case *protocol.SetPolicy:
		return s.setPolicy(m)
	case *protocol.StreamKey:
		return s.makeStreamKey(m, token())
	case *protocol.RevokeStreamKey:
		return s.revokeStreamKey(now, m.Number)
	case *protocol.OpenBreakouts:
		return s.openBreakouts(p)
	case *protocol.CloseBreakouts:
		s.do(effect{kind: closeBreakouts})
	case *protocol.End:
		s.end(protocol.ByeEnded)
	case *protocol.Active:
	case *protocol.FoundGroup, *protocol.KeyPackage, *protocol.Commit, *protocol.Propose, *protocol.LogGet,
		*protocol.Stuck:
		return s.groupRequest(now, p, m)
	default:
		return ErrInternal // a message that meetings do not handle
	}
	return nil
}

func (s *state) mediaRequest(now time.Time, p *seat, m *protocol.Media) error {
	sources := media.Sources(m.Sources...)
	if sources&^sourcesOf(p.role) != 0 {
		return ErrNotPermitted
	}
	if sources&^p.declared != 0 && !s.mayTellAll(now, p, p.entrySize()) { // to switch off is free
		return ErrTooMuch
	}
	s.declare(now, p, sources)
	return nil
}

// declare changes what a seat publishes: the media server first, then the others.
func (s *state) declare(now time.Time, p *seat, sources media.SourceSet) {
	if p.declared == sources {
		return
	}
	s.recordShare(p, p.declared, sources)
	s.seen(now, p) // until now
	p.declared = sources
	s.publishes(p, sources)
	s.do(effect{kind: setLive, seat: p.id, live: p.live()})
	s.changed(now, p.id, changed)
}

func (s *state) view(p *seat, m *protocol.View) error {
	if !p.negotiated {
		return ErrNoMedia
	}
	s.do(effect{kind: setView, seat: p.id, wants: m.Wants})
	return nil
}

// answered notes that an offer was answered on the seat's media peer.
func (s *state) answered(id media.ParticipantID, sink Sink) error {
	p := s.seats[id]
	if s.ended || p == nil || p.sink != sink || p.role == noRole {
		return ErrNotJoined
	}
	p.negotiated, p.failedAt, p.refused, p.trouble = true, time.Time{}, nil, nil
	s.restage = true
	return nil
}

func (s *state) chat(now time.Time, p *seat, m *protocol.Chat) error {
	if s.e2ee {
		return ErrE2EERequired
	}
	e := &protocol.ChatEvent{From: p.id, To: m.To, Text: m.Text, At: wireTime(now)}
	if err := s.pass(now, p, m.To, len(m.Text), e); err != nil {
		return err
	}
	if m.To != 0 && m.To != p.id {
		s.tell(p, e)
	}
	return nil
}

// pass tells what p says, of so many bytes, to all or to one.
func (s *state) pass(now time.Time, p *seat, to media.ParticipantID, bytes int, e protocol.ServerMessage) error {
	if to == 0 {
		if !s.mayTellAll(now, p, bytes) {
			return ErrTooMuch
		}
		s.tellAll(e)
		return nil
	}
	other := s.seats[to]
	if other == nil || other.role == noRole {
		return ErrNoSuchParticipant
	}
	s.tell(other, e)
	return nil
}

// app passes on what pages tell each other. Where the operator allows no chat it is refused: it could hold any text.
func (s *state) app(now time.Time, p *seat, m *protocol.App) error {
	if s.e2ee {
		return ErrE2EERequired
	}
	if !s.chats() {
		return ErrNotPermitted
	}
	return s.pass(now, p, m.To, len(m.Text), &protocol.AppEvent{From: p.id, To: m.To, Text: m.Text})
}

func (s *state) react(now time.Time, p *seat, m *protocol.React) error {
	if s.e2ee {
		return ErrE2EERequired
	}
	if !s.mayTellAll(now, p, 0) {
		return ErrTooMuch
	}
	s.tellAll(&protocol.Reaction{From: p.id, Reaction: m.Reaction})
	return nil
}

func (s *state) setHand(now time.Time, p *seat, m *protocol.Hand) error {
	if m.All {
		return s.lowerAllHands(now, p)
	}
	if m.Participant != 0 && m.Participant != p.id {
		if m.Raised || !p.may(protocol.MayMute) {
			return ErrNotPermitted
		}
		other := s.seats[m.Participant]
		if other == nil || other.role == noRole {
			return ErrNoSuchParticipant
		}
		s.lowerHand(now, other)
		return nil
	}
	if !m.Raised {
		s.lowerHand(now, p)
		return nil
	}
	if p.hand == 0 && !s.mayTellAll(now, p, p.entrySize()) {
		return ErrTooMuch
	}
	s.raiseHand(now, p)
	return nil
}
