package reach

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"time"

	"conclave/reach/turn"
	"conclave/sfu/stream"
	"conclave/sfu/transport/stun"
)

// Belonging is what a stream says of itself, unproven: whose it claims to be.
type Belonging struct {
	Fragment string // the ICE user name fragment it is for; "" for TURN
	Username string // of TURN; "" for ICE-TCP
}

// maxName bounds the names that are asked for elsewhere: ours are shorter.
const maxName = 128

// Passage is the way of a stream to another version of the server.
type Passage struct {
	Inside   bool           // it came out of TLS
	From, To netip.AddrPort // the client, and the address of ours that it reached
}

// Elsewhere finds the version of the server that a stream belongs to, which is not this one, and returns a connection
// to it; nil if there is none. Safe for concurrent use.
type Elsewhere func(b Belonging, p Passage) net.Conn

// passage describes a client's connection.
func passage(raw net.Conn, inside bool) Passage {
	return Passage{Inside: inside, From: addrPort(raw.RemoteAddr()), To: addrPort(raw.LocalAddr())}
}

// framedElsewhere returns a connection to the version that a first frame of ICE-TCP is for; nil if that is this one.
func (p *Port) framedElsewhere(c *peeked, frame []byte) net.Conn {
	if p.cfg.Elsewhere == nil {
		return nil
	}
	check, err := stun.Parse(frame)
	if err != nil || len(check.Local) > maxName || p.cfg.Fragments(check.Local) {
		return nil
	}
	return p.cfg.Elsewhere(Belonging{Fragment: string(check.Local)}, passage(c, false))
}

// pass joins a client's connection with one to another version until either has ended. What has been read of the client
// to learn whose it is must be read from it again.
func (p *Port) pass(client io.ReadWriter, raw *peeked, other net.Conn) {
	p.count(Passed)
	raw.decided()
	if p.cfg.Streaming != nil {
		p.cfg.Streaming(raw.Conn)
	}
	stream.Tune(innermost(raw))
	ended := make(chan struct{})
	go func() { // ends with either connection
		defer close(ended)
		_, _ = io.Copy(client, other)
		_ = raw.Close()
		_ = other.Close()
	}()
	if raw.SetDeadline(time.Time{}) == nil {
		_, _ = io.Copy(other, client)
	}
	_ = raw.Close()
	_ = other.Close()
	<-ended
}

// buffered is a connection of which some has been read ahead.
type buffered struct {
	in *bufio.Reader
	net.Conn
}

// Read is part of io.Reader.
func (b buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// turnElsewhere passes a connection of TURN on, if its message says that it belongs to another version. It returns
// false if it does not.
func (c *connection) turnElsewhere(message []byte, in *bufio.Reader) bool {
	if c.port == nil || c.port.cfg.Elsewhere == nil || c.inside {
		return false
	}
	user := turn.Username(message)
	if user == "" || len(user) > maxName || c.relay.users.Knows(user) {
		return false
	}
	other := c.port.cfg.Elsewhere(Belonging{Username: user}, passage(c.raw, c.conn != net.Conn(c.raw)))
	if other == nil {
		return false
	}
	if c.inside = c.leave(); !c.inside {
		_ = other.Close()
		return true
	}
	if _, err := other.Write(message); err != nil {
		_ = other.Close()
		return true
	}
	c.port.pass(buffered{in, c.conn}, c.raw, other)
	return true
}

// carried is a client's connection that came by way of another version of the server.
type carried struct {
	net.Conn
	from, to net.Addr
}

// RemoteAddr is the client.
func (c *carried) RemoteAddr() net.Addr { return c.from }

// LocalAddr is the address of ours that the client reached.
func (c *carried) LocalAddr() net.Addr { return c.to }

// Adopt serves a connection that another version of the server has passed on, which vouches for the addresses. A port
// that is drained serves it too. It blocks until the connection has ended.
func (p *Port) Adopt(conn net.Conn, way Passage) {
	p.mu.Lock()
	ended := p.ended
	if !ended {
		p.wg.Add(1)
	}
	p.mu.Unlock()
	if ended {
		_ = conn.Close()
		return
	}
	defer p.wg.Done()
	c := &carried{conn, net.TCPAddrFromAddrPort(way.From), net.TCPAddrFromAddrPort(way.To)}
	p.serve(c, false, way.Inside)
}
