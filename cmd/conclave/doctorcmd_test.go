package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"conclave/cmd/conclave/doctor"
	"conclave/config"
)

// find returns the findings of one check.
func find(list []doctor.Finding, check string) (out []doctor.Finding) {
	for _, f := range list {
		if f.Check == check {
			out = append(out, f)
		}
	}
	return out
}

func examinationOf(t *testing.T, args ...string) *examination {
	t.Helper()
	cfg := parseConfig(t, args...)
	d, err := cfg.deploy()
	if err != nil {
		t.Fatal(err)
	}
	e := newExamination(cfg, d)
	e.probes = goodProbes()
	return e
}

func TestDoctorExaminesARunningServer(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der := certificate(t, certFile, keyFile)
	admin := freePort(t)
	files := []string{"--tls-cert", certFile, "--tls-key", keyFile, "--admin-listen", admin, "--url", "https://localhost"}
	var running *server
	ctx, cancel := context.WithCancel(t.Context())
	started, done := make(chan *server, 1), make(chan error, 1)
	cfg := parseConfig(t, append(files, "--listen", "127.0.0.1:0", "--media-listen", "127.0.0.1")...)
	go func() {
		done <- serve(ctx, cfg, console{&output{}, &output{}}, "", func(s *server) { started <- s })
	}()
	select {
	case running = <-started:
	case err := <-done:
		t.Fatal(err)
	}
	defer func() { cancel(); <-done }()
	address := running.media.addrs[0]
	e := examinationOf(t, append(files, "--listen", address.String(), "--media-listen", "127.0.0.1")...)
	list := e.run(t.Context())
	for _, f := range find(list, "ports") {
		if runtime.GOOS == "linux" && (f.Level != doctor.OK || !strings.Contains(f.Text, "served by")) {
			t.Errorf("%+v", f)
		}
	}
	if f := find(list, "media"); len(f) != 1 || f[0].Level != doctor.OK || !strings.Contains(f[0].Text, "/UDP") ||
		!strings.Contains(f[0].Text, "/TCP") {
		t.Errorf("%+v", f)
	}
	// A user who is not root does not see whose the ports are.
	e.holder = func(string, string) doctor.Process { return doctor.Process{} }
	unseen := e.run(t.Context())
	for _, f := range find(unseen, "ports") {
		if f.Level != doctor.OK || !strings.Contains(f.Text, "the server answers") {
			t.Errorf("%+v", f)
		}
	}
	if len(find(unseen, "media")) != 1 || len(find(unseen, "files")) != 0 {
		t.Errorf("%+v", unseen)
	}
	// No browser trusts a certificate that signs itself.
	if f := find(list, "certificate"); len(f) != 1 || f[0].Level != doctor.Problem {
		t.Errorf("%+v", f)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	e.roots = x509.NewCertPool()
	e.roots.AddCert(parsed)
	if f := doctor.TLS(e.certificate(t.Context(), true), time.Now()); !strings.Contains(f.Text, "expires in 0 days") {
		t.Errorf("%+v", f)
	}
	if seen := e.outsideChecks(t.Context()); len(seen) != 3 || seen["udp"] != 0 {
		t.Errorf("%v: the doctor's own checks are not from outside", seen)
	}
}

// publicServer are the options of a public server that does not run.
var publicServer = []string{"--domain", "meet.example.org", "--smtp", "smtp+plain://localhost:25",
	"--listen", "127.0.0.1:443", "--redirect-listen", "off", "--admin-listen", "", "--media-listen", "127.0.0.1", "--media-port", "0"}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if err := open(t.Context(), "tcp", l.Addr().String()); err == nil {
		t.Error("a port in use is free")
	}
	if who := portHolder("tcp", l.Addr().String()); runtime.GOOS == "linux" && (who.PID != os.Getpid() || !who.Ours) {
		t.Errorf("%+v", who)
	}
	if who := portHolder("tcp", freePort(t)); who.PID != 0 {
		t.Errorf("nobody has the port, and %+v", who)
	}
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t.Context(), "udp", u.LocalAddr().String()); err == nil {
		t.Error("a UDP port in use is free")
	}
	if who := portHolder("udp", u.LocalAddr().String()); runtime.GOOS == "linux" && who.PID != os.Getpid() {
		t.Errorf("%+v", who)
	}
	at := netip.MustParseAddrPort(u.LocalAddr().String())
	_ = u.Close()
	if pingUDP(t.Context(), at, "u", "p") == nil || dialTCP(t.Context(), at) == nil {
		t.Error("a closed port answers")
	}
}

func TestDoctorSaysThatTheMachineIsNotThatOfTheName(t *testing.T) {
	e := examinationOf(t, publicServer...)
	e.d.Loopback, e.d.TLS = false, config.NoTLS // as on a public address, which this machine may not have
	e.probes.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	e.probes.mail = func(context.Context, *settings) error { return errors.New("the port is blocked") }
	list := e.run(t.Context())
	for check, want := range map[string]string{
		"dns": "does not resolve", "address": "private addresses only", "mail": "the port is blocked",
	} {
		if f := find(list, check); len(f) != 1 || f[0].Level != doctor.Problem || !strings.Contains(f[0].Text, want) {
			t.Errorf("%s: %+v", check, f)
		}
	}
	if len(find(list, "clock")) != 1 || len(find(list, "buffers")) != 1 || len(find(list, "files")) != 1 {
		t.Errorf("%+v", list)
	}
}

func TestDoctorComparesTheClock(t *testing.T) {
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	}))
	defer authority.Close()
	e := examinationOf(t, append(publicServer, "--acme-ca", authority.URL)...)
	e.d.TLS = config.TLSACME
	if f := doctor.Time(e.clock(t.Context())); f.Level != doctor.Problem || !strings.Contains(f.Text, "ahead") {
		t.Errorf("%+v", f)
	}
	if f := doctor.TLS(e.certificate(t.Context(), false), time.Now()); f.Level != doctor.Warning {
		t.Errorf("%+v", f)
	}
}

func TestDoctorSaysThatItReadNoFile(t *testing.T) {
	if _, err := os.Stat(config.DefaultFile); err == nil {
		t.Skip("this machine has a configuration")
	}
	cmd := doctorCmd{options: options{Config: *parseConfig(t, "--domain", "meet.example.org")}}
	list := cmd.findings("")
	if len(list) != 2 || list[0].Level != doctor.Warning || !strings.Contains(list[0].Text, "No configuration file") {
		t.Errorf("%+v", list)
	}
}

func TestDoctorNeedsToReadTheSecrets(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := inDir(t, map[string]string{config.SecretsFile: ""})
	if err := os.Chmod(filepath.Join(dir, config.SecretsFile), 0); err != nil {
		t.Fatal(err)
	}
	cmd := doctorCmd{options: options{Config: *parseConfig(t, "--domain", "meet.example.org")}}
	list := cmd.findings(filepath.Join(dir, "config.yaml"))
	if len(list) != 1 || !strings.Contains(list[0].Do, "as root") {
		t.Errorf("%+v", list)
	}
}

// TestDoctorTellsUnreadableMetricsFromNone: another program on the admin port counts no checks.
func TestDoctorTellsUnreadableMetricsFromNone(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("up 1\n"))
	}))
	defer other.Close()
	e := examinationOf(t, append(publicServer, "--admin-listen", strings.TrimPrefix(other.URL, "http://"))...)
	if seen := e.outsideChecks(t.Context()); seen != nil {
		t.Errorf("%v", seen)
	}
}

func TestDoctorPrintsJSONAndFailsWithAProblem(t *testing.T) {
	env := []string{"CONCLAVE_CONFIG=" + os.DevNull}
	var out, errOut bytes.Buffer
	code := run([]string{"doctor", "--json", "--domain", "meet.example.org"}, env, console{&out, &errOut})
	var list []doctor.Finding
	if err := json.Unmarshal(out.Bytes(), &list); err != nil || code != 1 || len(list) != 1 || list[0].Check != "config" {
		t.Errorf("%d %v\n%s", code, err, out.String())
	}
	out.Reset()
	code = run([]string{"doctor", "--listen", "127.0.0.1:0", "--admin-listen", "", "--media-listen", "127.0.0.1"}, env,
		console{&out, &errOut})
	if code != 0 || !strings.Contains(out.String(), "codes are printed in the terminal") {
		t.Errorf("%d\n%s", code, out.String())
	}
}
