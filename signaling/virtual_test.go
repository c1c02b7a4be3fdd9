package signaling

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"conclave/meeting"
)

// memoryNetwork is a network without a kernel: its connections live in a bubble of virtual time, where hours pass in
// no time and everything else (HTTP, WebSockets, auth, meetings) is as it is.
type memoryNetwork struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	buffered bool // connections dialed from now on hold what a client writes until the server reads
}

func newMemoryNetwork() *memoryNetwork {
	return &memoryNetwork{conns: make(chan net.Conn), done: make(chan struct{})}
}

// memoryConn has the address of a client, which limits count by.
type memoryConn struct {
	net.Conn
	remote net.Addr
}

func (c memoryConn) RemoteAddr() net.Addr { return c.remote }

func (n *memoryNetwork) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.conns <- memoryConn{server, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}}:
		if n.buffered {
			return newBufferedConn(client), nil
		}
		return client, nil
	case <-n.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bufferedConn keeps what is written until the other end reads.
type bufferedConn struct {
	net.Conn
	written chan []byte
	closed  chan struct{}
	once    sync.Once
}

func newBufferedConn(conn net.Conn) *bufferedConn {
	c := &bufferedConn{Conn: conn, written: make(chan []byte, 64), closed: make(chan struct{})}
	go func() {
		for {
			select {
			case b := <-c.written:
				if _, err := conn.Write(b); err != nil {
					return
				}
			case <-c.closed:
				return
			}
		}
	}()
	return c
}

func (c *bufferedConn) Write(b []byte) (int, error) {
	select {
	case c.written <- bytes.Clone(b):
		return len(b), nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *bufferedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (n *memoryNetwork) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *memoryNetwork) Close() error {
	n.once.Do(func() { close(n.done) })
	return nil
}

func (n *memoryNetwork) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// inVirtualTime runs f with a whole server in virtual time.
func inVirtualTime(t *testing.T, change func(*Config, *meeting.Config), f func(*testing.T, *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var changes []func(*Config, *meeting.Config)
		if change != nil {
			changes = append(changes, change)
		}
		s := newServerOn(t, newMemoryNetwork(), changes...)
		s.patience = 3 * time.Hour // no real time passes while somebody waits
		f(t, s)
	})
}
