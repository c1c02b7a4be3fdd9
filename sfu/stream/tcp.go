package stream

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"conclave/sfu/batch"
)

const (
	// provenWithin is how long an ICE-TCP connection may last without a proven peer.
	provenWithin = 10 * time.Second
	// heardWithin is how long a peer may say nothing: its consent has run out then (RFC 7675 §5.1).
	heardWithin = 30 * time.Second
	// readBuffer holds a burst of a publisher.
	readBuffer = 8 << 10
)

// ErrSilent is returned by ServeTCP when no peer of the engine's has proven to be there in time.
var ErrSilent = errors.New("stream: no authentic check in time")

// RFC4571 frames datagrams by their length in two bytes.
type RFC4571 struct{}

// Append implements Framing.
func (RFC4571) Append(dst, datagram []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(datagram))), datagram...)
}

// Max implements Framing.
func (RFC4571) Max() int { return 2 }

// ServeTCP serves one ICE-TCP connection (RFC 6544, passive) until it ends, ctx does, or the engine has no more use
// for it, and closes conn. What has been read of conn to learn its kind must be read from it again. Chromium and
// Firefox begin with a check at once; a connection whose peer has not answered one of ours within 10 s is closed:
// ErrSilent. It blocks for the life of the connection: it has the caller's goroutine, and one to write. proven,
// unless it is nil, is called once a peer has answered; it must not wait.
func ServeTCP(ctx context.Context, hub *Hub, conn net.Conn, proven func()) error {
	defer func() { _ = conn.Close() }()
	mapped, err := addressOf(conn)
	if err != nil {
		return err
	}
	Tune(conn)
	w := NewWriter(conn)
	s, err := hub.Attach(mapped, TCPOverhead(mapped.Addr()), w.Framed(RFC4571{}))
	if err != nil {
		return err
	}
	defer s.Detach()
	s.onProven = proven
	s.AfterDone(func() { _ = conn.Close() })
	release := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer release()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = w.Run()
		_ = conn.Close() // the reader ends with it
	}()
	defer func() {
		w.Close()
		_ = conn.Close()
		<-written
	}()
	return s.read(conn)
}

// TCPOverhead is what a datagram takes beside its own bytes over TCP: headers of IP and TCP with timestamps, as if it
// had a segment of its own, and its length.
func TCPOverhead(peer netip.Addr) int {
	if peer.Unmap().Is4() {
		return 20 + 32 + 2
	}
	return 40 + 32 + 2
}

func addressOf(conn net.Conn) (netip.AddrPort, error) {
	a, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("stream: %T is no TCP address", conn.RemoteAddr())
	}
	return a.AddrPort(), nil
}

// read takes the peer's datagrams until the connection ends.
func (s *Stream) read(conn net.Conn) error {
	f := newFrameReader(conn)
	heard := time.Now()
	if err := conn.SetReadDeadline(heard.Add(provenWithin)); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	for lasts := false; ; { // lasts: the deadline is that of a proven peer
		datagram, err := f.next()
		if err == nil {
			s.Receive(datagram)
		} else if lasts || !s.Proven() || !errors.Is(err, os.ErrDeadlineExceeded) {
			return s.ended(err)
		}
		if now := time.Now(); s.Proven() && (!lasts || now.Sub(heard) > time.Second) {
			lasts, heard = true, now
			if err := conn.SetReadDeadline(now.Add(heardWithin)); err != nil {
				return fmt.Errorf("stream: %w", err)
			}
		}
	}
}

// ended says why reading ended.
func (s *Stream) ended(err error) error {
	if !s.Proven() && errors.Is(err, os.ErrDeadlineExceeded) {
		s.hub.counters.silent.Add(1)
		return ErrSilent
	}
	return err
}

// frameReader reads frames of RFC 4571. An error that passes, as that of a deadline, loses nothing.
type frameReader struct {
	r    *bufio.Reader // of readBuffer
	read int           // bytes of the frame returned last
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{r: bufio.NewReaderSize(r, readBuffer)}
}

// next returns the next datagram, valid until the following call. One that is longer than batch.MaxDatagram ends the
// stream with ErrFrame.
func (f *frameReader) next() ([]byte, error) {
	for {
		_, _ = f.r.Discard(f.read) // it is buffered
		f.read = 0
		head, err := f.r.Peek(2)
		if err != nil {
			return nil, err //nolint:wrapcheck // the connection's own
		}
		n := int(binary.BigEndian.Uint16(head))
		if n > batch.MaxDatagram {
			return nil, ErrFrame
		}
		frame, err := f.r.Peek(2 + n)
		if err != nil {
			return nil, err //nolint:wrapcheck // the connection's own
		}
		f.read = 2 + n
		if n > 0 { // RFC 4571 §2: an empty frame is ignored
			return frame[2:], nil
		}
	}
}

// ErrFrame is returned by ServeTCP when a peer's frame is longer than any datagram of ours.
var ErrFrame = errors.New("stream: frame is too long")
