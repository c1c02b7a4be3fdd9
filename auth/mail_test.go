package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is a real SMTP server on loopback.
type mailServer struct {
	host string
	port int
	pool *x509.CertPool

	mu       sync.Mutex
	messages []string
	from, to []string
	auth     bool
	refuse   error // of RCPT
}

type smtpSession struct {
	s    *mailServer
	need bool
	in   bool
}

func (x *smtpSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *smtpSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "conclave@example.org" || password != "s3cret" {
			return smtp.ErrAuthFailed
		}
		x.in = true
		return nil
	}), nil
}

func (x *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	if x.need && !x.in {
		return smtp.ErrAuthRequired
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.from = append(x.s.from, from)
	return nil
}

func (x *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.to = append(x.s.to, to)
	return x.s.refuse
}

func (x *smtpSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.messages = append(x.s.messages, string(b))
	x.s.auth = x.in
	return nil
}

func (x *smtpSession) Reset()        {}
func (x *smtpSession) Logout() error { return nil }

// startMailServer runs a server: implicit TLS, STARTTLS, or none; with auth if needAuth.
func startMailServer(t *testing.T, mode TLSMode, needAuth bool) *mailServer {
	t.Helper()
	cert, pool := testCertificate(t)
	s := &mailServer{host: "127.0.0.1", pool: pool}
	srv := smtp.NewServer(
		smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &smtpSession{s: s, need: needAuth}, nil }),
	)
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout = "mx.example.org", 5*time.Second, 5*time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	tlsConfig := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	switch mode {
	case TLSImplicit:
		l = tls.NewListener(l, tlsConfig)
	case TLSStartTLS:
		srv.TLSConfig = tlsConfig
	case TLSNone:
		srv.AllowInsecureAuth = true
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); _ = l.Close(); <-done })
	return s
}

func testCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.example.org"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func (s *mailServer) mailer(t *testing.T, mode TLSMode, change func(*SMTPConfig)) *SMTPMailer {
	t.Helper()
	cfg := SMTPConfig{
		Host: s.host, Port: s.port, TLS: mode, From: mustEmail(t, "conclave@example.org"), FromName: "Conclave", Timeout: 2 * time.Second,
		TLSConfig: &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12},
	}
	if change != nil {
		change(&cfg)
	}
	m, err := NewSMTPMailer(cfg, "Conclave", "meet.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func signedIn(c *SMTPConfig) { c.Username, c.Password = "conclave@example.org", "s3cret" }

func testMessage(t *testing.T) Message {
	return Message{To: mustEmail(t, "canary@bücher.example"), Code: "012345", ValidFor: 10 * time.Minute}
}

func TestMailIsDelivered(t *testing.T) {
	for name, tt := range map[string]struct {
		mode TLSMode
		auth bool
	}{
		"implicit_tls": {TLSImplicit, false}, "implicit_tls_auth": {TLSImplicit, true},
		"starttls": {TLSStartTLS, false}, "starttls_auth": {TLSStartTLS, true},
		"plain_loopback": {TLSNone, false}, "plain_loopback_auth": {TLSNone, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startMailServer(t, tt.mode, tt.auth)
			change := func(*SMTPConfig) {}
			if tt.auth {
				change = signedIn
			}
			m := s.mailer(t, tt.mode, change)
			if err := m.Check(t.Context()); err != nil {
				t.Errorf("check: %v", err)
			}
			if err := m.Send(t.Context(), testMessage(t)); err != nil {
				t.Fatalf("%v: %v", err, errors.Unwrap(err))
			}
			if len(s.messages) != 1 || s.to[0] != "canary@xn--bcher-kva.example" || s.from[0] != "conclave@example.org" ||
				s.auth != tt.auth {
				t.Errorf("got %d messages, from %v, to %v, signed in %v", len(s.messages), s.from, s.to, s.auth)
			}
		})
	}
}

// TestMailSaysWhatItShouldAndTracksNobody reads a message as a mail program would.
func TestMailSaysWhatItShouldAndTracksNobody(t *testing.T) {
	s := startMailServer(t, TLSNone, false)
	if err := s.mailer(t, TLSNone, nil).Send(t.Context(), testMessage(t)); err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(s.messages[0]))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Subject": "Your Conclave sign-in code", "From": `"Conclave" <conclave@example.org>`,
		"To": "<canary@xn--bcher-kva.example>", "X-Mailer": "", "User-Agent": "", "List-Unsubscribe": "",
	} {
		if got := msg.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if id := msg.Header.Get("Message-Id"); !strings.HasSuffix(id, "@example.org>") {
		t.Errorf("Message-ID %q names another host", id)
	}
	kinds := mailParts(t, msg)
	for _, kind := range []string{"text/plain", "text/html"} {
		body := kinds[kind]
		if !strings.Contains(body, "012345") || !strings.Contains(body, "10 minutes") ||
			!strings.Contains(body, "meet.example.org") {
			t.Errorf("%s: %s", kind, body)
		}
		for _, bad := range []string{"http:", "https:", "<img", "<a ", "url(", "<script"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s contains %s", kind, bad)
			}
		}
	}
}

func mailParts(t *testing.T, msg *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s %v", kind, err)
	}
	parts := map[string]string{}
	r := multipart.NewReader(msg.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(body)
	}
}

func TestMailFailuresAreNamedByStepAndNameNobody(t *testing.T) {
	silent := listenSilently(t)
	for name, tt := range map[string]struct {
		server, client TLSMode
		needAuth       bool
		change         func(*SMTPConfig)
		refuse         error
		step           MailStep
		permanent      bool
	}{
		"unknown_name":          {TLSNone, TLSNone, false, func(c *SMTPConfig) { c.Host = "mail.invalid" }, nil, StepResolve, false},
		"dead":                  {TLSNone, TLSNone, false, func(c *SMTPConfig) { c.Port = closedPort(t) }, nil, StepConnect, false},
		"slow":                  {TLSNone, TLSNone, false, func(c *SMTPConfig) { c.Port, c.Timeout = silent, 100*time.Millisecond }, nil, StepTimeout, false},
		"slow_tls":              {TLSNone, TLSImplicit, false, func(c *SMTPConfig) { c.Port, c.Timeout = silent, 100*time.Millisecond }, nil, StepTimeout, false},
		"untrusted_certificate": {TLSImplicit, TLSImplicit, false, func(c *SMTPConfig) { c.TLSConfig = nil }, nil, StepTLS, false},
		"wrong_name":            {TLSStartTLS, TLSStartTLS, false, func(c *SMTPConfig) { c.TLSConfig.ServerName = "other.example" }, nil, StepTLS, false},
		"tls_to_a_plain_port":   {TLSNone, TLSImplicit, false, nil, nil, StepTLS, false},
		"no_starttls_offered":   {TLSNone, TLSStartTLS, false, nil, nil, StepTLS, false},
		"wrong_password":        {TLSImplicit, TLSImplicit, true, func(c *SMTPConfig) { c.Username, c.Password = "x", "y" }, nil, StepAuth, false},
		"no_auth_offered":       {TLSStartTLS, TLSStartTLS, true, nil, nil, StepSend, true},
		"recipient_refused":     {TLSNone, TLSNone, false, nil, &smtp.SMTPError{Code: 550, Message: "no canary here"}, StepSend, true},
		"recipient_greylisted":  {TLSNone, TLSNone, false, nil, &smtp.SMTPError{Code: 451, Message: "canary later"}, StepSend, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := startMailServer(t, tt.server, tt.needAuth)
			s.refuse = tt.refuse
			start := time.Now()
			err := s.mailer(t, tt.client, tt.change).Send(t.Context(), testMessage(t))
			var e *MailError
			if !errors.As(err, &e) || e.Step != tt.step || errors.Is(err, ErrMailRefused) != tt.permanent {
				t.Errorf("got %v (cause %v), want step %s, permanent %v", err, e.Cause(), tt.step, tt.permanent)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %s", err, err, err), "canary") {
				t.Errorf("the error names a person: %v", err)
			}
			if time.Since(start) > 5*time.Second {
				t.Errorf("took %v", time.Since(start))
			}
		})
	}
}

func closedPort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// listenSilently takes connections and never says a word.
func listenSilently(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// TestDrippingServerCannotHoldAWorker: the context ends the conversation even if each byte comes in time.
func TestDrippingServerCannotHoldAWorker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		for {
			if _, err := conn.Write([]byte("220-still here\r\n")); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	s := &mailServer{host: "127.0.0.1", port: l.Addr().(*net.TCPAddr).Port}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	err = s.mailer(t, TLSNone, func(c *SMTPConfig) { c.Timeout = time.Minute }).Send(ctx, testMessage(t))
	if err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	_ = l.Close()
	<-done
}

// tries is a mailer that fails as it is told.
type tries struct {
	mu    sync.Mutex
	at    []time.Time
	fails func(try int) error
}

func (m *tries) Send(ctx context.Context, _ Message) error {
	m.mu.Lock()
	m.at = append(m.at, time.Now())
	n := len(m.at)
	m.mu.Unlock()
	if m.fails == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return m.fails(n)
}

// times are when it was tried.
func (m *tries) times() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.at)
}

func TestMailIsTriedAgainAndHealthShowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counted sync.Map
		m := &tries{fails: func(try int) error {
			if try < 4 {
				return errors.New("connection refused")
			}
			return nil
		}}
		q := newMailQueue(m, 120, slog.New(slog.DiscardHandler), func(e Event) {
			n, _ := counted.LoadOrStore(e, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
		})
		defer q.close()
		start := time.Now()
		q.add(mailJob{message: testMessage(t)})
		synctest.Wait()
		if h := q.health(); !h.Failing || h.Queued != 1 {
			t.Errorf("while it fails: %+v", h)
		}
		time.Sleep(time.Minute)
		if h := q.health(); h.Failing || h.Queued != 0 {
			t.Errorf("when it works again: %+v", h)
		}
		for i, want := range []time.Duration{0, time.Second, 6 * time.Second, 21 * time.Second} {
			if got := m.times()[i].Sub(start); got != want {
				t.Errorf("try %d after %v, want %v", i+1, got, want)
			}
		}
		if n, ok := counted.Load(EventMailSent); !ok || n.(*atomic.Int64).Load() != 1 {
			t.Error("not counted as sent")
		}
	})
}

func TestMailIsGivenUpInTheEndAndRefusedMailAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		tries int
	}{"temporary": {errors.New("down"), 1 + maxMailRetries}, "refused": {fmt.Errorf("%w: 550", ErrMailRefused), 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &tries{fails: func(int) error { return tt.err }}
				q := newMailQueue(m, 120, slog.New(slog.DiscardHandler), func(Event) {})
				defer q.close()
				q.add(mailJob{message: testMessage(t)})
				time.Sleep(10 * time.Minute)
				if n := len(m.times()); n != tt.tries || q.health().Queued != 0 {
					t.Errorf("%d tries, want %d; %d queued", n, tt.tries, q.health().Queued)
				}
				if q.health().Failing != (name == "temporary") {
					t.Error("a refused recipient is taken for a dead server, or the reverse")
				}
			})
		})
	}
}

// TestDeadMailServerBlocksNoRequestAndTheQueueIsBounded fills the queue of a server whose mailer never returns.
func TestDeadMailServerBlocksNoRequestAndTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc, err := New(openLimits(), Deps{Mailer: &tries{}})
		if err != nil {
			t.Fatal(err)
		}
		defer svc.Close()
		s := &site{t: t, svc: svc, h: ClientIPMiddleware(nil)(http.StripPrefix("/api/auth", svc.Routes()))}
		start := time.Now()
		stopped, asked := 0, 0
		for ; stopped == 0 && asked < 1000; asked++ { // each from a network of its own, so that none is favoured
			b := s.browser()
			b.addr = fmt.Sprintf("[2001:db8:%x::1]:1", asked)
			svc.known.noteNetwork(time.Now(), NewClientIP(netip.MustParseAddrPort(b.addr).Addr())) // no proof is needed
			w := b.do("POST", "/api/auth/code", fmt.Sprintf(`{"email": "a%d@example.org"}`, asked))
			if w.Code != http.StatusAccepted {
				expect(t, w, 429, "rate_limited")
				stopped = asked
			}
		}
		if stopped < maxWaiting || stopped > maxWaiting+mailWorkers+1 {
			t.Errorf("%d were taken", stopped)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("requests waited %v of virtual time", took)
		}
		time.Sleep(mailTimeout)
		synctest.Wait()
		if h := svc.MailHealth(); !h.Failing {
			t.Error("health does not show it")
		}
	})
}

func TestNothingOfAPersonIsLoggedWhenMailFails(t *testing.T) {
	var log bytes.Buffer
	s := startMailServer(t, TLSNone, false)
	s.refuse = &smtp.SMTPError{Code: 451, Message: "canary@xn--bcher-kva.example is busy"}
	q := newMailQueue(
		s.mailer(t, TLSNone, nil),
		120,
		slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		func(Event) {},
	)
	q.add(mailJob{message: testMessage(t)})
	deadline := time.Now().Add(5 * time.Second)
	for !q.health().Failing && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond) // a real server has no virtual time
	}
	q.close()
	if log.Len() == 0 || strings.Contains(log.String(), "canary") || strings.Contains(log.String(), "012345") {
		t.Errorf("log: %s", log.String())
	}
}

func TestConsoleMailerPrintsTheCode(t *testing.T) {
	var out bytes.Buffer
	if err := NewConsoleMailer(&out).Send(t.Context(), testMessage(t)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "sign-in code for canary@xn--bcher-kva.example: 012345 ") {
		t.Error(out.String())
	}
}
