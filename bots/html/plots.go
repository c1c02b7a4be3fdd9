package html

import (
	"maps"
	"math"
	"slices"
	"strings"

	"conclave/bots/measure"
	"conclave/bots/report"
)

// maxMetricPlots bounds the plots of the server's own metrics.
const maxMetricPlots = 24

// plots draws what there is to draw of a run over time.
func plots(r *report.Report) (list []figure) {
	s := &r.Series
	base := plot{from: s.WindowFromS, to: s.WindowToS}
	for i := range s.Samples {
		base.at = append(base.at, s.Samples[i].AtS)
		base.span = max(base.span, s.Samples[i].AtS)
	}
	base.to = min(base.to, base.span)
	add := func(title, unit string, lines ...line) {
		p := base
		p.title, p.unit, p.lines = title, unit, lines
		if f, ok := p.draw(); ok {
			list = append(list, f)
		}
	}
	of := func(name string, value func(x *report.Sample) float64) line {
		l := line{name: name}
		for i := range s.Samples {
			l.values = append(l.values, value(&s.Samples[i]))
		}
		return l
	}
	delay := func(name string, value func(x *report.Sample) (measure.Quantiles, float64)) line {
		return of(name, func(x *report.Sample) float64 {
			q, ms := value(x)
			if q.Count == 0 {
				return math.NaN()
			}
			return ms
		})
	}
	add("Bots", "bots", of("in the meeting", func(x *report.Sample) float64 { return float64(x.In) }),
		of("waiting to be let in", func(x *report.Sample) float64 { return float64(x.Waiting) }),
		of("failed joins", func(x *report.Sample) float64 { return float64(x.Failed) }))
	add("One-way delay of sound", "ms",
		delay("median", func(x *report.Sample) (measure.Quantiles, float64) { return x.Audio, x.Audio.P50 }),
		delay("99th percentile", func(x *report.Sample) (measure.Quantiles, float64) { return x.Audio, x.Audio.P99 }))
	add("One-way delay of pictures", "ms",
		delay("median", func(x *report.Sample) (measure.Quantiles, float64) { return x.Video, x.Video.P50 }),
		delay("99th percentile", func(x *report.Sample) (measure.Quantiles, float64) { return x.Video, x.Video.P99 }))
	add("Received", "packets/s", of("packets", func(x *report.Sample) float64 { return x.PacketsPerS }))
	add("Received", "Mbit/s", of("rate", func(x *report.Sample) float64 { return x.MbitPerS }))
	add("Loss", "%", of("before retransmission", func(x *report.Sample) float64 { return part(x.LostBefore, x.Expected) }),
		of("after retransmission", func(x *report.Sample) float64 { return part(x.LostAfter, x.Expected) }))
	add("Freezes", "in the interval", of("freezes", func(x *report.Sample) float64 { return float64(x.Freezes) }))
	add("Pictures wanted, by height", "pictures", layers(of, func(x *report.Sample) *layerCounts { return &x.Wanted })...)
	add("Pictures received, by height", "pictures",
		layers(of, func(x *report.Sample) *layerCounts { return &x.Received })...)
	add("Processors", "cores", of("server", func(x *report.Sample) float64 { return x.ServerCores }),
		of("bots", func(x *report.Sample) float64 { return x.BotsCores }))
	add("The bots' machine", "%", of("busy", func(x *report.Sample) float64 { return 100 * x.Busy }),
		of("stolen", func(x *report.Sample) float64 { return 100 * x.Steal }))
	add("Threads for each processor", "threads", of("running or ready", func(x *report.Sample) float64 {
		return x.Runnable
	}))
	if slices.ContainsFunc(s.Samples, func(x report.Sample) bool { return x.ServerRSSMiB > 0 }) {
		add("Memory of the server", "MiB", of("resident", func(x *report.Sample) float64 { return x.ServerRSSMiB }))
	}
	for _, name := range metricNames(s) {
		unit := "value"
		if counter(name) {
			unit = "per second"
		}
		add(name, unit, line{name: "server", values: metric(s, name)})
	}
	return list
}

// metricNames are the server's metrics to plot: those that no other plot shows.
func metricNames(s *report.Series) []string {
	names := map[string]bool{}
	for i := range s.Samples {
		for name := range s.Samples[i].Metrics {
			if name != "process_cpu_seconds_total" && name != "process_resident_memory_bytes" {
				names[name] = true
			}
		}
	}
	list := slices.Sorted(maps.Keys(names))
	return list[:min(len(list), maxMetricPlots)]
}

// metric returns a metric's values; a counter's growth in a second.
func metric(s *report.Series, name string) (values []float64) {
	before, beforeAt := math.NaN(), 0.0
	for i := range s.Samples {
		x := &s.Samples[i]
		value, ok := x.Metrics[name]
		if !ok {
			value = math.NaN()
		}
		if counter(name) {
			rate := math.NaN()
			if passed := x.AtS - beforeAt; passed > 0 && value >= before {
				rate = (value - before) / passed
			}
			before, beforeAt, value = value, x.AtS, rate
		}
		values = append(values, value)
	}
	return values
}

// counter says by its name that a metric only grows.
func counter(name string) bool {
	return strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count")
}

func part(n, all uint64) float64 {
	if all == 0 {
		return math.NaN()
	}
	return 100 * float64(n) / float64(all)
}
