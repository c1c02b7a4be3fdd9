package attack

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// encryptedMeeting makes a meeting whose participants may broadcast.
func (s *server) encryptedMeeting() string { return s.create(`{"lobby": false, "e2ee": true}`) }

// announced are the fields of a join of an encrypted meeting, with an announce of its own.
func announced(meeting string) message {
	return message{"meeting": meeting, "announce": rand.Text() + rand.Text()}
}

// bot is the header of a bot of the server's token.
func (s *server) bot() http.Header { return http.Header{"Authorization": {"Bearer " + s.token}} }

// says sends broadcasts of 15 KiB, ten a second from each of the clients, for a time. What is refused is repeated.
func says(clients []*client, lasting time.Duration) {
	data := strings.Repeat("A", 15<<10)
	for end := time.Now().Add(lasting); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, c := range clients {
			c.send(message{"type": "broadcast", "kind": "reaction", "data": data})
		}
	}
}

// told is how many bytes of broadcasts a client has read.
func (c *client) told() (bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.events {
		if m["type"] == "broadcast" {
			bytes += len(m.text("data"))
		}
	}
	return bytes
}

// stays fails the test unless the client is still in the meeting and is answered.
func (c *client) stays(who string) {
	c.t.Helper()
	if bye, gone := c.event(func(m message) bool { return m["type"] == "bye" }); gone {
		c.t.Fatalf("%s was sent away: %v", who, bye)
	}
	c.request(message{"type": "active"}, "ok")
}

// refused says whether the client was told rate_limited.
func (c *client) refused() bool {
	_, refused := c.event(func(m message) bool { return m["error"] == "rate_limited" })
	return refused
}

// TestOneSessionsSeatsFloodNoMeeting: one person takes as many seats as they get, up to 32, and broadcasts on all of
// them. The others are told little, and none is thrown out for reading slowly.
func TestOneSessionsSeatsFloodNoMeeting(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.encryptedMeeting()
	bob, slow := s.socket(t, http.DefaultClient, s.bot()), s.socket(t, lean(), s.bot())
	bob.enter(announced(meeting))
	slow.enter(announced(meeting))
	slow.pause.Store(int64(20 * time.Millisecond))
	mallory, origin := s.signIn(t, "mallory@example.org"), http.Header{"Origin": {s.url}}
	var seats []*client
	for range 32 {
		c := s.socket(t, mallory, origin)
		join := announced(meeting)
		join["type"], join["version"], join["name"] = "join", 1, ""
		c.send(join)
		eventually(t, "an answer to a join", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.events) > 0
		})
		if !c.refused() {
			seats = append(seats, c)
		}
	}
	if len(seats) == 0 || len(seats) > 8 {
		t.Errorf("one person has %d seats", len(seats))
	}
	before, began := bob.told(), time.Now()
	says(seats, 4*time.Second)
	told, within := bob.told()-before, time.Since(began)
	t.Logf("%d seats: the others were told %d KiB in %v", len(seats), told>>10, within.Round(time.Millisecond))
	if most := 96<<10 + 4<<10*int(within.Seconds()); told > most || told == 0 {
		t.Errorf("one person of %d seats had a participant told %d KiB", len(seats), told>>10)
	}
	if !seats[0].refused() {
		t.Error("the flooder is not told why")
	}
	bob.stays("a participant")
	slow.stays("a participant who reads slowly")
}

// lean is a browser whose kernel takes in little that is not read.
func lean() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, address)
			if err != nil {
				return nil, fmt.Errorf("dialing: %w", err)
			}
			return conn, conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		}}}
}

// waiting is how many bytes the kernel keeps for the server's TCP connections, in both directions.
func (s *server) waiting() (bytes int64) {
	s.t.Helper()
	port := s.url[strings.LastIndex(s.url, ":")+1:]
	out, err := exec.Command("ss", "-Htmn", "sport", "=", ":"+port).CombinedOutput()
	if err != nil {
		s.t.Fatalf("ss: %v\n%s", err, out)
	}
	for _, m := range regexp.MustCompile(`skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f\d+,w(\d+)`).FindAllSubmatch(out, -1) {
		for _, digits := range m[1:] {
			n, err := strconv.ParseInt(string(digits), 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			bytes += n
		}
	}
	return bytes
}

// TestThirtySeatsThatNeverReadCostLittle: neither the process nor the kernel keeps much for them, and those who read
// go on.
func TestThirtySeatsThatNeverReadCostLittle(t *testing.T) {
	t.Parallel()
	s := startTidyServer(t)
	meeting := s.encryptedMeeting()
	bob := s.socket(t, http.DefaultClient, s.bot())
	bob.enter(announced(meeting))
	var silent []*client
	for range 30 {
		c := s.socket(t, lean(), s.bot())
		c.enter(announced(meeting))
		c.pause.Store(int64(time.Hour))
		silent = append(silent, c)
	}
	before := s.memory()
	most, grown, done := int64(0), int64(0), make(chan struct{})
	go func() {
		defer close(done)
		says(silent[:12], 4*time.Second)
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(200 * time.Millisecond):
		}
		most, grown = max(most, s.waiting()), max(grown, s.memory()-before)
	}
	t.Logf("the kernel kept %d KiB, the process %d KiB more", most>>10, grown>>10)
	if most == 0 || most > 12<<20 {
		t.Errorf("the kernel keeps %d MiB for 30 seats that never read", most>>20)
	}
	if grown > 6<<20 {
		t.Errorf("the process keeps %d MiB for 30 seats that never read", grown>>20)
	}
	bob.stays("a participant")
}

// TestThreeHundredJoinBehindOneAddress: 240 seats of 30 people and 60 bots get in, with the limits as they are.
func TestThreeHundredJoinBehindOneAddress(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	for range 60 {
		s.seat(t, meeting)
	}
	for i := range 30 {
		browser := s.signIn(t, fmt.Sprintf("person%d@example.org", i))
		for range 8 {
			s.socket(t, browser, http.Header{"Origin": {s.url}}).enter(message{"meeting": meeting})
		}
	}
}
