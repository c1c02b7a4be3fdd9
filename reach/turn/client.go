package turn

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// Client is what the server knows of one client: of one stream, or of one address over UDP (a 5-tuple, RFC 8656 §3).
// It has at most one allocation, with at most one permission and one channel a peer of the server. One goroutine at a
// time; a Framing of it may be used meanwhile.
type Client struct {
	server *Server
	owner  Owner
	from   netip.AddrPort
	local  netip.Addr // of ours, that it reached; invalid if unknown
	stream bool       // over TCP or TLS: ChannelData is padded

	alloc *allocation
	wrong int // requests with wrong credentials
	msg   message
}

// allocation is RFC 8656 §3.2's, without a port of its own. A Framing reads what is atomic.
type allocation struct {
	username string
	key      []byte
	id       [12]byte // transaction of the request that made it
	relayed  netip.AddrPort
	until    atomic.Int64 // unix nanoseconds; 0 once it has ended
	peers    []binding    // one a peer of the server
}

// binding is what an allocation may do with one peer. Times are unix nanoseconds.
type binding struct {
	permitted atomic.Int64  // until when
	channel   atomic.Uint32 // 0 for none
	bound     atomic.Int64  // until when
}

func (a *allocation) live(now int64) bool { return a != nil && a.until.Load() > now }

// NewClient makes the state of a client that comes from an address to one of ours. It holds nothing until it
// allocates.
func (s *Server) NewClient(owner Owner, from netip.AddrPort, local netip.Addr, stream bool) *Client {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	return &Client{server: s, owner: owner, from: from, local: local.Unmap(), stream: stream}
}

// Result is what follows from a message of a client.
type Result struct {
	// Reply is to be sent to the client; it is what was given to Handle if there is none.
	Reply []byte
	// Data, if not nil, is for the peer at this place in Server.Peers. It points into the message.
	Data []byte
	Peer int
	// Closed says that an allocation has ended, Opened that there is a new one since.
	Closed, Opened bool
	// Wrong says that its credentials were wrong.
	Wrong bool
}

// Handle takes one message of the client, without what pads it in a stream, and appends the reply to dst.
func (c *Client) Handle(now time.Time, b, dst []byte) (r Result) {
	r.Reply = dst
	if len(b) >= channelHeader && b[0]&0xc0 == 0x40 {
		r.Data, r.Peer = c.channelData(now, b)
		return r
	}
	m := &c.msg
	if parse(b, m) != nil {
		return r
	}
	switch {
	case m.class == classIndication && m.method == methodSend:
		r.Data, r.Peer = c.send(now, m)
	case m.class == classRequest && m.method == methodBinding:
		r.Reply = c.binding(dst, m)
	case m.class == classRequest:
		c.request(now, m, &r)
	}
	return r
}

// Username is the user name of a request; "" if it is none or has none. Nothing of it is proven.
func Username(b []byte) string {
	var m message
	if parse(b, &m) != nil || m.class != classRequest {
		return ""
	}
	return string(m.username)
}

// binding answers a plain STUN request (RFC 8489 §6.3.1). It is never more than 12 bytes longer than the request
// for IPv4, 24 for IPv6.
func (c *Client) binding(dst []byte, m *message) []byte {
	if m.integrity != 0 {
		return dst // a connectivity check: the engine's to answer
	}
	out := begin(dst, m, classSuccess)
	out.address(attrXORMappedAddress, c.from)
	return out.end(nil, m.hasFingerprint)
}

// request handles what needs credentials.
func (c *Client) request(now time.Time, m *message, r *Result) {
	switch m.method {
	case methodAllocate, methodRefresh, methodCreatePermission, methodChannelBind:
	default: // RFC 6062's Connect and ConnectionBind, and what does not exist
		r.Reply = c.fail(r.Reply, m, badRequest, nil)
		return
	}
	key, code := c.authenticate(now, m)
	if code != 0 {
		r.Wrong = code == unauthorized && m.integrity != 0
		if r.Wrong {
			c.wrong++
		}
		r.Reply = c.challenge(now, r.Reply, m, code)
		return
	}
	if len(m.unknown) > 0 {
		code = unknownAttribute
	} else {
		r.Closed = c.expire(now)
		switch m.method {
		case methodAllocate:
			code = c.allocate(now, m, key, r)
		case methodRefresh:
			code = c.refresh(now, m, r)
		case methodCreatePermission:
			code = c.permit(now, m)
		case methodChannelBind:
			code = c.bind(now, m)
		}
	}
	if code != 0 {
		r.Reply = c.fail(r.Reply, m, code, key)
		return
	}
	r.Reply = c.succeed(r.Reply, m, key)
}

// authenticate checks a request's long-term credential (RFC 8489 §9.2.4).
func (c *Client) authenticate(now time.Time, m *message) (key []byte, code int) {
	switch {
	case m.integrity == 0 && c.alloc == nil && (m.method != methodAllocate || !m.hasTransport):
		return nil, allocationMismatch // it cannot become an allocation: no challenge, which is longer
	case m.integrity == 0:
		return nil, unauthorized
	case m.username == nil || m.realm == nil || m.nonce == nil:
		return nil, badRequest
	case !c.server.fresh(now, c.from, m.nonce):
		return nil, staleNonce
	}
	user := string(m.username)
	k, ok := c.server.users.Key(now, user)
	if !ok || !m.authentic(k[:]) {
		return nil, unauthorized
	}
	if c.alloc != nil && c.alloc.username != user {
		return nil, wrongCredentials
	}
	return k[:], 0
}

// allocate is RFC 8656 §7.2.
func (c *Client) allocate(now time.Time, m *message, key []byte, r *Result) int {
	switch {
	case c.alloc != nil && c.alloc.id == [12]byte(m.raw[8:headerLen]):
		return 0 // the answer was lost: again
	case c.alloc != nil:
		return allocationMismatch
	case !m.hasTransport:
		return badRequest
	case m.transport != transportUDP: // TCP would be RFC 6062
		return unsupportedTransport
	case m.hasEvenPort || m.hasToken: // there are no ports to have
		return insufficientCapacity
	}
	family := m.family
	if family == 0 {
		family = c.defaultFamily()
	}
	if !c.server.hasFamily(family) {
		return familyNotSupported
	}
	user := string(m.username)
	if !c.server.users.Open(now, user, c.owner) {
		return quotaReached
	}
	c.alloc = &allocation{
		username: user, key: key, id: [12]byte(m.raw[8:headerLen]), relayed: c.relayed(family),
		peers: make([]binding, len(c.server.peers)),
	}
	c.alloc.until.Store(now.Add(allocationLifetime).UnixNano())
	r.Opened = true
	return 0
}

// defaultFamily is that of a relayed address when the client does not ask for one: as the client reached us if we
// have such a peer, else any that we have. (RFC 8656 §7.2 says IPv4, which a server without IPv4 does not have.)
func (c *Client) defaultFamily() byte {
	if family := familyOf(c.from.Addr()); c.server.hasFamily(family) {
		return family
	}
	return familyOf(c.server.peers[0].Addr())
}

// relayed makes up the relayed address: one of our addresses, and a port that nothing listens on. No one sends there,
// since the relay ends in memory. Ports differ, or a browser would take two relays for one and drop one.
func (c *Client) relayed(family byte) netip.AddrPort {
	port := uint16(49152 + rand.IntN(65536-49152)) //nolint:gosec // below 65536; not a secret
	for _, p := range c.server.peers {
		if p.Addr() == c.local && familyOf(p.Addr()) == family {
			return netip.AddrPortFrom(p.Addr(), port)
		}
	}
	for _, p := range c.server.peers {
		if familyOf(p.Addr()) == family {
			return netip.AddrPortFrom(p.Addr(), port)
		}
	}
	return netip.AddrPort{} // hasFamily was asked first
}

// refresh is RFC 8656 §8.2.
func (c *Client) refresh(now time.Time, m *message, r *Result) int {
	switch {
	case c.alloc == nil:
		return allocationMismatch
	case m.family != 0 && m.family != familyOf(c.alloc.relayed.Addr()):
		return familyMismatch
	case m.ends:
		c.Close()
		r.Closed = true
	default:
		c.alloc.until.Store(now.Add(allocationLifetime).UnixNano())
	}
	return 0
}

// permit is RFC 8656 §10.2: all or nothing. A permission is for an IP address, so that it covers each port of ours
// there.
func (c *Client) permit(now time.Time, m *message) int {
	switch {
	case c.alloc == nil:
		return allocationMismatch
	case m.badPeer || len(m.peers) == 0:
		return badRequest
	}
	for _, p := range m.peers {
		if familyOf(p.Addr()) != familyOf(c.alloc.relayed.Addr()) {
			return familyMismatch
		}
		if !c.ours(p.Addr()) {
			return forbidden
		}
	}
	for _, p := range m.peers {
		c.permitIP(now, p.Addr())
	}
	return 0
}

func (c *Client) ours(ip netip.Addr) bool {
	for _, p := range c.server.peers {
		if p.Addr() == ip {
			return true
		}
	}
	return false
}

func (c *Client) permitIP(now time.Time, ip netip.Addr) {
	for i, p := range c.server.peers {
		if p.Addr() == ip {
			c.alloc.peers[i].permitted.Store(now.Add(permissionLifetime).UnixNano())
		}
	}
}

// bind is RFC 8656 §12.2. Only an address and port of ours can be bound, so that there are no more channels than
// peers.
func (c *Client) bind(now time.Time, m *message) int {
	switch {
	case c.alloc == nil:
		return allocationMismatch
	case !m.hasChannel || m.channel < minChannel || m.channel > maxChannel || m.badPeer || len(m.peers) != 1:
		return badRequest
	case familyOf(m.peers[0].Addr()) != familyOf(c.alloc.relayed.Addr()):
		return familyMismatch
	}
	at := c.server.peer(m.peers[0])
	if at < 0 {
		return forbidden
	}
	for i := range c.alloc.peers {
		b := &c.alloc.peers[i]
		bound := b.bound.Load() > now.UnixNano()
		if bound && (b.channel.Load() == uint32(m.channel)) != (i == at) {
			return badRequest // the channel is another peer's, or the peer has another channel
		}
	}
	b := &c.alloc.peers[at]
	b.channel.Store(uint32(m.channel))
	b.bound.Store(now.Add(channelLifetime).UnixNano())
	c.permitIP(now, m.peers[0].Addr())
	return 0
}

// expire gives up an allocation whose time is over.
func (c *Client) expire(now time.Time) (expired bool) {
	if c.alloc == nil || c.alloc.live(now.UnixNano()) {
		return false
	}
	c.Close()
	return true
}

// Expires is when the allocation ends unless it is refreshed; zero without one.
func (c *Client) Expires() time.Time {
	if c.alloc == nil {
		return time.Time{}
	}
	return time.Unix(0, c.alloc.until.Load())
}

// Relayed is the relayed address of the allocation; invalid without one.
func (c *Client) Relayed() netip.AddrPort {
	if c.alloc == nil {
		return netip.AddrPort{}
	}
	return c.alloc.relayed
}

// Wrong is how many requests had wrong credentials.
func (c *Client) Wrong() int { return c.wrong }

// User is the user name of the allocation; empty without one.
func (c *Client) User() string {
	if c.alloc == nil {
		return ""
	}
	return c.alloc.username
}

// Close ends the allocation: from here on data goes neither way.
func (c *Client) Close() {
	if c.alloc != nil {
		c.alloc.until.Store(0)
		c.server.users.Close(c.alloc.username, c.owner)
		c.alloc = nil
	}
}

// Error codes (RFC 8489 §14.8, RFC 8656 §19).
const (
	badRequest           = 400
	unauthorized         = 401
	forbidden            = 403
	unknownAttribute     = 420
	allocationMismatch   = 437
	staleNonce           = 438
	familyNotSupported   = 440
	wrongCredentials     = 441
	unsupportedTransport = 442
	familyMismatch       = 443
	quotaReached         = 486
	insufficientCapacity = 508

	transportUDP = 17
)

// fail appends an error response. It has no reason phrase: a client reads the code, and a short answer amplifies
// less.
func (c *Client) fail(dst []byte, m *message, code int, key []byte) []byte {
	out := c.failure(dst, m, code)
	return out.end(key, m.hasFingerprint)
}

// challenge is fail with what the client needs to authenticate itself.
func (c *Client) challenge(now time.Time, dst []byte, m *message, code int) []byte {
	out := c.failure(dst, m, code)
	if code == unauthorized || code == staleNonce {
		out.attr(attrRealm, []byte(Realm))
		out.attr(attrNonce, c.server.nonce(now, c.from))
	}
	return out.end(nil, m.hasFingerprint)
}

func (c *Client) failure(dst []byte, m *message, code int) response {
	out := begin(dst, m, classError)
	out.number(attrErrorCode, uint32(code/100<<8|code%100)) //nolint:gosec // three digits
	if code == unknownAttribute {
		var list [2 * maxUnknown]byte
		for i, kind := range m.unknown {
			binary.BigEndian.PutUint16(list[2*i:], kind)
		}
		out.attr(attrUnknownAttributes, list[:2*len(m.unknown)])
	}
	return out
}

func (c *Client) succeed(dst []byte, m *message, key []byte) []byte {
	out := begin(dst, m, classSuccess)
	switch m.method {
	case methodAllocate:
		out.address(attrXORRelayedAddress, c.alloc.relayed)
		out.number(attrLifetime, uint32(allocationLifetime/time.Second))
		out.address(attrXORMappedAddress, c.from)
	case methodRefresh:
		left := time.Duration(0)
		if c.alloc != nil {
			left = allocationLifetime
		}
		out.number(attrLifetime, uint32(left/time.Second))
	}
	return out.end(key, m.hasFingerprint)
}
