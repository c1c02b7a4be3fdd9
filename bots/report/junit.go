package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// JUnit's form of a report: what CI systems show.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Stamp    string      `xml:"timestamp,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitProblem `xml:"failure,omitempty"`
		Error   *junitProblem `xml:"error,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit writes the report as JUnit's XML. Each threshold is a test, and so is delivery. What makes a run invalid
// is an error of the test "machine": it says nothing about the server.
func (r *Report) WriteJUnit(w io.Writer) error {
	name := r.Scenario
	if name == "" {
		name = "bots"
	}
	suite := junitSuite{
		Name: name, Time: fmt.Sprintf("%.3f", r.Window.Seconds), Stamp: r.Started.UTC().Format("2006-01-02T15:04:05"),
	}
	other := r.Failures
	for _, limit := range r.Limits {
		var failure string
		failure, other = takePrefixed(other, "threshold "+limit+":")
		suite.add("threshold "+limit, failure, "")
	}
	suite.add("delivery", strings.Join(other, "; "), "")
	suite.add("machine", "", strings.Join(r.Invalid, "; "))
	raw, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return fmt.Errorf("bots: report: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(raw)+"\n"); err != nil {
		return fmt.Errorf("bots: report: %w", err)
	}
	return nil
}

func (s *junitSuite) add(name, failure, failed string) {
	c := junitCase{Name: name, Class: s.Name}
	if failure != "" {
		c.Failure = &junitProblem{failure}
		s.Failures++
	}
	if failed != "" {
		c.Error = &junitProblem{failed}
		s.Errors++
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

// takePrefixed takes the first of the texts that begins with prefix out of them; empty if none does.
func takePrefixed(list []string, prefix string) (taken string, rest []string) {
	for _, text := range list {
		if taken == "" && strings.HasPrefix(text, prefix) {
			taken = text
			continue
		}
		rest = append(rest, text)
	}
	return taken, rest
}
