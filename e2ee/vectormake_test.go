package e2ee

import (
	"bytes"
	"crypto/ecdh"
	"slices"
	"testing"
	"time"
)

// makeVectors makes testdata/vectors.json: the same each time.
func makeVectors(t testing.TB) *vectors {
	t.Helper()
	creator := identityOf(t, seed(1))
	lobby := Link{Secret: [32]byte(seed(0x5C)), Creator: FingerprintOf(creator.Public()), Lobby: true, Keyed: true}
	open := lobby
	open.Lobby = false
	v := &vectors{Comment: "e2ee/1, see docs/e2ee.md. Made by go test ./e2ee -run Vectors -update. Bytes are in hex."}
	for _, l := range []Link{lobby, open, {}} {
		r := l.Root(vectorMeeting)
		lv := linkVector{Fragment: l.String(), Meeting: vectorMeeting, Root: r.root[:], MAC: r.mac[:]}
		if l.Keyed {
			lv.CreatorK = hexBytes(creator.Public())
		}
		v.Links = append(v.Links, lv)
	}
	r := lobby.Root(vectorMeeting)
	for i := byte(1); i <= 4; i++ {
		b := r.Announce(identityOf(t, seed(i)), seatOf(t, seed(0x10+i)), i == 4)
		h := HashOf(b)
		v.Announces = append(v.Announces, announceVector{
			Fragment: lobby.String(), Meeting: vectorMeeting, IKSeed: seed(i), EK: seed(0x10 + i), Bot: i == 4, Announce: b, Hash: h[:],
		})
	}
	v.Pairs = []pairVector{makePair(t, r, v)}
	chain := Chain(seed(0xC1))
	for range 3 {
		v.Chains = append(v.Chains, makeChain(chain, v.Announces[0].Hash))
		chain = chain.next()
	}
	makeFrames(t, v)
	makeCredentials(t, r, v)
	makeBroadcasts(t, r, v)
	var hashes []Hash
	for _, a := range v.Announces {
		hashes = append(hashes, Hash(a.Hash))
		rv := rosterVector{Fragment: lobby.String(), Meeting: vectorMeeting, Code: r.Code(slices.Clone(hashes))}
		h := r.RosterHash(slices.Clone(hashes))
		rv.Roster = h[:]
		for _, x := range hashes {
			rv.Hashes = append(rv.Hashes, bytes.Clone(x[:]))
		}
		v.Rosters = append(v.Rosters, rv)
	}
	makeMessages(v)
	return v
}

func makePair(t testing.TB, r *Root, v *vectors) pairVector {
	p := pairVector{A: 0, B: 1}
	a, errA := r.ParseAnnouncement(v.Announces[0].Announce)
	b, errB := r.ParseAnnouncement(v.Announces[1].Announce)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	key, err := ecdh.X25519().NewPrivateKey(v.Announces[0].EK)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := key.ECDH(b.EK)
	if err != nil {
		t.Fatal(err)
	}
	p.Keys.AB = derive(shared, r.root[:], fields("pair", a.Hash[:], b.Hash[:]), 32)
	p.Keys.BA = derive(shared, r.root[:], fields("pair", b.Hash[:], a.Hash[:]), 32)
	ab, errA := r.newPair(seatOf(t, v.Announces[0].EK), a.Hash, b)
	ba, errB := r.newPair(seatOf(t, v.Announces[1].EK), b.Hash, a)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for i, m := range []message{
		{kind: msgName, text: "Ana"},
		{kind: msgKey, key: SenderKey{3, 2, Chain(seed(0xC1))}, roster: RosterHash(seed(0x77)[:16])},
		{kind: msgChat, text: "Nur für dich"},
	} {
		from := ab
		if i == 1 {
			from = ba
		}
		if i == 2 {
			from.sent = 0xFFFFFE
		}
		data, err := from.seal(m.encode())
		if err != nil {
			t.Fatal(err)
		}
		p.Messages = append(p.Messages, pairSeal{FromA: i != 1, Counter: from.sent, Plaintext: m.encode(), Data: data})
	}
	return p
}

func makeChain(c Chain, sender hexBytes) chainVector {
	next := c.next()
	cv := chainVector{Sender: sender, Chain: bytes.Clone(c[:]), Next: next[:]}
	for _, track := range vectorTracks {
		cv.Bases = append(cv.Bases, c.baseKey(track, Hash(sender)))
	}
	return cv
}

func makeFrames(t testing.TB, v *vectors) {
	text := func(n int, first byte) hexBytes {
		b := make([]byte, n)
		for i := range b {
			b[i] = first + byte(i)
		}
		return b
	}
	for _, f := range []frameVector{
		{Codec: "opus", Track: TrackMic, Frame: text(40, 0xFC)},
		{Codec: "opus", Track: TrackMic, Frame: text(1, 0xFC), Counter: 7},
		{Codec: "opus", Track: TrackScreenAudio, Frame: text(40, 0xFC), Counter: 8},
		{Codec: "vp8", Track: TrackCamera, Frame: text(100, 0x10), Key: true, Generation: 1},
		{Codec: "vp8", Track: TrackCamera, Frame: text(10, 0x10), Key: true, Generation: 1, Counter: 255},
		{Codec: "vp8", Track: TrackCamera, Frame: text(30, 0x11), Generation: 1, Step: 31, Counter: 256},
		{Codec: "vp9", Track: TrackScreen, Frame: text(50, 0x82), Generation: 300, Step: 5, Counter: 70000},
		{Codec: "av1", Track: TrackCamera, Frame: text(50, 0x12), Key: true, Generation: 2, Step: 1, Counter: 1},
		{Codec: "av1", Track: TrackCamera, Frame: text(300, 0x12), Generation: 2, Step: 1, Counter: 2},
		{Codec: "data", Track: TrackData, Frame: text(20, 0), Generation: maxGeneration, Counter: 1 << 31},
	} {
		f.Sender, f.Chain = v.Announces[1].Hash, seed(0xC2)
		s := NewSealer(Hash(f.Sender))
		s.SetKey(SenderKey{f.Generation, f.Step, Chain(f.Chain)})
		s.next[f.Track] = f.Counter
		wire, err := s.Seal(nil, f.Track, codecNames[f.Codec], f.Key, f.Frame)
		if err != nil {
			t.Fatal(err)
		}
		f.Wire = wire
		v.Frames = append(v.Frames, f)
	}
}

func makeCredentials(t testing.TB, r *Root, v *vectors) {
	now := time.UnixMilli(1_795_300_000_000)
	creator, cohost, third := identityOf(t, seed(1)), identityOf(t, seed(2)), identityOf(t, seed(3))
	subject := func(i int) *Announcement {
		a, err := r.ParseAnnouncement(v.Announces[i].Announce)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	issue := func(id *Identity, own *Credential, to int, role Role) []byte {
		b, err := r.Issue(id, own, subject(to), role, now)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	parse := func(b []byte, of int) *Credential {
		c, err := r.ParseCredential(b, subject(of), now)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	add := func(why string, of int, b []byte, at time.Time, valid bool, role Role) {
		v.Credentials = append(v.Credentials, credentialVector{
			Fragment: r.link.String(), Meeting: vectorMeeting, Subject: v.Announces[of].Announce, Credential: b,
			NowMS: at.UnixMilli(), Valid: valid, Role: role, Why: why,
		})
	}
	toCohost := issue(creator, nil, 1, RoleCohost)
	add("the creator makes a cohost", 1, toCohost, now, true, RoleCohost)
	admitted := issue(cohost, parse(toCohost, 1), 2, RoleParticipant)
	add("a cohost admits", 2, admitted, now.Add(time.Hour), true, RoleParticipant)
	add("expired", 2, admitted, now.Add(CredentialLife), false, 0)
	add("another's", 3, admitted, now, false, 0)
	bad := bytes.Clone(admitted)
	bad[len(bad)-1] ^= 1
	add("a signature changed", 2, bad, now, false, 0)
	bad = bytes.Clone(admitted)
	bad[credentialHead+linkSize] = byte(RoleHost)
	add("a role changed", 2, bad, now, false, 0)
	// A participant's word: made by hand, since Issue refuses.
	forged := parse(admitted, 2)
	forged.Role = RoleHost
	add("a participant admits", 3, issue(third, forged, 3, RoleParticipant), now, false, 0)
	add("not from the creator", 3, func() []byte {
		other := Link{Secret: r.link.Secret, Creator: FingerprintOf(third.Public()), Lobby: true, Keyed: true}
		b, err := other.Root(vectorMeeting).Issue(third, nil, subject(3), RoleParticipant, now)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}(), now, false, 0)
}

func makeBroadcasts(t testing.TB, r *Root, v *vectors) {
	for _, b := range []broadcastVector{
		{Sender: 1, Kind: KindChat, Text: "Guten Tag, 你好"},
		{Sender: 1, Kind: KindReaction, Text: "clap", Counter: 1},
		{Sender: 1, Kind: KindApp, Text: `{"poll":"ask"}`, Counter: 2},
		{Sender: 2, Generation: 4, Step: 3, Kind: KindChat, Text: "zwei\nZeilen", Counter: 1000},
	} {
		b.Chain = seed(0xC3)
		s := NewSealer(Hash(v.Announces[b.Sender].Hash))
		s.SetKey(SenderKey{b.Generation, b.Step, Chain(b.Chain)})
		s.next[TrackData] = b.Counter
		data, err := r.sealBroadcast(s, identityOf(t, v.Announces[b.Sender].IKSeed), b.Kind, b.Text)
		if err != nil {
			t.Fatal(err)
		}
		b.Data = data
		v.Broadcasts = append(v.Broadcasts, b)
	}
}

func makeMessages(v *vectors) {
	hash := RosterHash(seed(0x77)[:16])
	for _, m := range []struct {
		name string
		message
	}{
		{"key", message{kind: msgKey, key: SenderKey{maxGeneration, maxStep, Chain(seed(9))}, roster: hash}},
		{"ack", message{kind: msgAck, key: SenderKey{Generation: 1, Step: 2}}},
		{"name", message{kind: msgName, text: "Żółć"}},
		{"credential", message{kind: msgCredential, body: v.Credentials[0].Credential}},
		{"consent refused", message{kind: msgConsent, consent: ConsentRefused}},
		{"consent granted", message{kind: msgConsent, consent: ConsentGranted}},
		{"consent asked", message{kind: msgConsent, consent: ConsentAsked, text: "Recording for the minutes"}},
		{"chat", message{kind: msgChat, text: "a\tb\nc"}},
		{"roster", message{kind: msgRoster, roster: hash}},
		{"roster, please answer", message{kind: msgRoster, roster: hash, ask: true}},
	} {
		v.Messages = append(v.Messages, messageVector{Name: m.name, Bytes: m.encode(), Valid: true})
	}
	v.Messages = append(v.Messages, messageVector{Name: "unknown type", Bytes: []byte{200, 1, 2}, Valid: true})
	for name, b := range badMessages() {
		v.Messages = append(v.Messages, messageVector{Name: name, Bytes: b})
	}
}

// badMessages yields them in a fixed order.
func badMessages() func(func(string, []byte) bool) {
	key := (&message{kind: msgKey}).encode()
	list := []struct {
		name  string
		bytes []byte
	}{
		{"empty", []byte{}},
		{"short key", key[:len(key)-1]},
		{"long key", append(bytes.Clone(key), 0)},
		{"step 32", func() []byte { b := bytes.Clone(key); b[5] = 32; return b }()},
		{"generation 2^24", func() []byte { b := bytes.Clone(key); b[1] = 1; return b }()},
		{"short ack", []byte{msgAck, 0, 0, 0, 0}},
		{"empty name", []byte{msgName}},
		{"name with a line feed", []byte("\x03a\nb")},
		{"name with a right-to-left override", []byte("\x03a\u202Eb")},
		{"name with a zero-width space", []byte("\x03a\u200Bb")},
		{"name that is not UTF-8", []byte{msgName, 0xFF}},
		{"65 characters of name", append([]byte{msgName}, bytes.Repeat([]byte("a"), 65)...)},
		{"consent 3", []byte{msgConsent, 3}},
		{"consent granted with text", []byte{msgConsent, 1, 'a'}},
		{"chat with a bell", []byte{msgChat, 7}},
		{"1501 bytes of chat", append([]byte{msgChat}, bytes.Repeat([]byte("a"), 1501)...)},
		{"roster without ask", append([]byte{msgRoster}, make([]byte, 16)...)},
		{"roster with ask 2", append(append([]byte{msgRoster}, make([]byte, 16)...), 2)},
	}
	return func(yield func(string, []byte) bool) {
		for _, m := range list {
			if !yield(m.name, m.bytes) {
				return
			}
		}
	}
}
