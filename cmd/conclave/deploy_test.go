package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"conclave/config"
	"conclave/deploy"
)

// composeService is what the tests look at of a service.
type composeService struct {
	Command     []string
	Volumes     []string
	StopGrace   string   `yaml:"stop_grace_period"`
	Network     string   `yaml:"network_mode"`
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	Healthcheck struct{ Test []string }
	Environment map[string]string
}

// TestComposeFilesAreWhole reads the compose files as far as a parser can: no engine runs them here.
func TestComposeFilesAreWhole(t *testing.T) {
	for _, name := range []string{"docker-compose.yml", "docker-compose.bridge.yml"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Services map[string]composeService
			Volumes  map[string]any
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := file.Services["conclave"]
		if !s.ReadOnly || len(s.CapDrop) != 1 || s.CapDrop[0] != "ALL" || len(s.Healthcheck.Test) != 3 ||
			len(s.Command) != 3 {
			t.Errorf("%s: %+v", name, s)
		}
		stops(t, name, s.StopGrace)
		for service, s := range file.Services {
			for _, v := range s.Volumes {
				from, _, _ := strings.Cut(v, ":")
				_, named := file.Volumes[from]
				_, err := os.Stat(filepath.Join("..", "..", from))
				if !named && err != nil && from != "./config.yaml" { // which `conclave setup` writes
					t.Errorf("%s: %s mounts %s, which is not there", name, service, from)
				}
			}
		}
	}
}

// TestGrafanaHasNoAdministratorWithAKnownPassword: on loopback, every user of the machine reaches it.
func TestGrafanaHasNoAdministratorWithAKnownPassword(t *testing.T) {
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Services map[string]composeService }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	env := file.Services["grafana"].Environment
	for name, want := range map[string]string{
		"GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true", "GF_AUTH_DISABLE_LOGIN_FORM": "true",
		"GF_AUTH_BASIC_ENABLED": "false",
	} {
		if env[name] != want {
			t.Errorf("%s is %q", name, env[name])
		}
	}
}

// TestWhatSetupWritesStaysOutOfTheSource: with compose, it is in the checkout and holds the mail password.
func TestWhatSetupWritesStaysOutOfTheSource(t *testing.T) {
	for file, lines := range map[string][]string{
		".gitignore":    {"/config.yaml", "/" + config.SecretsFile, "/.setup-*"},
		".dockerignore": {"config.yaml", config.SecretsFile, ".setup-*"},
	} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
				t.Errorf("%s does not name %s", file, line)
			}
		}
	}
}

func TestTheUnitGivesTheServerTimeToStop(t *testing.T) {
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(\w+)$`).FindStringSubmatch(deploy.Unit)
	if m == nil {
		t.Fatal("the unit has no TimeoutStopSec")
	}
	stops(t, "the unit", m[1])
}

// stops compares the time that a process is given to stop with what the server takes at most.
func stops(t *testing.T, where, given string) {
	t.Helper()
	d, err := time.ParseDuration(given)
	if takes := defaultSettings().Running.StopTimeout + closeTimeout; err != nil || d <= takes {
		t.Errorf("%s: the server is killed after %q, and may take %v to stop", where, given, takes)
	}
}
