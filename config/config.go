// Package config turns options into a configuration. An option is declared once, as a field of a struct in the package
// that uses it: the field's comment is its description, the group tag makes it an option, the name tag names its flag.
// `session_idle` in the file is `--session-idle` on the command line and `CONCLAVE_SESSION_IDLE` in the environment.
// Precedence: command line, environment, file, default. Unknown names are errors, with a suggestion.
//
// It imports no other package of Conclave. Start reading at Config (the options of the server as such), then Deployment
// (what follows from them), then Sources (where values come from) and Options (how they are described).
package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Secret is an option that is never printed: no verb of fmt, no logger and no encoder shows it. Reveal does.
type Secret string

// Reveal returns the secret.
func (s Secret) Reveal() string { return string(s) }

// Format prints "[redacted]" for every verb, and nothing for an empty secret, which shows whether it is set.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.shown()) }

// LogValue redacts s in slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText redacts s in encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

func (s Secret) shown() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// Config holds the options of the server as such: where it listens, its certificate, its mail, its name.
type Config struct {
	// TCP address of the web server. Default: 127.0.0.1:8080, or :443 once `domain` or `tls_cert` is set.
	Listen string `name:"listen" group:"Listening" placeholder:"HOST:PORT"`
	// Public host name. The server gets a certificate for it from `acme_ca`, unless `tls_cert` or `behind_proxy` is set.
	Domain string `name:"domain" group:"Listening" placeholder:"NAME"`
	// Public URL, if it is not https://domain. `behind_proxy` needs it.
	URL string `name:"url" group:"Listening" placeholder:"URL"`
	// Another origin that may use the API with credentials (CORS). It must be on the same site as the server, because
	// browsers withhold the cookies otherwise.
	ClientURL string `name:"client-url" group:"Listening" placeholder:"ORIGIN"`
	// TCP address that redirects http to https and answers ACME HTTP-01; off for none. Default: :80 when the server
	// listens on port 443, else off.
	RedirectListen string `name:"redirect-listen" group:"Listening" placeholder:"HOST:PORT"`
	// A reverse proxy in one of `trusted_proxies` ends TLS. Requests from elsewhere are refused.
	BehindProxy bool `name:"behind-proxy" group:"Listening"`
	// Networks whose X-Forwarded-For is believed, with `behind_proxy` only.
	TrustedProxies []netip.Prefix `name:"trusted-proxies" group:"Listening" placeholder:"CIDR"`
	// Loopback TCP address of metrics, health and pprof; empty for none.
	AdminListen string `name:"admin-listen" group:"Listening" placeholder:"HOST:PORT"`
	// TCP connections at once; no more than three quarters of the files that the process may open. Beyond it a new one
	// takes the place of one of the client that has most. WebSockets stay.
	MaxConnections int `name:"max-connections" group:"Listening" min:"1"`
	// TCP connections of one client IP (IPv6: /64) at once. Further ones are closed. Loopback and trusted proxies do not
	// count.
	ConnectionsPerClient int `name:"connections-per-client" group:"Listening" min:"1"`

	// Certificate chain (PEM). The server reads it again when it changes.
	TLSCert string `name:"tls-cert" group:"TLS" placeholder:"FILE"`
	// Private key of `tls_cert` (PEM).
	TLSKey string `name:"tls-key" group:"TLS" placeholder:"FILE"`
	// E-mail address that the certificate authority may write to.
	Admin string `name:"admin" group:"TLS" placeholder:"ADDRESS"`
	// ACME directory of the certificate authority. Using it means accepting its terms.
	ACMECA string `name:"acme-ca" group:"TLS" placeholder:"URL"`
	// Where certificates from `acme_ca` are kept. Without `audit` nothing else is ever written.
	DataDir string `name:"data-dir" group:"TLS" placeholder:"DIR"`

	// Addresses to serve media on. Default: every address of this machine's physical network interfaces (not those of
	// containers and bridges), and loopback when the web server is on loopback.
	MediaListen []netip.Addr `name:"media-listen" group:"Media" placeholder:"ADDR"`
	// UDP ports of media; -1 for the port of `listen`. The first is used. A new version that takes over uses the next
	// ones while meetings of the version before go on; where a firewall blocks those, its media takes TCP.
	MediaPorts []int `name:"media-ports" aliases:"media-port" group:"Media" placeholder:"PORT"`
	// Relays media for clients whose network blocks UDP: TURN over TLS, TCP and UDP, on the ports that are open anyway. It
	// reaches this server's own media and nothing else.
	Turn bool `name:"turn" group:"Media"`
	// Further port of media (UDP and TCP) on private addresses, used when the ports of media are below 1024: Chromium
	// ignores private addresses with ports 80 and 443. 0 for none.
	PrivatePort int `name:"private-port" group:"Media" placeholder:"PORT"`
	// Further addresses that clients are told, for a machine behind 1:1 NAT.
	Advertise []netip.Addr `name:"advertise" group:"Media" placeholder:"ADDR"`
	// Ciphers of media: all, or gcm for AES-GCM alone, which all browsers have. Other clients may have only AES-CM with
	// HMAC-SHA1; with gcm they get no media.
	MediaCiphers Ciphers `name:"media-ciphers" group:"Media" placeholder:"LIST"`
	// Media sent by this machine, in bits per second such as 800M, without IP and UDP headers; 0 for no limit. A join that
	// would exceed it fails with server_full. For its first five seconds, a new participant counts with the average of
	// the others, and with 1M at least.
	MaxEgress Bitrate `name:"max-egress" group:"Media" placeholder:"RATE"`

	// Mail server: smtps://user@host:465 (implicit TLS), smtp://user@host:587 (STARTTLS, required), or
	// smtp+plain://localhost:25 (no TLS, this machine only).
	SMTP string `name:"smtp" group:"Mail" placeholder:"URL"`
	// Password for `smtp`. Prefer CONCLAVE_SMTP_PASSWORD_FILE to a command line.
	SMTPPassword Secret `name:"smtp-password" group:"Mail" placeholder:"SECRET"`
	// Sender of the sign-in codes. Default: the user of `smtp` if it is an address, else conclave@domain.
	SMTPFrom string `name:"smtp-from" group:"Mail" placeholder:"ADDRESS"`
	// Limit for each step of talking to the mail server.
	SMTPTimeout time.Duration `name:"smtp-timeout" group:"Mail"`
	// Certificate authority of the mail server (PEM), if this machine does not trust it already.
	SMTPCA string `name:"smtp-ca" group:"Mail" placeholder:"FILE"`

	// Name of the server, shown to people.
	Name string `name:"name" group:"People"`
	// Who runs this server, shown to people.
	Operator string `name:"operator" group:"People"`
	// Names to show for the roles host, cohost, participant and viewer, such as host=Doctor,participant=Patient.
	RoleNames []string `name:"role-names" group:"People" placeholder:"ROLE=NAME"`
	// Bearer tokens of bots and scripts, at least 64 random hexadecimal digits each (openssl rand -hex 32). On loopback
	// the server makes one at start if none is set.
	BotTokens []Secret `name:"bot-tokens" group:"People" placeholder:"SECRET"`
}

// Default is what applies where an operator sets nothing else.
func Default() Config {
	return Config{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")},
		AdminListen:    "127.0.0.1:9180", MaxConnections: 20_000, ConnectionsPerClient: 1024,
		ACMECA: "https://acme-v02.api.letsencrypt.org/directory", DataDir: "/var/lib/conclave",
		MediaPorts: []int{-1, 3478, 3479}, Turn: true, PrivatePort: 3478, Name: "Conclave",
	}
}

// Roles returns RoleNames as a map; nil for none.
func (c *Config) Roles() (map[string]string, error) {
	var roles map[string]string
	for _, entry := range c.RoleNames {
		role, name, ok := strings.Cut(entry, "=")
		role, name = strings.TrimSpace(role), strings.TrimSpace(name)
		known := slices.Contains([]string{"host", "cohost", "participant", "viewer"}, role)
		if !ok || !known || name == "" || len(name) > 64 {
			return nil, fmt.Errorf("role_names: %q is not like host=Doctor; the roles are host, cohost, participant and viewer",
				entry)
		}
		if roles == nil {
			roles = map[string]string{}
		}
		roles[role] = name
	}
	return roles, nil
}

// Running holds the options of the process.
type Running struct {
	// How long meetings go on after SIGTERM. Participants are told, and no meeting can be created. The server ends as soon
	// as there is no meeting. SIGINT, or a second signal, ends it at once.
	StopTimeout time.Duration `name:"stop-timeout" group:"Running"`
	// Folder of the socket over which a new version takes over while meetings go on, see docs/upgrading.md. Its mode is
	// 0700. Empty: a new version starts when the one before has ended. Not in audited deployments. Linux only.
	HandoverDir string `name:"handover-dir" group:"Running" placeholder:"DIR"`
	// How long meetings go on after a new version has taken over. Participants are told `stop_timeout` before.
	DrainTimeout time.Duration `name:"drain-timeout" group:"Running"`
	// The least level that is logged: debug, info, warn or error.
	LogLevel LogLevel `name:"log-level" group:"Running" placeholder:"LEVEL"`
	// Format of the log: text or json.
	LogFormat LogFormat `name:"log-format" group:"Running" placeholder:"FORMAT"`
	// Serve the web client from this directory instead of the binary. For development.
	StaticDir string `name:"static-dir" group:"Running" placeholder:"DIR"`
}

// DefaultRunning is what applies where an operator sets nothing else.
func DefaultRunning() Running {
	return Running{StopTimeout: 30 * time.Second, DrainTimeout: 2 * time.Hour, LogFormat: LogText}
}

// LogLevel is the level of a log line.
type LogLevel slog.Level

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *LogLevel) UnmarshalText(text []byte) error {
	if (*slog.Level)(l).UnmarshalText(text) != nil {
		return fmt.Errorf("%q is none of debug, info, warn and error", text)
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (l LogLevel) MarshalText() ([]byte, error) {
	return []byte(strings.ToLower(slog.Level(l).String())), nil
}

// LogFormat is how log lines are written.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *LogFormat) UnmarshalText(text []byte) error {
	switch v := LogFormat(text); v {
	case LogText, LogJSON:
		*f = v
		return nil
	}
	return fmt.Errorf("%q is neither text nor json", text)
}
