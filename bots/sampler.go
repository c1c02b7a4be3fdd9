package bots

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"conclave/bots/measure"
	"conclave/bots/report"
)

// sampleInterval is the time between two points of the plots, and between two lines of progress.
const sampleInterval = time.Second

// sampler watches a run: it takes a sample each second and shows it. One goroutine owns it.
type sampler struct {
	r       *runner
	series  report.Series
	scraper *measure.Scraper // nil: the server's metrics are not read
	display Display

	last     tally
	lastAt   time.Time
	server   float64 // CPU seconds so far
	own      float64
	machine  measure.Processors
	knowsCPU bool // machine is from the sample before
}

func newSampler(r *runner) *sampler {
	s := &sampler{r: r, lastAt: time.Now(), own: measure.CPUSeconds(os.Getpid())}
	s.display = Display{Out: r.cfg.Progress, Width: r.cfg.TerminalWidth}
	s.server = measure.CPUSeconds(r.cfg.ServerPID)
	if p, err := measure.ReadProcessors(); err == nil {
		s.machine, s.knowsCPU = p, true
	}
	if r.cfg.MetricsURL != "" {
		s.scraper = measure.NewScraper(r.cfg.MetricsURL)
	}
	return s
}

// run samples until all bots are to leave.
func (s *sampler) run(ctx context.Context) {
	if s.scraper != nil {
		defer s.scraper.Close()
	}
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.r.gone:
			return
		case <-tick.C:
		}
		x := s.sample(ctx, time.Now())
		s.series.Add(&x.Sample)
		if share := s.r.cfg.Share; share != nil {
			share.Tell(x, s.r.publishing(s.r.present(), time.Now()))
		}
		s.display.Show(x)
	}
}

// sample looks at everything.
func (s *sampler) sample(ctx context.Context, now time.Time) *report.Live {
	r := s.r
	x := &report.Live{Title: r.title(), Stage: r.stageName(), Count: r.cfg.Count}
	for _, c := range r.arrivals(now) {
		x.ExpectedAudio += c.expectedAudio
		x.Audio += min(c.audio, c.expectedAudio)
		x.ExpectedVideo += c.expectedVideo
		x.Video += min(c.video, c.expectedVideo)
	}
	x.AtS = now.Sub(r.begun).Seconds()
	bots := r.bots()
	x.In, x.Waiting = len(bots), r.waiting()
	x.Joined, x.Failed = r.joinCounts()
	for _, b := range bots {
		x.Wanted.Add(b.Wants())
	}
	passed := max(0.001, now.Sub(s.lastAt).Seconds())
	s.lastAt = now
	s.traffic(x, passed)
	s.processors(ctx, x, passed)
	return x
}

// traffic fills in what came since the last sample.
func (s *sampler) traffic(x *report.Live, passed float64) {
	sum := s.r.sum()
	last := s.last
	s.last = sum
	x.Received = sum.Pictures
	x.PacketsPerS = float64(since(sum.Packets, last.Packets)) / passed
	x.MbitPerS = float64(since(sum.Bytes, last.Bytes)) * 8 / 1e6 / passed
	x.Expected = since(sum.Expected, last.Expected)
	x.LostBefore, x.LostAfter = since(sum.LostBefore, last.LostBefore), since(sum.LostAfter, last.LostAfter)
	x.Freezes = since(sum.Freezes, last.Freezes)
	x.Sample.Audio, x.Sample.Video = s.r.recent.Take()
}

// since is what a counter grew by. What was lost may still come, and the window's start resets freezes: no count then.
func since(now, before uint64) uint64 { return now - min(now, before) }

// processors fills in what the machine, the bots and the server did since the last sample.
func (s *sampler) processors(ctx context.Context, x *report.Live, passed float64) {
	own := measure.CPUSeconds(os.Getpid())
	x.BotsCores, s.own = (own-s.own)/passed, own
	if p, err := measure.ReadProcessors(); err == nil {
		all := p.Busy + p.Idle + p.Steal - s.machine.Busy - s.machine.Idle - s.machine.Steal
		if s.knowsCPU && all > 0 {
			x.Busy, x.Steal = max(0, p.Busy-s.machine.Busy)/all, max(0, p.Steal-s.machine.Steal)/all
			x.Runnable = float64(p.Runnable) / float64(p.Cores)
		}
		s.machine, s.knowsCPU = p, true
	}
	if s.scraper != nil {
		if m, err := s.scraper.Read(ctx); err == nil {
			x.Metrics = m
		}
	}
	server := x.Metrics["process_cpu_seconds_total"]
	x.ServerRSSMiB = x.Metrics["process_resident_memory_bytes"] / (1 << 20)
	if pid := s.r.cfg.ServerPID; pid > 0 {
		server, x.ServerRSSMiB = measure.CPUSeconds(pid), measure.RSSMiB(pid)
	}
	if s.server > 0 && server > s.server {
		x.ServerCores = (server - s.server) / passed
	}
	s.server = server
}

// Display shows a person how a run stands. Not safe for concurrent use.
type Display struct {
	Out io.Writer // nil: nothing is shown
	// Width is that of the terminal; 0: Out is none, and gets a line for each state.
	Width int
	drawn int // lines of the block on the terminal
}

// Show writes a state: a line, or in place of the one before.
func (d *Display) Show(x *report.Live) {
	switch {
	case d.Out == nil:
	case d.Width <= 0:
		_, _ = fmt.Fprintln(d.Out, x.Line())
	default:
		lines := x.Block(d.Width - 1)
		erase := ""
		if d.drawn > 0 {
			erase = fmt.Sprintf("\x1b[%dA\x1b[J", d.drawn) // up, and clear to the end of the screen (ECMA-48)
		}
		d.drawn = len(lines)
		_, _ = fmt.Fprintln(d.Out, erase+strings.Join(lines, "\n"))
	}
}

// checkMetrics reads the server's metrics once: an address that does not serve them is an error before there is load.
func (r *runner) checkMetrics(ctx context.Context) error {
	if r.cfg.MetricsURL == "" {
		return nil
	}
	s := measure.NewScraper(r.cfg.MetricsURL)
	defer s.Close()
	_, err := s.Read(ctx)
	return err //nolint:wrapcheck // says what failed
}

func (r *runner) title() string {
	if r.cfg.Scenario != "" {
		return r.cfg.Scenario
	}
	return "bots"
}

// stageName says which stage the run is in.
func (r *runner) stageName() string {
	n := int(r.stageNow.Load())
	stages := r.cfg.Plan.Stages
	if n < 1 || n > len(stages) {
		return ""
	}
	return fmt.Sprintf("stage %d of %d: %s", n, len(stages), stages[n-1].Describe())
}

// joinCounts counts the joins that succeeded and those that failed.
func (r *runner) joinCounts() (joined, failed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.joined, max(0, r.wanted-r.joined-len(r.joining))
}
