package forward

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"conclave/sfu/batch"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport/srtp"
	"conclave/sfu/wiretest"
)

// parcels keeps the datagrams of each message.
type parcels [][][]byte

func (p *parcels) MaxSegments() int { return batch.MaxSegments }

func (p *parcels) Send(messages []batch.Message) (int, error) {
	for _, m := range messages {
		*p = append(*p, slices.Collect(slices.Chunk(bytes.Clone(m.Data), m.Segment)))
	}
	return len(messages), nil
}

// take returns what was sent since the last call: the payloads in each message, opened and without their padding.
func (p *parcels) take(t *testing.T, to *peer) (payloads [][][]byte, sizes []int) {
	t.Helper()
	for _, message := range *p {
		var list [][]byte
		for _, b := range message {
			v, err := rtpview.Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			var n srtp.Scratch
			size, err := to.Cipher.Open(b, v.HeaderLen(), v.SSRC, uint64(v.Seq), &n)
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, size)
			if err := v.SetPayload(size); err != nil {
				t.Fatal(err)
			}
			list = append(list, v.Payload())
		}
		payloads = append(payloads, list)
	}
	*p = nil
	return payloads, sizes
}

// parcelled is a worker whose messages are kept, one who publishes and one who watches.
func parcelled(t *testing.T) (w *worker, out *parcels, alice, bob *peer) {
	t.Helper()
	r := newRig(t)
	out = &parcels{}
	alice = r.join(1, options{}).live()
	return testWorker(r.engine, out), out, alice, r.join(2, options{}).watch(alice)
}

func lengths(payloads [][][]byte) (list [][]int) {
	for _, message := range payloads {
		var sizes []int
		for _, b := range message {
			sizes = append(sizes, len(b))
		}
		list = append(list, sizes)
	}
	return list
}

// What comes within 20 ms goes in one message, sound with padding that makes it of one size; and what is kept so long
// is a copy, because the buffers that it came in are used again.
func TestWhatComesWithin20msGoesTogether(t *testing.T) {
	w, out, alice, bob := parcelled(t)
	w.engine.Gather(true)
	now := time.Now()
	say := func(seq uint16, size int, at time.Duration) {
		p := wiretest.Audio(seq, 30)
		p.Payload = bytes.Repeat([]byte{byte(seq)}, size)
		datagram := alice.Sealed(p)
		w.feed(alice, now.Add(at), datagram)
		clear(datagram[:cap(datagram)])
	}
	say(1, 80, 0)
	say(2, 100, gatherFor/3)
	say(3, 100-levelBytes, gatherFor/2)
	if len(*out) != 0 {
		t.Fatalf("%d messages before the time", len(*out))
	}
	say(4, 90, gatherFor)
	payloads, sizes := out.take(t, bob)
	if len(payloads) != 1 || len(payloads[0]) != 4 || slices.Max(sizes) != 100 || slices.Min(sizes) != 100 {
		t.Fatalf("%v of %v bytes", lengths(payloads), sizes)
	}
	for i, want := range []int{80, 100, 100 - levelBytes, 90} {
		if got := payloads[0][i]; !bytes.Equal(got, bytes.Repeat([]byte{byte(i + 1)}, want)) {
			t.Errorf("packet %d: %x", i+1, got)
		}
	}
	say(5, 100, 2*gatherFor)
	say(6, 99-levelBytes, 3*gatherFor) // so much padding isn't worth it
	if _, sizes = out.take(t, bob); !slices.Equal(sizes, []int{100, 99 - levelBytes}) {
		t.Errorf("sent as %v", sizes)
	}
	w.engine.Gather(false)
	say(7, 50, 3*gatherFor+time.Millisecond)
	if payloads, sizes = out.take(t, bob); len(payloads) != 1 || sizes[0] != 50 {
		t.Errorf("at once: %v of %v bytes", lengths(payloads), sizes)
	}
}

// What is gathered goes with a tick when nothing else comes.
func TestATickForwardsWhatIsGathered(t *testing.T) {
	r := newRig(t)
	alice := r.join(1, options{}).live()
	bob := r.join(2, options{}).watch(alice)
	r.engine.Gather(true)
	alice.RTP(wiretest.Audio(1, 30))
	bob.Arrivals("what was said", func(p *rtp.Packet, _ int) bool { return p.PayloadType == 111 })
}

// Browsers split a frame into packets of which the later ones are a byte longer. They go in one message.
func TestPacketsThatDifferByAByteGoTogether(t *testing.T) {
	w, out, alice, bob := parcelled(t)
	seq := uint16(0)
	for _, c := range []struct{ sizes, messages []int }{
		{[]int{1200, 1200, 1201, 1201}, []int{4}},
		{[]int{1200, 1201, 1202}, []int{1, 2}}, // a byte only: no packet grows for one that grew
		{[]int{1199, 1201}, []int{1, 1}},
		{[]int{1201, 1200}, []int{2}},
		{[]int{1200}, []int{1}},
	} {
		var batch, sent [][]byte
		for _, size := range c.sizes {
			seq++
			p := wiretest.Video(5, seq, "q")
			p.Payload = append(p.Payload, bytes.Repeat([]byte{byte(seq)}, size-len(p.Payload))...)
			sent = append(sent, bytes.Repeat([]byte{byte(seq)}, 100))
			batch = append(batch, alice.Sealed(p))
		}
		w.feed(alice, time.Now(), batch...)
		payloads, _ := out.take(t, bob)
		var counts, sizes []int
		for _, message := range payloads {
			counts = append(counts, len(message))
			for _, b := range message {
				if !bytes.HasSuffix(b, sent[len(sizes)]) {
					t.Errorf("%v: packet %d is %x", c.sizes, len(sizes), b)
				}
				sizes = append(sizes, len(b))
			}
		}
		if !slices.Equal(counts, c.messages) || !slices.Equal(sizes, c.sizes) {
			t.Errorf("%v went as %v of %v bytes", c.sizes, counts, sizes)
		}
	}
}
