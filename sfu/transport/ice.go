package transport

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/transport/stun"
)

// ICE as a lite agent does it (RFC 8445 §2.5): the client makes all checks and nominates; we answer what is authentic, and
// send where it nominated. The client's consent checks (RFC 7675) come every few seconds as long as it is there: they are
// how we know.
const (
	// disconnectedAfter is how long without a check a transport counts as lost for now: Firefox checks every 4 to 6 s, and
	// one may be lost.
	disconnectedAfter = 13 * time.Second
	// failedAfter is how long it counts as lost for good, or as never made.
	failedAfter = 27 * time.Second
	// maxPaths bounds the addresses one peer may come from at a time: its networks, by IPv4 and IPv6. The oldest goes
	// first, but never the one that is sent to.
	maxPaths = 16
	// maxCredentials bounds the credentials of one peer: after an ICE restart the old ones hold until the new are used.
	maxCredentials = 2
)

// iceState is a transport's side of ICE.
type iceState struct {
	mu          sync.Mutex
	credentials []*credentials // newest last, at most maxCredentials
	paths       []Path         // proven by authentic checks, at most maxPaths
}

// credentials are those of one offer and its answer.
type credentials struct {
	ufrag, remote string    // the user name fragments, ours and the peer's
	key           *stun.Key // of our password
}

// iceChars are the characters of credentials (RFC 8839 §5.4): 64, so that a random byte gives one without bias.
const iceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func randomICE(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	for i := range b {
		b[i] = iceChars[b[i]%64]
	}
	return string(b)
}

// Negotiate makes credentials for a peer whose user name fragment is remote: the first, or those of an ICE restart.
func (t *Transport) Negotiate(remote string) (ufrag, pwd string) {
	ufrag, pwd = randomICE(16), randomICE(32)
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	t.network.tables.announce(t, &t.ice, &credentials{ufrag: ufrag, remote: remote, key: stun.NewKey(pwd)})
	return ufrag, pwd
}

// Check answers a STUN check that came to conn, a socket of the local address with that index. A client that cannot prove
// to know a password gets no answer. ok is false when the datagram was dropped, for reason r. scratch is overwritten.
func (n *Network) Check(d *batch.Datagram, local int, conn batch.Conn, scratch []byte, now time.Time) (r drop.Reason, ok bool) {
	check, err := stun.Parse(d.Data)
	if err != nil {
		return drop.Malformed, false
	}
	t := n.tables.byUfrag(check.Local)
	if t == nil {
		return drop.UnknownAddress, false
	}
	answer, ok := t.check(&check, scratch[:0], Path{d.From, local}, now)
	if !ok {
		return drop.Auth, false
	}
	_, _ = conn.WriteTo(answer, d.From) // the client repeats what is lost
	return 0, true
}

// check takes in a check and appends its answer to dst; ok is false if it is not authentic.
func (t *Transport) check(c *stun.Check, dst []byte, from Path, now time.Time) (answer []byte, ok bool) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	i := slices.IndexFunc(t.ice.credentials, func(k *credentials) bool {
		return k.ufrag == string(c.Local) && k.remote == string(c.Remote)
	})
	if i < 0 || t.closed.Load() || !c.Authentic(t.ice.credentials[i].key) {
		return nil, false
	}
	key := t.ice.credentials[i].key
	t.heard.Store(now.UnixNano())
	if current := t.remote.Load(); !slices.Contains(t.ice.paths, from) || i > 0 ||
		c.UseCandidate && (current.To.AddrPort != from.From || current.Local != from.Local) {
		t.network.tables.bind(t, &t.ice, from, c.UseCandidate, i)
	}
	return c.Answer(dst, from.From, key), true
}

// silence is how long the peer has made no check.
func (t *Transport) silence(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, t.heard.Load()))
}

// Disconnected says whether the peer has been silent for so long that the connection counts as lost for now: 13 s.
func (t *Transport) Disconnected(now time.Time) bool { return t.silence(now) > disconnectedAfter }

// Watch has the owner told, in the background, once the peer has been silent for 27 s. Call it about once a second.
func (t *Transport) Watch(now time.Time) {
	if t.silence(now) > failedAfter && !t.failed.Load() {
		t.network.background(func() { t.fail(CauseICE) })
	}
}
