package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"conclave/bots/measure"
	"conclave/e2ee/group"
	"conclave/protocol"
)

// httpTimeout bounds one HTTP request.
const httpTimeout = 10 * time.Second

// messageQueue bounds the messages of the server that a bot has not looked at yet; beyond it the socket is not read,
// and the server closes it as that of a slow reader.
const messageQueue = 64

// RefusedError is the server's refusal of a request, over HTTP or on the WebSocket.
type RefusedError struct {
	ID         protocol.ErrorID
	Message    string
	RetryAfter time.Duration
}

// Error implements error.
func (e *RefusedError) Error() string { return fmt.Sprintf("refused: %s: %s", e.ID, e.Message) }

// API is the HTTP half of the protocol, with the operator's token. Safe for concurrent use.
type API struct {
	base   *url.URL
	token  string
	Client *http.Client
}

// ErrPlainHTTP keeps the token off the wire.
var ErrPlainHTTP = errors.New("bots: the token is sent over https only, or to a loopback address")

var errNoAddress = errors.New("bots: address: give it as https://host")

// NewAPI makes the HTTP half for the server at base, an address like https://meet.example.org. plain allows http to an
// address that is not loopback.
func NewAPI(base, token string, plain bool) (*API, error) {
	u, err := url.Parse(base)
	if err != nil { // like 127.0.0.1:8080, which has no scheme
		return nil, errNoAddress
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errNoAddress
	}
	if u.Scheme == "http" && !plain && !loopback(u.Hostname()) {
		return nil, ErrPlainHTTP
	}
	if token == "" {
		return nil, errors.New("bots: a token issued by the server's operator is needed")
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: httpTimeout,
		IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 16,
	}
	return &API{base: u, token: token, Client: &http.Client{Transport: transport, Timeout: httpTimeout}}, nil
}

// Guest returns the API of the token's guests, who are not the creators of the meetings that are made with the token.
// Its token is made of the other one (docs/protocol.md).
func (a *API) Guest() *API {
	sum := sha256.Sum256([]byte("conclave bot guest " + a.token))
	return &API{base: a.base, token: hex.EncodeToString(sum[:]), Client: a.Client}
}

// Loopback says whether the server is on this machine.
func (a *API) Loopback() bool { return loopback(a.base.Hostname()) }

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (a *API) header() http.Header { return http.Header{"Authorization": {"Bearer " + a.token}} }

// SignIn checks the token.
func (a *API) SignIn(ctx context.Context) (s protocol.Session, err error) {
	err = a.do(ctx, http.MethodGet, "/api/auth/session", nil, &s)
	return s, err
}

// CreateMeeting makes a meeting; an empty password is none.
func (a *API) CreateMeeting(ctx context.Context, title, password string, encrypted, lobby bool) (protocol.MeetingID,
	error) {
	var c protocol.Created
	err := a.do(ctx, http.MethodPost, "/api/meetings",
		&protocol.Create{Title: title, Password: password, Lobby: &lobby, E2EE: &encrypted}, &c)
	return c.Meeting, err
}

// Meeting tells what a meeting is before joining it.
func (a *API) Meeting(ctx context.Context, id protocol.MeetingID) (info protocol.MeetingInfo, err error) {
	err = a.do(ctx, http.MethodGet, "/api/meetings/"+string(id), nil, &info)
	return info, err
}

// Address is where people join a meeting. With a link it holds the meeting's key.
func (a *API) Address(id protocol.MeetingID, link *group.Link) string {
	u := a.base.JoinPath("m", string(id))
	if link != nil {
		u.Fragment = link.String()
	}
	return u.String()
}

// Host is the host of the server's address.
func (a *API) Host() string { return a.base.Hostname() }

// LocalPort is the TCP port that the server is reached at, if it is on this machine; 0 if it is elsewhere.
func (a *API) LocalPort() int {
	if !loopback(a.base.Hostname()) {
		return 0
	}
	text := a.base.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443"}[a.base.Scheme]
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}

func (a *API) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("bots: %s: %w", path, err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base.JoinPath(path).String(), body)
	if err != nil {
		return fmt.Errorf("bots: %s: %w", path, err)
	}
	req.Header = a.header()
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.Client.Do(req)
	if err != nil {
		return fmt.Errorf("bots: %s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, protocol.MaxHTTPBody+1))
	if err != nil {
		return fmt.Errorf("bots: %s: %w", path, err)
	}
	if resp.StatusCode/100 != 2 {
		return refusal(resp, raw)
	}
	if err := protocol.DecodeBody(raw, out); err != nil {
		return fmt.Errorf("bots: %s: %w", path, err)
	}
	return nil
}

// refusal reads the body of an HTTP error.
func refusal(resp *http.Response, raw []byte) error {
	var e protocol.HTTPError
	if err := protocol.DecodeBody(raw, &e); err != nil {
		return fmt.Errorf("bots: HTTP %d", resp.StatusCode)
	}
	after := e.RetryAfterS
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		after = n
	}
	return &RefusedError{ID: e.Error, Message: e.Message, RetryAfter: time.Duration(after) * time.Second}
}

// dial opens the WebSocket for a meeting.
func (a *API) dial(ctx context.Context, meeting protocol.MeetingID) (*socket, error) {
	u := *a.base.JoinPath("/ws")
	u.RawQuery = url.Values{"meeting": {string(meeting)}}.Encode()
	u.Scheme = "ws" + u.Scheme[len("http"):]
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		HTTPClient:   &http.Client{Transport: a.Client.Transport},
		HTTPHeader:   a.header(),
		Subprotocols: []string{protocol.Subprotocol},
	})
	if err != nil {
		if resp != nil && resp.StatusCode/100 != 1 {
			raw, readErr := io.ReadAll(io.LimitReader(resp.Body, protocol.MaxHTTPBody))
			if readErr == nil {
				return nil, refusal(resp, raw)
			}
		}
		return nil, fmt.Errorf("bots: WebSocket: %w", err)
	}
	ws.SetReadLimit(protocol.MaxServer)
	return &socket{ws: ws, messages: make(chan protocol.ServerMessage, messageQueue)}, nil
}

// signalling is one WebSocket. One goroutine sends; messages may be received by another.
type socket struct {
	ws       *websocket.Conn
	lastID   protocol.RequestID
	messages chan protocol.ServerMessage
	log      *measure.RekeyLog // of the group's messages; nil: not counted
	decoder  *Decoder          // nil: of its own
	err      error             // why messages was closed; read it after that
}

// id returns the next request's id.
func (s *socket) id() protocol.RequestID {
	s.lastID++
	return s.lastID
}

func (s *socket) send(ctx context.Context, m protocol.ClientMessage) error {
	raw, err := protocol.Marshal(m)
	if err != nil {
		return fmt.Errorf("bots: %w", err)
	}
	switch m.(type) {
	case *protocol.Commit, *protocol.Propose, *protocol.KeyPackage, *protocol.LogGet:
		s.log.Carried(len(raw))
	}
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	if err := s.ws.Write(ctx, websocket.MessageText, raw); err != nil {
		return fmt.Errorf("bots: WebSocket: %w", err)
	}
	return nil
}

// read hands messages over until the socket ends or ctx does. Run it in a goroutine of its own.
func (s *socket) read(ctx context.Context) {
	defer close(s.messages)
	for {
		_, raw, err := s.ws.Read(ctx)
		if err != nil {
			s.err = fmt.Errorf("bots: WebSocket: %w", err)
			return
		}
		m, err := s.decoder.decode(raw)
		if err != nil {
			s.err = fmt.Errorf("bots: the server sent what the protocol does not know: %w", err)
			return
		}
		switch m.(type) {
		case *protocol.Log, *protocol.KeyPackages, *protocol.Secrets:
			s.log.Carried(len(raw))
		}
		select {
		case s.messages <- m:
		case <-ctx.Done():
			s.err = ctx.Err()
			return
		}
	}
}

func (s *socket) close() { _ = s.ws.CloseNow() }
