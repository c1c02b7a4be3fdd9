package reach

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/stream"
)

// Config configures a Port.
type Config struct {
	// TLS is for connections that begin with a handshake; nil: they are closed. Its NextProtos name what HTTP speaks.
	TLS *tls.Config
	// Hub takes ICE-TCP, Echo the checks of those who have no meeting, and Relay TURN; nil for no TURN.
	Hub   *stream.Hub
	Echo  *Echo
	Relay *Relay
	// MaxPending bounds the connections that are not authenticated yet; 0 means 4,096.
	MaxPending int
	// Streaming is called with each accepted connection that is no HTTP; nil for nothing. It must not wait.
	Streaming func(net.Conn)
	// Elsewhere finds the version of the server that a stream belongs to if it is not this one's; nil if this is the only
	// one. Fragments says whether an ICE user name fragment is the engine's.
	Elsewhere Elsewhere
	Fragments func(ufrag []byte) bool
}

// Port tells the connections of a TCP port apart, and serves those that are not HTTP. HTTP goes to Secure, or to
// Plain if it came without TLS. Safe for concurrent use.
type Port struct {
	cfg    Config
	secure *queue
	plain  *queue
	gate   *gate
	counts [kinds]atomic.Uint64
	// deciding counts the connections of which it is not known yet what they are.
	deciding atomic.Int64

	ctx  context.Context //nolint:containedctx // it ends with the Port, whose connections outlive any call
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu        sync.Mutex
	closed    bool // it takes nothing from listeners any more
	ended     bool // nor from another version
	listeners []net.Listener
}

// NewPort makes a Port, which Serve gives connections.
func NewPort(cfg Config) *Port {
	total := maxPending
	if cfg.MaxPending > 0 {
		total = min(total, cfg.MaxPending)
	}
	p := &Port{cfg: cfg, secure: newQueue(), plain: newQueue(), gate: newGate(total, min(perNetwork, max(total/2, 1)))}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// Secure is the HTTP inside TLS, as a listener: connections whose handshake is over. Those that chose no protocol are
// not *tls.Conn; ConnContext and WithTLS tell a handler about them. Closing it leaves the rest of the port alone.
func (p *Port) Secure(l net.Listener) net.Listener { return p.secure.at(l) }

// Plain is the HTTP without TLS, as a listener.
func (p *Port) Plain(l net.Listener) net.Listener { return p.plain.at(l) }

// Serve accepts connections until l fails or is closed, which Drain and Close do. withHTTP is false for a listener of
// streams only: HTTP and TLS are closed there. It blocks.
func (p *Port) Serve(l net.Listener, withHTTP bool) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		_ = l.Close()
		return net.ErrClosed
	}
	p.listeners = append(p.listeners, l)
	p.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err != nil {
			if temporary(err) {
				time.Sleep(5 * time.Millisecond) // as net/http does: no file descriptor is free
				continue
			}
			return err //nolint:wrapcheck // the listener's own
		}
		if !p.begin() {
			_ = conn.Close()
			return net.ErrClosed
		}
		go func() { // ends with the connection, or when HTTP takes it over
			defer p.wg.Done()
			p.serve(conn, withHTTP, false)
		}()
	}
}

// temporary says whether accepting may succeed later: too many files are open.
func temporary(err error) bool {
	var n interface{ Temporary() bool }
	return errors.As(err, &n) && n.Temporary()
}

func (p *Port) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.wg.Add(1)
	}
	return !p.closed
}

// Drain closes the listeners, now and of any later Serve. The connections that are there go on. It does not wait.
func (p *Port) Drain() {
	p.mu.Lock()
	p.closed = true
	listeners := p.listeners
	p.listeners = nil
	p.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close()
	}
}

// Close drains the port, closes all connections but those that HTTP has taken, and waits until they have ended.
func (p *Port) Close() {
	p.Drain()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.stop()
	p.secure.close()
	p.plain.close()
	p.wg.Wait()
}

func (p *Port) count(k Kind) { p.counts[k].Add(1) }

// serve serves one connection, or hands it to HTTP. inside says that it came out of another version's TLS.
func (p *Port) serve(conn net.Conn, withHTTP, inside bool) {
	began := time.Now()
	release := context.AfterFunc(p.ctx, func() { _ = conn.Close() }) // HTTP's too, until it is handed over
	defer release()
	c := &peeked{Conn: conn}
	p.deciding.Add(1)
	c.decided = sync.OnceFunc(func() { p.deciding.Add(-1) })
	defer c.decided()
	if c.SetDeadline(began.Add(deadline)) != nil {
		_ = c.Close()
		return
	}
	switch what := c.classify(); {
	case what == isTLS && withHTTP && p.cfg.TLS != nil:
		p.serveTLS(c, began)
	case what == isHTTP && withHTTP:
		p.hand(p.plain, c, c)
	case what == isTURN && p.cfg.Relay != nil && inside:
		p.serveTURN(&peeked{Conn: c}, c, TURNTLS, began)
	case what == isTURN && p.cfg.Relay != nil:
		p.serveTURN(c, c, TURN, began)
	case what == isFramed:
		p.serveFramed(c)
	case what == undecided:
		p.refuse(c, Silent)
	default:
		p.refuse(c, Unknown)
	}
}

// refuse closes a connection, for a reason.
func (p *Port) refuse(c *peeked, why Kind) {
	p.count(why)
	_ = c.Close()
}

// hand gives a connection to HTTP, which has time limits of its own.
func (p *Port) hand(q *queue, conn net.Conn, raw *peeked) {
	p.count(HTTP)
	if raw.SetDeadline(time.Time{}) != nil || !q.put(conn) {
		_ = raw.Close()
	}
}

// serveTLS looks into a TLS connection. A client that offers ALPN speaks HTTP, or fetches a certificate (RFC 8737);
// browsers offer none for TURN.
func (p *Port) serveTLS(c *peeked, began time.Time) {
	conn := tls.Server(c, p.cfg.TLS)
	if conn.HandshakeContext(p.ctx) != nil {
		p.refuse(c, Failed)
		return
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != "" {
		p.hand(p.secure, conn, c)
		return
	}
	inner := &peeked{Conn: conn, tls: &state}
	switch what := inner.classify(); {
	case what == undecided:
		p.refuse(c, Silent)
	case what == isTURN && p.cfg.Relay != nil:
		p.serveTURN(inner, c, TURNTLS, began)
	default:
		p.hand(p.secure, inner, c) // which refuses what is no HTTP
	}
}

// enter takes a place among the connections that are not authenticated. leave gives it back; it is false if the place
// has been lost, and the connection is closed.
func (p *Port) enter(c *peeked, kind Kind) (leave func() bool) {
	p.count(kind)
	c.decided()
	if p.cfg.Streaming != nil {
		p.cfg.Streaming(c.Conn)
	}
	place := p.gate.enter(addrPort(c.RemoteAddr()).Addr(), func() { p.refuse(c, Crowded) })
	return func() bool { return p.gate.leave(place) }
}

func (p *Port) serveTURN(conn net.Conn, raw *peeked, kind Kind, began time.Time) {
	leave := p.enter(raw, kind)
	defer leave()
	if raw.SetDeadline(time.Time{}) == nil {
		err := p.cfg.Relay.serve(p, conn, raw, leave, began)
		if errors.Is(err, os.ErrDeadlineExceeded) && leave() { // it has not allocated in time
			p.count(Silent)
		}
	}
	_ = raw.Close()
}

// serveFramed serves ICE-TCP. The first frame says whether it is for the engine or for the echo.
func (p *Port) serveFramed(c *peeked) {
	frame, kind := c.frame()
	if kind != ICETCP {
		p.refuse(c, kind)
		return
	}
	defer func() { _ = c.Close() }()
	if isForEcho(frame) {
		kind = Checked
	} else if other := p.framedElsewhere(c, frame); other != nil {
		p.pass(c, c, other)
		return
	}
	leave := p.enter(c, kind)
	defer leave()
	if kind == Checked {
		p.serveEcho(c)
		return
	}
	stream.Tune(innermost(c))
	if c.SetDeadline(time.Time{}) == nil {
		if errors.Is(stream.ServeTCP(p.ctx, p.cfg.Hub, c, func() { leave() }), stream.ErrSilent) && leave() {
			p.count(Silent)
		}
	}
}

// serveEcho answers over ICE-TCP, frame by frame, for no longer than a check's credentials last.
func (p *Port) serveEcho(c *peeked) {
	if c.SetDeadline(time.Now().Add(CheckLifetime)) != nil {
		return
	}
	from := addrPort(c.RemoteAddr())
	echo := &echoing{echo: p.cfg.Echo, way: echoTCP, client: from.Addr(), from: from}
	in := bufio.NewReaderSize(c, 2+batch.MaxDatagram)
	var out []byte
	for {
		head, err := in.Peek(2)
		if err != nil {
			return
		}
		n := 2 + int(binary.BigEndian.Uint16(head))
		frame, err := in.Peek(n)
		if err != nil { // longer than any datagram, too
			return
		}
		if out = echo.answer(time.Now(), append(out[:0], 0, 0), frame[2:]); len(out) > 2 {
			binary.BigEndian.PutUint16(out, uint16(len(out)-2)) //nolint:gosec // a datagram
			if _, err := c.Write(out); err != nil {
				return
			}
		}
		_, _ = in.Discard(n) // it is buffered
	}
}

// Deciding is how many connections have been accepted of which it is not known yet what they are: HTTP may be to come.
func (p *Port) Deciding() int { return int(p.deciding.Load()) }

// Stats are counted since the start, but Pending.
type Stats struct {
	Pending int // connections that are not authenticated yet
	// Connections are counted by what they turned out to be, and those that were closed once more, by the reason.
	Connections [kinds]uint64
}

// Stats reads the port's counters.
func (p *Port) Stats() (s Stats) {
	s.Pending = p.gate.len()
	for k := range s.Connections {
		s.Connections[k] = p.counts[k].Load()
	}
	return s
}
