package forward

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"conclave/media"
	"conclave/sfu/batch"
	"conclave/sfu/transport/srtp"
	"conclave/sfu/wiretest"
)

// record keeps the sequence numbers of what each destination is sent.
type record struct {
	to      map[netip.AddrPort][]uint16
	packets int
}

func (r *record) MaxSegments() int { return batch.MaxSegments }

func (r *record) Send(messages []batch.Message) (int, error) {
	for _, m := range messages {
		for rest := m.Data; len(rest) > 0; rest = rest[min(m.Segment, len(rest)):] {
			r.to[m.To.AddrPort] = append(r.to[m.To.AddrPort], binary.BigEndian.Uint16(rest[2:]))
			r.packets++
		}
	}
	return len(messages), nil
}

// What goes to many is forwarded by a worker and its mates together: every packet once to each, in order, before the
// worker goes on; and as it came, since others read it at the same time.
func TestARoundForManyIsShared(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	const viewers, rounds = 3 * shareFrom, 300
	r := newRigOf(t, 2)
	if len(r.engine.mates) == 0 {
		t.Fatal("there is no mate")
	}
	own, others := &record{to: map[netip.AddrPort][]uint16{}}, &record{to: map[netip.AddrPort][]uint16{}}
	w := testWorker(r.engine, own)
	for _, m := range r.engine.mates[1:] {
		m.invited.Store(&m.working) // one is enough
	}
	r.engine.mates[0].out[0].sender = others
	publisher := r.join(1, options{}).live()
	publisher.c.in.budget = 1 << 40
	for i := range viewers {
		v := r.join(media.ParticipantID(i+2), options{}).watch(publisher)
		v.c.out.Assume(0) // nothing is held back
	}
	sent := map[netip.AddrPort][]uint16{}
	for seq := uint16(1); seq <= rounds; seq++ {
		p := wiretest.Video(5, seq+100, "q") // its picture has another number for the viewers
		p.Payload = append(p.Payload, make([]byte, 200)...)
		datagram := publisher.Sealed(p)
		before := others.packets
		w.feed(publisher, time.Now(), datagram)
		n := len(datagram) - srtp.Overhead
		if shared := others.packets > before; shared && !bytes.Equal(datagram[n-len(p.Payload):n], p.Payload) {
			t.Fatal("the packet was changed while others read it")
		}
		for _, rec := range []*record{own, others} {
			for to, list := range rec.to {
				sent[to] = append(sent[to], list...)
			}
			clear(rec.to)
		}
		if total := own.packets + others.packets; total != int(seq)*viewers {
			t.Fatalf("after %d packets %d were sent to %d viewers", seq, total, viewers)
		}
		if seq%10 == 0 {
			time.Sleep(time.Millisecond) // the mate rests
		}
	}
	if len(sent) != viewers {
		t.Errorf("%d of %d viewers were sent something", len(sent), viewers)
	}
	for to, list := range sent {
		for i := 1; i < len(list); i++ {
			if list[i] != list[i-1]+1 {
				t.Fatalf("%v: %d came after %d", to, list[i], list[i-1])
			}
		}
	}
	if others.packets == 0 {
		t.Error("the mate had no share")
	}
	if n := sentBy(r.engine, "mate-0"); n == 0 {
		t.Error("what the mate sent isn't counted")
	}
}

// Workers invite the same mate at the same time: none takes back what another has offered, and none goes on too soon.
func TestWorkersShareAMate(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(3, runtime.GOMAXPROCS(0))))
	const viewers, rounds = shareFrom, 2000
	r := newRigOf(t, 2)
	for _, m := range r.engine.mates {
		m.out[0].sender = &sink{}
	}
	for _, m := range r.engine.mates[1:] {
		m.invited.Store(&m.working)
	}
	film, speech := r.join(1, options{}).live(), r.join(2, options{}).live()
	film.c.in.budget, speech.c.in.budget = 1<<40, 1<<40
	for i := range viewers {
		v := r.join(media.ParticipantID(i+3), options{}).watch(film)
		v.c.out.Slots()[1].Carry(speech.mic.layers[0], time.Now())
		v.c.out.Assume(0)
	}
	var working sync.WaitGroup
	feed := func(index int, p *peer, next func(seq uint16) []byte) {
		w := testWorker(r.engine, &sink{})
		w.index = index
		var sealed [rounds][]byte
		for i := range sealed {
			sealed[i] = next(uint16(i + 1))
		}
		working.Go(func() {
			for i := range sealed {
				w.feed(p, time.Now(), sealed[i])
			}
			if own, all := w.counters.Forwarded.Load(), uint64(viewers*rounds); own == 0 || own > all {
				t.Errorf("worker %d forwarded %d of %d packets", index, own, all)
			}
		})
	}
	feed(0, film, func(seq uint16) []byte { return film.Sealed(wiretest.Video(5, seq, "q")) })
	feed(1, speech, func(seq uint16) []byte { return speech.Sealed(wiretest.Audio(seq, 20)) })
	done := make(chan struct{})
	go func() { working.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("a worker waits for a mate for ever")
	}
	for _, p := range r.list()[2:] {
		for i, want := range []uint32{rounds, rounds} {
			if got := p.c.out.slots[i].packets; got != want {
				t.Fatalf("a viewer was sent %d packets in slot %d, want %d", got, i, want)
			}
		}
	}
}

// Where no mate rests, or there are few viewers, the worker does it all.
func TestAWorkerDoesWithoutMates(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
	for _, tt := range []struct {
		viewers int
		rests   bool
	}{{shareFrom - 1, true}, {shareFrom, false}} {
		r := newRigOf(t, 2)
		own := &record{to: map[netip.AddrPort][]uint16{}}
		w := testWorker(r.engine, own)
		if !tt.rests {
			for _, m := range r.engine.mates {
				m.invited.Store(&m.working)
			}
		}
		publisher := r.join(1, options{}).live()
		for i := range tt.viewers {
			r.join(media.ParticipantID(i+2), options{}).watch(publisher)
		}
		w.feed(publisher, time.Now(), publisher.Sealed(wiretest.Video(5, 1, "q")))
		if own.packets != tt.viewers {
			t.Errorf("%d viewers, the mate rests: %v: the worker sent %d packets", tt.viewers, tt.rests, own.packets)
		}
	}
}
