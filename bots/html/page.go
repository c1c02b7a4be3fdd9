package html

import (
	"crypto/sha256"
	_ "embed" // the page and its style sheet
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"

	"conclave/bots/report"
)

//go:embed page.html
var pageText string

//go:embed page.css
var styleText string

const (
	// maxRows bounds the bots in the table, maxMoments the rows of the table of the run over time.
	maxRows    = 20
	maxMoments = 60
	// maxSaid bounds the failures that are listed.
	maxSaid = 50
)

// page is what the template is given.
type page struct {
	Policy  string
	Style   template.CSS
	R       *report.Report
	Title   string
	Limits  []report.Outcome
	Said    []string // failures
	More    int      // failures that are not listed
	Facts   []fact
	Phases  []phase
	Figures []figure
	Worst   []*report.Bot
	Moments []moment
}

type fact struct{ Name, Value string }

// phase is one phase of joining, with its bars in parts of the longest.
type phase struct {
	Name                string
	P50, P95, P99, Max  string
	Median, High, Whole string // widths of bars
}

type moment struct{ At, In, Rate, Loss, Audio, Video, Server, Busy string }

// Write writes the page of a report.
func Write(w io.Writer, r *report.Report) error {
	t, err := template.New("report").Parse(pageText)
	if err != nil {
		return fmt.Errorf("bots: page: %w", err)
	}
	sum := sha256.Sum256([]byte(styleText))
	p := page{
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'",
		Style: template.CSS(styleText), R: r, Title: r.Scenario, Limits: r.Outcomes(), Facts: facts(r), Phases: phases(r),
		Figures: plots(r), Worst: r.Worst(maxRows), Moments: moments(&r.Series),
	}
	if p.Title == "" {
		p.Title = "A run of bots"
	}
	p.Said = r.Failures[:min(len(r.Failures), maxSaid)]
	p.More = len(r.Failures) - len(p.Said)
	if err := t.Execute(w, &p); err != nil {
		return fmt.Errorf("bots: page: %w", err)
	}
	return nil
}

// facts are the run's figures in short.
func facts(r *report.Report) []fact {
	t, w, g := &r.Total, &r.Window, &r.Generator
	list := []fact{
		{"started", r.Started.UTC().Format("2006-01-02 15:04:05 UTC")},
		{"bots", fmt.Sprintf("%d, %d publishing", r.Count, r.Publishers)}, {"meetings", strconv.Itoa(r.Meetings)},
		{"joins", fmt.Sprintf("%d of %d succeeded", r.Joins.Joined, r.Joins.Wanted)},
		{"measured", r.Length()},
	}
	if w.Seconds == 0 {
		return list
	}
	list = append(list,
		fact{"received", fmt.Sprintf("%.0f packets/s, %.1f Mbit/s", w.PacketsPerS, w.MbitPerS)},
		fact{"streams", fmt.Sprintf("audio %d of %d arrived, video %d of %d", t.ArrivedAudio, t.ExpectedAudio,
			t.ArrivedVideo, t.ExpectedVideo)})
	if s := r.Sampling(); s != "" {
		list = append(list, fact{"sampled", s})
	}
	if t.Expected > 0 {
		list = append(list, fact{"loss", fmt.Sprintf("%.4f %% of %d packets, %.4f %% before retransmission",
			part(t.LostAfter, t.Expected), t.Expected, part(t.LostBefore, t.Expected))})
	}
	if q := &t.AudioDelay; q.Count > 0 {
		list = append(list, fact{"one-way delay of sound", fmt.Sprintf("median %.1f ms, p99 %.1f ms", q.P50, q.P99)})
	}
	if q := &t.VideoDelay; q.Count > 0 {
		list = append(list, fact{"one-way delay of pictures", fmt.Sprintf("median %.1f ms, p99 %.1f ms", q.P50, q.P99)})
	}
	if part, measured := r.Metric("concealed"); measured {
		list = append(list, fact{"sound concealed", fmt.Sprintf("%.2f %%", 100*part)})
	}
	list = append(list, fact{"freezes", fmt.Sprintf("%d, %.0f ms in all", t.Freezes, t.FreezeMS)})
	if w.ServerCPUSeconds > 0 {
		list = append(list, fact{"server", fmt.Sprintf("%.2f cores, %.2f µs per packet delivered, %.0f MiB",
			w.ServerCPUSeconds/w.Seconds, w.ServerCPUMicrosPerPacket, w.ServerRSSMiB)})
	}
	list = append(list, fact{"generator", fmt.Sprintf("%.2f of %d cores, %.0f MiB, %.2f ms late at p99, %d socket drops",
		g.CPUSeconds/w.Seconds, g.Cores, g.RSSMiB, g.Lag.P99, g.SocketDrops)})
	for i := range r.Agents {
		list = append(list, fact{fmt.Sprintf("agent %d", r.Agents[i].Agent), r.Agents[i].String()})
	}
	if m := r.Machine; m != nil {
		list = append(list, fact{"machine", m.String()})
	}
	return list
}

// phases are the phases of joining that the run went through.
func phases(r *report.Report) (list []phase) {
	longest := 0.0
	for _, name := range report.Phases() {
		longest = max(longest, r.Join[name].P99)
	}
	width := func(ms float64) string { return coordinate(ms / max(longest, math.SmallestNonzeroFloat64) * plotWidth) }
	ms := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	for _, name := range report.Phases() {
		q, ok := r.Join[name]
		if !ok || q.Count == 0 {
			continue
		}
		list = append(list, phase{
			Name: name, P50: ms(q.P50), P95: ms(q.P95), P99: ms(q.P99), Max: ms(q.Max),
			Median: width(q.P50), High: width(q.P95), Whole: width(q.P99),
		})
	}
	return list
}

// moments are the run over time as a table, for those who cannot see plots.
func moments(s *report.Series) (list []moment) {
	step := max(1, (len(s.Samples)+maxMoments-1)/maxMoments)
	for i := step - 1; i < len(s.Samples); i += step {
		x := &s.Samples[i]
		m := moment{
			At: minutes(x.AtS), In: strconv.Itoa(x.In), Rate: number(x.PacketsPerS), Loss: number(part(x.LostAfter, x.Expected)),
			Audio: "–", Video: "–", Server: number(x.ServerCores), Busy: number(100 * x.Busy),
		}
		if x.Audio.Count > 0 {
			m.Audio = number(x.Audio.P99)
		}
		if x.Video.Count > 0 {
			m.Video = number(x.Video.P99)
		}
		list = append(list, m)
	}
	return list
}
