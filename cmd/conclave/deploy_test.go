package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

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
