package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"conclave/bots/measure"
	"conclave/e2ee"
	"conclave/protocol"
)

// ErrDowngrade is a server that says of a meeting whose link has a key that it is not encrypted.
var ErrDowngrade = errors.New("bots: the link is for an end-to-end encrypted meeting, but the server says it is not")

// relayBytes bounds the data of one relay message, so that with its frame it stays under the protocol's limit.
const relayBytes = protocol.MaxRelay / 2

// encryption is a bot's end-to-end encryption (docs/e2ee.md): its session of e2ee and where the keys go.
// The bot's goroutine owns it.
type encryption struct {
	session *e2ee.Session
	media   *connection // nil until there is one; keys of before are kept in early
	early   []e2ee.Output
	timer   *time.Timer // when the session is due
	log     *measure.RekeyLog
}

// newEncryption makes the end-to-end encryption of a new seat, nil for a meeting without.
func newEncryption(cfg *Config) (*encryption, error) {
	if cfg.Root == nil {
		return nil, nil
	}
	identity := cfg.Creator
	if identity == nil {
		var err error
		if identity, err = e2ee.NewIdentity(rand.Reader); err != nil {
			return nil, fmt.Errorf("bots: %w", err)
		}
	}
	session, err := e2ee.NewSession(e2ee.Config{
		Root: cfg.Root, Identity: identity, Name: cfg.Name, Bot: true, Purpose: cfg.Purpose,
	})
	if err != nil {
		return nil, fmt.Errorf("bots: %w", err)
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &encryption{session: session, timer: timer, log: cfg.Rekeys}, nil
}

// due fires when the session has something to do; never without a session.
func (s *encryption) due() <-chan time.Time {
	if s == nil {
		return nil
	}
	return s.timer.C
}

// member is a roster entry as the session takes it. What is no base64url is as good as nothing.
func member(e *protocol.RosterEntry) e2ee.Member {
	return e2ee.Member{
		Participant: uint32(e.Participant), Announce: decoded(e.Announce), Admit: decoded(e.Admit), Grant: decoded(e.Grant),
		Bot: e.Kind == protocol.KindBot, Connected: e.Connected,
	}
}

func members(list []protocol.RosterEntry) []e2ee.Member {
	out := make([]e2ee.Member, 0, len(list))
	for i := range list {
		out = append(out, member(&list[i]))
	}
	return out
}

func decoded(text string) []byte {
	b, err := e2ee.Decode(text)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// event gives the session what the server sent.
func (s *encryption) event(m protocol.ServerMessage, now time.Time) {
	switch m := m.(type) {
	case *protocol.Lobby:
		hosts := make([]e2ee.Member, 0, len(m.Hosts))
		for _, h := range m.Hosts {
			hosts = append(hosts, e2ee.Member{
				Participant: uint32(h.Participant), Announce: decoded(h.Announce), Admit: decoded(h.Admit),
			})
		}
		s.session.Lobby(now, hosts)
	case *protocol.Welcome:
		self := e2ee.Member{Participant: uint32(m.Participant), Admit: decoded(m.Admit), Grant: decoded(m.Grant)}
		s.session.Welcome(now, self, members(m.Participants))
		s.lobby(m.Waiting, now)
	case *protocol.Waiting:
		s.lobby(m.Waiting, now)
	case *protocol.Roster:
		left := make([]uint32, 0, len(m.Left))
		for i := range m.Left {
			left = append(left, uint32(m.Left[i].Participant))
		}
		s.session.Roster(now, slices.Concat(members(m.Joined), members(m.Changed)), left)
	case *protocol.Relays:
		for _, r := range m.Relays {
			s.session.Relay(now, uint32(r.From), decoded(r.Data))
		}
	case *protocol.BroadcastEvent:
		kind := e2ee.KindChat
		switch m.Kind {
		case protocol.BroadcastReaction:
			kind = e2ee.KindReaction
		case protocol.BroadcastApp:
			kind = e2ee.KindApp
		}
		s.session.Broadcast(now, uint32(m.From), kind, decoded(m.Data))
	}
}

// lobby gives the session who waits, as those who may admit see it.
func (s *encryption) lobby(waiting []protocol.WaitingEntry, now time.Time) {
	list := make([]e2ee.Member, 0, len(waiting))
	for i := range waiting {
		w := &waiting[i]
		list = append(list, e2ee.Member{
			Participant: uint32(w.Participant), Announce: decoded(w.Announce), Bot: w.Kind == protocol.KindBot, Connected: true,
		})
	}
	s.session.Waiting(now, list)
}

// act carries out what the session wants done.
func (b *Bot) act(ctx context.Context) error {
	s := b.encryption
	if s == nil {
		return nil
	}
	out := s.session.Take()
	if s.media == nil {
		s.early = append(s.early, out) // bounded: the session acts on what the server sends during one join
	} else {
		s.apply(&out)
	}
	if next := s.session.Next(); next.IsZero() {
		s.timer.Stop()
	} else {
		s.timer.Reset(max(0, time.Until(next)))
	}
	if err := b.relay(ctx, out.Relays); err != nil {
		return err
	}
	for _, g := range out.Broadcasts {
		kind := protocol.BroadcastChat
		if g.Kind == e2ee.KindReaction {
			kind = protocol.BroadcastReaction
		}
		if err := b.ws.send(ctx, &protocol.Broadcast{ID: b.ws.id(), Kind: kind, Data: e2ee.Encode(g.Data)}); err != nil {
			return err
		}
	}
	return nil
}

// relay sends what is due to several people as few messages as may be.
func (b *Bot) relay(ctx context.Context, list []e2ee.Relay) error {
	m, size := &protocol.Relay{}, 0
	flush := func() error {
		if len(m.To) == 0 {
			return nil
		}
		m.ID = b.ws.id()
		err := b.ws.send(ctx, m)
		m, size = &protocol.Relay{}, 0
		return err
	}
	for _, r := range list {
		data := e2ee.Encode(r.Data)
		m.To = append(m.To, protocol.RelayOne{Participant: protocol.Participant(r.Participant), Data: data})
		if size += len(data) + 48; len(m.To) == protocol.MaxRelayTo || size > relayBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// connect says where keys go from now on.
func (s *encryption) connect(c *connection) {
	s.media = c
	for i := range s.early {
		s.apply(&s.early[i])
	}
	s.early = nil
}

// apply hands keys to the media path.
func (s *encryption) apply(out *e2ee.Output) {
	s.media.receiver.SetKeys(out.Forget, out.Receive)
	if out.Send != nil {
		s.media.publisher.SetKey(*out.Send)
		s.log.Switched(out.Send.Step == 0 && out.Send.Generation > 0)
	}
}
