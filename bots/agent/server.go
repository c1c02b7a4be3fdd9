package agent

import (
	"context"
	"time"

	"conclave/bots"
	"conclave/bots/measure"
	"conclave/bots/report"
)

// server is what the conductor sees of the server: its process, if it is on the same machine, and its metrics.
type server struct {
	pid        int
	scraper    *measure.Scraper
	begun      time.Time
	series     report.Series
	lastCPU    float64
	lastAt     time.Time
	opened     float64 // CPU seconds when the window opened
	used, rss  float64 // in the window
	windowFrom time.Time
}

func (s *server) begin(cfg *bots.Config) {
	s.pid, s.begun, s.lastAt = cfg.ServerPID, time.Now(), time.Now()
	s.lastCPU = measure.CPUSeconds(s.pid)
	if cfg.MetricsURL != "" {
		s.scraper = measure.NewScraper(cfg.MetricsURL)
	}
}

func (s *server) end() {
	if s.scraper != nil {
		s.scraper.Close()
	}
}

// passed takes note that all agents have passed a gate.
func (s *server) passed(point string) {
	switch point {
	case bots.GateOpen:
		s.opened, s.windowFrom = measure.CPUSeconds(s.pid), time.Now()
	case bots.GateQuiet:
		s.used, s.rss = measure.CPUSeconds(s.pid)-s.opened, measure.RSSMiB(s.pid)
	}
}

// sample looks at the server, and adds to its series.
func (s *server) sample(ctx context.Context) report.Sample {
	now := time.Now()
	x := report.Sample{AtS: now.Sub(s.begun).Seconds()}
	cpu := measure.CPUSeconds(s.pid)
	if s.scraper != nil {
		if m, err := s.scraper.Read(ctx); err == nil {
			x.Metrics = m
		}
	}
	if s.pid > 0 {
		x.ServerRSSMiB = measure.RSSMiB(s.pid)
	} else {
		cpu, x.ServerRSSMiB = x.Metrics["process_cpu_seconds_total"], x.Metrics["process_resident_memory_bytes"]/(1<<20)
	}
	if passed := now.Sub(s.lastAt).Seconds(); s.lastCPU > 0 && cpu > s.lastCPU && passed > 0 {
		x.ServerCores = (cpu - s.lastCPU) / passed
	}
	s.lastCPU, s.lastAt = cpu, now
	s.series.Add(&x)
	return x
}

// seen is what the conductor knows of the server.
func (s *server) seen() *report.Seen {
	s.series.DropConstants()
	return &report.Seen{Series: &s.series, CPUSeconds: s.used, RSSMiB: s.rss}
}
