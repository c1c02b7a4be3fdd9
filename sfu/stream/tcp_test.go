package stream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"conclave/sfu/batch"
)

// tcpPipe is a connection in memory with a TCP address.
type tcpPipe struct{ net.Conn }

func (tcpPipe) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(peerAddr) }

// serve serves one end of a pipe, and returns the other and how serving ends.
func serve(h *Hub) (far net.Conn, ended <-chan error) {
	near, far := net.Pipe()
	end := make(chan error, 1)
	go func() { end <- ServeTCP(context.Background(), h, tcpPipe{near}, nil) }()
	return far, end
}

func frame(datagram []byte) []byte { return RFC4571{}.Append(nil, datagram) }

// only is the hub's only stream, once there is one.
func only(t testing.TB, h *Hub) *Stream {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if s := h.table[0].Load(); s != nil {
			return s
		}
	}
	t.Fatal("no stream")
	return nil
}

func TestAConnectionThatSaysNothingIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(1, 1)
		begin := time.Now()
		far, end := serve(h)
		if err := <-end; !errors.Is(err, ErrSilent) || time.Since(begin) != provenWithin {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if _, err := far.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is open")
		}
		if s := h.Stats(); s.Open != 0 || s.Silent != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Saying something is not enough: a peer of the engine's must have proven to be there.
func TestAConnectionThatProvesNothingIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(1, 1)
		begin := time.Now()
		far, end := serve(h)
		for range 2 * provenWithin / (100 * time.Millisecond) {
			if _, err := far.Write(frame([]byte("hello"))); err != nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		_ = far.Close()
		if err := <-end; !errors.Is(err, ErrSilent) || time.Since(begin) > provenWithin+100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestAProvenConnectionLastsWhileItsPeerSaysSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(1, 1)
		far, end := serve(h)
		synctest.Wait()
		s := h.table[0].Load()
		s.Prove()
		began := time.Now()
		for range 20 {
			time.Sleep(6 * time.Second)
			if _, err := far.Write(frame([]byte("check"))); err != nil {
				t.Fatalf("closed after %v: %v", time.Since(began), err)
			}
		}
		silent := time.Now()
		if err := <-end; err == nil || errors.Is(err, ErrSilent) || time.Since(silent) > heardWithin {
			t.Errorf("%v after %v of silence", err, time.Since(silent))
		}
	})
}

func TestWhatIsRevokedIsClosedAtOnce(t *testing.T) {
	h := NewHub(1, 1)
	_, end := serve(h)
	h.Revoke(only(t, h).Key())
	next(t, end)
	if n := h.Stats().Open; n != 0 {
		t.Errorf("%d streams are open", n)
	}
}

func TestDatagramsAreKeptApart(t *testing.T) {
	h := NewHub(1, 1)
	got := receiving(t, h)
	far, end := serve(h)
	s := only(t, h)
	if s.Mapped() != peerAddr {
		t.Errorf("mapped to %v", s.Mapped())
	}
	sent := [][]byte{[]byte("one"), {}, bytes.Repeat([]byte("2"), batch.MaxDatagram), []byte("three")}
	for _, b := range frame(sent[0]) { // byte by byte
		_, _ = far.Write([]byte{b})
	}
	_, _ = far.Write(bytes.Join([][]byte{frame(sent[1]), frame(sent[2]), frame(sent[3])}, nil))
	for _, want := range [][]byte{sent[0], sent[2], sent[3]} {
		if d := next(t, got); !bytes.Equal(d.Data, want) || d.From != s.Key() {
			t.Errorf("%d bytes, want %d", len(d.Data), len(want))
		}
	}
	conn := h.Conns()[0]
	for _, b := range [][]byte{[]byte("four"), []byte("five")} {
		if _, err := conn.WriteTo(b, s.Key()); err != nil {
			t.Fatal(err)
		}
	}
	back := make([]byte, 12)
	if _, err := io.ReadFull(far, back); err != nil || string(back) != "\x00\x04four\x00\x04five" {
		t.Errorf("%q, %v", back, err)
	}
	_, _ = far.Write([]byte{0xff, 0xff})
	if err := next(t, end); !errors.Is(err, ErrFrame) {
		t.Error(err)
	}
}

// A peer that reads nothing fills its own queue, up to the bound, and holds up nothing else.
func TestASlowReaderFillsItsOwnQueueOnly(t *testing.T) {
	h := NewHub(1, 2)
	_, end := serve(h)
	s := only(t, h)
	conn := h.Conns()[0]
	datagram := make([]byte, 1000)
	taken := 0
	for {
		if _, err := conn.WriteTo(datagram, s.Key()); err != nil {
			if !errors.Is(err, ErrBehind) {
				t.Fatal(err)
			}
			break
		}
		if taken += len(datagram); taken > maxPending {
			t.Fatal("no bound")
		}
	}
	for s.Behind(time.Now()) < 10*time.Millisecond {
		time.Sleep(time.Millisecond)
	}
	s.Detach()
	next(t, end)
}

func TestAWriterThatHasEndedTakesNothing(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _, _ = near.Close(), far.Close() }()
	w := NewWriter(near)
	w.Close()
	if w.Framed(RFC4571{}).Deliver([]byte("x"), 1) {
		t.Error("it takes a datagram")
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestTCPOverheadIsOfTheFamily(t *testing.T) {
	four, mapped := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.1")
	if six := netip.MustParseAddr("2001:db8::1"); TCPOverhead(four) != 54 || TCPOverhead(mapped) != 54 ||
		TCPOverhead(six) != 74 {
		t.Error("wrong")
	}
}

// However the bytes come, what frames hold arrives whole and in order, and nothing else does.
func FuzzFrames(f *testing.F) {
	f.Add(frame([]byte("one")), 1)
	f.Add(append(frame([]byte("one")), 0, 0, 0, 3, 't'), 2)
	f.Add([]byte{0xff, 0xff, 1}, 3)
	f.Fuzz(func(t *testing.T, stream []byte, step int) {
		var want [][]byte
		for rest := stream; len(rest) >= 2; {
			n := int(binary.BigEndian.Uint16(rest))
			if n > batch.MaxDatagram || len(rest) < 2+n {
				break
			}
			if n > 0 {
				want = append(want, rest[2:2+n])
			}
			rest = rest[2+n:]
		}
		r := newFrameReader(&stepped{stream, max(1, step%1000)})
		for _, w := range want {
			if got, err := r.next(); err != nil || !bytes.Equal(got, w) {
				t.Fatalf("%x, %v; want %x", got, err, w)
			}
		}
		if got, err := r.next(); err == nil {
			t.Fatalf("%x too", got)
		}
	})
}

// stepped reads so many bytes at a time.
type stepped struct {
	rest []byte
	step int
}

func (s *stepped) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.rest[:min(s.step, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
}
