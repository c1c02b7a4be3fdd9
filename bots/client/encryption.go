package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"conclave/bots/measure"
	"conclave/e2ee/group"
	"conclave/protocol"
)

// ErrDowngrade is a server that says of a meeting whose link has a key that it is not encrypted.
var ErrDowngrade = errors.New("bots: the link is for an end-to-end encrypted meeting, but the server says it is not")

// relayBytes bounds the data of one relay message, so that with its frame it stays under the protocol's limit.
const relayBytes = protocol.MaxRelay / 2

// party is what a bot's session is in any meeting: a member's, or that of one outside.
type party interface {
	Announce() []byte
	Welcome(now time.Time, self uint32, admission []byte, seats []group.Seat)
	Roster(now time.Time, changed []group.Seat, left []uint32)
	Relay(now time.Time, from uint32, data []byte)
	Take() group.Output
	Tick(now time.Time)
	Next() time.Time
}

// encryption is a bot's end-to-end encryption (docs/e2ee.md): its session and where the keys go. The bot's goroutine
// owns it.
type encryption struct {
	party
	session *group.Session // nil outside the group
	self    protocol.Participant
	media   *connection   // nil until there is one; what was for it before is kept in early
	early   group.Output  // all but Messages and Notices
	timer   *time.Timer   // when the session is due
	unknown chan struct{} // holds one value: a frame came whose epoch is not known
	ready   bool          // the bot may send, and hears: it has got so far once
	state   uint64        // of the newest epoch that was sent under
	log     *measure.RekeyLog
}

// newEncryption makes the end-to-end encryption of a new seat, nil for a meeting without.
func newEncryption(cfg *Config) (*encryption, error) {
	if cfg.Root == nil {
		return nil, nil
	}
	identity, err := group.NewIdentity(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bots: %w", err)
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	s := &encryption{timer: timer, unknown: make(chan struct{}, 1), log: cfg.Rekeys}
	who := group.Config{
		Root: cfg.Root, Identity: identity, Room: cfg.Creator, Name: cfg.Name, Bot: true, Purpose: cfg.Purpose,
		Turns: cfg.Turns,
	}
	if cfg.Outside {
		s.party, err = group.NewOutsideSession(who)
	} else {
		s.session, err = group.NewSession(who)
		s.party = s.session
	}
	if err != nil {
		return nil, fmt.Errorf("bots: %w", err)
	}
	return s, nil
}

// due fires when the session has something to do; never without a session.
func (s *encryption) due() <-chan time.Time {
	if s == nil {
		return nil
	}
	return s.timer.C
}

// missing fires when the session should ask for what it has missed; never without a session.
func (s *encryption) missing() <-chan struct{} {
	if s == nil {
		return nil
	}
	return s.unknown
}

// member says whether the bot is, or is going to be, a member of the group.
func (s *encryption) member() bool { return s != nil && s.session != nil }

// awaited says whether the bot waits to come into the group.
func (s *encryption) awaited() bool { return s.member() && !s.ready }

// askLog has the session ask for what it has missed: a frame came whose epoch is not known.
func (s *encryption) askLog(now time.Time) {
	if s.session != nil {
		s.session.UnknownEpoch(now)
	}
}

// noEpoch takes note of a frame whose epoch is not known. It may be called by any goroutine.
func (s *encryption) noEpoch() {
	select {
	case s.unknown <- struct{}{}:
	default:
	}
}

// seats are roster entries as the session takes them. What is no base64url is as good as nothing.
func seats(list []protocol.RosterEntry) []group.Seat {
	out := make([]group.Seat, 0, len(list))
	for i := range list {
		e := &list[i]
		out = append(out, group.Seat{
			Participant: uint32(e.Participant), Announce: decoded(e.Announce), Connected: e.Connected,
			Bot: e.Kind == protocol.KindBot,
		})
	}
	return out
}

func decoded(text string) []byte {
	b, err := group.Decode(text)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// event gives the session what the server sent.
func (s *encryption) event(m protocol.ServerMessage, now time.Time) {
	switch m := m.(type) {
	case *protocol.Welcome:
		s.self = m.Participant
		s.Welcome(now, uint32(m.Participant), decoded(m.Admit), seats(m.Participants))
	case *protocol.Roster:
		left := make([]uint32, 0, len(m.Left))
		for i := range m.Left {
			left = append(left, uint32(m.Left[i].Participant))
		}
		s.Roster(now, slices.Concat(seats(m.Joined), seats(m.Changed)), left)
	case *protocol.Relays:
		for _, r := range m.Relays {
			s.Relay(now, uint32(r.From), decoded(r.Data))
		}
	default:
		if s.member() {
			s.groupEvent(m, now)
		}
	}
}

// groupEvent is one of the messages that are for members.
func (s *encryption) groupEvent(m protocol.ServerMessage, now time.Time) {
	switch m := m.(type) {
	case *protocol.BroadcastEvent:
		s.session.Broadcast(now, uint32(m.From), kinds[m.Kind], decoded(m.Data))
	case *protocol.Group:
		s.session.Group(now, group.State{
			ServerKey: decoded(m.ServerKey), GroupID: decoded(m.GroupID), Position: uint64(m.Position),
			Epoch: uint64(m.Epoch), Found: m.Found,
		})
	case *protocol.Log:
		list := make([]group.Entry, 0, len(m.Entries))
		for i := range m.Entries {
			e := &m.Entries[i]
			list = append(list, group.Entry{Position: uint64(e.Position), From: uint32(e.From), Data: decoded(e.Data)})
		}
		s.session.Log(now, list)
	case *protocol.KeyPackages:
		list := make([]group.Package, 0, len(m.Packages))
		for _, p := range m.Packages {
			list = append(list, group.Package{Participant: uint32(p.Participant), Data: decoded(p.Data)})
		}
		s.session.KeyPackages(now, m.Turn, list)
	case *protocol.Secrets:
		for _, j := range m.Joiners { // others' do not open
			if j.Participant == s.self {
				s.session.Secrets(now, group.Secrets{
					GroupInfo: decoded(m.GroupInfo), Data: decoded(j.Secrets), Leaf: uint32(j.Leaf), Position: uint64(m.Position),
				})
			}
		}
	case *protocol.StuckEvent:
		if hash := decoded(m.Hash); len(hash) == group.HashSize {
			s.session.Stuck(now, uint32(m.Participant), uint64(m.Epoch), [group.HashSize]byte(hash))
		}
	}
}

// explains says whether an error is one that the group expects: another commit was first, and the log says which
// counts; or the server no longer has what was asked for, and the session comes back.
func (s *encryption) explains(id protocol.ErrorID, now time.Time) bool {
	if !s.member() {
		return false
	}
	if id == protocol.ErrLogGone {
		s.session.Forgotten(now)
	}
	return id == protocol.ErrNotTaken || id == protocol.ErrLogGone
}

// kinds are the kinds of broadcasts.
var kinds = map[protocol.BroadcastKind]group.Kind{
	protocol.BroadcastChat: group.KindChat, protocol.BroadcastReaction: group.KindReaction,
	protocol.BroadcastApp: group.KindApp, protocol.BroadcastGroup: group.KindGroup,
}

var kindNames = map[group.Kind]protocol.BroadcastKind{
	group.KindChat: protocol.BroadcastChat, group.KindReaction: protocol.BroadcastReaction,
	group.KindApp: protocol.BroadcastApp, group.KindGroup: protocol.BroadcastGroup,
}

// tick has the session do what is due; after it come act and the next look at the time. What the server sent meanwhile
// comes first: it may say that another has done it.
func (b *Bot) tick() {
	if len(b.ws.messages) == 0 {
		b.encryption.Tick(time.Now())
	}
}

// act carries out what the session wants done.
func (b *Bot) act(ctx context.Context) error {
	s := b.encryption
	if s == nil {
		return nil
	}
	out := s.Take()
	s.apply(&out)
	if next := s.Next(); next.IsZero() {
		s.timer.Stop()
	} else {
		s.timer.Reset(max(0, time.Until(next)))
	}
	for i := range out.Notices {
		b.noted(&out.Notices[i])
	}
	var relays []*group.Relay
	for _, m := range out.Messages {
		if r, ok := m.(*group.Relay); ok {
			relays = append(relays, r)
			continue
		}
		if err := b.ws.send(ctx, b.message(m)); err != nil {
			return err
		}
	}
	return b.relay(ctx, relays)
}

// noted takes note of what a person would be shown.
func (b *Bot) noted(n *group.Notice) {
	switch n.Kind {
	case group.NoticeReady:
		b.encryption.ready = true
		b.times.Group = time.Now()
	case group.NoticeFalseGroup, group.NoticeForged, group.NoticeStuck, group.NoticeStopped, group.NoticeWaiting:
		b.failedRequest(troubles[n.Kind])
	default:
	}
}

// troubles are what a session complains of, as they stand among the errors of a bot.
var troubles = map[group.NoticeKind]protocol.ErrorID{
	group.NoticeFalseGroup: "e2ee_false_group", group.NoticeForged: "e2ee_forged", group.NoticeStuck: "e2ee_stuck",
	group.NoticeStopped: "e2ee_stopped", group.NoticeWaiting: "e2ee_waiting",
}

// message is a message of the session's in the form of the protocol.
func (b *Bot) message(m group.Message) protocol.ClientMessage {
	id := b.ws.id()
	switch m := m.(type) {
	case *group.Found:
		return &protocol.FoundGroup{ID: id, GroupID: group.Encode(m.GroupID), Leaf: int(m.Leaf)}
	case *group.KeyPackage:
		return &protocol.KeyPackage{ID: id, Data: group.Encode(m.Data)}
	case *group.Commit:
		c := &protocol.Commit{ID: id, Data: group.Encode(m.Data), GroupInfo: group.Encode(m.GroupInfo)}
		for _, a := range m.Added {
			c.Added = append(c.Added, protocol.Joiner{
				Participant: protocol.Participant(a.Participant), Leaf: int(a.Leaf), Secrets: group.Encode(a.Secrets),
			})
		}
		return c
	case *group.Propose:
		return &protocol.Propose{ID: id, Data: group.Encode(m.Data)}
	case *group.LogGet:
		return &protocol.LogGet{ID: id, From: int(m.From)} //nolint:gosec // a position that the server counted
	case *group.Stuck:
		return &protocol.Stuck{ID: id, Epoch: int(m.Epoch), Hash: group.Encode(m.Hash[:])} //nolint:gosec // likewise
	case *group.Broadcast:
		return &protocol.Broadcast{ID: id, Kind: kindNames[m.Kind], Data: group.Encode(m.Data)}
	default:
		panic(fmt.Sprintf("bots: %T is no message to the server", m)) // a bug of ours, never input
	}
}

// relay sends what is due to several people as few messages as may be.
func (b *Bot) relay(ctx context.Context, list []*group.Relay) error {
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
		data := group.Encode(r.Data)
		m.To = append(m.To, protocol.RelayOne{Participant: protocol.Participant(r.To), Data: data})
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
	early := s.early
	s.media, s.early = c, group.Output{}
	s.apply(&early)
}

// apply hands keys to the media path, or keeps them until there is one.
func (s *encryption) apply(out *group.Output) {
	if s.media == nil {
		e := &s.early // bounded: the session acts on what the server sends during one join
		e.Owners = append(e.Owners, out.Owners...)
		if out.Clear {
			e.Clear, e.Epochs, e.Outside, e.Heard = true, nil, nil, nil
		}
		e.Epochs = append(e.Epochs, out.Epochs...)
		e.Outside, e.Heard = append(e.Outside, out.Outside...), append(e.Heard, out.Heard...)
		if out.Sending != nil {
			e.Sending = out.Sending
		}
		return
	}
	if len(out.Owners)+len(out.Epochs)+len(out.Outside)+len(out.Heard) > 0 || out.Clear {
		s.media.receiver.SetKeys(out, time.Now())
	}
	if out.Sending == nil {
		return
	}
	epoch := out.Sending.Epoch
	if out.Sending.Outside {
		s.media.publisher.SetOutside(epoch, out.Sending.Number)
	} else {
		s.media.publisher.SetEpoch(epoch)
	}
	if epoch != nil {
		s.log.Switched(epoch.Removes && epoch.State > s.state && s.media.publishes())
		s.state = max(s.state, epoch.State)
	}
}
