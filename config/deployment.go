package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// TLSSource says where the certificate comes from.
type TLSSource int

// The sources of certificates.
const (
	NoTLS    TLSSource = iota // plain HTTP on loopback, or a proxy ends TLS
	TLSFiles                  // tls_cert and tls_key
	TLSACME                   // from an ACME authority, for domain
)

// SMTP is the mail server of a deployment.
type SMTP struct {
	Host, Username string
	Port           int // 0: the scheme's
	Implicit       bool
	Plain          bool
}

// Deployment is what follows from a Config. It is decided without a socket or a clock.
type Deployment struct {
	Listen   string // host:port
	Redirect string // host:port; empty for none
	Loopback bool   // only this machine can reach the web server
	TLS      TLSSource
	// URL is the origin people use, without a path. With port 0 its port is known only once the socket is open.
	URL *url.URL
	// Hosts are the values of the Host header that are answered, without port.
	Hosts []string
	// Secure says that people come over https.
	Secure bool
	// SMTP is nil when codes are printed to the console.
	SMTP *SMTP
	From string
	// MediaPorts are the UDP ports of media, the one to use first; 0 takes any. There is at least one. The first is also
	// the port of streams where the web server does not listen.
	MediaPorts []uint16
	// TrustedProxies is empty unless behind a proxy.
	TrustedProxies []netip.Prefix
}

// maxMediaPorts bounds media_ports: there are at most three versions at once.
const maxMediaPorts = 8

// Deploy checks the options against one another and derives the Deployment. Errors say what to set.
func (c *Config) Deploy() (*Deployment, error) {
	d := &Deployment{}
	var errs []error
	for _, step := range []func(*Deployment) error{
		c.deployListen, c.deployTLS, c.deployURL, c.deployMail, c.deployMedia, c.checkPeople,
	} {
		errs = append(errs, step(d))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

func (c *Config) deployListen(d *Deployment) error {
	d.Listen = c.Listen
	if d.Listen == "" {
		d.Listen = "127.0.0.1:8080"
		if (c.Domain != "" || c.TLSCert != "") && !c.BehindProxy {
			d.Listen = ":443"
		}
	}
	host, port, err := splitHostPort(d.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	d.Loopback = isLoopback(host) && !c.BehindProxy
	if c.BehindProxy {
		d.TrustedProxies = c.TrustedProxies
		if len(c.TrustedProxies) == 0 {
			return errors.New("behind_proxy needs trusted_proxies: the networks the proxy connects from")
		}
	}
	switch c.RedirectListen {
	case "off":
	case "":
		if port == 443 && !c.BehindProxy {
			d.Redirect = net.JoinHostPort(host, "80")
		}
	default:
		if _, _, err := splitHostPort(c.RedirectListen); err != nil {
			return fmt.Errorf("redirect_listen: %w", err)
		}
		d.Redirect = c.RedirectListen
	}
	if c.AdminListen != "" {
		if host, _, err := splitHostPort(c.AdminListen); err != nil || !isLoopback(host) {
			return errors.New("admin_listen must be a loopback address such as 127.0.0.1:9180: " +
				"it shows metrics and profiles to every client")
		}
	}
	return nil
}

func (c *Config) deployTLS(d *Deployment) error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("tls_cert and tls_key belong together: set both")
	case c.BehindProxy && c.TLSCert != "":
		return errors.New("behind_proxy and tls_cert exclude each other: either the proxy ends TLS or Conclave does")
	case c.TLSCert != "":
		d.TLS = TLSFiles
	case c.Domain != "" && !c.BehindProxy && !isLoopbackListen(d.Listen):
		d.TLS = TLSACME
		if _, port, _ := splitHostPort(d.Listen); port != 443 {
			return fmt.Errorf("a certificate for domain needs port 443, not %s, because the certificate authority connects "+
				"there (TLS-ALPN-01); or set tls_cert and tls_key", d.Listen)
		}
	case !c.BehindProxy && !isLoopbackListen(d.Listen):
		return fmt.Errorf("listening on %s needs https: set domain (the server then gets a certificate), or tls_cert and "+
			"tls_key, or behind_proxy if a proxy ends TLS; plain http is for loopback only", d.Listen)
	}
	d.Secure = d.TLS != NoTLS || c.BehindProxy
	return nil
}

// CheckDomain says whether Domain is well-formed. None is.
func (c *Config) CheckDomain() error {
	if c.Domain != "" && !validHost(c.Domain) {
		return errors.New("domain must be a host name such as meet.example.org")
	}
	return nil
}

func (c *Config) deployURL(d *Deployment) error {
	if err := c.CheckDomain(); err != nil {
		return err
	}
	host, port, err := splitHostPort(d.Listen)
	if err != nil {
		return nil //nolint:nilerr // reported by deployListen
	}
	switch {
	case c.URL != "":
		if d.URL, err = origin(c.URL); err != nil {
			return fmt.Errorf("url: %w", err)
		}
		if d.URL.Scheme == "http" && d.Secure {
			return errors.New("url must begin with https://")
		}
	case c.Domain != "":
		d.URL = &url.URL{Scheme: scheme(d.Secure), Host: hostPort(c.Domain, port, d.Secure)}
		if c.BehindProxy {
			d.URL.Host = c.Domain
		}
	case c.BehindProxy:
		return errors.New("behind_proxy needs url: the address people open, such as https://meet.example.org")
	case isLoopback(host):
		d.URL = &url.URL{Scheme: scheme(d.Secure), Host: hostPort(host, port, d.Secure)}
	default:
		return errors.New("set domain or url: the name people open")
	}
	d.Hosts = []string{d.URL.Hostname()}
	if d.Loopback {
		d.Hosts = append(d.Hosts, "localhost", "127.0.0.1", "::1", host)
	}
	if c.ClientURL != "" {
		u, err := origin(c.ClientURL)
		if err != nil {
			return fmt.Errorf("client_url: %w", err)
		}
		if u.Scheme == "http" && !isLoopback(u.Hostname()) {
			return errors.New("client_url must begin with https://")
		}
		c.ClientURL = u.String()
	}
	return nil
}

func (c *Config) deployMail(d *Deployment) error {
	if c.SMTP == "" {
		if !d.Loopback {
			return errors.New("this server can be reached from outside, so sign-in codes must go by mail: " +
				"set smtp (such as smtps://user@mail.example.org:465) and smtp_password")
		}
		return nil
	}
	u, err := url.Parse(c.SMTP)
	if err != nil || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return errors.New("smtp must look like smtps://user@host:465, smtp://user@host:587 or smtp+plain://localhost:25")
	}
	if _, has := u.User.Password(); has {
		return errors.New("smtp must not contain the password: set smtp_password, or CONCLAVE_SMTP_PASSWORD_FILE")
	}
	d.SMTP = &SMTP{Host: u.Hostname(), Username: u.User.Username()}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return errors.New("smtp: bad port")
		}
		d.SMTP.Port = int(n)
	}
	switch u.Scheme {
	case "smtps":
		d.SMTP.Implicit = true
	case "smtp":
	case "smtp+plain":
		if d.SMTP.Plain = true; !isLoopback(d.SMTP.Host) {
			return errors.New("smtp+plain:// sends codes unencrypted: it is for a mail server on this machine only; " +
				"use smtps:// or smtp://")
		}
	default:
		return fmt.Errorf("smtp: unknown scheme %q; use smtps (implicit TLS), smtp (STARTTLS) or smtp+plain", u.Scheme)
	}
	if d.SMTP.Username != "" && c.SMTPPassword == "" {
		return errors.New("smtp names a user: set smtp_password, or CONCLAVE_SMTP_PASSWORD_FILE")
	}
	switch {
	case c.SMTPFrom != "":
		d.From = c.SMTPFrom
	case strings.Contains(d.SMTP.Username, "@"):
		d.From = d.SMTP.Username
	case d.URL != nil && strings.Contains(d.URL.Hostname(), ".") && net.ParseIP(d.URL.Hostname()) == nil:
		d.From = "conclave@" + d.URL.Hostname()
	default:
		return errors.New("set smtp_from: the sender's address of the codes")
	}
	return nil
}

func (c *Config) deployMedia(d *Deployment) error {
	_, port, err := splitHostPort(d.Listen)
	if err != nil {
		return nil //nolint:nilerr // reported by deployListen
	}
	if len(c.MediaPorts) == 0 || len(c.MediaPorts) > maxMediaPorts {
		return fmt.Errorf("media_ports must be 1 to %d ports", maxMediaPorts)
	}
	for _, p := range c.MediaPorts {
		switch {
		case p < 0:
			d.MediaPorts = append(d.MediaPorts, port)
		case p <= 65535:
			d.MediaPorts = append(d.MediaPorts, uint16(p)) //nolint:gosec // checked above
		default:
			return errors.New("media_ports must be between 0 and 65535")
		}
	}
	if c.PrivatePort != 0 && (c.PrivatePort < 1024 || c.PrivatePort > 65535) {
		return errors.New("private_port must be between 1024 and 65535, or 0 for none")
	}
	for _, a := range c.MediaListen {
		if a.IsUnspecified() {
			return errors.New("media_listen: name each address, because a reply must leave from the address its request came to")
		}
	}
	return nil
}

func (c *Config) checkPeople(*Deployment) error {
	_, err := c.Roles()
	if strings.ContainsAny(c.Name+c.Operator, "\r\n") || c.Name == "" {
		err = errors.Join(err, errors.New("name and operator must be one line each, and name must not be empty"))
	}
	return err
}

func splitHostPort(s string) (host string, port uint16, err error) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not HOST:PORT", s)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q has no valid port", s)
	}
	return host, uint16(n), nil
}

// isLoopback is strict: of names only localhost, which RFC 6761 §6.3 ties to loopback.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func isLoopbackListen(listen string) bool {
	host, _, err := splitHostPort(listen)
	return err == nil && isLoopback(host)
}

// origin parses scheme://host[:port] and refuses the rest of what a URL may hold.
func origin(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		(u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("must look like https://meet.example.org, without a path")
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

func validHost(h string) bool {
	u, err := url.Parse("https://" + h)
	return err == nil && u.Host == h && u.Hostname() == h && !strings.ContainsAny(h, "*_ %") && net.ParseIP(h) == nil
}

func scheme(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}

func hostPort(host string, port uint16, secure bool) string {
	if (secure && port == 443) || (!secure && port == 80) {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
