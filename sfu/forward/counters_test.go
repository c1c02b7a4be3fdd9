package forward

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"conclave/sfu/drop"
	"conclave/sfu/transport"
	"conclave/sfu/transport/srtp"
	"conclave/sfu/wiretest"
)

func sentBy(e *Engine, name string) uint64 {
	for _, s := range e.Senders() {
		if s.Name == name {
			return s.SentBytes.Load()
		}
	}
	return 0
}

// Every byte that a viewer is sent is counted, by the sender that sent it: media, packets repeated for NACKs, probes,
// and a key frame played to a viewer who comes later. The egress rate rests on it.
func TestEveryByteSentIsCounted(t *testing.T) {
	r := newRig(t)
	publisher := r.join(1, options{}).live()
	viewer := r.join(2, options{twcc: true}).watch(publisher)
	publisher.RTP(wiretest.Video(5, 1, "q"))
	e := viewer.c.Egress()
	e.Useful(8_000_000)
	var arrived, repeated uint64
	began := time.Now()
	base, seq, times := -1, uint16(1), []int64(nil)
	viewer.Arrivals("media, repeats and probes", func(p *rtp.Packet, size int) bool {
		arrived += uint64(size)
		number := int(binary.BigEndian.Uint16(p.GetExtension(wiretest.ExtTWCC)))
		if base < 0 {
			base = number
		}
		if times = append(times, time.Since(began).Microseconds()); len(times) == 10 {
			viewer.Feedback(wiretest.ArrivedAt(uint16(base), times))
			base, times = -1, nil
		}
		if p.PayloadType == 97 {
			repeated++ // the first is the answer to the NACK, the others are probes
			return repeated > 5
		}
		if seq == 1 {
			viewer.RTCP(&rtcp.TransportLayerNack{MediaSSRC: p.SSRC, Nacks: []rtcp.NackPair{{PacketID: p.SequenceNumber}}})
		}
		time.Sleep(5 * time.Millisecond)
		seq++
		publisher.RTP(wiretest.Video(5, seq, "q"))
		return false
	})
	viewer.c.Transport().Close() // no more probes
	arrived += viewer.rest()
	worker, pacer := sentBy(r.engine, "0"), sentBy(r.engine, "pacer")
	if pacer == 0 || worker+pacer != arrived {
		t.Errorf("the worker counts %d bytes, the pacer %d, %d have arrived", worker, pacer, arrived)
	}
	if n := sentBy(r.engine, "player"); n != 0 {
		t.Errorf("the player counts %d bytes", n)
	}
	later := r.join(3, options{}).watch(publisher)
	if n := sentBy(r.engine, "player"); n == 0 || n != later.rest() {
		t.Errorf("the player counts %d bytes", n)
	}
	if n := r.engine.player.counters.Forwarded.Load(); n == 0 || n != uint64(later.shown()) {
		t.Errorf("the player counts %d packets, %d were sent", n, later.shown())
	}
}

// rest reads what else arrives until there is nothing for a while, and returns how many bytes it was.
func (p *peer) rest() (bytes uint64) {
	buf := make([]byte, 2000)
	for {
		_ = p.Conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := p.Conn.Read(buf)
		if err != nil {
			return bytes
		}
		if n > 1 && (buf[1] < 192 || buf[1] > 223) && buf[0] >= 128 {
			bytes += uint64(n)
		}
	}
}

// What the pacer and the player lose is counted as theirs, and exported like what a worker loses.
func TestWhatThePacerAndThePlayerLoseIsCounted(t *testing.T) {
	r := newRig(t)
	for name, s := range map[string]*sender{"player": &r.engine.player.sender, "pacer": &r.engine.pacer.sender} {
		keys, err := transport.NewKeys(srtp.AES128GCM, make([]byte, 56))
		if err != nil {
			t.Fatal(err)
		}
		s.out[0].sender = &fullSocket{}
		box := s.begin(keys, &transport.Remote{}, time.Now())
		box.put(100, 0)
		box.send()
		found := false
		for _, sender := range r.engine.Senders() {
			if sender.Name == name {
				found = sender.Drops[drop.SocketFull].Load() == 1 && sender.SentBytes.Load() == 0
			}
		}
		if !found {
			t.Errorf("the loss of the %s is not among the senders' counters", name)
		}
	}
}
