package html

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"conclave/bots/measure"
	"conclave/bots/report"
)

// sampled is a report with something of everything.
func sampled() *report.Report {
	r := &report.Report{
		Schema: report.Schema, Verdict: report.Failed, Scenario: `<script>alert("x")</script> & more`,
		Failures: []string{`threshold <img src=x onerror=alert(1)>`}, Invalid: []string{"the machine was busy"},
		Limits: []string{"join.p99<2s", "loss<=1%", "delay.audio.p99<100ms"}, Count: 2, Meetings: 1, Sampled: 1,
		Join:    map[string]report.Phase{"total": {Count: 2, P50: 100, P95: 200, P99: 300, Max: 400}},
		Window:  report.Window{Seconds: 3, Planned: 3, PacketsPerS: 10, ServerCPUSeconds: 1},
		Machine: &report.Machine{Cores: 2, Busy: 0.5}, Agents: []report.Agent{{Agent: 2, Bots: 7, ClockOffsetMS: -3}},
		Bots: []report.Bot{{Bot: 1, Error: `</table><script>`}},
	}
	r.Total.Expected, r.Total.LostAfter = 100, 3
	r.Series.WindowFromS, r.Series.WindowToS = 1, 4
	for i := range 4 {
		x := report.Sample{AtS: float64(i + 1), In: i, Metrics: map[string]float64{"conclave_x_total": float64(i * i)}}
		if i != 1 {
			x.Audio = measure.Quantiles{Count: 1, P50: 1, P99: float64(10 * i)}
		}
		r.Series.Add(&x)
	}
	return r
}

func write(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a page may do is what its policy says; the policy allows the page's own style sheet by its hash, and no more.
func TestThePageRunsNothingAndLoadsNothing(t *testing.T) {
	text := write(t, sampled())
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(text)
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	if style == nil || policy == nil {
		t.Fatal("no style sheet or no policy")
	}
	sum := sha256.Sum256([]byte(style[1]))
	got := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(policy[1])
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'"
	if got != want {
		t.Errorf("policy %q, want %q", got, want)
	}
	for _, bad := range []string{"<script", "<img", "style=", "href=", "src=", "url(", "http:", "https:", "onerror=a"} {
		body := strings.ReplaceAll(text, "&lt;img src=x onerror=alert(1)&gt;", "")
		if strings.Contains(body, bad) {
			t.Errorf("%q in the page", bad)
		}
	}
	if strings.Index(text, "Content-Security-Policy") > strings.Index(text, "<style>") {
		t.Error("the policy comes after what it governs")
	}
}

func TestThePageTellsTheRun(t *testing.T) {
	text := write(t, sampled())
	for _, want := range []string{
		`class="verdict failed">failed<`, "1 of 2 bots read a sample", "the machine was busy", "<code>join.p99&lt;2s</code>", "not measured",
		"<strong>no</strong>", "conclave_x_total", "per second", "One-way delay of sound", `aria-label="Bots, bots, over 0:04: `,
		"3.0000 % of 100 packets", "<dt>agent 2</dt><dd>7 bots; clock -3ms", "&lt;/table&gt;&lt;script&gt;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1) {
		if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
			t.Errorf("%v: %s", err, svg)
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("no number: %s", svg)
		}
	}
	empty := write(t, &report.Report{Verdict: report.Invalid})
	if strings.Contains(empty, "<figure>") || strings.Contains(empty, "NaN") {
		t.Error("plots of nothing")
	}
	if err := Write(brokenWriter{}, sampled()); err == nil {
		t.Error("a page that could not be written was")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAGapInTheFiguresIsAGapInTheLine(t *testing.T) {
	p := plot{at: []float64{1, 2, 3, 4}, span: 4, lines: []line{{"x", []float64{1, math.NaN(), 2, 3.5}}}}
	f, ok := p.draw()
	if !ok || len(f.Lines[0].Paths) != 2 || f.Lines[0].Paths[1] != "749,120 750,120 1000,60" || f.Y[0] != "5" {
		t.Errorf("%+v", f)
	}
	p.lines = []line{{"x", []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}}}
	if _, ok := p.draw(); ok {
		t.Error("drawn without a figure")
	}
}

func TestScalesAreRound(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.3: 0.5, 1: 1, 1.1: 2, 2.2: 2.5, 260: 500, 9999: 10000} {
		if got := roundUp(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", v, got, want)
		}
	}
	for v, want := range map[float64]string{
		0: "0", 0.05: "0.05", 2.5: "2.5", 50: "50", 5000: "5000", 12300: "12.3 k", 2e6: "2 M", 3e9: "3 G",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
	if got := minutes(3725); got != "1:02:05" {
		t.Errorf("%q", got)
	}
}
