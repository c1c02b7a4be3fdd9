package forward

import (
	"net/netip"
	"testing"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/transport"
)

// fullSocket takes some messages and then no more, as a socket whose buffer has filled up.
type fullSocket struct {
	takes int
	taken []batch.Message
}

func (f *fullSocket) Send(messages []batch.Message) (int, error) {
	n := min(f.takes, len(messages))
	f.takes -= n
	for _, m := range messages[:n] {
		m.Data = append([]byte(nil), m.Data...)
		f.taken = append(f.taken, m)
	}
	if n < len(messages) {
		return n, batch.ErrFull
	}
	return n, nil
}

func (f *fullSocket) MaxSegments() int { return batch.MaxSegments }

func testOutbox(s batch.Sender) (*Counters, *outbox, *transport.Remote) {
	c := &Counters{}
	b := newOutbox(arenaBytes, c)
	b.sender = s
	return c, b, &transport.Remote{To: batch.NewAddr(netip.MustParseAddrPort("127.0.0.1:9"))}
}

func (b *outbox) put(size int, fill byte) {
	at := len(b.arena)
	for range size {
		b.arena = append(b.arena, fill)
	}
	b.add(at)
}

// A full socket loses the newest packets of the batch, counted, and nothing waits.
func TestAFullSocketLosesTheNewest(t *testing.T) {
	s := &fullSocket{takes: 3}
	c, b, to := testOutbox(s)
	for i := range 5 {
		b.begin(to)
		b.put(100, byte(i))
		b.put(100, byte(i))
	}
	b.send()
	if n := c.Drops[drop.SocketFull].Load(); n != 4 {
		t.Errorf("%d packets counted as lost, want 4", n)
	}
	if n := c.SentBytes.Load(); n != 600 {
		t.Errorf("%d bytes counted as sent, want 600", n)
	}
	if len(s.taken) != 3 || s.taken[2].Data[0] != 2 {
		t.Errorf("%d messages left, the oldest three should have", len(s.taken))
	}
	if len(b.messages) != 0 || len(b.arena) != 0 {
		t.Error("something stayed behind")
	}
}

// Packets to one destination become one message while they are of one size; a shorter one may end it, a longer one
// begins another.
func TestEqualSizesShareAMessage(t *testing.T) {
	s := &fullSocket{takes: 100}
	_, b, to := testOutbox(s)
	b.begin(to)
	for i, size := range []int{100, 100, 80, 100, 120, 120, 60, 60} {
		b.put(size, byte(i))
	}
	b.begin(to) // another destination
	b.put(60, 9)
	b.send()
	var got [][2]int
	for _, m := range s.taken {
		got = append(got, [2]int{m.Segment, len(m.Data)})
	}
	want := [][2]int{{100, 280}, {100, 100}, {120, 300}, {60, 60}, {60, 60}}
	if len(got) != len(want) {
		t.Fatalf("messages %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("message %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// A message keeps to what the kernel takes.
func TestMessagesKeepToTheKernelsLimits(t *testing.T) {
	s := &fullSocket{takes: 1000}
	_, b, to := testOutbox(s)
	b.begin(to)
	for range 61 {
		b.put(100, 1)
	}
	b.begin(to)
	for range 60 {
		b.put(1200, 1)
	}
	b.send()
	for _, m := range s.taken {
		if m.Segments() > batch.MaxSegments || len(m.Data) > batch.MaxMessage {
			t.Errorf("a message of %d segments and %d bytes", m.Segments(), len(m.Data))
		}
	}
	if len(s.taken) != 4 {
		t.Errorf("%d messages, want 4", len(s.taken))
	}
}
