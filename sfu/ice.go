package sfu

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"sync"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/stun"
)

// ICE as a lite agent does it (RFC 8445 §2.5): the client makes all checks and nominates; we answer what is authentic, and send where it
// nominated. The client's consent checks (RFC 7675) come every few seconds for as long as it is there: they are how we know.
const (
	// iceDisconnected is after how long without a check a connection counts as lost for now: Firefox checks every 4 to 6 s, and one may be lost.
	iceDisconnected = 13 * time.Second
	// iceFailed is after how long it counts as lost for good, or as never made.
	iceFailed = 27 * time.Second
	// maxPaths bounds the addresses one peer may come from at a time: its networks, by IPv4 and IPv6. The oldest goes first, but never the
	// one that is sent to.
	maxPaths = 16
)

// iceState is a transport's side of ICE.
type iceState struct {
	mu          sync.Mutex
	credentials []*credentials // newest last: after an ICE restart the old ones hold until the new are used, so at most 2
	paths       []route
}

// route is an address the peer has made an authentic check from, and ours that it came to.
type route struct {
	from  netip.AddrPort
	local int
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

// negotiate makes credentials for a peer whose user name fragment is remote: the first, or those of an ICE restart.
func (t *transport) negotiate(remote string) (ufrag, pwd string) {
	ufrag, pwd = randomICE(16), randomICE(32)
	c := &credentials{ufrag: ufrag, remote: remote, key: stun.NewKey(pwd)}
	s := t.session.server
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	t.ice.credentials = append(t.ice.credentials, c)
	s.addrMu.Lock()
	defer s.addrMu.Unlock()
	if len(t.ice.credentials) > 2 {
		delete(s.ufrags, t.ice.credentials[0].ufrag)
		t.ice.credentials = slices.Delete(t.ice.credentials, 0, 1)
	}
	if !t.closed.Load() {
		s.ufrags[c.ufrag] = t
	}
	return ufrag, pwd
}

// stun answers a check. Whoever cannot prove to know a password gets no answer.
func (w *worker) stun(d *batch.Datagram, now time.Time) {
	check, err := stun.Parse(d.Data)
	if err != nil {
		w.drop(DropMalformed, 1)
		return
	}
	s := w.server
	s.addrMu.RLock()
	t := s.ufrags[string(check.Local)]
	s.addrMu.RUnlock()
	if t == nil {
		w.drop(DropUnknownAddress, 1)
		return
	}
	answer, ok := t.check(&check, w.rtcpBuf[:0], route{d.From, w.local}, now)
	if !ok {
		w.drop(DropAuth, 1)
		return
	}
	w.stats.checks.Add(1)
	_, _ = w.conn.WriteTo(answer, d.From) // the client repeats what is lost
}

// check takes in a check and appends its answer to dst; ok is false if it is not authentic.
func (t *transport) check(c *stun.Check, dst []byte, from route, now time.Time) (answer []byte, ok bool) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	i := slices.IndexFunc(t.ice.credentials, func(k *credentials) bool { return k.ufrag == string(c.Local) && k.remote == string(c.Remote) })
	if i < 0 || t.closed.Load() || !c.Authentic(t.ice.credentials[i].key) {
		return nil, false
	}
	key := t.ice.credentials[i].key
	t.heard.Store(now.UnixNano())
	if current := t.remote.Load(); !slices.Contains(t.ice.paths, from) || i > 0 ||
		c.UseCandidate && (current.to.AddrPort != from.from || current.local != from.local) {
		t.session.server.bind(t, from, c.UseCandidate, i)
	}
	return c.Answer(dst, from.from, key), true
}

// bind notes a path that a check has proven, so that media from it finds its session, and sends over it from now on if it is nominated
// or the first. credential is the index of the one that was used: older ones have done their duty. Callers hold t.ice.mu.
func (s *Server) bind(t *transport, p route, nominated bool, credential int) {
	s.addrMu.Lock()
	defer s.addrMu.Unlock()
	if t.closed.Load() {
		return
	}
	for _, old := range t.ice.credentials[:credential] {
		delete(s.ufrags, old.ufrag)
	}
	t.ice.credentials = slices.Delete(t.ice.credentials, 0, credential)
	if !slices.Contains(t.ice.paths, p) {
		if len(t.ice.paths) == maxPaths {
			oldest := 0
			if t.remote.Load().to.AddrPort == t.ice.paths[0].from {
				oldest = 1
			}
			s.release(t, t.ice.paths[oldest].from)
			t.ice.paths = slices.Delete(t.ice.paths, oldest, oldest+1)
		}
		t.ice.paths = append(t.ice.paths, p)
	}
	if other := s.addrs[p.from]; other != t {
		if other != nil {
			s.generation.Add(1) // workers may have a copy that says it is the other's
		}
		s.addrs[p.from] = t
	}
	if nominated || t.remote.Load() == nil {
		t.remote.Store(&remote{to: batch.NewAddr(p.from), local: p.local})
	}
}

// release forgets that addr is t's. Callers hold addrMu.
func (s *Server) release(t *transport, addr netip.AddrPort) {
	if s.addrs[addr] == t {
		delete(s.addrs, addr)
		s.generation.Add(1)
	}
}

// unbind takes a closed transport out of the tables.
func (s *Server) unbind(t *transport) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	s.addrMu.Lock()
	defer s.addrMu.Unlock()
	for _, c := range t.ice.credentials {
		delete(s.ufrags, c.ufrag)
	}
	for _, p := range t.ice.paths {
		s.release(t, p.from)
	}
	if r := t.remote.Load(); r != nil {
		s.release(t, r.to.AddrPort)
	}
	s.generation.Add(1)
}

// lookup finds the transport media from addr belongs to, nil if none.
func (s *Server) lookup(addr netip.AddrPort) *transport {
	s.addrMu.RLock()
	defer s.addrMu.RUnlock()
	return s.addrs[addr]
}

// silence is for how long the peer has made no check.
func (t *transport) silence(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, t.heard.Load()))
}
