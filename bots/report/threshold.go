package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"conclave/bots/measure"
)

// threshold is a condition on a report, like join.p99<2s.
type threshold struct {
	text   string
	metric string
	less   bool
	equal  bool // the bound itself is allowed
	unit   unit
	bound  float64
	// byDefault says that no one asked for it.
	byDefault bool
}

// unit is what a bound was written in.
type unit byte

const (
	plain unit = iota
	percent
	milliseconds
)

// family is what a threshold replaces the default limits of: join, delay, freezes.
func (t *threshold) family() string {
	name, _, _ := strings.Cut(t.metric, ".")
	return name
}

// write writes a value in the unit of the bound.
func (t *threshold) write(value float64) string {
	switch t.unit {
	case percent:
		return fmt.Sprintf("%.4g %%", 100*value)
	case milliseconds:
		return fmt.Sprintf("%.4g ms", value)
	case plain:
	}
	if value == math.Trunc(value) && math.Abs(value) < 1e15 { // a count
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return fmt.Sprintf("%.4g", value)
}

// CheckThreshold says whether text is a threshold: METRIC OP VALUE, as docs/bots.md describes them.
func CheckThreshold(text string) error {
	_, err := parseThreshold(text)
	return err
}

// parseThreshold reads METRIC OP VALUE with OP one of < <= > >=. A value may be a number, a percentage or a duration.
func parseThreshold(text string) (threshold, error) {
	i := strings.IndexAny(text, "<>")
	if i <= 0 {
		return threshold{}, fmt.Errorf("bots: threshold %q: write it like join.p99<2s", text)
	}
	t := threshold{text: text, metric: strings.TrimSpace(text[:i]), less: text[i] == '<'}
	rest := text[i+1:]
	if t.equal = strings.HasPrefix(rest, "="); t.equal {
		rest = rest[1:]
	}
	var err error
	if t.bound, t.unit, err = parseBound(strings.TrimSpace(rest)); err != nil {
		return threshold{}, fmt.Errorf("bots: threshold %q: %w", text, err)
	}
	if _, _, known := (&Report{}).metric(t.metric); !known {
		return threshold{}, fmt.Errorf("bots: threshold %q: there is no such metric; docs/bots.md lists them", text)
	}
	return t, nil
}

// parseBound returns durations in milliseconds and percentages as fractions.
func parseBound(text string) (float64, unit, error) {
	if p, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil {
			return 0, plain, fmt.Errorf("%q is not a percentage", text)
		}
		return n / 100, percent, nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n, plain, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, plain, fmt.Errorf("%q is not a number, a percentage or a duration", text)
	}
	return float64(d) / float64(time.Millisecond), milliseconds, nil
}

// holds says whether value meets the threshold.
func (t *threshold) holds(value float64) bool {
	switch {
	case value == t.bound:
		return t.equal
	case t.less:
		return value < t.bound
	default:
		return value > t.bound
	}
}

// metric returns a figure of the report by its name: times in ms, ratios as fractions. measured says that there is
// one in this report, known that there is such a metric.
func (r *Report) metric(name string) (value float64, measured, known bool) {
	base, quantile := cutLast(name, ".")
	q, ok := r.distribution(base)
	if !ok {
		return r.scalar(name)
	}
	measured = q.Count > 0
	switch quantile {
	case "p50":
		return q.P50, measured, true
	case "p95":
		return q.P95, measured, true
	case "p99":
		return q.P99, measured, true
	case "max":
		return q.Max, measured, true
	}
	return 0, false, false
}

// distribution returns a distribution of the report by its name.
func (r *Report) distribution(name string) (q measure.Quantiles, known bool) {
	switch name {
	case "delay":
		return worse(r.Total.AudioDelay, r.Total.VideoDelay), true
	case "delay.audio":
		return r.Total.AudioDelay, true
	case "delay.video":
		return r.Total.VideoDelay, true
	case "lag":
		return r.Generator.Lag, true
	case "join":
		return r.Join["total"], true
	}
	phase, ok := strings.CutPrefix(name, "join.")
	if !ok || phase == "total" || !slices.Contains(phaseOrder[:], phase) {
		return measure.Quantiles{}, false
	}
	return r.Join[phase], true
}

func (r *Report) scalar(name string) (value float64, measured, known bool) {
	t, w := &r.Total, &r.Window
	ran := w.Seconds > 0
	switch name {
	case "loss":
		return ratio(t.LostAfter, t.Expected), t.Expected > 0, true
	case "loss.before_rtx":
		return ratio(t.LostBefore, t.Expected), t.Expected > 0, true
	case "freezes":
		return float64(t.Freezes), ran, true
	case "freezes.time":
		return t.FreezeMS / max(1, t.WatchedMS), t.WatchedMS > 0, true
	case "concealed":
		return t.ConcealedMS / max(1, t.PlayedMS+t.ConcealedMS), t.PlayedMS+t.ConcealedMS > 0, true
	case "e2ee.frames":
		return float64(t.Opened.Frames), r.E2EE, true
	case "e2ee.failed":
		return float64(t.Opened.Failed + t.Opened.NoKey), r.E2EE, true
	case "plis":
		return float64(t.PLIsSent), ran, true
	case "mbit_per_s":
		return w.MbitPerS, ran, true
	case "packets_per_s":
		return w.PacketsPerS, ran, true
	case "server_cpu_us_per_packet":
		return w.ServerCPUMicrosPerPacket, w.ServerCPUSeconds > 0, true
	}
	return 0, false, false
}

func ratio(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return s, ""
}

// Metric returns a figure by the name that thresholds have for it: times in ms, ratios as fractions. measured is false
// when this report has none.
func (r *Report) Metric(name string) (value float64, measured bool) {
	value, measured, _ = r.metric(name)
	return value, measured
}
