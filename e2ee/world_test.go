package e2ee

import (
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world is a meeting in virtual time: sessions, and a server that shows a roster and passes messages on, honestly
// unless a test says otherwise.
type world struct {
	t       testing.TB
	now     time.Time
	link    Link
	creator *Identity
	latency time.Duration
	people  map[uint32]*person
	last    uint32
	random  *chacha
	queue   []delivered
	relays  int // passed on, and their bytes
	bytes   int

	// tamper may change what passes: it returns what to deliver instead. nil: the honest server.
	tamper func(from, to uint32, data []byte) [][]byte
	// show may change a roster entry on its way to somebody. nil: the honest server.
	show func(to uint32, m Member) (Member, bool)
}

type delivered struct {
	at time.Time
	do func()
}

type person struct {
	*Session
	number  uint32
	member  Member
	sealer  *Sealer
	opener  *Opener
	notices []Notice
	sent    int // keys put to use
}

// chacha is a reader of reproducible bytes.
type chacha struct{ *rand.ChaCha8 }

func newWorld(t testing.TB, lobby bool) *world {
	t.Helper()
	w := &world{
		t: t, now: time.UnixMilli(1_795_300_000_000), people: map[uint32]*person{}, latency: 20 * time.Millisecond,
		random: &chacha{rand.NewChaCha8([32]byte{1})},
	}
	w.creator = w.identity()
	link, err := NewLink(w.random, w.creator.Public(), lobby)
	if err != nil {
		t.Fatal(err)
	}
	w.link = link
	return w
}

func (w *world) identity() *Identity {
	w.t.Helper()
	id, err := NewIdentity(w.random)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// session makes a session that is not in the meeting yet.
func (w *world) session(cfg Config) *Session {
	w.t.Helper()
	if cfg.Identity == nil {
		cfg.Identity = w.identity()
	}
	if !cfg.Link.Keyed {
		cfg.Link = w.link
	}
	cfg.Meeting, cfg.Random = vectorMeeting, w.random
	s, err := NewSession(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// join brings somebody in.
func (w *world) join(cfg Config) *person { return w.enter(w.session(cfg), Member{}) }

// enter brings a session in; m may carry credentials.
func (w *world) enter(s *Session, m Member) *person {
	w.last++
	m.Participant, m.Announce, m.Connected = w.last, s.Announce(), true
	m.Bot = m.Bot || s.cfg.Bot
	p := &person{Session: s, number: w.last, member: m, sealer: NewSealer(s.Hash()), opener: NewOpener()}
	others := []Member{}
	for _, o := range w.sortedPeople() {
		if shown, ok := w.shown(p.number, o.member); ok {
			others = append(others, shown)
		}
	}
	w.people[p.number] = p
	s.Welcome(w.now, m, others)
	w.take(p)
	for _, o := range w.sortedPeople() {
		if o != p {
			w.tell(o, m)
		}
	}
	return p
}

func (w *world) sortedPeople() []*person {
	var list []*person
	for _, n := range slices.Sorted(maps.Keys(w.people)) {
		list = append(list, w.people[n])
	}
	return list
}

func (w *world) shown(to uint32, m Member) (Member, bool) {
	if w.show == nil {
		return m, true
	}
	return w.show(to, m)
}

// tell shows a roster entry to somebody.
func (w *world) tell(o *person, m Member) {
	if shown, ok := w.shown(o.number, m); ok {
		w.later(func() {
			o.Roster(w.now, []Member{shown}, nil)
			w.take(o)
		})
	}
}

// tellAll shows a changed entry to everybody, its owner included.
func (w *world) tellAll(m Member) {
	for _, o := range w.sortedPeople() {
		w.tell(o, m)
	}
}

// leave takes somebody out.
func (w *world) leave(p *person) {
	delete(w.people, p.number)
	for _, o := range w.sortedPeople() {
		w.later(func() {
			o.Roster(w.now, nil, []uint32{p.number})
			w.take(o)
		})
	}
}

func (w *world) later(do func()) {
	at := w.now.Add(w.latency)
	if n := len(w.queue); n > 0 && w.queue[n-1].at.After(at) { // a WebSocket keeps the order
		at = w.queue[n-1].at
	}
	w.queue = append(w.queue, delivered{at, do})
}

// take carries out what a session wants done.
func (w *world) take(p *person) {
	out := p.Take()
	for _, n := range out.Forget {
		p.opener.Forget(n)
	}
	for _, k := range out.Receive {
		p.opener.SetKey(k.From, k.Sender, k.Key)
	}
	if out.Send != nil {
		p.sealer.SetKey(*out.Send)
		p.sent++
	}
	for _, r := range out.Relays {
		w.relays++
		w.bytes += len(r.Data)
		list := [][]byte{r.Data}
		if w.tamper != nil {
			list = w.tamper(p.number, r.Participant, slices.Clone(r.Data))
		}
		for _, data := range list {
			w.deliver(p.number, r.Participant, data)
		}
	}
	for _, b := range out.Broadcasts {
		for _, o := range w.sortedPeople() {
			w.later(func() {
				o.Broadcast(w.now, p.number, b.Kind, b.Data)
				w.take(o)
			})
		}
	}
	p.notices = append(p.notices, out.Notices...)
}

func (w *world) deliver(from, to uint32, data []byte) {
	w.later(func() {
		if o := w.people[to]; o != nil {
			o.Relay(w.now, from, data)
			w.take(o)
		}
	})
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for {
		next := end
		for i := range w.queue {
			if w.queue[i].at.Before(next) {
				next = w.queue[i].at
			}
		}
		for _, p := range w.people {
			if at := p.Next(); !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		if next.After(w.now) {
			w.now = next
		}
		did := false
		for i := 0; i < len(w.queue); i++ {
			if d := w.queue[i]; !d.at.After(w.now) {
				w.queue = slices.Delete(w.queue, i, i+1)
				i--
				d.do()
				did = true
			}
		}
		for _, p := range w.sortedPeople() {
			if at := p.Next(); !at.IsZero() && !at.After(w.now) {
				p.Tick(w.now)
				w.take(p)
				if again := p.Next(); !again.IsZero() && !again.After(w.now) {
					w.t.Fatalf("Tick of %d leaves its own deadline %v in the past", p.number, w.now.Sub(again))
				}
				did = true
			}
		}
		if !did && !w.now.Before(end) {
			return
		}
	}
}

// frame seals a frame of somebody.
func (w *world) frame(p *person, track Track, text string) []byte {
	w.t.Helper()
	b, err := p.sealer.Seal(nil, track, Opus, false, []byte(text))
	if err != nil {
		w.t.Fatalf("%d seals: %v", p.number, err)
	}
	return b
}

// hears says whether to opens a frame of from.
func (w *world) hears(to, from *person) bool {
	w.t.Helper()
	if !from.Usable() {
		return false
	}
	got, err := to.opener.Open(nil, from.number, TrackMic, Opus, w.frame(from, TrackMic, "hello"), w.now)
	return err == nil && string(got) == "hello"
}

// allHear fails unless everybody hears everybody.
func (w *world) allHear() {
	w.t.Helper()
	for _, a := range w.people {
		for _, b := range w.people {
			if a != b && !w.hears(a, b) {
				w.t.Errorf("%d does not hear %d", a.number, b.number)
			}
		}
	}
}

func (p *person) has(kind NoticeKind, from uint32, text string) bool {
	return slices.ContainsFunc(p.notices, func(n Notice) bool {
		return n.Kind == kind && n.From == from && n.Text == text
	})
}

// err returns the error of the last notice of a kind about somebody.
func (p *person) err(kind NoticeKind, from uint32) error {
	var err error
	for _, n := range p.notices {
		if n.Kind == kind && n.From == from {
			err = n.Err
			if err == nil {
				err = errors.New("noticed")
			}
		}
	}
	return err
}

func ctrOf(data []byte) uint32 { return binary.BigEndian.Uint32(data[1:]) }
