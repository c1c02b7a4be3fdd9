package stream

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conclave/sfu/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long something that has to happen may take: only a test that fails waits so long.
const patience = time.Minute

var peerAddr = netip.MustParseAddrPort("192.0.2.1:1234")

// kept is a sink that keeps all it is given.
type kept struct {
	mu        sync.Mutex
	datagrams [][]byte
	flushed   int
	full      bool
}

func (k *kept) Deliver(data []byte, segment int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for !k.full && len(data) > 0 {
		n := min(segment, len(data))
		k.datagrams = append(k.datagrams, bytes.Clone(data[:n]))
		data = data[n:]
	}
	return !k.full
}

func (k *kept) Flush() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flushed++
}

func (k *kept) Behind(time.Time) time.Duration { return 0 }

func (k *kept) fill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.full = true
}

func attach(t testing.TB, h *Hub, sink Sink) *Stream {
	t.Helper()
	s, err := h.Attach(peerAddr, 50, sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Detach)
	return s
}

// receiving runs a shard until the test ends and gives copies of what it is given.
func receiving(t testing.TB, h *Hub) <-chan batch.Datagram {
	t.Helper()
	got := make(chan batch.Datagram, 1000)
	conn := h.Conns()[0]
	r, err := conn.NewReceiver()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(got)
		if err := r.Run(func(list []batch.Datagram) bool {
			for _, d := range list {
				got <- batch.Datagram{Data: bytes.Clone(d.Data), From: d.From}
			}
			return true
		}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Run returns %v", err)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return got
}

func next[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatal("nothing comes")
	}
	return v
}

func TestAStreamsDatagramsReachTheEngineUnderItsKey(t *testing.T) {
	h := NewHub(1, 10)
	got := receiving(t, h)
	a, b := attach(t, h, &kept{}), attach(t, h, &kept{})
	for i, s := range []*Stream{a, b, a} {
		if !s.Receive([]byte{byte(i)}) {
			t.Fatal("dropped")
		}
		if d := next(t, got); d.From != s.Key() || d.Data[0] != byte(i) {
			t.Errorf("%v from %v", d.Data, d.From)
		}
	}
	if a.Key() == b.Key() || h.Find(a.Key()) != a || !IsKey(a.Key().Addr()) {
		t.Error("the key is not the stream's alone")
	}
}

func TestAKeyIsNoAddressThatADatagramCanComeFrom(t *testing.T) {
	h := NewHub(1, 10)
	s := attach(t, h, &kept{})
	spoofed := netip.AddrPortFrom(s.Key().Addr().WithZone(""), s.Key().Port())
	if spoofed == s.Key() || h.Find(spoofed) != nil || IsKey(spoofed.Addr()) {
		t.Error("a datagram from 100::/64 counts as the stream's")
	}
}

func TestMessagesReachTheirStreamsAndAreFlushedOnce(t *testing.T) {
	h := NewHub(1, 10)
	var a, b kept
	to := []*batch.Addr{batch.NewAddr(attach(t, h, &a).Key()), batch.NewAddr(attach(t, h, &b).Key())}
	sender, err := h.Conns()[0].NewSender()
	if err != nil {
		t.Fatal(err)
	}
	n, err := sender.Send([]batch.Message{{Data: []byte("aabb"), Segment: 2, To: to[0]}, {Data: []byte("c"), Segment: 1,
		To: to[0]}, {Data: []byte("d"), Segment: 1, To: to[1]}})
	if n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if got := bytes.Join(a.datagrams, []byte{'|'}); string(got) != "aa|bb|c" || a.flushed != 1 {
		t.Errorf("%s, flushed %d times", got, a.flushed)
	}
	if len(b.datagrams) != 1 || b.flushed != 1 {
		t.Errorf("%q, flushed %d times", b.datagrams, b.flushed)
	}
}

// What cannot be sent to one stream is an error about that message alone, as batch.Sender asks.
func TestAStreamThatIsGoneOrFullHoldsUpNoOther(t *testing.T) {
	h := NewHub(1, 10)
	var full, fine kept
	full.fill()
	gone := attach(t, h, &kept{})
	gone.Detach()
	sender, err := h.Conns()[0].NewSender()
	if err != nil {
		t.Fatal(err)
	}
	message := func(key netip.AddrPort) batch.Message {
		return batch.Message{Data: []byte("x"), Segment: 1, To: batch.NewAddr(key)}
	}
	list := []batch.Message{message(attach(t, h, &full).Key()), message(gone.Key()), message(attach(t, h, &fine).Key())}
	for _, want := range []error{ErrBehind, ErrGone, nil} {
		n, err := sender.Send(list)
		if !errors.Is(err, want) || err != nil && n != 0 {
			t.Fatalf("%d sent, %v; want %v", n, err, want)
		}
		list = list[1:]
	}
	if len(fine.datagrams) != 1 {
		t.Error("the third has not been sent")
	}
}

func TestAHubHoldsNoMoreStreamsThanItMay(t *testing.T) {
	h := NewHub(1, 2)
	a := attach(t, h, &kept{})
	attach(t, h, &kept{})
	if _, err := h.Attach(peerAddr, 0, &kept{}); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	old := a.Key()
	a.Detach()
	a.Detach()
	c := attach(t, h, &kept{})
	if h.Find(old) != nil || c.Key() == old {
		t.Error("a place that is used again has the old key")
	}
	if s := h.Stats(); s.Open != 2 || s.Attached != 3 || s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestWhatOneStreamQueuesIsBounded(t *testing.T) {
	h := NewHub(1, 10)
	greedy, other := attach(t, h, &kept{}), attach(t, h, &kept{})
	datagram := make([]byte, batch.MaxDatagram)
	taken := 0
	for greedy.Receive(datagram) {
		if taken += len(datagram); taken > maxQueued {
			t.Fatal("no bound")
		}
	}
	if !other.Receive(datagram) {
		t.Error("another stream has no room")
	}
	for _, bad := range [][]byte{nil, make([]byte, batch.MaxDatagram+1)} {
		if other.Receive(bad) {
			t.Errorf("took %d bytes", len(bad))
		}
	}
}

// A datagram takes memory beside its bytes: single bytes are not free.
func TestTinyDatagramsFillAQueueToo(t *testing.T) {
	h := NewHub(1, 10)
	s, n := attach(t, h, &kept{}), 0
	for s.Receive([]byte{1}) {
		if n++; n > maxQueued/leastCost {
			t.Fatal("no bound")
		}
	}
	if n < maxQueued/leastCost {
		t.Errorf("%d datagrams fill the queue", n)
	}
}

func TestWhatAllStreamsOfAWorkerQueueIsBounded(t *testing.T) {
	h := NewHub(1, 2*maxShard/maxQueued)
	datagram, taken := make([]byte, batch.MaxDatagram), 0
	for range 2 * maxShard / maxQueued {
		for s := attach(t, h, &kept{}); s.Receive(datagram); {
			taken += len(datagram)
		}
	}
	if taken > maxShard || taken < maxShard-maxQueued {
		t.Errorf("%d bytes wait", taken)
	}
}

func TestDetachTellsTheEngineOnceAndEndsTheStream(t *testing.T) {
	h := NewHub(1, 10)
	var told []netip.AddrPort
	h.OnDetach(func(key netip.AddrPort) { told = append(told, key) })
	s := attach(t, h, &kept{})
	s.Detach()
	s.Detach()
	next(t, s.Done())
	if len(told) != 1 || told[0] != s.Key() || s.Receive([]byte("x")) {
		t.Errorf("told %v", told)
	}
}

func TestWhatTheEngineRevokesIsDone(t *testing.T) {
	h := NewHub(1, 10)
	s := attach(t, h, &kept{})
	called := make(chan struct{}, 2)
	s.AfterDone(func() { called <- struct{}{} })
	h.Revoke(s.Key())
	h.Revoke(s.Key())
	next(t, s.Done())
	next(t, called)
	s.AfterDone(func() { called <- struct{}{} })
	next(t, called)
	if n := h.Stats().Revoked; n != 1 {
		t.Errorf("revoked %d times", n)
	}
}

func TestClosingAHubEndsItsStreams(t *testing.T) {
	h := NewHub(2, 10)
	s := attach(t, h, &kept{})
	if err := h.Conns()[1].Close(); err != nil {
		t.Fatal(err)
	}
	next(t, s.Done())
	if _, err := h.Attach(peerAddr, 0, &kept{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// Streams come and go while workers send to them: with the race detector this shows that nothing is shared unguarded.
func TestDetachWhileItIsSentTo(t *testing.T) {
	h := NewHub(1, 4)
	got := receiving(t, h)
	go func() {
		for range got {
		}
	}()
	sender, err := h.Conns()[0].NewSender()
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		s := attach(t, h, &kept{})
		var wg sync.WaitGroup
		wg.Go(func() {
			m := []batch.Message{{Data: []byte("x"), Segment: 1, To: batch.NewAddr(s.Key())}}
			for {
				if _, err := sender.Send(m); err != nil {
					return
				}
			}
		})
		wg.Go(func() {
			for s.Receive([]byte("y")) || h.Find(s.Key()) != nil {
			}
		})
		s.Detach()
		wg.Wait()
	}
}
