package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"conclave/auth"
	"conclave/config"
)

// configCmd groups what shows the configuration.
type configCmd struct {
	Print configPrintCmd `cmd:"" help:"Print each value and its source, without secrets."`
}

type configPrintCmd struct{ options }

// Run prints the configuration.
func (cmd *configPrintCmd) Run(c console, s *config.Sources) error {
	file := s.Path()
	if file == "" {
		file = "none"
	}
	if _, err := fmt.Fprintf(c.out, "# file: %s\n", file); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return config.Print(c.out, &cmd.Config, optionList(), s)
}

type checkConfigCmd struct{ options }

// Run checks the configuration.
func (cmd *checkConfigCmd) Run(c console) error {
	d, err := cmd.Config.deploy()
	if err != nil {
		return err
	}
	if d.SMTP != nil {
		if _, err := newMailer(&cmd.Config.Config, d, c.out); err != nil {
			return err
		}
	}
	if d.TLS == config.TLSFiles {
		if _, err := tls.LoadX509KeyPair(cmd.Config.TLSCert, cmd.Config.TLSKey); err != nil {
			return fmt.Errorf("tls_cert, tls_key: %w", err)
		}
	}
	_, err = fmt.Fprintf(c.out, "The configuration is good: %s, listening on %s.\n", d.URL, d.Listen)
	return err
}

type healthCmd struct{ options }

// Run asks the admin listener, or, if there is none, the server itself.
func (cmd *healthCmd) Run(c console) error {
	d, err := cmd.Config.deploy()
	if err != nil {
		return err
	}
	target := "http://" + cmd.Config.AdminListen + "/readyz"
	if cmd.Config.AdminListen == "" {
		target = ownURL(d) + "/readyz"
	}
	client := &http.Client{Timeout: 4 * time.Second, Transport: &http.Transport{
		// It asks itself, on its own machine, a question without secrets: the name on the certificate is another one.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no answer: is the server running? %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if _, err := c.out.Write(body); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New("the server is not ready")
	}
	return nil
}

// ownURL is where the server itself answers on this machine.
func ownURL(d *config.Deployment) string {
	host, port, _ := net.SplitHostPort(d.Listen)
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	if d.TLS == config.NoTLS {
		return "http://" + net.JoinHostPort(host, port)
	}
	return "https://" + net.JoinHostPort(host, port)
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return strings.TrimPrefix(v, "v")
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "0.0.0-" + s.Value[:12]
		}
	}
	return "0.0.0-devel"
}

// smtpCmd groups what tries out mail.
type smtpCmd struct {
	Test smtpTestCmd `cmd:"" help:"Send a test message and say in plain words what went wrong."`
}

type smtpTestCmd struct {
	options
	To string `required:"" placeholder:"ADDRESS" help:"Whom to send the test message to."`
}

// Run sends the message.
func (cmd *smtpTestCmd) Run(c console) error {
	d, err := cmd.Config.deploy()
	if err != nil {
		return err
	}
	if d.SMTP == nil {
		return errors.New("no mail server is configured: set smtp")
	}
	to, err := auth.ParseEmail(cmd.To)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	m, err := newMailer(&cmd.Config.Config, d, c.out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code := strings.Repeat("0", cmd.Config.Auth.CodeDigits)
	err = m.Send(ctx, auth.Message{To: to, Code: code, ValidFor: cmd.Config.Auth.CodeTTL})
	if err != nil {
		return errors.New(diagnose(d.SMTP, err))
	}
	_, err = fmt.Fprintln(c.out, "The mail server accepted the message. Check the mailbox and its spam folder. "+
		"The code in it is all zeros.")
	return err
}

// diagnose says what a failure to send means and what to look at.
func diagnose(s *config.SMTP, err error) string {
	var e *auth.MailError
	if !errors.As(err, &e) {
		return err.Error()
	}
	detail := ""
	if cause := e.Cause(); cause != nil {
		detail = "\nThe server or network said: " + cause.Error()
	}
	return diagnosis(s, e) + detail
}

func diagnosis(s *config.SMTP, e *auth.MailError) string {
	switch e.Step {
	case auth.StepResolve:
		return "The name " + s.Host + " could not be resolved. Check the host in smtp, and this machine's DNS."
	case auth.StepConnect:
		return s.Host + " does not accept connections on the port given. Check the port (465 for smtps, 587 for smtp), " +
			"and whether your provider blocks outgoing mail ports."
	case auth.StepTimeout:
		return s.Host + " did not answer in time. Usually a firewall drops the connection, because many providers block " +
			"25, 465 and 587 until asked. Or the port wants the other kind of TLS: smtps:// for 465, smtp:// for 587."
	case auth.StepTLS:
		return "The connection to " + s.Host + " could not be encrypted. Either its certificate is not for this name, or " +
			"it is not trusted here (set smtp_ca for a private authority), or the port wants the other kind of TLS: " +
			"smtps:// for 465, smtp:// for 587."
	case auth.StepAuth:
		return s.Host + " did not accept the user name or password. Check smtp_password; some providers want an app password."
	case auth.StepGreet:
		return s.Host + " answered, but not as a mail server. Check host and port."
	case auth.StepSend:
		return s.Host + " refused the message. Usually this user may not send as smtp_from, or the recipient is unknown."
	}
	return e.Error()
}
