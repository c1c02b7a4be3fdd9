// Command bench measures the media engine: against a plain Pion one (package naive) behind the same meetings, against the limit of
// the machine, and against itself over time. docs/performance.md says how to use it and what it found.
//
// What is measured runs in a child process of its own (this program again, with a hidden command), what loads it in another, so
// that CPU time can be told apart. Children end with their parent: they watch their standard input. Linux only: CPU time is read from
// the kernel's process clocks.
//
// Start reading at forward.go, the first of the measurements; child.go starts children, server.go and generate.go are what they do,
// statistics.go and proc.go are the arithmetic.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Forward   forwardCmd   `cmd:"" help:"CPU time per delivered packet: the engine, the naive one, and the limit."`
	Limit     limitCmd     `cmd:"" help:"What sealing and sending the same packets costs, and nothing else."`
	Join      joinCmd      `cmd:"" help:"What a participant costs: joining, being there, a slot."`
	Rekey     rekeyCmd     `cmd:"" help:"What a leave costs an end-to-end encrypted meeting: time and signalling until all publishers have new keys."`
	Scale     scaleCmd     `cmd:"" help:"The ceiling with one worker and with two."`
	Bandwidth bandwidthCmd `cmd:"" help:"What viewers get through narrow, lossy and shared connections. Needs root."`
	Soak      soakCmd      `cmd:"" help:"A long meeting with much coming and going, and what is left of it."`

	Serve    serveCmd    `cmd:"" hidden:"" help:"A server child."`
	Generate generateCmd `cmd:"" hidden:"" help:"A child with bots."`
	Clients  clientsCmd  `cmd:"" hidden:"" help:"A child with bare clients."`
}

// console is where measurements print: tables to out, progress to err.
type console struct{ out, err io.Writer }

// progress writes a line for whoever waits.
func (c console) progress(format string, args ...any) {
	_, _ = fmt.Fprintf(c.err, format+"\n", args...)
}

// table writes what the measurement is for.
func (c console) table(text string) { _, _ = io.WriteString(c.out, text) }

func main() {
	os.Exit(run(os.Args[1:], console{os.Stdout, os.Stderr}))
}

func run(args []string, c console) int {
	var grammar cli
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit := -1
	parser, err := kong.New(&grammar, kong.Name("bench"), kong.Description("Measures the media engine."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(c), kong.Writers(c.out, c.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { exit = code }))
	if err != nil {
		_, _ = fmt.Fprintln(c.err, "bench:", err)
		return 2
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err == nil {
		err = command.Run()
	}
	if err != nil {
		_, _ = fmt.Fprintln(c.err, "bench:", err)
		return 1
	}
	return 0
}
