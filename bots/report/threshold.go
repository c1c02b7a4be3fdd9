package report

import (
	"fmt"
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
	bound  float64
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
	bound, err := parseBound(strings.TrimSpace(rest))
	if err != nil {
		return threshold{}, fmt.Errorf("bots: threshold %q: %w", text, err)
	}
	t.bound = bound
	if _, ok := (&Report{}).metric(t.metric); !ok {
		return threshold{}, fmt.Errorf("bots: threshold %q: there is no such metric; docs/bots.md lists them", text)
	}
	return t, nil
}

// parseBound returns durations in milliseconds and percentages as fractions.
func parseBound(text string) (float64, error) {
	if p, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no percentage", text)
		}
		return n / 100, nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number, a percentage nor a duration", text)
	}
	return float64(d) / float64(time.Millisecond), nil
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

// metric returns a figure of the report by its name: times in ms, ratios as fractions.
func (r *Report) metric(name string) (float64, bool) {
	base, quantile := cutLast(name, ".")
	var q measure.Quantiles
	switch base {
	case "delay.audio":
		q = r.Total.AudioDelay
	case "delay.video":
		q = r.Total.VideoDelay
	case "lag":
		q = r.Generator.Lag
	case "join":
		q = r.Join["total"]
	case "join.sign_in", "join.socket", "join.admitted", "join.answer", "join.ice", "join.dtls", "join.first_rtp",
		"join.first_key_frame":
		q = r.Join[strings.TrimPrefix(base, "join.")]
	default:
		return r.scalar(name)
	}
	switch quantile {
	case "p50":
		return q.P50, true
	case "p95":
		return q.P95, true
	case "p99":
		return q.P99, true
	case "max":
		return q.Max, true
	}
	return 0, false
}

func (r *Report) scalar(name string) (float64, bool) {
	t := &r.Total
	switch name {
	case "loss":
		return ratio(t.LostAfter, t.Expected), true
	case "loss.before_rtx":
		return ratio(t.LostBefore, t.Expected), true
	case "freezes":
		return float64(t.Freezes), true
	case "e2ee.frames":
		return float64(t.Opened.Frames), true
	case "e2ee.failed":
		return float64(t.Opened.Failed + t.Opened.NoKey), true
	case "plis":
		return float64(t.PLIsSent), true
	case "mbit_per_s":
		return r.Window.MbitPerS, true
	case "packets_per_s":
		return r.Window.PacketsPerS, true
	case "server_cpu_us_per_packet":
		return r.Window.ServerCPUMicrosPerPacket, true
	}
	return 0, false
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
