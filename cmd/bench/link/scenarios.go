package link

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"conclave/bots"
	"conclave/bots/receive"
	"conclave/bots/report"
	"conclave/cmd/bench/figures"
)

func executable() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("bench: %w", err)
	}
	return self, nil
}

// queueTime is what a limited link's queue holds: long enough to tell whether the server keeps it short.
const queueTime = 600 * time.Millisecond

// linkStep is one width of the link.
type step struct {
	kbit int
	last time.Duration
}

// The limits of the first scenario.
const (
	settleDown, settleUp = 5 * time.Second, 15 * time.Second
	queueSettles         = 3 * time.Second
	freezeSettles        = 2 * time.Second
	rampUp               = 10 * time.Second
)

func (f *field) steps() []step {
	if f.cmd.Quick {
		return []step{{5000, 6 * time.Second}, {1000, 6 * time.Second}}
	}
	return []step{{5000, 20 * time.Second}, {1000, 20 * time.Second}, {500, 20 * time.Second}, {5000, 30 * time.Second}}
}

func total(steps []step) (sum time.Duration) {
	for _, s := range steps {
		sum += s.last
	}
	return sum
}

// measureSteps narrows and widens the link of one viewer among ten.
func measureSteps(ctx context.Context, f *field) (string, error) {
	var b strings.Builder
	for _, meeting := range []struct {
		kind, name           string
		publishers, viewers  int // of those with enough bandwidth
		slots, height, shown int
	}{
		{"one", "one three-layer publisher, shown at 720 lines; nine other viewers", 1, 9, 1, 720, 1},
		{"nine", "nine people, eight shown at 360 lines", 8, 0, 8, 360, 8},
	} {
		if f.cmd.Meeting != "both" && f.cmd.Meeting != meeting.kind {
			continue
		}
		for _, viewer := range f.cmd.Viewer {
			f.console.Progress("steps: %s, %s", meeting.name, viewer)
			wide := bots.Config{
				Count: meeting.publishers + meeting.viewers, Publishers: meeting.publishers,
				AudioSlots: 4, VideoSlots: meeting.slots, View: meeting.shown, Height: 720,
			}
			if meeting.publishers > 1 {
				wide.Height = 180
			}
			rows, err := f.stepRun(ctx, viewer, wide, meeting.shown, meeting.height)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "**%s, watched by a %s**\n\n%s\n", meeting.name, viewer, rows)
			f.console.Progress("%s", rows) // what comes next may fail
		}
	}
	return b.String(), nil
}

// stepRun is one meeting whose viewer's link goes through the steps.
func (f *field) stepRun(ctx context.Context, viewer string, wide bots.Config, shown, height int) (string, error) {
	g, err := f.prepare(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.server.Stop() }() // what was measured has been read
	steps := f.steps()
	wide.Duration = total(steps) + rampUp + 15*time.Second
	crowd, err := g.bots(ctx, g.wide, wide)
	if err != nil {
		return "", err
	}
	if err := g.await(ctx, wide.Count, 2*wide.Publishers); err != nil {
		return "", err
	}
	if err := g.narrow.Limit(ctx, steps[0].kbit, queueTime); err != nil {
		return "", err
	}
	moments, err := g.viewer(ctx, viewer, shown, height, total(steps)+rampUp+2*time.Second)
	if err != nil {
		return "", err
	}
	if err := g.await(ctx, wide.Count+1, 0); err != nil {
		return "", err
	}
	link := g.watch(ctx)
	if err := pause(ctx, rampUp); err != nil {
		return "", err
	}
	var starts []time.Time
	for _, s := range steps {
		if err := g.narrow.Limit(ctx, s.kbit, queueTime); err != nil {
			return "", err
		}
		starts = append(starts, time.Now())
		if err := pause(ctx, s.last); err != nil {
			return "", err
		}
	}
	starts = append(starts, time.Now())
	samples := link.end(f)
	seen, err := moments()
	if err != nil {
		return "", err
	}
	others, err := botReport(crowd)
	if err != nil {
		return "", err
	}
	return stepTable(steps, starts, samples, seen) + othersLine(others, wide.Publishers, starts[0],
		starts[len(starts)-1]), nil
}

// viewer starts the viewer that is measured, a bot or a browser. The function returned waits for its end and gives its
// moments.
func (g *ground) viewer(ctx context.Context, kind string, shown, height int,
	d time.Duration) (func() ([]receive.Moment, error), error) {
	if kind == "chromium" {
		c, err := g.browser(ctx, g.narrow, browserConfig{Seconds: d.Seconds(), Width: 1280, Height: 800})
		if err != nil {
			return nil, err
		}
		return func() (list []receive.Moment, err error) {
			all, err := browserMoments(c)
			for _, m := range all {
				list = append(list, m.Moment)
			}
			return list, err
		}, nil
	}
	c, err := g.bots(ctx, g.narrow, bots.Config{Count: 1, AudioSlots: 4, VideoSlots: shown, View: shown, Height: height,
		Duration: d})
	if err != nil {
		return nil, err
	}
	return func() ([]receive.Moment, error) {
		r, err := botReport(c)
		if err != nil {
			return nil, err
		}
		return r.Bots[0].Timeline, nil
	}, nil
}

// stepTable is what came of the steps.
func stepTable(steps []step, starts []time.Time, samples []sample, seen []receive.Moment) string {
	var b strings.Builder
	b.WriteString("| link, kbit/s | sent after 5 s down, 15 s up | ≥ 85 % from | queue after 3 s, ms: p95, max | " +
		"longest freeze after 2 s, ms | pictures | changes |\n|---|---|---|---|---|---|---|\n")
	for i, s := range steps {
		settle := settleDown
		if i == 0 || s.kbit > steps[i-1].kbit {
			settle = settleUp
		}
		from, to := starts[i], starts[i+1]
		rest := between(samples, from.Add(settle), to)
		queue := queueDelays(between(samples, from.Add(queueSettles), to), s.kbit)
		since := "never"
		if d := reached(between(samples, from, to), s.kbit, 0.85); d >= 0 {
			since = fmt.Sprintf("%.1f s", d.Seconds())
		}
		late, all := look(seen, from.Add(freezeSettles), to), look(seen, from, to)
		worst := 0.0
		if len(queue) > 0 {
			worst = slices.Max(queue)
		}
		fmt.Fprintf(&b, "| %d | %.0f (%.0f %%) | %s | %.0f, %.0f | %.0f | %s, %.0f frames/s in all | %d |\n", s.kbit,
			sentRate(rest), 100*sentRate(rest)/float64(s.kbit), since,
			figures.Percentile(queue, 95), worst, late.longest, heightsOf(late), late.frameRate, all.changes)
	}
	return b.String()
}

// heightsOf writes how many pictures have which height.
func heightsOf(v view) string {
	var parts []string
	for i := 0; i < len(v.heights); {
		j := i
		for j < len(v.heights) && v.heights[j] == v.heights[i] {
			j++
		}
		parts = append(parts, fmt.Sprintf("%d × %d", j-i, v.heights[i]))
		i = j
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// othersLine says what became of those with enough bandwidth.
func othersLine(r *report.Report, publishers int, from, to time.Time) string {
	n, changes, longest, rates := 0, 0, 0.0, []float64{}
	for i := range r.Bots {
		if publishers == 1 && i == 0 {
			continue // the only publisher has no one to watch
		}
		v := look(r.Bots[i].Timeline, from, to)
		n++
		changes += v.changes
		longest = max(longest, v.longest)
		rates = append(rates, v.frameRate/float64(max(1, v.visible)))
	}
	if n == 0 {
		return "\nThere were no others.\n"
	}
	return fmt.Sprintf("\nThe %d others meanwhile: %d changes of a picture's height, longest freeze %.0f ms, %.1f "+
		"frames a second and picture (median; least %.1f).\n",
		n, changes, longest, figures.Median(rates), slices.Min(rates))
}

// measureLoss loses packets at random on a link that is wide enough.
func measureLoss(ctx context.Context, f *field) (string, error) {
	var b strings.Builder
	b.WriteString("| loss | video lost on the way | left after RTX | audio lost | one way, ms: p50, p95 | layer | " +
		"changes | longest freeze, ms |\n|---|---|---|---|---|---|---|---|\n")
	last := 25 * time.Second
	rates := []int{0, 20, 50, 100}
	if f.cmd.Quick {
		last, rates = 5*time.Second, []int{50}
	}
	for _, permille := range rates {
		f.console.Progress("loss: %.1f %%", float64(permille)/10)
		row, err := f.lossRun(ctx, permille, last)
		if err != nil {
			return "", err
		}
		b.WriteString(row)
	}
	return b.String(), nil
}

func (f *field) lossRun(ctx context.Context, permille int, last time.Duration) (string, error) {
	g, err := f.prepare(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.server.Stop() }()
	crowd, err := g.bots(ctx, g.wide, bots.Config{Count: 1, Publishers: 1, Duration: last + 30*time.Second})
	if err != nil {
		return "", err
	}
	if err := g.await(ctx, 1, 2); err != nil {
		return "", err
	}
	if err := g.narrow.Lose(ctx, permille); err != nil {
		return "", err
	}
	c, err := g.bots(ctx, g.narrow, bots.Config{Count: 1, AudioSlots: 1, VideoSlots: 1, View: 1, Height: 720,
		Settle: 8 * time.Second, Duration: last})
	if err != nil {
		return "", err
	}
	r, err := botReport(c)
	if err != nil {
		return "", err
	}
	_ = crowd.Stop() // it has served
	t, w := &r.Bots[0], r.Window.Start
	v := look(t.Timeline, w, w.Add(last))
	var lost [2]struct{ before, after, all uint64 } // audio, which has no RTX, and video
	for _, s := range t.Received {
		l := &lost[0]
		if s.Video {
			l = &lost[1]
		}
		l.before, l.after, l.all = l.before+s.LostBefore, l.after+s.LostAfter, l.all+s.Packets+s.LostAfter
	}
	audio, video := lost[0], lost[1]
	return fmt.Sprintf("| %.0f %% | %.2f %% | %.3f %% | %.2f %% | %.1f, %.1f | %s | %d | %.0f |\n", float64(permille)/10,
		100*figures.Part(video.before, video.all),
		100*figures.Part(video.after, video.all), 100*figures.Part(audio.after, audio.all),
		t.VideoDelay.P50, t.VideoDelay.P95, heightsOf(v), v.changes, v.longest), nil
}

// measureTiles shows 25 tiles over 3 Mbit/s, one of them large.
func measureTiles(ctx context.Context, f *field) (string, error) {
	people, kbit, last := 25, 3000, 40*time.Second
	if f.cmd.Quick {
		people, last = 6, 6*time.Second
	}
	f.console.Progress("tiles: %d over %d kbit/s", people, kbit)
	g, err := f.prepare(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.server.Stop() }()
	crowd, err := g.bots(ctx, g.wide, bots.Config{Count: people, Publishers: people, Duration: last + 40*time.Second})
	if err != nil {
		return "", err
	}
	if err := g.await(ctx, people, 2*people); err != nil {
		return "", err
	}
	if err := g.narrow.Limit(ctx, kbit, queueTime); err != nil {
		return "", err
	}
	link := g.watch(ctx)
	c, err := g.bots(ctx, g.narrow, bots.Config{Count: 1, AudioSlots: 4, VideoSlots: people, View: people, Height: 180,
		Stage: 720, Duration: last})
	if err != nil {
		return "", err
	}
	r, err := botReport(c)
	if err != nil {
		return "", err
	}
	samples := link.end(f)
	_ = crowd.Stop() // it has served
	return tilesTable(r.Bots[0].Timeline, people, kbit, samples), nil
}

func tilesTable(list []receive.Moment, people, kbit int, samples []sample) string {
	if len(list) == 0 {
		return "The viewer received nothing.\n"
	}
	var began, staged, visible, improved int64
	for i := range list {
		m := &list[i]
		if began == 0 && len(m.Streams) > 0 {
			began = m.At
		}
		highest, above := 0, 0
		for _, s := range m.Streams {
			highest = max(highest, s.Height)
			if s.Height > 180 {
				above++
			}
		}
		if staged == 0 && highest >= 360 {
			staged = m.At
		}
		if visible == 0 && len(m.Streams) == people {
			visible = m.At
		}
		if improved == 0 && above > 1 {
			improved = m.At
		}
	}
	after := func(at int64) string {
		if at == 0 {
			return "never"
		}
		return fmt.Sprintf("%.1f s", float64(at-began)/1000)
	}
	last := time.UnixMilli(list[len(list)-1].At)
	end := look(list, last.Add(-10*time.Second), last)
	used := between(samples, last.Add(-10*time.Second), last)
	queue := queueDelays(used, kbit)
	return fmt.Sprintf("| the stage reaches 360 lines after | all %d are visible after | another one than the stage "+
		"gets more than 180 lines after | at the end | sent at the end, kbit/s | queue p95, ms | longest freeze at the "+
		"end, ms |\n|---|---|---|---|---|---|---|\n"+
		"| %s | %s | %s | %s, %.1f frames/s and picture | %.0f of %d | %.0f | %.0f |\n", people, after(staged),
		after(visible), after(improved), heightsOf(end), end.frameRate/float64(max(1, end.visible)), sentRate(used), kbit,
		figures.Percentile(queue, 95), end.longest)
}
