package batch

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(tb testing.TB, addr string) *linuxConn {
	tb.Helper()
	c, err := Listen(netip.MustParseAddrPort(addr))
	if err != nil {
		tb.Skipf("no such address here: %v", err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	lc, ok := c.(*linuxConn)
	if !ok {
		tb.Fatalf("%T", c)
	}
	return lc
}

// pair is a sender on one socket and a receiver on another of the same family.
type pair struct {
	from, to *linuxConn
	s        Sender
	r        Receiver
	dest     *Addr
}

func newPair(tb testing.TB, addr string) *pair {
	tb.Helper()
	p := &pair{from: open(tb, addr), to: open(tb, addr)}
	var err error
	if p.s, err = p.from.NewSender(); err != nil {
		tb.Fatal(err)
	}
	if p.r, err = p.to.NewReceiver(); err != nil {
		tb.Fatal(err)
	}
	p.dest = NewAddr(p.to.LocalAddr())
	return p
}

func (p *pair) send(tb testing.TB, messages ...Message) {
	tb.Helper()
	if sent, err := p.s.Send(messages); sent != len(messages) || err != nil {
		tb.Fatalf("sent %d of %d, %v", sent, len(messages), err)
	}
}

func (p *pair) receive(tb testing.TB) []Datagram {
	tb.Helper()
	var list []Datagram
	if err := p.r.Run(func(got []Datagram) bool { list = got; return false }); err != nil {
		tb.Fatal(err)
	}
	return list
}

// numbered is n datagrams of one message, each filled with its number.
func numbered(first, n, size int) []byte {
	var b []byte
	for i := range n {
		b = append(b, bytes.Repeat([]byte{byte(first + i)}, size)...)
	}
	return b
}

func checkNumbered(tb testing.TB, list []Datagram, first, size int, from netip.AddrPort) {
	tb.Helper()
	for i, d := range list {
		if !bytes.Equal(d.Data, bytes.Repeat([]byte{byte(first + i)}, size)) || d.From != from {
			tb.Fatalf("datagram %d is %d bytes of %v from %v", i, len(d.Data), d.Data[:min(1, len(d.Data))], d.From)
		}
	}
}

func TestReceiveTakesAllThatIsThereAtOnce(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			p := newPair(t, addr)
			p.send(t, Message{Data: numbered(0, 60, 1000), Segment: 1000, To: p.dest},
				Message{Data: numbered(60, 40, 1000), Segment: 1000, To: p.dest})
			first := p.receive(t)
			if len(first) != MaxReceive {
				t.Fatalf("%d datagrams at once", len(first))
			}
			checkNumbered(t, first, 0, 1000, p.from.LocalAddr())
			second := p.receive(t)
			if len(second) != 100-MaxReceive {
				t.Fatalf("%d datagrams the second time", len(second))
			}
			checkNumbered(t, second, MaxReceive, 1000, p.from.LocalAddr())
		})
	}
}

func TestAMessageTheKernelWillNotSegmentGoesOneByOne(t *testing.T) {
	p := newPair(t, "127.0.0.1:0")
	// More segments than any kernel takes: EINVAL, which is this message's fault alone.
	p.send(t, Message{Data: numbered(0, 1, 50), Segment: 50, To: p.dest},
		Message{Data: numbered(1, 200, 50), Segment: 50, To: p.dest},
		Message{Data: numbered(201, 2, 50), Segment: 50, To: p.dest})
	got := 0
	for got < 203 {
		list := p.receive(t)
		checkNumbered(t, list, got, 50, p.from.LocalAddr())
		got += len(list)
	}
	if p.s.MaxSegments() != MaxSegments {
		t.Error("segmentation was given up for all")
	}
}

func TestWithoutSegmentationAMessageIsOneDatagram(t *testing.T) {
	p := newPair(t, "127.0.0.1:0")
	if p.s.MaxSegments() != MaxSegments {
		t.Skip("this kernel does not segment")
	}
	p.from.gso.Store(false)
	if p.s.MaxSegments() != 1 {
		t.Error("segments are still offered")
	}
	p.send(t, Message{Data: numbered(0, 1, 50), Segment: 50, To: p.dest})
	checkNumbered(t, p.receive(t), 0, 50, p.from.LocalAddr())
}

func TestAnUnreachableDestinationCostsItsOwnMessageOnly(t *testing.T) {
	p := newPair(t, "127.0.0.1:0")
	good := Message{Data: numbered(7, 2, 50), Segment: 50, To: p.dest}
	for name, bad := range map[string]*Addr{
		"port 0":                     NewAddr(netip.MustParseAddrPort("127.0.0.1:0")),
		"an address of other family": NewAddr(netip.MustParseAddrPort("[2001:db8::1]:9")),
	} {
		t.Run(name, func(t *testing.T) {
			for _, segments := range []int{1, 2} {
				messages := []Message{good, {Data: numbered(1, segments, 50), Segment: 50, To: bad}, good}
				sent, err := p.s.Send(messages)
				if sent != 1 || err == nil || errors.Is(err, ErrFull) || errors.Is(err, net.ErrClosed) {
					t.Fatalf("sent %d, %v", sent, err)
				}
				p.send(t, messages[sent+1:]...)
				if p.s.MaxSegments() != MaxSegments {
					t.Error("segmentation was given up")
				}
				for got := 0; got < 4; {
					got += len(p.receive(t))
				}
			}
		})
	}
}

func TestAClosedPortDisturbsNobody(t *testing.T) {
	p := newPair(t, "127.0.0.1:0")
	gone := open(t, "127.0.0.1:0")
	nobody := NewAddr(gone.LocalAddr())
	_ = gone.Close()
	for range 10 {
		p.send(t, Message{Data: []byte{1}, Segment: 1, To: nobody},
			Message{Data: numbered(7, 2, 50), Segment: 50, To: p.dest})
	}
	for got := 0; got < 20; {
		list := p.receive(t)
		got += len(list)
	}
}

func TestAFullBufferIsErrFull(t *testing.T) {
	// Loopback never fills a send buffer; what the system would say is put into the sender's mouth.
	p := newPair(t, "127.0.0.1:0")
	s, ok := p.s.(*sender)
	if !ok {
		t.Fatalf("%T", p.s)
	}
	calls := 0
	s.call = func(uintptr) bool {
		calls++
		switch calls {
		case 1:
			s.sent, s.errno = 0, unix.EINTR
		case 2:
			s.sent, s.errno = 2, 0
		default:
			s.sent, s.errno = -1, unix.EAGAIN
		}
		return true
	}
	message := Message{Data: []byte{1}, Segment: 1, To: p.dest}
	if sent, err := s.Send([]Message{message, message, message}); sent != 2 || !errors.Is(err, ErrFull) {
		t.Errorf("sent %d, %v", sent, err)
	}
}

func TestADeviceThatCannotSegmentIsNotAskedAgain(t *testing.T) {
	p := newPair(t, "127.0.0.1:0")
	s, ok := p.s.(*sender)
	if !ok {
		t.Fatalf("%T", p.s)
	}
	system := s.call
	s.call = func(fd uintptr) bool {
		if s.hdrs[s.from].hdr.Control != nil {
			s.sent, s.errno = -1, unix.EIO
			return true
		}
		return system(fd)
	}
	p.send(t, Message{Data: numbered(0, 3, 50), Segment: 50, To: p.dest},
		Message{Data: numbered(3, 2, 50), Segment: 50, To: p.dest})
	for got := 0; got < 5; {
		list := p.receive(t)
		checkNumbered(t, list, got, 50, p.from.LocalAddr())
		got += len(list)
	}
	if s.MaxSegments() != 1 {
		t.Error("segments are still offered")
	}
}

func TestSocketsOfOneAddressShareIt(t *testing.T) {
	a := open(t, "127.0.0.1:0")
	b := open(t, a.LocalAddr().String())
	if a.LocalAddr() != b.LocalAddr() {
		t.Errorf("%v and %v", a.LocalAddr(), b.LocalAddr())
	}
}

func TestSendingAndReceivingDoNotAllocate(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			p := newPair(t, addr)
			messages := []Message{{Data: numbered(0, 20, 1000), Segment: 1000, To: p.dest},
				{Data: numbered(0, 1, 1000), Segment: 1000, To: p.dest}}
			once := func([]Datagram) bool { return false }
			if n := testing.AllocsPerRun(100, func() {
				if _, err := p.s.Send(messages); err != nil {
					t.Fatal(err)
				}
				if err := p.r.Run(once); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// BenchmarkLoopback sends and receives 1,100-byte datagrams, 48 a round, by different means. One operation is one
// datagram.
func BenchmarkLoopback(b *testing.B) {
	const size, perRound = 1100, 48
	for name, messagesOf := range map[string]func(*Addr) []Message{
		"segmented": func(to *Addr) []Message {
			return []Message{{Data: make([]byte, perRound*size), Segment: size,
				To: to}}
		},
		"batched": func(to *Addr) (list []Message) {
			for range perRound {
				list = append(list, Message{Data: make([]byte, size), Segment: size, To: to})
			}
			return list
		},
	} {
		b.Run(name, func(b *testing.B) {
			p := newPair(b, "127.0.0.1:0")
			messages := messagesOf(p.dest)
			b.ReportAllocs()
			b.SetBytes(size)
			for i := 0; i < b.N; i += perRound {
				p.send(b, messages...)
				for got := 0; got < perRound; {
					got += len(p.receive(b))
				}
			}
		})
	}
}

// The kernel says when each datagram came, however late it is received.
func TestArrivalIsTheKernels(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		p := newPair(t, addr)
		before := time.Now()
		p.send(t, Message{Data: numbered(0, 2, 100), Segment: 100, To: p.dest})
		after := time.Now()
		time.Sleep(30 * time.Millisecond)
		list := p.receive(t)
		if len(list) != 2 {
			t.Fatalf("%d datagrams", len(list))
		}
		for _, d := range list {
			if at := time.Unix(0, d.Arrived); at.Before(before.Round(0)) || at.After(after.Round(0)) {
				t.Errorf("arrived %v after it was sent", at.Sub(before))
			}
			if age := d.Age(time.Now()); age < 30*time.Millisecond {
				t.Errorf("waited %v", age)
			}
		}
	}
}

func TestAnAgeIsNeverNegative(t *testing.T) {
	now := time.Unix(1000, 0)
	for arrived, want := range map[int64]time.Duration{0: 0, now.UnixNano() - 5: 5, now.UnixNano() + 5: 0} {
		if d := (&Datagram{Arrived: arrived}); d.Age(now) != want {
			t.Errorf("arrived at %d: %v", arrived, d.Age(now))
		}
	}
}

// TestRTCPComesToAPolledSocket: whatever else a peer sends comes to one socket, its RTCP to the polled one beside it.
func TestRTCPComesToAPolledSocket(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		for sockets := range 4 {
			if sockets > 0 {
				t.Run(fmt.Sprintf("%s %d", addr, sockets), func(t *testing.T) { steered(t, addr, sockets) })
			}
		}
	}
}

func steered(t *testing.T, addr string, sockets int) {
	conns, err := ListenAll(netip.MustParseAddrPort(addr), sockets)
	if err != nil {
		t.Skipf("no such address here: %v", err)
	}
	polled, err := SteerRTCP(conns)
	if err != nil || len(polled) != sockets {
		t.Fatalf("%d polled sockets, %v", len(polled), err)
	}
	others := [][]byte{{0x80, 96}, {0x90, 96 | 0x80}, {0xbf, 191}, {0x80, 255}, {0, 1}, {22, 200}, {0x40, 200}, {192, 200}}
	rtcp := [][]byte{{0x80, 192}, {0x81, 200}, {0x8f, 206}, {0xbf, 223}}
	const senders = 24
	socketOf := map[netip.AddrPort]int{} // of each sender
	for range senders {
		from := open(t, netip.AddrPortFrom(netip.MustParseAddrPort(addr).Addr(), 0).String())
		for _, b := range append(append([][]byte{{}, {0x80}}, others...), rtcp...) {
			if _, err := from.WriteTo(b, conns[0].LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		socketOf[from.LocalAddr()] = -1
	}
	used := map[int]bool{}
	for i := range conns {
		for from, list := range taken(t, conns[i], senders*(len(others)+2)) {
			if socketOf[from] >= 0 {
				t.Errorf("%v comes to sockets %d and %d", from, socketOf[from], i)
			}
			socketOf[from], used[i] = i, true
			if !slices.EqualFunc(list, others, bytes.Equal) {
				t.Errorf("socket %d: %x", i, list)
			}
		}
	}
	if len(used) != sockets {
		t.Errorf("%d of %d sockets are used", len(used), sockets)
	}
	for i, p := range polled {
		got := map[netip.AddrPort][][]byte{}
		poll := func(list []Datagram) {
			for _, d := range list {
				got[d.From] = append(got[d.From], bytes.Clone(d.Data))
			}
		}
		if err := errors.Join(p.Poll(poll), p.Poll(poll)); err != nil {
			t.Fatal(err)
		}
		for from, list := range got {
			if socketOf[from] != i || !slices.EqualFunc(list, rtcp, bytes.Equal) {
				t.Errorf("polled socket %d, beside which %v is at %d: %x", i, from, socketOf[from], list)
			}
			delete(socketOf, from)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Poll(poll); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	}
	if len(socketOf) > 0 {
		t.Errorf("no RTCP came of %v", socketOf)
	}
	for _, c := range conns {
		_ = c.Close()
	}
}

// taken is what waits at a socket, by sender, but for what is too short to be told apart.
func taken(t *testing.T, c Conn, most int) map[netip.AddrPort][][]byte {
	t.Helper()
	lc, ok := c.(*linuxConn)
	if !ok {
		t.Fatalf("%T", c)
	}
	r, got := newReceiver(lc.rc), map[netip.AddrPort][][]byte{}
	err := lc.rc.Read(func(fd uintptr) bool {
		for range most {
			n, errno := r.receive(fd)
			if errno != 0 {
				break
			}
			for _, d := range r.collect(n) {
				if len(d.Data) > 1 {
					got[d.From] = append(got[d.From], bytes.Clone(d.Data))
				}
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
