package signaling

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// readAfterBye is how many bytes are read once a bye is queued: the rest of the largest message, so that a client
// that is still writing gets to read the bye, and no more. The sender pays for what is left.
const readAfterBye = 1 << 20

// meter counts what arrives on a socket's connection before anything looks at it, and stops the reading. Safe for
// concurrent use.
type meter struct {
	now     func() time.Time
	flooded func() // called once, when too much has come

	mu    sync.Mutex
	wire  bucket
	ended bool
	left  int // of readAfterBye, once ended
}

// stop bounds what is read from now on.
func (m *meter) stop(left int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended || m.left > left {
		m.ended, m.left = true, left
	}
}

// allow says how many of n bytes may be read.
func (m *meter) allow(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return min(n, m.left)
	}
	return n
}

// count takes note of n bytes that were read; ok is false if that is too much.
func (m *meter) count(n int) (ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		m.left -= n
		return true
	}
	ok, _ = m.wire.take(m.now(), time.Duration(n)*wireRefill, wireBurst)
	return ok
}

// meteredConn is a connection whose reads a meter counts.
type meteredConn struct {
	net.Conn
	meter *meter
}

func (c meteredConn) Read(p []byte) (int, error) {
	n := c.meter.allow(len(p))
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:n])
	if !c.meter.count(n) {
		c.meter.stop(0)
		c.meter.flooded()
	}
	return n, err //nolint:wrapcheck // a connection like any other
}

// hijacker puts a meter on the connection that it hands over.
type hijacker struct {
	http.ResponseWriter
	meter *meter
}

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // an adapter adds nothing
	}
	boundBuffers(conn)
	return meteredConn{conn, h.meter}, rw, nil
}

// kernelBuffer bounds what the kernel keeps for one WebSocket in each direction (Linux doubles it). By itself it
// grows a buffer to 4 MiB for a client that never reads. At 100 ms of round-trip time it carries 10 Mbit/s.
const kernelBuffer = 64 << 10

// boundBuffers sets the kernel's buffers of the TCP connection below conn, if there is one.
func boundBuffers(conn net.Conn) {
	for {
		switch c := conn.(type) {
		case *net.TCPConn:
			_ = c.SetReadBuffer(kernelBuffer)
			_ = c.SetWriteBuffer(kernelBuffer)
			return
		case interface{ NetConn() net.Conn }: // *tls.Conn, for one
			conn = c.NetConn()
		default:
			return
		}
	}
}
