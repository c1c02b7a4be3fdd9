package e2ee

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// hexBytes are bytes that stand in hex in JSON.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// vectors is the form of testdata/vectors.json (made by Go) and testdata/vectors-js.json (made by JavaScript).
type vectors struct {
	Comment     string             `json:"comment"`
	Links       []linkVector       `json:"links"`
	Announces   []announceVector   `json:"announces"`
	Pairs       []pairVector       `json:"pairs"`
	Chains      []chainVector      `json:"chains"`
	Frames      []frameVector      `json:"frames"`
	Credentials []credentialVector `json:"credentials"`
	Broadcasts  []broadcastVector  `json:"broadcasts"`
	Rosters     []rosterVector     `json:"rosters"`
	Messages    []messageVector    `json:"messages"`
}

type linkVector struct {
	Fragment string   `json:"fragment"`
	Meeting  string   `json:"meeting"`
	CreatorK hexBytes `json:"creator_ik"` // whose fingerprint is c; empty for the link without a fragment
	Root     hexBytes `json:"root"`
	MAC      hexBytes `json:"mac_key"`
}

type announceVector struct {
	Fragment string   `json:"fragment"`
	Meeting  string   `json:"meeting"`
	IKSeed   hexBytes `json:"ik_seed"`
	EK       hexBytes `json:"ek_private"`
	Bot      bool     `json:"bot"`
	Announce hexBytes `json:"announce"`
	Hash     hexBytes `json:"hash"`
}

type pairVector struct {
	A        int         `json:"a"` // index into announces
	B        int         `json:"b"`
	Messages []pairSeal  `json:"messages"`
	Keys     pairKeyPair `json:"keys"`
}

type pairKeyPair struct {
	AB hexBytes `json:"a_to_b"`
	BA hexBytes `json:"b_to_a"`
}

type pairSeal struct {
	FromA     bool     `json:"from_a"`
	Counter   uint32   `json:"counter"`
	Plaintext hexBytes `json:"plaintext"`
	Data      hexBytes `json:"data"`
}

type chainVector struct {
	Sender hexBytes   `json:"sender"` // announce hash
	Chain  hexBytes   `json:"chain"`
	Next   hexBytes   `json:"next"`
	Bases  []hexBytes `json:"base_keys"` // tracks 0, 1, 2, 3, 7
}

type frameVector struct {
	Codec      string   `json:"codec"`
	Key        bool     `json:"key_frame"`
	Sender     hexBytes `json:"sender"`
	Generation uint32   `json:"generation"`
	Step       uint8    `json:"step"`
	Chain      hexBytes `json:"chain"` // at this step
	Track      Track    `json:"track"`
	Counter    uint64   `json:"counter"`
	Frame      hexBytes `json:"frame"`
	Wire       hexBytes `json:"wire"`
}

type credentialVector struct {
	Fragment   string   `json:"fragment"`
	Meeting    string   `json:"meeting"`
	Subject    hexBytes `json:"subject"` // announcement
	Credential hexBytes `json:"credential"`
	NowMS      int64    `json:"now_ms"`
	Valid      bool     `json:"valid"`
	Role       Role     `json:"role"`
	Why        string   `json:"why"`
}

type broadcastVector struct {
	Sender     int      `json:"sender"` // index into announces
	Generation uint32   `json:"generation"`
	Step       uint8    `json:"step"`
	Chain      hexBytes `json:"chain"`
	Counter    uint64   `json:"counter"`
	Kind       Kind     `json:"kind"`
	Text       string   `json:"text"`
	Data       hexBytes `json:"data"`
}

type rosterVector struct {
	Fragment string     `json:"fragment"`
	Meeting  string     `json:"meeting"`
	Hashes   []hexBytes `json:"hashes"`
	Roster   hexBytes   `json:"roster_hash"`
	Code     string     `json:"code"`
}

type messageVector struct {
	Name  string   `json:"name"`
	Bytes hexBytes `json:"bytes"`
	Valid bool     `json:"valid"`
}

var codecNames = map[string]Codec{"data": Data, "opus": Opus, "vp8": VP8, "vp9": VP9, "av1": AV1}

const vectorMeeting = "k7qm-2f9x-w3dj-8hrt"

func seed(n byte) hexBytes { return bytes.Repeat([]byte{n}, 32) }

func identityOf(t testing.TB, seed []byte) *Identity {
	t.Helper()
	id, err := NewIdentity(bytes.NewReader(seed))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func seatOf(t testing.TB, seed []byte) *Seat {
	t.Helper()
	s, err := NewSeat(bytes.NewReader(seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rootOf(t testing.TB, fragment, meeting string) *Root {
	t.Helper()
	l, err := ParseLink(fragment)
	if err != nil {
		t.Fatal(err)
	}
	return l.Root(meeting)
}

func TestVectorsMadeHere(t *testing.T) {
	const file = "testdata/vectors.json"
	made := makeVectors(t)
	raw, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	if *update {
		if err := os.WriteFile(file, raw, 0o644); err != nil { //nolint:gosec // test vectors
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, raw) {
		t.Errorf("%s is not what the code makes: the format has changed (go test ./e2ee -run Vectors -update)", file)
	}
	verifyVectors(t, kept)
}

// TestVectorsMadeByJavaScript checks what the other implementation made.
func TestVectorsMadeByJavaScript(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors-js.json")
	if err != nil {
		t.Fatal(err)
	}
	verifyVectors(t, raw)
}

func verifyVectors(t *testing.T, raw []byte) {
	t.Helper()
	var v vectors
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if len(v.Links) == 0 || len(v.Announces) < 2 || len(v.Pairs) == 0 || len(v.Chains) == 0 || len(v.Frames) == 0 ||
		len(v.Credentials) == 0 || len(v.Broadcasts) == 0 || len(v.Rosters) == 0 || len(v.Messages) == 0 {
		t.Fatal("a section is empty")
	}
	t.Run("links", func(t *testing.T) { verifyLinks(t, v.Links) })
	t.Run("announces", func(t *testing.T) { verifyAnnounces(t, v.Announces) })
	t.Run("pairs", func(t *testing.T) { verifyPairs(t, &v) })
	t.Run("chains", func(t *testing.T) { verifyChains(t, v.Chains) })
	t.Run("frames", func(t *testing.T) { verifyFrames(t, v.Frames) })
	t.Run("credentials", func(t *testing.T) { verifyCredentials(t, v.Credentials) })
	t.Run("broadcasts", func(t *testing.T) { verifyBroadcasts(t, &v) })
	t.Run("rosters", func(t *testing.T) { verifyRosters(t, v.Rosters) })
	t.Run("messages", func(t *testing.T) { verifyMessages(t, v.Messages) })
}

func same(t *testing.T, what string, i int, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s %d: %x, want %x", what, i, got, want)
	}
}

func verifyLinks(t *testing.T, list []linkVector) {
	for i, v := range list {
		l, err := ParseLink(v.Fragment)
		if err != nil {
			t.Errorf("link %d: %v", i, err)
			continue
		}
		if len(v.CreatorK) > 0 {
			f := FingerprintOf(ed25519.PublicKey(v.CreatorK))
			same(t, "fingerprint", i, l.Creator[:], f[:])
		}
		r := l.Root(v.Meeting)
		same(t, "root", i, r.root[:], v.Root)
		same(t, "mac key", i, r.mac[:], v.MAC)
	}
}

func verifyAnnounces(t *testing.T, list []announceVector) {
	for i, v := range list {
		r := rootOf(t, v.Fragment, v.Meeting)
		same(t, "announce", i, r.Announce(identityOf(t, v.IKSeed), seatOf(t, v.EK), v.Bot), v.Announce)
		a, err := r.ParseAnnouncement(v.Announce)
		if err != nil {
			t.Errorf("announce %d: %v", i, err)
			continue
		}
		same(t, "announce hash", i, a.Hash[:], v.Hash)
		for at := range v.Announce {
			bad := bytes.Clone(v.Announce)
			bad[at] ^= 1
			if _, err := r.ParseAnnouncement(bad); err == nil {
				t.Errorf("announce %d: byte %d changed and still valid", i, at)
			}
		}
	}
}

func verifyPairs(t *testing.T, v *vectors) {
	for i, p := range v.Pairs {
		va, vb := v.Announces[p.A], v.Announces[p.B]
		r := rootOf(t, va.Fragment, va.Meeting)
		a, errA := r.ParseAnnouncement(va.Announce)
		b, errB := r.ParseAnnouncement(vb.Announce)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		ab, err := r.newPair(seatOf(t, va.EK), a.Hash, b)
		if err != nil {
			t.Fatal(err)
		}
		ba, err := r.newPair(seatOf(t, vb.EK), b.Hash, a)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ecdh.X25519().NewPrivateKey(va.EK)
		if err != nil {
			t.Fatal(err)
		}
		shared, err := key.ECDH(b.EK)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "key a to b", i, derive(shared, r.root[:], fields("pair", a.Hash[:], b.Hash[:]), 32), p.Keys.AB)
		same(t, "key b to a", i, derive(shared, r.root[:], fields("pair", b.Hash[:], a.Hash[:]), 32), p.Keys.BA)
		for j, m := range p.Messages {
			from, to := ab, ba
			if !m.FromA {
				from, to = ba, ab
			}
			from.sent = m.Counter - 1
			data, err := from.seal(m.Plaintext)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "relay", j, data, m.Data)
			plain, err := to.open(m.Data)
			if err != nil {
				t.Errorf("relay %d: %v", j, err)
			}
			same(t, "relay plaintext", j, plain, m.Plaintext)
			if _, err := to.open(m.Data); err == nil {
				t.Errorf("relay %d opened twice", j)
			}
		}
	}
}

var vectorTracks = []Track{TrackMic, TrackCamera, TrackScreenAudio, TrackScreen, TrackData}

func verifyChains(t *testing.T, list []chainVector) {
	for i, v := range list {
		c := Chain(v.Chain)
		next := c.next()
		same(t, "next chain", i, next[:], v.Next)
		for j, track := range vectorTracks {
			same(t, "base key", j, c.baseKey(track, Hash(v.Sender)), v.Bases[j])
		}
	}
}

func verifyFrames(t *testing.T, list []frameVector) {
	now := time.UnixMilli(0)
	for i, v := range list {
		c, ok := codecNames[v.Codec]
		if !ok {
			t.Fatalf("frame %d: codec %s", i, v.Codec)
		}
		key := SenderKey{v.Generation, v.Step, Chain(v.Chain)}
		s := NewSealer(Hash(v.Sender))
		s.SetKey(key)
		s.next[v.Track] = v.Counter
		wire, err := s.Seal(nil, v.Track, c, v.Key, v.Frame)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "wire frame", i, wire, v.Wire)
		o := NewOpener()
		o.SetKey(1, Hash(v.Sender), key)
		frame, err := o.Open(nil, 1, v.Track, c, v.Wire, now)
		if err != nil {
			t.Errorf("frame %d: %v", i, err)
		}
		same(t, "frame", i, frame, v.Frame)
	}
}

func verifyCredentials(t *testing.T, list []credentialVector) {
	for i, v := range list {
		r := rootOf(t, v.Fragment, v.Meeting)
		a, err := r.ParseAnnouncement(v.Subject)
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.ParseCredential(v.Credential, a, time.UnixMilli(v.NowMS))
		if (err == nil) != v.Valid {
			t.Errorf("credential %d (%s): %v", i, v.Why, err)
		}
		if err == nil && c.Role != v.Role {
			t.Errorf("credential %d: role %d, want %d", i, c.Role, v.Role)
		}
	}
}

func verifyBroadcasts(t *testing.T, v *vectors) {
	for i, b := range v.Broadcasts {
		va := v.Announces[b.Sender]
		r := rootOf(t, va.Fragment, va.Meeting)
		a, err := r.ParseAnnouncement(va.Announce)
		if err != nil {
			t.Fatal(err)
		}
		key := SenderKey{b.Generation, b.Step, Chain(b.Chain)}
		s := NewSealer(a.Hash)
		s.SetKey(key)
		s.next[TrackData] = b.Counter
		data, err := r.sealBroadcast(s, identityOf(t, va.IKSeed), b.Kind, b.Text)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "broadcast", i, data, b.Data)
		o := NewOpener()
		o.SetKey(1, a.Hash, key)
		text, err := r.openBroadcast(o, 1, a, b.Kind, b.Data, time.UnixMilli(0))
		if err != nil || text != b.Text {
			t.Errorf("broadcast %d: %q, %v", i, text, err)
		}
	}
}

func verifyRosters(t *testing.T, list []rosterVector) {
	for i, v := range list {
		r := rootOf(t, v.Fragment, v.Meeting)
		var hashes []Hash
		for _, h := range v.Hashes {
			hashes = append(hashes, Hash(h))
		}
		got := r.RosterHash(hashes)
		same(t, "roster hash", i, got[:], v.Roster)
		if code := r.Code(hashes); code != v.Code {
			t.Errorf("code %d: %s, want %s", i, code, v.Code)
		}
	}
}

func verifyMessages(t *testing.T, list []messageVector) {
	for i, v := range list {
		m, err := parseMessage(v.Bytes)
		if (err == nil) != v.Valid {
			t.Errorf("message %d (%s): %v", i, v.Name, err)
		}
		if err == nil && m.kind <= msgRoster {
			same(t, "message "+v.Name, i, m.encode(), v.Bytes)
		}
	}
}
