package group

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// history is a meeting in which people come, go, reload, lose connections and act at random.
type history struct {
	*world
	dice    *rand.Rand
	ended   map[string]time.Time // when the server ended the seat of one who is not there
	there   map[string]bool
	cut     map[string]bool
	revoked map[string]bool
	log     []string
	bad     bool
	resumed map[string]time.Time
}

func (h *history) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf("%8v ", h.now.Sub(h.start))+fmt.Sprintf(format, args...))
}

// present are those who are there and connected.
func (h *history) present() (list []string) {
	for _, name := range h.order {
		if h.there[name] && !h.cut[name] {
			list = append(list, name)
		}
	}
	return list
}

func (h *history) pick(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[h.dice.IntN(len(list))]
}

func (h *history) gone(name string) {
	h.there[name], h.ended[name] = false, h.now
	h.people[name].live()
}

// step is one thing that happens.
func (h *history) step() {
	here := h.present()
	name := h.pick(here)
	switch k := h.dice.IntN(20); {
	case k < 7 || len(here) < 2:
		h.come()
	case k < 9 && len(here) > 2:
		h.note("%s leaves", name)
		h.people[name].leave()
		h.gone(name)
	case k < 11 && len(here) > 2:
		h.note("%s closes", name)
		h.people[name].closes()
		h.gone(name)
	case k < 13:
		h.note("%s reloads", name)
		h.people[name].closes()
		h.people[name].join()
	case k < 15 && !h.cut[name]:
		h.lose(name)
	case k < 16:
		h.act(name)
	case k < 18:
		h.note("%s says something", name)
		if p := h.people[name]; p.session.Status().Inside {
			_ = p.does(func(s *Session) error { return s.Say(h.now, KindChat, "words") })
		}
	case h.bad:
		h.spoil(name)
	}
}

func (h *history) come() {
	var name string
	for i := range 10 {
		n := "p" + strconv.Itoa(i)
		if !h.there[n] && !h.revoked[n] {
			name = n
			break
		}
	}
	if name == "" {
		return
	}
	h.note("%s comes", name)
	h.there[name] = true
	delete(h.ended, name)
	h.person(name).join()
	h.people[name].live(sframe.Mic)
}

// lose cuts a connection for a while.
func (h *history) lose(name string) {
	p := h.people[name]
	seat := p.seat
	if seat.number == 0 || h.server.seats[seat.number] != seat {
		return
	}
	for_ := time.Duration(h.dice.IntN(20000)) * time.Millisecond
	h.note("%s is cut for %v", name, for_)
	h.cut[name] = true
	p.cut()
	h.after(for_, func() {
		h.cut[name] = false
		if p.seat == seat && h.there[name] {
			h.note("%s resumes", name)
			h.resumed[name] = h.now
			p.resume()
		}
	})
}

// act has a host do something.
func (h *history) act(name string) {
	p := h.people[name]
	if !p.session.Status().Confirmed || p.session.Status().Role != RoleHost {
		return
	}
	other := h.people[h.pick(h.present())]
	if other == p {
		return
	}
	switch h.dice.IntN(3) {
	case 0:
		role := Role(h.dice.IntN(4))
		err := p.does(func(s *Session) error { return s.SetRole(h.now, other.key(), role) })
		h.note("%s gives %s role %d: %v", name, other.name, role, err)
	case 1:
		err := p.does(func(s *Session) error { return s.Remove(h.now, other.key(), false) })
		h.note("%s removes %s: %v", name, other.name, err)
		if err == nil && other.name != "p0" {
			h.revoked[other.name] = true
			seat := other.seat
			h.after(100*time.Millisecond, func() { h.server.end(seat) })
			h.gone(other.name)
		}
	case 2:
		on := h.link.Lobby && h.dice.IntN(2) == 0 // where the link has no lobby the server of these tests has none
		err := p.does(func(s *Session) error { return s.SetLobby(h.now, on) })
		h.note("%s sets the lobby: %v", name, err)
	}
}

// spoil sends a commit that does not count.
func (h *history) spoil(name string) {
	p := h.people[name]
	if !p.session.Status().Confirmed {
		return
	}
	b := badCommit(p.session, "no psk", Key{})
	if b == nil {
		return
	}
	h.note("%s sends a bad commit", name)
	seat := p.seat
	h.after(hop, func() { h.server.message(seat, &Commit{Data: b}) })
}

// badCommit is a commit that breaks a rule.
func badCommit(s *Session, kind string, of Key) []byte {
	g, pub := s.cur.group, s.cur.public
	o := mls.CommitOptions{}
	switch kind {
	case "no psk":
		j, err := mls.NewJoiner(mls.Config{Random: s.random}, mls.Member{
			Key: newKeyFor(s), Credential: mls.Credential{Type: mls.CredentialBasic, Identity: make([]byte, 32)},
			Capabilities: mls.DefaultCapabilities(extMeeting, extSeat, extProof),
			Extensions:   []mls.Extension{{Type: extSeat, Data: s.ownSeat().encode()}},
		}, nil, nil)
		if err != nil {
			return nil
		}
		o.Adds = []*mls.KeyPackage{j.KeyPackage}
	case "remove":
		leaf, here := pub.index[of]
		if !here {
			return nil
		}
		o.Removes = []uint32{leaf}
	}
	c, err := g.Commit(o)
	if err != nil {
		return nil
	}
	c.Next.Close()
	return c.Message
}

func newKeyFor(s *Session) []byte {
	id, err := NewIdentity(s.random)
	if err != nil {
		return nil
	}
	return id.key
}

// watchFrames checks every frame that is sealed: no one who is gone for a second has its key.
func (h *history) watchFrames(t *testing.T) {
	h.onFrame = func(from *person, _ []byte, at time.Time) {
		for name, ended := range h.ended {
			gone := h.people[name]
			if h.there[name] || at.Sub(ended) < time.Second+3*hop || h.cut[from.name] ||
				at.Sub(h.resumed[from.name]) < time.Second+3*hop { // who was cut has not learned of it
				continue
			}
			if slices.ContainsFunc(gone.epochs, func(e *sframe.Epoch) bool { return e.Base == from.session.sending.Base }) {
				t.Errorf("%v: %s can hear %s, %v after it was gone", at.Sub(h.start), name, from.name, at.Sub(ended))
			}
		}
	}
}

func runHistory(t *testing.T, seed uint64, lobby, bad bool) {
	h := &history{
		world: newWorld(t, lobby, "p0"), dice: rand.New(rand.NewPCG(seed, 1)), ended: map[string]time.Time{},
		there: map[string]bool{}, cut: map[string]bool{}, revoked: map[string]bool{}, bad: bad,
		resumed: map[string]time.Time{},
	}
	h.frame = 200 * time.Millisecond
	h.watchFrames(t)
	h.trace = h.note
	h.come()
	h.pass(2 * time.Second)
	for range 40 {
		h.step()
		h.pass(time.Duration(h.dice.IntN(3000)) * time.Millisecond)
	}
	h.note("quiet")
	h.pass(3 * time.Minute)
	h.agree(t)
	if t.Failed() {
		for _, line := range h.log {
			t.Log(line)
		}
		for _, name := range h.order {
			p := h.people[name]
			d := &p.session.duty
			t.Logf("%s: there %v cut %v seat %d claims %v: %+v, sends %v losses %d pending %v offers %d rejected %d",
				name, h.there[name], h.cut[name], p.seat.number, p.seat.claims, p.session.Status(), p.sends,
				len(p.session.watch.losses), d.pending != nil, len(d.offers), len(d.rejected))
		}
		t.Logf("server: %d entries, newest epoch %d, ended %d", len(h.server.entries), h.server.newest,
			len(h.server.ended))
	}
}

// agree checks that all who are there are in one group, in which all hear each other.
func (h *history) agree(t *testing.T) {
	var waiting []string
	for _, seat := range h.server.waiting {
		waiting = append(waiting, seat.p.name)
	}
	here := slices.DeleteFunc(h.present(), func(name string) bool {
		return slices.Contains(waiting, name) || h.people[name].warned(NoticeRemoved, 0)
	})
	if len(waiting) > 0 && slices.ContainsFunc(here, func(name string) bool {
		return h.people[name].session.Status().Role == RoleHost
	}) {
		t.Errorf("%v still wait", waiting)
	}
	if len(here) > 0 {
		h.agrees(here...)
	}
}

// TestHonestMembersAgree: people come, go, reload and are cut at random; afterwards all are in one group.
func TestHonestMembersAgree(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 2
	}
	if text := os.Getenv("HISTORIES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		seeds = n
	}
	for seed := range uint64(seeds) {
		for _, lobby := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d lobby %v", seed, lobby), func(t *testing.T) { runHistory(t, seed, lobby, seed%2 == 1) })
		}
	}
}
