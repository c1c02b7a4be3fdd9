package meeting

import (
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"conclave/media"
	"conclave/meeting/grouplog"
	"conclave/protocol"
)

// The group of an end-to-end encrypted meeting: its log, which grouplog decides about, as the meeting's participants
// use it. docs/e2ee.md, section 5.

// groupKey is the key by which the server signs removals in one meeting.
func groupKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("meeting: no random numbers") // it cannot fail: crypto/rand ends the process instead
	}
	return key
}

// logSent is about how many bytes of entries answer one LogGet.
const logSent = 256 << 10

// identityOf is the identity key with which an announce begins. The edge has validated the announce.
func identityOf(announce Blob) (key grouplog.Identity) {
	const enough = 44 // characters, of 33 bytes
	text := announce.Reveal()
	b, _ := base64.RawURLEncoding.DecodeString(text[:min(len(text), enough)])
	copy(key[:], b)
	return key
}

// enterGroup notes that a seat has come into the meeting.
func (s *state) enterGroup(now time.Time, p *seat) {
	if s.group != nil {
		s.group.Enter(now, grouplog.Newcomer{
			Seat: p.id, Key: p.deviceKey, Bot: p.identity.Bot,
			Creator: p.identity.person() == s.creator && (!p.identity.Bot || p.role == protocol.RoleHost),
		})
	}
}

// tellGroup tells a client how the log stands, after its welcome.
func (s *state) tellGroup(p *seat) {
	if s.group != nil {
		s.tell(p, s.group.Stands(p.id))
	}
}

// connectedGroup notes whether a seat has a socket.
func (s *state) connectedGroup(now time.Time, p *seat) {
	if s.group != nil {
		s.group.Connected(now, p.id, p.sink != nil)
	}
}

// leaveGroup notes that a seat has ended.
func (s *state) leaveGroup(now time.Time, p *seat) {
	if s.group != nil {
		s.group.Leave(now, p.id)
	}
}

// flushGroup does what is due in the group, and sends what there is to send.
func (s *state) flushGroup(now time.Time) {
	if s.group == nil {
		return
	}
	s.group.Tick(now)
	news := s.group.Take()
	if len(news.Entries) > 0 {
		s.tellAll(&protocol.Log{Entries: news.Entries})
	}
	for _, n := range news.Secrets {
		s.tellSome(s.seatsOf(n.To), n.Message)
	}
	for _, n := range news.Packages {
		if p := s.seats[n.To]; p != nil {
			s.tell(p, n.Message)
		}
	}
	for _, id := range news.Ask {
		if p := s.seats[id]; p != nil {
			s.tellGroup(p)
		}
	}
	s.wake(s.group.Deadline())
}

// seatsOf are the seats of participants, as far as they are there.
func (s *state) seatsOf(ids []protocol.Participant) []*seat {
	list := make([]*seat, 0, len(ids))
	for _, id := range ids {
		if p := s.seats[id]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

// groupRequest is what a participant asks of the group. Its bytes are charged first.
func (s *state) groupRequest(now time.Time, p *seat, m protocol.ClientMessage) error {
	if s.group == nil {
		return ErrNotPermitted
	}
	if !s.mayAskGroup(now, p, m) {
		return ErrTooMuch
	}
	switch m := m.(type) {
	case *protocol.FoundGroup:
		return notTaken(s.group.Found(now, p.id, m))
	case *protocol.KeyPackage:
		return notTaken(s.group.Package(now, p.id, m.Data))
	case *protocol.Commit:
		return notTaken(s.group.Commit(now, p.id, m))
	case *protocol.Propose:
		return notTaken(s.group.Propose(p.id, m.Data))
	case *protocol.Stuck:
		s.do(effect{kind: sendRemovers, event: &protocol.StuckEvent{Participant: p.id, Epoch: m.Epoch, Hash: m.Hash}})
		return nil
	case *protocol.LogGet:
		return s.getLog(now, p, m.From)
	default:
		return ErrInternal
	}
}

// getLog sends entries from a position on.
func (s *state) getLog(now time.Time, p *seat, from int) error {
	entries, err := s.group.Since(from, logSent)
	if err != nil {
		return notTaken(err)
	}
	if !p.voice.mayGet(now, entries) {
		return ErrTooMuch
	}
	s.tell(p, &protocol.Log{Entries: entries})
	return nil
}

// notTaken is what a client is told of an error of the log; nil for none.
func notTaken(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, grouplog.ErrGone):
		return ErrLogGone
	default:
		return Refusal{protocol.ErrNotTaken, "Not taken: " + err.Error() + "."}
	}
}

// sameDevice is the seat whose place a join takes: the one that the same person has with the same identity key. If that
// one has a socket the client must have said so. Who waits in the lobby holds no key: anybody may wait there under
// anybody's.
func (s *state) sameDevice(j joinRequest) (before *seat, err error) {
	if !s.e2ee {
		return nil, nil //nolint:nilnil // none is no error
	}
	before = s.holder(identityOf(j.announce))
	switch {
	case before == nil:
	case before.identity.person() != j.identity.person():
		return nil, ErrIdentityTaken
	case before.sink != nil && !j.takesOver:
		return nil, ErrIdentityPresent
	}
	return before, nil
}

// holder is the seat in the meeting that has an identity key, nil if none has.
func (s *state) holder(key grouplog.Identity) *seat {
	return s.index.devices[key]
}

// anyHeld says whether some of those who wait cannot come in, because of their identity key: another in the meeting has
// it, or another of them.
func (s *state) anyHeld(list []*seat) bool {
	keys := make(map[grouplog.Identity]bool, len(list))
	for _, p := range list {
		if keys[p.deviceKey] || s.holder(p.deviceKey) != nil {
			return true
		}
		keys[p.deviceKey] = true
	}
	return false
}

// takeOver gives a join the place of an earlier seat: its role and its admission, for the key is the same.
// The new one comes before the old one goes, so that a meeting is not left by its last host.
func (s *state) takeOver(now time.Time, j joinRequest, before *seat) (media.ParticipantID, error) {
	if !s.canRecord() {
		return 0, ErrAuditUnavailable
	}
	p := s.newSeat(now, j)
	p.admit = cmp.Or(j.admit, before.admit)
	s.enter(now, p, j.token, before.role)
	s.leave(now, before, protocol.LeftReplaced, protocol.ByeReplaced)
	return p.id, nil
}
