// Command bench measures the media engine: against a plain Pion one (package naive) behind the same meetings, against
// the limit of the machine, and against itself over time. docs/performance.md says how to use it and what it found.
//
// What is measured runs in a child process of its own, and what loads it in another, so that their CPU times can be
// told apart. Linux only: CPU time is read from the kernel's process clocks.
//
//	bench      the command line
//	measure    the measurements: forward, veth, limit, join, rekey, scale, flood, overload, soak
//	line       a link between namespaces with delay, jitter, loss and a width
//	link       what viewers get through narrow, lossy and shared links, in the namespaces of netlab
//	child      the processes that are measured and those that load them
//	process    CPU time and memory of a process over time
//	figures    statistics and tables
//	naive bare the engines to compare with
//
// Start reading at measure/forward.go, the first of the measurements.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/line"
	"conclave/cmd/bench/link"
	"conclave/cmd/bench/measure"
)

// cli is the command line.
type cli struct {
	Forward   measure.Forward  `cmd:"" help:"CPU time per delivered packet: the engine, the naive one, and the limit."`
	Veth      measure.Veth     `cmd:"" help:"The same on loopback and across a veth pair. Needs root."`
	Limit     measure.Limit    `cmd:"" help:"What sealing and sending the same packets costs, and nothing else."`
	Join      measure.Join     `cmd:"" help:"What a participant costs: joining, being there, a slot."`
	Rekey     measure.Rekey    `cmd:"" help:"What a leave costs an end-to-end encrypted meeting."`
	Scale     measure.Scale    `cmd:"" help:"The ceiling with one worker and with two."`
	Flood     measure.Flood    `cmd:"" help:"What a stranger's datagrams cost those in a meeting."`
	Overload  measure.Overload `cmd:"" help:"What gives way when a server is asked for more than it carries. Needs root."`
	Bandwidth link.Bandwidth   `cmd:"" help:"What viewers get through narrow, lossy and shared connections. Needs root."`
	Soak      measure.Soak     `cmd:"" help:"A long meeting with much coming and going, and what is left of it."`

	Line     line.Command   `cmd:"" hidden:"" help:"A link of set delay and loss between namespaces. Needs root."`
	Serve    child.Serve    `cmd:"" hidden:"" help:"A server child."`
	Generate child.Generate `cmd:"" hidden:"" help:"A child with bots."`
	Clients  child.Clients  `cmd:"" hidden:"" help:"A child with bare clients."`
}

func main() {
	os.Exit(run(os.Args[1:], figures.Console{Out: os.Stdout, Err: os.Stderr}))
}

func run(args []string, c figures.Console) int {
	var grammar cli
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit := -1
	parser, err := kong.New(&grammar, kong.Name("bench"), kong.Description("Measures the media engine."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(c), kong.Writers(c.Out, c.Err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { exit = code }))
	if err != nil {
		_, _ = fmt.Fprintln(c.Err, "bench:", err)
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
		_, _ = fmt.Fprintln(c.Err, "bench:", err)
		return 1
	}
	return 0
}
