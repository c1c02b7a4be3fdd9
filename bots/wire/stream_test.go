package wire

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"conclave/bots/network"
)

// pipe is a stream whose other end a test holds.
type pipe struct {
	out, in chan []byte
	closed  chan struct{}
}

func (p *pipe) Send(b []byte) error {
	p.out <- bytes.Clone(b)
	return nil
}

func (p *pipe) Receive(buf []byte) (int, error) {
	select {
	case b := <-p.in:
		return copy(buf, b), nil
	case <-p.closed:
		return 0, io.EOF
	}
}

func (p *pipe) Close() error {
	close(p.closed)
	return nil
}

// A stream is one more address: what is sent there goes over it, also where UDP is blocked, and what it brings is
// sorted as datagrams are.
func TestAStreamIsAnAddress(t *testing.T) {
	e := newExchange(t, Config{Network: &network.Conditions{UDPBlocked: true}})
	p := &pipe{make(chan []byte, 4), make(chan []byte, 4), make(chan struct{})}
	key, err := e.Add(p)
	if err != nil {
		t.Fatal(err)
	}
	e.SendTo([]byte{1, 2}, key)
	e.Follow(key)
	e.Send([]byte{3})
	for _, want := range [][]byte{{1, 2}, {3}} {
		if got := <-p.out; !bytes.Equal(got, want) {
			t.Errorf("% x over the stream, want % x", got, want)
		}
	}
	rtp := append([]byte{0x80, 96, 0, 1}, make([]byte, 20)...)
	p.in <- rtp
	p.in <- []byte{0, 1, 0, 0}
	if a := <-e.media; !bytes.Equal(a.Data, rtp) || time.Since(time.Unix(0, a.At)) > time.Minute {
		t.Errorf("% x at %d", a.Data, a.At)
	}
	if s := <-e.signals; s.from != key || len(s.data) != 4 {
		t.Errorf("%+v from %v", s.data, s.from)
	}
	// Beside it, nothing of UDP passes, in either direction.
	e.SendTo([]byte{9}, e.address())
	e.write(t, []byte{8})
	_ = e.peer.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := e.peer.Read(make([]byte, 9)); err == nil || len(e.signals) > 0 {
		t.Errorf("%d bytes passed, %d came", n, len(e.signals))
	}
}

func TestStreamsOfAWireAreBounded(t *testing.T) {
	e := newExchange(t, Config{})
	seen := map[netip.AddrPort]bool{}
	for range maxStreams {
		key, err := e.Add(&pipe{closed: make(chan struct{})})
		if err != nil || seen[key] {
			t.Fatalf("%v: %v", key, err)
		}
		seen[key] = true
	}
	if _, err := e.Add(&pipe{closed: make(chan struct{})}); !errors.Is(err, errTooManyStreams) {
		t.Errorf("got %v", err)
	}
}
