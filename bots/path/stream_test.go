package path

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestDatagramsAreFramedAsICETCPSays(t *testing.T) {
	a, b := net.Pipe()
	f := newFramed(a)
	defer func() { _ = f.Close() }()
	sent := make(chan error, 1)
	go func() { sent <- f.Send([]byte{1, 2, 3}) }()
	got := make([]byte, 5)
	if _, err := b.Read(got); err != nil || !bytes.Equal(got, []byte{0, 3, 1, 2, 3}) {
		t.Errorf("% x, %v", got, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	go func() { // in pieces, and two at once
		_, _ = b.Write([]byte{0})
		_, _ = b.Write([]byte{2, 7, 8, 0, 0, 0, 1})
		_, _ = b.Write([]byte{9})
		_, _ = b.Write(binary.BigEndian.AppendUint16(nil, 17))
	}()
	buf := make([]byte, 16)
	for _, want := range [][]byte{{7, 8}, {}, {9}} {
		if n, err := f.Receive(buf); err != nil || !bytes.Equal(buf[:n], want) {
			t.Errorf("% x, %v; want % x", buf[:n], err, want)
		}
	}
	if _, err := f.Receive(buf); err == nil {
		t.Error("a datagram that is too long was read")
	}
	if err := f.Send(make([]byte, 70_000)); err == nil {
		t.Error("a datagram that is too long was sent")
	}
}

func TestWhatIsNotThereIsAnError(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	nothing := netip.MustParseAddrPort("127.0.0.1:1")
	if _, err := DialTCP(ctx, nothing); err == nil {
		t.Error("connected to nothing")
	}
	for _, url := range []string{"turn:127.0.0.1:1?transport=tcp", "turns:127.0.0.1:1?transport=tcp", "nonsense"} {
		if _, err := DialTURN(ctx, &TURN{URL: url}, nothing); err == nil {
			t.Errorf("%s: connected to nothing", url)
		}
	}
	for url, want := range map[string][2]bool{
		"turns:a.example:443?transport=tcp": {true, true}, "turn:a.example:443?transport=tcp": {false, true},
		"turn:a.example:443?transport=udp": {false, false}, "stun:a.example:443": {false, false}, "x": {false, false},
	} {
		if secure, ok := (&TURN{URL: url}).Secure(); secure != want[0] || ok != want[1] {
			t.Errorf("%s: %v %v", url, secure, ok)
		}
	}
}

// A server that takes the connection and says nothing ends with the join, not later.
func TestAnAllocationEndsWithItsJoin(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := DialTURN(ctx, &TURN{URL: "turn:" + l.Addr().String() + "?transport=tcp", Username: "u", Password: "p"},
		netip.MustParseAddrPort("127.0.0.1:9")); err == nil {
		t.Error("an allocation of nobody's")
	}
}
