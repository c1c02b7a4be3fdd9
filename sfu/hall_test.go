package sfu

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"conclave/media"
	"conclave/sfu/wiretest"
)

// What each participant of a hall has.
const (
	hallAudio = 4 // audio slots
	hallVideo = 9 // video slots
)

// hall is a room whose control runs in virtual time: only tick and settle move it. The packet path is the real one.
type hall struct {
	t      testing.TB
	room   *testRoom
	people []*attacker // number i+1 at i
	now    time.Time
	n      int // of the latest tick
	seq    uint16
	spent  time.Duration // in control
	longst time.Duration // the longest single turn of it
}

// hallOffer is a microphone, a camera of three layers, a shared screen's audio, and the slots.
func hallOffer() string {
	cut := strings.Index(attackerOffer, "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:2")
	var b strings.Builder
	b.WriteString(attackerOffer[:cut])
	b.WriteString("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:s\r\na=rtcp-mux\r\na=sendonly\r\n" +
		"a=rtpmap:111 opus/48000/2\r\n")
	mids := "0 1 s"
	for i := range hallVideo {
		mids += fmt.Sprint(" v", i)
		fmt.Fprintf(&b, "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v%d\r\na=rtcp-mux\r\na=recvonly\r\n"+
			"a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n", i)
	}
	for i := range hallAudio {
		mids += fmt.Sprint(" a", i)
		fmt.Fprintf(&b, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a%d\r\na=rtcp-mux\r\na=recvonly\r\n"+
			"a=rtpmap:111 opus/48000/2\r\n", i)
	}
	return strings.Replace(b.String(), "BUNDLE 0 1 2 3", "BUNDLE "+mids, 1)
}

// newHall brings n people together, none of whom sends anything.
func newHall(t testing.TB, n int) *hall {
	t.Helper()
	s, err := Listen(Config{Listen: []netipAddrPort{mustAddrPort("127.0.0.1:0")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &hall{t: t, room: newRoom(s, media.RoomConfig{}), now: time.Now(), n: 1}
	t.Cleanup(h.room.end)
	s.roomMu.Lock()
	delete(s.rooms, h.room.Room) // the server's own clock does not drive it
	s.roomMu.Unlock()
	for range n {
		h.join()
	}
	h.run(demandDebounce + time.Second) // nobody watches anybody, and the publishers have been told
	return h
}

// join brings one more in, whose way carries everything.
func (h *hall) join() *attacker {
	a := &attacker{Endpoint: wiretest.New(h.t, h.room.server.network.Locals()[0].Addr)}
	a.peer = h.room.Join(media.ParticipantID(len(h.people) + 1))
	if _, err := a.peer.Negotiate(context.Background(), hallOffer(), []media.Track{{MID: "0", Source: media.Mic},
		{MID: "1", Source: media.Camera}, {MID: "s", Source: media.ScreenAudio}}); err != nil {
		h.t.Fatal(err)
	}
	a.connection = a.peer.connection
	a.Adopt(a.connection.Transport())
	a.connection.Egress().Assume(0)
	h.people = append(h.people, a)
	return a
}

// timed runs one turn of control.
func (h *hall) timed(turn func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadTime()
	turn()
	took := threadTime() - began
	h.spent += took
	h.longst = max(h.longst, took)
}

// threadTime is the CPU time that the thread has used.
func threadTime() time.Duration {
	var u unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &u)
	return time.Duration(u.Nano())
}

// tick lets 20 ms pass.
func (h *hall) tick() {
	h.n++
	h.now = h.now.Add(tick)
	h.timed(func() { h.room.tick(h.now, h.n) })
}

// run lets time pass.
func (h *hall) run(d time.Duration) {
	for end := h.now.Add(d); h.now.Before(end); {
		h.tick()
	}
}

// settle applies what is desired, in as many turns as it takes.
func (h *hall) settle() {
	for more := true; more; {
		h.timed(func() { more = h.room.settle(h.now) })
	}
}

// live switches sources of the participant at i on, all others off.
func (h *hall) live(i int, sources ...media.Source) {
	h.people[i].peer.SetLive(media.Sources(sources...), 0)
}

// track is what the participant at i publishes of a source.
func (h *hall) track(i int, source media.Source) *track {
	h.room.Room.mu.Lock()
	defer h.room.Room.mu.Unlock()
	return h.room.tracks[trackKey{h.people[i].peer.id, source}]
}

// says has the microphone at i send a packet of that level, as far as the ranking knows.
func (h *hall) says(i int, level uint8) { h.track(i, media.Mic).Observe(level, h.now) }

// shows has cameras really send a key frame of their lowest layer: slots that wait for it switch over.
func (h *hall) shows(people ...int) {
	before := receivedBy(h.room.server)
	h.seq++
	for _, i := range people {
		h.people[i].RTP(wiretest.Video(9, h.seq, "q"))
	}
	wiretest.Eventually(h.t, "it is forwarded",
		func() bool { return receivedBy(h.room.server) >= before+uint64(len(people)) })
	time.Sleep(10 * time.Millisecond) // the batch in hand
	h.tick()
}

// films has all layers of the camera at i arrive, at usual rates.
func (h *hall) films(i int) {
	for _, l := range h.track(i, media.Camera).Layers() {
		l.Arrived(h.now)
	}
}

// watch has everybody show the cameras of the first few.
func (h *hall) watch(cameras int) {
	var ids []media.ParticipantID
	for i := range cameras {
		ids = append(ids, media.ParticipantID(i+1))
	}
	for _, a := range h.people {
		a.peer.SetView(wantsOf(ids...))
	}
	h.settle()
}
