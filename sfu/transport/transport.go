package transport

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"

	"conclave/sfu/batch"
	"conclave/sfu/stream"
)

// Transport is one connection's way to its peer: ICE, of which an ICE-lite server has to do very little, DTLS, which is
// Pion's, and the keys that come out of it. It knows nothing of media descriptions or packets, so that its cost and
// memory are independent of the number of slots. Safe for concurrent use.
type Transport struct {
	network *Network
	owner   Owner
	number  uint32 // what the transaction ids of our checks name it by

	ice  iceState
	pipe *dtlsPipe

	keys   atomic.Pointer[Keys]
	remote atomic.Pointer[Remote] // nil before the peer has answered a check, and without its consent
	heard  atomic.Int64           // unix nanoseconds of its latest answer to a check of ours, or of the making
	closed atomic.Bool
	failed atomic.Bool // and the owner has been told
	rise   rise
	once   sync.Once

	expected string // the fingerprint that the offer vouches for
	dtlsMu   sync.Mutex
	dtls     *dtls.Conn // made with the peer's first record
}

// Owner is told what becomes of a transport, from goroutines of the transport's: Connected and Failed at most once
// each, Stuck at most once for each cause.
type Owner interface {
	// Connected is called once there are keys: media can flow.
	Connected()
	// Stuck is called when the transport has not come up for some seconds, and may still.
	Stuck(cause Cause)
	// Failed is called when the transport is lost for good. Its owner closes it.
	Failed(cause Cause)
}

// Path is an address of the peer, and the index among Network.Locals of the address of ours that it came to.
type Path struct {
	From  netip.AddrPort
	Local int
}

// Remote is where to send to, and from which of Network.Locals. Immutable.
type Remote struct {
	To     *batch.Addr
	Local  int
	Stream *stream.Stream // what carries it, nil: UDP
	// Overhead is how many bytes a datagram takes on the path beside its own.
	Overhead int
}

// Headers of IP and UDP.
const (
	overheadUDP4 = 20 + 8
	overheadUDP6 = 40 + 8
)

// remote makes the remote of a path; nil if that is of a stream that is gone.
func (n *Network) remote(p Path) *Remote {
	r := &Remote{To: batch.NewAddr(p.From), Local: p.Local, Overhead: overheadUDP4}
	switch {
	case stream.IsKey(p.From.Addr()):
		if r.Stream = n.stream(p.From); r.Stream == nil {
			return nil
		}
		r.Overhead = r.Stream.Overhead()
	case !p.From.Addr().Is4():
		r.Overhead = overheadUDP6
	}
	return r
}

// stream finds the stream with that key, nil if there is none.
func (n *Network) stream(key netip.AddrPort) *stream.Stream {
	if n.streams == nil {
		return nil
	}
	return n.streams.Find(key)
}

// mapped is the address that a peer is told it comes from.
func (n *Network) mapped(from netip.AddrPort) netip.AddrPort {
	if s := n.stream(from); s != nil {
		return s.Mapped()
	}
	return from
}

// is says whether p is where to send to. A nil Remote is nowhere.
func (r *Remote) is(p Path) bool { return r != nil && r.To.AddrPort == p.From && r.Local == p.Local }

// New makes a transport that no peer can reach yet: Negotiate gives it credentials. fingerprint is the one of the
// offer, or several separated by commas; without it no handshake succeeds. The owner closes the transport.
func (n *Network) New(fingerprint string, owner Owner) *Transport {
	t := &Transport{network: n, owner: owner, expected: fingerprint}
	now := time.Now().UnixNano()
	t.heard.Store(now)
	t.rise.since.Store(now)
	n.tables.enrol(t)
	t.pipe = newDTLSPipe(t)
	return t
}

// Owner returns the owner that New was given.
func (t *Transport) Owner() Owner { return t.owner }

// Adopt gives the transport its keys, and tells its owner that it is connected. path is the peer's; nil leaves that to
// ICE. The handshake is one way to come by keys.
func (t *Transport) Adopt(k *Keys, path *Path) {
	if path != nil {
		now := time.Now()
		t.ice.mu.Lock()
		if p := t.network.tables.adopt(t, &t.ice, *path); p != nil {
			p.consented = now
			t.ice.paths.nominate(p)
			t.heard.Store(now.UnixNano())
			t.remote.Store(t.network.remote(*path))
		}
		t.ice.mu.Unlock()
	}
	t.keys.Store(k)
	t.owner.Connected()
}

// Ready returns the keys and where to send to. ok is false before both are known and after the end.
func (t *Transport) Ready() (k *Keys, to *Remote, ok bool) {
	k, to = t.keys.Load(), t.remote.Load()
	return k, to, k != nil && to != nil && !t.closed.Load()
}

// Keys returns the keys, nil before the handshake is done.
func (t *Transport) Keys() *Keys { return t.keys.Load() }

// Closed says whether the transport has been closed.
func (t *Transport) Closed() bool { return t.closed.Load() }

// SendRTCP seals one compound of RTCP and sends it. Before the transport is ready it does nothing. RTCP is rare: it
// allocates.
func (t *Transport) SendRTCP(compound []byte) error {
	k, to, ok := t.Ready()
	if !ok {
		return nil
	}
	sealed, err := k.SealRTCP(nil, compound)
	if err != nil {
		return err
	}
	_, _ = t.network.write(sealed, to) // loss is the protocol's to mend
	return nil
}

// write sends one datagram.
func (n *Network) write(b []byte, to *Remote) (int, error) {
	return n.locals[to.Local].Conns[0].WriteTo(b, to.To.AddrPort)
}

// fail tells the owner, once, that the transport is lost for good.
func (t *Transport) fail(cause Cause) {
	if !t.closed.Load() && !t.failed.Swap(true) {
		t.owner.Failed(cause)
	}
}

// Close ends the transport. No datagram from or to it is handled once it returns; the peer is told in the background.
func (t *Transport) Close() {
	t.once.Do(func() {
		t.closed.Store(true)
		t.network.tables.unbind(t)
		t.network.background(t.endDTLS)
	})
}
