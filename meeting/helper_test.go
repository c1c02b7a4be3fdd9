package meeting

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// start is when the tests' meetings begin.
var start = time.Date(2026, 11, 21, 20, 30, 0, 0, time.UTC)

// stage is a meeting in virtual time: effects are carried out on sinks that record and on a media server that keeps
// what it was told.
type stage struct {
	t         *testing.T
	now       time.Time
	cfg       Config
	s         *state
	tokens    int
	live      map[media.ParticipantID]media.SourceSet // of the peers that exist
	views     map[media.ParticipantID]int
	freshKeys bool     // each join has another announce
	order     []string // what was done to media and sinks, in order
	told      int      // messages made, whoever hears of them
	unchecked bool     // check is not called
}

// guestSink is one socket.
type guestSink struct {
	st     *stage
	name   string
	events []protocol.ServerMessage
	closed bool
}

func (g *guestSink) Deliver(d *Delivery) {
	if g.closed {
		g.st.t.Errorf("%s got %T after the bye", g.name, d.Message)
	}
	if _, bye := d.Message.(*protocol.Bye); bye {
		g.closed = true
	}
	g.events = append(g.events, d.Message)
	g.st.order = append(g.st.order, fmt.Sprintf("%s %T", g.name, d.Message))
}

// someone is a person with their socket and seat.
type someone struct {
	*guestSink
	identity Identity
	id       media.ParticipantID
	token    string
}

type setting func(*stage, *meta, *bool)

func withLobby(_ *stage, _ *meta, lobby *bool) { *lobby = true }
func withE2EE(_ *stage, m *meta, _ *bool)      { m.e2ee = true }
func withPassword(_ *stage, m *meta, _ *bool)  { m.hasPassword = true }
func withoutGuests(_ *stage, m *meta, _ *bool) { m.noGuests = true }
func withPolicy(p protocol.LeavePolicy) setting {
	return func(_ *stage, m *meta, _ *bool) { m.policy = p }
}
func withOptions(f func(*Config)) setting { return func(st *stage, _ *meta, _ *bool) { f(&st.cfg) } }

// newStage makes a meeting whose creator is "ana".
func newStage(t *testing.T, settings ...setting) *stage {
	t.Helper()
	st := &stage{
		t: t, now: start, cfg: DefaultConfig(), live: make(map[media.ParticipantID]media.SourceSet), views: make(map[media.ParticipantID]int),
	}
	m := meta{id: newID(), title: NewTitle("Weekly"), creator: who("ana").person(), created: start, groupKey: groupKey()}
	lobby := false
	for _, f := range settings {
		f(st, &m, &lobby)
	}
	m.expires = start.Add(st.cfg.MaxMeeting)
	m.creatorOnly = lobby
	st.s = newState(m, &st.cfg, lobby, start)
	return st
}

func who(name string) Identity {
	return Identity{Session: SessionKeyOf(name), Address: NewAddress(name + "@example.org")}
}

func (st *stage) token() string {
	st.tokens++
	return fmt.Sprintf("token-%d", st.tokens)
}

// settle does what the actor does after each step.
func (st *stage) settle() {
	st.s.flush(st.now)
	for _, e := range st.s.take() {
		switch e.kind {
		case sendOne:
			st.told++
			e.sink.Deliver(&Delivery{Message: e.event, roster: e.roster})
		case sendSome, sendAll, sendAdmitters, sendRemovers, sendLobby:
			st.told++
			d := &Delivery{Message: e.event}
			for sink := range st.s.audience(&e) {
				sink.Deliver(d)
			}
		case openPeer:
			st.live[e.seat] = 0
			st.order = append(st.order, fmt.Sprintf("open %d", e.seat))
		case closePeer:
			delete(st.live, e.seat)
			st.order = append(st.order, fmt.Sprintf("close %d", e.seat))
		case setLive:
			if _, ok := st.live[e.seat]; !ok {
				st.t.Errorf("media of seat %d, which has no peer", e.seat)
			}
			st.live[e.seat] = e.live
		case setView:
			st.views[e.seat]++
		case endMeeting:
			clear(st.live)
		}
	}
	if !st.unchecked {
		st.check()
	}
}

// check asserts what must hold at any time.
func (st *stage) check() {
	st.t.Helper()
	present, hosts := 0, 0
	for id, p := range st.s.seats {
		st.checkSealed(p)
		_, peer := st.live[id]
		if peer != (p.role != noRole) {
			st.t.Fatalf("seat %d with role %q has a media peer: %v", id, p.role, peer)
		}
		if p.role == noRole {
			continue
		}
		present++
		if p.role == protocol.RoleHost {
			hosts++
		}
		if st.live[id]&^sourcesOf(p.role) != 0 || st.live[id] != p.live() {
			st.t.Fatalf("seat %d with role %q forwards %b, declared %b", id, p.role, st.live[id], p.declared)
		}
	}
	if present != st.s.present || hosts != st.s.hosts || len(st.live) != present {
		st.t.Fatalf("counted %d present, %d hosts, %d peers; the state says %d, %d", present, hosts, len(st.live),
			st.s.present, st.s.hosts)
	}
	st.checkIndex()
	if p := st.s.seats[st.s.spotlight]; st.s.spotlight != 0 && (p == nil || p.role == noRole) {
		st.t.Fatalf("%d is in the spotlight, and not in the meeting", st.s.spotlight)
	}
}

// checkIndex asserts that the index holds what looking at all seats would find.
func (st *stage) checkIndex() {
	st.t.Helper()
	var want index
	s, persons := st.s, 0
	for id, p := range s.seats {
		if s.index.persons[p.identity.person()][id] != p {
			st.t.Fatalf("seat %d is not found by its person", id)
		}
		if p.due.IsZero() != (p.duePlace >= len(s.index.due) || s.index.due[p.duePlace] != p) {
			st.t.Fatalf("seat %d is due at %v", id, p.due)
		}
		if p.role == noRole && !p.approved {
			want.undecided++
		}
		if p.role == noRole {
			continue
		}
		if p.may(protocol.MayAdmit) {
			want.leaders.put(p)
		}
		if p.identity.stream() {
			want.streams.put(p)
		}
		if p.bars > 0 {
			want.measured.put(p)
		}
		for _, source := range p.live().List() {
			want.publishers[source].put(p)
		}
		if now := s.entry(p); p.told != nil && !reflect.DeepEqual(p.told.entry, now) {
			st.t.Fatalf("newcomers are told %+v, which is %+v", p.told.entry, now)
		}
		if s.e2ee && s.index.devices[p.deviceKey] != p {
			st.t.Fatalf("seat %d is not found by its key", id)
		}
	}
	for _, theirs := range s.index.persons {
		persons += len(theirs)
	}
	same := persons == len(s.seats) && want.undecided == s.index.undecided && maps.Equal(want.leaders, s.index.leaders) &&
		maps.Equal(want.streams, s.index.streams) && maps.Equal(want.measured, s.index.measured) &&
		(!s.e2ee || len(s.index.devices) == s.present)
	for source, some := range want.publishers {
		same = same && maps.Equal(some, s.index.publishers[source])
	}
	if !same {
		st.t.Fatalf("the index is %+v, and looking at all finds %+v", s.index, want)
	}
	if in, out := st.line(&s.index.inside), st.line(&s.index.waiting); in != s.present || in+out != len(s.seats) {
		st.t.Fatalf("%d are inside, %d wait", in, out)
	}
	for i, id := range s.hands {
		if s.seats[id].hand != i+1 {
			st.t.Fatalf("seat %d has place %d of the hands", id, s.seats[id].hand)
		}
	}
}

// line checks the links of a line and returns how many are in it.
func (st *stage) line(l *line) (n int) {
	st.t.Helper()
	var before *seat
	for p := range l.all() {
		if p.links.before != before || st.s.seats[p.id] != p || (p.role != noRole) != (l == &st.s.index.inside) {
			st.t.Fatalf("seat %d does not belong there", p.id)
		}
		if n++; p.role != noRole && before != nil && p.entered < before.entered {
			st.t.Fatalf("seat %d entered before the one before it", p.id)
		}
		before = p
	}
	if l.last != before || l.len != n {
		st.t.Fatalf("%d in a line of %d", n, l.len)
	}
	return n
}

// checkSealed asserts that a seat is of its meeting's sort, and that what is kept for it is bounded.
func (st *stage) checkSealed(p *seat) {
	st.t.Helper()
	if st.s.e2ee != (p.announce != Blob{}) || st.s.e2ee && p.name != (DisplayName{}) {
		st.t.Fatalf("seat %d has an announce: %v, a name: %v", p.id, p.announce != Blob{}, p.name != DisplayName{})
	}
	if !st.s.e2ee && (p.admit != Blob{} || len(p.kept) > 0) {
		st.t.Fatalf("seat %d of a plain meeting holds what belongs to encrypted ones", p.id)
	}
	size := 0
	for _, r := range p.kept {
		size += len(r.Data) + keptOverhead
	}
	if size != p.keptBytes || size > maxKept {
		st.t.Fatalf("%d bytes are kept for seat %d, counted as %d", size, p.id, p.keptBytes)
	}
}

// announceOf is an announce with an identity key of its own for each name.
func announceOf(name string) Blob {
	key := sha256.Sum256([]byte(name))
	return NewBlob(base64.RawURLEncoding.EncodeToString(append(key[:], "sealed-"+name...)))
}

func (st *stage) sink(name string) *guestSink { return &guestSink{st: st, name: name} }

// tryJoin joins as name and returns the error.
func (st *stage) tryJoin(name string, more ...func(*joinRequest)) (*someone, error) {
	st.t.Helper()
	p := &someone{guestSink: st.sink(name), identity: who(name)}
	j := joinRequest{identity: p.identity, sink: p.guestSink, token: st.token()}
	if st.s.e2ee {
		j.announce = announceOf(name)
		if st.freshKeys {
			j.announce = announceOf(fmt.Sprint(name, st.tokens))
		}
	} else {
		j.name = NewDisplayName(name)
	}
	for _, f := range more {
		f(&j)
	}
	p.identity = j.identity
	id, err := st.s.join(st.now, j)
	p.id = id
	st.settle()
	p.learn()
	return p, err
}

// learn remembers the latest resume token.
func (p *someone) learn() {
	for _, e := range p.events {
		if w, ok := e.(*protocol.Welcome); ok {
			p.token, p.id = w.Resume, w.Participant
		}
	}
}

func (st *stage) join(name string, more ...func(*joinRequest)) *someone {
	st.t.Helper()
	p, err := st.tryJoin(name, more...)
	if err != nil {
		st.t.Fatalf("%s cannot join: %v", name, err)
	}
	return p
}

// negotiated stands for an offer that the media server answered.
type negotiated struct{}

func (negotiated) Request() protocol.RequestID { return 0 }

// on says which switches are on.
func on(sources ...media.Source) *protocol.Media { return &protocol.Media{Sources: sources} }

func (st *stage) do(p *someone, m protocol.ClientMessage) (err error) {
	st.t.Helper()
	switch m := m.(type) {
	case negotiated:
		err = st.s.answered(p.id, p.guestSink)
	case *protocol.Leave:
		if seat := st.s.seats[p.id]; seat == nil {
			err = ErrNotJoined
		} else {
			st.s.leaveRequest(st.now, seat, m, protocol.ByeLeft)
		}
	default:
		err = st.s.request(st.now, p.id, p.guestSink, m, st.token)
	}
	st.settle()
	return err
}

func (st *stage) must(p *someone, m protocol.ClientMessage) {
	st.t.Helper()
	if err := st.do(p, m); err != nil {
		st.t.Fatalf("%T: %v", m, err)
	}
}

func (st *stage) refused(p *someone, m protocol.ClientMessage, want Refusal) {
	st.t.Helper()
	if err := st.do(p, m); err != want {
		st.t.Fatalf("%T: got %v, want %v", m, err, want)
	}
}

func (st *stage) lose(p *someone) {
	st.s.lost(st.now, p.id, p.guestSink)
	st.settle()
}

// advance lets time pass, with a tick at each deadline.
func (st *stage) advance(d time.Duration) {
	st.t.Helper()
	end := st.now.Add(d)
	for range 100_000 {
		at := st.s.deadline()
		if at.IsZero() || at.After(end) {
			st.now = end
			return
		}
		if at.After(st.now) {
			st.now = at
		}
		st.s.tick(st.now)
		st.settle()
	}
	st.t.Fatal("the deadlines never end")
}

// settleRoster waits until the next batch has gone out.
func (st *stage) settleRoster() { st.advance(rosterInterval) }

// last returns the latest event of type E that p got.
func last[E protocol.ServerMessage](p *someone) (e E, ok bool) {
	for i := len(p.events) - 1; i >= 0; i-- {
		if e, ok := p.events[i].(E); ok {
			return e, true
		}
	}
	return e, false
}

func count[E protocol.ServerMessage](p *someone) (n int) {
	for _, e := range p.events {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

func (st *stage) wantBye(p *someone, want protocol.ByeReason) {
	st.t.Helper()
	if e, ok := last[*protocol.Bye](p); !ok || e.Reason != want {
		st.t.Fatalf("%s: bye %v %v, want %v", p.name, e.Reason, ok, want)
	}
}

func (st *stage) wantRole(p *someone, want protocol.Role) {
	st.t.Helper()
	if seat := st.s.seats[p.id]; seat == nil || seat.role != want {
		st.t.Fatalf("%s has seat %v, want role %v", p.name, seat, want)
	}
}

func (st *stage) wantGone(p *someone) {
	st.t.Helper()
	if st.s.seats[p.id] != nil {
		st.t.Fatalf("%s is still here", p.name)
	}
}

func ptr[T any](v T) *T { return &v }
