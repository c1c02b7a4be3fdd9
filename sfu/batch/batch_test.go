package batch_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"conclave/sfu/batch"
)

// patience is how long a test waits for what loopback delivers at once.
const patience = 5 * time.Second

var loopback4 = netip.MustParseAddrPort("127.0.0.1:0")

func listen(tb testing.TB, addr netip.AddrPort) batch.Conn {
	tb.Helper()
	c, err := batch.Listen(addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// portable is a Conn of a plain net.PacketConn, as on a virtual network.
func portable(tb testing.TB, addr netip.AddrPort) batch.Conn {
	tb.Helper()
	uc, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = uc.Close() })
	return batch.FromPacketConn(uc)
}

// forEachConn runs a test with each kind of Conn.
func forEachConn(t *testing.T, test func(t *testing.T, open func(testing.TB, netip.AddrPort) batch.Conn)) {
	t.Run("system", func(t *testing.T) { test(t, listen) })
	t.Run("portable", func(t *testing.T) { test(t, portable) })
}

func sender(tb testing.TB, c batch.Conn) batch.Sender {
	tb.Helper()
	s, err := c.NewSender()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func receiver(tb testing.TB, c batch.Conn) batch.Receiver {
	tb.Helper()
	r, err := c.NewReceiver()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// gather receives until n datagrams have come, and returns copies of them. On loopback they are there when Send
// returns; should one be missing, closing the socket ends the wait.
func gather(tb testing.TB, c batch.Conn, r batch.Receiver, n int) (got [][]byte, from []netip.AddrPort) {
	tb.Helper()
	timer := time.AfterFunc(patience, func() { _ = c.Close() })
	defer timer.Stop()
	if err := r.Run(func(list []batch.Datagram) bool {
		for _, d := range list {
			got, from = append(got, bytes.Clone(d.Data)), append(from, d.From)
		}
		return len(got) < n
	}); err != nil {
		tb.Fatalf("after %d of %d datagrams: %v", len(got), n, err)
	}
	if len(got) != n {
		tb.Fatalf("%d datagrams, want %d", len(got), n)
	}
	return got, from
}

// pattern is n bytes that tell a datagram from others.
func pattern(seed, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seed*31 + i)
	}
	return b
}

func TestEachSegmentArrivesAsADatagramOfItsOwn(t *testing.T) {
	forEachConn(t, func(t *testing.T, open func(testing.TB, netip.AddrPort) batch.Conn) {
		for _, c := range []struct{ segment, total int }{
			{1000, 1000}, {1000, 999}, {1000, 2000}, {1000, 2001}, {1100, 1100*(batch.MaxSegments-1) - 300},
			{1000, 1000 * batch.MaxSegments},
			{1200, 1200*52 + 1}, {100, 100 * batch.MaxSegments}, {1, batch.MaxSegments},
		} {
			to, from := open(t, loopback4), open(t, loopback4)
			data := pattern(c.segment, c.total)
			message := batch.Message{Data: data, Segment: c.segment, To: batch.NewAddr(to.LocalAddr())}
			if sent, err := sender(t, from).Send([]batch.Message{message}); sent != 1 || err != nil {
				t.Fatalf("%d of %d bytes: sent %d, %v", c.total, c.segment, sent, err)
			}
			got, source := gather(t, to, receiver(t, to), message.Segments())
			for i, d := range got {
				want := data[i*c.segment : min((i+1)*c.segment, len(data))]
				if !bytes.Equal(d, want) || source[i] != from.LocalAddr() {
					t.Fatalf("%d of %d bytes: segment %d has %d bytes from %v", c.total, c.segment, i, len(d), source[i])
				}
			}
		}
	})
}

func TestMessagesGoToTheirOwnDestinations(t *testing.T) {
	forEachConn(t, func(t *testing.T, open func(testing.TB, netip.AddrPort) batch.Conn) {
		from := open(t, loopback4)
		var conns []batch.Conn
		var messages []batch.Message
		taken := map[netip.AddrPort]bool{from.LocalAddr(): true}
		for i := range 8 {
			c := open(t, loopback4)
			for taken[c.LocalAddr()] { // sockets that share ports may be given the same
				c = open(t, loopback4)
			}
			taken[c.LocalAddr()] = true
			conns = append(conns, c)
			for j := range 8 { // 64 in all, of one to three segments
				messages = append(messages, batch.Message{Data: pattern(i*8+j, 100*(j%3+1)), Segment: 100,
					To: batch.NewAddr(c.LocalAddr())})
			}
		}
		if sent, err := sender(t, from).Send(messages); sent != len(messages) || err != nil {
			t.Fatalf("sent %d, %v", sent, err)
		}
		for i, c := range conns {
			var want []byte
			n := 0
			for _, m := range messages[8*i : 8*i+8] {
				want = append(want, m.Data...)
				n += m.Segments()
			}
			got, _ := gather(t, c, receiver(t, c), n)
			if !bytes.Equal(bytes.Join(got, nil), want) {
				t.Errorf("socket %d did not get what was sent to it", i)
			}
		}
	})
}

func TestCloseEndsReceiving(t *testing.T) {
	forEachConn(t, func(t *testing.T, open func(testing.TB, netip.AddrPort) batch.Conn) {
		c := open(t, loopback4)
		r, s := receiver(t, c), sender(t, c)
		to := batch.NewAddr(c.LocalAddr())
		done := make(chan error, 1)
		ignore := func([]batch.Datagram) bool { return true }
		go func() { done <- r.Run(ignore) }()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Fatal("Run is still waiting")
		}
		if err := r.Run(ignore); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Run again: %v", err)
		}
		if n, err := s.Send([]batch.Message{{Data: []byte{1}, Segment: 1, To: to}}); n != 0 ||
			!errors.Is(err, net.ErrClosed) {
			t.Errorf("Send: %d, %v", n, err)
		}
		if _, err := c.WriteTo([]byte{1}, to.AddrPort); !errors.Is(err, net.ErrClosed) {
			t.Errorf("WriteTo: %v", err)
		}
	})
}

func TestWriteToSendsOneDatagram(t *testing.T) {
	forEachConn(t, func(t *testing.T, open func(testing.TB, netip.AddrPort) batch.Conn) {
		to, from := open(t, loopback4), open(t, loopback4)
		if n, err := from.WriteTo([]byte("hello"), to.LocalAddr()); n != 5 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		got, source := gather(t, to, receiver(t, to), 1)
		if string(got[0]) != "hello" || source[0] != from.LocalAddr() {
			t.Errorf("%q from %v", got[0], source[0])
		}
	})
}

func TestDatagramsBeyondTheLimitAreCut(t *testing.T) {
	forEachConn(t, func(t *testing.T, open func(testing.TB, netip.AddrPort) batch.Conn) {
		to, from := open(t, loopback4), open(t, loopback4)
		for _, n := range []int{batch.MaxDatagram, batch.MaxDatagram + 1, 60000, 1} {
			if _, err := from.WriteTo(pattern(n, n), to.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		got, _ := gather(t, to, receiver(t, to), 4)
		for i, want := range []int{batch.MaxDatagram, batch.MaxDatagram, batch.MaxDatagram, 1} {
			if len(got[i]) != want {
				t.Errorf("datagram %d has %d bytes, want %d", i, len(got[i]), want)
			}
		}
	})
}

func TestEmptyDatagramsAreReceived(t *testing.T) {
	forEachConn(t, func(t *testing.T, open func(testing.TB, netip.AddrPort) batch.Conn) {
		to, from := open(t, loopback4), open(t, loopback4)
		if _, err := from.WriteTo(nil, to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if got, _ := gather(t, to, receiver(t, to), 1); len(got[0]) != 0 {
			t.Errorf("%d bytes", len(got[0]))
		}
	})
}

func TestPortableSendersDoNotSegment(t *testing.T) {
	if n := sender(t, portable(t, loopback4)).MaxSegments(); n != 1 {
		t.Errorf("%d segments", n)
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	if c, err := batch.Listen(netip.MustParseAddrPort("192.0.2.1:0")); err == nil { // RFC 5737: nobody's
		_ = c.Close()
		t.Error("listening on an address that is not ours")
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct{ data, segment, want int }{{1, 1, 1}, {1000, 1000, 1}, {1001, 1000, 2}, {999, 1000, 1},
		{3000, 1000, 3}, {0, 1, 0}} {
		if got := (batch.Message{Data: make([]byte, c.data), Segment: c.segment}).Segments(); got != c.want {
			t.Errorf("%d bytes by %d: %d segments", c.data, c.segment, got)
		}
	}
}

func TestMappedAddressesAreUnmapped(t *testing.T) {
	a := batch.NewAddr(netip.MustParseAddrPort("[::ffff:192.0.2.7]:9"))
	if a.AddrPort != netip.MustParseAddrPort("192.0.2.7:9") {
		t.Errorf("%v", a.AddrPort)
	}
}
