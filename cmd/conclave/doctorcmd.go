package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"conclave/cmd/conclave/doctor"
	"conclave/config"
	"conclave/protocol"
	"conclave/sfu/transport/stun"
)

// doctorCmd looks for what is wrong with this machine and its configuration.
type doctorCmd struct {
	options
	JSON bool `help:"Print the findings as JSON."`
}

// examination collects the facts for package doctor.
type examination struct {
	cfg    *settings
	d      *config.Deployment
	probes probes
	holder func(network, address string) doctor.Process
	roots  *x509.CertPool // nil for the system's
	client *http.Client   // asks this machine's own server, whatever name is on its certificate
	now    func() time.Time
}

// lookTimeout bounds each question to the network.
const lookTimeout = 5 * time.Second

// Run examines and prints. It fails if there is a problem.
func (cmd *doctorCmd) Run(c console, sources *config.Sources) error {
	findings := cmd.findings(sources.Path())
	if err := printFindings(c.out, findings, cmd.JSON); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if doctor.Worst(findings) == doctor.Problem {
		return errors.New("there are problems")
	}
	return nil
}

// findings examines with what is in file; "" if none was read.
func (cmd *doctorCmd) findings(file string) []doctor.Finding {
	beside := filepath.Join(filepath.Dir(cmp.Or(file, config.DefaultFile)), config.SecretsFile)
	if _, err := config.ReadSecrets(beside); errors.Is(err, os.ErrPermission) {
		// Without the password, most of what it found would be wrong.
		return []doctor.Finding{{Check: "config", Level: doctor.Problem, Text: "This user may not read " + beside + ".",
			Do: "Run conclave doctor as root."}}
	}
	var findings []doctor.Finding
	if file == "" {
		findings = append(findings, doctor.Finding{Check: "config", Level: doctor.Warning,
			Text: "No configuration file was read.", Do: "Name it with --config, or run conclave setup."})
	}
	d, err := cmd.Config.deploy()
	if err != nil {
		return append(findings, doctor.Finding{Check: "config", Level: doctor.Problem, Text: err.Error(),
			Do: "Correct it, or run conclave setup."})
	}
	return append(findings, newExamination(&cmd.Config, d).run(context.Background())...)
}

func newExamination(cfg *settings, d *config.Deployment) *examination {
	return &examination{cfg: cfg, d: d, probes: realProbes(), holder: portHolder, now: time.Now, client: &http.Client{
		Timeout: lookTimeout,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			// It asks its own machine about ways to media; nothing secret is sent.
			InsecureSkipVerify: true, ServerName: d.URL.Hostname(), //nolint:gosec // see above
		}},
	}}
}

func printFindings(w io.Writer, findings []doctor.Finding, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(findings) //nolint:wrapcheck // wrapped by the caller
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(w, "%-8s %-12s %s\n", f.Level, f.Check, f.Text); err != nil {
			return err //nolint:wrapcheck // wrapped by the caller
		}
		if f.Do != "" {
			if _, err := fmt.Fprintf(w, "%-8s %-12s → %s\n", "", "", f.Do); err != nil {
				return err //nolint:wrapcheck // wrapped by the caller
			}
		}
	}
	return nil
}

// run makes every check, in the order in which trouble arises.
func (e *examination) run(ctx context.Context) []doctor.Finding {
	findings := []doctor.Finding{{Check: "config", Level: doctor.OK, Text: "The server is " + e.d.URL.String() + "."}}
	add := func(f ...doctor.Finding) { findings = append(findings, f...) }
	media, err := mediaAddresses(&e.cfg.Config, e.d.Loopback, e.d.MediaPorts[0])
	if err != nil {
		return append(findings, doctor.Finding{Check: "address", Level: doctor.Problem, Text: err.Error(),
			Do: "Set media_listen."})
	}
	if !e.d.Loopback {
		names := e.names(ctx, media)
		add(doctor.DNS(names), doctor.Address(names))
	}
	ports, server, running := e.ports(ctx, media)
	add(ports...)
	if running {
		seen := e.outsideChecks(ctx)
		if ways := e.tryMedia(ctx); len(ways) > 0 {
			add(doctor.Local(ways))
		}
		if !e.d.Loopback {
			add(doctor.Outside(seen, e.d.URL.String()+"/check"))
		}
	}
	if e.d.TLS != config.NoTLS {
		add(doctor.TLS(e.certificate(ctx, running), e.now()))
	}
	add(doctor.Mail(e.d.SMTP != nil, e.mail(ctx)))
	add(doctor.Time(e.clock(ctx)), doctor.Buffers(socketBuffers()))
	if server != 0 || !running { // not known of a process that this user may not see
		add(doctor.Files(filesOf(server), e.cfg.MaxConnections))
	}
	return findings
}

func (e *examination) names(ctx context.Context, media []netip.AddrPort) doctor.Names {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	n := doctor.Names{Domain: e.d.URL.Hostname(), Advertise: e.cfg.Advertise, Proxied: e.cfg.BehindProxy}
	n.Resolved, n.Err = e.probes.lookup(ctx, n.Domain)
	for _, a := range media {
		n.Own = append(n.Own, a.Addr())
	}
	return n
}

// ports tries to open what the server opens. server is the process of a running one; 0 for none, and for one that this
// user may not see, which is running because it answers.
func (e *examination) ports(ctx context.Context, media []netip.AddrPort) (
	findings []doctor.Finding, server int, running bool,
) {
	answers := sync.OnceValue(func() bool { return e.answers(ctx) })
	try := func(network, address string) {
		err := open(ctx, network, address)
		var who doctor.Process
		if err != nil {
			who = e.holder(network, address)
			who.Answers = who.PID == 0 && answers()
		}
		if who.Ours {
			server = who.PID
		}
		running = running || who.Ours || who.Answers
		findings = append(findings, doctor.Port(network, address, err, who))
	}
	try("tcp", e.d.Listen)
	if e.d.Redirect != "" {
		try("tcp", e.d.Redirect)
	}
	for _, a := range media {
		try("udp", a.String())
	}
	return findings, server, running
}

// answers says whether a server of Conclave answers where this one would.
func (e *examination) answers(ctx context.Context) bool {
	resp, err := e.ask(ctx, http.MethodGet, ownURL(e.d)+"/api/config", nil)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	var c protocol.Config
	err = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&c)
	return err == nil && resp.StatusCode == http.StatusOK && c.Version != ""
}

// open opens a port and closes it at once.
func open(ctx context.Context, network, address string) error {
	var lc net.ListenConfig
	if network == "udp" {
		c, err := lc.ListenPacket(ctx, network, address)
		if err != nil {
			return err //nolint:wrapcheck // looked at by package doctor
		}
		return c.Close() //nolint:wrapcheck // looked at by package doctor
	}
	l, err := lc.Listen(ctx, network, address)
	if err != nil {
		return err //nolint:wrapcheck // looked at by package doctor
	}
	return l.Close() //nolint:wrapcheck // looked at by package doctor
}

// ask sends a request to the server of this machine, as a browser that came by its name would.
func (e *examination) ask(ctx context.Context, method, address string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller tells it
	}
	if strings.HasPrefix(address, ownURL(e.d)+"/") {
		req.Host = e.d.URL.Host
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Forwarded-For", "127.0.0.1") // believed with behind_proxy only, where it is needed
	}
	return e.client.Do(req) //nolint:wrapcheck // the caller tells it
}

// outsideChecks reads what the running server has counted of checks from other machines; nil if it does not say.
func (e *examination) outsideChecks(ctx context.Context) map[string]int {
	if e.cfg.AdminListen == "" {
		return nil
	}
	resp, err := e.ask(ctx, http.MethodGet, "http://"+e.cfg.AdminListen+"/metrics", nil)
	if err != nil {
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil
	}
	family := families["conclave_reach_outside_checks_total"]
	if family == nil {
		return nil // something else answers there
	}
	out := map[string]int{}
	for _, m := range family.GetMetric() {
		for _, l := range m.GetLabel() {
			out[l.GetValue()] = int(m.GetCounter().GetValue())
		}
	}
	return out
}

// tryMedia asks the running server for a check of the network, and makes it from here: one datagram and one connection
// to each address that clients are told.
func (e *examination) tryMedia(ctx context.Context) (ways []doctor.Way) {
	resp, err := e.ask(ctx, http.MethodPost, ownURL(e.d)+"/api/check", []byte("{}"))
	if err != nil {
		return []doctor.Way{{Name: "TCP", Address: e.d.Listen, Err: err}}
	}
	defer func() { _ = resp.Body.Close() }()
	var check protocol.PathCheck
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&check); err != nil ||
		resp.StatusCode != http.StatusOK {
		return []doctor.Way{{Name: "TCP", Address: e.d.Listen, Err: fmt.Errorf("the server answered %s", resp.Status)}}
	}
	for _, c := range check.Candidates {
		f := strings.Fields(c) // foundation, component, transport, priority, address, port (RFC 8839 §5.1)
		if len(f) < 6 {
			continue
		}
		at, err := netip.ParseAddrPort(net.JoinHostPort(f[4], f[5]))
		if err != nil {
			continue
		}
		way := doctor.Way{Name: "TCP", Address: at.String()}
		if strings.EqualFold(f[2], "tcp") {
			way.Err = dialTCP(ctx, at)
		} else {
			way.Name, way.Err = "UDP", pingUDP(ctx, at, check.ICEUfrag, check.ICEPwd)
		}
		ways = append(ways, way)
	}
	return ways
}

func dialTCP(ctx context.Context, at netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", at.String())
	if err != nil {
		return errors.New("no connection")
	}
	return conn.Close() //nolint:wrapcheck // never fails
}

// pingUDP sends an ICE check three times and waits for an answer.
func pingUDP(ctx context.Context, at netip.AddrPort, ufrag, pwd string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", at.String())
	if err != nil {
		return err //nolint:wrapcheck // names the address
	}
	defer func() { _ = conn.Close() }()
	request := stun.AppendCheck(nil, stun.ID{1}, ufrag, "doctor", 1, stun.NewKey(pwd))
	answer := make([]byte, 1500)
	for range 3 {
		if _, err := conn.Write(request); err != nil {
			return errors.New("not reachable")
		}
		_ = conn.SetReadDeadline(time.Now().Add(lookTimeout / 3))
		if n, err := conn.Read(answer); err == nil && stun.IsAnswer(answer[:n]) {
			return nil
		}
	}
	return errors.New("no answer")
}

// certificate asks the running server for it; else it reads the files.
func (e *examination) certificate(ctx context.Context, running bool) doctor.Certificate {
	c := doctor.Certificate{Name: e.d.URL.Hostname(), Running: running, ACME: e.d.TLS == config.TLSACME}
	var chain []*x509.Certificate
	switch {
	case running:
		chain, c.Err = e.presented(ctx, c.Name)
	case c.ACME:
		c.Err = errors.New("the server is not running")
	default:
		pair, err := tls.LoadX509KeyPair(e.cfg.TLSCert, e.cfg.TLSKey)
		c.Err = err
		for _, der := range pair.Certificate {
			cert, err := x509.ParseCertificate(der)
			c.Err = errors.Join(c.Err, err)
			chain = append(chain, cert)
		}
	}
	if c.Err != nil || len(chain) == 0 {
		return c
	}
	c.NotBefore, c.NotAfter = chain[0].NotBefore, chain[0].NotAfter
	more := x509.NewCertPool()
	for _, cert := range chain[1:] {
		more.AddCert(cert)
	}
	// The time is looked at on its own: package doctor has clearer findings than the library's.
	_, c.Err = chain[0].Verify(x509.VerifyOptions{DNSName: c.Name, Roots: e.roots, Intermediates: more,
		CurrentTime: c.NotAfter.Add(-time.Minute)})
	return c
}

func (e *examination) presented(ctx context.Context, name string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	host, port, _ := net.SplitHostPort(e.d.Listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName: name, InsecureSkipVerify: true, //nolint:gosec // certificate verifies it
	}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err //nolint:wrapcheck // told as it is
	}
	defer func() { _ = conn.Close() }()
	if c, ok := conn.(*tls.Conn); ok {
		return c.ConnectionState().PeerCertificates, nil
	}
	return nil, errors.New("no certificate")
}

// mail returns what is wrong with the mail server; "" for nothing.
func (e *examination) mail(ctx context.Context) string {
	if e.d.SMTP == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := e.probes.mail(ctx, e.cfg); err != nil {
		return err.Error()
	}
	return ""
}

// clock compares the time with that of the certificate authority, which the server talks to anyway.
func (e *examination) clock(ctx context.Context) (c doctor.Clock) {
	c.Synchronized, c.Known = clockSynchronized()
	if e.d.TLS != config.TLSACME {
		c.Err = errors.New("not asked")
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, e.cfg.ACMECA, http.NoBody)
	if err != nil {
		c.Err = err
		return c
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Err = err
		return c
	}
	_ = resp.Body.Close()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	c.Offset, c.Err = e.now().Sub(theirs), err
	return c
}

// portOf is the port of host:port; 0 if there is none.
func portOf(address string) uint64 {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.ParseUint(port, 10, 16)
	return n
}
