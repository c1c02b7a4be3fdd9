package meeting

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// breakoutStage is a meeting with a waiting room, whose host ana let ben and a guest in, and rooms of it.
type breakoutStage struct {
	t     *testing.T
	r     *Registry
	main  ID
	seats map[string]*Seat
	rooms []ID
}

var breakoutGuest = Identity{Session: SessionKeyOf("gus")}

func newBreakoutStage(t *testing.T, n int) *breakoutStage {
	t.Helper()
	r, _ := newRegistry(t, Config{Guests: true})
	s := &breakoutStage{t: t, r: r, seats: make(map[string]*Seat)}
	s.main = create(t, r, Creation{Creator: who("ana"), Lobby: true})
	for _, identity := range []Identity{who("ana"), who("ben"), breakoutGuest} {
		seat, err := r.Join(t.Context(), Join{Meeting: s.main, Identity: identity, Name: NewDisplayName("x"), Sink: &inbox{}})
		if err != nil {
			t.Fatal(err)
		}
		s.seats[[]string{"ana", "ben", "gus"}[len(s.seats)]] = seat
	}
	s.do("ana", &protocol.Admit{All: true})
	if n > 0 {
		rooms, err := s.seats["ana"].OpenBreakouts(t.Context(), &protocol.OpenBreakouts{Count: n})
		if err != nil || len(rooms) != n {
			t.Fatal(rooms, err)
		}
		s.rooms = rooms
	}
	return s
}

func (s *breakoutStage) do(name string, m protocol.ClientMessage) {
	s.t.Helper()
	if err := s.seats[name].Do(s.t.Context(), m); err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
}

func (s *breakoutStage) enter(room ID, who Identity) (*Seat, *inbox, error) {
	box := &inbox{}
	seat, err := s.r.Join(s.t.Context(), Join{Meeting: room, Identity: who, Name: NewDisplayName("x"), Sink: box})
	return seat, box, err
}

func (s *breakoutStage) meetings() int {
	synctest.Wait()
	return s.r.Gauges().Meetings
}

func TestWhoIsInTheMeetingEntersItsRoomsAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBreakoutStage(t, 2)
		for _, who := range []Identity{who("ana"), who("ben"), breakoutGuest} {
			_, box, err := s.enter(s.rooms[0], who)
			synctest.Wait()
			welcomed := box.count(func(m protocol.ServerMessage) bool { _, ok := m.(*protocol.Welcome); return ok })
			if err != nil || welcomed != 1 {
				t.Fatal(err, welcomed)
			}
		}
		waits, _, err := s.enter(s.main, who("eve")) // in the lobby
		if err != nil {
			t.Fatal(err)
		}
		for _, stranger := range []Identity{who("eve"), who("mal"), {Session: SessionKeyOf("other guest")}} {
			_, box, err := s.enter(s.rooms[1], stranger)
			synctest.Wait()
			if !errors.Is(err, ErrNoSuchMeeting) || len(box.events) != 0 {
				t.Fatalf("a stranger with the address: %v, %d events", err, len(box.events))
			}
			if _, err := s.r.Info(t.Context(), s.rooms[1], stranger); !errors.Is(err, ErrNoSuchMeeting) {
				t.Fatalf("a stranger learns of the room: %v", err)
			}
		}
		_ = waits
		_ = s.r.Close(t.Context())
	})
}

// A room's key would let someone listen who was put out of the meeting.
func TestARoomHasNoStreamKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBreakoutStage(t, 1)
		seat, _, err := s.enter(s.rooms[0], who("ana"))
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []protocol.Kind{protocol.KindIngest, protocol.KindEgress} {
			if _, _, err := seat.StreamKey(t.Context(), &protocol.StreamKey{Kind: kind, Name: "x"}); err != ErrNotPermitted {
				t.Fatal(kind, err)
			}
		}
		_ = s.r.Close(t.Context())
	})
}

// Ben is removed after the meeting said that he is in it, and before the room gives him a seat.
func TestWhoIsPutOutWhileEnteringARoomIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBreakoutStage(t, 1)
		room, box := s.r.find(s.rooms[0]), &inbox{}
		if !room.mayEnterBreakout(t.Context(), who("ben")) {
			t.Fatal("ben is in the meeting")
		}
		s.do("ana", &protocol.Remove{Participants: []media.ParticipantID{s.seats["ben"].Participant()}})
		j := Join{Meeting: s.rooms[0], Identity: who("ben"), Name: NewDisplayName("x"), Sink: box}
		seat, err := s.r.sit(t.Context(), room, j)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := seat.stillMayEnter(t.Context(), j); err != ErrNoSuchMeeting {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, out := box.bye(); !out || s.r.Gauges().Participants != 2 { // ana and the guest
			t.Fatal("who was removed is in the room", s.r.Gauges().Participants)
		}
		_ = s.r.Close(t.Context())
	})
}

func TestOnlyTheHostOpensRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBreakoutStage(t, 1)
		for _, name := range []string{"ben", "gus"} {
			if _, err := s.seats[name].OpenBreakouts(t.Context(), &protocol.OpenBreakouts{Count: 1}); err != ErrNotPermitted {
				t.Fatal(err)
			}
			if err := s.seats[name].Do(t.Context(), &protocol.CloseBreakouts{}); err != ErrNotPermitted {
				t.Fatal(err)
			}
		}
		room, _, err := s.enter(s.rooms[0], who("ana"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := room.OpenBreakouts(t.Context(), &protocol.OpenBreakouts{Count: 1}); err != ErrNotPermitted {
			t.Fatalf("a room has rooms: %v", err)
		}
		_ = s.r.Close(t.Context())
	})
}

func TestRoomsEndWithTheirMeetingOrBefore(t *testing.T) {
	for name, end := range map[string]func(*breakoutStage) int{
		"closed": func(s *breakoutStage) int { s.do("ana", &protocol.CloseBreakouts{}); return 1 },
		"opened anew": func(s *breakoutStage) int {
			if _, err := s.seats["ana"].OpenBreakouts(s.t.Context(), &protocol.OpenBreakouts{Count: 5}); err != nil {
				s.t.Fatal(err)
			}
			return 6
		},
		"meeting ended": func(s *breakoutStage) int { s.do("ana", &protocol.End{}); return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newBreakoutStage(t, 20)
				_, box, err := s.enter(s.rooms[3], who("ben"))
				if err != nil || s.meetings() != 21 {
					t.Fatal(err, s.meetings())
				}
				if want := end(s); s.meetings() != want {
					t.Fatalf("%d meetings, want %d", s.meetings(), want)
				}
				if why, ok := box.bye(); !ok || why != protocol.ByeEnded {
					t.Fatal(why, ok)
				}
				_ = s.r.Close(t.Context())
				synctest.Wait()
				if len(s.r.breakouts) != 0 || len(s.r.creators) != 0 || len(s.r.meetings) != 0 {
					t.Fatal("something is left", len(s.r.breakouts), len(s.r.creators), len(s.r.meetings))
				}
			})
		})
	}
}

// Rooms take nothing of what a person may create, live as long as the meeting even while empty, and no longer.
func TestEmptyRoomsWaitForTheirMeeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBreakoutStage(t, 2)
		time.Sleep(30 * time.Minute)
		s.r.mu.RLock()
		theirs := s.r.creators[who("ana").person()]
		s.r.mu.RUnlock()
		if n := s.meetings(); n != 3 || theirs != 1 {
			t.Fatal(n, theirs)
		}
		time.Sleep(2 * time.Hour)
		if n := s.meetings(); n != 0 {
			t.Fatal(n)
		}
	})
}

func TestWhoIsPutOutOfTheMeetingIsOutOfItsRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBreakoutStage(t, 1)
		_, ben, err := s.enter(s.rooms[0], who("ben"))
		if err != nil {
			t.Fatal(err)
		}
		_, gus, err := s.enter(s.rooms[0], breakoutGuest)
		if err != nil {
			t.Fatal(err)
		}
		s.do("ana", &protocol.Remove{Participants: []media.ParticipantID{s.seats["ben"].Participant()}})
		if _, out := ben.bye(); !out {
			t.Fatal("who was removed is still in the room")
		}
		if _, out := gus.bye(); out {
			t.Fatal("another was put out")
		}
		if _, _, err := s.enter(s.rooms[0], who("ben")); !errors.Is(err, ErrNoSuchMeeting) {
			t.Fatal(err)
		}
		s.seats["gus"].Leave(&protocol.Leave{}, protocol.ByeLeft)
		synctest.Wait()
		if _, out := gus.bye(); !out {
			t.Fatal("who left the meeting is still in the room")
		}
		_ = s.r.Close(t.Context())
	})
}

// Rooms are bounded for a person over all their meetings, and for all. A meeting's rooms count once when it opens
// new ones in their place.
func TestRoomsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRegistry(t, Config{MaxMeetings: 300})
		host := func(name string) *Seat {
			t.Helper()
			id := create(t, r, Creation{Creator: who(name)})
			seat, err := r.Join(t.Context(), Join{Meeting: id, Identity: who(name), Name: NewDisplayName("x"), Sink: &inbox{}})
			if err != nil {
				t.Fatal(err)
			}
			return seat
		}
		open := func(seat *Seat, n int, want error) {
			t.Helper()
			if _, err := seat.OpenBreakouts(t.Context(), &protocol.OpenBreakouts{Count: n}); err != want {
				t.Fatalf("%v, want %v", err, want)
			}
			synctest.Wait()
		}
		first, second, third := host("ana"), host("ana"), host("ana")
		open(first, 20, nil)
		open(second, 20, nil)
		open(third, 1, ErrTooManyBreakouts)
		open(first, 19, nil)
		open(third, 1, nil)
		open(host("ben"), 20, nil)
		open(host("cem"), 16, ErrServerFull) // 76 of 300
		open(host("cem"), 15, nil)
		create(t, r, Creation{Creator: who("dora")})
		_ = r.Close(t.Context())
	})
}

// While a newer version of the server takes the new meetings, those that are here have their rooms here; while the
// server stops they open none. Rooms that are refused are not recorded.
func TestAMeetingThatStaysOpensRoomsUntilTheServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &tape{}
		r, _ := newRegistry(t, Config{Recorder: disk})
		id := create(t, r, Creation{Creator: who("ana")})
		ana, err := r.Join(t.Context(), Join{Meeting: id, Identity: who("ana"), Name: NewDisplayName("x"), Sink: &inbox{}})
		if err != nil {
			t.Fatal(err)
		}
		empty := r.Retire()
		if _, err := ana.OpenBreakouts(t.Context(), &protocol.OpenBreakouts{Count: 2}); err != nil {
			t.Fatal(err)
		}
		go r.EndIn(t.Context(), time.Minute)
		synctest.Wait()
		disk.take()
		if _, err := ana.OpenBreakouts(t.Context(), &protocol.OpenBreakouts{Count: 2}); err != ErrServerFull {
			t.Fatal(err)
		}
		if recorded := disk.take(); len(recorded) != 0 {
			t.Fatal(recorded)
		}
		if err := ana.Do(t.Context(), &protocol.End{}); err != nil {
			t.Fatal(err)
		}
		<-empty
	})
}
