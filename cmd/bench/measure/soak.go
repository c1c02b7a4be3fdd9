package measure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conclave/bots"
	"conclave/bots/report"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/process"
)

// Soak runs a meeting with much coming and going and asserts that nothing is left of it.
//
// A short meeting of the same kind comes first, so that what is made once (pools, tables, the runtime's own) is there
// when the beginning is measured. At the end all leave, and heap and goroutines must be back: goroutines
// within 2, the heap (after garbage collection) within 1 MiB and a tenth.
type Soak struct {
	Duration time.Duration `arg:"" optional:"" default:"30m" help:"How long."`
	Bots     int           `default:"16" help:"How many bots there are."`
	Screens  int           `default:"2" help:"How many of them share a screen."`
	View     int           `default:"4" help:"Pictures on a page."`
	Flip     time.Duration `default:"3s" help:"How often each turns the page."`
	Churn    time.Duration `default:"2s" help:"How often one leaves and another comes."`
	Sample   time.Duration `default:"30s" help:"How often the server is looked at."`
	Media    string        `default:"engine" enum:"engine,naive" help:"Which media engine."`
	JSON     string        `name:"json" placeholder:"FILE" help:"Write all samples there."`
	Heap     string        `name:"heapprofile" placeholder:"FILE" help:"Write a profile of the server's heap at the end."`
	Quick    bool          `help:"A smoke test of some seconds."`
}

// soakEmptyAfter ends the meetings after all have left.
const soakEmptyAfter = time.Second

// The tolerance of what is left at the end.
const (
	soakGoroutines = 2
	soakHeapBytes  = 1 << 20
	soakHeapPart   = 0.10
)

// soakSample is the server at one moment, after garbage collection.
type soakSample struct {
	Name       string        `json:"name,omitempty"`
	At         time.Duration `json:"at"`
	HeapBytes  uint64        `json:"heap_bytes"`
	Objects    uint64        `json:"heap_objects"`
	StackBytes uint64        `json:"stack_bytes"`
	Goroutines int           `json:"goroutines"`
	RSSBytes   int64         `json:"rss_bytes"`
	CPU        time.Duration `json:"cpu"`
	Peers      float64       `json:"peers"`
	Forwarded  float64       `json:"forwarded_packets"`
}

// Run soaks.
func (cmd *Soak) Run(parent context.Context, c figures.Console) error {
	settle := 2 * time.Second
	warm := 10 * time.Second
	if cmd.Quick {
		cmd.Duration, cmd.Sample, cmd.Bots, cmd.Screens, cmd.Flip, cmd.Churn = 4*time.Second, time.Second, 5, 1,
			500*time.Millisecond, 500*time.Millisecond
		settle, warm = 200*time.Millisecond, time.Second
	}
	ctx, cancel := context.WithTimeout(parent, cmd.Duration+5*time.Minute)
	defer cancel()
	srv, err := child.StartServer(ctx, child.ServerConfig{Media: cmd.Media, EmptyAfter: soakEmptyAfter})
	if err != nil {
		return err
	}
	defer func() { _ = srv.Stop() }() // its error was returned below, if there was none before
	meeting := bots.Config{
		Count: cmd.Bots, Publishers: -1, Screens: cmd.Screens, Simulcast: true, AudioSlots: 4, VideoSlots: cmd.View,
		View: cmd.View,
		Flip: cmd.Flip, Churn: cmd.Churn, Feedback: true, Verify: 16, Poll: 5 * time.Millisecond, Settle: settle,
		Ramp: 20 * time.Millisecond,
	}
	s := &soak{cmd: cmd, server: srv, console: c, start: time.Now()}
	meeting.Duration = warm
	if _, err := child.RunBots(ctx, srv, meeting, nil); err != nil {
		return err
	}
	begin, err := s.rest(ctx, nil)
	if err != nil {
		return err
	}
	s.add(begin, "begin")
	meeting.Duration = cmd.Duration
	outcome, err := s.meet(ctx, meeting)
	if err != nil {
		return err
	}
	end, err := s.rest(ctx, &begin)
	if err != nil {
		return err
	}
	s.add(end, "end")
	if cmd.Heap != "" {
		if err := srv.Heap(ctx, cmd.Heap); err != nil {
			return err
		}
	}
	c.Table(s.table())
	c.Table(soakSummary(outcome))
	err = errors.Join(back(begin, end), figures.WriteJSON(cmd.JSON, s.samples), srv.Stop())
	if outcome.Verdict == report.Failed {
		err = errors.Join(err, fmt.Errorf("not everything was delivered: %v", outcome.Failures))
	}
	return err
}

// soak is a running soak.
type soak struct {
	cmd     *Soak
	server  *child.Server
	console figures.Console
	start   time.Time
	samples []soakSample
}

func (s *soak) sample(ctx context.Context) (soakSample, error) {
	st, err := s.server.Stats(ctx, true)
	if err != nil {
		return soakSample{}, err
	}
	r, err := process.Read(s.server.PID())
	return soakSample{At: time.Since(s.start), HeapBytes: st.HeapBytes, Objects: st.HeapObjects,
		StackBytes: st.StackBytes, Goroutines: st.Goroutines,
		RSSBytes: r.RSS, CPU: r.Total, Peers: st.Counters["peers"], Forwarded: st.Counters["forwarded_packets_total"]}, err
}

func (s *soak) add(x soakSample, name string) {
	x.Name = name
	s.samples = append(s.samples, x)
	s.console.Progress("%6.0fs  %-5s  %3.0f peers  %7.1f KiB heap  %4d goroutines  %5.1f MiB RSS  %12.0f packets",
		x.At.Seconds(), name, x.Peers,
		float64(x.HeapBytes)/1024, x.Goroutines, float64(x.RSSBytes)/(1<<20), x.Forwarded)
}

// meet runs the long meeting and looks at the server meanwhile.
func (s *soak) meet(ctx context.Context, cfg bots.Config) (*report.Report, error) {
	type outcome struct {
		report *report.Report
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		report, err := child.RunBots(ctx, s.server, cfg, nil)
		done <- outcome{report, err}
	}()
	tick := time.NewTicker(s.cmd.Sample)
	defer tick.Stop()
	for {
		select {
		case o := <-done:
			return o.report, o.err
		case <-tick.C:
			x, err := s.sample(ctx)
			if err != nil {
				return nil, errors.Join(err, s.server.Stop())
			}
			s.add(x, "")
		}
	}
}

// restTime bounds the wait for what ends by itself: empty meetings, connections that were cut.
const restTime = 40 * time.Second

// rest waits until the server is at rest, which is when it is like a sample before, or does not change any more.
func (s *soak) rest(ctx context.Context, like *soakSample) (x soakSample, err error) {
	deadline := time.Now().Add(restTime)
	wait(ctx, 2*soakEmptyAfter)
	calm, last := 0, soakSample{}
	for {
		if x, err = s.sample(ctx); err != nil {
			return x, err
		}
		if x.Goroutines == last.Goroutines && x.Objects < last.Objects+100 {
			calm++
		} else {
			calm = 0
		}
		last = x
		switch {
		case time.Now().After(deadline), like != nil && back(*like, x) == nil, calm >= 3 &&
			(like == nil || x.Goroutines <= like.Goroutines && calm >= 10):
			return x, ctx.Err()
		}
		wait(ctx, time.Second)
	}
}

// back says whether the end is like the beginning.
func back(begin, end soakSample) (err error) {
	if end.Goroutines > begin.Goroutines+soakGoroutines {
		err = fmt.Errorf("%d goroutines at the beginning, %d at the end", begin.Goroutines, end.Goroutines)
	}
	if float64(end.HeapBytes) > float64(begin.HeapBytes)*(1+soakHeapPart)+soakHeapBytes {
		err = errors.Join(err, fmt.Errorf("%d bytes of heap at the beginning, %d at the end", begin.HeapBytes, end.HeapBytes))
	}
	if end.Peers > 0 {
		err = errors.Join(err, fmt.Errorf("%.0f peers are left", end.Peers))
	}
	return err
}

func (s *soak) table() string {
	rows := [][]string{{"at", "peers", "heap KiB", "objects", "stack KiB", "goroutines", "RSS MiB", "CPU s",
		"packets forwarded"}}
	for _, x := range s.samples {
		name := x.Name
		if name == "" {
			name = x.At.Round(time.Second).String()
		}
		rows = append(rows, []string{name, figures.Number(x.Peers, 0), figures.Thousands(float64(x.HeapBytes) / 1024),
			figures.Thousands(float64(x.Objects)),
			figures.Thousands(float64(x.StackBytes) / 1024), fmt.Sprint(x.Goroutines),
			figures.Number(float64(x.RSSBytes)/(1<<20), 1), figures.Number(x.CPU.Seconds(), 1), figures.Thousands(x.Forwarded)})
	}
	return figures.Markdown(rows)
}

func soakSummary(r *report.Report) string {
	t := &r.Total
	return fmt.Sprintf("\n%d bots came and went; %d of %d packets lost (%d before retransmission), %d freezes, p99 "+
		"one way %.1f ms; verdict of the bots: %s\n",
		len(r.Bots), t.LostAfter, t.Expected, t.LostBefore, t.Freezes, t.VideoDelay.P99, r.Verdict)
}
