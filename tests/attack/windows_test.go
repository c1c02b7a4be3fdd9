package attack

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestRecordedPacketsAreRefusedAfterAnSSRCChange: a replay window lives as long as the keys, whatever SSRCs come and
// go.
func TestRecordedPacketsAreRefusedAfterAnSSRCChange(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	alice, bob := s.join(t, meeting, aliceIP), s.join(t, meeting, bobIP)
	var recorded [][]byte
	speak := func(n int) {
		for range n {
			sealed := alice.seal(alice.packet(mic))
			recorded = append(recorded, sealed)
			alice.write(append([]byte(nil), sealed...))
			time.Sleep(10 * time.Millisecond)
		}
	}
	speak(30)
	first := recorded
	alice.sequences.ssrc[mic] = rand.Uint32()
	speak(30)
	eventually(t, "the second half is heard", func() bool { return bob.packets.Load() >= 40 })
	time.Sleep(200 * time.Millisecond)
	before := bob.packets.Load()
	spoof := newSpoofer(t)
	for _, packet := range first {
		spoof.send(alice.addr, alice.media, packet)
	}
	time.Sleep(500 * time.Millisecond)
	if n := bob.packets.Load() - before; n != 0 {
		t.Errorf("%d of %d recorded packets were forwarded again", n, len(first))
	}
}
