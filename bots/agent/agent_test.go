package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"conclave/bots"
	"conclave/bots/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const target = "http://127.0.0.1:9/"

// listening starts the part of a conductor that lets agents in.
func listening(t *testing.T, secret Secret, agents int) (c *conductor, address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c = &conductor{
		cfg:    &Conducting{Secret: secret, Agents: agents, Listener: l, Say: func(string) {}},
		run:    &bots.Prepared{Config: &bots.Config{URL: target}},
		events: make(chan event), arrived: make(chan *link), over: make(chan struct{}), waiting: map[string]int{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	if err := c.accept(ctx); err != nil {
		t.Fatal(err)
	}
	return c, l.Addr().String()
}

func serve(t *testing.T, cfg Config) <-chan error {
	t.Helper()
	out := make(chan error, 1)
	go func() { out <- Serve(t.Context(), cfg) }()
	return out
}

func TestOnlyTheSecretOfThisRunLetsAnAgentIn(t *testing.T) {
	secret := NewSecret()
	c, address := listening(t, secret, 1)
	defer close(c.over)
	if err := Serve(t.Context(), Config{Connect: address, Secret: NewSecret(), Target: target}); err == nil {
		t.Error("an agent with another secret went on")
	}
	select {
	case <-c.arrived:
		t.Error("an agent with another secret was let in")
	default:
	}
	// The right secret, but the key of the wrong side: a conductor cannot be used as an agent.
	secure, err := secret.config(conductorSide, conductorSide)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := new(tls.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("a certificate authority would do")
	}
	dialer := tls.Dialer{Config: secure}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := (&link{conn: conn}).read(); err == nil { // in TLS 1.3 the client's key is judged after its handshake
		t.Errorf("the conductor's key is not told from the agent's: %+v", m)
	}
	_ = conn.Close()
}

func TestSecretsAreReadAsTheyWereWritten(t *testing.T) {
	s := NewSecret()
	if back, err := ParseSecret(s.String() + "\n"); err != nil || back != s || s == NewSecret() {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "ab", strings.Repeat("x", 64), strings.Repeat("ab", 33)} {
		if _, err := ParseSecret(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestAnAgentGoesNowhereElse(t *testing.T) {
	secret := NewSecret()
	c, address := listening(t, secret, 1)
	defer close(c.over)
	out := serve(t, Config{Connect: address, Secret: secret, Target: "http://127.0.0.1:10"})
	l := <-c.arrived
	if m, err := l.read(); err != nil || m.Bye == nil || m.Bye.Reason != ErrTarget.Error() {
		t.Errorf("%+v %v", m, err)
	}
	if err := <-out; !errors.Is(err, ErrTarget) {
		t.Errorf("%v", err)
	}
	_ = l.conn.Close()
}

// The conductor goes while the agent waits for its job, and while its bots run: the agent ends.
func TestAnAgentStopsWhenTheConductorGoes(t *testing.T) {
	for _, running := range []bool{false, true} {
		secret := NewSecret()
		c, address := listening(t, secret, 1)
		out := serve(t, Config{Connect: address, Secret: secret, Target: target})
		l := <-c.arrived
		if running {
			if err := l.send(&message{Job: someJob()}); err != nil {
				t.Fatal(err)
			}
			if m, err := l.read(); err != nil || m.At == nil && m.Done == nil {
				t.Fatalf("%+v %v", m, err)
			}
		}
		_ = l.conn.Close()
		if err := <-out; err == nil {
			t.Error("an agent whose conductor is gone ended well")
		}
		close(c.over)
	}
}

func TestTheConductorNoticesWhatAgentsDo(t *testing.T) {
	for name, test := range map[string]struct {
		m    *message
		says string
	}{
		"it leaves":           {&message{Bye: &bye{Reason: "no"}}, "agent 1 left"},
		"it cannot begin":     {&message{Done: &done{Error: "no such server"}}, "agent 1: no such server"},
		"it gives orders":     {&message{Go: &gate{Point: bots.GateOpen}}, errMessage.Error()},
		"it is at no gate":    {&message{At: &gate{Point: "nowhere"}}, errMessage.Error()},
		"it says hello again": {&message{Hello: &hello{Version: 1}}, errMessage.Error()},
	} {
		c, mine := pair(t)
		var sending sync.WaitGroup
		sending.Go(func() { _ = mine.send(test.m) })
		if err := c.lead(t.Context()); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		sending.Wait()
		_ = mine.conn.Close()
		c.dismiss(nil)
	}
	c, mine := pair(t)
	_ = mine.conn.Close()
	if err := c.lead(t.Context()); err == nil || !strings.Contains(err.Error(), "agent 1 is gone") {
		t.Errorf("%v", err)
	}
	c.dismiss(nil)
}

func TestAReportIsBounded(t *testing.T) {
	c, mine := pair(t)
	defer c.dismiss(nil)
	defer func() { _ = mine.conn.Close() }()
	p := c.peers[0]
	p.bots = make([]report.Bot, maxRecords)
	if err := c.take(event{from: p, m: &message{Bots: &[]report.Bot{{}}}}); err == nil {
		t.Error("one bot too many was taken")
	}
}

// pair is a conductor with one agent, of which the test plays the part.
func pair(t *testing.T) (c *conductor, mine *link) {
	t.Helper()
	there, here := net.Pipe()
	c = &conductor{
		cfg: &Conducting{Agents: 1, Say: func(string) {}}, run: &bots.Prepared{Config: &bots.Config{}},
		events: make(chan event), over: make(chan struct{}), waiting: map[string]int{},
	}
	p := &peer{link: &link{conn: there}}
	c.peers = []*peer{p}
	go c.listen(p)
	mine = &link{conn: here}
	return c, mine
}

func TestTheClockIsThatOfTheAgent(t *testing.T) {
	c, mine := pair(t)
	const ahead = time.Hour
	var answering sync.WaitGroup
	answering.Go(func() {
		for {
			m, err := mine.read()
			if err != nil || m.Ping == nil {
				return
			}
			_ = mine.send(&message{Pong: &pong{TimeNS: time.Now().Add(ahead).UnixNano()}})
		}
	})
	clock, err := c.ask(t.Context(), c.peers[0])
	if err != nil || (clock.Offset-ahead).Abs() > clock.Error || clock.Error > time.Second {
		t.Errorf("%v: %+v", err, clock)
	}
	close(c.over)
	_ = c.peers[0].link.conn.Close()
	_ = mine.conn.Close()
	answering.Wait()
}

func TestAgentsHearWhatTheOthersPublish(t *testing.T) {
	c := &conductor{run: &bots.Prepared{Meetings: make([]bots.MeetingKey, 2)}}
	for i := range 3 {
		list := []bots.Published{{Audio: 1 << i}, {Video: 1 << i}, {Audio: 99}}
		c.peers = append(c.peers, &peer{tick: &tick{Published: list}})
	}
	c.peers[1].tick = nil
	if got := c.others(c.peers[0]); len(got) != 2 || got[0] != (bots.Published{Audio: 4}) ||
		got[1] != (bots.Published{Video: 4}) {
		t.Errorf("%+v", got)
	}
}
