package meeting

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// reader is a socket as far as a meeting pays for it: what goes to all is encoded once, a welcome for each.
type reader struct{ bytes atomic.Int64 }

func (r *reader) Deliver(d *Delivery) {
	if w, ok := d.Message.(*protocol.Welcome); ok {
		r.bytes.Add(int64(len(d.WelcomeFrame(w))))
		return
	}
	r.bytes.Add(int64(len(d.Frame())))
}

// crowd is a meeting of many through the registry, in which a second passes before each event.
type crowd struct {
	b      *testing.B
	r      *Registry
	id     ID
	now    atomic.Int64
	room   *fakeRoom
	seats  []*Seat
	sealed bool
}

func newCrowd(b *testing.B, n int, sealed bool) *crowd {
	c := &crowd{b: b, sealed: sealed}
	c.now.Store(start.Unix())
	r, fake := newRegistry(b, Config{
		MaxMeeting: 1e6 * time.Hour, MaxParticipants: n + 10, Now: func() time.Time { return time.Unix(c.now.Load(), 0) },
	})
	c.r = r
	c.id = create(b, r, Creation{Creator: who("p0"), E2EE: sealed})
	for i := range n {
		c.seats = append(c.seats, c.join(fmt.Sprint("p", i)))
	}
	c.settle()
	if sealed {
		c.found()
	}
	fake.mu.Lock()
	c.room = fake.rooms[0]
	fake.mu.Unlock()
	c.settle()
	return c
}

func (c *crowd) join(name string) *Seat {
	j := Join{Meeting: c.id, Identity: who(name), Sink: &reader{}}
	if c.sealed { // of the length that announces and admissions have
		j.Announce = NewBlob(announceOf(name).Reveal() + strings.Repeat("A", 200))
		j.Admit = NewBlob(strings.Repeat("A", 240))
	} else {
		j.Name = NewDisplayName(name)
	}
	seat, err := c.r.Join(c.b.Context(), j)
	if err != nil {
		c.b.Fatal(err)
	}
	return seat
}

// found founds the group, and all become members of it.
func (c *crowd) found() {
	group := []byte("group-of-16-byte")
	c.do(0, &protocol.FoundGroup{GroupID: base64.RawURLEncoding.EncodeToString(group)})
	commit := func(epoch int, added ...protocol.Joiner) {
		raw := append([]byte{0, 1, 0, 1, byte(len(group))}, group...) // a PublicMessage, RFC 9420 §6.2
		raw = append(binary.BigEndian.AppendUint64(raw, uint64(epoch)), 1, 0, 0, 0, 0, 0, 3, byte(epoch), 1)
		m := &protocol.Commit{Data: base64.RawURLEncoding.EncodeToString(raw), Added: added}
		if len(added) > 0 {
			m.GroupInfo = "aW5mbw"
		}
		c.do(0, m)
	}
	commit(0)
	var added []protocol.Joiner
	epoch := 1
	for i, seat := range c.seats[1:] {
		c.do(1+i, &protocol.KeyPackage{Data: "cGFja2FnZQ"})
		added = append(added, protocol.Joiner{Participant: seat.Participant(), Leaf: 1 + i, Secrets: "c2VjcmV0cw"})
		if len(added) == protocol.MaxAdded || 2+i == len(c.seats) {
			commit(epoch, added...)
			epoch, added = epoch+1, nil
		}
	}
	commit(epoch)
}

// settle waits until all that was posted is done, and lets a second pass.
func (c *crowd) settle() {
	if _, err := c.r.Info(c.b.Context(), c.id, who("p0")); err != nil {
		c.b.Fatal(err)
	}
	c.now.Add(1)
}

func (c *crowd) do(i int, m protocol.ClientMessage) {
	if err := c.seats[i].Do(c.b.Context(), m); err != nil {
		c.b.Fatal(err)
	}
	c.settle()
}

// BenchmarkEvent is what one event of a meeting of 1,000 costs, from the request until its messages are with all
// sockets, encoded. What sockets do with them is not in it.
func BenchmarkEvent(b *testing.B) {
	const people = 1000
	for _, sealed := range []bool{false, true} {
		kind := map[bool]string{false: "plain", true: "encrypted"}[sealed]
		run := func(name string, event func(c *crowd, i int)) {
			b.Run(kind+"/"+name, func(b *testing.B) {
				c := newCrowd(b, people, sealed)
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					event(c, i)
				}
				b.StopTimer()
				if err := c.r.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			})
		}
		run("join", func(c *crowd, i int) {
			seat := c.join(fmt.Sprint("new", i%5))
			c.settle()
			c.b.StopTimer()
			seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
			c.settle()
			c.b.StartTimer()
		})
		run("leave", func(c *crowd, i int) {
			c.b.StopTimer()
			seat := c.join(fmt.Sprint("new", i%5))
			c.settle()
			c.b.StartTimer()
			seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
			c.settle()
		})
		run("hand", func(c *crowd, i int) { c.do(500, &protocol.Hand{Raised: i%2 == 0}) })
		run("switch", func(c *crowd, i int) { c.do(500, &protocol.Media{Sources: []media.Source{media.Mic}[:i%2]}) })
		run("speaker", func(c *crowd, i int) {
			c.room.tell(media.Event{Kind: media.EventSpeakers, Speakers: []media.ParticipantID{media.ParticipantID(1 + i%2)}})
			c.settle()
		})
	}
}
