package meeting

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// tape is a Recorder that keeps records until the test says that they are on disk, or cannot be.
type tape struct {
	mu      sync.Mutex
	list    []string
	pending []func(error)
	held    bool  // records wait
	down    error // they cannot be written; Ready says so if notReady
	unready bool
}

func (p *tape) Record(list []Record, done func(error)) {
	p.mu.Lock()
	for _, r := range list {
		p.list = append(p.list, describe(r))
	}
	down := p.down
	if p.held {
		p.pending = append(p.pending, done)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	done(down)
}

func describe(r Record) string {
	parts := []string{strings.TrimSuffix(r.Actor, "@example.org"), string(r.Action)}
	for _, more := range []string{strings.TrimSuffix(r.Subject, "@example.org"), r.Detail} {
		if more != "" {
			parts = append(parts, more)
		}
	}
	return strings.Join(parts, " ")
}

func (p *tape) Ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.unready
}

// set changes what happens to records from now on.
func (p *tape) set(held, unready bool, down error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.unready, p.down = held, unready, down
}

// settle ends the wait of what is pending.
func (p *tape) settle(err error) {
	p.mu.Lock()
	pending := p.pending
	p.pending = nil
	p.mu.Unlock()
	for _, done := range pending {
		done(err)
	}
}

func (p *tape) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.list
	p.list = nil
	return list
}

func withTape(p *tape) setting { return withOptions(func(c *Config) { c.Recorder = p }) }

// TestEachActionIsRecorded plays a meeting in which everything happens that is recorded, and nothing of what is said.
func TestEachActionIsRecorded(t *testing.T) {
	st := newStage(t, withTape(&tape{}), withLobby, withPassword, withOptions(func(c *Config) { c.Guests = true }))
	var got []string
	step := func(want ...string) {
		t.Helper()
		got = nil
		for _, r := range st.s.takeRecords(st.now) {
			if r.Meeting != st.s.id || !r.At.Equal(st.now) {
				t.Errorf("%+v", r)
			}
			got = append(got, describe(r))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
	proved := func(j *joinRequest) { j.proved = true }
	ana := st.join("ana")
	step("ana meeting_joined host")
	ben, cem := st.join("ben", proved), st.join("cem", proved)
	guest := st.join("", proved, func(j *joinRequest) { j.identity = Identity{Session: SessionKeyOf("g")} })
	step("ben lobby_requested", "cem lobby_requested", "guest 4 lobby_requested")
	st.must(ana, &protocol.Admit{Participants: []media.ParticipantID{ben.id, guest.id}})
	step("ana lobby_admitted ben", "ben meeting_joined participant", "ana lobby_admitted guest 4",
		"guest 4 meeting_joined participant")
	st.must(ana, &protocol.Deny{Participants: []media.ParticipantID{cem.id}})
	step("ana lobby_denied cem")
	st.must(ben, on(media.Mic, media.Screen))
	step("ben share_started")
	st.must(ben, on(media.Mic, media.Screen, media.Camera))
	st.must(ben, &protocol.Chat{Text: "content"})
	st.must(ben, &protocol.Hand{Raised: true})
	step()
	both := []media.Source{media.Mic, media.Screen}
	st.must(ana, &protocol.Mute{Participants: []media.ParticipantID{ben.id}, Sources: both})
	step("ana participant_muted ben mic screen", "ben share_stopped")
	st.must(ana, &protocol.SetRole{Participant: ben.id, Role: protocol.RoleCohost})
	step("ana role_changed ben cohost")
	st.must(ben, &protocol.SetPolicy{Locked: ptr(true)})
	st.must(ben, &protocol.SetPolicy{Locked: ptr(true)})
	st.must(ben, &protocol.SetPolicy{Locked: ptr(false)})
	step("ben meeting_locked", "ben meeting_unlocked")
	st.must(ben, &protocol.Remove{Participants: []media.ParticipantID{guest.id}, Ban: true})
	step("ben participant_removed guest 4 banned", "guest 4 meeting_left removed")
	st.must(ben, on(media.Screen))
	st.must(ana, &protocol.Leave{})
	step("ben share_started", "ana meeting_left left", "ana role_changed ben host")
	st.must(ben, &protocol.End{})
	step("ben meeting_ended ended")

	st = newStage(t, withTape(&tape{}))
	st.join("ana")
	st.advance(3 * time.Hour)
	records := st.s.takeRecords(st.now)
	if last := describe(records[len(records)-1]); last != "server meeting_expired" {
		t.Error(last)
	}
}

// TestNothingIsToldBeforeItIsOnDisk holds the records back: neither who asks nor anyone else hears of an action, while
// the meeting itself goes on.
func TestNothingIsToldBeforeItIsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tape{}
		r, media := newRegistry(t, Config{Recorder: log})
		id := create(t, r, Creation{Creator: who("ana")})
		ana, anaBox := enter(t, r, id, "ana")
		_, benBox := enter(t, r, id, "ben")
		time.Sleep(time.Second)
		synctest.Wait()
		before := len(anaBox.events) + len(benBox.events)
		log.set(true, false, nil)
		answered := make(chan error, 2)
		go func() { answered <- ana.Do(t.Context(), &protocol.SetPolicy{Locked: ptr(true)}) }()
		synctest.Wait()
		go func() { answered <- ana.Do(t.Context(), &protocol.Chat{Text: "after"}) }()
		synctest.Wait()
		a := r.find(id)
		if !a.state.locked {
			t.Error("the meeting waits for the log")
		}
		if len(answered) != 0 || len(anaBox.events)+len(benBox.events) != before {
			t.Fatal("something was told before it was on disk")
		}
		log.set(false, false, nil)
		log.settle(nil)
		synctest.Wait()
		if len(answered) != 2 || <-answered != nil || <-answered != nil {
			t.Fatal("the requests were not answered")
		}
		var order []string
		for _, e := range benBox.events[1:] {
			order = append(order, fmt.Sprintf("%T", e))
		}
		if !strings.HasSuffix(strings.Join(order, " "), "*protocol.PolicyEvent *protocol.ChatEvent") {
			t.Error(order)
		}
		if err := r.Close(t.Context()); err != nil || media.closed != 1 {
			t.Error(err, media.closed)
		}
	})
}

// TestWelcomeComesFirst: someone who joins while an event for everyone waits does not get it before their welcome.
func TestWelcomeComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tape{}
		r, _ := newRegistry(t, Config{Recorder: log})
		id := create(t, r, Creation{Creator: who("ana")})
		ana, _ := enter(t, r, id, "ana")
		log.set(true, false, nil)
		go func() { _ = ana.Do(t.Context(), &protocol.SetPolicy{Locked: ptr(false), Lobby: ptr(false)}) }()
		go func() { _ = ana.Do(t.Context(), &protocol.SetPolicy{Locked: ptr(true)}) }()
		synctest.Wait()
		box := &inbox{}
		go func() {
			_, err := r.Join(t.Context(), Join{Meeting: id, Identity: who("ana"), Name: NewDisplayName("ana"), Sink: box})
			if err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		log.set(false, false, nil)
		log.settle(nil)
		synctest.Wait()
		if len(box.events) == 0 {
			t.Fatal("nothing came")
		}
		if _, ok := box.events[0].(*protocol.Welcome); !ok {
			t.Errorf("%T came first", box.events[0])
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestWhoCannotBeRecordedDoesNotComeIn: the log fails at the very moment of a join. There is no welcome, and no seat is
// left.
func TestWhoCannotBeRecordedDoesNotComeIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tape{}
		r, _ := newRegistry(t, Config{Recorder: log})
		id := create(t, r, Creation{Creator: who("ana")})
		_, anaBox := enter(t, r, id, "ana")
		log.set(false, false, errors.New("disk full"))
		box := &inbox{}
		_, err := r.Join(t.Context(), Join{Meeting: id, Identity: who("ben"), Name: NewDisplayName("ben"), Sink: box})
		if !errors.Is(err, ErrAuditUnavailable) {
			t.Error(err)
		}
		synctest.Wait()
		if n := box.count(func(m protocol.ServerMessage) bool { _, ok := m.(*protocol.Welcome); return ok }); n != 0 {
			t.Error("ben was welcomed")
		}
		if g := r.Gauges(); g.Participants != 1 {
			t.Errorf("%d participants", g.Participants)
		}
		log.set(false, false, nil)
		enter(t, r, id, "cem")
		time.Sleep(time.Second)
		roster := anaBox.count(func(m protocol.ServerMessage) bool { _, ok := m.(*protocol.Roster); return ok })
		if roster == 0 || r.Gauges().Participants != 2 {
			t.Error("the meeting does not go on")
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestAuditedRequestsFailWhileTheLogCannotBeWritten: running meetings go on, hear of it, and refuse what would be
// recorded; nobody new comes in, and no meeting is made.
func TestAuditedRequestsFailWhileTheLogCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tape{}
		r, _ := newRegistry(t, Config{Recorder: log})
		id := create(t, r, Creation{Creator: who("ana")})
		ana, box := enter(t, r, id, "ana")
		ben, _ := enter(t, r, id, "ben")
		log.set(false, true, errors.New("disk full"))
		r.RecorderChanged()
		notices := func(kind protocol.NoticeKind) int {
			synctest.Wait()
			return box.count(func(m protocol.ServerMessage) bool {
				n, ok := m.(*protocol.Notice)
				return ok && n.Notice == kind
			})
		}
		if notices(protocol.AuditStopped) != 1 {
			t.Error("no notice")
		}
		one := []media.ParticipantID{ben.Participant()}
		for _, m := range []protocol.ClientMessage{
			&protocol.Mute{Participants: one, Sources: everything.List()}, &protocol.Remove{Participants: one}, &protocol.End{},
			&protocol.SetRole{Participant: one[0], Role: protocol.RoleViewer}, &protocol.SetPolicy{Locked: ptr(true)},
			&protocol.Admit{All: true}, &protocol.Deny{Participants: one}, on(media.Screen),
		} {
			if err := ana.Do(t.Context(), m); err != ErrAuditUnavailable {
				t.Errorf("%T: %v", m, err)
			}
		}
		for _, m := range []protocol.ClientMessage{on(media.Mic), &protocol.Chat{Text: "still here"}, &protocol.Active{}} {
			if err := ana.Do(t.Context(), m); err != nil {
				t.Errorf("%T: %v", m, err)
			}
		}
		join := Join{Meeting: id, Identity: who("cem"), Name: NewDisplayName("cem"), Sink: &inbox{}}
		if _, err := r.Join(t.Context(), join); err != ErrAuditUnavailable {
			t.Error(err)
		}
		if _, _, err := r.Create(t.Context(), Creation{Creator: who("dora")}); err != ErrAuditUnavailable {
			t.Error(err)
		}
		log.set(false, false, nil)
		r.RecorderChanged()
		if notices(protocol.AuditResumed) != 1 || ana.Do(t.Context(), &protocol.SetPolicy{Locked: ptr(true)}) != nil {
			t.Error("it does not go on")
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestCreationIsRecordedFirst: who made a meeting, and whether it is encrypted.
func TestCreationIsRecordedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tape{}
		r, _ := newRegistry(t, Config{Recorder: log})
		create(t, r, Creation{Creator: who("ana"), E2EE: true})
		create(t, r, Creation{Creator: who("ben")})
		want := []string{"ana meeting_created", "ana encryption_state on", "ben meeting_created", "ben encryption_state off"}
		if got := log.take(); !slices.Equal(got, want) {
			t.Error(got)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got := log.take(); !slices.Equal(got, []string{
			"server meeting_ended shutting_down", "server meeting_ended shutting_down",
		}) {
			t.Error(got)
		}
	})
}

// TestSlowLogBoundsWhatIsHeld: while nothing gets on disk the mailbox fills up and refuses, and no memory grows.
func TestSlowLogBoundsWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tape{}
		r, _ := newRegistry(t, Config{Recorder: log})
		id := create(t, r, Creation{Creator: who("ana")})
		ana, _ := enter(t, r, id, "ana")
		log.set(true, false, nil)
		a, busy := r.find(id), 0
		for i := range 3 * (maxHeld + maxMailbox) {
			err := a.post(job{seat: ana.id, run: func(now time.Time) {
				_ = a.state.request(now, ana.id, ana.sink, &protocol.SetPolicy{Locked: ptr(i%2 == 0)}, newToken)
			}})
			if errors.Is(err, ErrBusy) {
				busy++
			}
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if len(a.held) > maxHeld+maxMailbox || busy == 0 {
			t.Errorf("%d jobs are held, %d were refused", len(a.held), busy)
		}
		log.set(false, false, nil)
		log.settle(nil)
		synctest.Wait()
		if len(a.held) != 0 || len(a.jobs) != 0 {
			t.Errorf("%d are still held, %d wait", len(a.held), len(a.jobs))
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
