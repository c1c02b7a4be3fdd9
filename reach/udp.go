package reach

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"conclave/reach/turn"
	"conclave/sfu/batch"
	"conclave/sfu/stream"
	"conclave/sfu/transport/stun"
)

const (
	// maxUDPClients bounds the clients over UDP that have an allocation: the hub holds as many streams.
	maxUDPClients = stream.DefaultStreams
	// sweepEvery is how often, at most, clients whose allocation is over are looked for.
	sweepEvery = 10 * time.Second

	// The answers that strangers get over UDP, all together and a network: an office of 200 that comes back at once
	// needs 800. A network counts by its /24 or /48.
	strangersPerSecond, strangersBurst = 5000, 10_000
	networkPerSecond, networkBurst     = 200, 1000
	maxMeters                          = 4096 // networks that are remembered
)

// udpKey is a client over UDP: its address, and the socket's.
type udpKey struct{ from, local netip.AddrPort }

// udpTable is the clients that have an allocation. Strangers leave nothing here.
type udpTable struct {
	mu      sync.RWMutex
	clients map[udpKey]*udpClient // at most maxUDPClients
	swept   time.Time

	sendersMu sync.Mutex
	senders   map[batch.Conn]*sync.Pool // one a socket

	meterMu  sync.Mutex
	all      meter
	networks map[netip.Prefix]*meter // at most maxMeters
}

func (t *udpTable) init() {
	t.clients, t.senders, t.networks = map[udpKey]*udpClient{}, map[batch.Conn]*sync.Pool{}, map[netip.Prefix]*meter{}
}

// udpClient is a client over UDP.
type udpClient struct {
	key udpKey

	mu    sync.Mutex // guards session
	ended bool
	session
}

// End implements turn.Owner. It is called with locks held.
func (c *udpClient) End() { go c.relay.drop(c) }

// Datagram implements stream.Relay. Of Binding requests it takes those that no peer of the engine's is meant by:
// checks for the echo, and plain STUN.
func (r *Relay) Datagram(data []byte, from netip.AddrPort, conn batch.Conn) (ok bool) {
	now := r.now()
	key := udpKey{from, conn.LocalAddr()}
	r.udp.mu.RLock()
	c := r.udp.clients[key]
	r.udp.mu.RUnlock()
	if c != nil {
		return c.datagram(now, data, conn)
	}
	if data[0] >= 0x40 || !r.udp.answers(now, from.Addr()) {
		return false // data without an allocation; too many strangers
	}
	if isForEcho(data) {
		return r.check(now, data, from, conn)
	}
	server := r.server.Load()
	return server != nil && r.stranger(now, server, key, data, conn)
}

// datagram takes one datagram of a client that has an allocation.
func (c *udpClient) datagram(now time.Time, data []byte, conn batch.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	reply, r := c.handle(now, data)
	if len(reply) > 0 {
		_, _ = conn.WriteTo(reply, c.key.from) // the client repeats what is lost
	}
	if r.Closed && !r.Opened {
		go c.relay.drop(c)
	}
	return len(reply) > 0 || r.Data != nil
}

// stranger answers a client without an allocation. It is remembered only if it has one then.
func (r *Relay) stranger(now time.Time, server *turn.Server, key udpKey, data []byte, conn batch.Conn) bool {
	c := &udpClient{key: key, session: session{relay: r, server: server, extra: udpOverhead(key.from.Addr())}}
	c.from = key.from.Addr()
	c.client = server.NewClient(c, key.from, key.local.Addr(), false)
	c.sink = func(f *turn.Framing) stream.Sink {
		return &udpSink{framing: f, to: batch.NewAddr(key.from), pool: r.udp.pool(conn)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	reply, res := c.handle(now, data)
	if res.Opened && !r.udp.add(now, c) {
		c.close()
		return false // the client tries another way
	}
	if len(reply) == 0 {
		return false
	}
	_, _ = conn.WriteTo(reply, key.from) // the client repeats what is lost
	return true
}

// check answers a check for the echo.
func (r *Relay) check(now time.Time, data []byte, from netip.AddrPort, conn batch.Conn) bool {
	c, err := stun.Parse(data)
	if err != nil {
		return false
	}
	answer := r.echo.Check(now, nil, &c, from)
	if len(answer) == 0 {
		return false
	}
	r.echo.note(echoUDP, from.Addr())
	_, _ = conn.WriteTo(answer, from) // the client repeats what is lost
	return true
}

// udpOverhead is what a datagram takes beside its own bytes in TURN over UDP: headers of IP, UDP and ChannelData.
func udpOverhead(peer netip.Addr) int {
	if peer.Unmap().Is4() {
		return 20 + 8 + 4
	}
	return 40 + 8 + 4
}

// add remembers a client that has just allocated. ok is false if there are too many.
func (t *udpTable) add(now time.Time, c *udpClient) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.swept) >= sweepEvery {
		t.swept = now
		known := slices.Collect(maps.Values(t.clients))
		go func() { // each takes the lock that is held here
			for _, old := range known {
				old.sweep(now)
			}
		}()
	}
	if len(t.clients) >= maxUDPClients || t.clients[c.key] != nil {
		return false
	}
	t.clients[c.key] = c
	return true
}

// sweep drops a client whose allocation is over.
func (c *udpClient) sweep(now time.Time) {
	c.mu.Lock()
	over := !c.ended && !c.client.Expires().After(now)
	c.mu.Unlock()
	if over {
		c.relay.drop(c)
	}
}

// drop forgets a client and ends its allocation.
func (r *Relay) drop(c *udpClient) {
	c.mu.Lock()
	ended := c.ended
	c.ended = true
	if !ended {
		c.close()
	}
	c.mu.Unlock()
	r.udp.mu.Lock()
	defer r.udp.mu.Unlock()
	if r.udp.clients[c.key] == c {
		delete(r.udp.clients, c.key)
	}
}

// udpSink brings datagrams to a client over UDP, at once: the socket's buffer is the queue.
type udpSink struct {
	framing *turn.Framing
	to      *batch.Addr
	pool    *sync.Pool
}

// udpSender is a sender with room for a burst.
type udpSender struct {
	batch.Sender
	buf []byte
}

// pool returns the senders of a socket.
func (t *udpTable) pool(conn batch.Conn) *sync.Pool {
	t.sendersMu.Lock()
	defer t.sendersMu.Unlock()
	p := t.senders[conn]
	if p == nil {
		p = &sync.Pool{New: func() any {
			s, err := conn.NewSender()
			if err != nil {
				return (*udpSender)(nil)
			}
			return &udpSender{Sender: s}
		}}
		t.senders[conn] = p
	}
	return p
}

// Deliver implements stream.Sink: it frames a burst and sends it in as few messages as the socket takes.
func (u *udpSink) Deliver(data []byte, segment int) (ok bool) {
	s, _ := u.pool.Get().(*udpSender)
	if s == nil {
		return false
	}
	defer u.pool.Put(s)
	s.buf = s.buf[:0]
	framed := 0 // size of each but the last: equal datagrams have frames of equal size
	for len(data) > 0 {
		n := min(segment, len(data))
		s.buf = u.framing.Append(s.buf, data[:n])
		if framed == 0 {
			framed = len(s.buf)
		}
		data = data[n:]
	}
	return framed == 0 || u.send(s, framed)
}

func (u *udpSink) send(s *udpSender, framed int) (ok bool) {
	for rest := s.buf; len(rest) > 0; {
		n := min(len(rest), framed*max(1, min(s.MaxSegments(), batch.MaxMessage/framed)))
		message := [1]batch.Message{{Data: rest[:n], Segment: framed, To: u.to}}
		if _, err := s.Send(message[:]); err != nil {
			return false
		}
		rest = rest[n:]
	}
	return true
}

// Flush implements stream.Sink.
func (u *udpSink) Flush() {}

// Behind implements stream.Sink: nothing waits.
func (u *udpSink) Behind(time.Time) time.Duration { return 0 }

// meter is a token bucket, counted in the time until it is full again. The zero value is full.
type meter struct {
	spent time.Duration
	last  time.Time
}

func (m *meter) take(now time.Time, perSecond, burst int) bool {
	if m.spent = max(0, m.spent-now.Sub(m.last)); m.last.IsZero() {
		m.spent = 0
	}
	m.last = now
	cost := time.Second / time.Duration(perSecond)
	if m.spent+cost > time.Duration(burst)*cost {
		return false
	}
	m.spent += cost
	return true
}

// answers says whether a stranger may have one more answer.
func (t *udpTable) answers(now time.Time, from netip.Addr) bool {
	t.meterMu.Lock()
	defer t.meterMu.Unlock()
	n := network(from)
	m := t.networks[n]
	if m == nil {
		t.makeRoom(now)
		m = &meter{}
		t.networks[n] = m
	}
	return m.take(now, networkPerSecond, networkBurst) && t.all.take(now, strangersPerSecond, strangersBurst)
}

// makeRoom leaves room for one more network: of a sample, the one that has spent least is forgotten. It takes the
// meters locked.
func (t *udpTable) makeRoom(now time.Time) {
	if len(t.networks) < maxMeters {
		return
	}
	var victim netip.Prefix
	least, seen := time.Duration(-1), 0
	for n, m := range t.networks {
		if left := max(0, m.spent-now.Sub(m.last)); least < 0 || left < least {
			victim, least = n, left
		}
		if seen++; seen == gateSample {
			break
		}
	}
	delete(t.networks, victim)
}
