package turn

import (
	"crypto/md5" //nolint:gosec // the size of a key
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	pion "github.com/pion/stun/v4"
)

const (
	user, password = "ana", "correct horse"
	user2          = "cleo" // with the same password
	quota          = 3
)

var (
	start  = time.Unix(1_800_000_000, 0)
	client = netip.MustParseAddrPort("198.51.100.7:40000")
	ours   = netip.MustParseAddrPort("203.0.113.5:443")
	ours2  = netip.MustParseAddrPort("203.0.113.5:3478")
	ours6  = netip.MustParseAddrPort("[2001:db8::5]:443")
)

// users knows two users.
type users struct {
	gone  bool
	owned int
}

func (u *users) Key(_ time.Time, username string) ([md5.Size]byte, bool) {
	return LongTermKey(username, password), (username == user || username == user2) && !u.gone
}

func (u *users) Open(time.Time, string, Owner) bool {
	if u.owned >= quota {
		return false
	}
	u.owned++
	return true
}

func (u *users) Close(string, Owner) { u.owned-- }

type owner struct{}

func (owner) End() {}

// tester is a client's other half: it makes requests as Pion makes them, and reads the answers with Pion.
type tester struct {
	*testing.T
	users  *users
	server *Server
	client *Client
	now    time.Time
	nonce  []byte
	last   Result
}

func newTester(t *testing.T, peers ...netip.AddrPort) *tester {
	t.Helper()
	if len(peers) == 0 {
		peers = []netip.AddrPort{ours, ours2, ours6}
	}
	u := &users{}
	s := NewServer(peers, u)
	return &tester{T: t, users: u, server: s, client: s.NewClient(owner{}, client, ours.Addr(), true), now: start}
}

func method(m, class uint16) pion.MessageType {
	var t pion.MessageType
	t.ReadValue(m | class)
	return t
}

func raw(kind uint16, value ...byte) pion.RawAttribute {
	return pion.RawAttribute{Type: pion.AttrType(kind), Value: value}
}

func transport(protocol byte) pion.Setter { return raw(attrRequestedTransport, protocol, 0, 0, 0) }

func channel(n uint16) pion.Setter {
	return raw(attrChannelNumber, byte(n>>8), byte(n), 0, 0)
}

// toPeer is XOR-PEER-ADDRESS.
type toPeer netip.AddrPort

func (p toPeer) AddTo(m *pion.Message) error {
	a := netip.AddrPort(p)
	return (&pion.XORMappedAddress{IP: a.Addr().AsSlice(), Port: int(a.Port())}).AddToAs(m, attrXORPeerAddress)
}

func build(t testing.TB, kind pion.MessageType, setters ...pion.Setter) []byte {
	t.Helper()
	m, err := pion.Build(append([]pion.Setter{kind, pion.TransactionID}, setters...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// handle gives the server a message and decodes the answer; nil if there is none.
func (t *tester) handle(b []byte) *pion.Message {
	t.Helper()
	t.last = t.client.Handle(t.now, b, nil)
	if len(t.last.Reply) == 0 {
		return nil
	}
	m := &pion.Message{Raw: t.last.Reply}
	if err := m.Decode(); err != nil {
		t.Fatal(err)
	}
	if n, err := m.Get(pion.AttrNonce); err == nil {
		t.nonce = n
	}
	return m
}

// credentials are what authenticates a request of a user.
func (t *tester) credentials(username, password string) []pion.Setter {
	return []pion.Setter{pion.NewUsername(username), pion.NewRealm(Realm), raw(attrNonce, t.nonce...),
		pion.NewLongTermIntegrity(username, Realm, password)}
}

// request makes a request with the right credentials, and returns the code of its answer: 0 for success.
func (t *tester) request(m uint16, setters ...pion.Setter) int {
	t.Helper()
	if t.nonce == nil {
		t.handle(build(t, method(methodAllocate, classRequest), transport(transportUDP)))
	}
	b := build(t, method(m, classRequest), append(setters, t.credentials(user, password)...)...)
	return code(t.T, t.handle(b))
}

func code(t testing.TB, m *pion.Message) int {
	t.Helper()
	if m == nil {
		t.Fatal("no answer")
	}
	var e pion.ErrorCodeAttribute
	if err := e.GetFrom(m); err != nil {
		return 0
	}
	return int(e.Code)
}

func (t *tester) allocate() {
	t.Helper()
	if got := t.request(methodAllocate, transport(transportUDP)); got != 0 || !t.last.Opened {
		t.Fatalf("allocating: %d", got)
	}
}

// send is a Send indication; it returns whether something is relayed, and to whom.
func (t *tester) send(to netip.AddrPort) (peer int, relayed bool) {
	t.handle(build(t, method(methodSend, classIndication), toPeer(to), raw(attrData, 1, 2, 3)))
	return t.last.Peer, t.last.Data != nil
}

// channelData sends over a channel.
func (t *tester) channelData(n uint16) (peer int, relayed bool) {
	b := binary.BigEndian.AppendUint16(nil, n)
	t.handle(append(b, 0, 3, 1, 2, 3, 0))
	return t.last.Peer, t.last.Data != nil
}
