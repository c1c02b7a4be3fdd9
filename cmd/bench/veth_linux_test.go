package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"conclave/cmd/bench/figures"
)

// benchVariable has the test's binary be bench, so that it can start itself in a namespace and as children.
const benchVariable = "CONCLAVE_TEST_BENCH"

func TestMain(m *testing.M) {
	if os.Getenv(benchVariable) != "" {
		os.Exit(run(os.Args[1:], figures.Console{Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// Each way across the pair is what it says, or the command fails.
func TestPacketsCrossAVethPair(t *testing.T) {
	if testing.Short() {
		t.Skip("starts whole servers")
	}
	missing := []string{}
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, tool := range []string{"ip", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if len(missing) > 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("in the CI this test must run: needs %v", missing)
		}
		t.Skipf("needs %v", missing)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "veth", "--quick")
	cmd.Env = append(os.Environ(), benchVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"loopback", "veth, segmentation by the device", "veth, segmentation by the kernel",
		"veth, no UDP_SEGMENT"} {
		if !strings.Contains(string(out), "| "+want+" ") {
			t.Errorf("no row %q in\n%s", want, out)
		}
	}
}
