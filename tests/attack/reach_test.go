package attack

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// streams is the TCP address of ICE-TCP and TURN.
func (s *server) streams() string {
	s.t.Helper()
	m := regexp.MustCompile(`streams +(\S+)/tcp`).FindStringSubmatch(s.out.String())
	if m == nil {
		s.t.Fatalf("no streams in:\n%s", s.out)
	}
	return m[1]
}

// ways are what POST /api/check gives.
type ways struct {
	Ufrag   string `json:"ice_ufrag"`
	Pwd     string `json:"ice_pwd"`
	Servers []struct {
		Username   string `json:"username"`
		Credential string `json:"credential"`
	} `json:"ice_servers"`
}

func (s *server) ways() (w ways) {
	s.t.Helper()
	r, err := http.Post(s.url+"/api/check", "application/json", bytes.NewReader([]byte("{}")))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if err := json.NewDecoder(r.Body).Decode(&w); err != nil || len(w.Servers) == 0 {
		s.t.Fatalf("status %d: %v", r.StatusCode, err)
	}
	return w
}

// dialFrom connects from an address of the namespace.
func dialFrom(t *testing.T, ip, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: patience}
	conn, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exchange sends a STUN message, framed or not, and reads one; nil if the connection ends.
func exchange(conn net.Conn, framed bool, setters ...stun.Setter) *stun.Message {
	raw := stun.MustBuild(append([]stun.Setter{stun.TransactionID}, setters...)...).Raw
	head := 0
	if framed {
		raw, head = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...), 2
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	b := make([]byte, 2048)
	if _, err := conn.Write(raw); err != nil {
		return nil
	}
	if _, err := io.ReadFull(conn, b[:head+20]); err != nil {
		return nil
	}
	n := head + 20 + int(binary.BigEndian.Uint16(b[head+2:]))
	if _, err := io.ReadFull(conn, b[head+20:n]); err != nil {
		return nil
	}
	m := &stun.Message{Raw: b[head:n]}
	if m.Decode() != nil {
		return nil
	}
	return m
}

var requestedUDP = stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}

// allocates says whether TURN over TCP gives an allocation, from the given address.
func (s *server) allocates(t *testing.T, ip string, w ways) bool {
	t.Helper()
	conn, allocate := dialFrom(t, ip, s.streams()), stun.NewType(stun.MethodAllocate, stun.ClassRequest)
	challenge := exchange(conn, false, allocate, requestedUDP)
	if challenge == nil {
		return false
	}
	var nonce stun.Nonce
	var realm stun.Realm
	if nonce.GetFrom(challenge) != nil || realm.GetFrom(challenge) != nil {
		return false
	}
	c := w.Servers[0]
	answer := exchange(conn, false, allocate, requestedUDP, stun.NewUsername(c.Username), realm, nonce,
		stun.NewLongTermIntegrity(c.Username, realm.String(), c.Credential))
	return answer != nil && answer.Type.Class == stun.ClassSuccessResponse
}

// echoes says whether a check over ICE-TCP is answered, from the given address.
func (s *server) echoes(t *testing.T, ip string, w ways) bool {
	t.Helper()
	answer := exchange(dialFrom(t, ip, s.streams()), true, stun.BindingRequest, stun.NewUsername(w.Ufrag+":me"),
		stun.NewShortTermIntegrity(w.Pwd), stun.Fingerprint)
	return answer != nil && answer.Type == stun.BindingSuccess
}

// TestTenThousandHalfOpenStreamsKeepNobodyOut: 10,000 connections of one /24 say that they are ICE-TCP or TURN, and
// then nothing. Clients of another network come in by both at once, and so does the page.
func TestTenThousandHalfOpenStreamsKeepNobodyOut(t *testing.T) {
	s := startServer(t)
	w := s.ways()
	head := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("echo/0123456789abcdef:x"),
		stun.NewShortTermIntegrity("no password of the echo"), stun.Fingerprint).Raw
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(head))), head...)
	allocate := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestedUDP).Raw
	for i := range 10_000 {
		conn := dialFrom(t, "198.51.100."+strconv.Itoa(1+i%250), s.streams())
		if _, err := conn.Write([][]byte{frame, frame[:30], allocate, allocate[:12]}[i%4]); err != nil {
			continue // it has been closed for a newer one
		}
	}
	if !s.allocates(t, aliceIP, w) {
		t.Error("TURN is closed to another network")
	}
	if !s.echoes(t, aliceIP, w) {
		t.Error("ICE-TCP is closed to another network")
	}
	s.ways() // HTTP is served
	m := s.memory()
	t.Logf("the process has %d MiB", m>>20)
	if m > 400<<20 {
		t.Errorf("the process has %d MiB", m>>20)
	}
}

// TestJunkOnTheSharedPortEndsNothing: each opening of the port breaks off at every length, and goes on with noise. The
// server closes what is no protocol of its, and serves the others as before.
func TestJunkOnTheSharedPortEndsNothing(t *testing.T) {
	s := startServer(t)
	w := s.ways()
	check := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername(w.Ufrag+":me"),
		stun.NewShortTermIntegrity(w.Pwd), stun.Fingerprint).Raw
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(check))), check...)
	allocate := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), requestedUDP).Raw
	channel := append(bytes.Clone(allocate), 0x40, 0, 0xff, 0xff) // ChannelData that is longer than any message
	post := []byte("POST /whip/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n" +
		"Content-Length: 9\r\n\r\nv=0\r\nm=\r\n")
	hello := []byte{0x16, 3, 1, 0xff, 0xff, 1, 0, 0xff, 0xff}
	noise := rand.NewChaCha8([32]byte{})
	for _, opening := range [][]byte{frame, append(frame, 0, 0, 0, 0), allocate, channel, post, hello} {
		for n := range len(opening) + 1 {
			conn := dialFrom(t, malloryIP, s.streams())
			rest := make([]byte, n%64)
			_, _ = noise.Read(rest)
			_, _ = conn.Write(append(bytes.Clone(opening[:n]), rest...))
			_ = conn.Close()
		}
	}
	if !s.allocates(t, aliceIP, w) || !s.echoes(t, aliceIP, w) {
		t.Error("TURN or ICE-TCP is gone")
	}
	s.ways() // HTTP is served
}
