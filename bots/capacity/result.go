package capacity

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"conclave/bots/report"
)

// Schema names the JSON form of a result and its version; as report.Schema.
const Schema = "conclave-bots-capacity/1"

// Result is what a search found. docs/bots.md describes it.
type Result struct {
	Schema     string    `json:"schema"`
	Started    time.Time `json:"started"`
	Scenario   string    `json:"scenario"`
	Vary       string    `json:"vary"` // meetings, people, or a role
	Objectives []string  `json:"objectives"`
	// Load is the largest that held, 0 if none did; Times is how often it did. At is the median of those runs.
	Load  int     `json:"load"`
	Times int     `json:"times"`
	At    Figures `json:"at"`
	// PerCore is what one core of the server's carried at that load; nil when the server's process was not seen.
	PerCore *PerCore `json:"per_core,omitempty"`
	// Limit is what was met first above that load; nil when the largest load that was to be tried held.
	Limit *Limit `json:"limit,omitempty"`
	// Unfinished says why the search ended before its end; empty if it did not.
	Unfinished string `json:"unfinished,omitempty"`
	Runs       []Run  `json:"runs"`
}

// Limit is the smallest load that did not hold, or could not be shown to.
type Limit struct {
	Load    int      `json:"load"`
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons"`
}

// Run is one run of the search.
type Run struct {
	Load    int      `json:"load"`
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons,omitempty"`
	Figures
}

// Figures are those of one run, or medians of several.
type Figures struct {
	People       int     `json:"people"`
	PacketsPerS  float64 `json:"packets_per_s"`
	MbitPerS     float64 `json:"mbit_per_s"`
	ServerCores  float64 `json:"server_cores"`
	ServerRSSMiB float64 `json:"server_rss_mib"`
	Busy         float64 `json:"machine_busy"` // of the bots' machine
	JoinP99      float64 `json:"join_p99_ms"`
	AudioP99     float64 `json:"audio_delay_p99_ms"`
	VideoP99     float64 `json:"video_delay_p99_ms"`
	Loss         float64 `json:"loss"`
}

// PerCore is what one core of the server carried.
type PerCore struct {
	People      float64 `json:"people"`
	PacketsPerS float64 `json:"packets_per_s"`
	MbitPerS    float64 `json:"mbit_per_s"`
}

// RunOf makes a run of its report. An invalid run is unclear, whatever else failed in it.
func RunOf(load int, r *report.Report) Run {
	run := Run{Load: load, Figures: figuresOf(r)}
	switch r.Verdict {
	case report.Passed:
		run.Verdict = Held
	case report.Failed:
		run.Verdict, run.Reasons = Broke, r.Failures
	case report.Invalid:
		run.Verdict, run.Reasons = Unclear, r.Invalid
	}
	return run
}

func figuresOf(r *report.Report) Figures {
	f := Figures{
		People: r.Count, PacketsPerS: r.Window.PacketsPerS, MbitPerS: r.Window.MbitPerS, ServerRSSMiB: r.Window.ServerRSSMiB,
		JoinP99: r.Join["total"].P99, AudioP99: r.Total.AudioDelay.P99, VideoP99: r.Total.VideoDelay.P99,
	}
	if r.Window.Seconds > 0 {
		f.ServerCores = r.Window.ServerCPUSeconds / r.Window.Seconds
	}
	if r.Machine != nil {
		f.Busy = r.Machine.Busy
	}
	f.Loss, _ = r.Metric("loss")
	return f
}

// Conclude fills in what the search found.
func (r *Result) Conclude(s *Search) {
	r.Load, r.Times = s.Found()
	var at []Figures
	for i := range r.Runs {
		if run := &r.Runs[i]; run.Load == r.Load && run.Verdict == Held {
			at = append(at, run.Figures)
		}
	}
	r.At = median(at)
	if c := r.At.ServerCores; c > 0 {
		r.PerCore = &PerCore{float64(r.At.People) / c, r.At.PacketsPerS / c, r.At.MbitPerS / c}
	}
	if load, because := s.Limit(); load > 0 {
		r.Limit = &Limit{Load: load, Verdict: because}
		for i := range r.Runs { // the last run at it tells why
			if run := &r.Runs[i]; run.Load == load && run.Verdict == because {
				r.Limit.Reasons = run.Reasons
			}
		}
	}
	if r.Unfinished == "" && !s.Finished() {
		r.Unfinished = fmt.Sprintf("%d runs did not settle it", len(r.Runs))
	}
}

// median takes the median of each figure; all runs are of as many people.
func median(list []Figures) (m Figures) {
	if len(list) == 0 {
		return m
	}
	of := func(value func(f *Figures) float64) float64 {
		values := make([]float64, 0, len(list))
		for i := range list {
			values = append(values, value(&list[i]))
		}
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return Figures{
		People: list[0].People, PacketsPerS: of(func(f *Figures) float64 { return f.PacketsPerS }),
		MbitPerS:     of(func(f *Figures) float64 { return f.MbitPerS }),
		ServerCores:  of(func(f *Figures) float64 { return f.ServerCores }),
		ServerRSSMiB: of(func(f *Figures) float64 { return f.ServerRSSMiB }),
		Busy:         of(func(f *Figures) float64 { return f.Busy }),
		JoinP99:      of(func(f *Figures) float64 { return f.JoinP99 }),
		AudioP99:     of(func(f *Figures) float64 { return f.AudioP99 }),
		VideoP99:     of(func(f *Figures) float64 { return f.VideoP99 }),
		Loss:         of(func(f *Figures) float64 { return f.Loss }),
	}
}

// ExitCode is what the command exits with: 0 when a load held and what ended the search is known, 1 when the server
// failed at the smallest load, 2 when invalid runs or an early end leave it open how much the server holds.
func (r *Result) ExitCode() int {
	switch {
	case r.Unfinished != "" || r.Limit != nil && r.Limit.Verdict == Unclear:
		return report.Invalid.ExitCode()
	case r.Load == 0:
		return report.Failed.ExitCode()
	}
	return 0
}

// WriteJSON writes the result in the form that Schema names.
func (r *Result) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("capacity: %w", err)
	}
	return nil
}

// Header heads the lines of runs.
const Header = "   load people verdict  packets/s   Mbit/s server machine  join p99 sound p99 video p99     loss"

// Line writes a run in one line, with the first reason if it did not hold.
func (r *Run) Line() string {
	line := fmt.Sprintf("%7d %6d %-7s %10.0f %8.1f %6.2f %6.0f%% %7.0fms %7.1fms %7.1fms %7.3f%%", r.Load, r.People,
		r.Verdict, r.PacketsPerS, r.MbitPerS, r.ServerCores, 100*r.Busy, r.JoinP99, r.AudioP99, r.VideoP99, 100*r.Loss)
	if len(r.Reasons) > 0 {
		line += "\n        " + r.Reasons[0]
	}
	return line
}

// maxReasons bounds the reasons that the text gives.
const maxReasons = 3

// WriteText writes what was found for a person.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\nobjective %s\n", r.Scenario, strings.Join(r.Objectives, ", "))
	if r.Load == 0 {
		fmt.Fprintf(&b, "capacity  no load held\n")
	} else {
		fmt.Fprintf(&b, "capacity  %d %s held in %d of %d runs: %d people\n", r.Load, r.Vary, r.Times, r.Times, r.At.People)
		fmt.Fprintf(&b, "traffic   %.0f packets/s, %.1f Mbit/s received\n", r.At.PacketsPerS, r.At.MbitPerS)
	}
	if p := r.PerCore; p != nil {
		fmt.Fprintf(&b, "server    %.2f cores, %.0f MiB; one core carries %.0f people, %.0f packets/s, %.1f Mbit/s\n",
			r.At.ServerCores, r.At.ServerRSSMiB, p.People, p.PacketsPerS, p.MbitPerS)
	}
	switch l := r.Limit; {
	case l == nil:
		fmt.Fprintf(&b, "limit     none was met up to the largest load that was to be tried\n")
	case l.Verdict == Unclear:
		fmt.Fprintf(&b, "limit     the bots' machine, at %d: the runs are invalid, so the server may hold more\n", l.Load)
	default:
		fmt.Fprintf(&b, "limit     the server, at %d\n", l.Load)
	}
	if l := r.Limit; l != nil {
		for _, reason := range l.Reasons[:min(len(l.Reasons), maxReasons)] {
			fmt.Fprintf(&b, "          %s\n", reason)
		}
	}
	if r.Unfinished != "" {
		fmt.Fprintf(&b, "UNFINISHED  %s\n", r.Unfinished)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("capacity: %w", err)
	}
	return nil
}
