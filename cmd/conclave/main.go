// Command conclave is the meeting server, and everything that belongs to running it: see `conclave --help`.
//
// This package only wires: what decides lives in the other packages. Start reading at main (the command line), then
// serveCmd (the life of a server), then newRouter (what is served where).
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"conclave/config"
)

// cli is the command line.
type cli struct {
	Serve   serveCmd       `cmd:"" default:"withargs" help:"Run the server (the default), by default on 127.0.0.1:8080."`
	Setup   setupCmd       `cmd:"" help:"Ask four questions and write the configuration of a public server."`
	Doctor  doctorCmd      `cmd:"" help:"Look for what is wrong: DNS, ports, mail, certificate and more."`
	Check   checkConfigCmd `cmd:"" name:"check-config" help:"Check the configuration and say what would be served."`
	Config  configCmd      `cmd:"" help:"Show the configuration."`
	Reload  reloadCmd      `cmd:"" help:"Have the installed version take over; meetings go on."`
	Health  healthCmd      `cmd:"" help:"Ask the server on this machine whether it is ready. Exit status 0 if so."`
	SMTP    smtpCmd        `cmd:"" name:"smtp" help:"Test the mail server."`
	Bots    botsCmd        `cmd:"" help:"Load a server with bots."`
	Audit   auditCmd       `cmd:"" help:"Read and check the audit log."`
	Version versionCmd     `cmd:"" help:"Print the version and the hash of the web client."`
}

// options are the flags of every command that reads the configuration.
type options struct {
	ConfigFile string   `name:"config" placeholder:"FILE" help:"Configuration file, instead of /etc/conclave/config.yaml."`
	Config     settings `embed:""`
}

// console is where commands print: for people, not for logs.
type console struct {
	out, err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), console{os.Stdout, os.Stderr}))
}

// run is main without the process.
func run(args, environ []string, c console) int {
	var grammar cli
	exit := -1
	sources := config.NewSources(optionList(), environ, fileFlag(args))
	parser, err := newParser(&grammar, sources, c, func(code int) { exit = code })
	if err != nil {
		_, _ = fmt.Fprintln(c.err, "conclave:", err)
		return 2
	}
	ctx, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintln(c.err, "conclave:", err)
		return usageCode(args)
	}
	if err := ctx.Run(); err != nil {
		_, _ = fmt.Fprintln(c.err, "conclave:", err)
		var coder kong.ExitCoder
		if errors.As(err, &coder) {
			return coder.ExitCode()
		}
		return 1
	}
	return 0
}

func newParser(grammar *cli, sources *config.Sources, c console, exit func(int)) (*kong.Kong, error) {
	parser, err := kong.New(grammar,
		kong.Name("conclave"), kong.Description("A meeting server that cannot listen in."),
		kong.Resolvers(sources), kong.Bind(c, sources), kong.Writers(c.out, c.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}), kong.Exit(exit),
	)
	if err != nil {
		return nil, err //nolint:wrapcheck // printed as it is
	}
	config.Describe(parser.Model, optionList())
	return parser, nil
}

// fileFlag finds --config before kong does: the file gives values to the other flags.
func fileFlag(args []string) string {
	const flag = "--config"
	for i, a := range args {
		if a == flag && i+1 < len(args) {
			return args[i+1]
		}
		if len(a) > len(flag) && a[:len(flag)+1] == flag+"=" {
			return a[len(flag)+1:]
		}
	}
	return ""
}
