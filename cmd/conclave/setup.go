package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"conclave/cmd/conclave/doctor"
	"conclave/config"
	"conclave/deploy"
)

// setupCmd writes the configuration of a public server. A flag answers its question; --yes answers the others with
// what is in the brackets.
type setupCmd struct {
	Domain string        `placeholder:"NAME" help:"The name people open, such as meet.example.org."`
	SMTP   string        `placeholder:"URL" help:"Mail server, such as smtps://user@mail.example.org:465."`
	From   string        `name:"smtp-from" placeholder:"ADDRESS" help:"Sender of the sign-in codes."`
	Hosts  string        `placeholder:"DOMAINS" help:"Whose addresses may create meetings: everyone, or domains."`
	Secret config.Secret `name:"smtp-password" env:"CONCLAVE_SMTP_PASSWORD" help:"Its password. Prefer the variable."`

	Operator  string `placeholder:"NAME" help:"Who runs this server, shown to people. Not asked for."`
	Advertise string `placeholder:"ADDR" help:"Public address of a machine behind 1:1 NAT. Not asked for."`
	Dir       string `default:"/etc/conclave" placeholder:"DIR" help:"Where config.yaml and secrets.env are written."`
	Unit      bool   `help:"Also write /etc/systemd/system/conclave.service."`
	UnitDir   string `hidden:"" default:"/etc/systemd/system"`
	Yes       bool   `help:"Ask nothing: for scripts."`
	Overwrite bool   `help:"Change files that exist, without asking."`
	Anyway    bool   `help:"Go on when a check of an answer fails, without asking."`
}

// setup is one run of setupCmd.
type setup struct {
	*setupCmd
	in     *bufio.Reader
	hidden func() (string, error) // reads a line that is not shown; nil without a terminal
	out    io.Writer
	probes probes

	base    *settings         // what the files say already, or the defaults
	secrets map[string]string // of the file that exists
	refused bool              // the mail server refused the password, so the next answer asks for it again
}

// probes are what setup asks the world.
type probes struct {
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	own    func() ([]netip.Addr, error)
	mail   func(ctx context.Context, s *settings) error
}

func realProbes() probes {
	return probes{
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host) //nolint:wrapcheck // looked at by package doctor
		},
		own:  interfaceAddresses,
		mail: checkMail,
	}
}

// probeTimeout bounds each check of an answer.
const probeTimeout = 30 * time.Second

// Run asks, checks and writes.
func (cmd *setupCmd) Run(c console) error {
	s := &setup{setupCmd: cmd, in: bufio.NewReader(os.Stdin), out: c.out, probes: realProbes()}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		s.hidden = func() (string, error) {
			b, err := term.ReadPassword(fd)
			s.say("\n")
			return string(b), err //nolint:wrapcheck // the terminal's own error
		}
	}
	return s.run(context.Background())
}

func (s *setup) run(ctx context.Context) error {
	old, err := readOld(s.configFile())
	if err != nil {
		return err
	}
	s.secrets, err = config.ReadSecrets(s.secretsFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("setup: %w", err)
	}
	if old != "" {
		question := s.configFile() + " exists. Change the answers in it, and keep the rest?"
		if ok, err := s.agree(question, s.Overwrite); err != nil {
			return err
		} else if !ok {
			return errors.New("nothing was changed (--overwrite changes files that exist)")
		}
	}
	if s.base, err = s.asServer(old, s.secrets); err != nil {
		// The answers may correct what is wrong. write refuses if they don't.
		s.say("As it is, the server refuses it: %v\n", err)
		s.base = defaultSettings()
		s.base.SMTPPassword = config.Secret(s.secrets[passwordName])
	}
	current := answersIn(old)
	for _, step := range []func(context.Context, answers) error{s.askDomain, s.askMail, s.askSender, s.askHosts} {
		if err := step(ctx, current); err != nil {
			return err
		}
	}
	return s.write(old)
}

// say prints. If the console is gone, the next question ends the run.
func (s *setup) say(format string, args ...any) { _, _ = fmt.Fprintf(s.out, format, args...) }

// answer asks for one line. flag is what the command line said; preset is taken for an empty line.
func (s *setup) answer(question, name, flag, preset string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if s.Yes {
		if preset == "" {
			return "", fmt.Errorf("--%s is needed", name)
		}
		return preset, nil
	}
	if preset != "" {
		question += " [" + preset + "]"
	}
	s.say("%s: ", question)
	line, err := s.in.ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("no answer came; without a terminal, give --%s and --yes", name)
	}
	if line = strings.TrimSpace(line); line == "" {
		line = preset
	}
	return line, nil
}

// agree asks yes or no; no is what an empty line means.
func (s *setup) agree(question string, flag bool) (bool, error) {
	if flag || s.Yes {
		return flag, nil
	}
	line, err := s.answer(question+" (y/N)", "yes", "", "n")
	return strings.HasPrefix(strings.ToLower(line), "y"), err
}

// ask asks until an answer is well-formed and its checks succeed, or the operator keeps it all the same. An answer of
// the command line is not asked for again.
func (s *setup) ask(
	question, name string, value *string, preset string, check func(string) (doctor.Finding, error),
) error {
	for fixed := *value != "" || s.Yes; ; *value = "" {
		given, err := s.answer(question, name, *value, preset)
		if err != nil {
			return err
		}
		*value = given
		finding, err := check(given)
		switch {
		case err != nil && (fixed || errors.As(err, new(fileError))):
			return err
		case err != nil:
			s.say("  %v\n", err)
			continue
		case finding.Level == "":
			return nil
		}
		s.say("  %s: %s\n", finding.Level, strings.TrimSpace(finding.Text+" "+finding.Do))
		if finding.Level == doctor.OK {
			return nil
		}
		keep, err := s.agree("  Keep this answer all the same?", s.Anyway)
		switch {
		case err != nil || keep:
			return err
		case fixed:
			return errors.New("a check failed (--anyway goes on)")
		}
	}
}

func (s *setup) askDomain(ctx context.Context, current answers) error {
	return s.ask("1. The name that people open, such as meet.example.org", "domain", &s.Domain, current["domain"],
		func(name string) (doctor.Finding, error) {
			if err := (&config.Config{Domain: name}).CheckDomain(); err != nil || !strings.Contains(name, ".") {
				return doctor.Finding{}, errors.New("domain must be a host name such as meet.example.org")
			}
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			n := doctor.Names{Domain: name}
			n.Resolved, n.Err = s.probes.lookup(ctx, name)
			n.Own, n.Advertise, n.Proxied = s.base.MediaListen, s.base.Advertise, s.base.BehindProxy
			if len(n.Own) == 0 {
				var err error
				if n.Own, err = s.probes.own(); err != nil {
					return doctor.Finding{}, err
				}
			}
			if a, err := netip.ParseAddr(s.Advertise); err == nil {
				n.Advertise = []netip.Addr{a}
			}
			return doctor.DNS(n), nil
		})
}

func (s *setup) askMail(ctx context.Context, current answers) error {
	return s.ask("2. The mail server that sends sign-in codes, such as smtps://user@mail.example.org:465", "smtp", &s.SMTP,
		current["smtp"], func(string) (doctor.Finding, error) {
			if err := s.askPassword(); err != nil {
				return doctor.Finding{}, err
			}
			candidate, err := s.settings("")
			if err != nil {
				return doctor.Finding{}, err
			}
			s.say("  Signing in to the mail server…\n")
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			defer cancel()
			if err := s.probes.mail(ctx, candidate); err != nil {
				s.refused = s.hidden != nil // the password is kept: the operator may keep the answer
				return doctor.Finding{Check: "mail", Level: doctor.Problem, Text: err.Error()}, nil
			}
			return doctor.Finding{Check: "mail", Level: doctor.OK, Text: "The mail server accepts the login."}, nil
		})
}

// askPassword asks for the password of the mail server if the URL names a user and none is known, or the one that is
// known was refused.
func (s *setup) askPassword() error {
	_, rest, _ := strings.Cut(s.SMTP, "://")
	if (s.Secret != "" || s.base.SMTPPassword != "") && !s.refused || !strings.Contains(rest, "@") {
		return nil
	}
	if s.Yes || s.hidden == nil {
		return fmt.Errorf("%s is not set", passwordName)
	}
	s.say("   Its password (not shown): ")
	text, err := s.hidden()
	s.Secret, s.refused = config.Secret(text), false
	return err
}

func (s *setup) askSender(_ context.Context, current answers) error {
	preset := current["smtp_from"]
	if preset == "" {
		if guess, err := s.settings(""); err == nil {
			if d, err := guess.deploy(); err == nil {
				preset = d.From
			}
		}
	}
	return s.ask("3. The sender of the codes", "smtp-from", &s.From, preset, func(string) (doctor.Finding, error) {
		_, err := s.settings("")
		return doctor.Finding{}, err
	})
}

const everyone = "everyone"

func (s *setup) askHosts(_ context.Context, current answers) error {
	preset := current["host_domains"]
	if preset == "" {
		preset = everyone
	}
	question := "4. Who may create meetings: everyone who signs in, or only addresses in domains such as example.org"
	return s.ask(question, "hosts", &s.Hosts, preset, func(hosts string) (doctor.Finding, error) {
		_, err := s.settings(hosts)
		return doctor.Finding{}, err
	})
}

// fileError is what the file says beside the answers: no answer corrects it.
type fileError struct{ error }

// Unwrap gives the cause.
func (e fileError) Unwrap() error { return e.error }

// settings is what the answers so far make, with the rest of the file. The answers are looked at by themselves first,
// so that it is known whether another answer would help.
func (s *setup) settings(hosts string) (*settings, error) {
	alone := defaultSettings()
	if err := s.apply(alone, hosts); err != nil {
		return nil, err
	}
	all := *s.base
	if err := s.apply(&all, hosts); err != nil {
		return nil, fileError{fmt.Errorf("%s: %w\nCorrect it first", s.configFile(), err)}
	}
	return &all, nil
}

// apply puts the answers into c, and says whether that could be served.
func (s *setup) apply(c *settings, hosts string) error {
	c.Domain, c.SMTP, c.SMTPFrom, c.SMTPPassword = s.Domain, s.SMTP, s.From, s.Secret
	if s.Secret == "" {
		c.SMTPPassword = s.base.SMTPPassword
	}
	if s.Operator != "" {
		c.Operator = s.Operator
	}
	c.Auth.HostDomains = hostDomains(hosts)
	if s.Advertise != "" {
		a, err := netip.ParseAddr(s.Advertise)
		if err != nil {
			return fmt.Errorf("advertise: %w", err)
		}
		c.Advertise = []netip.Addr{a}
	}
	d, err := c.deploy()
	if err != nil {
		return err
	}
	_, err = newMailer(&c.Config, d, io.Discard)
	return err
}

// asServer reads texts as a server would.
func (s *setup) asServer(text string, secrets map[string]string) (*settings, error) {
	var grammar cli
	sources := config.TextSources(optionList(), s.configFile(), text, secrets)
	parser, err := newParser(&grammar, sources, console{io.Discard, io.Discard}, func(int) {})
	if err != nil {
		return nil, err
	}
	if _, err := parser.Parse([]string{"serve"}); err != nil {
		return nil, err //nolint:wrapcheck // names the file and the option
	}
	return &grammar.Serve.Config, nil
}

// hostDomains reads an answer; nil means everyone.
func hostDomains(answer string) []string {
	words := strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) == 1 && words[0] == everyone {
		return nil
	}
	return words
}

// checkMail signs in to the mail server. Its error says what to look at.
func checkMail(ctx context.Context, s *settings) error {
	d, err := s.deploy()
	if err != nil {
		return err
	}
	m, err := newMailer(&s.Config, d, io.Discard)
	if err != nil {
		return err
	}
	if m, ok := m.(interface{ Check(context.Context) error }); ok {
		if err := m.Check(ctx); err != nil {
			return errors.New(diagnose(d.SMTP, err))
		}
	}
	return nil
}

func (s *setup) configFile() string  { return filepath.Join(s.Dir, "config.yaml") }
func (s *setup) secretsFile() string { return filepath.Join(s.Dir, config.SecretsFile) }

// write writes the files and says what comes next. It looks at all of it first, as a server will read it: a list with
// an odd comment or a name in quotes is more than withAnswers understands, and the file may be the only copy.
func (s *setup) write(old string) error {
	final, err := s.settings(s.Hosts)
	if err != nil {
		return err
	}
	base := old
	if base == "" {
		base = deploy.Config
	}
	text := withAnswers(base, old == "", map[string]string{
		"domain": s.Domain, "smtp": s.SMTP, "smtp_from": s.From, "operator": s.Operator, "advertise": s.Advertise,
		"host_domains": strings.Join(final.Auth.HostDomains, ", "),
	})
	secrets := s.secrets
	if s.Secret != "" {
		secrets = config.WithSecret(secrets, passwordName, s.Secret.Reveal())
	}
	secretsText, err := config.SecretsText(secrets)
	if err != nil {
		return err
	}
	if err := s.understood(final, text, secrets); err != nil {
		return fmt.Errorf("nothing was changed: with the answers, the server would refuse %s, or read it otherwise: %w",
			s.configFile(), err)
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil { //nolint:gosec // the configuration holds no secret
		return fmt.Errorf("setup: %w", err)
	}
	if s.Secret != "" {
		if err := replaceFile(s.secretsFile(), secretsText, 0o600, false); err != nil {
			return err
		}
		s.say("\nWrote %s, which only its owner can read.\n", s.secretsFile())
	}
	if err := replaceFile(s.configFile(), text, 0o644, true); err != nil {
		return err
	}
	s.say("Wrote %s.\n", s.configFile())
	return s.writeUnit(final)
}

// understood says whether a server reads the answers in the files that are about to be written.
func (s *setup) understood(want *settings, text string, secrets map[string]string) error {
	got, err := s.asServer(text, secrets)
	if err != nil {
		return err
	}
	if _, err := got.deploy(); err != nil {
		return err
	}
	for name, same := range map[string]bool{
		"domain": got.Domain == want.Domain, "smtp": got.SMTP == want.SMTP,
		"smtp_password": got.SMTPPassword == want.SMTPPassword,
		"smtp_from":     s.From == "" || got.SMTPFrom == s.From, "advertise": slices.Equal(got.Advertise, want.Advertise),
		"host_domains": slices.Equal(got.Auth.HostDomains, want.Auth.HostDomains),
	} {
		if !same {
			return fmt.Errorf("%s is not what you answered; change it by hand", name)
		}
	}
	return nil
}

func (s *setup) writeUnit(final *settings) error {
	steps, look := "  systemctl enable --now conclave\n", "conclave doctor"
	if usual := filepath.Dir(config.DefaultFile); filepath.Clean(s.Dir) != usual {
		look += " --config " + s.configFile()
		if !s.Unit {
			steps = "  docker compose up -d\n"
		}
	}
	if s.Unit {
		file := filepath.Join(s.UnitDir, "conclave.service")
		if err := os.MkdirAll(s.UnitDir, 0o755); err != nil { //nolint:gosec // the system's own folder
			return fmt.Errorf("setup: %w", err)
		}
		if err := replaceFile(file, deploy.Unit, 0o644, true); err != nil {
			return err
		}
		s.say("Wrote %s.\n", file)
		steps = "  systemctl daemon-reload\n" + steps
	}
	s.say("\nNext:\n%s  %s     looks for what is wrong with this machine\n\n"+
		"Then open https://%s/check from another network.\n", steps, look, final.Domain)
	return nil
}

// replaceFile writes a file beside the old one and puts it in its place, so that no reader sees half of it. The owner
// of the old file stays and, with keepMode, who may read it: it may hold a secret.
func replaceFile(name, text string, mode os.FileMode, keepMode bool) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".setup-*")
	if err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	_, err = f.WriteString(text)
	if old, gone := os.Stat(name); gone == nil {
		if keepMode {
			mode = old.Mode().Perm()
		}
		err = errors.Join(err, sameOwner(f, old))
	}
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}

// sameOwner gives a new file to the owner of the old one.
func sameOwner(f *os.File, old os.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err //nolint:wrapcheck // wrapped by the caller
	}
	uid, gid, ok := ownerOf(old)
	if u, g, _ := ownerOf(info); !ok || u == uid && g == gid {
		return nil
	}
	return f.Chown(uid, gid) //nolint:wrapcheck // wrapped by the caller
}

// readOld reads a configuration that exists; "" for none.
func readOld(name string) (string, error) {
	b, err := os.ReadFile(name) //nolint:gosec // the operator's own file
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("setup: %w", err)
	}
	return string(b), nil
}
