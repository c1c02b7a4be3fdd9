package group

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// hexBytes are bytes in JSON.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

// vectors is the form of testdata/vectors.json (made by Go) and vectors-js.json (made by JavaScript). All
// byte strings are hexadecimal. What is random in its making is only opened, by the keys that stand beside it.
type vectors struct {
	Comment    string            `json:"comment"`
	Links      []linkVector      `json:"links"`
	Names      []nameVector      `json:"names"`
	Proofs     []proofVector     `json:"proofs"`
	Admissions []admissionVector `json:"admissions"`
	Grants     []grantVector     `json:"grants"`
	Meetings   []meetingVector   `json:"meetings"`
	Entries    []entryVector     `json:"entries"`
	Keys       []keyVector       `json:"keys"`
	Frames     []frameVector     `json:"frames"`
	Private    []privateVector   `json:"private"`
	Outside    []outsideVector   `json:"outside"`
	Numbers    []numberVector    `json:"numbers"`
	Pairs      []pairVector      `json:"pairs"`
	Texts      []textVector      `json:"texts"`
}

type linkVector struct {
	Fragment string   `json:"fragment"`
	Meeting  string   `json:"meeting"`
	Password string   `json:"password"`
	Root     hexBytes `json:"root"`
	PSK1     hexBytes `json:"psk_1"`
	PSK1ID   hexBytes `json:"psk_1_id"`
	Join     hexBytes `json:"join_key"`
	Name     hexBytes `json:"name_key"`
	HPKE     hexBytes `json:"hpke_psk"`
	Verifier hexBytes `json:"password_verifier"`
}

type nameVector struct {
	Link   int      `json:"link"` // index of a link
	IK     hexBytes `json:"ik"`
	Name   string   `json:"name"`
	Sealed hexBytes `json:"sealed"`
}

type proofVector struct {
	Link         int      `json:"link"`
	SignatureKey hexBytes `json:"signature_key"`
	InitKey      hexBytes `json:"init_key"`
	Proof        hexBytes `json:"proof"`
}

type admissionVector struct {
	Group     hexBytes `json:"group_id"`
	Subject   hexBytes `json:"subject"`
	Admission hexBytes `json:"admission"`
	Valid     bool     `json:"valid"`
	Seat      hexBytes `json:"seat"` // the extension with it, a bot's
	Sealed    hexBytes `json:"sealed_name"`
}

type grantVector struct {
	Group hexBytes `json:"group_id"`
	Grant hexBytes `json:"grant"`
	Valid bool     `json:"valid"`
}

type meetingVector struct {
	Group   hexBytes   `json:"group_id"`
	Meeting hexBytes   `json:"meeting"`
	Valid   bool       `json:"valid"` // form and signatures
	Keys    []hexBytes `json:"keys"`
	Roles   []Role     `json:"roles"` // of keys, none of which has a leaf
}

type entryVector struct {
	Entry hexBytes `json:"entry"`
	Hash  hexBytes `json:"hash"`
}

type keyVector struct {
	Base  hexBytes `json:"base_key"`
	Track int      `json:"track"`
	Leaf  uint32   `json:"leaf"`
	Epoch uint64   `json:"epoch"`
	KID   uint64   `json:"kid"`
	Key   hexBytes `json:"sframe_key_and_salt"`
}

type frameVector struct {
	Base    hexBytes `json:"base_key"`
	Track   int      `json:"track"`
	Leaf    uint32   `json:"leaf"`
	Epoch   uint64   `json:"epoch"`
	Codec   string   `json:"codec"`
	Key     bool     `json:"key_frame"`
	Counter int      `json:"counter"`
	Plain   hexBytes `json:"frame"`
	Wire    hexBytes `json:"wire"`
}

type privateVector struct {
	Link    int      `json:"link"`
	Group   hexBytes `json:"group_id"`
	Epoch   uint64   `json:"epoch"`
	Outer   hexBytes `json:"exporter_key"`
	From    hexBytes `json:"from"`
	To      hexBytes `json:"to"`
	Leaf    hexBytes `json:"leaf_private_key"`
	Data    hexBytes `json:"data"`
	Type    byte     `json:"type"`
	Counter uint32   `json:"counter"`
	Text    string   `json:"text"`
}

// outsideVector is what one outside says: its question, and its secret of an epoch.
type outsideVector struct {
	Link      int      `json:"link"`
	From      hexBytes `json:"from"`
	To        hexBytes `json:"to"`
	X         hexBytes `json:"x"`
	Purpose   string   `json:"purpose"`
	Ask       hexBytes `json:"ask"`
	Group     hexBytes `json:"group_id"`
	Epoch     uint64   `json:"epoch"`
	Confirmed hexBytes `json:"confirmed_transcript_hash"`
	External  hexBytes `json:"external_private_key"`
	Admission hexBytes `json:"admission"`
	Number    uint16   `json:"number"`
	Base      hexBytes `json:"secret"`
	Voice     hexBytes `json:"voice"`
}

type numberVector struct {
	Authenticator hexBytes `json:"epoch_authenticator"`
	Group         hexBytes `json:"group_id"`
	Epoch         uint64   `json:"epoch"`
	Number        string   `json:"number"`
}

type pairVector struct {
	A      hexBytes `json:"a"`
	B      hexBytes `json:"b"`
	Number string   `json:"number"`
}

// textVector is what may be said or shown, or may not. Only Go makes them.
type textVector struct {
	Kind  string   `json:"kind"` // name, chat, app, reaction
	Text  hexBytes `json:"text"`
	Valid bool     `json:"valid"`
}

var codecNames = map[string]sframe.Codec{
	"opus": sframe.Opus, "vp8": sframe.VP8, "vp9": sframe.VP9, "av1": sframe.AV1,
}

func same(t *testing.T, what string, i int, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s %d: %x, want %x", what, i, got, want)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// rootOf is the root of a link of the vectors.
func (v *vectors) rootOf(t *testing.T, i int) *Root {
	t.Helper()
	l, err := ParseLink(v.Links[i].Fragment)
	if err != nil {
		t.Fatal(err)
	}
	return must[*Root](t)(l.Root(v.Links[i].Meeting, v.Links[i].Password))
}

func readVectors(t *testing.T, file string) *vectors {
	t.Helper()
	raw, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skipf("not made yet: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	v := &vectors{}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsMadeHere(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, and 600,000 rounds each: the race detector has nothing to find")
	}
	const file = "../testdata/vectors.json"
	if os.Getenv("MAKE_VECTORS") != "" {
		b, err := json.MarshalIndent(makeVectors(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	readVectors(t, file).verify(t)
}

func TestVectorsMadeByJavaScript(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine, and 600,000 rounds each: the race detector has nothing to find")
	}
	readVectors(t, "../testdata/vectors-js.json").verify(t)
}

func (v *vectors) verify(t *testing.T) {
	if len(v.Links) == 0 || len(v.Frames) == 0 || len(v.Private) == 0 || len(v.Meetings) == 0 {
		t.Fatal("there is nothing to check")
	}
	v.verifyLinks(t)
	v.verifySigned(t)
	v.verifyMedia(t)
	for i := range v.Private {
		v.verifyPrivate(t, i)
	}
	for i := range v.Outside {
		v.verifyOutside(t, i)
	}
	for i, n := range v.Numbers {
		got := must[string](t)(digits(n.Authenticator, fields("code", n.Group, u64(n.Epoch)), numberSize))
		same(t, "number", i, []byte(got), []byte(n.Number))
	}
	for _, n := range v.Texts {
		if err := checkOf(n.Kind, string(n.Text)); (err == nil) != n.Valid {
			t.Errorf("%s %q: %v", n.Kind, n.Text, err)
		}
	}
	for i, n := range v.Pairs {
		same(t, "pair", i, []byte(must[string](t)(pairNumber(Key(n.A), Key(n.B)))), []byte(n.Number))
	}
}

func checkOf(kind, text string) error {
	if kind == "name" {
		return checkName(text)
	}
	return checkSaid(map[string]byte{"chat": appChat, "app": appPages, "reaction": appReaction}[kind], text)
}

func (v *vectors) verifyLinks(t *testing.T) {
	for i := range v.Links {
		l, r := &v.Links[i], v.rootOf(t, i)
		same(t, "root", i, r.root[:], l.Root)
		same(t, "psk", i, r.psk(1), l.PSK1)
		same(t, "psk id", i, pskID(1), l.PSK1ID)
		same(t, "join", i, r.join, l.Join)
		same(t, "name key", i, r.name, l.Name)
		same(t, "hpke", i, r.hpke, l.HPKE)
		same(t, "verifier", i, r.PasswordProof(), l.Verifier)
		same(t, "fragment", i, []byte(r.link.String()), []byte(l.Fragment))
	}
	for i, n := range v.Names {
		same(t, "name", i, []byte(v.rootOf(t, n.Link).openName(Key(n.IK), n.Sealed)), []byte(n.Name))
	}
	for i, p := range v.Proofs {
		same(t, "proof", i, v.rootOf(t, p.Link).joinProof(p.SignatureKey, p.InitKey), p.Proof)
	}
	for i, e := range v.Entries {
		hash := EntryHash(e.Entry)
		same(t, "entry", i, hash[:], e.Hash)
	}
}

func (v *vectors) verifySigned(t *testing.T) {
	for i, n := range v.Admissions {
		a := must[*admission](t)(parseAdmission(n.Admission))
		if a.signed(n.Group, Key(n.Subject)) != n.Valid {
			t.Errorf("admission %d: valid is not %v", i, n.Valid)
		}
		seat := must[*seat](t)(parseSeat(n.Seat))
		same(t, "seat", i, seat.encode(), n.Seat)
		if !seat.bot || !bytes.Equal(seat.name, n.Sealed) || *seat.admission != *a {
			t.Errorf("seat %d holds something else", i)
		}
	}
	for i, n := range v.Grants {
		r := reader{b: n.Grant}
		g := readGrant(&r)
		err := mls.VerifyEd25519(g.issuer[:], grantText(n.Group, g.key, g.signed), g.signature[:])
		if !r.end() || (err == nil) != n.Valid {
			t.Errorf("grant %d: valid is not %v", i, n.Valid)
		}
	}
	for i, n := range v.Meetings {
		m, err := parseMeeting(n.Meeting)
		if valid := err == nil && m.valid(n.Group); valid != n.Valid {
			t.Errorf("meeting %d: valid is not %v", i, n.Valid)
		}
		if !n.Valid {
			continue
		}
		same(t, "meeting", i, m.encode(), n.Meeting)
		p := &public{group: n.Group, meeting: m}
		for j, key := range n.Keys {
			if got := p.findRole(Key(key)); got != n.Roles[j] {
				t.Errorf("meeting %d, key %d: role %d", i, j, got)
			}
		}
	}
}

func (v *vectors) verifyMedia(t *testing.T) {
	for i, n := range v.Keys {
		e := &sframe.Epoch{Number: n.Epoch, Base: [16]byte(n.Base), Own: n.Leaf}
		kid, key, err := e.Single(sframe.Track(n.Track))
		if err != nil || kid != n.KID {
			t.Errorf("key %d: KID %d, %v", i, kid, err)
		}
		same(t, "key", i, key[:], n.Key)
	}
	for i, n := range v.Frames {
		leaves := make([]sframe.Key, n.Leaf+1)
		leaves[n.Leaf] = sframe.Key{1}
		o := &sframe.Opener{}
		o.SetOwner(7, sframe.Key{1})
		o.Add(&sframe.Epoch{Number: n.Epoch, State: 1, Base: [16]byte(n.Base), Leaves: leaves}, testStart)
		got, err := o.Open(nil, 7, sframe.Track(n.Track), codecNames[n.Codec], n.Key, n.Wire, testStart)
		if err != nil {
			t.Errorf("frame %d: %v", i, err)
		}
		same(t, "frame", i, got, n.Plain)
	}
}

func (v *vectors) verifyPrivate(t *testing.T, i int) {
	n, r := &v.Private[i], v.rootOf(t, v.Private[i].Link)
	sealed := must[[]byte](t)(openOuter(n.Outer, n.Group, Key(n.From), Key(n.To), n.Data))
	aad := slices.Concat(n.From, n.To)
	plain := must[[]byte](t)(mls.OpenPSK(n.Leaf, privateInfo(n.Group, n.Epoch), aad, sealed, fields("hpke"), r.hpke))
	kind, counter, text, err := readInner(plain)
	if err != nil || kind != n.Type || counter != n.Counter || text != n.Text {
		t.Errorf("private %d: %d %d %q, %v", i, kind, counter, text, err)
	}
}

func (v *vectors) verifyOutside(t *testing.T, i int) {
	n, r := &v.Outside[i], v.rootOf(t, v.Outside[i].Link)
	from := Key(n.From)
	ask, err := r.openAsk(from, Key(n.To), n.Ask[9:])
	if err != nil || ask.purpose != n.Purpose {
		t.Errorf("question %d: %v", i, err)
	}
	same(t, "key of a question", i, ask.hpke, n.X)
	said, err := readVoice(n.Voice[9:])
	if err != nil || said.epoch != n.Epoch || said.number != n.Number {
		t.Fatalf("secret %d: %v", i, err)
	}
	same(t, "group of a secret", i, said.group, n.Group)
	same(t, "admission of a secret", i, said.admitted, n.Admission)
	base, err := said.open(from, n.Confirmed, func(info, aad, sealed []byte) ([]byte, error) {
		return mls.OpenPSK(n.External, info, aad, sealed, fields("hpke"), r.hpke)
	})
	if err != nil {
		t.Errorf("secret %d: %v", i, err)
	}
	same(t, "secret", i, base, n.Base)
}

// maker makes vectors of reproducible bytes.
type maker struct {
	t      *testing.T
	random *rand.ChaCha8
	v      *vectors
	group  []byte
}

func (m *maker) bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = m.random.Read(b) // never fails
	return b
}

func (m *maker) identity() *Identity { return must[*Identity](m.t)(NewIdentity(m.random)) }

func makeVectors(t *testing.T) *vectors {
	m := &maker{t: t, random: rand.NewChaCha8([32]byte{9}), v: &vectors{
		Comment: "Vectors of docs/e2ee.md, made by e2ee/group (MAKE_VECTORS=1 go test -run VectorsMadeHere ./e2ee/group).",
	}}
	m.group = m.bytes(16)
	creator := m.identity()
	m.links(creator)
	m.signed(creator)
	m.media()
	for i, text := range []string{"hello", "žluťoučký kůň\n🐎"} {
		m.private(uint32(i+1), text)
	}
	for range 2 {
		a, b := m.identity().Key(), m.identity().Key()
		m.v.Pairs = append(m.v.Pairs, pairVector{a[:], b[:], must[string](t)(pairNumber(a, b))})
		secret, epoch := m.bytes(32), uint64(len(m.v.Pairs)*1000)
		number := must[string](t)(digits(secret, fields("code", m.group, u64(epoch)), numberSize))
		m.v.Numbers = append(m.v.Numbers, numberVector{secret, m.group, epoch, number})
	}
	for i := range 2 {
		m.outside(i)
	}
	m.texts()
	return m.v
}

func (m *maker) outside(i int) {
	r, id, to := m.v.rootOf(m.t, i), m.identity(), m.identity().Key()
	o := must[*Outsider](m.t)(NewOutsider(Config{Root: r, Identity: id, Name: "rec", Random: m.random}))
	n := outsideVector{
		Link: i, From: o.self[:], To: to[:], X: o.hpke.PublicKey().Bytes(), Purpose: "a recording", Group: m.group,
		Epoch: uint64(7 + 2000*i), Confirmed: m.bytes(HashSize), Number: uint16(1000 * i), Admission: make([]byte, AdmissionSize),
	}
	if i > 0 {
		n.Admission = newAdmission(m.identity(), m.group, o.self, RoleParticipant).encode()
		o.Admitted(n.Admission)
	}
	announce := slices.Concat(to[:], make([]byte, nonceSize+nameShort+tagSize))
	n.Ask = must[[]byte](m.t)(o.Ask(announce, n.Purpose))
	external := must[*ecdh.PrivateKey](m.t)(ecdh.X25519().NewPrivateKey(m.bytes(keySize)))
	n.External = external.Bytes()
	h := &Heard{Epoch: n.Epoch, group: n.Group, confirm: n.Confirmed, public: external.PublicKey().Bytes()}
	voice, epoch, err := o.Speak(h, uint32(n.Number))
	if err != nil {
		m.t.Fatal(err)
	}
	n.Voice, n.Base = voice, epoch.Base[:]
	m.v.Outside = append(m.v.Outside, n)
}

func (m *maker) texts() {
	for kind, texts := range map[string]struct{ right, wrong []string }{
		"name": {
			[]string{"A", "Žofie Nováková", "李 明", "a  b", strings.Repeat("n", 64), strings.Repeat("é", 64)},
			[]string{
				"", " ", "\u3000", strings.Repeat("n", 65), strings.Repeat("\U0001F600", 64), "a\nb", "a\tb", "a\x00b",
				"a\u00adb", "a\u061cb", "a\u180eb", "a\u200bb", "a\u200db", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2060b",
				"a\u2066b", "\ufeffa", "a\ufeff", "a\U000e0041", "a\ue000", "\u3164", "\u2800", "a\u034fb", "a\u115fb", "a\xff",
			},
		},
		"chat": {
			[]string{"hello", " ", "a\nb\tc", "\ufeffa", "a\u2028b", "\u202ea", strings.Repeat("\U0001F600", 2000)},
			[]string{"", "a\x00", "a\rb", "a\u0085b", "a\x7f", strings.Repeat("a", 2001), "\xc3\x28", "\xed\xa0\x80"},
		},
		"app": {
			[]string{"{}", strings.Repeat("a", 8000)},
			[]string{"", "a\x1b", strings.Repeat("a", 8001), "\xff"},
		},
		"reaction": {
			[]string{"thumbs_up", strings.Repeat("a", 32)},
			[]string{"", "Heart", "a b", "a\n", "é", strings.Repeat("a", 33)},
		},
	} {
		for _, text := range texts.right {
			m.v.Texts = append(m.v.Texts, textVector{kind, hexBytes(text), true})
		}
		for _, text := range texts.wrong {
			m.v.Texts = append(m.v.Texts, textVector{kind, hexBytes(text), false})
		}
	}
	slices.SortStableFunc(m.v.Texts, func(a, b textVector) int { return strings.Compare(a.Kind, b.Kind) })
}

func (m *maker) links(creator *Identity) {
	for i, password := range []string{"", "", "correct horse"} {
		l := must[Link](m.t)(NewLink(m.random, creator.Public(), i != 1))
		r := must[*Root](m.t)(l.Root("k7qm-2f9x-w3dj-8hrt", password))
		m.v.Links = append(m.v.Links, linkVector{
			l.String(), "k7qm-2f9x-w3dj-8hrt", password, r.root[:], r.psk(1), pskID(1), r.join, r.name, r.hpke, r.verifier,
		})
		const longest = "a name of sixty-four letters, which is as long as a name can be!"
		for _, name := range []string{"Ann", "Žofie Nováková", longest} {
			key := m.identity().Key()
			sealed := must[[]byte](m.t)(r.sealName(m.random, key, name))
			m.v.Names = append(m.v.Names, nameVector{i, key[:], name, sealed})
		}
		a, b := m.bytes(32), m.bytes(32)
		m.v.Proofs = append(m.v.Proofs, proofVector{i, a, b, r.joinProof(a, b)})
	}
	entry := m.bytes(500)
	hash := EntryHash(entry)
	m.v.Entries = append(m.v.Entries, entryVector{entry, hash[:]})
}

func (m *maker) signed(creator *Identity) {
	host, coHost, heir, subject := m.identity(), m.identity(), m.identity(), m.identity()
	for _, valid := range []bool{true, false} {
		a := newAdmission(host, m.group, subject.Key(), RoleParticipant)
		g := newGrant(host, m.group, subject.Key(), RoleCoHost)
		if !valid {
			a.role, g.signed, g.role = RoleHost, RoleHost, RoleHost
		}
		sealed := m.bytes(nonceSize + nameShort + tagSize)
		key := subject.Key()
		m.v.Admissions = append(m.v.Admissions, admissionVector{
			m.group, key[:], a.encode(), valid, (&seat{bot: true, name: sealed, admission: a}).encode(), sealed,
		})
		m.v.Grants = append(m.v.Grants, grantVector{m.group, g.encode(nil), valid})
	}
	base := &meeting{creator: FingerprintOf(creator.Public()), lobby: true, version: 1}
	m.meeting(base, true, creator, host)
	full := base.clone()
	for _, g := range []grant{
		newGrant(creator, m.group, host.Key(), RoleHost), newGrant(host, m.group, coHost.Key(), RoleCoHost),
		newGrant(creator, m.group, subject.Key(), RoleViewer),
	} {
		full.set(g.key, &g)
	}
	full.heirs = []grant{newGrant(host, m.group, heir.Key(), roleHeir)}
	full.revoked = []Key{m.identity().Key(), m.identity().Key()}
	m.meeting(full, true, creator, host, coHost, heir, subject)
	succeeded := full.clone()
	promoted := succeeded.heirs[0]
	promoted.role = RoleHost
	succeeded.set(heir.Key(), &promoted)
	m.meeting(succeeded, true, creator, host, coHost, heir, subject)
	circle := base.clone()
	for _, g := range []grant{
		newGrant(coHost, m.group, host.Key(), RoleHost), newGrant(host, m.group, coHost.Key(), RoleHost),
	} {
		circle.set(g.key, &g)
	}
	m.meeting(circle, false)
	forged := full.clone()
	forged.roles[0].signature[5] ^= 1
	m.meeting(forged, false)
	loose := base.clone()
	self := newGrant(subject, m.group, subject.Key(), RoleHost)
	loose.set(self.key, &self)
	m.meeting(loose, false)
	unsorted := full.clone()
	slices.Reverse(unsorted.roles)
	m.meeting(unsorted, false)
}

func (m *maker) meeting(p *meeting, valid bool, keys ...*Identity) {
	n := meetingVector{Group: m.group, Meeting: p.encode(), Valid: valid, Keys: []hexBytes{}, Roles: []Role{}}
	for _, id := range keys {
		key := id.Key()
		n.Keys = append(n.Keys, key[:])
		n.Roles = append(n.Roles, (&public{group: m.group, meeting: p}).findRole(key))
	}
	m.v.Meetings = append(m.v.Meetings, n)
}

func (m *maker) media() {
	for i, leaf := range []uint32{0, 1, 700, 1023} {
		e := &sframe.Epoch{Number: uint64(i) * 1000, State: 1, Base: [16]byte(m.bytes(16)), Own: leaf}
		track := sframe.Track(i)
		kid, key, err := e.Single(track)
		if err != nil {
			m.t.Fatal(err)
		}
		m.v.Keys = append(m.v.Keys, keyVector{e.Base[:], i, leaf, e.Number, kid, key[:]})
		s := &sframe.Sealer{}
		s.Use(e)
		counter := 0
		for _, name := range []string{"opus", "vp8", "vp9", "av1"} {
			for _, key := range []bool{true, false} {
				plain := m.bytes(60)
				if plain[0] |= 1; key {
					plain[0] &^= 1
				}
				wire := must[[]byte](m.t)(s.Seal(nil, track, codecNames[name], key, plain))
				m.v.Frames = append(m.v.Frames, frameVector{e.Base[:], i, leaf, e.Number, name, key, counter, plain, wire})
				counter++
			}
		}
	}
}

func (m *maker) private(counter uint32, text string) {
	from, to, epoch := m.identity(), m.identity(), uint64(counter)*70
	r := m.v.rootOf(m.t, 0)
	j := must[*mls.Joiner](m.t)(mls.NewJoiner(mls.Config{Random: m.random}, mls.Member{
		Key: to.key, Credential: mls.Credential{Type: mls.CredentialBasic}, Capabilities: mls.DefaultCapabilities(),
	}, nil, nil))
	fromKey, toKey := from.Key(), to.Key()
	inner := must[[]byte](m.t)(padded(append([]byte{appChat, 0, 0, 0, byte(counter)}, text...), privateClasses[:]...))
	sealed := must[[]byte](m.t)(mls.SealPSK(m.random, j.KeyPackage.Leaf.EncryptionKey, privateInfo(m.group, epoch),
		slices.Concat(fromKey[:], toKey[:]), inner, fields("hpke"), r.hpke))
	sig := from.sign(privateSigned(m.group, epoch, fromKey, toKey, sealed))
	outer := m.bytes(16)
	data := must[[]byte](m.t)(sealOuter(m.random, outer, epoch, slices.Concat(sig, sealed)))
	leaf := privateOf(j)
	m.v.Private = append(m.v.Private, privateVector{
		0, m.group, epoch, outer, fromKey[:], toKey[:], leaf, data, appChat, counter, text,
	})
}

// pairNumber is the lasting number of two people, nine groups of five digits, which only pages show.
func pairNumber(a, b Key) (string, error) {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return digits(append(a[:], b[:]...), fields("pair code"), 45)
}
