package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SecretsFile is the name of a file beside the configuration. It holds lines like CONCLAVE_SMTP_PASSWORD='…', which
// count as environment variables. systemd and compose read the same file for the server; the commands of an operator
// read it themselves.
const SecretsFile = "secrets.env"

// ReadSecrets reads such a file. The error wraps os.ErrNotExist if there is none.
func ReadSecrets(path string) (map[string]string, error) {
	b, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		value, good := unquote(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || !good || !strings.HasPrefix(name, EnvPrefix) {
			return nil, fmt.Errorf("%s: line %d is not like CONCLAVE_SMTP_PASSWORD='…'", path, i+1) // without its text
		}
		out[name] = value
	}
	return out, nil
}

// unquote reads a value as systemd and compose both do: single quotes keep everything, double quotes know \" \\ \$ \`.
func unquote(s string) (string, bool) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return s, true
	}
	quote, body := s[0], s[1:]
	if len(body) == 0 || body[len(body)-1] != quote {
		return "", false
	}
	body = body[:len(body)-1]
	if quote == '\'' {
		return body, !strings.Contains(body, "'")
	}
	var out strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] == '\\' && i+1 < len(body) && strings.IndexByte("\"\\$`", body[i+1]) >= 0 {
			i++
		}
		out.WriteByte(body[i])
	}
	return out.String(), true
}

// WithSecret returns old and one more variable. The name of a file that held it goes: a server refuses to have both.
func WithSecret(old map[string]string, name, value string) map[string]string {
	all := map[string]string{}
	for k, v := range old {
		all[k] = v
	}
	delete(all, name+"_FILE")
	all[name] = value
	return all
}

// SecretsText returns the text of a file that holds these variables.
func SecretsText(all map[string]string) (string, error) {
	var out strings.Builder
	out.WriteString("# Secrets of Conclave. systemd and compose read this file; only its owner may.\n")
	for _, n := range sortedKeys(all) {
		if strings.ContainsFunc(all[n], func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", errors.New("a secret must not contain control characters")
		}
		out.WriteString(n + "=" + quote(all[n]) + "\n")
	}
	return out.String(), nil
}

// quote writes a value so that systemd, compose and unquote read the same.
func quote(s string) string {
	if !strings.Contains(s, "'") {
		return "'" + s + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(s) + `"`
}

// loadSecrets adds the secrets beside the configuration file to the environment; what the environment has wins. A file
// that may not be read is no error: the server runs as a user who may not, and systemd has read it already.
func (s *Sources) loadSecrets(configFile string) error {
	found, err := ReadSecrets(filepath.Join(filepath.Dir(configFile), SecretsFile))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil
	}
	for name, value := range found {
		_, set := s.environ[name]
		_, fileSet := s.environ[strings.TrimSuffix(name, "_FILE")+"_FILE"]
		_, plainSet := s.environ[strings.TrimSuffix(name, "_FILE")]
		if !set && !fileSet && !plainSet {
			s.environ[name] = value
		}
	}
	return err
}
