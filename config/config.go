// Package config holds every option of the server in one place: Config. An option has one name everywhere: `session_idle`
// in the file is `--session-idle` on the command line and `CONCLAVE_SESSION_IDLE` in the environment. Precedence: command
// line, environment, file, default. Unknown names are errors, with a suggestion.
//
// It imports no other package of Conclave. Start reading at Config (the options), then Deployment (what follows from
// them), then Sources (where they come from).
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

// Format prints "[redacted]" for every verb, and nothing for an empty secret, so that one sees whether it is set.
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

// Config are the options of the server, as given. The tags are read by kong; `conf` marks what may also come from the
// environment and the file.
type Config struct {
	// Listening
	Listen         string         `conf:"" name:"listen" group:"Listening" placeholder:"HOST:PORT" help:"TCP address of the web server. Default: 127.0.0.1:8080, or :443 once domain or tls_cert is set."`
	Domain         string         `conf:"" name:"domain" group:"Listening" placeholder:"NAME" help:"Public host name. A certificate for it is fetched from acme_ca by itself, unless tls_cert or behind_proxy is set."`
	URL            string         `conf:"" name:"url" group:"Listening" placeholder:"URL" help:"Public URL, if it is not https://domain: needed with behind_proxy."`
	ClientURL      string         `conf:"" name:"client-url" group:"Listening" placeholder:"ORIGIN" help:"Another origin that may use the API with credentials (CORS). Same site as the server, or browsers keep the cookies back."`
	RedirectListen string         `conf:"" name:"redirect-listen" group:"Listening" placeholder:"HOST:PORT" help:"TCP address that redirects http to https and answers ACME HTTP-01; off for none. Default: :80 when listening on port 443, else off."`
	BehindProxy    bool           `conf:"" name:"behind-proxy" group:"Listening" help:"A reverse proxy on one of trusted_proxies ends TLS. Requests from elsewhere are refused."`
	TrustedProxies []netip.Prefix `conf:"" name:"trusted-proxies" group:"Listening" default:"127.0.0.1/32,::1/128" placeholder:"CIDR" help:"Networks whose X-Forwarded-For is believed, with behind_proxy only."`
	AdminListen    string         `conf:"" name:"admin-listen" group:"Listening" default:"127.0.0.1:9180" placeholder:"HOST:PORT" help:"Loopback TCP address of metrics, health and pprof; empty for none."`

	// TLS
	TLSCert string `conf:"" name:"tls-cert" group:"TLS" placeholder:"FILE" help:"Certificate chain (PEM). Read again when it changes."`
	TLSKey  string `conf:"" name:"tls-key" group:"TLS" placeholder:"FILE" help:"Private key of tls_cert (PEM)."`
	Admin   string `conf:"" name:"admin" group:"TLS" placeholder:"ADDRESS" help:"E-mail address the certificate authority may write to."`
	ACMECA  string `conf:"" name:"acme-ca" group:"TLS" default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL" help:"ACME directory of the certificate authority. Using it means accepting its terms."`
	DataDir string `conf:"" name:"data-dir" group:"TLS" default:"/var/lib/conclave" placeholder:"DIR" help:"Where fetched certificates are kept. Nothing else is ever written."`

	// Media
	MediaListen []netip.Addr `conf:"" name:"media-listen" group:"Media" placeholder:"ADDR" help:"Addresses to serve media on. Default: every address of this machine's real network interfaces (docker, bridges and the like left out), and loopback when the web server is on loopback."`
	MediaPort   int          `conf:"" name:"media-port" group:"Media" default:"-1" placeholder:"PORT" help:"UDP port of media. Default: the port of listen."`
	Advertise   []netip.Addr `conf:"" name:"advertise" group:"Media" placeholder:"ADDR" help:"Further addresses told to clients, for a machine behind 1:1 NAT."`

	// Mail
	SMTP         string        `conf:"" name:"smtp" group:"Mail" placeholder:"URL" help:"Mail server: smtps://user@host:465 (implicit TLS), smtp://user@host:587 (STARTTLS, never without), smtp+plain://localhost:25 (no TLS, this machine only)."`
	SMTPPassword Secret        `conf:"" name:"smtp-password" group:"Mail" placeholder:"SECRET" help:"Password for smtp. Better as CONCLAVE_SMTP_PASSWORD_FILE than on a command line."`
	SMTPFrom     string        `conf:"" name:"smtp-from" group:"Mail" placeholder:"ADDRESS" help:"Sender of the codes. Default: the user of smtp if it is an address, else conclave@domain."`
	SMTPTimeout  time.Duration `conf:"" name:"smtp-timeout" group:"Mail" default:"10s" help:"For each step of talking to the mail server."`
	SMTPCA       string        `conf:"" name:"smtp-ca" group:"Mail" placeholder:"FILE" help:"Certificate authority of the mail server (PEM), if it is not one this machine knows."`

	// Who
	Name          string   `conf:"" name:"name" group:"Who" default:"Conclave" help:"Name shown to people."`
	Operator      string   `conf:"" name:"operator" group:"Who" help:"Who runs this server, shown to people."`
	HostDomains   []string `conf:"" name:"host-domains" group:"Who" placeholder:"DOMAIN" help:"Only people with an address in these domains may create meetings. Default: everybody who signs in."`
	SignInDomains []string `conf:"" name:"sign-in-domains" group:"Who" placeholder:"DOMAIN" help:"Only people with an address in these domains may sign in. Others get the same answers and no mail. Default: everybody."`
	BotTokens     []Secret `conf:"" name:"bot-tokens" group:"Who" placeholder:"SECRET" help:"Bearer tokens of load-testing bots, at least 64 random hexadecimal digits each (openssl rand -hex 32). On loopback one is made at start if none is given."`

	// Sign-in
	CodeDigits  int           `conf:"" name:"code-digits" group:"Sign-in" default:"6" help:"Digits of a sign-in code, 6 to 8."`
	CodeTTL     time.Duration `conf:"" name:"code-ttl" group:"Sign-in" default:"10m" help:"How long a code is valid, at most 10 minutes."`
	SessionTTL  time.Duration `conf:"" name:"session-ttl" group:"Sign-in" default:"24h" help:"How long a session lasts at most."`
	SessionIdle time.Duration `conf:"" name:"session-idle" group:"Sign-in" default:"0s" help:"End a session after so long without activity; 0 for never."`
	MaxSessions int           `conf:"" name:"max-sessions" group:"Sign-in" default:"100000" help:"Sessions held at once. Over it: server_full."`

	Limits   Limits   `embed:""`
	Meetings Meetings `embed:""`
	Running  Running  `embed:""`
}

// Limits are the limits on sign-in and on connections.
type Limits struct {
	CodesPerAddressHour int             `conf:"" name:"codes-per-address-hour" group:"Limits" default:"5" help:"Codes sent to one address in an hour."`
	CodesPerAddressDay  int             `conf:"" name:"codes-per-address-day" group:"Limits" default:"10" help:"Codes sent to one address in a day."`
	CodeResendAfter     []time.Duration `conf:"" name:"code-resend-after" group:"Limits" default:"30s,60s,120s" help:"Waits after the first, second, … code of an hour; the last repeats."`
	CodesPerClientHour  int             `conf:"" name:"codes-per-client-hour" group:"Limits" default:"20" help:"Codes one client IP (IPv6: /64) may ask for in an hour. Raise it for offices behind one address."`
	GuestsPerClientHour int             `conf:"" name:"guests-per-client-hour" group:"Limits" default:"30" help:"Guests that may come from one client IP (IPv6: /64) in an hour, if guests is set."`
	CodesPerMinute      int             `conf:"" name:"codes-per-minute" group:"Limits" default:"120" help:"Codes the whole server sends in a minute."`
	FailedVerifies      int             `conf:"" name:"failed-verifies" group:"Limits" default:"500" help:"Wrong codes in ten minutes, from everybody together, before none is looked at any more."`
	AuthRequests        int             `conf:"" name:"auth-requests-per-minute" group:"Limits" default:"60" help:"Requests to the sign-in routes by one client IP in a minute."`
	MaxConnections      int             `conf:"" name:"max-connections" group:"Limits" default:"20000" help:"TCP connections at once. Over it they wait."`
	ClientConnections   int             `conf:"" name:"connections-per-client" group:"Limits" default:"1024" help:"TCP connections of one client IP at once; more are closed. Loopback and trusted proxies are not counted."`
}

// Meetings are the options of meetings.
type Meetings struct {
	MaxMeeting      time.Duration `conf:"" name:"max-meeting" group:"Meetings" default:"2h" help:"Hard end of a meeting."`
	ParticipantIdle time.Duration `conf:"" name:"participant-idle" group:"Meetings" default:"0s" help:"Ask a participant without any activity whether they are there; without an answer take them out and sign them out. 0 for never."`
	MaxParticipants int           `conf:"" name:"max-participants" group:"Meetings" default:"500" help:"Participants in one meeting, and people in its lobby."`
	MaxMeetings     int           `conf:"" name:"max-meetings" group:"Meetings" default:"10000" help:"Meetings at once. Over it: server_full."`
	MeetingsPerHour int           `conf:"" name:"meetings-per-address-hour" group:"Meetings" default:"30" help:"Meetings one address may create in an hour."`
	MeetingsAtOnce  int           `conf:"" name:"meetings-per-address" group:"Meetings" default:"20" help:"Meetings of one address at a time."`
	Guests          bool          `conf:"" name:"guests" group:"Meetings" help:"Let people without an e-mail address come as guests. They wait in the lobby, of meetings that have both a lobby and a password; they create none."`
	RoleNames       []string      `conf:"" name:"role-names" group:"Meetings" placeholder:"ROLE=NAME" help:"Names to show for the roles host, cohost, participant and viewer, such as host=Doctor,participant=Patient."`
	MaxSockets      int           `conf:"" name:"max-sockets" group:"Meetings" default:"20000" help:"WebSockets at once."`
	ClientSockets   int           `conf:"" name:"sockets-per-client" group:"Meetings" default:"256" help:"WebSockets of one client IP (IPv6: /64) at once. Raise it for offices behind one address."`
	MaxEgress       Bitrate       `conf:"" name:"max-egress" group:"Meetings" default:"0" placeholder:"RATE" help:"Media sent by this machine, in bits per second such as 800M, without IP and UDP headers. Nobody new joins any meeting (server_full) where that would pass it: each who has just come counts with the average, at least 1M, for five seconds. 0 for no ceiling."`
	JoinsPerMinute  int           `conf:"" name:"joins-per-minute" group:"Meetings" default:"120" help:"Attempts of one client IP to join one meeting, in a minute."`
	WrongPasswords  int           `conf:"" name:"wrong-passwords-per-minute" group:"Meetings" default:"10" help:"Wrong passwords of one client IP at one meeting, in a minute."`
}

// Roles returns RoleNames as a map; nil for none.
func (m Meetings) Roles() (map[string]string, error) {
	var roles map[string]string
	for _, entry := range m.RoleNames {
		role, name, ok := strings.Cut(entry, "=")
		role, name = strings.TrimSpace(role), strings.TrimSpace(name)
		if !ok || name == "" || len(name) > 64 || !slices.Contains([]string{"host", "cohost", "participant", "viewer"}, role) {
			return nil, fmt.Errorf("role_names: %q is not like host=Doctor; the roles are host, cohost, participant and viewer", entry)
		}
		if roles == nil {
			roles = map[string]string{}
		}
		roles[role] = name
	}
	return roles, nil
}

// Running is about running the process.
type Running struct {
	DrainTimeout time.Duration `conf:"" name:"drain-timeout" group:"Running" default:"30s" help:"How long to wait for connections to end after SIGTERM."`
	LogLevel     string        `conf:"" name:"log-level" group:"Running" default:"info" enum:"debug,info,warn,error" help:"One of debug, info, warn, error."`
	LogFormat    string        `conf:"" name:"log-format" group:"Running" default:"text" enum:"text,json" help:"text or json."`
	StaticDir    string        `conf:"" name:"static-dir" group:"Running" placeholder:"DIR" help:"Serve the web client from this directory instead of the binary. For development."`
}
