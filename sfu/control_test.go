package sfu

import (
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/forward"
)

// The limit on what is sent rests on all that is sent: repeats and probes, and what the pacer and the player send, too.
func TestTheEgressRateIsOfAllThatIsSent(t *testing.T) {
	worker, player, pacer := &forward.Counters{}, &forward.Counters{}, &forward.Counters{}
	senders := []forward.Sender{
		{Name: "0", Worker: true, Counters: worker}, {Name: "player", Counters: player}, {Name: "pacer", Counters: pacer},
	}
	var e egressRate
	now := time.Unix(1000, 0)
	e.measure(sentBytes(senders), now)
	if got := e.rate.Load(); got != 0 {
		t.Errorf("%d bit/s before a second has passed", got)
	}
	worker.ForwardedBytes.Add(1000)
	worker.SentBytes.Add(1500) // 500 of them repeated
	player.SentBytes.Add(200)
	pacer.SentBytes.Add(300)
	e.measure(sentBytes(senders), now.Add(2*time.Second))
	if got := e.rate.Load(); got != 8000 {
		t.Errorf("%d bit/s, want 8000: 2000 bytes in two seconds", got)
	}
	e.measure(sentBytes(senders), now.Add(3*time.Second))
	if got := e.rate.Load(); got != 0 {
		t.Errorf("%d bit/s while nothing is sent", got)
	}
}

// The page takes silence for a broken path, so that a meeting in which nobody speaks must not be silent.
func TestASilentMeetingHearsFromTheServer(t *testing.T) {
	room := newRoom(testServer(t), media.RoomConfig{})
	silent := newAttacker(t, room, 1)
	for range 4 {
		silent.Report("a pulse")
	}
}
