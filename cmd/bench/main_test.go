package main

import (
	"bytes"
	"strings"
	"testing"

	"conclave/cmd/bench/figures"
)

func TestTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--help"}, 0, "bandwidth"},
		{[]string{"forward", "--help"}, 0, "--scenarios"},
		{[]string{"nonsense"}, 1, "nonsense"},
		{[]string{"forward", "--scenarios", "Z"}, 1, "A, B, C, D and E"},
		{[]string{"veth", "--help"}, 0, "Needs Linux, root, ip (iproute2)"},
		{[]string{"veth", "--scenarios", "Z"}, 1, "A, B, C, D and E"},
		{[]string{"limit", "--scenarios", "A,A"}, 1, "A, B, C, D and E"},
		{[]string{"scale", "--publishers", "1000"}, 1, "--publishers"},
		{nil, 1, "expected one of"},
	} {
		var out, errs bytes.Buffer
		code := run(c.args, figures.Console{Out: &out, Err: &errs})
		if text := out.String() + errs.String(); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%q: exit code %d: %s", c.args, code, text)
		}
	}
	var out, errs bytes.Buffer
	run([]string{"--help"}, figures.Console{Out: &out, Err: &errs})
	for _, name := range []string{"forward", "veth", "limit", "join", "rekey", "scale", "bandwidth", "soak"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("no command %s", name)
		}
	}
	for _, hidden := range []string{"serve", "generate", "clients"} {
		if strings.Contains(out.String(), "  "+hidden) {
			t.Errorf("%s is shown", hidden)
		}
	}
}
