package meeting

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// change is what happened to a participant since the last roster event.
type change uint8

const (
	changed change = iota
	joined
)

// batch gathers what the next Roster event will tell.
type batch struct {
	entries map[media.ParticipantID]change // at most one a seat
	left    []protocol.LeftEntry           // bounded by the joins that rate limits let through in one interval
	due     time.Time                      // zero: nothing gathered
	sent    time.Time
	rest    time.Duration // from sent to the next
}

// restAfter is how long after a batch of so many entries the next may follow: the longer, the more was told to all. So
// hands that go up and down, which move all those behind them, are no flood to anybody.
func (s *state) restAfter(entries int) time.Duration {
	return rosterInterval * time.Duration(min(1+entries*s.present/toldPerInterval, maxRest))
}

// schedule has the batch sent at once if the last one is long enough ago, else when it is.
func (s *state) schedule(now time.Time) {
	s.restage = true
	if !s.batch.due.IsZero() || s.ended {
		return
	}
	s.batch.due = now
	if at := s.batch.sent.Add(s.batch.rest); at.After(now) {
		s.batch.due = at
	}
	s.wake(s.batch.due)
}

// changed has the others told how a seat is. It follows each change of what its entry holds.
func (s *state) changed(now time.Time, id media.ParticipantID, what change) {
	if p := s.seats[id]; p != nil {
		p.told = nil
	}
	if s.batch.entries == nil {
		s.batch.entries = make(map[media.ParticipantID]change)
	}
	if s.batch.entries[id] != joined {
		s.batch.entries[id] = what
	}
	s.schedule(now)
}

func (s *state) left(now time.Time, id media.ParticipantID, why protocol.LeftReason) {
	delete(s.batch.entries, id)
	s.batch.left = append(s.batch.left, protocol.LeftEntry{Participant: id, Reason: why})
	s.schedule(now)
}

// lobbyNews is when the lobby is told of next.
type lobbyNews struct {
	due  time.Time // zero: nothing has changed
	sent time.Time
}

// lobbyChanged has those who may admit and those who wait told how the lobby stands: the less often, the more there
// is to tell each, so that no crowd in the lobby is a flood to anybody.
func (s *state) lobbyChanged(now time.Time) {
	if !s.lobbyNews.due.IsZero() || s.ended {
		return
	}
	s.lobbyNews.due = now
	if at := s.lobbyNews.sent.Add(rosterInterval * time.Duration(1+s.index.waiting.len/lobbyPerInterval)); at.After(now) {
		s.lobbyNews.due = at
	}
	s.wake(s.lobbyNews.due)
}

func (s *state) flushLobby(now time.Time) {
	if s.lobbyNews.due.IsZero() || s.lobbyNews.due.After(now) {
		return
	}
	s.lobbyNews = lobbyNews{sent: now}
	s.tellLobby()
}

// flush sends what is due. It is the last thing that any change of the state does, so that a Welcome goes
// before the Roster that tells of it.
func (s *state) flush(now time.Time) {
	if s.ended {
		return
	}
	s.direct()
	s.flushGroup(now)
	s.flushRoster(now)
	s.flushLobby(now)
	s.flushQuality(now)
	s.deliverMail(now)
}

func (s *state) flushRoster(now time.Time) {
	if s.batch.due.IsZero() || s.batch.due.After(now) {
		return
	}
	b := s.batch
	s.batch = batch{sent: now, rest: s.restAfter(len(b.entries) + len(b.left))}
	ids := slices.Sorted(maps.Keys(b.entries))
	r := &protocol.Roster{Left: b.left}
	for _, id := range ids {
		entry := s.entry(s.seats[id])
		if b.entries[id] == joined {
			r.Joined = append(r.Joined, entry)
		} else {
			r.Changed = append(r.Changed, entry)
		}
	}
	s.tellAll(r)
}

func (s *state) tellLobby() {
	s.do(effect{kind: sendAdmitters, event: &protocol.Waiting{Waiting: s.waitingEntries()}})
	if s.index.waiting.len > 0 {
		s.do(effect{kind: sendLobby, event: s.lobbyStatus()})
	}
}

func (s *state) entry(p *seat) protocol.RosterEntry {
	return protocol.RosterEntry{
		Participant: p.id, Name: p.name.Reveal(), Role: p.role, Sources: p.live().List(), Hand: p.hand,
		Connected: p.sink != nil, Kind: p.identity.kind(), Announce: p.announce.Reveal(), Admit: p.admit.Reveal(),
	}
}

// told is the entry of a seat as newcomers are told it. It is revealed, as an event is; a seat holds a pointer to it,
// which prints nothing.
type told struct {
	entry   protocol.RosterEntry
	encoded []byte
}

// others is the roster without one, as it is and encoded. Only what has changed since the last time is encoded.
func (s *state) others(but *seat) (entries []protocol.RosterEntry, encoded [][]byte) {
	seats := make([]*seat, 0, s.present)
	for p := range s.index.inside.all() {
		if p != but {
			seats = append(seats, p)
		}
	}
	slices.SortFunc(seats, func(a, b *seat) int { return cmp.Compare(a.id, b.id) })
	entries, encoded = make([]protocol.RosterEntry, len(seats)), make([][]byte, len(seats))
	for i, p := range seats {
		if p.told == nil {
			s.encoded++
			p.told = newTold(s.entry(p))
		}
		entries[i], encoded[i] = p.told.entry, p.told.encoded
	}
	return entries, encoded
}

func newTold(e protocol.RosterEntry) *told {
	encoded, err := protocol.EncodeEntry(&e)
	if err != nil {
		panic("meeting: an entry of the roster cannot be encoded")
	}
	return &told{entry: e, encoded: encoded}
}

func (s *state) raiseHand(now time.Time, p *seat) {
	if p.hand == 0 {
		s.hands = append(s.hands, p.id)
		p.hand = len(s.hands)
		s.changed(now, p.id, changed)
	}
}

// lowerAllHands empties the order, at the wish of p. It costs O(raised hands).
func (s *state) lowerAllHands(now time.Time, p *seat) error {
	if !p.may(protocol.MayMute) {
		return ErrNotPermitted
	}
	for _, id := range s.hands {
		s.seats[id].hand = 0
		s.changed(now, id, changed)
	}
	s.hands = nil
	return nil
}

// lowerHand takes a hand out of the order; those behind move up, which the others are told of each.
func (s *state) lowerHand(now time.Time, p *seat) {
	place := p.hand
	if place == 0 {
		return
	}
	p.hand = 0
	for _, id := range s.hands[place:] {
		s.seats[id].hand--
		s.changed(now, id, changed)
	}
	s.hands = slices.Delete(s.hands, place-1, place)
	if s.seats[p.id] != nil {
		s.changed(now, p.id, changed)
	}
}
