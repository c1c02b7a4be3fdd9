package compare

import "conclave/bots/report"

// figure is one figure of a report. good is 1 where more is better, -1 where less is, 0 where neither.
type figure struct {
	name, unit string
	good       int
	value      func(r *report.Report) (value float64, measured bool)
}

// figures are those that are compared, in the order in which they are shown: the metrics of thresholds, and what the
// server and the machine spent.
func figures() []figure {
	list := []figure{}
	metric := func(unit string, good int, scale float64, names ...string) {
		for _, name := range names {
			list = append(list, figure{name, unit, good, func(r *report.Report) (float64, bool) {
				v, measured := r.Metric(name)
				return scale * v, measured
			}})
		}
	}
	metric("ms", -1, 1, "join.p50", "join.p99", "join.first_key_frame.p50", "join.first_key_frame.p99",
		"delay.audio.p50", "delay.audio.p99", "delay.video.p50", "delay.video.p99")
	metric("%", -1, 100, "loss", "loss.before_rtx", "freezes.time", "concealed")
	metric("", -1, 1, "freezes", "plis")
	metric("", 0, 1, "packets_per_s", "mbit_per_s")
	metric("µs", -1, 1, "server_cpu_us_per_packet")
	server := func(name, unit string, value func(r *report.Report) float64) {
		list = append(list, figure{name, unit, -1, func(r *report.Report) (float64, bool) {
			return value(r), r.Window.ServerCPUSeconds > 0 && r.Window.Seconds > 0
		}})
	}
	server("server_cpu", "cores", func(r *report.Report) float64 { return r.Window.ServerCPUSeconds / r.Window.Seconds })
	server("server_memory", "MiB", func(r *report.Report) float64 { return r.Window.ServerRSSMiB })
	list = append(list, figure{"machine_busy", "%", 0, func(r *report.Report) (float64, bool) {
		if r.Machine == nil {
			return 0, false
		}
		return 100 * r.Machine.Busy, true
	}})
	metric("ms", 0, 1, "lag.p99")
	return list
}
