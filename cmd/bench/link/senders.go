package link

import (
	"context"
	"fmt"
	"strings"
	"time"

	"conclave/bots"
)

// measureSenders has a real Chromium publish, and looks at its own statistics when no viewer wants its largest encoding
// any more, and when one does again.
func measureSenders(ctx context.Context, f *field) (string, error) {
	f.console.Progress("senders")
	g, err := f.prepare(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.server.Stop() }()
	const watched, alone, again = 15 * time.Second, 15 * time.Second, 15 * time.Second
	publisher, err := g.browser(ctx, g.wide, browserConfig{Seconds: (watched + alone + again).Seconds() + 10,
		Publish: true, Width: 1280, Height: 800})
	if err != nil {
		return "", err
	}
	if err := g.await(ctx, 1, 1); err != nil {
		return "", err
	}
	small := bots.Config{Count: 1, AudioSlots: 1, VideoSlots: 1, View: 1, Height: 180, Duration: time.Minute}
	large := small
	large.Height, large.Duration, large.Settle = 720, watched, time.Second
	stays, err := g.bots(ctx, g.wide, small)
	if err != nil {
		return "", err
	}
	var marks []time.Time // when a viewer that wants 720 lines came or went
	for range 2 {
		marks = append(marks, time.Now())
		c, err := g.bots(ctx, g.narrow, large)
		if err != nil {
			return "", err
		}
		if _, err := botReport(c); err != nil {
			return "", err
		}
		marks = append(marks, time.Now())
		if len(marks) == 2 {
			if err := pause(ctx, alone); err != nil {
				return "", err
			}
		}
	}
	moments, err := browserMoments(publisher)
	_ = stays.Stop() // it has served
	if err != nil {
		return "", err
	}
	return senderTable(moments, marks), nil
}

func senderTable(list []browserMoment, marks []time.Time) string {
	var b strings.Builder
	b.WriteString("| a viewer that wants 720 lines | encoding f |\n|---|---|\n")
	for i, what := range []string{"comes", "goes", "comes again"} {
		at, on := encodingChange(list, marks[i], i != 1)
		state := map[bool]string{true: "is encoded", false: "is paused"}[on]
		if at < 0 {
			fmt.Fprintf(&b, "| %s | did not change within the time: %s |\n", what, state)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s after %.1f s |\n", what, state, at.Seconds())
	}
	return b.String()
}

// encodingChange is how long after a moment frames of f began (or ceased) to be encoded; below 0: not.
func encodingChange(list []browserMoment, from time.Time, begins bool) (after time.Duration, on bool) {
	var before uint64
	lastFrame := int64(-1)
	for _, m := range list {
		for _, s := range m.Sent {
			if s.RID != "f" || m.At < from.UnixMilli() {
				if s.RID == "f" {
					before = s.Frames
				}
				continue
			}
			switch {
			case s.Frames > before && begins:
				return time.Duration(m.At-from.UnixMilli()) * time.Millisecond, true
			case s.Frames > before:
				lastFrame = m.At
			case !begins && lastFrame >= 0 && m.At-lastFrame > 2000: // none for two seconds
				return time.Duration(lastFrame-from.UnixMilli()) * time.Millisecond, false
			}
			before = s.Frames
		}
	}
	return -1, !begins
}

// measureNoise watches eight cameras over a link whose width wanders. Its trace has the estimates that sfu/allocation
// replays.
func measureNoise(ctx context.Context, f *field) (string, error) {
	last := 150 * time.Second
	if f.cmd.Quick {
		last = 6 * time.Second
	}
	f.console.Progress("noise: %v", last)
	g, err := f.prepare(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = g.server.Stop() }()
	crowd, err := g.bots(ctx, g.wide, bots.Config{Count: 8, Publishers: 8, Duration: last + time.Minute})
	if err != nil {
		return "", err
	}
	if err := g.await(ctx, 8, 16); err != nil {
		return "", err
	}
	c, err := g.bots(ctx, g.narrow, bots.Config{Count: 1, AudioSlots: 4, VideoSlots: 8, View: 8, Height: 360,
		Settle: 10 * time.Second, Duration: last})
	if err != nil {
		return "", err
	}
	link := g.watch(ctx)
	if err := g.wander(ctx, last+5*time.Second); err != nil {
		return "", err
	}
	r, err := botReport(c)
	if err != nil {
		return "", err
	}
	link.end(f)
	_ = crowd.Stop() // it has served
	v := look(r.Bots[0].Timeline, r.Window.Start, r.Window.Start.Add(last))
	return fmt.Sprintf("| time | link, kbit/s | visible changes of layers | the same in 5 minutes | longest freeze, "+
		"ms |\n|---|---|---|---|---|\n| %.0f s | 1,400 to 2,200, another each 2 s | %d | %.0f | %.0f |\n",
		last.Seconds(), v.changes, float64(v.changes)*300/last.Seconds(), v.longest), nil
}

// wander gives the link another width every two seconds.
func (g *ground) wander(ctx context.Context, d time.Duration) error {
	widths := [...]int{1800, 1500, 2100, 1700, 2200, 1400, 1900, 1600, 2000, 1450}
	for i, began := 0, time.Now(); time.Since(began) < d; i++ {
		if err := g.narrow.Limit(ctx, widths[7*i%len(widths)], queueTime); err != nil {
			return err
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	return nil
}
