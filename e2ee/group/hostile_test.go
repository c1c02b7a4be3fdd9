package group

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// The hostile-server suite: testdata/hostile.md says what the steps mean.

type scenario struct {
	Name   string                       `json:"name"`
	Shows  string                       `json:"shows"`
	Lobby  bool                         `json:"lobby"`
	People []string                     `json:"people"`
	Outer  []string                     `json:"outside"`
	Steps  []map[string]json.RawMessage `json:"steps"`
}

// step is a step with its fields read on demand. Which were read is noted: a field that is not known is an error.
type step struct {
	t    *testing.T
	raw  map[string]json.RawMessage
	used map[string]bool
}

func read[T any](s *step, name string) (v T) {
	s.used[name] = true
	if b, here := s.raw[name]; here {
		if err := json.Unmarshal(b, &v); err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
	return v
}

func (s *step) has(name string) bool { _, here := s.raw[name]; return here }

func (s *step) text(name string) string { return read[string](s, name) }

func TestHostileServers(t *testing.T) {
	raw, err := os.ReadFile("../testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []scenario
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		t.Fatal(err)
	}
	for i := range list {
		t.Run(list[i].Name, func(t *testing.T) { list[i].run(t) })
	}
}

func (sc *scenario) run(t *testing.T) {
	r := &runner{world: newWorld(t, sc.Lobby, sc.People[0]), t: t, listeners: map[string]*listener{}}
	for _, name := range sc.People {
		r.person(name)
	}
	for _, name := range sc.Outer {
		r.person(name).outer = true
	}
	r.onFrame = r.overhear
	for i, raw := range sc.Steps {
		s := &step{t: t, raw: raw, used: map[string]bool{"at": true, "why": true}}
		r.run(time.Duration(read[int](s, "at")) * time.Millisecond)
		r.what = fmt.Sprintf("step %d (at %d)", i, read[int](s, "at"))
		r.step(s)
		for name := range raw {
			if !s.used[name] {
				t.Fatalf("%s: field %q is not known", r.what, name)
			}
		}
	}
}

// runner carries a scenario out.
type runner struct {
	*world
	t         *testing.T
	what      string
	sealed    []sealedFrame
	listeners map[string]*listener
}

// sealedFrame is what a listener has recorded.
type sealedFrame struct {
	from string
	at   time.Time
	base [16]byte
}

// listener has all that the server has, and keeps every key it ever had.
type listener struct{ from time.Time }

// overhear records by which key a frame was sealed: who has that key can open it.
func (r *runner) overhear(from *person, _ []byte, at time.Time) {
	if e := from.session.sending; e != nil {
		r.sealed = append(r.sealed, sealedFrame{from.name, at, e.Base})
	}
}

func (r *runner) errorf(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s: %s", r.what, fmt.Sprintf(format, args...))
}

func (r *runner) one(name string) *person {
	p := r.people[name]
	if p == nil {
		r.t.Fatalf("%s: no person %q", r.what, name)
	}
	return p
}

func (r *runner) step(s *step) {
	for _, known := range []struct {
		verb string
		do   func(s *step)
	}{
		{"server", r.serverStep},
		{"bad", r.badStep},
		{"expect", r.expectStep},
		{"join", r.joinStep},
		{"leave", func(s *step) { p := r.one(s.text("leave")); p.live(); p.leave() }},
		{"close", func(s *step) { p := r.one(s.text("close")); p.live(); p.closes() }},
		{"cut", func(s *step) { r.one(s.text("cut")).cut() }},
		{"resume", func(s *step) { r.one(s.text("resume")).resume() }},
		{"live", r.liveStep},
		{"say", func(s *step) { r.act(s, s.text("say"), r.say) }},
		{"private", func(s *step) { r.act(s, s.text("private"), r.private) }},
		{"remove", func(s *step) { r.act(s, s.text("by"), r.remove) }},
		{"role", func(s *step) { r.act(s, s.text("by"), r.role) }},
		{"policy", func(s *step) { r.act(s, s.text("by"), r.policy) }},
		{"compare", func(s *step) { r.act(s, s.text("compare"), r.compare) }},
		{"same", r.sameStep},
		{"consent", func(s *step) { r.act(s, s.text("consent"), r.consent) }},
		{"asks", r.asksStep},
	} {
		if s.has(known.verb) {
			known.do(s)
			return
		}
	}
	r.t.Fatalf("%s: unknown step", r.what)
}

// act runs an act of a person. Where the session refuses it, nothing happens.
func (r *runner) act(s *step, name string, do func(s *step, by *Session) error) {
	_ = r.one(name).does(func(by *Session) error { return do(s, by) })
}

func (r *runner) say(s *step, by *Session) error { return by.Say(r.now, KindChat, s.text("text")) }

func (r *runner) private(s *step, by *Session) error {
	return by.Private(r.now, r.one(s.text("to")).key(), false, s.text("text"))
}

func (r *runner) remove(s *step, by *Session) error {
	return by.Remove(r.now, r.one(s.text("remove")).key(), read[bool](s, "lock"))
}

var roleNames = map[string]Role{
	"viewer": RoleViewer, "participant": RoleParticipant, "cohost": RoleCoHost, "host": RoleHost,
}

func (r *runner) role(s *step, by *Session) error {
	return by.SetRole(r.now, r.one(s.text("of")).key(), roleNames[s.text("role")])
}

func (r *runner) policy(s *step, by *Session) error {
	return by.SetLobby(r.now, read[bool](s, "policy"))
}

func (r *runner) compare(_ *step, by *Session) error { return by.Compare(r.now) }

func (r *runner) sameStep(s *step) {
	p := r.one(s.text("same"))
	for _, key := range p.session.Same(r.now, []Key{r.one(s.text("with")).key()}) {
		p.verified[key] = true
	}
}

func (r *runner) joinStep(s *step) {
	p := r.one(s.text("join"))
	link := r.link
	if s.text("link") == "other" {
		link.Secret[0] ^= 1
	}
	if s.text("flip") == "lobby" {
		link.Lobby = !link.Lobby
	}
	if p.link = nil; link != r.link {
		root, err := link.Root("k7qm-2f9x-w3dj-8hrt", "")
		if err != nil {
			r.t.Fatal(err)
		}
		p.link = root
	}
	p.join()
}

func (r *runner) liveStep(s *step) {
	names := map[string]sframe.Track{
		"mic": sframe.Mic, "camera": sframe.Camera, "screen_audio": sframe.ScreenAudio, "screen": sframe.Screen,
	}
	var tracks []sframe.Track
	for _, name := range read[[]string](s, "tracks") {
		tracks = append(tracks, names[name])
	}
	p := r.one(s.text("live"))
	if p.live(tracks...); p.session != nil {
		p.session.SetLive(r.now, tracks...)
		p.take(p.seat)
	}
}

func (r *runner) consent(s *step, by *Session) error {
	return by.Consent(r.now, r.one(s.text("to")).key(), read[bool](s, "given"))
}

// asksStep has one outside ask a person, as it would ask another if that is said.
func (r *runner) asksStep(s *step) {
	p, of := r.one(s.text("asks")), r.one(s.text("of"))
	meant := of
	if s.has("meant for") {
		meant = r.one(s.text("meant for"))
	}
	ask, err := p.beyond().Ask(meant.seat.announce, "a recording")
	if err != nil {
		r.t.Fatal(err)
	}
	p.beyond().out.Messages = append(p.beyond().out.Messages, &Relay{To: of.seat.number, Data: ask})
	p.take(p.seat)
}

// What a hostile server does.

func (r *runner) serverStep(s *step) {
	f := &filter{
		id: read[int](s, "id"), what: s.text("what"), from: read[[]string](s, "from"), to: read[[]string](s, "to"),
		by: time.Duration(read[int](s, "by")) * time.Millisecond, kind: s.text("server"),
	}
	switch f.kind {
	case "drop", "delay", "record", "flip":
		r.filters = append(r.filters, f)
	case "reverse":
		r.reverse(f, time.Duration(read[int](s, "for"))*time.Millisecond)
	case "pass":
		r.filters = slices.DeleteFunc(r.filters, func(o *filter) bool { return o.id == f.id })
	case "replay":
		r.replay(f, s)
	case "split":
		for i, group := range read[[][]string](s, "groups") {
			for _, name := range group {
				r.one(name).seat.group = i + 1
			}
		}
		r.server.divide()
	case "ended":
		seat := r.one(s.text("seat")).seat
		r.each(f.to, func(o *serverSeat) { r.server.roster(o, nil, []uint32{seat.number}) })
	case "there":
		seat := r.one(s.text("seat")).seat
		r.each(f.to, func(o *serverSeat) { r.server.roster(o, []Seat{r.server.shown(seat)}, nil) })
	case "removes", "wrong removal":
		r.removal(s)
	case "names":
		r.names(s)
	case "shows":
		seat := r.one(s.text("seat")).seat
		shown := r.server.shown(seat)
		shown.Announce = r.one(s.text("announce of")).seat.announce
		r.each(f.to, func(o *serverSeat) {
			if o != seat {
				r.server.roster(o, []Seat{shown}, nil)
			}
		})
	case "clock":
	case "empties":
		r.server.forgotten = uint64(len(r.server.entries))
	case "signs nothing":
		r.server.unsigned = true
	default:
		r.t.Fatalf("%s: the server does not %q", r.what, f.kind)
	}
}

func (r *runner) each(names []string, do func(o *serverSeat)) {
	for _, o := range r.server.present() {
		if len(names) == 0 || slices.Contains(names, o.p.name) {
			do(o)
		}
	}
}

func (r *runner) reverse(f *filter, d time.Duration) {
	f.until = r.now.Add(d)
	r.filters = append(r.filters, f)
	r.after(d, func() {
		r.filters = slices.DeleteFunc(r.filters, func(o *filter) bool { return o == f })
		for _, m := range slices.Backward(f.kept) {
			r.hand(m)
		}
	})
}

// replay delivers recorded messages again, as from somebody else if that is said.
func (r *runner) replay(f *filter, s *step) {
	as := s.text("as")
	for _, m := range r.recorded[f.id] {
		if len(f.to) > 0 && !slices.Contains(f.to, m.to.p.name) {
			continue
		}
		c := *m
		c.to = m.to.p.seat // whichever seat that person has now
		if as != "" && m.as != nil {
			number := r.one(as).seat.number
			c.call = func(to *serverSeat, data []byte) { m.as(to, number, data) }
		}
		r.hand(&c)
	}
}

func (r *runner) removal(s *step) {
	of := r.one(s.text("leaf of"))
	data := of
	if s.has("data of") {
		data = r.one(s.text("data of"))
	}
	for _, leaf := range of.seat.claims {
		p := &mls.Proposal{Type: mls.ProposalRemove, Remove: leaf}
		key := data.key()
		b := mls.ExternalProposal(r.server.key, 0, r.server.groupID, r.server.epoch(), p, key[:])
		r.server.append(r.server.serverLog, nil, b)
	}
}

// names has slots call one's tracks another's: frames of one come as the other's.
func (r *runner) names(s *step) {
	owner, of := r.one(s.text("owner")), r.one(s.text("of"))
	r.renamed = map[string]uint32{of.name: owner.seat.number}
}

// What a bad member does.

func (r *runner) badStep(s *step) {
	p := r.one(s.text("bad"))
	switch {
	case s.has("commits"):
		var of *person
		if s.has("of") {
			of = r.one(s.text("of"))
		}
		for _, name := range read[[]string](s, "cannot open") {
			spoilKeys(r.one(name).session)
		}
		r.badCommit(p, s.text("commits"), of)
	case s.has("proposes"):
		s.text("proposes")
		r.badProposal(p, r.one(s.text("of")))
	case s.has("says"):
		r.badWords(p, s.text("says"), r.one(s.text("as")))
	case s.has("joins again with"):
		s.text("joins again with")
		first := p.old[0]
		seat := p.seat
		r.after(hop, func() { r.server.message(seat, first) })
	case s.has("shows"):
		r.falseMeeting(s, p, r.one(s.text("shows")))
	case s.has("asks"):
		r.memberAsks(p, r.one(s.text("asks")))
	case s.has("speaks"):
		r.speaks(p, s.text("speaks"))
	case s.has("listens"):
		read[bool](s, "listens")
		r.listeners[p.name] = &listener{r.now}
	default:
		r.t.Fatalf("%s: unknown", r.what)
	}
}

// memberAsks has a member ask as if it were outside.
func (r *runner) memberAsks(p, of *person) {
	o, err := NewOutsider(Config{Root: r.root, Identity: p.identity, Name: p.name, Random: r.random})
	if err != nil {
		r.t.Fatal(err)
	}
	ask, err := o.Ask(of.seat.announce, "a recording")
	if err != nil {
		r.t.Fatal(err)
	}
	r.deliver(sayable("relays", p.seat, of.seat, ask, func(to *serverSeat, from uint32, data []byte) {
		to.session.Relay(r.now, from, data)
	}))
}

// speaks has one outside say another secret of its epoch.
func (r *runner) speaks(p *person, how string) {
	s := p.beyond()
	if how == "not admitted" {
		s.admitted = nil
	}
	if s.heard != nil {
		s.speak(r.now, s.heard)
		p.take(p.seat)
	}
}

// badWords are an application message of one, said to be of another.
func (r *runner) badWords(p *person, text string, as *person) {
	st := p.session.cur
	if st == nil {
		return
	}
	data, err := st.group.Seal(append([]byte{appChat}, text...), nil, 1+signatureRoom+64)
	if err != nil {
		r.t.Fatal(err)
	}
	r.each(nil, func(o *serverSeat) {
		r.deliver(sayable("broadcast", as.seat, o, data, func(to *serverSeat, from uint32, data []byte) {
			to.session.Broadcast(r.now, from, KindChat, data)
		}))
	})
}

// badProposal is one to remove another, which a server of ours would not put into the log.
func (r *runner) badProposal(p, of *person) {
	g, pub := p.session.cur.group, p.session.cur.public
	b, _, err := g.Propose(&mls.Proposal{Type: mls.ProposalRemove, Remove: pub.index[of.key()]}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	seat := p.seat
	r.after(hop, func() { r.server.message(seat, &Propose{Data: b}) })
}

// badCommit is a commit that breaks a rule.
func (r *runner) badCommit(p *person, kind string, of *person) {
	st := p.session.cur
	if st == nil {
		r.t.Fatalf("%s: %s is in no group", r.what, p.name)
	}
	m := spoiled(r, p, kind, of)
	seat := p.seat
	r.after(hop, func() { r.server.message(seat, m) })
}

// spoiled makes it.
func spoiled(r *runner, p *person, kind string, of *person) *Commit {
	s := p.session
	g, pub := s.cur.group, s.cur.public
	version := pub.meeting.version
	o := mls.CommitOptions{Options: mls.Options{PSKs: []mls.PSK{{ID: pskID(version), Secret: s.root.psk(version)}}}}
	next := pub.meeting.clone()
	var key Key
	if of != nil {
		key = of.key()
	}
	switch kind {
	case "nothing":
	case "remove":
		o.Removes = []uint32{pub.index[key]}
	case "add", "no psk", "twice":
		pack, err := mls.ParseKeyPackage(of.old[len(of.old)-1].Data)
		if err != nil {
			r.t.Fatal(err)
		}
		o.Adds = []*mls.KeyPackage{pack}
		if leaf, here := pub.index[key]; here && kind == "add" {
			o.Removes = []uint32{leaf}
		}
		if kind != "no psk" {
			o.UsePSKs = [][]byte{pskID(version)}
		}
	case "role":
		grant := newGrant(p.identity, pub.group, p.key(), RoleHost)
		next.set(p.key(), &grant)
	case "revoke":
		next.revoked = append(next.revoked, key)
	case "lobby":
		next.lobby = false
	case "creator":
		next.creator = FingerprintOf(p.identity.Public())
	case "succeed":
		if after := pub.succession(p.key()); after != nil {
			next = after
		} else {
			grant := newGrant(p.identity, pub.group, p.key(), RoleHost)
			next.set(p.key(), &grant)
		}
	case "garbage":
		return garbage(r, s)
	case "cut":
		m := garbage(r, s)
		m.Data = m.Data[:len(m.Data)-40]
		return m
	case "by reference":
		for _, kept := range g.Kept() {
			if kept.Type == mls.ProposalRemove && kept.Remove == pub.index[key] {
				o.ByReference = [][]byte{kept.Reference} // the one that came last
			}
		}
	default:
		r.t.Fatalf("%s: no bad commit %q", r.what, kind)
	}
	if !bytes.Equal(next.encode(), pub.meeting.encode()) {
		o.Extensions = withMeeting(g.Extensions(), next.encode())
	}
	c, err := g.Commit(o)
	if err != nil { // the library refuses to make it: the sum is the same
		return garbage(r, s)
	}
	c.Next.Close()
	return &Commit{Data: c.Message}
}

// garbage is a commit with a bit changed.
func garbage(r *runner, s *Session) *Commit {
	c, err := s.cur.group.Commit(mls.CommitOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	c.Next.Close()
	b := bytes.Clone(c.Message)
	b[len(b)/2] ^= 1
	return &Commit{Data: b}
}

// spoilKeys changes the private keys that a session holds: no path opens for it any more, as if it had been made so.
func spoilKeys(s *Session) {
	private := reflect.ValueOf(s.cur.group).Elem().FieldByName("private")
	for _, node := range private.MapKeys() {
		private.MapIndex(node).Bytes()[0] ^= 8
	}
}

// falseMeeting shows a newcomer a meeting that a member makes of what it knows: the link, the group id, key packages.
func (r *runner) falseMeeting(s *step, mal, dave *person) {
	actual := mal.session.cur.public
	f := &falseGroup{r: r, mal: mal, dave: dave}
	m := &meeting{creator: r.link.Creator, version: 1}
	if s.text("as") == "host" {
		g := newGrant(mal.identity, actual.group, mal.key(), RoleHost)
		m.set(mal.key(), &g)
	}
	member := mal.session.member()
	extensions := withMeeting(mal.session.cur.group.Extensions(), m.encode())
	g, err := mls.Create(mls.Config{Random: r.random}, member, actual.group, extensions)
	if err != nil {
		r.t.Fatal(err)
	}
	f.group = g
	dave.start()
	dave.seat.number, dave.seat.captive = 900, f.take
	var seats []Seat
	for _, o := range r.server.present() {
		seats = append(seats, r.server.shown(o))
	}
	dave.session.Welcome(r.now, 900, nil, seats)
	dave.session.Group(r.now, State{ServerKey: r.server.public(), GroupID: actual.group, Position: 40, Epoch: 20})
	dave.take(dave.seat)
}

type falseGroup struct {
	r         *runner
	mal, dave *person
	group     *mls.Group
}

// take adds the newcomer, and all others by key packages that they once offered. The host never says a word there.
func (f *falseGroup) take(m Message) {
	kp, is := m.(*KeyPackage)
	if !is {
		return
	}
	pack, err := mls.ParseKeyPackage(kp.Data)
	if err != nil {
		f.r.t.Fatal(err)
	}
	root := f.mal.session.root
	o := mls.CommitOptions{
		Options: mls.Options{PSKs: []mls.PSK{{ID: pskID(1), Secret: root.psk(1)}}}, UsePSKs: [][]byte{pskID(1)},
		Adds: []*mls.KeyPackage{pack},
	}
	for _, name := range f.r.order {
		if p := f.r.people[name]; p != f.mal && p != f.dave && len(p.old) > 0 {
			if old, err := mls.ParseKeyPackage(p.old[len(p.old)-1].Data); err == nil {
				o.Adds = append(o.Adds, old)
			}
		}
	}
	c, err := f.group.Commit(o)
	if err != nil {
		f.r.t.Fatal(err)
	}
	f.dave.session.Secrets(f.r.now, Secrets{GroupInfo: c.Welcome.GroupInfo, Data: c.Welcome.Secrets[0], Position: 41})
	data, err := c.Next.Seal([]byte{appHere}, nil, 1+signatureRoom+64)
	if err != nil {
		f.r.t.Fatal(err)
	}
	f.dave.session.Broadcast(f.r.now, f.mal.seat.number, KindGroup, data)
	f.dave.take(f.dave.seat)
}

// What must be.

var warnings = map[string]NoticeKind{
	"silence": NoticeSilence, "stopped": NoticeStopped, "stuck": NoticeStuck, "waiting": NoticeWaiting,
	"promoted": NoticePromoted, "no heir": NoticeNoHeir, "removed": NoticeRemoved, "switched": NoticeSwitched,
	"false group": NoticeFalseGroup, "link only": NoticeLinkOnly,
}

func (r *runner) expectStep(s *step) {
	kind := s.text("expect")
	if f := expectations[kind]; f != nil {
		f(r, s)
		return
	}
	r.t.Fatalf("%s: cannot expect %q", r.what, kind)
}

// who calls a check for each person named in a step.
func (r *runner) who(s *step, check func(p *person)) {
	var list []string
	if b := s.raw["who"]; len(b) > 0 && b[0] == '"' {
		list = []string{s.text("who")}
	} else {
		list = read[[]string](s, "who")
	}
	for _, name := range list {
		check(r.one(name))
	}
}

var expectations = map[string]func(r *runner, s *step){
	"hears": func(r *runner, s *step) {
		of, is := r.one(s.text("of")), read[bool](s, "is")
		r.who(s, func(p *person) {
			if got := p.hears(of); got != is {
				r.errorf("%s hears %s: %v", p.name, of.name, got)
			}
		})
	},
	"deaf": func(r *runner, s *step) {
		to, from := r.one(s.text("to")), r.start.Add(time.Duration(read[int](s, "from"))*time.Millisecond)
		until := r.now
		if s.has("until") {
			until = r.start.Add(time.Duration(read[int](s, "until")) * time.Millisecond)
		}
		r.who(s, func(p *person) {
			for _, f := range r.sealed {
				if f.from == to.name && !f.at.Before(from) && f.at.Before(until) && p.everHad(f.base) {
					r.errorf("%s can open what %s sealed at %v", p.name, to.name, f.at.Sub(r.start))
					return
				}
			}
		})
	},
	"sends": func(r *runner, s *step) {
		is := read[bool](s, "is")
		r.who(s, func(p *person) {
			if p.sends != is {
				r.errorf("%s may send: %v", p.name, p.sends)
			}
		})
	},
	"people": func(r *runner, s *step) {
		are := slices.Sorted(slices.Values(read[[]string](s, "are")))
		r.who(s, func(p *person) {
			if got := p.members(); !slices.Equal(got, are) {
				r.errorf("%s sees %v", p.name, got)
			}
		})
	},
	"one group": func(r *runner, s *step) {
		first := ""
		r.who(s, func(p *person) {
			if first == "" {
				first = p.authenticator()
			}
			if p.authenticator() != first {
				r.errorf("%s is in another group, or in none", p.name)
			}
		})
	},
	"epoch": func(r *runner, s *step) {
		past := read[uint64](s, "past")
		r.who(s, func(p *person) {
			if got := p.session.Status().Epoch; got <= past {
				r.errorf("%s is in epoch %d", p.name, got)
			}
		})
	},
	"chat": func(r *runner, s *step) {
		kind := NoticeChat
		if read[bool](s, "private") {
			kind = NoticePrivate
		}
		text, times := s.text("text"), read[int](s, "times")
		from := Key{}
		if s.has("from") {
			from = r.one(s.text("from")).key()
		}
		r.who(s, func(p *person) {
			n := 0
			for i := range p.notices {
				o := &p.notices[i]
				if o.Kind == kind && o.Text == text && (from == Key{} || o.From == from) {
					n++
				}
			}
			if n != times {
				r.errorf("%s was told %d times", p.name, n)
			}
		})
	},
	"role": func(r *runner, s *step) {
		of, is := r.one(s.text("of")).key(), roleNames[s.text("is")]
		r.who(s, func(p *person) {
			if st := p.session.cur; st == nil || st.public.role(of) != is {
				r.errorf("%s sees another role", p.name)
			}
		})
	},
	"confirmed": func(r *runner, s *step) {
		is := read[bool](s, "is")
		r.who(s, func(p *person) {
			if got := p.session.Status().Confirmed; got != is {
				r.errorf("%s is confirmed: %v", p.name, got)
			}
		})
	},
	"warned": func(r *runner, s *step) {
		kind, known := warnings[s.text("of")]
		if !known {
			r.t.Fatalf("%s: no such warning", r.what)
		}
		is, from := read[bool](s, "is"), time.Duration(read[int](s, "from"))*time.Millisecond
		r.who(s, func(p *person) {
			if got := p.warned(kind, from); got != is {
				r.errorf("%s was warned: %v", p.name, got)
			}
		})
	},
	"asked": func(r *runner, s *step) {
		by, times := r.one(s.text("by")).key(), read[int](s, "times")
		r.who(s, func(p *person) {
			n := 0
			for i := range p.notices {
				if o := &p.notices[i]; o.Kind == NoticeAsk && o.From == by {
					n++
				}
			}
			if n != times {
				r.errorf("%s was asked %d times", p.name, n)
			}
		})
	},
	"verified": func(r *runner, s *step) {
		are := read[[]string](s, "are")
		r.who(s, func(p *person) {
			ok := len(p.verified) == len(are)
			for _, name := range are {
				ok = ok && p.verified[r.one(name).key()]
			}
			if !ok {
				r.errorf("%s has marked %d", p.name, len(p.verified))
			}
		})
	},
	"number": func(r *runner, s *step) {
		same := read[bool](s, "same")
		numbers := map[string]bool{}
		r.who(s, func(p *person) {
			number := p.name
			if c := p.session.Comparison(r.now); c != nil {
				if text, err := p.session.Number(c.Epoch); err == nil {
					number = text
				}
			}
			numbers[number] = true
		})
		if (len(numbers) == 1) != same {
			r.errorf("%d numbers", len(numbers))
		}
	},
	"opened twice": func(r *runner, s *step) {
		is := read[bool](s, "is")
		r.who(s, func(p *person) {
			if p.twice != is {
				r.errorf("%s has opened one twice: %v", p.name, p.twice)
			}
		})
	},
	"stays": func(r *runner, s *step) {
		is := read[bool](s, "is")
		r.who(s, func(p *person) {
			if got := p.session.Status().Inside; got != is {
				r.errorf("%s is inside: %v", p.name, got)
			}
		})
	},
}

// everHad says whether a person's sessions were ever given a key.
func (p *person) everHad(base [16]byte) bool {
	return slices.ContainsFunc(p.all, func(e *sframe.Epoch) bool { return e.Base == base })
}

// privateOf is the private key of a joiner's leaf.
func privateOf(j *mls.Joiner) []byte {
	return bytes.Clone(reflect.ValueOf(j).Elem().FieldByName("private").Bytes())
}
