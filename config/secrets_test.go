package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsReadAsTheyWereWritten(t *testing.T) {
	for _, secret := range []string{"plain", "it's", `a"b\c$d` + "`e'", " spaces ", "$HOME", `\`, "#x", "ü"} {
		file := filepath.Join(t.TempDir(), SecretsFile)
		old := map[string]string{"CONCLAVE_BOT_TOKENS": "t", "CONCLAVE_SMTP_PASSWORD_FILE": "/run/old"}
		text, err := SecretsText(WithSecret(old, "CONCLAVE_SMTP_PASSWORD", secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecrets(file)
		if err != nil || got["CONCLAVE_SMTP_PASSWORD"] != secret || got["CONCLAVE_BOT_TOKENS"] != "t" || len(got) != 2 {
			t.Errorf("%q: %q, %v", secret, got, err)
		}
		// A shell reads the same quotes in the same way.
		cmd := exec.Command("sh", "-c", `. "$1"; printf %s "$CONCLAVE_SMTP_PASSWORD"`, "sh", file)
		if out, err := cmd.Output(); err != nil || string(out) != secret {
			t.Errorf("a shell reads %q of %q, %v", out, secret, err)
		}
	}
	two := WithSecret(nil, "CONCLAVE_SMTP_PASSWORD", "a\nCONCLAVE_DOMAIN=b")
	if _, err := SecretsText(two); err == nil {
		t.Error("a secret of two lines")
	}
}

func TestSecretsBesideTheConfigurationCountAsEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config.yaml", "domain: meet.example.org\n")
	write(SecretsFile, "# ours\nCONCLAVE_NAME=beside\n\n")
	list := []Option{{Name: "domain"}, {Name: "name"}}
	load := func(environ ...string) (*Sources, error) {
		s := NewSources(list, environ, file)
		err := s.load()
		return s, err
	}
	if s, err := load(); err != nil || s.environ["CONCLAVE_NAME"] != "beside" {
		t.Error(s.environ, err)
	}
	if s, err := load("CONCLAVE_NAME=real"); err != nil || s.environ["CONCLAVE_NAME"] != "real" {
		t.Error("the file beside it wins over the environment", err)
	}
	for _, bad := range []string{
		"CONCLAVE_NAME='open", "CONCLAVE_NAME='a'b'", "PATH=x", "secret canary", "CONCLAVE_NAEM=x",
	} {
		write(SecretsFile, bad+"\n")
		if _, err := load(); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
