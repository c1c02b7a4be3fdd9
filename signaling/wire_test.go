package signaling

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"conclave/meeting"
	"conclave/protocol"
)

// rawSocket is a WebSocket made by hand: it sends frames that no well-behaved client would (RFC 6455 §5.2).
type rawSocket struct {
	t    testing.TB
	name string
	conn net.Conn
	r    *bufio.Reader
	head string
}

func (a *account) rawDial(extra ...string) *rawSocket {
	a.s.t.Helper()
	address := strings.TrimPrefix(a.s.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		a.s.t.Fatal(err)
	}
	a.s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = conn.SetDeadline(time.Now().Add(2 * patience))
	var key [16]byte
	_, _ = rand.Read(key[:])
	req, err := http.NewRequest("GET", a.s.url+"/ws", nil)
	if err != nil {
		a.s.t.Fatal(err)
	}
	var cookies []string
	for _, c := range a.client.Jar.Cookies(req.URL) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	_, err = fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: conclave.v1\r\nCookie: %s\r\n%s\r\n",
		address, base64.StdEncoding.EncodeToString(key[:]), strings.Join(cookies, "; "), strings.Join(extra, ""))
	if err != nil {
		a.s.t.Fatal(err)
	}
	s := &rawSocket{t: a.s.t, name: a.name, conn: conn, r: bufio.NewReader(conn)}
	res, err := http.ReadResponse(s.r, req)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		a.s.t.Fatalf("%v %v", res, err)
	}
	s.head = res.Header.Get("Sec-WebSocket-Extensions")
	return s
}

const (
	opContinuation = 0x0
	opText         = 0x1
	opPing         = 0x9
	fin            = 0x80
	rsv1           = 0x40
)

// maskedFrame is a frame of a client (RFC 6455 §5.2), with a mask of zeroes.
func maskedFrame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// frame sends a masked frame.
func (s *rawSocket) frame(first byte, payload []byte) error {
	_, err := s.conn.Write(maskedFrame(first, string(payload)))
	return err
}

func (s *rawSocket) must(first byte, payload string) {
	s.t.Helper()
	if err := s.frame(first, []byte(payload)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *rawSocket) join(id protocol.MeetingID) {
	s.t.Helper()
	s.must(fin|opText, fmt.Sprintf(`{"type":"join","id":1,"version":1,"meeting":%q,"name":%q}`, id, s.name))
}

// text reads until a text frame with the given content has come; an error at the end of the connection.
func (s *rawSocket) text(content string) error {
	for {
		var head [2]byte
		if _, err := io.ReadFull(s.r, head[:]); err != nil {
			return err
		}
		n := uint64(head[1] & 0x7f)
		switch n {
		case 126:
			var l [2]byte
			_, _ = io.ReadFull(s.r, l[:])
			n = uint64(binary.BigEndian.Uint16(l[:]))
		case 127:
			var l [8]byte
			_, _ = io.ReadFull(s.r, l[:])
			n = binary.BigEndian.Uint64(l[:])
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(s.r, payload); err != nil {
			return err
		}
		if head[0] == fin|opText && bytes.Contains(payload, []byte(content)) {
			return nil
		}
	}
}

func (p *peer) tryRaw(data string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.conn.Write(ctx, websocket.MessageText, []byte(data))
}

func TestFramesOfOneByteAreOneMessage(t *testing.T) {
	s := newServer(t)
	id, check := calm(t, s)
	eve := s.signIn("eve").rawDial()
	message := fmt.Sprintf(`{"type":"join","id":1,"version":1,"meeting":%q,"name":"eve"}`, id)
	for i := range message {
		first := byte(opContinuation)
		if i == 0 {
			first = opText
		}
		if i == len(message)-1 {
			first |= fin
		}
		eve.must(first, message[i:i+1])
	}
	if err := eve.text(`"welcome"`); err != nil {
		t.Fatal(err)
	}
	check()
}

func TestAMessageThatNeverEndsIsCut(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.MessageTimeout = 300 * time.Millisecond })
	_, check := calm(t, s)
	for name, keep := range map[string]string{"silent": "", "dripping": " ", "of empty fragments": "\x00"} {
		t.Run(name, func(t *testing.T) {
			eve := s.signIn("eve").rawDial()
			eve.must(opText, `{"type":`)
			begun := time.Now()
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				for time.Since(begun) < 10*time.Second {
					payload := []byte(keep)
					if keep == "\x00" {
						payload = nil
					}
					if keep != "" && eve.frame(opContinuation, payload) != nil {
						return
					}
					if keep == "" || time.Since(begun) > 5*time.Second {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}()
			if err := eve.text("nothing"); err == nil {
				t.Fatal("answered")
			}
			if d := time.Since(begun); d > 5*time.Second {
				t.Fatalf("it took %v", d)
			}
			<-stop
		})
	}
	check()
}

func TestCompressionIsOff(t *testing.T) {
	s := newServer(t)
	_, check := calm(t, s)
	eve := s.signIn("eve").rawDial("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
	if eve.head != "" {
		t.Fatalf("agreed to %q", eve.head)
	}
	// A compressed frame all the same: the connection fails (RFC 6455 §5.2, RSV1).
	eve.must(fin|opText|rsv1, strings.Repeat("\x00", 100))
	if err := eve.text("nothing"); err == nil {
		t.Fatal("answered")
	}
	check()
}

func TestPingFloodIsCut(t *testing.T) {
	s := newServer(t)
	id, check := calm(t, s)
	eve := s.signIn("eve").rawDial()
	eve.join(id)
	if err := eve.text(`"welcome"`); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range 100_000 {
			if eve.frame(fin|opPing, []byte("ping")) != nil {
				return
			}
		}
	}()
	if err := eve.text(`"rate_limited"`); err != nil {
		t.Fatalf("cut without a bye: %v", err)
	}
	check()
}

func TestAnUnmaskedFrameIsAnError(t *testing.T) {
	s := newServer(t)
	_, check := calm(t, s)
	eve := s.signIn("eve").rawDial()
	_, _ = eve.conn.Write([]byte{fin | opText, 2, '{', '}'})
	if err := eve.text("nothing"); err == nil {
		t.Fatal("answered")
	}
	check()
}

func TestSilenceAfterTheUpgradeIsCut(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.JoinTimeout = 100 * time.Millisecond })
	ana := s.signIn("ana")
	p := ana.dial()
	p.bye(protocol.ByeProtocolError)
	// One mistake before does not stop the clock; a seat does.
	id := ana.create(`{}`)
	host := ana.join(id)
	time.Sleep(300 * time.Millisecond)
	host.ok(&protocol.Active{ID: host.id()})
}

func TestWhoDoesNotJoinInTimeIsToldSo(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.JoinTimeout = 100 * time.Millisecond })
	b := next[*protocol.Bye](s.signIn("ana").dial())
	if b.Reason != protocol.ByeProtocolError || b.Message != "You did not join in time." {
		t.Errorf("%+v", b)
	}
}

// A leave has an id like any request, but no reply with that id: the bye answers it.
func TestALeaveIsAnsweredByTheByeOnly(t *testing.T) {
	s := newServer(t)
	ana := s.signIn("ana")
	host := ana.join(ana.create(`{}`))
	waits := s.signIn("ben").wait(host.welcome.Meeting.Meeting)
	for _, p := range []*peer{host, waits} {
		p.send(&protocol.Leave{ID: p.id()})
		frame := match(p, func(m protocol.ServerMessage) bool {
			switch m.(type) {
			case *protocol.OK, *protocol.Error, *protocol.Bye:
				return true
			}
			return false
		})
		if b, ok := frame.(*protocol.Bye); !ok || b.Reason != protocol.ByeLeft {
			t.Errorf("answered by %+v", frame)
		}
	}
}

func TestADeadConnectionIsNoticed(t *testing.T) {
	s := newServer(t, func(c *Config, m *meeting.Config) {
		c.PingEvery, m.ResumeGrace = 200*time.Millisecond, 200*time.Millisecond
	})
	ana := s.signIn("ana")
	id := ana.create(`{"lobby": false}`)
	host := ana.join(id)
	dead := s.signIn("dead").rawDial() // it never answers a ping, being made by hand
	dead.join(id)
	host.sees(2, func(e protocol.RosterEntry) bool { return e.Connected })
	host.sees(2, func(e protocol.RosterEntry) bool { return !e.Connected })
	match(host, func(m *protocol.Roster) bool { return len(m.Left) == 1 && m.Left[0].Reason == protocol.LeftLost })
	host.ok(&protocol.Active{ID: host.id()}) // who answers stays
}

func TestManyIdleSocketsCostLittle(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) { c.SocketsPerClient, c.SocketsPerSession = 1000, 1000 })
	_, check := calm(t, s)
	bot := s.bot()
	for range 200 {
		bot.dial()
	}
	check()
}
