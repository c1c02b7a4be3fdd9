package sfu

import (
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/sdp"
	"conclave/sfu/wiretest"
)

// With private audio no client is asked how loud it is, what one says about it all the same is not read, nobody is
// reported as speaking, and the microphones are heard in the order in which they were opened.
func TestPrivateAudioKnowsNoLevels(t *testing.T) {
	for _, private := range []bool{true, false} {
		spoke := make(chan []media.ParticipantID, 256)
		srv := testServer(t)
		room := newRoom(srv, media.RoomConfig{PrivateAudio: private})
		room.listen(0, func(e media.Event) {
			if e.Kind == media.EventSpeakers {
				spoke <- e.Speakers
			}
		})
		first, loud := newAttacker(t, room, 1), newAttacker(t, room, 2)
		answer := loud.renegotiate(attackerOffer)
		if strings.Contains(answer, sdp.URIAudioLevel) == private {
			t.Errorf("private %v: the answer is\n%s", private, answer)
		}
		setLive(first.peer, media.Sources(media.Mic))
		setLive(loud.peer, media.Sources(media.Mic))
		for seq := range uint16(25) {
			loud.RTP(wiretest.Audio(seq, 10))
			time.Sleep(10 * time.Millisecond)
		}
		order := func(id media.ParticipantID) func() bool {
			return func() bool {
				room.Room.mu.Lock()
				defer room.Room.mu.Unlock()
				order := room.hearing.ranker.Order()
				return len(order) == 2 && order[0].Key.id == id
			}
		}
		if private {
			wiretest.Eventually(t, "the first to open is the first to be heard", order(1))
			if len(spoke) != 0 {
				t.Errorf("%v were reported as speaking", <-spoke)
			}
			continue
		}
		wiretest.Eventually(t, "the loudest is the first to be heard", order(2))
		if len(spoke) == 0 {
			t.Error("nobody was reported as speaking")
		}
	}
}
