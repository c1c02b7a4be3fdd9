package reach

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"conclave/reach/turn"
	"conclave/sfu/stream"
)

const (
	// deadline is how long a connection has to say what it is, and to authenticate itself.
	deadline = 10 * time.Second
	// maxWrong is how many requests with wrong credentials a connection may make: a client whose nonce or credential
	// has just gone makes one or two.
	maxWrong = 4
	// turnBuffer holds a burst of a publisher, and any message.
	turnBuffer = 8 << 10
)

var (
	errWrong   = errors.New("reach: too many wrong credentials")
	errEvicted = errors.New("reach: the network has too many connections that are not authenticated")
)

// Relay is the TURN server (RFC 8656). Its allocations reach the engine, by a stream for each candidate that a client
// sends to; those of a check reach the echo. Over UDP it is a stream.Relay. Safe for concurrent use.
type Relay struct {
	hub    *stream.Hub
	users  *Credentials
	echo   *Echo
	server atomic.Pointer[turn.Server] // nil until Open
	now    func() time.Time
	udp    udpTable

	allocations atomic.Int64 // at once
	wrong       atomic.Uint64
}

// NewRelay makes a relay that answers nothing but checks for the echo until Open says what it reaches. now is the clock
// of allocations, and of those who make credentials.
func NewRelay(hub *stream.Hub, users *Credentials, echo *Echo, now func() time.Time) *Relay {
	r := &Relay{hub: hub, users: users, echo: echo, now: now}
	r.udp.init()
	return r
}

// Open begins to relay to the engine's candidates, and to nothing else. Without a candidate it stays closed.
func (r *Relay) Open(candidates []netip.AddrPort) {
	if len(candidates) > 0 {
		r.server.Store(turn.NewServer(candidates, r.users))
	}
}

// NonceKey is the key of the relay's nonces; nil before Open.
func (r *Relay) NonceKey() []byte {
	server := r.server.Load()
	if server == nil {
		return nil
	}
	key := server.NonceKey()
	return key[:]
}

// TakeNonceKey has the relay take the nonces of another version's. It is called before the first client comes.
func (r *Relay) TakeNonceKey(key [32]byte) {
	if server := r.server.Load(); server != nil {
		r.server.Store(server.WithNonceKey(key))
	}
}

// session is one client of the relay. One goroutine at a time.
type session struct {
	relay   *Relay
	server  *turn.Server
	client  *turn.Client
	from    netip.Addr
	sink    func(*turn.Framing) stream.Sink // brings what is for the client to it
	extra   int                             // bytes that a datagram takes on the path
	streams []*stream.Stream                // to the engine, by peer; nil until the client sends there
	echo    *echoing                        // instead, if the credential is a check's
	reply   []byte
}

// handle takes a message of the client and returns the reply, which may be empty. It is valid until the next call.
func (s *session) handle(now time.Time, message []byte) (reply []byte, r turn.Result) {
	r = s.client.Handle(now, message, s.reply[:0])
	s.reply = r.Reply
	if r.Wrong {
		s.relay.wrong.Add(1)
	}
	if r.Closed {
		s.detach()
	}
	if r.Opened {
		s.open()
	}
	if r.Data != nil {
		s.forward(now, r.Peer, r.Data)
	}
	return r.Reply, r
}

func (s *session) open() {
	s.relay.allocations.Add(1)
	s.streams = make([]*stream.Stream, len(s.server.Peers()))
	s.echo = nil
	if s.relay.users.onlyChecks(s.client.User()) {
		s.echo = &echoing{echo: s.relay.echo, way: echoRelay, client: s.from, from: s.client.Relayed()}
	}
}

// forward gives the engine, or the echo, a datagram that the client sent to a peer.
func (s *session) forward(now time.Time, peer int, datagram []byte) {
	if s.echo != nil {
		if out := s.echo.answer(now, nil, datagram); len(out) > 0 {
			sink := s.sink(s.client.Framing(peer, s.relay.now))
			sink.Deliver(out, len(out))
			sink.Flush()
		}
		return
	}
	st := s.streams[peer]
	if st != nil && over(st) {
		st.Detach()
		st = nil
	}
	if st == nil {
		var err error
		st, err = s.relay.hub.Attach(s.client.Relayed(), s.extra, s.sink(s.client.Framing(peer, s.relay.now)))
		if err != nil {
			return // counted by the hub
		}
		s.streams[peer] = st
	}
	st.Receive(datagram)
}

// over says whether the engine has no more use for a stream. A client that goes on gets another one.
func over(st *stream.Stream) bool {
	select {
	case <-st.Done():
		return true
	default:
		return false
	}
}

// detach ends what an allocation reached.
func (s *session) detach() {
	s.relay.allocations.Add(-1)
	for _, st := range s.streams {
		if st != nil {
			st.Detach()
		}
	}
	s.streams, s.echo = nil, nil
}

// close ends the session and its allocation.
func (s *session) close() {
	if s.streams != nil {
		s.client.Close()
		s.detach()
	}
}

// connection is a TURN client over TCP or TLS.
type connection struct {
	session
	port   *Port
	raw    *peeked // below TLS: closing it waits for nothing
	conn   net.Conn
	writer *stream.Writer
	leave  func() bool // gives its place in the gate back, once it is authenticated
	inside bool        // it has left the gate
}

// End implements turn.Owner.
func (c *connection) End() { _ = c.raw.Close() }

// serve serves one connection to its end, and closes it. raw is what is below TLS. leave gives its place among those
// that are not authenticated back.
func (r *Relay) serve(p *Port, conn net.Conn, raw *peeked, leave func() bool, began time.Time) error {
	c := &connection{port: p, raw: raw, conn: conn, writer: stream.NewWriter(conn), leave: leave}
	c.relay = r
	defer func() { _ = raw.Close() }()
	if c.server = r.server.Load(); c.server == nil {
		return net.ErrClosed
	}
	from, local, overTLS := addrPort(raw.RemoteAddr()), addrPort(raw.LocalAddr()), conn != net.Conn(raw)
	c.from = from.Addr()
	c.client = c.server.NewClient(c, from, local.Addr(), true)
	c.sink = func(f *turn.Framing) stream.Sink { return c.writer.Framed(f) }
	c.extra = turnOverhead(from.Addr(), overTLS)
	stream.Tune(innermost(raw))
	release := context.AfterFunc(p.ctx, c.End)
	defer release()
	written := make(chan struct{})
	go func() { // ends when the writer is closed, or the connection
		defer close(written)
		_ = c.writer.Run()
		c.End()
	}()
	defer func() {
		c.writer.Close()
		c.End()
		<-written
		c.close()
	}()
	if err := conn.SetReadDeadline(began.Add(deadline)); err != nil {
		return err //nolint:wrapcheck // the connection's own
	}
	return c.read()
}

// turnOverhead is what a datagram takes beside its own bytes in a stream of TURN: headers of IP, TCP with timestamps
// and ChannelData; with TLS a record of its own, at worst.
func turnOverhead(peer netip.Addr, overTLS bool) int {
	n := stream.TCPOverhead(peer) + 4
	if overTLS {
		n += 5 + 1 + 16 // RFC 8446 §5.2: header, type, tag
	}
	return n
}

// read takes the client's messages until the connection ends.
func (c *connection) read() error {
	in := bufio.NewReaderSize(c.conn, turnBuffer)
	for {
		message, err := c.next(in)
		if err != nil {
			return err
		}
		if c.turnElsewhere(message, in) {
			return net.ErrClosed
		}
		now := c.relay.now()
		reply, r := c.handle(now, message)
		if len(reply) > 0 {
			if _, err := c.writer.Write(reply); err != nil {
				return err //nolint:wrapcheck // the writer's own
			}
		}
		if c.client.Wrong() >= maxWrong {
			return errWrong
		}
		if err := c.extend(now, r); err != nil {
			return err
		}
	}
}

// next reads one message, valid until the following call.
func (c *connection) next(in *bufio.Reader) ([]byte, error) {
	for need := 4; ; {
		b, err := in.Peek(max(need, in.Buffered()))
		if err != nil {
			return nil, err //nolint:wrapcheck // the connection's own
		}
		message, size, err := turn.Next(b)
		if err != nil {
			return nil, err //nolint:wrapcheck // ours
		}
		if size > 0 {
			_, _ = in.Discard(size) // it is buffered, and stays so until the next read
			return message, nil
		}
		need = len(b) + 1
	}
}

// extend gives a connection that has allocated the time of its allocation, and one that has given it up no more than
// the first time.
func (c *connection) extend(now time.Time, r turn.Result) error {
	if r.Opened && !c.inside {
		if c.inside = c.leave(); !c.inside {
			return errEvicted
		}
	}
	if !r.Opened && !r.Closed && len(r.Reply) == 0 {
		return nil // data
	}
	until := c.client.Expires()
	switch {
	case until.IsZero() && !r.Closed:
		return nil // not yet authenticated: the first deadline holds
	case until.IsZero():
		until = now.Add(deadline)
	}
	return c.conn.SetReadDeadline(until) //nolint:wrapcheck // the connection's own
}

// innermost is the connection below all wrappers.
func innermost(conn net.Conn) net.Conn {
	for {
		w, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = w.NetConn()
	}
}

// addrPort is the address of a TCP connection's end; invalid if it is none.
func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	return netip.AddrPort{}
}
