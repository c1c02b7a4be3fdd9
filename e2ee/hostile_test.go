package e2ee

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// kindOf reads the type of a relay on its way, as only the two ends can.
func (w *world) kindOf(from, to uint32, data []byte) byte {
	o := w.people[to]
	if o == nil || o.peers[from] == nil || !o.peers[from].pair.made {
		return 0
	}
	nonce := binary.BigEndian.AppendUint32(make([]byte, 8, nonceSize), ctrOf(data))
	aead, err := pairCipher(&o.peers[from].pair.in)
	if err != nil {
		w.t.Fatal(err)
	}
	plain, err := aead.Open(nil, nonce, data[pairHead:], data[:pairHead])
	if err != nil || len(plain) == 0 {
		return 0
	}
	return plain[0]
}

// meetingOfTwo is a meeting where b has just come, so that every channel exists.
func meetingOfTwo(t *testing.T) (w *world, a, b *person) {
	w = newWorld(t, true)
	a = w.join(Config{Identity: w.creator, Name: "Ana"})
	a.AdmitEverybody(w.now, true)
	b = w.join(Config{Name: "Ben"})
	w.run(2 * time.Second)
	w.allHear()
	a.notices, b.notices = nil, nil
	return w, a, b
}

// TestATamperingRelayIsNoticedForEveryMessageType: threat 26.
func TestATamperingRelayIsNoticedForEveryMessageType(t *testing.T) {
	acts := map[byte]func(w *world, a, b *person){
		msgKey:  func(w *world, a, _ *person) { a.fresh(w.now) },
		msgAck:  func(w *world, _, b *person) { b.fresh(w.now) },
		msgName: func(_ *world, a, _ *person) { _ = a.Rename("Eve") },
		msgCredential: func(w *world, a, b *person) {
			if _, err := a.Appoint(w.now.Add(time.Minute), b.number, RoleCohost); err != nil {
				t.Fatal(err)
			}
		},
		msgConsent: func(w *world, a, b *person) { _ = a.Consent(w.now, b.number, true) },
		msgChat:    func(_ *world, a, b *person) { _ = a.Tell(b.number, "secret") },
		msgRoster:  func(_ *world, a, b *person) { a.sendRoster(a.peers[b.number], false) },
	}
	for kind := byte(msgKey); kind <= msgRoster; kind++ {
		t.Run(fmt.Sprint("type ", kind), func(t *testing.T) {
			for at := range 60 {
				w, a, b := meetingOfTwo(t)
				changed := 0
				w.tamper = func(from, to uint32, data []byte) [][]byte {
					if from != a.number || w.kindOf(from, to, data) != kind {
						return [][]byte{data}
					}
					changed++
					data[at%len(data)] ^= 1 << (at % 8)
					return [][]byte{data}
				}
				held := b.peers[a.number].held
				acts[kind](w, a, b)
				w.take(a)
				w.take(b)
				w.run(1500 * time.Millisecond)
				if changed == 0 {
					t.Fatal("nothing of this type passed")
				}
				if b.err(NoticeForged, a.number) == nil {
					t.Fatalf("byte %d of %d changed: not noticed", at, kind)
				}
				for _, n := range b.notices {
					if n.Kind != NoticeForged && n.From == a.number {
						t.Fatalf("byte %d: accepted %v", at, n)
					}
				}
				if kind == msgKey && b.peers[a.number].held != held {
					t.Fatalf("byte %d: a key was accepted", at)
				}
				if kind == msgCredential && b.own.Role == RoleCohost {
					t.Fatalf("byte %d: a credential was accepted", at)
				}
			}
		})
	}
}

// TestRepeatedMixedUpAndMisdirectedRelaysAreRefused: threats 26 and 28.
func TestRepeatedMixedUpAndMisdirectedRelaysAreRefused(t *testing.T) {
	w := newWorld(t, false)
	a, b, c := w.join(Config{}), w.join(Config{}), w.join(Config{})
	w.run(2 * time.Second)
	var seen []byte
	w.tamper = func(from, to uint32, data []byte) [][]byte {
		if from == a.number && to == b.number {
			seen = slices.Clone(data)
		}
		return [][]byte{data}
	}
	if err := a.Tell(b.number, "once"); err != nil {
		t.Fatal(err)
	}
	w.take(a)
	w.run(time.Second)
	for _, try := range []struct {
		name string
		to   *person
		from uint32
	}{
		{"repeated", b, a.number},
		{"in another's name", b, c.number},
		{"to another", c, a.number},
		{"back to its sender", a, b.number},
	} {
		try.to.notices = nil
		try.to.Relay(w.now, try.from, seen)
		w.take(try.to)
		if try.to.err(NoticeForged, try.from) == nil || try.to.has(NoticePrivate, try.from, "once") {
			t.Errorf("a message %s was accepted", try.name)
		}
	}
}

// TestAGhostGetsNoKey: whoever the server adds by itself.
func TestAGhostGetsNoKey(t *testing.T) {
	w := newWorld(t, false)
	a, b := w.join(Config{}), w.join(Config{})
	w.run(time.Second)
	gone := w.join(Config{})
	w.run(time.Second)
	w.leave(gone)
	w.run(2 * time.Second)
	before := w.relays
	for i, announce := range [][]byte{
		nil,
		w.session(Config{Link: Link{Secret: [32]byte{7}, Keyed: true}}).Announce(), // without the link's key
		gone.Announce(), // of somebody removed
		a.Announce(),    // of somebody present
		b.Announce(),
	} {
		w.tellAll(Member{Participant: uint32(100 + i), Announce: announce, Connected: true})
		w.run(2 * time.Second)
		if a.err(NoticeInvalid, uint32(100+i)) == nil {
			t.Errorf("ghost %d is not marked as invalid", i)
		}
		if a.peers[uint32(100+i)].admitted {
			t.Errorf("ghost %d is admitted", i)
		}
	}
	if w.relays-before > 4 { // roster beacons
		t.Errorf("%d messages because of ghosts", w.relays-before)
	}
	w.allHear()
}

// TestASwappedAnnouncementEndsTheParticipant: the server puts its own keys in another's place.
func TestASwappedAnnouncementEndsTheParticipant(t *testing.T) {
	w := newWorld(t, false)
	a, b, c := w.join(Config{}), w.join(Config{}), w.join(Config{})
	w.run(2 * time.Second)
	m := b.member
	m.Announce = w.session(Config{}).Announce() // somebody who has the link
	w.tell(a, m)
	w.run(2 * time.Second)
	if !errors.Is(a.err(NoticeInvalid, b.number), ErrAnnounceChanged) {
		t.Fatal("not noticed")
	}
	w.tell(a, b.member)
	w.run(2 * time.Second)
	if w.hears(b, a) || w.hears(a, b) || !w.hears(c, a) {
		t.Error("the participant whose keys were swapped is still heard, or others are not")
	}
}

// TestASplitViewShows: the server hides one member from another.
func TestASplitViewShows(t *testing.T) {
	w := newWorld(t, false)
	var ghost uint32
	w.show = func(to uint32, m Member) (Member, bool) { return m, m.Participant != ghost || to == 1 }
	a, b := w.join(Config{}), w.join(Config{})
	w.run(3 * time.Second)
	ghost = w.last + 1
	w.join(Config{}) // has the link: a member who colludes
	w.run(3 * beaconInterval)
	if a.err(NoticeMismatch, b.number) == nil || b.err(NoticeMismatch, a.number) == nil {
		t.Fatal("two who see others are not told")
	}
	w.show = nil
	w.tellAll(w.people[ghost].member)
	w.run(5 * time.Second)
	if a.err(NoticeMatch, b.number) == nil || b.err(NoticeMatch, a.number) == nil {
		t.Error("the warning does not end")
	}
}

func TestNoSplitIsSeenWhereThereIsNone(t *testing.T) {
	w := newWorld(t, false)
	for range 30 {
		p := w.join(Config{})
		p.SetLive(w.now, true)
		w.take(p)
		w.run(37 * time.Millisecond)
		if w.random.Uint64()%3 == 0 {
			w.leave(w.sortedPeople()[w.random.Uint64()%uint64(len(w.people))])
		}
		w.latency = time.Duration(5+w.random.Uint64()%100) * time.Millisecond
	}
	w.run(time.Minute)
	for _, p := range w.people {
		for _, n := range p.notices {
			if n.Kind == NoticeMismatch {
				t.Fatalf("%d is told that %d sees others", p.number, n.From)
			}
		}
	}
	w.allHear()
}

// TestARestlessRosterIsNoSplit: while people come, two may see them in different portions, and no portion of one ever
// be one of the other's.
func TestARestlessRosterIsNoSplit(t *testing.T) {
	w := newWorld(t, false)
	late := true
	w.show = func(to uint32, m Member) (Member, bool) { return m, !late || to != 1 || m.Participant%2 == 0 }
	for range 14 {
		w.join(Config{})
		w.run(time.Second)
	}
	late = false
	for _, p := range w.sortedPeople() {
		w.tellAll(p.member)
	}
	w.run(time.Minute)
	for _, p := range w.people {
		for _, n := range p.notices {
			if n.Kind == NoticeMismatch {
				t.Fatalf("%d is told that %d sees others", p.number, n.From)
			}
		}
	}
}

// TestWhoIsHeldUpSeesNoOthers: a page that gets nothing done for a while, and one whose answers are kept back for good.
func TestWhoIsHeldUpSeesNoOthers(t *testing.T) {
	w := newWorld(t, false)
	w.show = func(to uint32, m Member) (Member, bool) { return m, to != 1 || m.Participant <= 2 }
	a, b := w.join(Config{}), w.join(Config{})
	w.run(time.Second)
	w.join(Config{})
	for b.peers[a.number].differs == nil {
		w.run(100 * time.Millisecond)
	}
	w.tamper = func(from, _ uint32, data []byte) [][]byte {
		if from == a.number {
			return nil
		}
		return [][]byte{data}
	}
	w.run(20 * time.Second)
	heldUp := b.peers[a.number].differs.told
	w.run(10 * time.Second)
	if heldUp || !b.peers[a.number].differs.told {
		t.Errorf("silent for 20 s: differs %v; for 30 s: %v", heldUp, b.peers[a.number].differs.told)
	}
}

// TestARosterThatNeverRestsHidesNoSplit: a server that lets people come and go without end does not put the warning
// off.
func TestARosterThatNeverRestsHidesNoSplit(t *testing.T) {
	w := newWorld(t, false)
	var ghost uint32
	w.show = func(to uint32, m Member) (Member, bool) { return m, m.Participant != ghost || to == 1 }
	a, b := w.join(Config{}), w.join(Config{})
	ghost = w.last + 1
	w.join(Config{})
	for range 30 {
		w.run(time.Second)
		w.leave(w.join(Config{}))
		w.run(time.Second)
	}
	if a.err(NoticeMismatch, b.number) == nil || b.err(NoticeMismatch, a.number) == nil {
		t.Error("two who see others are not told")
	}
}

func keyed(t *testing.T) (*Sealer, *Opener, SenderKey) {
	t.Helper()
	key := SenderKey{Generation: 1, Chain: Chain(seed(3))}
	s, o := NewSealer(Hash{1}), NewOpener()
	s.SetKey(key)
	o.SetKey(1, Hash{1}, key)
	o.SetKey(2, Hash{2}, SenderKey{Generation: 1, Chain: Chain(seed(4))})
	return s, o, key
}

func mustSeal(t testing.TB, s *Sealer, track Track, c Codec, frame []byte) []byte {
	t.Helper()
	b, err := s.Seal(nil, track, c, frame[0]&1 == 0, frame)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSwappedStreamsDoNotOpen: threat 28.
func TestSwappedStreamsDoNotOpen(t *testing.T) {
	s, o, key := keyed(t)
	now := time.UnixMilli(0)
	frame := mustSeal(t, s, TrackCamera, VP8, bytes.Repeat([]byte{1}, 50))
	for _, try := range []struct {
		name  string
		from  uint32
		track Track
		want  error
	}{
		{"as the screen", 1, TrackScreen, ErrTrack},
		{"as another's camera", 2, TrackCamera, ErrOpen},
		{"as a stranger's", 3, TrackCamera, ErrNoKey},
	} {
		if _, err := o.Open(nil, try.from, try.track, VP8, frame, now); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", try.name, err, try.want)
		}
	}
	// Somebody passes on another's chain as their own, to have their words taken for theirs.
	o.SetKey(9, Hash{9}, key)
	if _, err := o.Open(nil, 9, TrackCamera, VP8, frame, now); !errors.Is(err, ErrOpen) {
		t.Errorf("a chain passed on: %v", err)
	}
	if _, err := o.Open(nil, 1, TrackCamera, VP8, frame, now); err != nil {
		t.Errorf("where it belongs: %v", err)
	}
}

// TestChangedFramesDoNotOpen: every bit of frames of every codec.
func TestChangedFramesDoNotOpen(t *testing.T) {
	for name, c := range codecNames {
		for _, first := range []byte{0x10, 0x11} { // a VP8 key frame and none
			s, _, key := keyed(t)
			frame := append([]byte{first}, bytes.Repeat([]byte{7}, 30)...)
			wire := mustSeal(t, s, TrackCamera, c, frame)
			for bit := range len(wire) * 8 {
				o := NewOpener()
				o.SetKey(1, Hash{1}, key)
				bad := bytes.Clone(wire)
				bad[bit/8] ^= 1 << (bit % 8)
				if c == AV1 && bit/8 < 1 { // the envelope's type: says nothing but "key frame" to the jitter buffer
					continue
				}
				if _, err := o.Open(nil, 1, TrackCamera, c, bad, time.UnixMilli(0)); err == nil {
					t.Errorf("%s: bit %d changed and opened", name, bit)
				}
			}
			for cut := range wire {
				o := NewOpener()
				o.SetKey(1, Hash{1}, key)
				if _, err := o.Open(nil, 1, TrackCamera, c, wire[:cut], time.UnixMilli(0)); err == nil {
					t.Errorf("%s: cut to %d and opened", name, cut)
				}
			}
		}
	}
}

func TestEmptyFramesArePassedInNeitherDirection(t *testing.T) {
	s, o, _ := keyed(t)
	if _, err := s.Seal(nil, TrackMic, Opus, false, nil); !errors.Is(err, ErrNotSealable) {
		t.Errorf("sealing: %v", err)
	}
	if _, err := s.Seal(nil, TrackCamera, VP8, true, []byte{0, 1, 2}); !errors.Is(err, ErrNotSealable) {
		t.Errorf("sealing a stump of a key frame: %v", err)
	}
	if _, err := o.Open(nil, 1, TrackMic, Opus, nil, time.UnixMilli(0)); err == nil {
		t.Error("opened nothing")
	}
	if _, err := NewSealer(Hash{}).Seal(nil, TrackMic, Opus, false, []byte{1}); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}

// TestReplayedFramesDoNotOpen: also the newest 1,024 only once, and what is older never.
func TestReplayedFramesDoNotOpen(t *testing.T) {
	s, o, _ := keyed(t)
	now := time.UnixMilli(0)
	var frames [][]byte
	for range 3000 {
		frames = append(frames, mustSeal(t, s, TrackMic, Opus, []byte{1, 2, 3}))
	}
	open := func(i int) error {
		_, err := o.Open(nil, 1, TrackMic, Opus, frames[i], now)
		return err
	}
	for _, i := range []int{5, 3, 4, 1500, 1499, 600, 2999} {
		if err := open(i); err != nil {
			t.Errorf("frame %d: %v", i, err)
		}
		if err := open(i); !errors.Is(err, ErrReplay) {
			t.Errorf("frame %d again: %v", i, err)
		}
	}
	for i, want := range map[int]error{2999 - windowSize: ErrReplay, 3000 - windowSize: nil} {
		if err := open(i); !errors.Is(err, want) {
			t.Errorf("frame %d: %v, want %v", i, err, want)
		}
	}
	o.Restart(1, TrackMic)
	if err := open(2999); err != nil {
		t.Errorf("the newest frame in a slot given anew: %v", err)
	}
	if err := open(1500); !errors.Is(err, ErrReplay) {
		t.Errorf("an old frame in a slot given anew: %v", err)
	}
}

// TestABadTagFloodCostsABoundedNumberOfTries: threat 30.
func TestABadTagFloodCostsABoundedNumberOfTries(t *testing.T) {
	s, o, _ := keyed(t)
	now := time.UnixMilli(0)
	good := mustSeal(t, s, TrackMic, Opus, []byte{1, 2, 3})
	tries := 0
	for i := range 100_000 {
		bad := bytes.Clone(good)
		bad[len(bad)-1] ^= byte(1 + i%255)
		_, err := o.Open(nil, 1, TrackMic, Opus, bad, now.Add(time.Duration(i)*10*time.Microsecond))
		if !errors.Is(err, ErrFlood) {
			tries++
		}
	}
	if tries > maxFailures {
		t.Errorf("%d tries in a second", tries)
	}
	if _, err := o.Open(nil, 1, TrackMic, Opus, good, now.Add(2*time.Second)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	// Later steps cost up to 31 hashes a try: the same bound, and nothing is kept.
	for i := range 1000 {
		bad := append(appendHeader(nil, kid(1, 31, TrackMic), uint64(i)), make([]byte, 20)...)
		_, _ = o.Open(nil, 1, TrackMic, Opus, bad, now.Add(3*time.Second))
	}
	if n := len(o.senders[1].epochs); n != 1 {
		t.Errorf("%d epochs kept of forged frames", n)
	}
}

func TestOldKeysAreDeletedTenSecondsAfterNewerOnesAreUsed(t *testing.T) {
	s, o, key := keyed(t)
	now := time.UnixMilli(0)
	old := [][]byte{
		mustSeal(t, s, TrackMic, Opus, []byte{1}),
		mustSeal(t, s, TrackMic, Opus, []byte{1}),
		mustSeal(t, s, TrackMic, Opus, []byte{1}),
	}
	next := SenderKey{Generation: 2, Chain: Chain(seed(8))}
	o.SetKey(1, Hash{1}, next)
	open := func(b []byte, at time.Duration) error {
		_, err := o.Open(nil, 1, TrackMic, Opus, b, now.Add(at))
		return err
	}
	if err := open(old[0], time.Hour); err != nil {
		t.Errorf("while nothing newer is in use: %v", err)
	}
	s.SetKey(next)
	if err := open(mustSeal(t, s, TrackMic, Opus, []byte{1}), time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := open(old[1], time.Hour+retention-1); err != nil {
		t.Errorf("just before the end: %v", err)
	}
	if err := open(old[2], time.Hour+retention); !errors.Is(err, ErrNoKey) {
		t.Errorf("after the end: %v", err)
	}
	o.SetKey(1, Hash{1}, key) // an old key once more
	for g := uint32(3); g < 10; g++ {
		o.SetKey(1, Hash{1}, SenderKey{Generation: g})
	}
	if n := len(o.senders[1].epochs); n > maxGenerations {
		t.Errorf("%d generations kept", n)
	}
}

// TestAMemberCannotForgeAnothersWords: the symmetric key is everybody's, the signature is not.
func TestAMemberCannotForgeAnothersWords(t *testing.T) {
	w := newWorld(t, false)
	a, b, m := w.join(Config{}), w.join(Config{}), w.join(Config{})
	w.run(2 * time.Second)
	forged := NewSealer(a.Hash()) // with a's chain, as m knows it
	forged.SetKey(a.mine.key)
	forged.next[TrackData] = 50
	data, err := m.root.sealBroadcast(forged, m.cfg.Identity, KindChat, "I resign")
	if err != nil {
		t.Fatal(err)
	}
	b.Broadcast(w.now, a.number, KindChat, data)
	w.take(b)
	if !errors.Is(b.err(NoticeForged, a.number), ErrSignature) || b.has(NoticeChat, a.number, "I resign") {
		t.Error("forged words were accepted")
	}
	// True words once more, sealed anew under another counter.
	plain := append(
		[]byte{byte(KindChat)},
		a.cfg.Identity.sign(a.root.broadcastText(a.Hash(), KindChat, kid(0, 0, TrackData), 0, "yes"))...)
	again, err := forged.Seal(nil, TrackData, Data, false, append(plain, "yes"...))
	if err != nil {
		t.Fatal(err)
	}
	b.Broadcast(w.now, a.number, KindChat, again)
	w.take(b)
	if b.has(NoticeChat, a.number, "yes") {
		t.Error("words were repeated")
	}
	if err := a.Say(w.now, KindChat, "hello"); err != nil {
		t.Fatal(err)
	}
	out := a.Take()
	b.Broadcast(w.now, m.number, KindChat, out.Broadcasts[0].Data)
	b.Broadcast(w.now, a.number, KindReaction, out.Broadcasts[0].Data)
	w.take(b)
	if b.has(NoticeChat, m.number, "hello") || b.has(NoticeReaction, a.number, "hello") {
		t.Error("words under another's name or kind")
	}
}

// TestWhatOthersMakeUsKeepIsBounded: relays and broadcasts of people who never come.
func TestWhatOthersMakeUsKeepIsBounded(t *testing.T) {
	w := newWorld(t, false)
	a, b := w.join(Config{}), w.join(Config{})
	w.run(time.Second)
	for i := range uint32(50_000) {
		a.Relay(w.now, 1000+i, make([]byte, 100))
		a.Broadcast(w.now, b.number, KindChat, append(appendHeader(nil, kid(9, 0, TrackData), 1), make([]byte, 40)...))
	}
	if len(a.held) > maxHeld {
		t.Errorf("%d held", len(a.held))
	}
	w.run(2 * holdTime)
	if len(a.held) != 0 {
		t.Errorf("%d held for ever", len(a.held))
	}
}

// TestTheLeaversLastFrame: threat 29, in virtual time; bots measure it against the real server.
func TestTheLeaversLastFrame(t *testing.T) {
	var gaps []time.Duration
	for range 20 {
		w := newWorld(t, false)
		w.latency = time.Duration(10+len(gaps)*5) * time.Millisecond
		a := w.join(Config{})
		for range 5 {
			w.join(Config{})
		}
		w.run(3 * time.Second)
		leaver := w.people[4]
		left, last := w.now, w.now
		w.leave(leaver)
		for w.now.Sub(left) < 2*time.Second {
			if w.hears(leaver, a) {
				last = w.now
			}
			w.run(5 * time.Millisecond)
		}
		gaps = append(gaps, last.Sub(left))
	}
	slices.Sort(gaps)
	if median := gaps[len(gaps)/2]; median >= time.Second {
		t.Errorf("median %v", median)
	}
}
