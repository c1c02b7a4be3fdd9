package meeting

import (
	"errors"
	"testing"
	"testing/synctest"

	"conclave/media"
	"conclave/protocol"
)

// Muting and removing are answered when the media server says that no packet flows any more, not before; what gives
// something, or changes nothing of what is forwarded, is answered at once. The meeting goes on meanwhile.
func TestWhatIsTakenAwayIsAcknowledgedOnceItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fake := newRegistry(t, Config{})
		id := create(t, r, Creation{Creator: who("ana")})
		host, _ := enter(t, r, id, "ana")
		guest, _ := enter(t, r, id, "ben")
		everything := media.Sources(media.Mic, media.Camera)
		fake.mu.Lock()
		fake.slow = true
		fake.mu.Unlock()
		peer := fake.rooms[0].peer(guest.Participant())
		if err := guest.Do(t.Context(), on(everything.List()...)); err != nil {
			t.Fatal(err)
		}
		answered := func(s *Seat, m protocol.ClientMessage) <-chan error {
			done := make(chan error, 1)
			go func() { done <- s.Do(t.Context(), m) }()
			synctest.Wait()
			return done
		}
		for name, step := range map[string]struct {
			seat    *Seat
			request protocol.ClientMessage
			left    media.SourceSet
		}{
			"own mute": {guest, on(media.Camera), media.Sources(media.Camera)},
			"host's mute": {host, &protocol.Mute{Participants: []media.ParticipantID{guest.Participant()},
				Sources: everything.List()}, 0},
		} {
			if err := guest.Do(t.Context(), on(everything.List()...)); err != nil {
				t.Fatal(err)
			}
			done := answered(step.seat, step.request)
			if len(done) != 0 || peer.live != step.left {
				t.Fatalf("%s: answered early, or %v is desired", name, peer.live)
			}
			if err := host.Do(t.Context(), &protocol.Active{}); err != nil {
				t.Fatalf("%s: the meeting stands still: %v", name, err)
			}
			peer.tell(media.Event{Kind: media.EventApplied, Generation: peer.generation - 1})
			if synctest.Wait(); len(done) != 0 {
				t.Fatalf("%s: answered for what was desired before", name)
			}
			peer.apply()
			if err := <-done; err != nil {
				t.Fatal(name, err)
			}
		}
		done := answered(host, &protocol.Remove{Participants: []media.ParticipantID{guest.Participant()}})
		if len(done) != 0 || !peer.closed {
			t.Fatal("removed, and answered early")
		}
		peer.apply()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// A meeting that ends answers those who wait for its media.
func TestAnEndAnswersThoseWhoWaitForMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fake := newRegistry(t, Config{})
		id := create(t, r, Creation{Creator: who("ana")})
		host, _ := enter(t, r, id, "ana")
		if err := host.Do(t.Context(), on(media.Mic)); err != nil {
			t.Fatal(err)
		}
		fake.mu.Lock()
		fake.slow = true
		fake.mu.Unlock()
		done := make(chan error, 1)
		go func() { done <- host.Do(t.Context(), on()) }()
		synctest.Wait()
		if len(done) != 0 {
			t.Fatal("answered early")
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// A participant whom the media server does not let in has a seat, and no media.
func TestOffersOfWhoHasNoMediaAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fake := newRegistry(t, Config{})
		id := create(t, r, Creation{Creator: who("ana")})
		host, _ := enter(t, r, id, "ana")
		fake.rooms[0].peer(host.Participant()).tell(media.Event{Kind: media.EventJoinFailed, Cause: "room_full"})
		synctest.Wait()
		if _, err := host.Negotiate(t.Context(), &protocol.Offer{}); !errors.Is(err, ErrInternal) {
			t.Errorf("answered %v", err)
		}
		if err := host.Do(t.Context(), &protocol.Active{}); err != nil {
			t.Error(err)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
