package meeting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"conclave/media"
	"conclave/protocol"
)

func TestMain(m *testing.M) {
	// the runtime's own, seen only while it is at work
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("runtime.runCleanups"))
}

// inbox is a sink that only remembers.
type inbox struct {
	mu     sync.Mutex
	events []protocol.ServerMessage
}

func (b *inbox) Deliver(d *Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, d.Message)
}

func (b *inbox) bye() (protocol.ByeReason, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e, ok := e.(*protocol.Bye); ok {
			return e.Reason, true
		}
	}
	return "", false
}

func (b *inbox) count(match func(protocol.ServerMessage) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if match(e) {
			n++
		}
	}
	return n
}

func newRegistry(t testing.TB, cfg Config) (*Registry, *fakeMedia) {
	t.Helper()
	fake := &fakeMedia{}
	cfg.Media = fake
	r, err := NewRegistry(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r, fake
}

func create(t testing.TB, r *Registry, c Creation) ID {
	t.Helper()
	id, _, err := r.Create(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func enter(t testing.TB, r *Registry, id ID, name string) (*Seat, *inbox) {
	t.Helper()
	box := &inbox{}
	seat, err := r.Join(t.Context(), Join{Meeting: id, Identity: who(name), Name: NewDisplayName(name), Sink: box})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return seat, box
}

// Nothing of a meeting is left when it has ended: not in the registry, not in the media server, no goroutine, no timer.
func TestEverythingIsGoneWhenAMeetingEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, r *Registry, host *Seat) protocol.ByeReason{
		"ended by the host": func(t *testing.T, _ *Registry, host *Seat) protocol.ByeReason {
			if err := host.Do(t.Context(), &protocol.End{}); err != nil {
				t.Fatal(err)
			}
			return protocol.ByeEnded
		},
		"expired": func(*testing.T, *Registry, *Seat) protocol.ByeReason {
			time.Sleep(2*time.Hour + time.Second)
			return protocol.ByeExpired
		},
		"shut down": func(t *testing.T, r *Registry, _ *Seat) protocol.ByeReason {
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			return protocol.ByeShuttingDown
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, fake := newRegistry(t, Config{})
				id := create(t, r, Creation{Creator: who("ana")})
				host, anaBox := enter(t, r, id, "ana")
				seat, benBox := enter(t, r, id, "ben")
				if g := r.Gauges(); g.Meetings != 1 || g.Participants != 2 {
					t.Fatalf("%+v", g)
				}
				want := end(t, r, host)
				synctest.Wait()
				for _, box := range []*inbox{anaBox, benBox} {
					if why, ok := box.bye(); !ok || why != want {
						t.Fatalf("bye %v %v", why, ok)
					}
				}
				if len(r.meetings) != 0 || len(r.creators) != 0 || len(r.stats.counted) != 0 || r.Gauges().Participants != 0 {
					t.Fatalf("left over: %d meetings, %d creators, %+v", len(r.meetings), len(r.creators), r.Gauges())
				}
				if fake.closed != 1 {
					t.Fatal("the media room is open")
				}
				if a := seat.actor; a.state.seats != nil || a.state.resumes != nil || a.peers != nil || a.timer.Stop() {
					t.Fatal("the meeting's state is still there")
				}
				if err := seat.Do(t.Context(), &protocol.Chat{Text: "anybody?"}); !errors.Is(err, ErrNoSuchMeeting) {
					t.Fatal(err)
				}
				_, err := r.Join(t.Context(), Join{Meeting: id, Identity: who("ben"), Sink: &inbox{}})
				if !errors.Is(err, ErrNoSuchMeeting) {
					t.Fatal(err)
				}
				if _, err := r.Info(t.Context(), id, who("ben")); !errors.Is(err, ErrNoSuchMeeting) {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestEmptyMeetingIsForgottenAfterFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRegistry(t, Config{})
		create(t, r, Creation{Creator: who("ana")})
		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		if r.Gauges().Meetings != 1 {
			t.Fatal("gone too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if r.Gauges().Meetings != 0 {
			t.Fatal("still there")
		}
	})
}

func TestCreationIsBounded(t *testing.T) {
	r, _ := newRegistry(t, Config{MaxMeetings: 3, MeetingsPerAddress: 2})
	defer func() { _ = r.Close(context.Background()) }()
	create(t, r, Creation{Creator: who("ana")})
	create(t, r, Creation{Creator: who("ana")})
	if _, _, err := r.Create(t.Context(), Creation{Creator: who("ana")}); err != ErrTooManyMeetings {
		t.Fatal(err)
	}
	create(t, r, Creation{Creator: who("ben")})
	if _, _, err := r.Create(t.Context(), Creation{Creator: who("cem")}); err != ErrServerFull {
		t.Fatal(err)
	}
}

func TestIDsAreUnguessable(t *testing.T) {
	seen := map[ID]bool{}
	letters := map[byte]int{}
	for range 20_000 {
		id := newID()
		if seen[id] {
			t.Fatal("twice the same id")
		}
		seen[id] = true
		text := id.Reveal()
		if again, err := ParseID(text); err != nil || again != id {
			t.Fatalf("%q does not parse", text)
		}
		for i := range len(text) {
			letters[text[i]]++
		}
	}
	delete(letters, '-')
	if len(letters) != 32 {
		t.Fatalf("%d letters", len(letters))
	}
	for c, n := range letters { // 320,000 draws, 10,000 each expected, σ ≈ 98
		if n < 9_400 || n > 10_600 {
			t.Errorf("%c comes %d times", c, n)
		}
	}
}

func TestPassword(t *testing.T) {
	r, _ := newRegistry(t, Config{})
	defer func() { _ = r.Close(context.Background()) }()
	id := create(t, r, Creation{Creator: who("ana"), Password: "correct horse"})
	try := func(name, password string) error {
		_, err := r.Join(t.Context(), Join{Meeting: id, Identity: who(name), Name: NewDisplayName(name), Password: password,
			Sink: &inbox{}})
		return err
	}
	for _, wrong := range []string{"", "Correct horse", "correct horse ", "x"} {
		if err := try("ben", wrong); !errors.Is(err, ErrWrongPassword) {
			t.Fatalf("%q: %v", wrong, err)
		}
	}
	if g := r.Gauges(); g.Participants != 0 {
		t.Fatal("a wrong password took a seat")
	}
	if err := try("ben", "correct horse"); err != nil {
		t.Fatal(err)
	}
	if err := try("ana", ""); err != nil {
		t.Fatalf("the creator: %v", err)
	}
}

func TestPasswordHashingIsBoundedAndCancelled(t *testing.T) {
	h := newHasher()
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := h.hash(ctx, "x"); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	<-h.slots
	hash, err := h.hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := h.matches(t.Context(), "x", hash); !ok {
		t.Fatal("the right password does not match")
	}
	other, _ := h.hash(t.Context(), "x")
	if other == hash {
		t.Fatal("no salt")
	}
	if ok, _ := h.matches(t.Context(), "y", hash); ok {
		t.Fatal("a wrong password matches")
	}
}

func TestMediaIsDrivenByDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fake := newRegistry(t, Config{})
		id := create(t, r, Creation{Creator: who("ana"), Lobby: true})
		box := &inbox{}
		waiting, err := r.Join(t.Context(), Join{Meeting: id, Identity: who("ben"), Name: NewDisplayName("ben"), Sink: box})
		if err != nil || len(fake.rooms) != 0 {
			t.Fatalf("%v, %d rooms before anybody is admitted", err, len(fake.rooms))
		}
		if _, err := waiting.Negotiate(t.Context(), &protocol.Offer{}); !errors.Is(err, ErrNotJoined) {
			t.Fatalf("a peer in the lobby: %v", err)
		}
		host, hostBox := enter(t, r, id, "ana")
		if err := host.Do(t.Context(), &protocol.Admit{All: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := waiting.Negotiate(t.Context(), &protocol.Offer{}); err != nil {
			t.Fatal(err)
		}
		ben := fake.rooms[0].peer(waiting.Participant())
		if err := waiting.Do(t.Context(), on(everything.List()...)); err != nil || ben.live != everything {
			t.Fatal(err, ben.live)
		}
		ben.tell(media.Event{Kind: media.EventSlots, Slots: []media.Slot{{MID: "4", Participant: 2, Source: media.Mic}}})
		ben.tell(media.Event{Kind: media.EventEncode, Source: media.Camera, RIDs: []string{"q"}})
		ben.tell(media.Event{Kind: media.EventConnected})
		fake.rooms[0].tell(media.Event{Kind: media.EventSpeakers, Speakers: []media.ParticipantID{waiting.Participant()}})
		synctest.Wait()
		for _, b := range []*inbox{box, hostBox} {
			if b.count(func(e protocol.ServerMessage) bool { _, ok := e.(*protocol.Speakers); return ok }) != 1 {
				t.Fatal("speakers were not told")
			}
		}
		if box.count(func(e protocol.ServerMessage) bool { _, ok := e.(*protocol.Slots); return ok }) != 1 {
			t.Fatal("slots were not told")
		}
		err = host.Do(t.Context(), &protocol.Remove{Participants: []media.ParticipantID{waiting.Participant()}})
		if err != nil || !ben.closed {
			t.Fatal("removed and still connected", err)
		}
		if _, err := waiting.Negotiate(t.Context(), &protocol.Offer{}); !errors.Is(err, ErrNotJoined) {
			t.Fatal(err)
		}
		ben.tell(media.Event{Kind: media.EventSlots, Slots: []media.Slot{{MID: "4"}}}) // a late report about nobody
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		ben.tell(media.Event{Kind: media.EventFailed, Cause: "late"})
		fake.rooms[0].tell(media.Event{Kind: media.EventSpeakers, Speakers: nil})
		synctest.Wait()
	})
}

// However many events the media server has, none of them waits, and what is kept is bounded.
func TestMediaEventsAreCoalesced(t *testing.T) {
	r, fake := newRegistry(t, Config{})
	defer func() { _ = r.Close(context.Background()) }()
	id := create(t, r, Creation{Creator: who("ana")})
	seat, box := enter(t, r, id, "ana")
	blocked, release := make(chan struct{}), make(chan struct{})
	if err := seat.actor.post(job{run: func(time.Time) { close(blocked); <-release }}); err != nil {
		t.Fatal(err)
	}
	<-blocked
	peer := fake.rooms[0].peer(seat.Participant())
	for i := range 100_000 {
		mid := fmt.Sprint(i % 10)
		peer.tell(media.Event{Kind: media.EventSlots, Slots: []media.Slot{{MID: mid, Participant: media.ParticipantID(i),
			Source: media.Camera}}})
		peer.tell(media.Event{Kind: media.EventEncode, Source: media.Camera, RIDs: []string{"q"}})
		fake.rooms[0].tell(media.Event{Kind: media.EventSpeakers, Speakers: []media.ParticipantID{media.ParticipantID(i)}})
	}
	if n := len(seat.actor.reports); n != 1 {
		t.Fatalf("%d reports are kept for one peer", n)
	}
	close(release)
	if err := seat.Do(t.Context(), &protocol.Active{}); err != nil {
		t.Fatal(err)
	}
	found := 0
	box.count(func(e protocol.ServerMessage) bool {
		if e, ok := e.(*protocol.Slots); ok {
			found = len(e.Slots)
			if e.Slots[9].Participant != 99_999 {
				t.Errorf("not the latest state: %+v", e.Slots[9])
			}
		}
		return false
	})
	if found != 10 {
		t.Fatalf("%d slots told", found)
	}
}

func TestMailboxIsBounded(t *testing.T) {
	r, _ := newRegistry(t, Config{})
	defer func() { _ = r.Close(context.Background()) }()
	id := create(t, r, Creation{Creator: who("ana")})
	seat, box := enter(t, r, id, "ana")
	blocked, release := make(chan struct{}), make(chan struct{})
	_ = seat.actor.post(job{run: func(time.Time) { close(blocked); <-release }})
	<-blocked
	for range maxMailbox {
		if err := seat.actor.post(job{run: func(time.Time) {}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := seat.Do(t.Context(), &protocol.Active{}); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	seat.actor.finish(protocol.ByeShuttingDown) // ending works even so
	close(release)
	for range 1000 {
		if _, ok := box.bye(); ok {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("not ended")
}

func TestPanicEndsOneParticipantOnly(t *testing.T) {
	r, fake := newRegistry(t, Config{})
	defer func() { _ = r.Close(context.Background()) }()
	id := create(t, r, Creation{Creator: who("ana")})
	host, _ := enter(t, r, id, "ana")
	ben, box := enter(t, r, id, "ben")
	fake.mu.Lock()
	fake.panics = true
	fake.mu.Unlock()
	if err := ben.Do(t.Context(), on(everything.List()...)); !errors.Is(err, ErrInternal) {
		t.Fatal(err)
	}
	fake.mu.Lock()
	fake.panics = false
	fake.mu.Unlock()
	if err := host.Do(t.Context(), &protocol.Chat{Text: "still here"}); err != nil {
		t.Fatal(err)
	}
	if why, ok := box.bye(); !ok || why != protocol.ByeInternal {
		t.Fatalf("ben: %v %v", why, ok)
	}
	if g := r.Gauges(); g.Participants != 1 || g.Panics != 1 || g.Meetings != 1 {
		t.Fatalf("%+v", g)
	}
}

func TestAbandonedJoinLeavesNoSeat(t *testing.T) {
	r, _ := newRegistry(t, Config{})
	defer func() { _ = r.Close(context.Background()) }()
	id := create(t, r, Creation{Creator: who("ana")})
	host, _ := enter(t, r, id, "ana")
	blocked, release := make(chan struct{}), make(chan struct{})
	_ = host.actor.post(job{run: func(time.Time) { close(blocked); <-release }})
	<-blocked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Join(ctx, Join{Meeting: id, Identity: who("ben"), Sink: &inbox{}}); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	close(release)
	if err := host.Do(t.Context(), &protocol.Active{}); err != nil {
		t.Fatal(err)
	}
	if n := r.Gauges().Participants; n != 1 {
		t.Fatalf("%d participants", n)
	}
}

func TestManyJoinAndLeaveAtOnce(t *testing.T) {
	r, _ := newRegistry(t, Config{})
	id := create(t, r, Creation{Creator: who("ana")})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			seat, _ := enter(t, r, id, fmt.Sprint(i))
			for range 10 {
				if err := seat.Do(t.Context(), &protocol.Chat{Text: "hello"}); err != nil {
					t.Error(err)
				}
			}
			switch i % 3 {
			case 0:
				seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
			case 1:
				seat.Lost()
			}
		})
	}
	all.Wait()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g := r.Gauges(); g.Meetings != 0 || g.Participants != 0 || g.Panics != 0 {
		t.Fatalf("%+v", g)
	}
}

// A client is told why its media does not flow.
func TestAClientIsToldWhyItsMediaFails(t *testing.T) {
	r, fake := newRegistry(t, Config{})
	id := create(t, r, Creation{Creator: who("ana")})
	ana, box := enter(t, r, id, "ana")
	peer := fake.rooms[0].peer(ana.Participant())
	told := func() (all []protocol.MediaFailed) {
		box.mu.Lock()
		defer box.mu.Unlock()
		for _, e := range box.events {
			if m, ok := e.(*protocol.MediaFailed); ok {
				all = append(all, *m)
			}
		}
		return all
	}
	await := func(n int) []protocol.MediaFailed {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); len(told()) < n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("told %+v", told())
			}
		}
		return told()
	}
	peer.tell(media.Event{Kind: media.EventStuck, Cause: "udp_blocked"})
	first := await(1)[0]
	if first.Reason != protocol.FailedUDPBlocked || first.Final || !strings.Contains(first.Message, "UDP") {
		t.Errorf("told %+v", first)
	}
	peer.tell(media.Event{Kind: media.EventFailed, Cause: "ice_timeout"})
	if last := await(2)[1]; last.Reason != protocol.FailedICE || !last.Final {
		t.Errorf("told %+v", last)
	}
}

// What the media server says about everybody and about one peer reaches those whom it concerns, whatever goroutine it
// says it on.
func TestReportsOfTheMediaServerReachTheirReceivers(t *testing.T) {
	r, fake := newRegistry(t, Config{})
	id := create(t, r, Creation{Creator: who("ana")})
	ana, anaBox := enter(t, r, id, "ana")
	ben, benBox := enter(t, r, id, "ben")
	room := fake.rooms[0]
	var all sync.WaitGroup
	all.Go(func() {
		room.tell(media.Event{Kind: media.EventQuality, Quality: []media.Quality{{Participant: ana.Participant(), Bars: 4}}})
	})
	all.Go(func() {
		room.tell(media.Event{Kind: media.EventQuality, Quality: []media.Quality{{Participant: ben.Participant(), Bars: 1}}})
	})
	all.Go(func() {
		room.peer(ben.Participant()).tell(media.Event{Kind: media.EventRefused, Source: media.Screen, Cause: "not_encrypted"})
	})
	all.Wait()
	bars := func(b *inbox) map[media.ParticipantID]int {
		b.mu.Lock()
		defer b.mu.Unlock()
		out := make(map[media.ParticipantID]int)
		for _, e := range b.events {
			if e, ok := e.(*protocol.Quality); ok {
				for _, q := range e.Quality {
					out[q.Participant] = q.Bars
				}
			}
		}
		return out
	}
	refused := func(b *inbox) (n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, e := range b.events {
			m, ok := e.(*protocol.MediaRefused)
			if ok && *m == (protocol.MediaRefused{Source: media.Screen, Reason: "not_encrypted"}) {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		a, b := bars(anaBox), bars(benBox)
		if len(a) == 2 && len(b) == 2 && a[ana.Participant()] == 4 && b[ben.Participant()] == 1 && refused(benBox) == 1 &&
			refused(anaBox) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("ana: %v, ben: %v, refused %d and %d", a, b, refused(anaBox), refused(benBox))
		}
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
