package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// floors are the oldest versions without a flaw that a remote peer could use. The vulnerability database may be out of
// reach where the tests run; these are known, and must never come back by a careless downgrade.
var floors = map[string]struct{ version, why string }{
	"github.com/pion/webrtc/v4":   {"v4.2.26", "the version the packet path is tested with"},
	"github.com/pion/interceptor": {"v0.1.39", "remote crash by RTP padding"},
	"github.com/pion/srtp/v3":     {"v3.0.12", "memory growth by unauthenticated packets"},
	"github.com/pion/dtls/v3":     {"v3.1.15", "one unauthenticated alert after the handshake ended a connection"},
	"github.com/pion/stun/v3":     {"v3.1.5", "published security fix"},
}

var requirement = regexp.MustCompile(`(?m)^\s*(?:require\s+)?(\S+\.\S+/\S+)\s+(v\S+)`)

func TestDependenciesAreAboveKnownFlaws(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(repoRoot(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, m := range requirement.FindAllStringSubmatch(string(mod), -1) {
		have[m[1]] = m[2]
	}
	for name, floor := range floors {
		if v, ok := have[name]; ok && older(t, v, floor.version) {
			t.Errorf("%s is %s, must be at least %s: %s", name, v, floor.version, floor.why)
		}
	}
}

func TestOlderComparesNumbers(t *testing.T) {
	cases := []struct {
		a, b string
		want bool
	}{
		{"v0.1.38", "v0.1.39", true},
		{"v0.1.48", "v0.1.39", false},
		{"v3.0.9", "v3.0.12", true},
		{"v3.1.0", "v3.0.12", false},
		{"v4.2.20", "v4.2.20", false},
		{"v4.2.20-rc1", "v4.2.20", true},
	}
	for _, c := range cases {
		if got := older(t, c.a, c.b); got != c.want {
			t.Errorf("older(%s, %s) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// older compares two semantic versions; a pre-release is older than its release.
func older(t *testing.T, a, b string) bool {
	t.Helper()
	na, preA := numbers(t, a)
	nb, preB := numbers(t, b)
	for i := range na {
		if na[i] != nb[i] {
			return na[i] < nb[i]
		}
	}
	return preA && !preB
}

func numbers(t *testing.T, version string) (n [3]int, pre bool) {
	t.Helper()
	core, _, pre := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	core, _, _ = strings.Cut(core, "+")
	for i, part := range strings.SplitN(core, ".", 3) {
		v, err := strconv.Atoi(part)
		if err != nil {
			t.Fatalf("version %q: %v", version, err)
		}
		n[i] = v
	}
	return n, pre
}
