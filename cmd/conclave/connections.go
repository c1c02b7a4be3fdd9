package main

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"conclave/auth"
	"conclave/config"
)

// victimSample is how many connections a full listener looks at to find the one to close.
const victimSample = 64

// limitListener bounds the connections of l per client and all together. It leaves a quarter of the files that the
// process may open to everything else.
func limitListener(l net.Listener, c *config.Config, proxies []netip.Prefix) *fairListener {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	return &fairListener{
		Listener: l, ceiling: min(c.MaxConnections, max(openFiles()/4*3, 1)), perClient: c.ConnectionsPerClient,
		exempt: append(loopback, proxies...),
		open:   map[*clientConn]struct{}{}, clients: map[auth.ClientIP]int{},
	}
}

// fairListener closes connections of a client that has too many. At the ceiling, a new connection takes the place of
// one that is not upgraded, of a client that has more of them: a flood closes its own connections and keeps no one
// out. Where no client has more, the new one is closed. Safe for concurrent use.
type fairListener struct {
	net.Listener
	ceiling, perClient int
	exempt             []netip.Prefix // from perClient

	mu       sync.Mutex
	open     map[*clientConn]struct{} // that may be closed for another: at most ceiling
	clients  map[auth.ClientIP]int    // connections of each, upgraded ones too: at most one entry a connection
	upgraded int
}

// clientConn is a connection with its place in the listener, which it gives back when it is closed.
type clientConn struct {
	net.Conn
	client   auth.ClientIP
	listener *fairListener
	upgraded bool // guarded by the listener's lock
	stream   bool // it counts no more for its client; guarded by the listener's lock
	closed   atomic.Bool
}

// Accept is part of net.Listener.
func (l *fairListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err //nolint:wrapcheck // net/http decides by it
		}
		c := &clientConn{Conn: conn, listener: l}
		victim, ok := l.admit(c, peerOf(conn))
		if victim != nil {
			_ = victim.Close()
		}
		if ok {
			return c, nil
		}
		_ = conn.Close()
	}
}

// peerOf is the address at the other end; invalid if it has none.
func peerOf(conn net.Conn) netip.Addr {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// admit takes a place for c; victim is the connection to close for it, if any.
func (l *fairListener) admit(c *clientConn, peer netip.Addr) (victim *clientConn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.client = auth.NewClientIP(peer).LimitKey()
	if l.clients[c.client] >= l.perClient && !l.isExempt(peer) {
		return nil, false
	}
	if len(l.open)+l.upgraded >= l.ceiling {
		if victim = l.hungriest(); victim == nil || l.clients[victim.client] <= l.clients[c.client] {
			return nil, false
		}
		l.forget(victim)
	}
	l.open[c] = struct{}{}
	l.clients[c.client]++
	return victim, true
}

// hungriest returns, of a sample, a connection of the client that has most; nil if all are upgraded.
func (l *fairListener) hungriest() (victim *clientConn) {
	seen := 0
	for c := range l.open {
		if victim == nil || l.clients[c.client] > l.clients[victim.client] {
			victim = c
		}
		if seen++; seen == victimSample {
			break
		}
	}
	return victim
}

func (l *fairListener) isExempt(peer netip.Addr) bool {
	for _, p := range l.exempt {
		if p.Contains(peer) {
			return true
		}
	}
	return false
}

// forget gives c's place back, once.
func (l *fairListener) forget(c *clientConn) {
	if c.closed.Swap(true) {
		return
	}
	if c.upgraded {
		l.upgraded--
	}
	delete(l.open, c)
	if !c.stream {
		l.discount(c)
	}
}

func (l *fairListener) discount(c *clientConn) {
	if l.clients[c.client]--; l.clients[c.client] <= 0 {
		delete(l.clients, c.client)
	}
}

// note is for http.Server.ConnState: an upgraded connection is a WebSocket, which has limits of its own and makes
// room for no other.
func (l *fairListener) note(conn net.Conn, state http.ConnState) {
	if c := accepted(conn); c != nil && state == http.StateHijacked {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.upgrade(c)
	}
}

// streaming notes that a connection carries media or TURN: those have limits of their own.
func streaming(conn net.Conn) {
	c := accepted(conn)
	if c == nil {
		return
	}
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.upgrade(c); !c.stream && !c.closed.Load() {
		c.stream = true
		l.discount(c)
	}
}

// upgrade keeps a connection from being closed for another. It takes l locked.
func (l *fairListener) upgrade(c *clientConn) {
	if !c.upgraded && !c.closed.Load() {
		c.upgraded = true
		delete(l.open, c)
		l.upgraded++
	}
}

// accepted is the connection below all wrappers that a fairListener has accepted; nil if none has.
func accepted(conn net.Conn) *clientConn {
	for {
		switch c := conn.(type) {
		case *clientConn:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// NetConn returns the connection below, as tls.Conn does.
func (c *clientConn) NetConn() net.Conn { return c.Conn }

// Close is part of net.Conn.
func (c *clientConn) Close() error {
	c.listener.mu.Lock()
	c.listener.forget(c)
	c.listener.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // a pass-through
}
