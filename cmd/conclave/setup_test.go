package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"conclave/config"
)

// goodProbes are of a machine on which everything is right.
func goodProbes() probes {
	own := []netip.Addr{netip.MustParseAddr("203.0.113.7")}
	return probes{
		lookup: func(context.Context, string) ([]netip.Addr, error) { return own, nil },
		own:    func() ([]netip.Addr, error) { return own, nil },
		mail:   func(context.Context, *settings) error { return nil },
	}
}

// runSetup answers the questions with the lines of input; every password is "it's $5".
func runSetup(t *testing.T, cmd *setupCmd, p probes, input string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	s := &setup{setupCmd: cmd, in: bufio.NewReader(strings.NewReader(input)), out: &out, probes: p}
	if !cmd.Yes {
		s.hidden = func() (string, error) { return "it's $5", nil }
	}
	err := s.run(t.Context())
	return out.String(), err
}

const fourAnswers = "meet.example.org\nsmtps://u@mail.example.org:465\n\nexample.org, example.com\n"

// written is what a server would read of the files in dir.
func written(t *testing.T, dir string) *settings {
	t.Helper()
	var grammar cli
	sources := config.NewSources(optionList(), nil, filepath.Join(dir, "config.yaml"))
	parser, err := newParser(&grammar, sources, console{io.Discard, io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"serve"}); err != nil {
		t.Fatal(err)
	}
	return &grammar.Serve.Config
}

func TestSetupWritesWhatFourAnswersSay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	out, err := runSetup(t, &setupCmd{Dir: dir, Unit: true, UnitDir: dir}, goodProbes(), fourAnswers)
	if err != nil {
		t.Fatal(err, out)
	}
	s := written(t, dir)
	d, err := s.deploy()
	if err != nil {
		t.Fatal(err)
	}
	if d.URL.String() != "https://meet.example.org" || d.SMTP.Host != "mail.example.org" ||
		d.From != "conclave@meet.example.org" || s.SMTPPassword.Reveal() != "it's $5" ||
		strings.Join(s.Auth.HostDomains, " ") != "example.org example.com" || s.Operator != "" || s.Admin != "" {
		t.Errorf("%+v %+v", d, s)
	}
	for name, mode := range map[string]os.FileMode{"secrets.env": 0o600, "config.yaml": 0o644, "conclave.service": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if !strings.Contains(out, "systemctl enable --now conclave") || strings.Contains(out, "it's $5") {
		t.Error(out)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "config.yaml")); strings.Contains(string(b), "$5") {
		t.Error("the configuration, which every user can read, holds the password")
	}
}

func TestSetupAsksAgainAndGoesOnOnlyWhenTold(t *testing.T) {
	bad := goodProbes()
	bad.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	refused := goodProbes()
	refused.mail = func(context.Context, *settings) error { return errors.New("the password is wrong") }
	for name, tt := range map[string]struct {
		probes      probes
		input, want string
		ok          bool
	}{
		"a_name_that_is_none": {goodProbes(), "not a name\nalone\n" + fourAnswers, "domain must be a host name", true},
		"dns_kept":            {bad, "meet.example.org\ny\nsmtps://u@mail.example.org:465\n\neveryone\n", "does not resolve", true},
		"dns_not_kept":        {bad, "meet.example.org\nn\n", "does not resolve", false},
		"mail_that_refuses":   {refused, "meet.example.org\nsmtps://u@mail.example.org:465\nn\n", "the password is wrong", false},
		"mail_without_scheme": {goodProbes(), "meet.example.org\nmail.example.org\nsmtps://u@mail.example.org\n\neveryone\n", "smtp", true},
		"no_terminal":         {goodProbes(), "", "name that people open", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			out, err := runSetup(t, &setupCmd{Dir: dir}, tt.probes, tt.input)
			_, missing := os.Stat(filepath.Join(dir, "config.yaml"))
			if (err == nil) != tt.ok || (missing == nil) != tt.ok || !strings.Contains(out, tt.want) {
				t.Errorf("%v %v\n%s", err, missing, out)
			}
		})
	}
}

func TestSetupKeepsAPasswordThatWasRefusedAndAsksForAnother(t *testing.T) {
	refused := goodProbes()
	refused.mail = func(context.Context, *settings) error { return errors.New("the mail server is down") }
	dir := t.TempDir()
	const kept = "meet.example.org\nsmtps://u@mail.example.org:465\ny\n\neveryone\n"
	if out, err := runSetup(t, &setupCmd{Dir: dir}, refused, kept); err != nil {
		t.Fatal(err, out)
	}
	if s := written(t, dir); s.SMTPPassword.Reveal() != "it's $5" {
		t.Errorf("the password was lost: %q", s.SMTPPassword.Reveal())
	}
	// A stored password that is wrong is asked for anew.
	wrong := "CONCLAVE_SMTP_PASSWORD='wrong'\n"
	if err := os.WriteFile(filepath.Join(dir, config.SecretsFile), []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	refused.mail = func(_ context.Context, s *settings) error {
		if s.SMTPPassword.Reveal() == "wrong" {
			return errors.New("the password is wrong")
		}
		return nil
	}
	if out, err := runSetup(t, &setupCmd{Dir: dir}, refused, "y\n\n\nn\n\n\n\n"); err != nil {
		t.Fatal(err, out)
	}
	if s := written(t, dir); s.SMTPPassword.Reveal() != "it's $5" {
		t.Errorf("the wrong password was kept: %q", s.SMTPPassword.Reveal())
	}
}

func TestSetupForScriptsTakesFlags(t *testing.T) {
	flags := func() *setupCmd {
		return &setupCmd{Dir: t.TempDir(), Yes: true, Domain: "meet.example.org", SMTP: "smtp://u@mail.example.org",
			Secret: "s", From: "codes@example.org"}
	}
	cmd := flags()
	if out, err := runSetup(t, cmd, goodProbes(), ""); err != nil {
		t.Fatal(err, out)
	}
	if s := written(t, cmd.Dir); s.SMTPFrom != "codes@example.org" || s.Auth.HostDomains != nil {
		t.Errorf("%+v", s)
	}
	missing := flags()
	missing.SMTP = ""
	if _, err := runSetup(t, missing, goodProbes(), ""); err == nil || !strings.Contains(err.Error(), "--smtp is needed") {
		t.Error(err)
	}
	secret := flags()
	secret.Secret = ""
	if _, err := runSetup(t, secret, goodProbes(), ""); err == nil || !strings.Contains(err.Error(), passwordName) {
		t.Error(err)
	}
	failing := goodProbes()
	failing.mail = func(context.Context, *settings) error { return errors.New("down") }
	if _, err := runSetup(t, flags(), failing, ""); err == nil || !strings.Contains(err.Error(), "--anyway") {
		t.Error(err)
	}
	anyway := flags()
	anyway.Anyway = true
	if _, err := runSetup(t, anyway, failing, ""); err != nil {
		t.Error(err)
	}
}

func TestSetupAgainKeepsWhatItDidNotAsk(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	const old = "# ours\nmax_meeting: 1h\ndomain: old.example.org\nhost_domains:\n  - example.org\n  - example.net\n" +
		"name: Talk\n"
	if err := os.WriteFile(file, []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := runSetup(t, &setupCmd{Dir: dir}, goodProbes(), "\n"); err == nil {
		t.Error("changed a file without asking")
	}
	if b, _ := os.ReadFile(file); string(b) != old {
		t.Errorf("changed all the same:\n%s", b)
	}
	if out, err := runSetup(t, &setupCmd{Dir: dir}, goodProbes(),
		"y\n\nsmtps://u@mail.example.org\n\n\n"); err != nil {
		t.Fatal(err, out)
	}
	s := written(t, dir)
	if hosts := strings.Join(s.Auth.HostDomains, " "); s.Domain != "old.example.org" || s.Name != "Talk" ||
		hosts != "example.org example.net" {
		t.Errorf("%+v", s)
	}
	b, _ := os.ReadFile(file)
	if !strings.HasPrefix(string(b), "# ours\nmax_meeting: 1h\n") || strings.Contains(string(b), "  - ") {
		t.Errorf("%s", b)
	}
	// Once more, now all answers are in the files, the password too.
	again := &setupCmd{Dir: dir, Yes: true, Overwrite: true, Hosts: "everyone"}
	if _, err := runSetup(t, again, goodProbes(), ""); err != nil {
		t.Fatal(err)
	}
	if s := written(t, dir); s.Auth.HostDomains != nil || s.SMTPPassword.Reveal() != "it's $5" {
		t.Errorf("%+v", s)
	}
}

// inDir writes files into a new folder.
func inDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSetupRefusesToWriteWhatAServerWouldRefuse(t *testing.T) {
	for name, old := range map[string]string{
		"a_comment_in_a_list":  "host_domains:\n  - example.net\n# ours\n  - example.edu\n",
		"a_name_in_quotes":     "\"domain\": old.example.org\n",
		"an_unknown_option":    "maximum_meeting: 1h\n",
		"a_file_that_is_wrong": "tls_cert: /etc/cert.pem\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := inDir(t, map[string]string{"config.yaml": old})
			out, err := runSetup(t, &setupCmd{Dir: dir}, goodProbes(), "y\n"+fourAnswers)
			if err == nil {
				t.Error(out)
			}
			entries, _ := os.ReadDir(dir)
			if b, _ := os.ReadFile(filepath.Join(dir, "config.yaml")); string(b) != old || len(entries) != 1 {
				t.Errorf("%v %s", entries, b)
			}
		})
	}
}

func TestSetupKeepsWhoseAFileIsAndWhoMayReadIt(t *testing.T) {
	elsewhere := inDir(t, map[string]string{"ours.yaml": "smtp_password: s3cret\n"})
	dir := t.TempDir()
	file := filepath.Join(elsewhere, "ours.yaml")
	if err := os.Symlink(file, filepath.Join(dir, "config.yaml")); err != nil {
		t.Fatal(err)
	}
	root := os.Getuid() == 0
	if root {
		if err := os.Chown(file, 1234, 2345); err != nil {
			t.Fatal(err)
		}
	}
	out, err := runSetup(t, &setupCmd{Dir: dir}, goodProbes(), "y\n"+fourAnswers)
	if err != nil {
		t.Fatal(err, out)
	}
	if link, err := os.Readlink(filepath.Join(dir, "config.yaml")); err != nil || link != file {
		t.Error("the link was replaced:", err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if uid, gid, ok := ownerOf(info); root && ok && (uid != 1234 || gid != 2345) {
		t.Errorf("now of %d:%d", uid, gid)
	}
	// The password in it was known, so none was asked for.
	if s := written(t, dir); s.SMTPPassword.Reveal() != "s3cret" || s.Domain != "meet.example.org" {
		t.Errorf("%+v", s)
	}
}

func TestSetupChecksWithWhatTheFileSays(t *testing.T) {
	dir := inDir(t, map[string]string{"config.yaml": "domain: meet.example.org\nadvertise: [198.51.100.9]\n" +
		"smtp_timeout: 7s\nmedia_listen: [10.0.0.1]\n"})
	p := goodProbes()
	p.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("10.0.0.1")}, nil
	}
	var timeout time.Duration
	p.mail = func(_ context.Context, s *settings) error { timeout = s.SMTPTimeout; return nil }
	out, err := runSetup(t, &setupCmd{Dir: dir}, p, "y\n\nsmtps://u@mail.example.org:465\n\n\n")
	if err != nil {
		t.Fatal(err, out)
	}
	if timeout != 7*time.Second || strings.Contains(out, "not an address of this machine") {
		t.Errorf("%v\n%s", timeout, out)
	}
	// Beside a compose file, what comes next is compose.
	if !strings.Contains(out, "docker compose up -d") || strings.Contains(out, "systemctl") ||
		!strings.Contains(out, "conclave doctor --config "+filepath.Join(dir, "config.yaml")) {
		t.Error(out)
	}
}

func TestSetupKnowsThePasswordInAFileAndReplacesItsName(t *testing.T) {
	kept := filepath.Join(inDir(t, map[string]string{"password": "from a file\n"}), "password")
	dir := inDir(t, map[string]string{config.SecretsFile: passwordName + "_FILE='" + kept + "'\n"})
	var tried []string
	p := goodProbes()
	p.mail = func(_ context.Context, s *settings) error {
		if tried = append(tried, s.SMTPPassword.Reveal()); len(tried) == 1 {
			return errors.New("wrong")
		}
		return nil
	}
	out, err := runSetup(t, &setupCmd{Dir: dir}, p,
		"meet.example.org\nsmtps://u@mail.example.org:465\nn\nsmtps://u@mail.example.org:465\n\n\n")
	if err != nil {
		t.Fatal(err, out)
	}
	if strings.Join(tried, ", ") != "from a file, it's $5" || written(t, dir).SMTPPassword.Reveal() != "it's $5" {
		t.Errorf("%q", tried)
	}
}

// refusingLogin is a mail server that knows no user.
type refusingLogin struct{ mailbox }

func (r refusingLogin) NewSession(*smtp.Conn) (smtp.Session, error) { return refusingSession{}, nil }

type refusingSession struct{ smtp.Session }

func (refusingSession) AuthMechanisms() []string { return []string{sasl.Plain} }
func (refusingSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, _ string) error { return smtp.ErrAuthFailed }), nil
}
func (refusingSession) Reset()        {}
func (refusingSession) Logout() error { return nil }

func TestSetupSignsInToTheMailServer(t *testing.T) {
	srv := smtp.NewServer(refusingLogin{})
	srv.AllowInsecureAuth = true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	defer func() { _ = srv.Close() }()
	s := defaultSettings()
	s.SMTP, s.SMTPPassword, s.SMTPFrom = "smtp+plain://u@"+l.Addr().String(), "wrong", "a@example.org"
	if err := checkMail(t.Context(), s); err == nil || !strings.Contains(err.Error(), "user name or password") {
		t.Error(err)
	}
	s.SMTP = "smtp+plain://u@127.0.0.1:1"
	if err := checkMail(t.Context(), s); err == nil || !strings.Contains(err.Error(), "does not accept connections") {
		t.Error(err)
	}
}
