package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"conclave/meeting"
	"conclave/protocol"
)

// The sizes of docs/e2ee.md, section 6, in the form of the wire: a sealed key and its acknowledgement.
const (
	sealedKey = 100 // 75 bytes
	sealedAck = 36  // 27 bytes
)

// After somebody left a meeting of 101, the twenty who publish give each of the hundred a new key, and each
// acknowledges them: all that this takes on all WebSockets is less than a mebibyte, in one message a client for the
// keys of all and one for the acks.
func TestNewKeysOf20PublishersOf100FitIntoAMebibyte(t *testing.T) {
	const people, publishers = 100, 20
	inVirtualTime(t, func(c *Config, _ *meeting.Config) { c.JoinsPerMinute = 1000 }, func(t *testing.T, s *server) {
		bot := s.bot()
		id := bot.create(encrypted)
		crowd := make([]*peer, people)
		for i := range crowd {
			crowd[i] = bot.join(id, sealed(fmt.Sprint("bot ", i)))
		}
		leaver := bot.join(id, sealed("leaver"))
		stay(time.Second)
		for _, p := range crowd {
			for p.quiet() {
			}
			p.bytes.Store(0)
			p.count.Store(0)
		}
		begun := time.Now()
		leaver.send(&protocol.Leave{ID: 1})
		for _, p := range crowd {
			match(p, func(r *protocol.Roster) bool { return len(r.Left) == 1 })
		}
		stay(500 * time.Millisecond) // clients wait that long for others to leave

		key := strings.Repeat("A", sealedKey)
		for i, p := range crowd[:publishers] {
			r := &protocol.Relay{ID: p.id()}
			for j, q := range crowd {
				if i != j {
					r.To = append(r.To, protocol.RelayOne{Participant: q.me(), Data: key})
				}
			}
			p.send(r)
		}
		for i, p := range crowd {
			want := publishers
			if i < publishers {
				want--
			}
			p.acknowledge(want)
		}
		for _, p := range crowd[:publishers] {
			p.entries(people - 1)
		}
		elapsed := time.Since(begun)
		var bytes, count int64
		for _, p := range crowd {
			bytes += p.bytes.Load()
			count += p.count.Load()
		}
		t.Logf("%d bytes in %d messages, both directions, in %v of virtual time", bytes, count, elapsed)
		if bytes > 1<<20 {
			t.Errorf("%d bytes", bytes)
		}
		if elapsed > time.Second {
			t.Errorf("it took %v", elapsed)
		}
		// Each: the roster, the keys of all in one, its acks and the answer to them; who publishes: its keys and the
		// answer, the acks in one, and its own acks may come in two parts.
		if most := int64(people*4 + publishers*5); count > most {
			t.Errorf("%d messages, more than %d", count, most)
		}
	})
}

// entries waits until so many relayed entries have come, and returns who they are from.
func (p *peer) entries(n int) (from []protocol.Participant) {
	p.t.Helper()
	for len(from) < n {
		for _, r := range next[*protocol.Relays](p).Relays {
			from = append(from, r.From)
		}
	}
	return from
}

// acknowledge waits for n keys and acknowledges them in one message.
func (p *peer) acknowledge(n int) {
	p.t.Helper()
	r := &protocol.Relay{ID: p.id()}
	for _, from := range p.entries(n) {
		r.To = append(r.To, protocol.RelayOne{Participant: from, Data: strings.Repeat("A", sealedAck)})
	}
	p.send(r)
}

// BenchmarkRelayFrames is what one delivery costs to encode: twenty keys for one client.
func BenchmarkRelayFrames(b *testing.B) {
	e := &protocol.Relays{}
	for i := range 20 {
		e.Relays = append(e.Relays, protocol.Relayed{From: 100, Data: strings.Repeat("A", sealedKey+i%2)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(marshal(e)) < 20*sealedKey {
			b.Fatal("short")
		}
	}
}

// BenchmarkDecodeRelay is what one message of a publisher costs to decode: a key for each of a hundred.
func BenchmarkDecodeRelay(b *testing.B) {
	r := &protocol.Relay{ID: 1}
	for i := range 100 {
		r.To = append(r.To, protocol.RelayOne{Participant: protocol.Participant(i + 1), Data: strings.Repeat("A", sealedKey)})
	}
	data, err := protocol.Marshal(r)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := protocol.DecodeClient(data); err != nil {
			b.Fatal(err)
		}
	}
}
