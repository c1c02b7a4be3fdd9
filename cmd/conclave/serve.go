package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"conclave/audit"
	"conclave/auth"
	"conclave/cmd/conclave/doctor"
	"conclave/config"
	"conclave/handover"
	"conclave/meeting"
	"conclave/reach"
	"conclave/static"
)

// serveCmd runs the server.
type serveCmd struct{ options }

// Run serves until SIGTERM or SIGINT, then stops. After SIGTERM meetings have time to end. A second signal ends the
// process as if it had not been caught.
func (cmd *serveCmd) Run(c console, s *config.Sources) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() { // ends with the process
		var why error
		if <-signals == os.Interrupt {
			why = errInterrupted
		}
		signal.Reset(syscall.SIGTERM, os.Interrupt)
		stop(why)
	}()
	if err := forbidCoreDumps(); err != nil {
		return err
	}
	return serve(ctx, &cmd.Config, c, s.Path(), nil)
}

// server is a running server.
type server struct {
	cfg        *settings
	deployment *config.Deployment
	console    console
	log        *slog.Logger
	auth       *auth.Service
	media      *media
	audit      *audit.Log                       // nil without `audit`
	audited    atomic.Pointer[meeting.Registry] // whose meetings hear of the audit log; nil for none
	health     *health
	metrics    *metrics
	botToken   string // made at start; empty if configured or not on loopback
	now        func() time.Time

	port    *reach.Port
	servers []*http.Server
	failed  chan error // capacity: one per server and listener
	starts  []func()   // what begins to accept, once the server is whole
	opened  []net.Listener
	begun   bool // starts were started: what they serve closes the listeners

	generations *generations // nil if the server does not hand over
	parts       parts        // of the router
	assets      string       // the version of the web client; "" while it is read from a directory

	stopCertificates context.CancelFunc // ends their renewal
}

// errInterrupted is the cause of a context that SIGINT ended.
var errInterrupted = errors.New("interrupted")

// serve runs a server until ctx ends; meetings have no time if its cause is errInterrupted. started, if not nil, is
// called once the server can be reached.
func serve(ctx context.Context, cfg *settings, c console, file string, started func(*server)) (err error) {
	s, err := openServer(ctx, cfg, c)
	if err != nil {
		return err
	}
	defer s.close()
	s.announce(file)
	if err := notify(os.Getenv("NOTIFY_SOCKET")); err != nil {
		s.log.Warn("systemd was not told that the server is ready", "error", err)
	}
	if started != nil {
		started(s)
	}
	var given chan *handover.Link
	if s.generations != nil {
		given = s.generations.given
	}
	select {
	case link := <-given:
		return s.retire(ctx, link)
	case <-ctx.Done():
		wait := cfg.Running.StopTimeout
		if errors.Is(context.Cause(ctx), errInterrupted) {
			wait = 0
		}
		return s.drain(wait)
	case err := <-s.failed:
		return err
	}
}

// portTries is how many ports are tried if the system is to choose one: one that is free over TCP may not be over UDP.
const portTries = 5

// openServer makes a server that can be reached.
func openServer(ctx context.Context, cfg *settings, c console) (*server, error) {
	for try := 1; ; try++ {
		d, err := cfg.deploy()
		if err != nil {
			return nil, fmt.Errorf("the configuration cannot be served:\n%w", err)
		}
		if try == 1 {
			_, _ = fmt.Fprintf(c.out, "conclave %s is starting\n", version())
		}
		g, err := beginGenerations(ctx, cfg, newLog(cfg.Running, c.err))
		if err != nil {
			return nil, err
		}
		takesOver := g.takesOver()
		s, err := openOnce(ctx, cfg, d, c, g)
		_, port, _ := net.SplitHostPort(d.Listen)
		if port != "0" || takesOver || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return s, err
		}
	}
}

func openOnce(
	ctx context.Context, cfg *settings, d *config.Deployment, c console, g *generations,
) (*server, error) {
	s := &server{
		generations: g, stopCertificates: func() {},
		cfg: cfg, deployment: d, console: c, log: newLog(cfg.Running, c.err), metrics: newMetrics(),
		failed: make(chan error, 4+2*maxMediaListeners), now: steadyClock(time.Now),
	}
	listener, err := s.listen(ctx, "web", d.Listen)
	if err != nil {
		g.close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	s.adoptPort(listener)
	takesOver := g.takesOver()
	if err := s.start(ctx, listener); err != nil {
		s.close()
		return nil, err
	}
	err = s.openDoor()
	switch {
	case err == nil:
	case takesOver: // the version before has given everything away, and ends if this one does
		s.log.Warn("no later version can take over from this one: restart to upgrade", "error", err)
	default:
		s.close()
		return nil, err
	}
	return s, nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address) //nolint:wrapcheck // the caller wraps it
}

// adoptPort fills in what only the open socket knows, when port 0 was asked for.
func (s *server) adoptPort(l net.Listener) {
	addr, ok := l.Addr().(*net.TCPAddr)
	if _, port, _ := net.SplitHostPort(s.deployment.Listen); !ok || port != "0" {
		return
	}
	actual := addr.AddrPort().Port()
	if host, _, err := net.SplitHostPort(s.deployment.URL.Host); err == nil {
		s.deployment.URL.Host = net.JoinHostPort(host, strconv.Itoa(int(actual)))
	}
	for i, p := range s.cfg.MediaPorts {
		if p < 0 {
			s.deployment.MediaPorts[i] = actual
		}
	}
}

// start opens everything behind the listener, then the listener.
func (s *server) start(ctx context.Context, l net.Listener) (err error) {
	if err := s.startAudit(ctx); err != nil {
		return err
	}
	if s.auth, err = s.newAuth(); err != nil {
		return err
	}
	s.metrics.watchMail(s.auth.MailHealth)
	s.health = &health{mail: s.auth.MailHealth}
	if s.audit != nil {
		s.health.audit = s.audit.Health
		s.metrics.watchAudit(s.audit.Health)
	}
	if s.media, err = s.startMedia(ctx, l); err != nil {
		return err
	}
	client, err := static.Handler(static.Options{Dir: s.cfg.Running.StaticDir})
	if err != nil {
		return fmt.Errorf("the web client: %w", err)
	}
	if s.assets, err = static.Version(); err != nil {
		return fmt.Errorf("the web client: %w", err)
	}
	s.parts = parts{
		cfg: s.cfg, deployment: s.deployment, auth: s.auth, meetings: s.media.routes, client: client,
		health: s.health, metrics: s.metrics, log: s.log, route: s.route(false),
	}
	router, err := newRouter(s.parts)
	if err != nil {
		return err
	}
	tlsConfig, challenge, err := s.newTLS(ctx)
	if err != nil {
		return err
	}
	if err := s.startAdmin(ctx); err != nil {
		return err
	}
	if err := s.startRedirect(ctx, challenge); err != nil {
		return err
	}
	s.openPort(newHTTPServer(router), l, tlsConfig)
	return s.takeOver(ctx, tlsConfig)
}

// listen opens a listener, or takes that of the version before. purpose tells those of one address apart.
func (s *server) listen(ctx context.Context, purpose, address string) (net.Listener, error) {
	l, err := s.generations.listen(ctx, purpose, address)
	if err == nil {
		s.opened = append(s.opened, l)
	}
	return l, err
}

// begin begins to accept.
func (s *server) begin() {
	s.begun = true
	for _, start := range s.starts {
		go start()
	}
}

// serve runs one HTTP server on one listener. fair, if not nil, is what bounds the listener's connections.
func (s *server) serve(h *http.Server, l net.Listener, fair *fairListener) {
	if fair != nil {
		h.ConnState = fair.note
	}
	h.ErrorLog = slog.NewLogLogger(discardAddresses{s.log.Handler()}, slog.LevelDebug)
	s.servers = append(s.servers, h)
	s.starts = append(s.starts, func() { // ends when h is shut down or closed, in drain or close
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serving: %w", err)
		}
	})
}

func (s *server) startAdmin(ctx context.Context) error {
	if s.cfg.AdminListen == "" {
		return nil
	}
	l, err := s.listen(ctx, "admin", s.cfg.AdminListen)
	if errors.Is(err, syscall.EADDRINUSE) && s.deployment.Loopback {
		s.log.Warn("admin_listen is in use: no metrics from this process", "address", s.cfg.AdminListen)
		return nil
	}
	if err != nil {
		return fmt.Errorf("admin_listen: %w", err)
	}
	s.serve(newHTTPServer(newAdminRouter(s.health, s.metrics.handlerOf(s.gatherer()), s.audit)), l, nil)
	return nil
}

func (s *server) startRedirect(ctx context.Context, challenge func(http.Handler) http.Handler) error {
	if s.deployment.Redirect == "" {
		return nil
	}
	l, err := s.listen(ctx, "redirect", s.deployment.Redirect)
	if err != nil {
		return fmt.Errorf("redirect_listen: %w (set redirect_listen to off to go without)", err)
	}
	h := redirectHandler(s.deployment)
	if challenge != nil {
		h = challenge(h)
	}
	fair := limitListener(l, &s.cfg.Config, nil)
	s.serve(newHTTPServer(h), fair, fair)
	return nil
}

// closeTimeout bounds the end of connections, once meetings have had their time. With stop_timeout it is below the stop
// time of the unit and of compose.
const closeTimeout = 10 * time.Second

// drain ends the service in order: probes fail first, meetings have so long to end, no connection is taken any more,
// participants are told, requests that have begun are answered.
func (s *server) drain(wait time.Duration) error {
	s.log.Info("stopping: meetings may go on, no new ones", "for", wait)
	s.generations.endOlder(wait)
	s.health.draining.Store(true)
	if wait > 0 {
		meetings, over := context.WithTimeout(context.Background(), wait)
		s.media.registry.EndIn(meetings, wait)
		over()
	}
	s.port.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	if err := s.media.drain(ctx); err != nil {
		errs = append(errs, fmt.Errorf("draining meetings: %w", err))
	}
	for _, h := range s.servers {
		if err := h.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("draining: %w", err))
			_ = h.Close()
		}
	}
	s.log.Info("stopped")
	return errors.Join(errs...)
}

// close ends what is left, in the opposite order of start.
func (s *server) close() {
	s.generations.close()
	if !s.begun { // no server closes them
		for _, l := range s.opened {
			_ = l.Close()
		}
	}
	for _, h := range s.servers {
		_ = h.Close()
	}
	if s.port != nil {
		s.port.Close()
	}
	if s.media != nil {
		s.media.close()
	}
	if s.auth != nil {
		s.auth.Close()
	}
	if s.audit != nil {
		if err := s.audit.Close(); err != nil {
			s.log.Error("closing the audit log", "error", err)
		}
	}
}

func (s *server) newAuth() (*auth.Service, error) {
	c := s.cfg.authConfig()
	c.Insecure = !s.deployment.Secure
	if len(c.BotTokens) == 0 && s.deployment.Loopback {
		var b [32]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("making a bot token: %w", err)
		}
		s.botToken = hex.EncodeToString(b[:])
		c.BotTokens = []string{s.botToken}
	}
	m, err := newMailer(&s.cfg.Config, s.deployment, s.console.out)
	if err != nil {
		return nil, err
	}
	deps := auth.Deps{Mailer: m, Log: s.log, Count: s.metrics.authEvent, Now: s.now}
	if s.audit != nil {
		deps.Recorder = signIns{s.audit}
	}
	return auth.New(c, deps)
}

// newMailer makes what sends codes: the mail server, or, on loopback without one, the console.
func newMailer(c *config.Config, d *config.Deployment, out io.Writer) (auth.Mailer, error) {
	if d.SMTP == nil {
		if !d.Loopback { // config.Deploy has refused this already: here it must not depend on that
			return nil, errors.New("codes are printed to the console on loopback only")
		}
		return auth.NewConsoleMailer(out), nil
	}
	from, err := auth.ParseEmail(d.From)
	if err != nil {
		return nil, fmt.Errorf("smtp_from: %w", err)
	}
	sc := auth.SMTPConfig{
		Host: d.SMTP.Host, Port: d.SMTP.Port, TLS: auth.TLSStartTLS,
		Username: d.SMTP.Username, Password: c.SMTPPassword.Reveal(),
		From: from, FromName: c.Name, HELO: d.URL.Hostname(), Timeout: c.SMTPTimeout,
	}
	if d.SMTP.Implicit {
		sc.TLS = auth.TLSImplicit
	}
	if d.SMTP.Plain {
		sc.TLS = auth.TLSNone
	}
	if c.SMTPCA != "" {
		pem, err := os.ReadFile(c.SMTPCA)
		if err != nil {
			return nil, fmt.Errorf("smtp_ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("smtp_ca: no certificate in the file")
		}
		sc.TLSConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return auth.NewSMTPMailer(sc, c.Name, d.URL.Hostname())
}

// announce prints what an operator wants to see at start.
func (s *server) announce(file string) {
	if file == "" {
		file = "none"
	}
	mail := "printed here (no mail server is configured, and this is loopback)"
	if s.deployment.SMTP != nil {
		mail = "by mail through " + s.deployment.SMTP.Host
	}
	line := func(name, text string) { _, _ = fmt.Fprintf(s.console.out, "%-9s %s\n", name, text) }
	line("config", "flags > CONCLAVE_* > file ("+file+")   (print it: conclave config print)")
	line("url", s.deployment.URL.String()+"/")
	line("media", s.media.String())
	line("streams", s.media.streams(s.cfg.Turn))
	s.announceClients(line)
	line("codes", mail)
	if s.audit != nil {
		line("audit", s.cfg.Auditing.AuditDir+"   (keep this key elsewhere: "+s.audit.Health().FirstKey+")")
	}
	if s.botToken != "" {
		line("bots", "conclave bots --url "+s.deployment.URL.String()+" --token "+s.botToken)
	}
}

// announceClients prints what clients are told to send sound and picture to.
func (s *server) announceClients(line func(name, text string)) {
	told := ""
	for _, a := range s.media.sfu.Addresses() {
		told += a.String() + "/udp "
	}
	for _, a := range s.media.sfu.TCPAddresses() {
		told += a.String() + "/tcp "
	}
	line("clients", "are told "+strings.TrimSpace(told))
	if s.deployment.Loopback {
		return
	}
	n := doctor.Names{Advertise: s.cfg.Advertise, Proxied: s.cfg.BehindProxy}
	for _, a := range s.media.addrs {
		n.Own = append(n.Own, a.Addr())
	}
	if f := doctor.Address(n); f.Level != doctor.OK {
		line("", f.Text+" "+f.Do)
	}
	line("check", s.deployment.URL.String()+"/check from another network; on this machine: conclave doctor")
}

func newLog(r config.Running, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.Level(r.LogLevel)}
	if r.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// discardAddresses stands in for net/http's error log, whose lines ("TLS handshake error from 203.0.113.7:…") hold
// client addresses: only that something happened is kept.
type discardAddresses struct{ slog.Handler }

// Handle is part of slog.Handler.
func (h discardAddresses) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(time.Now(), r.Level, "a connection failed", 0)
	return h.Handler.Handle(ctx, clean) //nolint:wrapcheck // a pass-through
}
