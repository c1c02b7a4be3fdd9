package e2ee

import (
	"crypto/rand"
	"runtime"
	"testing"
	"time"
)

// Sessions of one Root check each announcement once and derive each channel once, and agree with sessions that do
// neither.
func TestSessionsOfOneRootAgreeWithOthers(t *testing.T) {
	w := newWorld(t, false)
	root := w.link.Root(vectorMeeting)
	a, b := w.join(Config{Name: "Ana", Root: root}), w.join(Config{Name: "Ben", Root: root})
	c := w.join(Config{Name: "Cleo"})
	w.run(2 * time.Second)
	w.allHear()
	if a.peers[b.number].ann != root.shared.known(b.Announce()) || a.peers[c.number].ann != b.peers[c.number].ann {
		t.Error("an announcement was checked twice")
	}
	if a.peers[b.number].pair.channelKeys != (channelKeys{b.peers[a.number].pair.in, b.peers[a.number].pair.out}) {
		t.Error("both ends of a channel have other keys")
	}
	if n := len(root.shared.channels); n != 0 {
		t.Errorf("%d channels are kept that both ends have", n)
	}
	if a.Code() != c.Code() || b.Code() != c.Code() {
		t.Error("they see different people")
	}
}

// What is not valid is never shared: it is checked, and refused, each time.
func TestAnInvalidAnnouncementIsNotShared(t *testing.T) {
	w := newWorld(t, false)
	s := w.session(Config{})
	bad := s.Announce()
	bad[bodySize] ^= 1
	for range 2 {
		if _, err := s.root.ParseAnnouncement(bad); err == nil {
			t.Fatal("it was taken")
		}
	}
	if n := len(s.root.shared.announcements); n != 1 {
		t.Errorf("%d announcements are known, want one's own", n)
	}
}

// A process may hold a session for each of many participants, who each know all others.
func TestASessionInALargeMeetingIsSmall(t *testing.T) {
	const people, counted, most = 400, 8, 400 * 320 // bytes: 320 for each other participant
	link, err := NewLink(rand.Reader, make([]byte, publicSize), false)
	if err != nil {
		t.Fatal(err)
	}
	root := link.Root(vectorMeeting)
	now := time.UnixMilli(0)
	sessions := make([]*Session, people)
	members := make([]Member, people)
	for i := range sessions {
		id, err := NewIdentity(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if sessions[i], err = NewSession(Config{Root: root, Identity: id, Name: "Bot", Bot: true}); err != nil {
			t.Fatal(err)
		}
		members[i] = Member{Participant: uint32(i + 1), Announce: sessions[i].Announce(), Bot: true, Connected: true}
	}
	before := heapInUse()
	for i, s := range sessions[:counted] {
		s.Welcome(now, members[i], append(append([]Member{}, members[:i]...), members[i+1:]...))
		if out := s.Take(); len(out.Relays) != people-1 {
			t.Fatalf("%d names were sent", len(out.Relays))
		}
	}
	root.shared.channels = nil // which the others, who do not take part, would have taken
	if each := (heapInUse() - before) / counted; each > most {
		t.Errorf("%d bytes a session, %d allowed", each, most)
	} else {
		t.Logf("%d bytes a session", each)
	}
	runtime.KeepAlive(sessions)
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
