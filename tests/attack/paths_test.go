package attack

import (
	"testing"
	"time"
)

// TestAnotherParticipantsCheckTakesNoAddress: an authentic check of somebody else, from the victim's address, changes
// nothing for the victim.
func TestAnotherParticipantsCheckTakesNoAddress(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	mallory := s.join(t, s.createMeeting(), malloryIP)
	alice.publish(t.Context(), 0)
	bob.publish(t.Context(), 0)
	alice.needsFlow("before the attack")
	spoof := newSpoofer(t)
	for range 20 {
		spoof.send(alice.addr, alice.media, mallory.checkMessage(true))
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	alice.needsFlow("to the victim")
	bob.needsFlow("from the victim")
	time.Sleep(3 * time.Second) // its own checks have not won the address back: it never lost it
	alice.needsFlow("to the victim, later")
	bob.needsFlow("from the victim, later")
}

// TestASpoofedNominationSendsNothingToAThirdParty: media goes only where the participant has answered from.
func TestASpoofedNominationSendsNothingToAThirdParty(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, mallory := s.join(t, meeting, aliceIP), s.join(t, meeting, malloryIP)
	alice.publish(t.Context(), 50)
	mallory.view(alice)
	mallory.needsFlow("before the attack")
	stranger, spoof, sent := newSink(t), newSpoofer(t), int64(0)
	for range 5 {
		check := mallory.checkMessage(true)
		sent += int64(len(check))
		spoof.send(stranger.addr, mallory.media, check)
		time.Sleep(400 * time.Millisecond)
	}
	t.Logf("%d bytes brought the third party %d bytes", sent, stranger.bytes.Load())
	if n := stranger.bytes.Load(); n > sent {
		t.Errorf("%d bytes brought the third party %d bytes", sent, n)
	}
	mallory.needsFlow("to where the participant is")
}

// TestNoMoreGoesOutThanCameInBeforeConsent: to an address that has answered nothing, neither checks nor a handshake
// bring more than they cost.
func TestNoMoreGoesOutThanCameInBeforeConsent(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	hello := s.join(t, s.createMeeting(), malloryIP).rawHandshake[0] // a ClientHello
	mallory := s.seat(t, s.createMeeting())
	mallory.open(malloryIP)
	mallory.offer()
	stranger, spoof, sent := newSink(t), newSpoofer(t), int64(0)
	send := func(b []byte) {
		sent += int64(len(b))
		spoof.send(stranger.addr, mallory.media, b)
		time.Sleep(20 * time.Millisecond)
		if n := stranger.bytes.Load(); n > sent {
			t.Fatalf("%d bytes brought the third party %d bytes", sent, n)
		}
	}
	for range 20 {
		send(mallory.checkMessage(true))
		send(hello)
	}
	time.Sleep(2 * time.Second) // DTLS repeats what is not answered
	t.Logf("%d bytes brought the third party %d bytes", sent, stranger.bytes.Load())
	if n := stranger.bytes.Load(); n > sent {
		t.Errorf("%d bytes brought the third party %d bytes", sent, n)
	}
}

// TestAReplayedCheckMovesNothing: what somebody on the way has recorded is worth nothing later, at another address
// and at one that the participant has left.
func TestAReplayedCheckMovesNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	bob.publish(t.Context(), 0)
	recorded := alice.checkMessage(true)
	if err := alice.sendCheck(recorded); err != nil {
		t.Fatal(err)
	}
	alice.needsFlow("before the attack")
	stranger, spoof := newSink(t), newSpoofer(t)
	for range 5 {
		spoof.send(stranger.addr, alice.media, recorded)
		time.Sleep(200 * time.Millisecond)
	}
	if n := stranger.packets.Load(); n != 0 {
		t.Errorf("a replayed check brought a third party %d packets", n)
	}
	alice.needsFlow("after a replay from a third party's address")

	old := alice.addr
	alice.move(malloryIP)
	for range 5 {
		spoof.send(old, alice.media, recorded)
		time.Sleep(100 * time.Millisecond)
	}
	alice.needsFlow("where the participant is now")
}

// TestMediaFollowsAParticipantWhoMoves: what answers at its new address is sent there.
func TestMediaFollowsAParticipantWhoMoves(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	alice.publish(t.Context(), 0)
	bob.publish(t.Context(), 0)
	alice.needsFlow("at first")
	alice.move(strangerIP)
	alice.needsFlow("to the new address")
	bob.needsFlow("from the new address")
}

// TestMediaEndsWithConsent: whoever answers no check of ours any more is sent nothing 30 s later (RFC 7675 §5.1),
// even if checks of theirs go on.
func TestMediaEndsWithConsent(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	bob.publish(t.Context(), 0)
	alice.needsFlow("at first")
	alice.answersOff.Store(true)
	time.Sleep(31 * time.Second)
	if alice.flows(2 * time.Second) {
		t.Error("media goes on 31 s after the last sign of consent")
	}
}

// TestAViewerThatReportsNothingStaysLow: without a word of what arrives, a viewer gets what the first estimate allows.
func TestAViewerThatReportsNothingStaysLow(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	alice.publish(t.Context(), 500) // 4 Mbit/s
	bob.view(alice)
	bob.needsFlow("at first")
	time.Sleep(4 * time.Second)
	before, began := bob.bytes.Load(), time.Now()
	time.Sleep(3 * time.Second)
	kbit := float64(bob.bytes.Load()-before) * 8 / 1000 / time.Since(began).Seconds()
	t.Logf("%.0f kbit/s", kbit)
	if kbit > 1600 {
		t.Errorf("a viewer that reports nothing is sent %.0f kbit/s", kbit)
	}
}
