package meeting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// relayed is everything that was relayed to p, in order, as "sender:data".
func relayed(p *someone) (out []string) {
	for _, e := range p.events {
		if e, ok := e.(*protocol.Relays); ok {
			for _, r := range e.Relays {
				out = append(out, fmt.Sprintf("%d:%s", r.From, r.Data))
			}
		}
	}
	return out
}

func to(p *someone, data string) protocol.RelayOne {
	return protocol.RelayOne{Participant: p.id, Data: data}
}

func (st *stage) wantRelayed(p *someone, want ...string) {
	st.t.Helper()
	if have := relayed(p); strings.Join(have, " ") != strings.Join(want, " ") {
		st.t.Fatalf("%s got %.200q, want %.200q", p.name, have, want)
	}
}

// What comes for one client within 25 ms is one event, in order, with the sender that the server knows.
func TestRelaysAreDeliveredTogetherAndInOrder(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(cem, "a1"), to(ben, "a2"), to(cem, "a3")}})
	st.advance(relayInterval / 2)
	st.must(ben, &protocol.Relay{To: []protocol.RelayOne{to(cem, "b1")}})
	if count[*protocol.Relays](cem) != 0 {
		t.Fatal("delivered before its time")
	}
	st.advance(relayInterval / 2)
	st.wantRelayed(cem, "1:a1", "1:a3", "2:b1")
	st.wantRelayed(ben, "1:a2")
	if n := count[*protocol.Relays](cem); n != 1 {
		t.Fatalf("%d deliveries", n)
	}
	st.must(cem, &protocol.Relay{To: []protocol.RelayOne{to(ana, "c1")}})
	st.advance(relayInterval)
	st.wantRelayed(ana, "3:c1")
	if !st.s.mail.due.IsZero() || len(st.s.mail.to) != 0 {
		t.Fatal("something waits that has been delivered")
	}
}

// One client's message to a thousand, and those of twenty to each of them, are one delivery each.
func TestARelayToAThousandIsOneDeliveryEach(t *testing.T) {
	st := newStage(t, withE2EE, withOptions(func(o *Config) { o.MaxParticipants = 1001 }))
	people := make([]*someone, 1001)
	for i := range people {
		people[i] = st.join(fmt.Sprint(i))
	}
	everybody := &protocol.Relay{}
	for _, p := range people {
		everybody.To = append(everybody.To, to(p, "k"))
	}
	for _, p := range people[:20] {
		if err := st.s.request(st.now, p.id, p.guestSink, everybody, st.token); err != nil {
			t.Fatal(err)
		}
	}
	st.advance(relayInterval)
	for i, p := range people {
		want := 20
		if i < 20 {
			want--
		}
		if n := len(relayed(p)); n != want || count[*protocol.Relays](p) != 1 {
			t.Fatalf("%s got %d in %d deliveries", p.name, n, count[*protocol.Relays](p))
		}
	}
}

// Unknown and gone recipients and oneself are skipped, and the others get theirs.
func TestRelayToNobodyIsSkipped(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben, cem := st.join("ana"), st.join("ben"), st.join("cem")
	st.must(cem, &protocol.Leave{})
	st.must(ana, &protocol.Relay{To: []protocol.RelayOne{
		to(cem, "x"), {Participant: 0, Data: "x"}, {Participant: 1 << 31, Data: "x"}, to(ana, "x"), to(ben, "fine"),
	}})
	st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ana, "x")}})
	st.advance(time.Second)
	st.wantRelayed(ben, "1:fine")
	st.wantRelayed(ana)
}

// Who has left between the request and the delivery gets nothing, and nothing is kept.
func TestRelayDiesWithItsRecipient(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben := st.join("ana"), st.join("ben")
	st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, "x")}})
	st.must(ana, &protocol.Remove{Participants: []media.ParticipantID{ben.id}})
	st.advance(time.Second)
	st.wantRelayed(ben)
	st.wantGone(ben)
}

// The lobby reaches nobody, and nobody reaches it, nor learns whether anybody is there.
func TestNothingIsRelayedToOrFromTheLobby(t *testing.T) {
	st := newStage(t, withE2EE, withLobby)
	ana := st.join("ana")
	ben, eve := st.join("ben"), st.join("eve")
	st.must(ana, &protocol.Admit{Admissions: []protocol.Admission{{Participant: ben.id, Admit: "ok"}}})
	st.refused(eve, &protocol.Relay{To: []protocol.RelayOne{to(ana, "x"), to(ben, "x")}}, ErrNotJoined)
	st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, "from-ana"), to(eve, "from-ana")}})
	st.must(ben, &protocol.Relay{To: []protocol.RelayOne{to(ana, "from-ben"), to(eve, "from-ben")}})
	st.advance(time.Second)
	st.wantRelayed(ana, "2:from-ben")
	st.wantRelayed(ben, "1:from-ana")
	st.wantRelayed(eve)
	st.refused(eve, &protocol.Broadcast{Kind: "chat", Data: "x"}, ErrNotJoined)
	st.refused(eve, &protocol.Spotlight{Participant: eve.id}, ErrNotJoined)
}

// Meetings know their own seats only: a number that means somebody elsewhere means nobody here.
func TestRelayStaysInItsMeeting(t *testing.T) {
	here, there := newStage(t, withE2EE), newStage(t, withE2EE)
	ana := here.join("ana")
	there.join("ana")
	ben := there.join("ben")
	here.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, "x")}})
	here.advance(time.Second)
	there.advance(time.Second)
	there.wantRelayed(ben)
}

// A seat that waits to be resumed keeps what was relayed to it, within a bound, and gets it after its welcome.
func TestRelayWaitsForAResumedSeat(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben := st.join("ana"), st.join("ben")
	st.lose(ben)
	st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, "first")}})
	st.advance(time.Second)
	big := strings.Repeat("x", 2731)
	for range 200 { // half a megabyte
		st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, big)}})
		st.advance(relayInterval)
	}
	back := st.join("ben", func(j *joinRequest) { j.resume, j.announce = hashToken(ben.token), Blob{} })
	kept := relayed(back)
	if n := maxKept / (len(big) + keptOverhead); len(kept) != n && len(kept) != n+1 || kept[0] != "1:first" {
		t.Fatalf("%d were kept", len(kept))
	}
	for i, e := range back.events {
		if _, ok := e.(*protocol.Relays); ok && i == 0 {
			t.Fatal("relays before the welcome")
		}
	}
	st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(back, "and on")}})
	st.advance(time.Second)
	if have := relayed(back); have[len(have)-1] != "1:and on" {
		t.Fatal("nothing comes after the resume")
	}
}

// More than is kept for a seat with a socket is delivered at once rather than lost.
func TestRelayFloodIsDeliveredInPieces(t *testing.T) {
	st := newStage(t, withE2EE)
	ana, ben := st.join("ana"), st.join("ben")
	big := strings.Repeat("x", 2731)
	for range 300 {
		st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, big)}})
	}
	st.advance(relayInterval)
	if have := relayed(ben); len(have) != 300 {
		t.Fatalf("%d of 300 arrived", len(have))
	}
	if n := count[*protocol.Relays](ben); n > 5 {
		t.Fatalf("%d deliveries", n)
	}
}

// In a plain meeting there is no relay and no broadcast.
func TestPlainMeetingsRelayNothing(t *testing.T) {
	st := newStage(t)
	ana, ben := st.join("ana"), st.join("ben")
	st.refused(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, "x")}}, ErrNotPermitted)
	st.refused(ben, &protocol.Relay{To: []protocol.RelayOne{to(ana, "x")}}, ErrNotPermitted)
	st.refused(ana, &protocol.Broadcast{Kind: "chat", Data: "x"}, ErrNotPermitted)
}

// A relay is what a client does by itself: it does not count as somebody's being there.
func TestRelayIsNoActivity(t *testing.T) {
	st := newStage(t, withE2EE, withOptions(func(o *Config) { o.ParticipantIdle = time.Minute }))
	ana, ben := st.join("ana"), st.join("ben")
	for range 7 {
		st.advance(10 * time.Second)
		st.must(ana, &protocol.Relay{To: []protocol.RelayOne{to(ben, "x")}})
	}
	if count[*protocol.Idle](ana) != 1 {
		t.Fatal("not asked")
	}
}

// Fan-out costs what is named, not who is there, and one delivery a recipient whatever the number of senders.
func BenchmarkRelay(b *testing.B) {
	for _, size := range []int{100, 1000} {
		b.Run(fmt.Sprintf("recipients=%d", size), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.MaxParticipants = size + 1
			s := newState(meta{id: newID(), creator: who("x").person(), e2ee: true, expires: start.Add(time.Hour)}, &cfg,
				false, start)
			sink := &inbox{}
			r := &protocol.Relay{}
			for i := range size + 1 {
				id, err := s.join(start, joinRequest{identity: who(fmt.Sprint(i)), announce: NewBlob(fmt.Sprint("a", i)),
					sink: sink, token: fmt.Sprint(i)})
				if err != nil {
					b.Fatal(err)
				}
				r.To = append(r.To, protocol.RelayOne{Participant: id, Data: strings.Repeat("k", 140)})
				s.take()
			}
			now := start
			b.ReportAllocs()
			for b.Loop() {
				if err := s.request(now, 1, sink, r, nil); err != nil {
					b.Fatal(err)
				}
				now = now.Add(relayInterval)
				s.flush(now)
				if n := len(s.take()); n < size {
					b.Fatalf("%d deliveries", n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/recipient")
		})
	}
}
