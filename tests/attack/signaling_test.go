package attack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sys/unix"
)

// cpu is the processor time that the server has used, in steps of 10 ms.
func (s *server) cpu() time.Duration {
	s.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')'):]))
	ticks := 0
	for _, field := range fields[12:14] { // utime and stime, proc_pid_stat(5)
		n, err := strconv.Atoi(field)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// TestLargeJSONOfOneWhoHasNotJoinedCostsLittle: 484 KB of keys, again and again, on a new WebSocket each time.
func TestLargeJSONOfOneWhoHasNotJoinedCostsLittle(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	var text bytes.Buffer
	text.WriteString(`{"type":"relay","id":1`)
	for i := 0; text.Len() < 484_000; i++ {
		fmt.Fprintf(&text, `,"k%d":0`, i)
	}
	text.WriteString("}")
	mallory, origin := s.signIn(t, "mallory@example.org"), http.Header{"Origin": {s.url}}
	const times = 40
	before := s.cpu()
	for range times {
		c := s.socket(t, mallory, origin)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_ = c.ws.Write(ctx, websocket.MessageText, text.Bytes()) // the server may have hung up before its end
		cancel()
		eventually(t, "the message is refused", func() bool {
			_, refused := c.event(func(m message) bool { return m["type"] == "bye" || m["type"] == "error" })
			return refused
		})
		c.close()
	}
	each := (s.cpu() - before) / times
	reading := timeToRead(t, text.Bytes())
	t.Logf("%v of processor time for each message, %.2f of what reading it takes", each, float64(each)/float64(reading))
	if 2*each > reading {
		t.Errorf("a message of %d KB costs %v of processor time; reading it takes %v", text.Len()/1000, each, reading)
	}
}

// timeToRead is the processor time that decoding the JSON takes here and now: machines differ by a factor, and so does
// one machine.
func timeToRead(t *testing.T, text []byte) time.Duration {
	t.Helper()
	const times = 20
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Timespec
	read := func() {
		var all map[string]any
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
	}
	read()
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before) // cannot fail: the clock exists
	for range times {
		read()
	}
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after)
	return time.Duration(after.Nano()-before.Nano()) / times
}

// upgraded is a bare connection on which the server speaks WebSocket.
func (s *server) upgraded(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience)) // of an open connection: cannot fail
	_, err = fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"+
		"Sec-WebSocket-Protocol: conclave.v1\r\nAuthorization: Bearer %s\r\n\r\n", conn.RemoteAddr(), s.token)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrading: %v, %v", resp, err)
	}
	return conn
}

// frame is a text frame of a client, masked with zeros (RFC 6455 §5.2).
func frame(payload string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(payload)))
	return append(append(b, 0, 0, 0, 0), payload...)
}

// TestWritingOnAfterTheByeIsNotRead: the server stops reading from a client that it has sent away.
func TestWritingOnAfterTheByeIsNotRead(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	conn := s.upgraded(t)
	if _, err := conn.Write(frame(strings.Repeat("x", 200))); err != nil { // no JSON: bye
		t.Fatal(err)
	}
	answer := make([]byte, 4<<10)
	if n, err := conn.Read(answer); err != nil || !bytes.Contains(answer[:n], []byte("bad_json")) {
		t.Fatalf("%q, %v", answer[:n], err)
	}
	text, written := frame(strings.Repeat("x", 16<<10)), 0
	for written < 64<<20 {
		n, err := conn.Write(text)
		written += n
		if err != nil {
			break
		}
	}
	t.Logf("%d KiB were taken after the bye", written>>10)
	if written > 8<<20 { // 1 MiB, and what the kernels keep
		t.Errorf("%d MiB were taken after the bye", written>>20)
	}
}

// TestAPageOfAnotherSchemeOpensNoSocket: a page of our name over the other scheme is another's.
func TestAPageOfAnotherSchemeOpensNoSocket(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	person := s.signIn(t, "alice@example.org")
	url := "ws" + strings.TrimPrefix(s.url, "http") + "/ws"
	foreign := "https" + strings.TrimPrefix(s.url, "http")
	ws, resp, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: person,
		HTTPHeader: http.Header{"Origin": {foreign}}, Subprotocols: []string{"conclave.v1"}})
	if err == nil {
		_ = ws.CloseNow()
		t.Fatal("a page of another scheme opened a WebSocket")
	}
	if resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v", resp, err)
	}
	s.socket(t, person, http.Header{"Origin": {s.url}})
}

// TestWrongMeetingIDsKeepNoOneOut: after 60 ids that do not exist, asked for over HTTP and over WebSockets, those who
// know a meeting still join it from the same address.
func TestWrongMeetingIDsKeepNoOneOut(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting := s.createMeeting()
	refused := false
	for i := range 30 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			fmt.Sprintf("%s/api/meetings/0000-0000-0000-%04d", s.url, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = s.bot()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	mallory := s.socket(t, http.DefaultClient, s.bot())
	for i := range 30 {
		answer := mallory.request(message{"type": "join", "version": 1, "name": "Ana",
			"meeting": fmt.Sprintf("0000-0000-0001-%04d", i)}, "error")
		refused = refused || answer["error"] == "rate_limited"
	}
	if !refused {
		t.Error("guessing is not limited")
	}
	s.seat(t, meeting)
	s.socket(t, s.signIn(t, "alice@example.org"), http.Header{"Origin": {s.url}}).enter(message{"meeting": meeting})
}

// TestGuessesOfOnePersonCountOverAllAddresses: one session guesses a password from five addresses. Ten guesses are
// looked at, and a neighbour at the first of these addresses joins with the right password.
func TestGuessesOfOnePersonCountOverAllAddresses(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	meeting, origin := s.create(`{"lobby": false, "e2ee": false, "password": "right one"}`), http.Header{"Origin": {s.url}}
	at := func(i int) *http.Transport {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i))}}
		return &http.Transport{DialContext: from.DialContext}
	}
	mallory, looked := s.signIn(t, "mallory@example.org"), 0
	for i := range 5 {
		mallory.Transport = at(i)
		c := s.socket(t, mallory, origin)
		for j := range 10 {
			answer := c.request(message{"type": "join", "version": 1, "name": "Ana", "meeting": meeting,
				"password": fmt.Sprintf("wrong %d %d", i, j)}, "error")
			if answer["error"] == "wrong_password" {
				looked++
			}
		}
	}
	t.Logf("%d of 50 guesses were looked at", looked)
	if looked != 10 {
		t.Errorf("%d of 50 guesses were looked at, want 10", looked)
	}
	neighbour := s.signIn(t, "bob@example.org")
	neighbour.Transport = at(0)
	s.socket(t, neighbour, origin).enter(message{"meeting": meeting, "password": "right one"})
}
