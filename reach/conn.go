package reach

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/http"
	"sync"

	"conclave/sfu/batch"
)

// peeked is a connection whose first bytes have been looked at; they are read again.
type peeked struct {
	net.Conn
	head []byte // read and not yet read again: at most a frame
	tls  *tls.ConnectionState

	decided func() // of the outermost: it is known what the connection is
}

// NetConn returns the connection below, as tls.Conn does.
func (c *peeked) NetConn() net.Conn { return c.Conn }

// Read is part of net.Conn.
func (c *peeked) Read(b []byte) (int, error) {
	if len(c.head) == 0 {
		return c.Conn.Read(b) //nolint:wrapcheck // a pass-through
	}
	n := copy(b, c.head)
	if c.head = c.head[n:]; len(c.head) == 0 {
		c.head = nil
	}
	return n, nil
}

// peek has at least n bytes in head.
func (c *peeked) peek(n int) error {
	for len(c.head) < n {
		b := make([]byte, n)
		got := copy(b, c.head)
		m, err := c.Conn.Read(b[got:])
		c.head = b[:got+m]
		if err != nil && len(c.head) < n {
			return err //nolint:wrapcheck // the connection's own
		}
	}
	return nil
}

// classify waits for the bytes that decide; undecided if they do not come.
func (c *peeked) classify() content {
	for n := 1; ; n = headLen {
		err := c.peek(n)
		if what := classify(c.head); what != undecided || err != nil {
			return what
		}
	}
}

// frame returns the first frame of RFC 4571, which is read again. Without one it says why.
func (c *peeked) frame() (datagram []byte, why Kind) {
	n := int(binary.BigEndian.Uint16(c.head))
	if n > batch.MaxDatagram {
		return nil, Unknown
	}
	if c.peek(2+n) != nil {
		return nil, Silent
	}
	return c.head[2 : 2+n], ICETCP
}

// queue is connections on their way to an HTTP server.
type queue struct {
	conns chan net.Conn // unbuffered: who puts one waits
	done  chan struct{}
	once  sync.Once
}

func newQueue() *queue { return &queue{conns: make(chan net.Conn), done: make(chan struct{})} }

func (q *queue) put(c net.Conn) bool {
	select {
	case q.conns <- c:
		return true
	case <-q.done:
		return false
	}
}

func (q *queue) close() { q.once.Do(func() { close(q.done) }) }

// at is the queue as a listener at l's address.
func (q *queue) at(l net.Listener) net.Listener { return &queueListener{q, l.Addr()} }

type queueListener struct {
	*queue
	addr net.Addr
}

// Accept is part of net.Listener.
func (l *queueListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close is part of net.Listener.
func (l *queueListener) Close() error {
	l.close()
	return nil
}

// Addr is part of net.Listener.
func (l *queueListener) Addr() net.Addr { return l.addr }

type tlsKey struct{}

// ConnContext is for http.Server: it keeps the state of a TLS connection that is not a *tls.Conn for WithTLS.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*peeked); ok && c.tls != nil {
		return context.WithValue(ctx, tlsKey{}, c.tls)
	}
	return ctx
}

// WithTLS puts back the TLS state of requests over a connection that chose no protocol.
func WithTLS(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(tlsKey{}).(*tls.ConnectionState); ok && r.TLS == nil {
			r.TLS = state
		}
		h.ServeHTTP(w, r)
	})
}
