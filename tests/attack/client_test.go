package attack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
	"github.com/pion/transport/v5/packetio"
)

// message is a message of the public protocol.
type message map[string]any

// text is a string field, "" if it is not there.
func (m message) text(name string) string {
	s, _ := m[name].(string)
	return s
}

// client is a participant with one UDP socket and no library between the test and the wire but DTLS and SRTP. Its
// tests may send with its keys whatever they like.
type client struct {
	t      *testing.T
	server *server
	id     uint32
	resume string // the token of the seat

	ws       *websocket.Conn
	requests atomic.Int32
	mu       sync.Mutex
	events   []message    // all that the server sent; a test's meeting is short
	pause    atomic.Int64 // nanoseconds from one message read to the next

	socketMu     sync.Mutex
	socket       *net.UDPConn
	addr         netip.AddrPort // of the socket
	media        netip.AddrPort // the server's
	ufrag, pwd   string
	theirs       credentials
	answersOff   atomic.Bool // the client answers no check of the server's
	answered     atomic.Int64
	certificate  tls.Certificate
	records      *packetio.Buffer // DTLS that has come
	dtls         *dtls.Conn
	in, out      *srtp.Context
	outMu        sync.Mutex
	inMu         sync.Mutex    // of what opens packets
	alerts       atomic.Int64  // DTLS records that came after the handshake
	packets      atomic.Int64  // of media that came and opened
	bytes        atomic.Int64  // and how long they were
	newest       atomic.Uint32 // sequence number of video
	keyRequests  atomic.Int64  // PLIs for what we publish
	slotSSRC     []uint32      // of our video slots
	sequences    sequences
	stop         context.CancelFunc
	rawHandshake [][]byte // DTLS datagrams of ours during the handshake
}

// credentials are the server's half of ICE.
type credentials struct{ ufrag, pwd string }

// join takes a seat in a meeting and connects media from the given address.
func (s *server) join(t *testing.T, meeting, ip string) *client {
	t.Helper()
	c := s.seat(t, meeting)
	c.open(ip)
	c.offer()
	c.connect()
	return c
}

// seat takes a seat without media.
func (s *server) seat(t *testing.T, meeting string) *client {
	t.Helper()
	c := s.socket(t, http.DefaultClient, http.Header{"Authorization": {"Bearer " + s.token}})
	c.enter(message{"meeting": meeting})
	return c
}

// socket opens a WebSocket, with nothing said on it.
func (s *server) socket(t *testing.T, browser *http.Client, header http.Header) *client {
	t.Helper()
	c := &client{t: t, server: s}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.dial(ctx, browser, header)
	t.Cleanup(c.close)
	return c
}

// enter joins with the given fields.
func (c *client) enter(join message) {
	c.t.Helper()
	join["type"], join["version"], join["name"] = "join", 1, "Ana"
	if join["announce"] != nil {
		join["name"] = "" // names of an encrypted meeting travel sealed
	}
	welcome := c.request(join, "welcome")
	id, _ := welcome["participant"].(float64)
	c.id, c.resume = uint32(id), welcome.text("resume")
}

func (c *client) dial(ctx context.Context, browser *http.Client, header http.Header) {
	c.t.Helper()
	url := "ws" + strings.TrimPrefix(c.server.url, "http") + "/ws"
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: browser, HTTPHeader: header,
		Subprotocols: []string{"conclave.v1"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	c.ws = ws
	go func() { // ends with the socket
		for {
			_, raw, err := ws.Read(ctx)
			if err != nil {
				return
			}
			var m message
			if json.Unmarshal(raw, &m) == nil {
				c.mu.Lock()
				c.events = append(c.events, m)
				c.mu.Unlock()
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(c.pause.Load())):
			}
		}
	}()
}

func (c *client) close() {
	c.stop()
	_ = c.ws.CloseNow()
	if c.socket != nil {
		_ = c.socket.Close()
		_ = c.records.Close()
	}
}

// event returns the first message for which match is true.
func (c *client) event(match func(message) bool) (message, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.events {
		if match(m) {
			return m, true
		}
	}
	return nil, false
}

// send sends a request and returns its id.
func (c *client) send(m message) int32 {
	c.t.Helper()
	id := c.requests.Add(1)
	m["id"] = id
	raw, err := json.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, raw); err != nil {
		c.t.Logf("sending %s: %v", m["type"], err) // what comes of it shows in what the server does
	}
	return id
}

// request sends a request and waits for its answer of the given type.
func (c *client) request(m message, want string) (answer message) {
	c.t.Helper()
	id := c.send(m)
	eventually(c.t, fmt.Sprintf("%s answers %s", want, m["type"]), func() (ok bool) {
		answer, ok = c.event(func(m message) bool { return m["id"] == float64(id) })
		return ok
	})
	if answer["type"] != want {
		c.t.Fatalf("%s was answered with %v", m["type"], answer)
	}
	return answer
}

// open opens the media socket and makes what an offer needs.
func (c *client) open(ip string) {
	c.t.Helper()
	var err error
	c.socket, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		c.t.Fatal(err)
	}
	_ = c.socket.SetReadBuffer(4 << 20) // best effort
	c.addr = netip.MustParseAddrPort(c.socket.LocalAddr().String())
	c.ufrag, c.pwd = rand.Text()[:8], rand.Text()
	c.records = packetio.NewBuffer()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	c.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	c.sequences = newSequences()
}

// offer sends an offer with a microphone, a camera and three slots, and takes in the answer.
func (c *client) offer() {
	c.t.Helper()
	answer := c.request(message{"type": "offer", "sdp": c.sdp(), "tracks": []message{
		{"mid": "0", "source": "mic"}, {"mid": "1", "source": "camera"}}}, "answer").text("sdp")
	find := func(pattern string) []string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(answer)
		if m == nil {
			c.t.Fatalf("no %s in the answer:\n%s", pattern, answer)
		}
		return m
	}
	c.theirs = credentials{find(`a=ice-ufrag:(\S+)`)[1], find(`a=ice-pwd:(\S+)`)[1]}
	candidate := find(`a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host`)
	c.media = netip.MustParseAddrPort(candidate[1] + ":" + candidate[2])
	c.slotSSRC = nil
	for part := range strings.SplitSeq(answer, "\r\nm=") {
		if !strings.HasPrefix(part, "video") {
			continue
		}
		if m := regexp.MustCompile(`a=ssrc:(\d+)`).FindStringSubmatch(part); m != nil {
			var ssrc uint32
			if _, err := fmt.Sscan(m[1], &ssrc); err == nil {
				c.slotSSRC = append(c.slotSSRC, ssrc)
			}
		}
	}
	c.request(message{"type": "media", "sources": []string{"mic", "camera"}}, "ok")
}

// The client's payload types and header extensions.
const (
	opusType, vp8Type, rtxType = 111, 96, 97
	midExtension               = 1
	twccExtension              = 2
	ridExtension               = 3
)

func (c *client) sdp() string {
	sum := sha256.Sum256(c.certificate.Certificate[0])
	fingerprint := strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
	common := fmt.Sprintf("c=IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"+
		"a=fingerprint:sha-256 %s\r\na=setup:actpass\r\n"+
		"a=rtcp-mux\r\na=extmap:%d urn:ietf:params:rtp-hdrext:sdes:mid\r\n"+
		"a=extmap:%d http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n",
		c.ufrag, c.pwd, fingerprint, midExtension, twccExtension)
	audio := "a=rtpmap:111 opus/48000/2\r\n"
	video := "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n" +
		"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
	text := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3 4\r\n"
	for i, kind := range []string{"audio", "video", "audio", "video", "video"} {
		formats, codec, direction := "111", audio, "recvonly"
		if kind == "video" {
			formats, codec = "96 97", video
		}
		if i == camera && c.sequences.encodings > 0 {
			direction = fmt.Sprintf("sendonly\r\na=extmap:%d urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"+
				"a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f", ridExtension)
		} else if i <= camera {
			direction = fmt.Sprintf("sendonly\r\na=ssrc:%d cname:me", c.sequences.ssrc[i])
		}
		text += fmt.Sprintf("m=%s 9 UDP/TLS/RTP/SAVPF %s\r\n%sa=mid:%d\r\n%sa=%s\r\n",
			kind, formats, common, i, codec, direction)
	}
	return text
}

// connect checks the path, does the handshake and keeps consent until the test ends.
func (c *client) connect() {
	c.t.Helper()
	go c.read(c.socket)
	c.check(true)
	go func() { // ends with the socket
		for tick := time.NewTicker(500 * time.Millisecond); ; <-tick.C {
			if c.sendCheck(c.checkMessage(true)) != nil {
				return
			}
		}
	}()
	c.handshake()
}

// handshake is DTLS and the keys that come of it (RFC 5764 §4.2).
func (c *client) handshake() {
	c.t.Helper()
	conn, err := dtls.ClientWithOptions(&dtlsPipe{c.records, c}, net.UDPAddrFromAddrPort(c.media),
		dtls.WithCertificates(c.certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	state, _ := conn.ConnectionState()
	const k, s = 16, 12
	m, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(k+s))
	if err != nil {
		c.t.Fatal(err)
	}
	in, errIn := srtp.CreateContext(m[k:2*k], m[2*k+s:], srtp.ProtectionProfileAeadAes128Gcm)
	out, errOut := srtp.CreateContext(m[:k], m[2*k:2*k+s], srtp.ProtectionProfileAeadAes128Gcm)
	if errIn != nil || errOut != nil {
		c.t.Fatal(errIn, errOut)
	}
	c.outMu.Lock()
	c.dtls, c.in, c.out = conn, in, out
	c.outMu.Unlock()
}

// dtlsPipe is what DTLS reads from and writes to.
type dtlsPipe struct {
	*packetio.Buffer
	c *client
}

func (p *dtlsPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := p.Read(b, nil)
	return n, net.UDPAddrFromAddrPort(p.c.media), err
}

func (p *dtlsPipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.c.rawHandshake = append(p.c.rawHandshake, append([]byte(nil), b...)) // DTLS writes from one goroutine at a time
	return p.c.current().WriteToUDPAddrPort(b, p.c.media)
}

func (p *dtlsPipe) LocalAddr() net.Addr              { return p.c.socket.LocalAddr() }
func (p *dtlsPipe) SetDeadline(at time.Time) error   { return p.SetReadDeadline(at) }
func (p *dtlsPipe) SetWriteDeadline(time.Time) error { return nil }
