package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"conclave/bots/compare"
	"conclave/bots/report"
)

// botsCompareCmd compares reports of runs.
type botsCompareCmd struct {
	Groups []string `arg:"" placeholder:"GROUP" help:"A report, several with commas between, or a directory of reports."`
}

// compareError ends the command with the verdict of a comparison: 1 worse, 2 a group without a valid run.
type compareError struct {
	text string
	code int
}

// Error implements error.
func (e compareError) Error() string { return e.text }

// ExitCode implements kong.ExitCoder.
func (e compareError) ExitCode() int { return e.code }

// Run reads the reports and prints how they differ.
func (cmd *botsCompareCmd) Run(c console) error {
	groups := make([]compare.Group, 0, len(cmd.Groups))
	for _, arg := range cmd.Groups {
		g, err := readGroup(arg)
		if err != nil {
			return startError{err}
		}
		groups = append(groups, g)
	}
	result, err := compare.Groups(groups)
	if err != nil {
		return startError{err}
	}
	if err := result.Write(c.out); err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	switch {
	case result.Empty():
		return compareError{"a group has no valid run", report.Invalid.ExitCode()}
	case result.Worse():
		return compareError{"a figure is worse than the first group's, beyond the spread", report.Failed.ExitCode()}
	}
	return nil
}

// readGroup reads the reports that one argument names.
func readGroup(arg string) (compare.Group, error) {
	g := compare.Group{Name: arg}
	files := strings.Split(arg, ",")
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(arg, "*.json")); err != nil || len(files) == 0 {
			return g, fmt.Errorf("%s: there is no report in it: *.json", arg)
		}
	}
	if len(files) > compare.MaxRuns {
		return g, fmt.Errorf("%s: more than %d reports", arg, compare.MaxRuns)
	}
	labels := map[string]bool{}
	for _, file := range files {
		r, err := readReport(file)
		if err != nil {
			return g, err
		}
		g.Runs = append(g.Runs, compare.Run{File: file, Report: r})
		labels[r.Label] = true
	}
	if label := g.Runs[0].Report.Label; label != "" && len(labels) == 1 {
		g.Name = label
	}
	return g, nil
}

func readReport(file string) (r *report.Report, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if r, err = report.Read(f); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}
