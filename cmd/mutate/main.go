// Command mutate weakens the checks that docs/security.md and docs/bandwidth.md name, one at a time, and runs the tests
// named beside them. A mutant is killed when a test fails. One that survives is a check that no test needs: the program
// then exits with 1.
//
//	go run ./cmd/mutate              every mutant
//	go run ./cmd/mutate -run dtls    those whose name matches
//	go run ./cmd/mutate -list        their names
//
// The working tree stays as it is: Go files are replaced by `go build -overlay`, other files in a copy of the tree.
// mutants.txt holds the mutants and says how to write one.
//
// Start reading at splice.go, which makes a mutant of a source file; list.go reads the list, kill.go runs the tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(out)
	only := flags.String("run", "", "only mutants whose name matches this regular expression")
	list := flags.Bool("list", false, "print the names and run nothing")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		_, _ = fmt.Fprintln(out, "mutate:", err)
		return 2
	}
	mutants, err := mutants()
	if err != nil {
		_, _ = fmt.Fprintln(out, "mutate:", err)
		return 2
	}
	var chosen []mutant
	for _, m := range mutants {
		if match.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	if *list {
		for _, m := range chosen {
			_, _ = fmt.Fprintln(out, m.name)
		}
		return 0
	}
	return killAll(ctx, chosen, out)
}

// killAll runs the tests of each mutant and returns the exit code.
func killAll(ctx context.Context, mutants []mutant, out io.Writer) int {
	counts := map[verdict]int{}
	began := time.Now()
	for i := range mutants {
		m := &mutants[i]
		started := time.Now()
		v, detail := m.kill(ctx, ".")
		if ctx.Err() != nil {
			return 130
		}
		if v == survived && m.same != "" {
			v, detail = equivalent, m.same
		}
		counts[v]++
		_, _ = fmt.Fprintf(out, "%-10s %4.0f s  %s\n", v, time.Since(started).Seconds(), m.name)
		if detail != "" && v != killed {
			_, _ = fmt.Fprintln(out, "    "+detail)
		}
	}
	_, _ = fmt.Fprintf(out, "%d mutants: %d killed, %d equivalent, %d survived, %d broken; %.0f s\n", len(mutants),
		counts[killed], counts[equivalent], counts[survived], counts[broken], time.Since(began).Seconds())
	if counts[survived]+counts[broken] > 0 || len(mutants) == 0 {
		return 1
	}
	return 0
}
