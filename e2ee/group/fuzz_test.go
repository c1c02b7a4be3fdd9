package group

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"testing"
	"time"

	"conclave/e2ee/mls"
)

// FuzzParsers: any bytes.
func FuzzParsers(f *testing.F) {
	raw, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		f.Fatal(err)
	}
	for i := range v.Meetings {
		f.Add([]byte(v.Meetings[i].Meeting))
	}
	for i := range v.Admissions {
		f.Add([]byte(v.Admissions[i].Seat))
		f.Add([]byte(v.Admissions[i].Admission))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMeeting(b); err == nil && string(m.encode()) != string(b) {
			t.Error("a policy is not written as it was read")
		}
		if s, err := parseSeat(b); err == nil && string(s.encode()) != string(b) {
			t.Error("a seat is not written as it was read")
		}
		if a, err := parseAdmission(b); err == nil && string(a.encode()) != string(b) {
			t.Error("an admission is not written as it was read")
		}
		readHead(b)
		parseAnnounce(b)
		_, _ = unpadded(b)
		_, _, _, _ = readInner(b)
		_, _ = ParseLink(string(b))
	})
}

// fuzzed is a session in a meeting of two, whose server sends anything.
type fuzzed struct {
	*Session
	now   time.Time
	other Key
	known [][]byte // messages that were genuine once
}

// FuzzSession: a server that sends anything, in any order, genuine messages too.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
	f.Add([]byte{5, 0, 5, 1, 5, 2, 6, 0, 7, 0, 8, 1, 9, 2})
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t, true, "ann")
		var known [][]byte
		w.onWire = func(m *wire) {
			if len(m.data) > 0 && len(known) < 64 {
				known = append(known, m.data)
			}
		}
		w.person("ann").join()
		w.pass(200 * time.Millisecond)
		w.person("bob").join()
		w.pass(2 * time.Second)
		if err := w.people["ann"].does(func(s *Session) error { return s.Say(w.now, KindChat, "hello") }); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		for _, name := range []string{"ann", "bob"} {
			z := &fuzzed{w.people[name].session, w.now, w.people["ann"].key(), known}
			z.play(script)
			z.bounded(t)
		}
	})
}

// play takes two bytes for each step.
func (z *fuzzed) play(script []byte) {
	for len(script) >= 2 {
		kind, arg := script[0], script[1]
		script = script[2:]
		data := z.known[int(arg)%len(z.known)]
		if kind&0x80 != 0 && len(script) > 0 { // changed
			data = append([]byte(nil), data...)
			data[int(script[0])*len(data)/256] ^= arg | 1
		}
		z.now = z.now.Add(time.Duration(arg) * time.Millisecond)
		z.one(kind&0x7F%16, arg, data)
		z.Take()
		if next := z.Next(); next.IsZero() || next.After(z.now) {
			continue
		}
		z.Tick(z.now)
		z.Take()
		if next := z.Next(); !next.IsZero() && !next.After(z.now) {
			panic("due again at once")
		}
	}
}

func (z *fuzzed) one(kind, arg byte, data []byte) {
	announce := append(append([]byte(nil), z.other[:]...), z.name...)
	switch kind {
	case 0:
		z.Welcome(z.now, uint32(arg%3), data, []Seat{{Participant: uint32(arg % 5), Announce: announce, Connected: true}})
	case 1:
		z.Roster(z.now, []Seat{{Participant: uint32(arg), Announce: announce}}, []uint32{uint32(arg % 4)})
	case 2:
		z.Roster(z.now, []Seat{{Participant: uint32(arg), Announce: data}}, nil)
	case 3:
		z.Group(z.now, State{ServerKey: z.server.ServerKey, GroupID: data, Position: uint64(arg), Found: arg&1 == 1})
	case 4:
		z.Group(z.now, z.server)
	case 5:
		z.Log(z.now, []Entry{{Position: z.position + 1, From: uint32(arg), Data: data}})
	case 6:
		z.Log(z.now, []Entry{{Position: uint64(arg), Data: data}, {Position: uint64(arg) + 1, Data: data}})
	case 7:
		z.KeyPackages(z.now, int(int8(arg)), []Package{{uint32(arg), data}, {uint32(arg), data}})
	case 8:
		z.Secrets(z.now, Secrets{GroupInfo: data, Data: data, Leaf: uint32(arg), Position: uint64(arg)})
	case 9:
		z.Stuck(z.now, uint32(arg), uint64(arg), EntryHash(data))
	case 10:
		z.Relay(z.now, uint32(arg%4), append(binary.BigEndian.AppendUint64(nil, uint64(arg%8)), data...))
	case 11:
		z.Broadcast(z.now, uint32(arg%4), Kind(arg%6), data)
	case 12:
		z.Lost(z.now)
	case 13:
		z.now = z.now.Add(time.Duration(arg) * time.Second)
		z.Tick(z.now)
	case 14:
		z.Forgotten(z.now)
	case 15:
		_ = z.Say(z.now, KindChat, "words")
		_ = z.Private(z.now, z.other, false, "words")
		_ = z.Compare(z.now)
		_ = z.Remove(z.now, z.other, arg&1 == 1)
	}
}

// bounded checks what a server can make a session keep.
func (z *fuzzed) bounded(t *testing.T) {
	t.Helper()
	for _, b := range []struct {
		what      string
		has, most int
	}{
		{"seats", len(z.seats), maxSeats}, {"early entries", len(z.early), maxEarly}, {"old states", len(z.old), maxOld},
		{"held", len(z.talk.held), maxHeld}, {"outbox", len(z.talk.outbox), maxOutbox}, {"offers", len(z.duty.offers), maxOffers},
		{"rejected", len(z.duty.rejected), maxRejected}, {"commits seen", len(z.commits), maxSeen},
		{"own offers", len(z.offers), maxOwnOffers}, {"twins", len(z.twins), maxTwins}, {"acts", len(z.duty.acts), maxActs},
		{"losses", len(z.watch.losses), maxNoted}, {"signed", len(z.watch.signed), maxNoted},
		{"authors", len(z.watch.authors), stuckAuthors}, {"blamed", len(z.watch.blamed), stuckAuthors},
		{"rates", len(z.talk.rates), maxSeats}, {"counters", len(z.talk.private), maxNoted},
		{"authenticators", len(z.numbers.last), maxAuthenticator}, {"banned", len(z.duty.banned), maxNoted},
	} {
		if b.has > b.most {
			t.Errorf("%d %s, of at most %d", b.has, b.what, b.most)
		}
	}
}

// TestWhatAServerMakesUsKeepIsBounded floods a session with everything that it keeps.
func TestWhatAServerMakesUsKeepIsBounded(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	s := w.people["bob"].session
	z := &fuzzed{Session: s, now: w.now, other: w.people["ann"].key()}
	later, err := s.cur.group.Seal([]byte("\x03hello"), nil, 200)
	if err != nil {
		t.Fatal(err)
	}
	const head = 4 + 1 + 16 // version, wire format, group_id
	binary.BigEndian.PutUint64(later[head:], s.cur.public.epoch+5)
	for i := range uint32(3 * maxSeats) {
		id, err := NewIdentity(w.random)
		if err != nil {
			t.Fatal(err)
		}
		key := id.Key()
		s.show(z.now, []Seat{{Participant: 1000 + i, Announce: append(key[:], s.name...), Connected: true}})
		s.show(z.now, []Seat{{Participant: 100_000 + i, Announce: append(append([]byte(nil), s.self[:]...), s.name...)}})
		s.Broadcast(z.now, 1000+i, KindChat, later)
		s.Stuck(z.now, 1000+i, 1, [HashSize]byte{byte(i), byte(i >> 8)})
		s.Take()
	}
	for range 1000 {
		_ = s.Say(z.now, KindChat, "hello")
		_ = s.do(z.now, act{kind: actLobby})
		s.duty.pending = &pending{commit: &mls.Commit{Next: &mls.Group{}}, m: &Commit{}, at: z.now} // nothing is committed
		s.Take()
	}
	z.bounded(t)
	if len(s.talk.held) == 0 || len(s.seats) < maxSeats {
		t.Errorf("%d held, %d seats: the flood did not arrive", len(s.talk.held), len(s.seats))
	}
	s.duty.pending = nil
	s.lost(z.now)
	for i := range uint64(4 * maxEarly) {
		s.Log(z.now, []Entry{{Position: i, Data: make([]byte, 10_000)}})
	}
	size := 0
	for i := range s.early {
		size += len(s.early[i].Data)
	}
	if size > maxEarlySize {
		t.Errorf("%d bytes of early entries", size)
	}
	z.bounded(t)
}
