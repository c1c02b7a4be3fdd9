package auth

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"

	"github.com/wneessen/go-mail"
)

// TLSMode is how a connection to the mail server is encrypted.
type TLSMode string

// The TLS modes. There is no "if available": that would let an attacker on the path switch encryption off.
const (
	// TLSImplicit: TLS from the first byte (RFC 8314 §3.3), port 465.
	TLSImplicit TLSMode = "implicit"
	// TLSStartTLS: STARTTLS, and nothing is sent without it (RFC 3207), port 587.
	TLSStartTLS TLSMode = "starttls"
	// TLSNone: no encryption. For a mail server on this machine.
	TLSNone TLSMode = "none"
)

// DefaultSMTPTimeout is how long a mail server may take for each step.
const DefaultSMTPTimeout = 10 * time.Second

// SMTPConfig says how mail is handed over.
type SMTPConfig struct {
	Host     string
	Port     int // 0: 465 implicit, 587 STARTTLS, 25 none
	TLS      TLSMode
	Username string // empty: no authentication
	Password string
	// From is the sender's address; FromName its display name.
	From     Email
	FromName string
	// HELO is our own name in the greeting; empty: the domain of From.
	HELO string
	// Timeout bounds each read and write; 0 means DefaultSMTPTimeout.
	Timeout time.Duration
	// TLSConfig, when set, replaces ours: for a private certificate authority.
	TLSConfig *tls.Config
}

// SMTPMailer sends through a mail server. Safe for concurrent use: each message has its own connection.
type SMTPMailer struct {
	cfg     SMTPConfig
	product string
	site    string
}

// NewSMTPMailer makes a mailer. product is the name in the text ("Conclave"), site the host name people sign in at,
// from the configuration and never from a request. It opens no connection.
func NewSMTPMailer(cfg SMTPConfig, product, site string) (*SMTPMailer, error) {
	if cfg.Host == "" || cfg.From.IsZero() {
		return nil, errors.New("mail: host and sender are needed")
	}
	if strings.ContainsAny(product+site+cfg.FromName, "\r\n") {
		return nil, errors.New("mail: a name contains a line break")
	}
	setDefault(&cfg.Timeout, DefaultSMTPTimeout)
	setDefault(&cfg.HELO, cfg.From.Domain())
	if cfg.Port == 0 {
		cfg.Port = map[TLSMode]int{TLSImplicit: 465, TLSStartTLS: 587, TLSNone: 25}[cfg.TLS]
	}
	m := &SMTPMailer{cfg: cfg, product: product, site: site}
	if _, err := m.client((&net.Dialer{}).DialContext); err != nil {
		return nil, err
	}
	return m, nil
}

// connection is one conversation with the server. Its socket is ours: the library closes none that fails half-way,
// and starts its deadline anew with each step, so that a server that drips would hold a worker for minutes.
type connection struct {
	client *mail.Client
	stop   func() bool
	socket net.Conn
}

// open connects, encrypts and signs in. ctx bounds the life of the connection.
func (m *SMTPMailer) open(ctx context.Context) (*connection, error) {
	c := &connection{stop: func() bool { return true }}
	client, err := m.client(func(ctx2 context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx2, network, address)
		if err != nil {
			return nil, err //nolint:wrapcheck // classified below
		}
		c.socket = conn
		c.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		if m.cfg.TLS != TLSImplicit {
			return conn, nil
		}
		secure := tls.Client(conn, m.tlsConfig())
		if err := secure.HandshakeContext(ctx2); err != nil {
			return nil, &tlsError{err}
		}
		return secure, nil
	})
	if err != nil {
		return nil, err
	}
	c.client = client
	if err := client.DialWithContext(ctx); err != nil {
		c.close()
		return nil, classifyDial(ctx, err)
	}
	return c, nil
}

func (c *connection) close() {
	c.stop()
	if c.socket != nil {
		_ = c.socket.Close()
	}
}

// tlsError marks a failed handshake.
type tlsError struct{ error }

// Unwrap gives the cause.
func (e *tlsError) Unwrap() error { return e.error }

func (m *SMTPMailer) tlsConfig() *tls.Config {
	if m.cfg.TLSConfig == nil {
		return &tls.Config{ServerName: m.cfg.Host, MinVersion: tls.VersionTLS12}
	}
	c := m.cfg.TLSConfig.Clone()
	setDefault(&c.ServerName, m.cfg.Host)
	return c
}

func (m *SMTPMailer) client(dial mail.DialContextFunc) (*mail.Client, error) {
	opts := []mail.Option{
		mail.WithPort(m.cfg.Port), mail.WithTimeout(m.cfg.Timeout), mail.WithHELO(m.cfg.HELO),
		mail.WithTLSConfig(m.tlsConfig()), mail.WithoutNoop(), mail.WithDialContextFunc(dial),
	}
	switch m.cfg.TLS {
	case TLSImplicit, TLSNone: // for implicit TLS, dial does it
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	case TLSStartTLS:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		return nil, fmt.Errorf("mail: unknown TLS mode %q", m.cfg.TLS)
	}
	if m.cfg.Username != "" {
		// The strongest that is offered; the last two refuse to send the password without TLS, but to this machine.
		opts = append(opts, mail.WithOpportunisticSMTPAuth(
			mail.SMTPAuthSCRAMSHA256PLUS, mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin),
			mail.WithUsername(m.cfg.Username), mail.WithPassword(m.cfg.Password))
	}
	c, err := mail.NewClient(m.cfg.Host, opts...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return c, nil
}

// Send sends one code. The error names the step that failed and the server's status code, never an address or the
// server's own text, which may quote one. It wraps ErrMailRefused when the server refused the message for good.
func (m *SMTPMailer) Send(ctx context.Context, message Message) error {
	msg, err := m.compose(message)
	if err != nil {
		return err
	}
	c, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.client.Send(msg); err != nil {
		return classifySend(ctx, err)
	}
	_ = c.client.Close() // The message is accepted: a server that fails to say goodbye changes nothing.
	return nil
}

// Check connects, encrypts and signs in without sending anything.
func (m *SMTPMailer) Check(ctx context.Context) error {
	c, err := m.open(ctx)
	if err != nil {
		return err
	}
	_ = c.client.Close()
	c.close()
	return nil
}

type mailText struct {
	Product, Site, Code string
	Minutes             int
}

const plainMail = `Your {{.Product}} sign-in code is

    {{.Code}}

It is valid for {{.Minutes}} minutes, once, in the browser that asked for it{{with .Site}} at {{.}}{{end}}.

If you did not ask for it, someone else typed your address. You do not need to do anything: no one can
sign in with your address without this code. Do not give the code to anyone.
`

const htmlMail = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign-in code</title></head>
<body style="font-family:sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;background:#ffffff">
<p>Your {{.Product}} sign-in code is</p>
<p style="font-family:monospace;font-size:32px;letter-spacing:4px;font-weight:bold">{{.Code}}</p>
<p>It is valid for {{.Minutes}} minutes, once, in the browser that asked for it{{with .Site}} at {{.}}{{end}}.</p>
<p>If you did not ask for it, someone else typed your address. You do not need to do anything: no one can
sign in with your address without this code. Do not give the code to anyone.</p>
</body></html>
`

// compose makes the message: plain text and HTML, no link (mail scanners open them), no image, nothing that tracks.
func (m *SMTPMailer) compose(message Message) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(m.cfg.FromName, m.cfg.From.Reveal()); err != nil {
		return nil, errors.New("mail: the sender's address is not accepted")
	}
	if err := msg.To(message.To.Reveal()); err != nil {
		return nil, fmt.Errorf("%w: the address is not accepted", ErrMailRefused)
	}
	msg.Subject("Your " + m.product + " sign-in code")
	msg.SetDate()
	msg.SetMessageIDWithValue(messageID(m.cfg.From.Domain()))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no vacation notices in return
	text := mailText{Product: m.product, Site: m.site, Code: message.Code, Minutes: int(message.ValidFor / time.Minute)}
	plain, err := texttemplate.New("plain").Parse(plainMail)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	html, err := htmltemplate.New("html").Parse(htmlMail)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if err := msg.SetBodyTextTemplate(plain, text); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if err := msg.AddAlternativeHTMLTemplate(html, text); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return msg, nil
}

// MailStep is where sending mail failed.
type MailStep string

// The steps, in order.
const (
	StepResolve MailStep = "resolve"
	StepConnect MailStep = "connect"
	StepTimeout MailStep = "timeout"
	StepTLS     MailStep = "tls"
	StepAuth    MailStep = "auth"
	StepGreet   MailStep = "greet"
	StepSend    MailStep = "send"
)

// MailError is a failed attempt, stripped of everything that could name a person: the step, and the SMTP status code
// if the server gave one.
type MailError struct {
	Step MailStep
	Code int
	// cause is for errors.As only (certificate errors name our own server, not a person); it is not in the text.
	cause     error
	permanent bool
}

// Error names the step and the status code.
func (e *MailError) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("mail: failed at %s, status %d", e.Step, e.Code)
	}
	return fmt.Sprintf("mail: failed at %s", e.Step)
}

// Is makes a refusal of the message for good match ErrMailRefused.
func (e *MailError) Is(target error) bool { return e.permanent && target == ErrMailRefused }

// Cause returns the underlying error, for a diagnosis shown to the operator and never logged: it may quote the server.
func (e *MailError) Cause() error { return e.cause }

// classifyDial says at which step opening a connection failed. The library wraps most causes; for the few it does
// not, its words are all there is to go by.
func classifyDial(ctx context.Context, err error) *MailError {
	e := &MailError{Step: StepGreet, cause: err}
	var dns *net.DNSError
	var op *net.OpError
	var proto *textproto.Error
	var handshake *tlsError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	text := strings.ToLower(err.Error())
	switch {
	case errors.As(err, &dns):
		e.Step = StepResolve
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Step = StepTimeout
	case errors.As(err, &handshake), errors.As(err, &certificate),
		strings.Contains(text, "starttls"), strings.Contains(text, "tls:"):
		e.Step = StepTLS
	case errors.As(err, &op) && op.Op == "dial":
		e.Step = StepConnect
	case strings.Contains(text, "auth"):
		e.Step = StepAuth
	}
	if errors.As(err, &proto) {
		e.Code = proto.Code
	}
	return e
}

func classifySend(ctx context.Context, err error) *MailError {
	e := &MailError{Step: StepSend, cause: err}
	var send *mail.SendError
	if errors.As(err, &send) {
		e.Code = send.ErrorCode()
		e.permanent = !send.IsTemp() && e.Code >= 500
	}
	var timeout net.Error
	late := ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() ||
		strings.Contains(err.Error(), "i/o timeout")
	if e.Code == 0 && late {
		e.Step = StepTimeout
	}
	return e
}

// ConsoleMailer prints codes. For development on a loopback listener only: a reader of the console can sign in as any
// person.
type ConsoleMailer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewConsoleMailer makes a mailer that prints to w.
func NewConsoleMailer(w io.Writer) *ConsoleMailer { return &ConsoleMailer{w: w} }

// Send prints the code and to whom it belongs: on this one path the person who reads is the person who typed.
func (c *ConsoleMailer) Send(_ context.Context, m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Fprintf(c.w,
		"sign-in code for %s: %s (valid %d minutes; printed because no mail server is configured)\n",
		m.To.Reveal(), m.Code, int(m.ValidFor/time.Minute))
	if err != nil {
		return fmt.Errorf("printing a code: %w", err)
	}
	return nil
}

// messageID makes a Message-ID (RFC 5322 §3.6.4) that says nothing about this machine.
func messageID(domain string) string { return rand.Text() + "@" + domain }
