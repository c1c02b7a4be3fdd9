package attack

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Addresses of the namespace. All are on its loopback interface, so a raw socket may send from any of them.
const (
	serverIP   = "192.0.2.1"
	aliceIP    = "192.0.2.10"
	bobIP      = "192.0.2.11"
	malloryIP  = "192.0.2.66"
	strangerIP = "192.0.2.99" // a third party that takes part in nothing
)

// insideVariable tells this program that it is in a namespace of its own.
const insideVariable = "ATTACK_INSIDE"

// binaryVariable names the server to attack. Without it the tests build ./cmd/conclave.
const binaryVariable = "TEST_BINARY"

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(insideVariable) != "" {
		os.Exit(m.Run())
	}
	if reason := missing(); reason != "" {
		fmt.Println("attack tests need " + reason)
		if os.Getenv("CI") == "true" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(enter())
}

// missing names what the tests cannot do without and do not find.
func missing() string {
	for _, tool := range []string{"unshare", "ip", "ss"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "the command " + tool
		}
	}
	if err := exec.Command(namespace("true")[0], namespace("true")[1:]...).Run(); err != nil {
		return "a network namespace: root, or a kernel that lets users make one"
	}
	return ""
}

// namespace is a command line that runs args in a network namespace of its own.
func namespace(args ...string) []string {
	line := []string{"unshare", "--net"}
	if os.Geteuid() != 0 {
		line = append(line, "--user", "--map-root-user")
	}
	return append(append(line, "--"), args...)
}

// enter builds the server if need be, runs this program again inside, and returns its exit code.
func enter() int {
	env := append(os.Environ(), insideVariable+"=1")
	if os.Getenv(binaryVariable) == "" {
		dir, err := os.MkdirTemp("", "conclave-attack")
		if err != nil {
			fmt.Println(err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary := filepath.Join(dir, "conclave")
		if out, err := exec.Command("go", "build", "-o", binary, "conclave/cmd/conclave").CombinedOutput(); err != nil {
			fmt.Printf("building the server: %v\n%s", err, out)
			return 1
		}
		env = append(env, binaryVariable+"="+binary)
	}
	script := "ip link set lo up && ip address add 198.51.100.1/24 dev lo" // a whole network, to flood from
	for _, ip := range []string{serverIP, aliceIP, bobIP, malloryIP, strangerIP} {
		script += " && ip address add " + ip + "/32 dev lo"
	}
	line := namespace(append([]string{"sh", "-c", script + ` && exec "$@"`, "sh"}, os.Args...)...)
	line = append(line, "-test.parallel=8") // they wait more than they work
	cmd := exec.CommandContext(context.Background(), line[0], line[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	fmt.Println(strings.Join(line, " ")+":", err)
	return 1
}
