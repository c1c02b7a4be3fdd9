package transport

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"sync"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/stream"
	"conclave/sfu/transport/stun"
)

// ICE as a lite agent does it (RFC 8445 §2.5): the client makes the checks that find a path, and nominates; we answer
// what is authentic. But we send nothing to an address before a check of our own was answered from there (return
// routability), and ask again for as long as we send (RFC 7675). A path's first check is answered only then, so that
// before consent no more bytes go out than came in.
const (
	// disconnectedAfter is how long without an answer a transport counts as lost for now: Firefox checks every 4 to 6 s,
	// and one may be lost.
	disconnectedAfter = 13 * time.Second
	// failedAfter is how long it counts as lost for good, or as never made.
	failedAfter = 27 * time.Second
	// settleAfter is how long after a nomination the peer may still send over the path it used before.
	settleAfter = time.Second
	// maxCredentials bounds the credentials of one peer: after an ICE restart the old ones hold until the new are used.
	maxCredentials = 2
)

// iceState is a transport's side of ICE.
type iceState struct {
	mu          sync.Mutex
	credentials []*credentials // newest last, at most maxCredentials
	paths       paths
	restarted   bool      // the peer has used new credentials, and answered none of our checks with them
	moved       time.Time // when what is sent to was last nominated
}

// credentials are those of one offer and its answer.
type credentials struct {
	ufrag, remote string    // the user name fragments, ours and the peer's
	key, peer     *stun.Key // of our password and of the peer's
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

// Negotiate makes credentials for a peer with the given ones: the first, or those of an ICE restart.
func (t *Transport) Negotiate(remoteUfrag, remotePwd string) (ufrag, pwd string) {
	ufrag, pwd = randomICE(16), randomICE(32)
	c := &credentials{ufrag: ufrag, remote: remoteUfrag, key: stun.NewKey(pwd), peer: stun.NewKey(remotePwd)}
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	t.network.tables.announce(t, &t.ice, c)
	return ufrag, pwd
}

// Check takes in a STUN message that came to conn, a socket of the local address with that index: a check of the
// peer's, or its answer to ours. A client that cannot prove to know a password gets no answer. ok is false when the
// datagram was dropped, for reason r. scratch is overwritten.
func (n *Network) Check(d *batch.Datagram, local int, conn batch.Conn, scratch []byte, now time.Time) (r drop.Reason,
	ok bool) {
	from := Path{d.From, local}
	var out replies
	if stun.IsAnswer(d.Data) {
		out, r, ok = n.answered(d.Data, scratch, from, now)
	} else {
		out, r, ok = n.checked(d.Data, scratch, from, now)
	}
	for _, b := range [...][]byte{out.answer, out.check} {
		if len(b) > 0 {
			_, _ = conn.WriteTo(b, d.From) // the client repeats what is lost
		}
	}
	return r, ok
}

// replies are what a STUN message makes us send to where it came from; they may be empty.
type replies struct{ answer, check []byte }

func (n *Network) checked(b, scratch []byte, from Path, now time.Time) (replies, drop.Reason, bool) {
	check, err := stun.Parse(b)
	if err != nil {
		return replies{}, drop.Malformed, false
	}
	t := n.tables.byUfrag(check.Local)
	if t == nil {
		return replies{}, drop.UnknownAddress, false
	}
	return t.check(&check, scratch, from, now)
}

func (n *Network) answered(b, scratch []byte, from Path, now time.Time) (replies, drop.Reason, bool) {
	answer, err := stun.ParseAnswer(b)
	if err != nil {
		return replies{}, drop.Malformed, false
	}
	t := n.tables.byNumber(number(answer.ID()))
	if t == nil {
		return replies{}, drop.UnknownAddress, false
	}
	return t.answer(&answer, scratch, from, now)
}

// check takes in a check of the peer's.
func (t *Transport) check(c *stun.Check, scratch []byte, from Path, now time.Time) (out replies, r drop.Reason,
	ok bool) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	i := slices.IndexFunc(t.ice.credentials, func(k *credentials) bool {
		return k.ufrag == string(c.Local) && k.remote == string(c.Remote)
	})
	if i < 0 || t.closed.Load() || !c.Authentic(t.ice.credentials[i].key) {
		return out, drop.Auth, false
	}
	k := t.ice.credentials[i]
	t.rise.step(&t.rise.checked, now)
	again, elsewhere := t.ice.paths.take(c.ID(), from)
	if elsewhere {
		return out, drop.Replay, false
	}
	nominated := !again && c.UseCandidate
	if i > 0 {
		t.ice.restarted = true
		t.ice.paths.restart()
		t.network.tables.retire(&t.ice, i)
	}
	p := t.ice.paths.find(from)
	if p == nil {
		out.check = t.ask(scratch, from, k, now)
		if len(out.check) > c.Len() {
			return replies{}, drop.Malformed, false // less than a check has: no more goes out than came in
		}
		t.ice.paths.wait(waiting{from, c.ID(), k.key, nominated})
		return out, 0, true
	}
	out.answer = c.Answer(scratch[:0], t.network.mapped(from.From), k.key)
	move := t.ice.restarted || nominated && !t.remote.Load().is(from)
	if nominated {
		t.ice.paths.nominate(p)
	}
	if move || now.Sub(p.asked) >= consentEvery {
		p.asked = now
		out.check = t.ask(out.answer[len(out.answer):], from, k, now)
	}
	return out, 0, true
}

// ask writes a check of ours to dst. It takes the ICE state locked.
func (t *Transport) ask(dst []byte, to Path, k *credentials, now time.Time) []byte {
	id := t.network.asker.id(t.number, to, k.ufrag, now)
	return stun.AppendCheck(dst[:0], id, k.remote, k.ufrag, t.network.tieBreaker, k.peer)
}

// answer takes in the peer's answer to a check of ours: it is where that went to.
func (t *Transport) answer(a *stun.Answer, scratch []byte, from Path, now time.Time) (out replies, r drop.Reason,
	ok bool) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	unit, ok := t.vouches(a, from, now)
	if !ok || t.closed.Load() {
		return out, drop.Auth, false
	}
	p := t.ice.paths.find(from)
	switch {
	case p != nil && unit < p.answered:
		return out, drop.Replay, false
	case p != nil && unit == p.answered:
		return out, 0, true // two checks of the peer's at nearly one time made us ask twice
	}
	if p == nil {
		if p = t.network.tables.claim(t, &t.ice, from, now); p == nil {
			return out, drop.AddressTaken, false
		}
		if !t.network.prove(from) { // its stream has been detached meanwhile
			t.ice.paths.remove(from.From)
			t.network.tables.forget(t, &t.ice, []Path{from})
			return out, drop.UnknownAddress, false
		}
	}
	p.answered, p.consented = unit, now
	t.rise.step(&t.rise.proven, now)
	t.heard.Store(now.UnixNano())
	if w, was := t.ice.paths.waitingFrom(from); was {
		out.answer = stun.AppendAnswer(scratch[:0], w.id, t.network.mapped(from.From), w.key)
		if w.nominated {
			t.ice.paths.nominate(p)
		}
	}
	if t.ice.restarted { // the first address proven with new credentials is where the peer is now: it need not nominate
		t.ice.restarted = false
		t.ice.paths.nominate(p)
	}
	if current := t.remote.Load(); current == nil || p.nominated && !current.is(from) {
		t.ice.moved = now
		t.remote.Store(t.network.remote(from))
	}
	return out, 0, true
}

// Follow notes that the peer sends over a path, by what is authentic and not recorded. Firefox nominates every path
// that works and uses the best of them (RFC 5245 §8.1.1.2), which need not be the one it nominated last: we send to
// where it sends. Were the two directions apart, neither end would notice in time that the peer's way is blocked.
func (t *Transport) Follow(from Path, now time.Time) {
	if t.remote.Load().is(from) {
		return
	}
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	p := t.ice.paths.find(from)
	if p == nil || !p.offered || now.Sub(t.ice.moved) < settleAfter {
		return
	}
	t.ice.paths.nominate(p)
	t.ice.moved = now
	t.remote.Store(t.network.remote(from))
}

// prove tells the stream of a path that a peer is there. ok is false when the stream is gone.
func (n *Network) prove(p Path) (ok bool) {
	if !stream.IsKey(p.From.Addr()) {
		return true
	}
	s := n.stream(p.From)
	if s != nil {
		s.Prove()
	}
	return s != nil
}

// vouches says whether an answer is the peer's to a check of ours to that path, and which. It takes the ICE state
// locked.
func (t *Transport) vouches(a *stun.Answer, from Path, now time.Time) (unit int64, ok bool) {
	for _, k := range t.ice.credentials {
		if unit, ok := t.network.asker.made(a.ID(), from, k.ufrag, now); ok && a.Authentic(k.peer) {
			return unit, true
		}
	}
	return 0, false
}

// expire forgets the paths whose consent has run out. If one of them was sent to, the freshest of the rest is now.
func (t *Transport) expire(now time.Time) {
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	gone := t.ice.paths.expire(now)
	if len(gone) == 0 {
		return
	}
	t.lose(gone)
}

// lose forgets paths. If one of them was sent to, the freshest of the rest is now. It takes the ICE state locked.
func (t *Transport) lose(gone []Path) {
	t.network.tables.forget(t, &t.ice, gone)
	if current := t.remote.Load(); current == nil || slices.ContainsFunc(gone, current.is) {
		var next *Remote
		if best := t.ice.paths.freshest(); best != nil {
			next = t.network.remote(best.Path)
		}
		t.remote.Store(next)
	}
}

// detached forgets the path of a stream that is gone.
func (n *Network) detached(key netip.AddrPort) {
	t := n.Lookup(key)
	if t == nil {
		return
	}
	t.ice.mu.Lock()
	defer t.ice.mu.Unlock()
	if gone, ok := t.ice.paths.remove(key); ok {
		t.lose([]Path{gone})
	}
}

// silence is how long the peer has answered no check.
func (t *Transport) silence(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, t.heard.Load()))
}

// Disconnected says whether the peer has been silent for so long that the connection counts as lost for now: 13 s.
func (t *Transport) Disconnected(now time.Time) bool { return t.silence(now) > disconnectedAfter }

// Watch ends the sending to where the peer has not consented to it for 30 s. It has the owner told, in the background,
// once the transport is stuck on its way up, and once the peer has been silent for 27 s. Call it about once a second,
// on one goroutine at a time.
func (t *Transport) Watch(now time.Time) {
	t.expire(now)
	if t.failed.Load() {
		return
	}
	if t.silence(now) > failedAfter {
		t.network.background(func() { t.fail(t.rise.silent()) })
		return
	}
	if t.keys.Load() != nil {
		return
	}
	if cause, stuck := t.rise.stuck(now); stuck {
		t.network.background(func() {
			if !t.closed.Load() && t.keys.Load() == nil {
				t.owner.Stuck(cause)
			}
		})
	}
}

// Failed says whether the owner has been told that the transport is lost.
func (t *Transport) Failed() bool { return t.failed.Load() }
