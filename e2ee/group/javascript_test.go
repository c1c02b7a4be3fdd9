package group

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"conclave/e2ee/sframe"
)

// jsPeer is a process that holds sessions of the JavaScript implementation: tests/unit/e2ee/session-peer.js says how
// one talks to it.
type jsPeer struct {
	t    testing.TB
	in   io.WriteCloser
	out  *bufio.Scanner
	next int
	link Link
	made int
}

func startJavaScript(t testing.TB, link Link) *jsPeer {
	t.Helper()
	const script = "../../tests/unit/e2ee/session-peer.js"
	node, err := exec.LookPath("node")
	if _, there := os.Stat(script); err == nil {
		err = there
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(node, script)
	cmd.Stderr = os.Stderr
	p := &jsPeer{t: t, link: link}
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 16<<20)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.in.Close()
		_ = cmd.Wait()
	})
	return p
}

// ask sends a request and reads its answer into v.
func (p *jsPeer) ask(request map[string]any, v any) {
	p.t.Helper()
	p.next++
	request["id"] = p.next
	line, err := json.Marshal(request)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("no answer: %v", p.out.Err())
	}
	var failed struct{ Error string }
	if err := json.Unmarshal(p.out.Bytes(), &failed); err != nil || failed.Error != "" {
		p.t.Fatalf("%s: %v %s", request["cmd"], err, failed.Error)
	}
	if err := json.Unmarshal(p.out.Bytes(), v); err != nil {
		p.t.Fatalf("%v: %s", err, p.out.Bytes())
	}
}

// jsSession is one session of the peer, as a client.
type jsSession struct {
	peer     *jsPeer
	p        *person
	seat     string
	announce []byte
	out      Output
	due      time.Time
	now      time.Time
	view     jsView
	epoch    *sframe.Epoch
	states   uint64
	may      bool
	halt     time.Time
	admits   []string
	number   uint32
}

type jsView struct {
	State  string
	People []struct {
		Key  string
		Role string
	}
}

func (p *jsPeer) session(who *person) *jsSession {
	p.made++
	s := &jsSession{peer: p, p: who, seat: who.name + strconv.Itoa(p.made)}
	var a struct{ Announce, Key string }
	seed := who.identity.key.Seed()
	p.ask(map[string]any{
		"cmd": "create", "seat": s.seat, "meeting": "k7qm-2f9x-w3dj-8hrt", "fragment": p.link.String(), "name": who.name,
		"seed": hex.EncodeToString(seed), "public": hex.EncodeToString(who.identity.Public()),
	}, &a)
	var err error
	if s.announce, err = Decode(a.Announce); err != nil {
		p.t.Fatal(err)
	}
	return s
}

type jsOut struct {
	Type, What, Text, Key string
	Fields                json.RawMessage
	List                  []struct{ Admit string }
	Order                 struct {
		Order   string
		Epoch   uint64
		Base    string
		Leaf    uint32
		Members [][2]any
		Removal bool
		Send    bool
		HaltIn  *float64
		Owners  [][2]any
		Number  uint32
		Owner   string
	}
	To *float64
}

// event gives the session an event, and takes what comes of it.
func (s *jsSession) event(now time.Time, e map[string]any) {
	s.now = now
	var a struct {
		Out      []jsOut
		Deadline *float64
		View     jsView
	}
	ms := float64(now.Sub(s.p.w.start)) / float64(time.Millisecond)
	s.peer.ask(map[string]any{"cmd": "event", "seat": s.seat, "now": ms, "event": e}, &a)
	if s.view = a.View; a.Deadline == nil {
		s.due = time.Time{}
	} else {
		s.due = s.p.w.start.Add(time.Duration(*a.Deadline * float64(time.Millisecond)))
		s.due = s.due.Add(time.Millisecond - 1).Truncate(time.Millisecond)
		if s.due.Before(now) {
			s.due = now.Add(time.Millisecond)
		}
	}
	for i := range a.Out {
		s.take(&a.Out[i])
	}
	s.gate()
}

func (s *jsSession) take(o *jsOut) {
	switch o.Type {
	case "send":
		if m := s.message(o); m != nil {
			s.out.Messages = append(s.out.Messages, m)
		}
	case "chat":
		kind := NoticeChat
		if o.To != nil {
			kind = NoticePrivate
		}
		from, err := Decode(o.Key)
		if err == nil && len(from) == keySize {
			s.out.Notices = append(s.out.Notices, Notice{Kind: kind, From: Key(from), Text: o.Text})
		}
	case "asked":
		if from, err := Decode(o.Key); err == nil && len(from) == keySize {
			s.out.Notices = append(s.out.Notices, Notice{Kind: NoticeAsk, From: Key(from), Text: o.What})
		}
	case "admissions":
		for _, a := range o.List {
			s.admits = append(s.admits, a.Admit)
		}
	case "media":
		s.media(o)
	}
}

// message turns the fields of a request into a value.
func (s *jsSession) message(o *jsOut) Message {
	var f struct {
		GroupID   string `json:"group_id"`
		Leaf      uint32
		Data      string
		GroupInfo string `json:"group_info"`
		Added     []struct {
			Participant, Leaf uint32
			Secrets           string
		}
		From  uint64
		Epoch uint64
		Hash  string
		Kind  string
		To    []struct {
			Participant uint32
			Data        string
		}
	}
	if err := json.Unmarshal(o.Fields, &f); err != nil {
		s.peer.t.Fatalf("%s: %v", o.What, err)
	}
	b := func(text string) []byte {
		data, err := Decode(text)
		if err != nil {
			s.peer.t.Fatalf("%s: %v", o.What, err)
		}
		return data
	}
	switch o.What {
	case "found":
		return &Found{b(f.GroupID), f.Leaf}
	case "key_package":
		return &KeyPackage{b(f.Data)}
	case "propose":
		return &Propose{b(f.Data)}
	case "log_get":
		return &LogGet{f.From}
	case "stuck":
		return &Stuck{f.Epoch, [HashSize]byte(b(f.Hash))}
	case "commit":
		m := &Commit{Data: b(f.Data), GroupInfo: b(f.GroupInfo)}
		for _, a := range f.Added {
			m.Added = append(m.Added, Added{a.Participant, a.Leaf, b(a.Secrets)})
		}
		return m
	case "broadcast":
		kinds := map[string]Kind{"chat": KindChat, "reaction": KindReaction, "app": KindApp, "group": KindGroup}
		return &Broadcast{kinds[f.Kind], b(f.Data)}
	case "relay":
		for _, r := range f.To[1:] {
			s.out.Messages = append(s.out.Messages, &Relay{r.Participant, b(r.Data)})
		}
		return &Relay{f.To[0].Participant, b(f.To[0].Data)}
	}
	s.peer.t.Fatalf("a request %q", o.What)
	return nil
}

func (s *jsSession) media(o *jsOut) {
	switch o.Order.Order {
	case "epoch":
		base, err := hex.DecodeString(o.Order.Base)
		if err != nil || len(base) != 16 {
			s.peer.t.Fatal("base key")
		}
		s.states++
		e := &sframe.Epoch{
			Number: o.Order.Epoch, State: s.states, Base: [16]byte(base), Own: o.Order.Leaf, Removes: o.Order.Removal,
		}
		for _, m := range o.Order.Members {
			leaf, _ := m[0].(float64)
			text, _ := m[1].(string)
			key, err := Decode(text)
			if err != nil {
				s.peer.t.Fatal(err)
			}
			for int(leaf) >= len(e.Leaves) {
				e.Leaves = append(e.Leaves, Key{})
			}
			e.Leaves[int(leaf)] = Key(key)
		}
		s.epoch = e
		s.out.Epochs = append(s.out.Epochs, e)
	case "outside":
		base, err := hex.DecodeString(o.Order.Base)
		owner, err2 := Decode(o.Order.Owner)
		if err != nil || err2 != nil || len(base) != 16 {
			s.peer.t.Fatal("secret outside")
		}
		s.out.Outside = append(s.out.Outside, OutsideKey{o.Order.Epoch, o.Order.Number, Key(owner), [16]byte(base)})
	case "may":
		s.may, s.halt = o.Order.Send, time.Time{}
		if o.Order.HaltIn != nil {
			s.halt = s.now.Add(time.Duration(*o.Order.HaltIn * float64(time.Millisecond)))
		}
	case "owners":
		for _, pair := range o.Order.Owners {
			number, _ := pair[0].(float64)
			if text, there := pair[1].(string); there {
				key, err := Decode(text)
				if err != nil {
					s.peer.t.Fatal(err)
				}
				s.out.Owners = append(s.out.Owners, Owner{Participant: uint32(number), Key: Key(key)})
			} else {
				s.out.Owners = append(s.out.Owners, Owner{Participant: uint32(number), Gone: true})
			}
		}
	case "over":
		s.may, s.out.Clear, s.epoch = false, true, nil
	}
}

// gate is what the media worker of a page does: it sends under the newest epoch, while it may.
func (s *jsSession) gate() {
	s.out.Sending = &Sending{}
	if s.may && s.epoch != nil && (s.halt.IsZero() || s.now.Before(s.halt)) {
		s.out.Sending.Epoch = s.epoch
	}
}

func entriesOf(seats []Seat) []map[string]any {
	list := []map[string]any{}
	for i := range seats {
		list = append(list, map[string]any{
			"participant": seats[i].Participant, "announce": Encode(seats[i].Announce), "connected": seats[i].Connected,
		})
	}
	return list
}

func (s *jsSession) Announce() []byte { return s.announce }

func (s *jsSession) Welcome(now time.Time, self uint32, admission []byte, seats []Seat) {
	e := map[string]any{
		"type": "welcome", "participant": self, "resumed": s.number == self,
		"participants": entriesOf(append([]Seat{{Participant: self, Announce: s.announce, Connected: true}}, seats...)),
	}
	if s.number = self; admission != nil {
		e["admit"] = Encode(admission)
	}
	s.event(now, map[string]any{"type": "connection", "up": true})
	s.event(now, e)
}

func (s *jsSession) Roster(now time.Time, changed []Seat, left []uint32) {
	gone := []map[string]any{}
	for _, n := range left {
		gone = append(gone, map[string]any{"participant": n})
	}
	s.event(now, map[string]any{"type": "roster", "changed": entriesOf(changed), "left": gone})
}

func (s *jsSession) Group(now time.Time, g State) {
	e := map[string]any{
		"type": "group", "server_key": Encode(g.ServerKey), "position": g.Position, "epoch": g.Epoch, "found": g.Found,
	}
	if g.GroupID != nil {
		e["group_id"] = Encode(g.GroupID)
	}
	s.event(now, e)
}

func (s *jsSession) Log(now time.Time, entries []Entry) {
	list := []map[string]any{}
	for _, x := range entries {
		list = append(list, map[string]any{"position": x.Position, "from": x.From, "data": Encode(x.Data)})
	}
	s.event(now, map[string]any{"type": "log", "entries": list})
}

func (s *jsSession) KeyPackages(now time.Time, turn int, list []Package) {
	packages := []map[string]any{}
	for _, x := range list {
		packages = append(packages, map[string]any{"participant": x.Participant, "data": Encode(x.Data)})
	}
	s.event(now, map[string]any{"type": "key_packages", "turn": turn, "packages": packages})
}

func (s *jsSession) Secrets(now time.Time, in Secrets) {
	s.event(now, map[string]any{
		"type": "secrets", "group_info": Encode(in.GroupInfo), "position": in.Position,
		"joiners": []map[string]any{{"participant": s.number, "leaf": in.Leaf, "secrets": Encode(in.Data)}},
	})
}

func (s *jsSession) Stuck(now time.Time, from uint32, epoch uint64, hash [HashSize]byte) {
	s.event(now, map[string]any{"type": "stuck", "epoch": epoch, "hash": Encode(hash[:]), "participant": from})
}

func (s *jsSession) Relay(now time.Time, from uint32, data []byte) {
	relays := []map[string]any{{"from": from, "data": Encode(data)}}
	s.event(now, map[string]any{"type": "relays", "relays": relays})
}

func (s *jsSession) Broadcast(now time.Time, from uint32, kind Kind, data []byte) {
	names := map[Kind]string{KindChat: "chat", KindReaction: "reaction", KindApp: "app", KindGroup: "group"}
	s.event(now, map[string]any{
		"type": "broadcast", "from": from, "kind": names[kind], "at": "2026-11-30T12:00:00Z", "data": Encode(data),
	})
}

func (s *jsSession) Lost(now time.Time) {
	s.event(now, map[string]any{"type": "connection", "up": false})
}

func (s *jsSession) Forgotten(now time.Time) {
	s.event(now, map[string]any{"type": "refused", "what": "log_get"})
}

func (s *jsSession) UnknownEpoch(now time.Time) { s.event(now, map[string]any{"type": "asked_log"}) }

func (s *jsSession) Leave(now time.Time) { s.event(now, map[string]any{"type": "leave"}) }

func (s *jsSession) Tick(now time.Time) { s.event(now, map[string]any{"type": "tick"}) }

func (s *jsSession) Next() time.Time {
	if !s.halt.IsZero() && s.halt.After(s.now) && (s.due.IsZero() || s.halt.Before(s.due)) {
		return s.halt
	}
	return s.due
}

func (s *jsSession) Take() Output {
	out := s.out
	s.out = Output{}
	return out
}

func (s *jsSession) Status() Status {
	st := Status{Over: s.view.State == "removed", Confirmed: s.view.State == "in"}
	st.Inside = st.Confirmed || s.view.State == "unconfirmed"
	own := s.p.key()
	for _, m := range s.view.People {
		if m.Key == Encode(own[:]) {
			st.Role = roleNames[m.Role]
		}
	}
	return st
}

func (s *jsSession) Admit(announce []byte, _ Role) ([]byte, error) {
	waiting := []map[string]any{{"participant": 9999, "announce": Encode(announce), "connected": true}}
	s.event(s.p.w.now, map[string]any{"type": "waiting", "waiting": waiting})
	s.admits = nil
	s.event(s.p.w.now, map[string]any{"type": "admit", "participants": []int{9999}})
	s.event(s.p.w.now, map[string]any{"type": "waiting", "waiting": []any{}})
	if len(s.admits) == 0 {
		return nil, ErrNotReady
	}
	return Decode(s.admits[0])
}

// state is what a client knows of the group: epoch and authenticator.
func stateOf(p *person) string {
	if p.peer == nil {
		if p.session.phase != inside {
			return "outside " + p.name
		}
		return fmt.Sprintf("%d %x", p.session.cur.public.epoch, p.session.cur.group.Authenticator())
	}
	s, _ := p.seat.session.(*jsSession)
	var a struct {
		Epoch         int64
		Authenticator string
	}
	p.peer.ask(map[string]any{"cmd": "state", "seat": s.seat}, &a)
	return fmt.Sprintf("%d %s", a.Epoch, a.Authenticator)
}

// TestGoAndJavaScriptInOneMeeting: people of both implementations come, go, reload and are cut off at random;
// afterwards all are in one group and hear each other.
func TestGoAndJavaScriptInOneMeeting(t *testing.T) {
	seeds := 2
	if text := os.Getenv("HISTORIES"); text != "" {
		var err error
		if seeds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range uint64(seeds) {
		for _, lobby := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d lobby %v", seed, lobby), func(t *testing.T) { runMixed(t, seed, lobby) })
		}
	}
}

// TestAPageAndOneOutside: a page is asked by one outside, gives it keys, and hears it; so does everybody else.
func TestAPageAndOneOutside(t *testing.T) {
	w := newWorld(t, true, "ann")
	w.person("bob").peer = startJavaScript(t, w.link)
	w.person("rec").outer = true
	for _, name := range []string{"ann", "bob", "rec"} {
		w.person(name).join()
		w.person(name).live(sframe.Mic)
		w.pass(2 * time.Second)
	}
	bob, rec := w.people["bob"], w.people["rec"]
	page, _ := bob.seat.session.(*jsSession)
	tell := func(e map[string]any) {
		page.event(w.now, e)
		bob.take(bob.seat)
	}
	key := rec.key()
	tell(map[string]any{"type": "live", "sources": []string{"mic"}})
	if !bob.warned(NoticeAsk, 0) || rec.hears(bob) {
		t.Fatal("not asked, or heard before the person agreed")
	}
	tell(map[string]any{"type": "consent", "key": Encode(key[:]), "given": true})
	w.pass(2 * time.Second)
	if !rec.hears(bob) || !bob.hears(rec) || !w.people["ann"].hears(rec) || rec.hears(w.people["ann"]) {
		t.Error("who agreed is not heard, or someone does not hear, or who did not agree is heard")
	}
	if !w.people["ann"].warned(NoticeConsent, 0) {
		t.Error("others were not told")
	}
	tell(map[string]any{"type": "consent", "key": Encode(key[:]), "given": false})
	w.pass(2 * time.Second)
	if rec.hears(bob) || !w.people["ann"].hears(bob) {
		t.Error("still heard, or not heard by members")
	}
}

// mixed is such a history. Names that begin with j are people with a page.
type mixed struct {
	*world
	dice  *rand.Rand
	there map[string]bool
	cut   map[string]bool
	log   []string
}

func (h *mixed) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf("%8v ", h.now.Sub(h.start))+fmt.Sprintf(format, args...))
}

func runMixed(t *testing.T, seed uint64, lobby bool) {
	names := []string{"g0", "j1", "g2", "j3", "g4", "j5"}
	if seed%2 == 1 {
		names = []string{"j0", "g1", "j2", "g3", "j4", "g5"}
	}
	h := &mixed{
		world: newWorld(t, lobby, names[0]), dice: rand.New(rand.NewPCG(seed, 7)), there: map[string]bool{},
		cut: map[string]bool{},
	}
	h.frame, h.trace = 200*time.Millisecond, h.note
	peer := startJavaScript(t, h.link)
	for _, name := range names {
		p := h.person(name)
		if name[0] == 'j' {
			p.peer = peer
		}
	}
	h.come(names[0])
	h.pass(2 * time.Second)
	for range 20 {
		h.step(names)
		h.pass(time.Duration(h.dice.IntN(3000)) * time.Millisecond)
	}
	h.note("quiet")
	h.pass(100 * time.Second)
	h.check(t, names)
	if t.Failed() {
		for _, line := range h.log {
			t.Log(line)
		}
	}
}

func (h *mixed) come(name string) {
	h.note("%s comes", name)
	h.there[name] = true
	h.people[name].join()
	h.people[name].live(sframe.Mic)
}

func (h *mixed) step(names []string) {
	name := names[h.dice.IntN(len(names))]
	p := h.people[name]
	there := 0
	for _, is := range h.there {
		if is {
			there++
		}
	}
	switch k := h.dice.IntN(10); {
	case !h.there[name]:
		h.come(name)
	case h.cut[name]:
	case k < 2 && there > 2 && name != names[0]:
		h.note("%s leaves", name)
		h.there[name] = false
		p.live()
		p.leave()
	case k < 3 && there > 2 && name != names[0]:
		h.note("%s closes", name)
		h.there[name] = false
		p.live()
		p.closes()
	case k < 6:
		h.note("%s reloads", name)
		p.closes()
		p.join()
	case k < 8 && h.server.seats[p.seat.number] == p.seat:
		h.lose(p)
	}
}

func (h *mixed) lose(p *person) {
	seat := p.seat
	away := time.Duration(h.dice.IntN(15000)) * time.Millisecond
	h.note("%s is cut for %v", p.name, away)
	h.cut[p.name] = true
	p.cut()
	h.after(away, func() {
		if h.cut[p.name] = false; p.seat == seat && h.there[p.name] {
			h.note("%s resumes", p.name)
			p.resume()
		}
	})
}

func (h *mixed) check(t *testing.T, names []string) {
	var here []string
	for _, name := range names {
		if h.there[name] && !slices.ContainsFunc(h.server.waiting, func(o *serverSeat) bool { return o.p.name == name }) {
			here = append(here, name)
		}
	}
	if len(h.server.waiting) > 0 {
		t.Errorf("%d still wait", len(h.server.waiting))
	}
	first := stateOf(h.people[here[0]])
	for _, a := range here {
		if got := stateOf(h.people[a]); got != first {
			t.Errorf("%s is in %.20s, %s in %.20s", a, got, here[0], first)
		}
		for _, b := range here {
			if a != b && !h.people[a].hears(h.people[b]) {
				t.Errorf("%s does not hear %s", a, b)
			}
		}
	}
}
