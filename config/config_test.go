package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// options are those of the server as such, and some of kinds that only other packages have.
type options struct {
	Config
	SessionTTL      time.Duration   `name:"session-ttl" group:"Sign-in"`
	CodeResendAfter []time.Duration `name:"code-resend-after" group:"Sign-in"`
	HostDomains     []string        `name:"host-domains" group:"People"`
	CodeDigits      int             `name:"code-digits" group:"Sign-in" min:"6"`
	Running         Running         `embed:""`
}

// parse runs a command line over an environment and a file's content; an empty content means no file.
func parse(t testing.TB, args, environ []string, content string) (*options, *Sources, error) {
	t.Helper()
	var grammar struct{ options }
	grammar.CodeDigits, grammar.SessionTTL, grammar.Running = 6, 24*time.Hour, DefaultRunning()
	file := ""
	if content != "" {
		file = filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	grammar.Config = Default()
	list := Options(&grammar.options, nil)
	sources := NewSources(list, environ, file)
	if file == "" {
		sources.readFile = func(name string) ([]byte, error) {
			if name == DefaultFile {
				return nil, os.ErrNotExist
			}
			return readBounded(name)
		}
	}
	parser, err := kong.New(&grammar, kong.Resolvers(sources), kong.Exit(func(int) { t.Fatal("exit") }))
	if err != nil {
		t.Fatal(err)
	}
	Describe(parser.Model, list)
	_, err = parser.Parse(args)
	return &grammar.options, sources, err
}

func TestFlagBeatsEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	file, env, flags := "name: file\n", []string{"CONCLAVE_NAME=env"}, []string{"--name", "flag"}
	for _, tt := range []struct {
		args, env    []string
		file         string
		want, origin string
	}{
		{nil, nil, "", "Conclave", "default"}, {nil, nil, file, "file", "file"},
		{nil, env, file, "env", "environment"}, {flags, env, file, "flag", "flag"}, {flags, nil, "", "flag", "flag"},
	} {
		c, s, err := parse(t, tt.args, tt.env, tt.file)
		if err != nil || c.Name != tt.want || string(s.Origin("name")) != tt.origin {
			t.Errorf("got %q from %s, %v; want %q from %s", c.Name, s.Origin("name"), err, tt.want, tt.origin)
		}
	}
}

func TestEveryKindOfValueFromFileAndEnvironment(t *testing.T) {
	want := "8 12h0m0s true [a.example b.example] [30s 1m0s] [203.0.113.7] [10.0.0.0/8]"
	show := func(c *options) string {
		return fmt.Sprint(
			c.CodeDigits,
			c.SessionTTL,
			c.BehindProxy,
			c.HostDomains,
			c.CodeResendAfter,
			c.Advertise,
			c.TrustedProxies,
		)
	}
	c, _, err := parse(t, nil, nil, `
code_digits: 8
session_ttl: 12h
behind_proxy: true
host_domains: [a.example, b.example]
code_resend_after: [30s, 60s]
advertise: 203.0.113.7
trusted_proxies: ["10.0.0.0/8"]
`)
	if err != nil || show(c) != want {
		t.Errorf("file: %s, %v", show(c), err)
	}
	c, _, err = parse(t, nil, []string{"CONCLAVE_CODE_DIGITS=8", "CONCLAVE_SESSION_TTL=12h", "CONCLAVE_BEHIND_PROXY=true",
		"CONCLAVE_HOST_DOMAINS=a.example,b.example", "CONCLAVE_CODE_RESEND_AFTER=30s,60s", "CONCLAVE_ADVERTISE=203.0.113.7",
		"CONCLAVE_TRUSTED_PROXIES=10.0.0.0/8", "HOME=/root"}, "")
	if err != nil || show(c) != want {
		t.Errorf("environment: %s, %v", show(c), err)
	}
}

// TestMediaPortHasAnotherNameNow: a configuration of the versions before is read as it was meant.
func TestMediaPortHasAnotherNameNow(t *testing.T) {
	for source, parsed := range map[string]func() (*options, *Sources, error){
		"flag":        func() (*options, *Sources, error) { return parse(t, []string{"--media-port", "5000"}, nil, "") },
		"environment": func() (*options, *Sources, error) { return parse(t, nil, []string{"CONCLAVE_MEDIA_PORT=5000"}, "") },
		"file":        func() (*options, *Sources, error) { return parse(t, nil, nil, "media_port: 5000\n") },
		"new_name":    func() (*options, *Sources, error) { return parse(t, nil, nil, "media_ports: [5000]\n") },
	} {
		if c, _, err := parsed(); err != nil || len(c.MediaPorts) != 1 || c.MediaPorts[0] != 5000 {
			t.Errorf("%s: %v", source, err)
		}
	}
	if _, _, err := parse(t, nil, nil, "media_port: 5000\nmedia_ports: [5001]\n"); err == nil ||
		!strings.Contains(err.Error(), "keep one") {
		t.Errorf("both names: %v", err)
	}
}

func TestBitratesAreWrittenWithAUnit(t *testing.T) {
	for text, want := range map[string]Bitrate{
		"0": 0, "64k": 64_000, "800M": 800_000_000, "2G": 2_000_000_000, "1500": 1500,
	} {
		for source, parsed := range map[string]func() (*options, *Sources, error){
			"file":        func() (*options, *Sources, error) { return parse(t, nil, nil, "max_egress: "+text+"\n") },
			"environment": func() (*options, *Sources, error) { return parse(t, nil, []string{"CONCLAVE_MAX_EGRESS=" + text}, "") },
			"flag":        func() (*options, *Sources, error) { return parse(t, []string{"--max-egress=" + text}, nil, "") },
		} {
			c, _, err := parsed()
			if err != nil || c.MaxEgress != want {
				t.Errorf("%s: %s is %v, %v", source, text, c.MaxEgress, err)
			}
		}
		var again Bitrate
		if err := again.UnmarshalText([]byte(want.String())); err != nil || again != want {
			t.Errorf("%s is printed as %s", text, want)
		}
	}
	for _, text := range []string{"fast", "-1", "800m", "8T", "1.5G", "M", "99999999999999G", "800 M"} {
		if _, _, err := parse(t, nil, nil, fmt.Sprintf("max_egress: %q\n", text)); err == nil ||
			!strings.Contains(err.Error(), "800M") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMistakesAreErrorsWithASuggestion(t *testing.T) {
	for name, tt := range map[string]struct {
		args, env []string
		file      string
		want      string
	}{
		"unknown_key":         {nil, nil, "oprator: x\n", `unknown option "oprator"; did you mean operator?`},
		"hyphen_key":          {nil, nil, "host-domains: x\n", `did you mean host_domains?`},
		"far_from_anything":   {nil, nil, "zzzzzzzzzzzzzzzzzzzz: x\n", `unknown option "zzzzzzzzzzzzzzzzzzzz"`},
		"duplicate_key":       {nil, nil, "name: a\nname: b\n", "name"},
		"nested":              {nil, nil, "smtp:\n  host: x\n", "smtp must be text"},
		"list_for_one":        {nil, nil, "name: [a, b]\n", "must be one value"},
		"no_value":            {nil, nil, "name:\n", "has no value"},
		"not_a_mapping":       {nil, nil, "- a\n", ""},
		"not_yaml":            {nil, nil, "name: [\n", ""},
		"bad_duration":        {nil, nil, "session_ttl: soon\n", "session"},
		"bad_number":          {nil, nil, "code_digits: many\n", "code-digits"},
		"bad_enum":            {nil, nil, "log_level: loud\n", "none of debug, info"},
		"unknown_environment": {nil, []string{"CONCLAVE_DOMIAN=x"}, "", "did you mean CONCLAVE_DOMAIN?"},
		"unknown_flag":        {[]string{"--domian=x"}, nil, "", "domain"},
		"file_is_missing":     {nil, []string{"CONCLAVE_CONFIG=/nonexistent.yaml"}, "", "/nonexistent.yaml"},
		"secret_twice":        {nil, []string{"CONCLAVE_SMTP_PASSWORD=a", "CONCLAVE_SMTP_PASSWORD_FILE=/b"}, "", "keep one"},
		"secret_twice_file":   {nil, nil, "smtp_password: a\nsmtp_password_file: /b\n", "keep one"},
		"no_file_for_others":  {nil, nil, "name_file: /b\n", "unknown option"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parse(t, tt.args, tt.env, tt.file)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAnErrorInTheFileDoesNotShowItsSecrets(t *testing.T) {
	for _, content := range []string{
		"smtp_password: canary\nname: [\n", "smtp_password: canary\noprator: x\n", "smtp_password: [canary]\n", "smtp_password: {canary: 1}\n",
	} {
		_, _, err := parse(t, nil, nil, content)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env  []string
		file string
	}{
		"environment": {[]string{"CONCLAVE_SMTP_PASSWORD_FILE=" + secret}, ""}, "file": {nil, "smtp_password_file: " + secret + "\n"},
	} {
		c, _, err := parse(t, nil, tt.env, tt.file)
		if err != nil || c.SMTPPassword.Reveal() != "s3cret" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrintShowsNoSecretAndCanBeReadAgain(t *testing.T) {
	c, s, err := parse(
		t,
		[]string{"--smtp-password", "canary", "--bot-tokens", strings.Repeat("ca", 32), "--name", `Quo"te`},
		nil,
		"host_domains: [a.example]\n",
	)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Print(&out, c, Options(c, nil), s); err != nil {
		t.Fatal(err)
	}
	all := out.String() + fmt.Sprintf("%v %+v %#v", c, *c, *c)
	if strings.Contains(all, "canary") || strings.Contains(all, "caca") {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
	for _, want := range []string{
		`smtp_password: [redacted] # flag`, `host_domains: ["a.example"] # file`, `session_ttl: 24h # default`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	again := strings.ReplaceAll(out.String(), "[redacted]", strings.Repeat("ab", 32))
	var kept []string
	for _, line := range strings.Split(again, "\n") { // empty values stand for "not set"
		if !strings.Contains(line, `: "" #`) && !strings.Contains(line, ": [] #") {
			kept = append(kept, line)
		}
	}
	c2, _, err := parse(t, nil, nil, strings.Join(kept, "\n"))
	if err != nil || c2.Name != c.Name || c2.SessionTTL != c.SessionTTL || fmt.Sprint(c2.HostDomains) != "[a.example]" {
		t.Errorf("what is printed cannot be read: %v", err)
	}
}

func TestDeploymentFollowsFromTheOptions(t *testing.T) {
	smtp := []string{"--smtp", "smtps://conclave@example.org@mx.example.org", "--smtp-password", "x"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing_set":     {nil, "127.0.0.1:8080  loopback http://127.0.0.1:8080 insecure console 8080"},
		"domain":          {append([]string{"--domain", "meet.example.org"}, smtp...), ":443 :80 public https://meet.example.org secure mail 443"},
		"other_port":      {[]string{"--listen", "127.0.0.1:9000"}, "127.0.0.1:9000  loopback http://127.0.0.1:9000 insecure console 9000"},
		"ipv6_loopback":   {[]string{"--listen", "[::1]:9000"}, "[::1]:9000  loopback http://[::1]:9000 insecure console 9000"},
		"media_port":      {[]string{"--media-port", "5000"}, "127.0.0.1:8080  loopback http://127.0.0.1:8080 insecure console 5000"},
		"behind_proxy":    {append([]string{"--behind-proxy", "--url", "https://meet.example.org/", "--listen", "127.0.0.1:8080"}, smtp...), "127.0.0.1:8080  public https://meet.example.org secure mail 8080"},
		"proxy_by_domain": {append([]string{"--behind-proxy", "--domain", "meet.example.org"}, smtp...), "127.0.0.1:8080  public https://meet.example.org secure mail 8080"},
		"redirect_off":    {append([]string{"--domain", "meet.example.org", "--redirect-listen", "off"}, smtp...), ":443  public https://meet.example.org secure mail 443"},
		"certificate":     {append([]string{"--tls-cert", "c", "--tls-key", "k", "--url", "https://m.example:8443", "--listen", ":8443"}, smtp...), ":8443  public https://m.example:8443 secure mail 8443"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := parse(t, tt.args, nil, "")
			if err != nil {
				t.Fatal(err)
			}
			d, err := c.Deploy()
			if err != nil {
				t.Fatal(err)
			}
			word := func(b bool, yes, no string) string {
				if b {
					return yes
				}
				return no
			}
			got := fmt.Sprintln(
				d.Listen,
				d.Redirect,
				word(d.Loopback, "loopback", "public"),
				d.URL,
				word(d.Secure, "secure", "insecure"),
				word(d.SMTP == nil, "console", "mail"),
				d.MediaPorts[0],
			)
			if strings.TrimSpace(got) != tt.want {
				t.Errorf("got  %swant %s", got, tt.want)
			}
		})
	}
}

func TestWhatMustNotBeServedIsRefusedWithWhatToSet(t *testing.T) {
	smtp := []string{"--smtp", "smtps://conclave@example.org@mx.example.org", "--smtp-password", "x"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"public_without_mail":       {[]string{"--domain", "meet.example.org"}, "set smtp"},
		"proxy_without_mail":        {[]string{"--behind-proxy", "--url", "https://meet.example.org"}, "set smtp"},
		"plain_http_in_public":      {append([]string{"--listen", "0.0.0.0:8080"}, smtp...), "plain http is for loopback only"},
		"plain_http_any":            {append([]string{"--listen", ":8080"}, smtp...), "plain http is for loopback only"},
		"plain_http_lan":            {append([]string{"--listen", "192.168.1.2:8080"}, smtp...), "plain http is for loopback only"},
		"proxy_without_url":         {append([]string{"--behind-proxy"}, smtp...), "needs url"},
		"proxy_without_trusted":     {append([]string{"--behind-proxy", "--url", "https://x.example", "--trusted-proxies", ""}, smtp...), "trusted_proxies"},
		"proxy_http_url":            {append([]string{"--behind-proxy", "--url", "http://x.example"}, smtp...), "https://"},
		"acme_on_other_port":        {append([]string{"--domain", "x.example", "--listen", ":8443"}, smtp...), "needs port 443"},
		"half_a_certificate":        {[]string{"--tls-cert", "c"}, "belong together"},
		"admin_in_public":           {[]string{"--admin-listen", "0.0.0.0:9180"}, "loopback"},
		"admin_any":                 {[]string{"--admin-listen", ":9180"}, "loopback"},
		"password_in_url":           {[]string{"--smtp", "smtps://u:canary@mx.example.org"}, "smtp_password"},
		"user_without_password":     {[]string{"--smtp", "smtps://u@mx.example.org", "--smtp-from", "a@b.c"}, "smtp_password"},
		"unencrypted_mail_far_away": {[]string{"--smtp", "smtp+plain://mx.example.org"}, "unencrypted"},
		"mail_scheme":               {[]string{"--smtp", "https://mx.example.org"}, "unknown scheme"},
		"no_sender":                 {[]string{"--smtp", "smtp://mx.example.org"}, "set smtp_from"},
		"client_url_http":           {[]string{"--client-url", "http://app.example.org"}, "https://"},
		"client_url_any":            {[]string{"--client-url", "*"}, "client_url"},
		"client_url_path":           {[]string{"--client-url", "https://app.example.org/x"}, "without a path"},
		"too_small":                 {[]string{"--code-digits", "4"}, "code_digits must be at least 6"},
		"media_everywhere":          {[]string{"--media-listen", "0.0.0.0"}, "name each address"},
		"role":                      {[]string{"--role-names", "boss=Doctor"}, "role_names"},
		"two_line_name":             {[]string{"--name", "a\nBcc: x"}, "one line"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := parse(t, tt.args, nil, "")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Deploy()
			err = errors.Join(err, Check(c, Options(c, nil)))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestOptionsAreListedByGroupWithTheirDefaults(t *testing.T) {
	set := options{CodeDigits: 6, CodeResendAfter: []time.Duration{90 * time.Second, 10 * time.Minute}}
	set.BotTokens = []Secret{"canary"}
	var got []string
	for _, o := range Options(&set, ParseHelp("name: What people see: a name.\n")) {
		if o.Group == "People" || o.Group == "Sign-in" {
			got = append(got, o.Name+"="+o.Default+o.Help)
		}
	}
	want := "[name=What people see: a name. operator= role_names= bot_tokens=[redacted] host_domains= session_ttl=0s " +
		"code_resend_after=1m30s,10m code_digits=6]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzFile(f *testing.F) {
	for _, s := range []string{
		"name: x\n", "code_digits: 8\nhost_domains: [a, b]\n", "oprator: x", "- a", "name: &a [*a]", "a: !!binary x", "{", "name: 'x\n", "? a\n: b\n", "<<: {name: x}\n",
	} {
		f.Add([]byte(s))
	}
	known := knownNames(Options(&options{}, nil))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := parseFile(content, known)
		if err != nil && m != nil {
			t.Error("a configuration with an error")
		}
		for name, v := range m {
			if !known.has(name) {
				t.Errorf("%q passed", name)
			}
			if _, err := scalar(v, true); errors.Is(err, os.ErrInvalid) {
				t.Error(err)
			}
		}
	})
}
