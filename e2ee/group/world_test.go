package group

import (
	"bytes"
	"container/heap"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// world is a meeting in virtual time: people with sessions, and a server that follows section 5 of docs/e2ee.md unless
// a test says otherwise.
type world struct {
	t        testing.TB
	start    time.Time
	now      time.Time
	queue    eventQueue
	seq      int
	random   *rand.ChaCha8
	link     Link
	root     *Root
	people   map[string]*person
	order    []string // of their coming into the world
	server   *server
	filters  []*filter
	recorded map[int][]*wire
	frame    time.Duration     // between frames of a track
	frames   int               // sealed so far
	renamed  map[string]uint32 // whose frames come under which other number
	trace    func(format string, args ...any)
	onWire   func(m *wire)
	outside  func(from *serverSeat, m *Relay) // of one outside the group
	onFrame  func(from *person, sealed []byte, at time.Time)
}

const hop = 20 * time.Millisecond

type event struct {
	at  time.Time
	seq int
	do  func()
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].seq < q[j].seq
	}
	return q[i].at.Before(q[j].at)
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *eventQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

func newWorld(t testing.TB, lobby bool, creator string) *world {
	t.Helper()
	start := testStart
	w := &world{
		t: t, start: start, now: start, random: rand.NewChaCha8([32]byte{1}), people: map[string]*person{},
		recorded: map[int][]*wire{}, frame: 20 * time.Millisecond,
	}
	first := w.person(creator)
	link, err := NewLink(w.random, first.identity.Public(), lobby)
	if err != nil {
		t.Fatal(err)
	}
	w.link = link
	if w.root, err = link.Root("k7qm-2f9x-w3dj-8hrt", ""); err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(w.random)
	if err != nil {
		t.Fatal(err)
	}
	w.server = &server{
		w: w, key: private, seats: map[uint32]*serverSeat{}, gone: map[uint32]*serverSeat{}, serverLog: &serverLog{},
	}
	w.server.candidates = map[uint64][]*candidate{}
	return w
}

func (w *world) at(t time.Time, do func()) {
	w.seq++
	heap.Push(&w.queue, event{t, w.seq, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// run lets time pass until a moment since the start.
func (w *world) run(until time.Duration) {
	end := w.start.Add(until)
	for w.queue.Len() > 0 && !w.queue[0].at.After(end) {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
	}
	w.now = end
}

// pass lets time pass.
func (w *world) pass(d time.Duration) { w.run(w.now.Sub(w.start) + d) }

// client is a session as the server knows it: of this implementation or another.
type client interface {
	Announce() []byte
	Welcome(now time.Time, self uint32, admission []byte, seats []Seat)
	Roster(now time.Time, changed []Seat, left []uint32)
	Group(now time.Time, g State)
	Log(now time.Time, entries []Entry)
	KeyPackages(now time.Time, turn int, list []Package)
	Secrets(now time.Time, in Secrets)
	Stuck(now time.Time, from uint32, epoch uint64, hash [HashSize]byte)
	Relay(now time.Time, from uint32, data []byte)
	Broadcast(now time.Time, from uint32, kind Kind, data []byte)
	Lost(now time.Time)
	Forgotten(now time.Time)
	UnknownEpoch(now time.Time)
	Leave(now time.Time)
	Tick(now time.Time)
	Next() time.Time
	Take() Output
	Status() Status
	Admit(announce []byte, role Role) ([]byte, error)
}

// person has one device.
type person struct {
	w        *world
	name     string
	identity *Identity
	bot      bool
	link     *Root // nil: the world's
	session  *Session
	peer     *jsPeer // its sessions are in another language: session is nil
	outer    bool    // its sessions have no leaf: session is nil
	number   uint32
	seat     *serverSeat
	sealer   *sframe.Sealer
	opener   *sframe.Opener
	tracks   map[sframe.Track]bool
	ticking  bool
	sends    bool
	notices  []told
	opened   map[string]time.Time // by sender: when the newest frame that opened was sealed
	last     time.Time            // when a frame was last sealed
	seen     map[int]bool
	twice    bool
	held     []*frame
	outside  []OutsideKey
	epochs   []*sframe.Epoch // that the session was given
	all      []*sframe.Epoch // that any session of the person was given
	verified map[Key]bool
	old      []*KeyPackage
}

type told struct {
	at time.Time
	Notice
}

func (w *world) person(name string) *person {
	if p := w.people[name]; p != nil {
		return p
	}
	id, err := NewIdentity(w.random)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &person{
		w: w, name: name, identity: id, tracks: map[sframe.Track]bool{}, opened: map[string]time.Time{},
		seen: map[int]bool{}, verified: map[Key]bool{},
	}
	w.people[name] = p
	w.order = append(w.order, name)
	return p
}

func (p *person) key() Key { return p.identity.Key() }

// join makes a new seat.
func (p *person) join() {
	p.start()
	seat := p.seat
	p.w.after(hop, func() { p.w.server.join(seat) })
}

// start makes a session.
func (p *person) start() {
	if p.peer != nil {
		p.sealer, p.opener, p.sends, p.epochs, p.held = &sframe.Sealer{}, &sframe.Opener{}, false, nil, nil
		s := p.peer.session(p)
		p.seat = &serverSeat{p: p, announce: s.Announce(), connected: true, session: s}
		return
	}
	if p.outer {
		p.startOutside()
		return
	}
	root := p.w.root
	if p.link != nil {
		root = p.link
	}
	s, err := NewSession(Config{Root: root, Identity: p.identity, Name: p.name, Bot: p.bot, Random: p.w.random})
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.session, p.sealer, p.opener, p.sends = s, &sframe.Sealer{}, &sframe.Opener{}, false
	p.epochs, p.held = nil, nil
	p.seat = &serverSeat{p: p, announce: s.Announce(), connected: true, session: s}
}

// take carries out what a session wants done. seat is the seat of that session.
func (p *person) take(seat *serverSeat) {
	s := seat.session
	out := s.Take()
	if seat == p.seat {
		p.media(&out)
	}
	for _, n := range out.Notices {
		p.notices = append(p.notices, told{p.w.now, n})
	}
	for _, m := range out.Messages {
		if kp, is := m.(*KeyPackage); is {
			p.old = append(p.old, kp)
		}
		if seat.connected {
			p.w.after(hop, func() { p.w.server.message(seat, m) })
		}
	}
	if s.Status().Over && !seat.dead { // its client leaves
		seat.dead = true
		p.w.after(hop, func() { p.w.server.end(seat) })
	}
	p.schedule(seat)
}

func (p *person) media(out *Output) {
	for _, o := range out.Owners {
		if o.Gone {
			p.opener.ForgetOwner(o.Participant)
		} else {
			p.opener.SetOwner(o.Participant, o.Key)
		}
	}
	if out.Clear {
		p.opener.Clear()
	}
	p.outside = append(p.outside, out.Outside...)
	for _, e := range out.Epochs {
		p.opener.Add(e, p.w.now)
		p.epochs, p.all = append(p.epochs, e), append(p.all, e)
	}
	for _, k := range out.Outside {
		p.opener.AddOutside(k.Epoch, k.Number, k.Owner, k.Base)
	}
	for _, h := range out.Heard {
		for i := range h.Keys {
			p.opener.AddSingle(h.Epoch, h.Keys[i].KID, h.From, h.Keys[i].Key, p.w.now)
		}
	}
	if to := out.Sending; to != nil {
		p.sends = to.Epoch != nil
		switch {
		case to.Outside:
			p.sealer.UseOutside(to.Epoch, to.Number)
		case p.sends:
			p.sealer.Use(to.Epoch)
		default:
			p.sealer.Stop()
		}
	}
	if len(out.Epochs) > 0 {
		held := p.held
		p.held = nil
		for _, f := range held {
			if p.w.now.Sub(f.arrived) < 500*time.Millisecond {
				p.open(f)
			}
		}
	}
}

// schedule wakes a session when it is due.
func (p *person) schedule(seat *serverSeat) {
	next := seat.session.Next()
	if next.IsZero() || !seat.wake.IsZero() && !next.Before(seat.wake) && seat.wake.After(p.w.now) {
		return
	}
	if next.Before(p.w.now) {
		next = p.w.now
	}
	seat.wake = next
	p.w.at(next, func() {
		if seat.wake.Equal(next) && !seat.dead {
			seat.wake = time.Time{}
			seat.session.Tick(p.w.now)
			p.take(seat)
		}
	})
}

// does runs an act of the person.
func (p *person) does(do func(s *Session) error) error {
	err := do(p.session)
	p.take(p.seat)
	return err
}

// live starts or stops tracks.
func (p *person) live(tracks ...sframe.Track) {
	p.tracks = map[sframe.Track]bool{}
	for _, t := range tracks {
		p.tracks[t] = true
	}
	if len(tracks) > 0 && !p.ticking {
		p.ticking = true
		p.sendFrames()
	}
}

// frame is a sealed frame on its way.
type frame struct {
	id      int
	from    string
	number  uint32
	track   sframe.Track
	data    []byte
	sealed  time.Time
	arrived time.Time
}

func (p *person) sendFrames() {
	if len(p.tracks) == 0 {
		p.ticking = false
		return
	}
	for _, t := range slices.Sorted(maps.Keys(p.tracks)) {
		p.sendFrame(t)
	}
	p.w.after(p.w.frame, p.sendFrames)
}

func (p *person) sendFrame(t sframe.Track) {
	if p.sealer == nil || p.seat == nil || p.seat.gone {
		return
	}
	data, err := p.sealer.Seal(nil, t, codecOf(t), false, []byte("\x01"+p.name+" speaks"))
	if err != nil {
		return
	}
	p.w.frames++
	p.last = p.w.now
	f := &frame{id: p.w.frames, from: p.name, number: p.seat.number, track: t, data: data, sealed: p.w.now}
	if p.w.onFrame != nil && p.session != nil {
		p.w.onFrame(p, data, p.w.now)
	}
	for _, o := range p.w.server.present() {
		if o.p != p {
			p.w.deliver(&wire{what: "frames", from: p.name, to: o, data: data, hops: 2, call: func(to *serverSeat, data []byte) {
				c := *f
				c.data, c.arrived = data, time.Time{}
				if number, renamed := p.w.renamed[p.name]; renamed {
					c.number = number
				}
				to.p.open(&c)
			}})
		}
	}
}

func codecOf(t sframe.Track) sframe.Codec {
	if t == sframe.Mic || t == sframe.ScreenAudio {
		return sframe.Opus
	}
	return sframe.VP8
}

// open opens a frame, or holds it.
func (p *person) open(f *frame) {
	if f.arrived.IsZero() {
		f.arrived = p.w.now
	}
	_, err := p.opener.Open(nil, f.number, f.track, codecOf(f.track), false, f.data, p.w.now)
	switch {
	case err == nil:
		if p.seen[f.id] {
			p.twice = true
		}
		p.seen[f.id] = true
		if f.sealed.After(p.opened[f.from]) {
			p.opened[f.from] = f.sealed
		}
	case errors.Is(err, sframe.ErrUnknown):
		if len(p.held) < 64 {
			p.held = append(p.held, f)
		}
		p.seat.session.UnknownEpoch(p.w.now)
		p.take(p.seat)
	}
}

// wire is a message from the server.
type wire struct {
	what string
	from string // a person, "" for the server
	to   *serverSeat
	data []byte
	hops int
	call func(to *serverSeat, data []byte)
	as   func(to *serverSeat, from uint32, data []byte) // the same from another participant, where there is one
}

// filter changes what the server delivers.
type filter struct {
	id       int
	what     string
	from, to []string
	kind     string // drop, delay, record, reverse, flip
	by       time.Duration
	until    time.Time
	kept     []*wire
}

func (f *filter) matches(m *wire) bool {
	what := f.what == m.what || f.what == "broadcast" && (m.what == "beat" || m.what == "here")
	return what && (len(f.from) == 0 || slices.Contains(f.from, m.from)) &&
		(len(f.to) == 0 || slices.Contains(f.to, m.to.p.name))
}

// deliver takes a message to its seat, as far as the filters let it.
func (w *world) deliver(m *wire) {
	delay := hop * time.Duration(max(1, m.hops))
	if w.onWire != nil {
		w.onWire(m)
	}
	for _, f := range w.filters {
		if !f.matches(m) {
			continue
		}
		switch f.kind {
		case "drop":
			return
		case "delay":
			delay += f.by
		case "record":
			w.recorded[f.id] = append(w.recorded[f.id], m)
		case "reverse":
			if w.now.Before(f.until) {
				f.kept = append(f.kept, m)
				return
			}
		case "flip":
			c := *m
			c.data = bytes.Clone(m.data)
			if n := len(c.data); n > 0 {
				c.data[n/2] ^= 1
			}
			m = &c
		}
	}
	w.after(delay, func() { w.hand(m) })
}

func (w *world) hand(m *wire) {
	if m.to.gone || !m.to.connected && m.what != "frames" || m.to.dead {
		return
	}
	m.call(m.to, m.data)
	if m.what != "frames" {
		m.to.p.take(m.to)
	}
}

// server follows section 5.
type server struct {
	*serverLog // that of those who are in no group of a split
	w          *world
	key        ed25519.PrivateKey
	last       uint32
	seats      map[uint32]*serverSeat
	gone       map[uint32]*serverSeat
	waiting    []*serverSeat
	logs       map[int]*serverLog // of the groups of a split
	forgotten  uint64             // entries up to here are gone
	unsigned   bool               // it signs no removals
}

// serverLog is the log of a group.
type serverLog struct {
	groupID    []byte
	founder    *serverSeat
	entries    []Entry
	candidates map[uint64][]*candidate
	newest     uint64
	begun      bool
	ended      []*endedSeat
}

// log is the log that a seat is shown.
func (s *server) log(seat *serverSeat) *serverLog {
	if l := s.logs[seat.group]; l != nil {
		return l
	}
	return s.serverLog
}

// all are all logs.
func (s *server) all() (list []*serverLog) {
	list = append(list, s.serverLog)
	for _, n := range slices.Sorted(maps.Keys(s.logs)) {
		list = append(list, s.logs[n])
	}
	return list
}

// divide gives each group of a split its own log, which goes on from the same entries.
func (s *server) divide() {
	s.logs = map[int]*serverLog{}
	for _, seat := range s.seats {
		if seat.group > 0 && s.logs[seat.group] == nil {
			l := *s.serverLog
			l.entries, l.candidates, l.ended = slices.Clone(l.entries), maps.Clone(l.candidates), nil
			s.logs[seat.group] = &l
		}
	}
}

type serverSeat struct {
	p         *person
	session   client
	number    uint32
	announce  []byte
	admission []byte
	connected bool
	gone      bool // ended
	dead      bool // the client is closed
	cuts      int
	pack      []byte
	packedIn  bool
	claims    []uint32
	since     int // when it came into the group: the order
	wake      time.Time
	group     int             // of a split
	captive   func(m Message) // a false meeting takes its messages
}

type candidate struct {
	hash [HashSize]byte
	seat *serverSeat
}

type endedSeat struct {
	key    []byte
	leaves []uint32
	done   map[uint32]uint64 // the epoch after that of the last candidate that referred to it
	refs   map[uint32][]byte
}

func (s *server) public() []byte { return s.key[ed25519.SeedSize:] }

// present are those with a seat, by number.
func (s *server) present() (list []*serverSeat) {
	for _, n := range slices.Sorted(maps.Keys(s.seats)) {
		list = append(list, s.seats[n])
	}
	return list
}

func (s *server) join(seat *serverSeat) {
	s.last++
	seat.number = s.last
	seat.p.number = s.last
	creator := FingerprintOf(seat.p.identity.Public()) == s.w.link.Creator
	if s.w.link.Lobby && !creator && seat.admission == nil && !s.returns(seat) {
		s.waiting = append(s.waiting, seat)
		s.w.after(100*time.Millisecond, s.openDoor)
		return
	}
	s.admit(seat)
}

// returns says whether a seat of the same key was admitted before: then no host is needed.
func (s *server) returns(seat *serverSeat) bool {
	for _, o := range s.seats {
		if bytes.Equal(o.announce[:keySize], seat.announce[:keySize]) {
			return true
		}
	}
	return false
}

// openDoor lets the first host or co-host who is there admit those who wait.
func (s *server) openDoor() {
	for _, o := range s.present() {
		if !o.connected || o.p.seat != o || len(s.waiting) == 0 || o.session.Status().Role < RoleCoHost {
			continue
		}
		waiting := s.waiting
		s.waiting = nil
		for _, seat := range waiting {
			a, err := o.session.Admit(seat.announce, RoleParticipant)
			if err != nil {
				s.waiting = append(s.waiting, seat)
				continue
			}
			seat.admission = a
			s.admit(seat)
		}
		break
	}
	if len(s.waiting) > 0 {
		s.w.after(100*time.Millisecond, s.openDoor)
	}
}

func (s *server) shown(seat *serverSeat) Seat {
	return Seat{Participant: seat.number, Announce: seat.announce, Connected: seat.connected, Bot: seat.p.bot}
}

func (s *server) admit(seat *serverSeat) {
	if seat.gone || seat.dead {
		return
	}
	s.seats[seat.number] = seat
	s.welcome(seat)
	for _, o := range s.present() {
		if o != seat {
			s.roster(o, []Seat{s.shown(seat)}, nil)
		}
	}
}

func (s *server) welcome(seat *serverSeat) {
	var others []Seat
	for _, o := range s.present() {
		if o != seat {
			others = append(others, s.shown(o))
		}
	}
	s.w.deliver(&wire{what: "roster", to: seat, call: func(to *serverSeat, _ []byte) {
		to.session.Welcome(s.w.now, to.number, to.admission, others)
	}})
	s.group(seat)
}

func (s *server) group(seat *serverSeat) {
	l := s.log(seat)
	g := State{ServerKey: s.public(), GroupID: l.groupID, Position: uint64(len(l.entries)), Epoch: l.newest}
	creator := FingerprintOf(seat.p.identity.Public()) == s.w.link.Creator
	if s.groupID == nil && (s.founder == nil || s.founder.gone) && (creator || !s.w.link.Lobby) {
		s.founder, g.Found = seat, true
	}
	s.w.deliver(&wire{what: "group", to: seat, call: func(to *serverSeat, _ []byte) { to.session.Group(s.w.now, g) }})
}

func (s *server) roster(to *serverSeat, changed []Seat, left []uint32) {
	s.w.deliver(&wire{what: "roster", to: to, call: func(to *serverSeat, _ []byte) {
		to.session.Roster(s.w.now, changed, left)
	}})
}

func (s *server) message(seat *serverSeat, m Message) {
	if seat.captive != nil {
		seat.captive(m)
		return
	}
	if seat.gone || !seat.connected || s.seats[seat.number] != seat {
		return
	}
	switch m := m.(type) {
	case *Found:
		if s.groupID == nil && seat == s.founder {
			s.groupID = m.GroupID
			seat.claims, seat.since = []uint32{m.Leaf}, -1
			for _, o := range s.present() {
				if o != seat {
					s.group(o)
				}
			}
		}
	case *KeyPackage:
		seat.pack, seat.packedIn = m.Data, false
		s.pass(seat, m.Data, 0)
	case *Commit:
		s.commit(seat, m)
	case *Propose:
		s.append(s.log(seat), seat, m.Data)
	case *LogGet:
		s.answer(seat, m)
	case *Stuck:
		for _, o := range s.present() {
			if o != seat {
				s.w.deliver(&wire{what: "stuck", from: seat.p.name, to: o, call: func(to *serverSeat, _ []byte) {
					to.session.Stuck(s.w.now, seat.number, m.Epoch, m.Hash)
				}})
			}
		}
	case *Broadcast:
		for _, o := range s.present() {
			if o != seat && o.group == seat.group {
				s.w.deliver(sayable(whatOf(m), seat, o, m.Data, func(to *serverSeat, from uint32, data []byte) {
					to.session.Broadcast(s.w.now, from, m.Kind, data)
				}))
			}
		}
	case *Relay:
		if s.w.outside != nil {
			s.w.outside(seat, m)
		}
		if o := s.seats[m.To]; o != nil && o.group == seat.group {
			s.w.deliver(sayable("relays", seat, o, m.Data, func(to *serverSeat, from uint32, data []byte) {
				to.session.Relay(s.w.now, from, data)
			}))
		}
	}
}

func (s *server) answer(seat *serverSeat, m *LogGet) {
	l := s.log(seat)
	if m.From <= s.forgotten {
		s.w.deliver(&wire{what: "log", to: seat, call: func(to *serverSeat, _ []byte) { to.session.Forgotten(s.w.now) }})
		return
	}
	if m.From < 1 || m.From > uint64(len(l.entries)) {
		return
	}
	for _, e := range slices.Clone(l.entries[m.From-1:]) {
		s.give(seat, &e)
	}
}

// sayable is a message from a participant, which a server may say to be from another.
func sayable(
	what string, from, to *serverSeat, data []byte, as func(to *serverSeat, from uint32, data []byte),
) *wire {
	return &wire{what: what, from: from.p.name, to: to, data: data, as: as, call: func(to *serverSeat, data []byte) {
		as(to, from.number, data)
	}}
}

// whatOf tells beats and here from the rest: a scenario can, a server cannot.
func whatOf(m *Broadcast) string {
	if m.Kind == KindGroup {
		return "beat"
	}
	return "broadcast"
}

// pass shows a key package to four members, and to four others a second later.
func (s *server) pass(seat *serverSeat, pack []byte, round int) {
	if seat.gone || !bytes.Equal(seat.pack, pack) || seat.packedIn || round > 20 {
		return
	}
	var members []*serverSeat
	for _, o := range s.present() {
		if len(o.claims) > 0 && o.connected && o != seat && o.group == seat.group {
			members = append(members, o)
		}
	}
	slices.SortStableFunc(members, func(a, b *serverSeat) int { return a.since - b.since })
	for turn := range min(4, len(members)) {
		o := members[(4*round+turn)%len(members)]
		m := &wire{what: "key_packages", from: seat.p.name, to: o, data: pack}
		m.call = func(to *serverSeat, data []byte) {
			to.session.KeyPackages(s.w.now, turn, []Package{{Participant: seat.number, Data: data}})
		}
		s.w.deliver(m)
	}
	s.w.after(time.Second, func() { s.pass(seat, pack, round+1) })
}

func (s *server) commit(seat *serverSeat, m *Commit) {
	l := s.log(seat)
	h, ok := readHead(m.Data)
	if !ok || h.private || h.content != uint8(mls.ContentCommit) || h.epoch != l.newest && h.epoch != l.epoch() {
		return
	}
	list := l.candidates[h.epoch]
	if len(list) >= 8 || slices.ContainsFunc(list, func(c *candidate) bool { return c.seat == seat }) {
		return
	}
	named := func(c *candidate) bool { return bytes.Contains(h.names, c.hash[:]) }
	if len(list) > 0 && !slices.ContainsFunc(list, named) {
		return
	}
	if s.w.trace != nil {
		s.w.trace("%s's commit of epoch %d at %d adds %d, names %d", seat.p.name, h.epoch, len(l.entries)+1, len(m.Added),
			len(h.names)/(2+HashSize))
	}
	l.candidates[h.epoch] = append(slices.Clip(list), &candidate{EntryHash(m.Data), seat})
	l.newest, l.begun = h.epoch, true
	s.append(l, seat, m.Data)
	for i := range m.Added {
		s.added(l, seat, m, &m.Added[i])
	}
	s.signRemovals(l, m.Data, m.Added)
}

// added sends a joiner what it needs.
func (s *server) added(l *serverLog, by *serverSeat, m *Commit, a *Added) {
	o := s.seats[a.Participant]
	if o == nil {
		if gone := s.gone[a.Participant]; gone != nil { // it left while it was added
			e := &endedSeat{
				key: bytes.Clone(gone.announce[:keySize]), leaves: []uint32{a.Leaf}, done: map[uint32]uint64{},
				refs: map[uint32][]byte{},
			}
			l.ended = append(l.ended, e)
		}
		return
	}
	o.packedIn = true
	for _, other := range s.seats {
		if other != o && bytes.Equal(other.announce[:keySize], o.announce[:keySize]) {
			other.claims = nil
		}
	}
	if len(o.claims) == 0 {
		o.since = len(l.entries)
	}
	if len(o.claims) < 4 {
		o.claims = append(o.claims, a.Leaf)
	}
	position := uint64(len(l.entries))
	s.w.deliver(&wire{what: "secrets", from: by.p.name, to: o, data: m.GroupInfo, call: func(to *serverSeat, data []byte) {
		to.session.Secrets(s.w.now, Secrets{GroupInfo: data, Data: a.Secrets, Leaf: a.Leaf, Position: position})
	}})
}

func (s *server) append(l *serverLog, seat *serverSeat, data []byte) {
	e := Entry{Position: uint64(len(l.entries) + 1), Data: data}
	if seat != nil {
		e.From = seat.number
	}
	l.entries = append(slices.Clip(l.entries), e)
	for _, o := range s.present() {
		if s.log(o) == l {
			s.give(o, &e)
		}
	}
}

func (s *server) give(to *serverSeat, e *Entry) {
	from, what := "", "log"
	if o := s.seats[e.From]; o != nil {
		from = o.p.name
	}
	if e.From == 0 {
		what = "remove"
	}
	s.w.deliver(&wire{what: what, from: from, to: to, data: e.Data, call: func(to *serverSeat, data []byte) {
		to.session.Log(s.w.now, []Entry{{Position: e.Position, From: e.From, Data: data}})
	}})
}

// epoch is the one that the next candidate is of.
func (l *serverLog) epoch() uint64 {
	if !l.begun {
		return 0
	}
	return l.newest + 1
}

// end ends a seat.
func (s *server) end(seat *serverSeat) {
	if seat.gone {
		return
	}
	seat.gone = true
	s.waiting = slices.DeleteFunc(s.waiting, func(o *serverSeat) bool { return o == seat })
	if s.seats[seat.number] != seat {
		return
	}
	delete(s.seats, seat.number)
	s.gone[seat.number] = seat
	for _, o := range s.present() {
		s.roster(o, nil, []uint32{seat.number})
	}
	for _, l := range s.all() {
		if len(seat.claims) > 0 && l.groupID != nil {
			e := &endedSeat{
				key: bytes.Clone(seat.announce[:keySize]), leaves: slices.Clone(seat.claims), done: map[uint32]uint64{},
				refs: map[uint32][]byte{},
			}
			l.ended = append(l.ended, e)
			s.sign(l, e)
		}
	}
	if !slices.ContainsFunc(s.present(), func(o *serverSeat) bool { return len(o.claims) > 0 }) {
		s.reset()
	}
}

// reset forgets the group: the last member has gone. The next to come founds another.
func (s *server) reset() {
	*s.serverLog = serverLog{candidates: map[uint64][]*candidate{}}
	for _, o := range s.present() {
		s.group(o)
	}
}

// sign signs the removals of a seat for the present epoch.
func (s *server) sign(l *serverLog, e *endedSeat) {
	for _, leaf := range e.leaves {
		if e.done[leaf] == l.epoch() || s.unsigned {
			continue // a candidate refers to it
		}
		p := &mls.Proposal{Type: mls.ProposalRemove, Remove: leaf}
		b := mls.ExternalProposal(s.key, 0, l.groupID, l.epoch(), p, e.key)
		e.refs[leaf] = refOf(b)
		s.append(l, nil, b)
	}
}

// refOf is the ProposalRef of an external sender's PublicMessage (RFC 9420 §5.2).
func refOf(b []byte) []byte {
	h := sha256.New()
	h.Write(appendVec(nil, []byte("MLS 1.0 Proposal Reference")))
	h.Write(appendVec(nil, b[2:]))
	return h.Sum(nil)
}

// signRemovals signs again what a candidate did not refer to.
func (s *server) signRemovals(l *serverLog, commit []byte, added []Added) {
	l.ended = slices.DeleteFunc(l.ended, func(e *endedSeat) bool {
		e.leaves = slices.DeleteFunc(e.leaves, func(leaf uint32) bool {
			return e.done[leaf] != 0 && e.done[leaf] < l.epoch()
		})
		back := slices.ContainsFunc(added, func(a Added) bool {
			o := s.seats[a.Participant]
			return o != nil && bytes.Equal(o.announce[:keySize], e.key)
		})
		return back || len(e.leaves) == 0
	})
	for _, e := range l.ended {
		for _, leaf := range e.leaves {
			delete(e.done, leaf)
			if e.refs[leaf] != nil && bytes.Contains(commit, e.refs[leaf]) {
				e.done[leaf] = l.epoch()
			}
		}
		s.sign(l, e)
	}
}

// How people go.

func (p *person) leave() {
	seat := p.seat
	seat.session.Leave(p.w.now)
	p.take(seat)
	p.w.after(hop+time.Millisecond, func() { p.w.server.end(seat) })
	p.w.after(2*hop, func() { seat.dead = true })
}

// closes ends the seat without a word.
func (p *person) closes() {
	seat := p.seat
	seat.dead = true
	p.w.after(hop, func() { p.w.server.end(seat) })
}

// cut loses the connection.
func (p *person) cut() {
	seat := p.seat
	seat.connected = false
	seat.session.Lost(p.w.now)
	p.take(seat)
	for _, o := range p.w.server.present() {
		if o != seat {
			p.w.server.roster(o, []Seat{p.w.server.shown(seat)}, nil)
		}
	}
	seat.cuts++
	cuts := seat.cuts
	p.w.after(30*time.Second, func() {
		if !seat.connected && seat.cuts == cuts {
			p.w.server.end(seat)
		}
	})
}

// resume brings the connection back.
func (p *person) resume() {
	seat := p.seat
	if seat.gone {
		return
	}
	seat.connected = true
	p.w.server.welcome(seat)
	for _, o := range p.w.server.present() {
		if o != seat {
			p.w.server.roster(o, []Seat{p.w.server.shown(seat)}, nil)
		}
	}
}

// What tests ask.

// hears says whether frames that another sealed in the last 500 ms opened.
func (p *person) hears(o *person) bool {
	at, ever := p.opened[o.name]
	return ever && p.w.now.Sub(at) <= 500*time.Millisecond
}

// warned says whether a notice was told since a moment.
func (p *person) warned(kind NoticeKind, since time.Duration) bool {
	from := p.w.start.Add(since)
	return slices.ContainsFunc(p.notices, func(n told) bool { return n.Kind == kind && !n.at.Before(from) })
}

func (p *person) said(kind NoticeKind, text string) (n int) {
	for i := range p.notices {
		if p.notices[i].Kind == kind && p.notices[i].Text == text {
			n++
		}
	}
	return n
}

// members are the names of whom a session shows.
func (p *person) members() (list []string) {
	for _, m := range p.session.People() {
		name := fmt.Sprintf("?%x", m.Key[:4])
		for _, o := range p.w.people {
			if o.key() == m.Key {
				name = o.name
			}
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (p *person) authenticator() string {
	if p.session.phase != inside {
		return "outside " + p.name
	}
	return string(p.session.cur.group.Authenticator())
}

var testStart = time.UnixMilli(1_795_300_000_000)
