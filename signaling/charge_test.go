package signaling

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conclave/protocol"
)

// padded is a message with white space up to n bytes.
func padded(message string, n int) string {
	return message[:len(message)-1] + strings.Repeat(" ", n-len(message)) + "}"
}

// What a message may have is known from its first bytes: one that is too large is refused before the rest of it comes.
func TestASizeIsCappedBeforeTheMessageIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		begins string
		joins  bool
		says   string
	}{
		"a chat":                          {`{"type":"chat","id":1,"text":"`, true, "16 KiB"},
		"an unknown type":                 {`{"type":"jump","id":1,"text":"`, true, "16 KiB"},
		"a type that does not come first": {`{"id":1,"sdp":"`, true, "16 KiB"},
		"a broadcast":                     {`{"type":"broadcast","id":1,"data":"`, true, "24 KiB"},
		"an offer before the welcome":     {`{"type":"offer","id":1,"sdp":"`, false, "24 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			id, check := calm(t, s)
			eve := s.signIn("eve").rawDial()
			if c.joins {
				eve.must(fin|opText, fmt.Sprintf(`{"type":"join","id":1,"version":1,"meeting":%q,"name":"eve"}`, id))
				if err := eve.text(`"welcome"`); err != nil {
					t.Fatal(err)
				}
			}
			eve.must(opText, c.begins+strings.Repeat("x", 25<<10)) // and no end
			if err := eve.text("larger than " + c.says); err != nil {
				t.Fatal(err)
			}
			check()
		})
	}
}

// The bytes of a message are charged whatever is in it: over the limit it is not even decoded.
func TestBytesAreChargedBeforeAMessageIsDecoded(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		id, check := calm(t, s)
		eve := s.signIn("eve").join(id)
		for range 63 {
			eve.raw(padded(`{"type":"active","id":7}`, 16<<10))
		}
		eve.raw(padded(`{"type":"active","id":8}`, 16<<10))
		eve.raw(padded(`not JSON`, 16<<10))
		eve.reply(0, protocol.ErrRateLimited)
		check()
	})
}

// Before a welcome a person has 64 KiB at once, however many sockets they open, and then 16 KiB a second.
func TestThoseWhoHaveNotJoinedHaveLittleToSay(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		_, check := calm(t, s)
		eve, fay := s.signIn("eve"), s.signIn("fay")
		message := padded(`{"type":"active","id":9}`, 16<<10)
		for range 4 {
			p := eve.dial()
			p.raw(message)
			p.reply(9, protocol.ErrNotJoined)
		}
		p := eve.dial()
		p.raw(message)
		p.reply(9, protocol.ErrRateLimited)
		stay(time.Second)
		p.raw(message)
		p.reply(9, protocol.ErrNotJoined)
		for range 30 {
			if p.tryRaw(message) != nil {
				break
			}
		}
		p.bye(protocol.ByeRateLimited)
		other := fay.dial()
		other.raw(message)
		other.reply(9, protocol.ErrNotJoined)
		check()
	})
}

// After a bye no more than a megabyte is read, whatever the client writes.
func TestReadingEndsWithTheBye(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		_, check := calm(t, s)
		conn := s.idleSocket(botToken)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		frame := maskedFrame(fin|opText, `{`)
		if _, err := conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		frame = maskedFrame(fin|opText, strings.Repeat("x", 4<<10))
		written := 0
		for written < 32<<20 {
			n, err := conn.Write(frame)
			written += n
			if err != nil {
				break
			}
		}
		if written > 2<<20 {
			t.Errorf("%d bytes were read after the bye", written)
		}
		_ = conn.Close()
		check()
	})
}

// Frames that are no messages are counted like all others.
func TestAFloodOfPongsIsCut(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		_, check := calm(t, s)
		conn := s.idleSocket(botToken)
		heard := make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(conn)
			heard <- string(all)
		}()
		pongs := []byte(strings.Repeat(string(maskedFrame(fin|0xA, "x")), 1000))
		written := 0
		for written < 64<<20 {
			n, err := conn.Write(pongs)
			written += n
			if err != nil {
				break
			}
		}
		if written > 10<<20 {
			t.Errorf("%d bytes of pongs were read", written)
		}
		_ = conn.Close()
		if !strings.Contains(<-heard, `"rate_limited"`) {
			t.Error("no bye")
		}
		check()
	})
}

// Large messages wait for a share of the processor; small ones, and those who send them, do not.
func TestLargeMessagesWaitForTheirShare(t *testing.T) {
	inVirtualTime(t, nil, func(t *testing.T, s *server) {
		id, check := calm(t, s)
		eve := s.signIn("eve").join(id)
		for range cap(s.handler.decoding.slots) {
			s.handler.decoding.slots <- struct{}{}
		}
		eve.raw(padded(`{"type":"active","id":9}`, 8<<10))
		stay(time.Second)
		for len(eve.messages) > 0 {
			if m, ok := (<-eve.messages).(*protocol.OK); ok {
				t.Fatalf("a large message was decoded without a slot: %+v", m)
			}
		}
		check()
		for range cap(s.handler.decoding.slots) {
			<-s.handler.decoding.slots
		}
		eve.reply(9, "")
	})
}

// One person has one slot at most, and what they hold up is their own.
func TestAPersonHasOneShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShare()
		s.slots = make(chan struct{}, 2)
		eve, ana := &person{}, &person{}
		take := func(p *person) (done func()) {
			t.Helper()
			done, err := s.take(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			return done
		}
		first, second := take(eve), false
		go func() {
			take(eve)()
			second = true
		}()
		take(ana)()
		synctest.Wait()
		if second {
			t.Fatal("one person has two slots")
		}
		first()
		synctest.Wait()
		if !second {
			t.Fatal("the slot was not given on")
		}
	})
}
