package link

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"conclave/bots/receive"
	"conclave/cmd/bench/netlab"
	"conclave/cmd/bench/process"
	"conclave/sfu"
)

// lookEvery is how often links and viewers are looked at.
const lookEvery = 100 * time.Millisecond

// linkSample is a link at one moment, and what the server thinks of the way to the viewer behind it.
type sample struct {
	at time.Time
	netlab.Queue
	Path sfu.PathStats
}

// linkWatch follows the narrow link.
type watching struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	list []sample // a sample each lookEvery; scenarios last minutes
}

// watch begins to follow the link of g's narrow host. The viewer behind it is the one who joined last.
func (g *ground) watch(ctx context.Context) *watching {
	ctx, stop := context.WithCancel(ctx)
	w := &watching{stop: stop}
	w.done.Go(func() {
		process.Sampling(ctx, lookEvery, func() bool {
			if s, err := g.sample(ctx); err == nil {
				w.mu.Lock()
				w.list = append(w.list, s)
				w.mu.Unlock()
			}
			return true
		})
	})
	return w
}

func (g *ground) sample(ctx context.Context) (s sample, err error) {
	s.at = time.Now()
	if s.Queue, err = g.narrow.Queue(ctx); err != nil {
		return s, err
	}
	paths, err := g.server.Paths(ctx)
	for _, p := range paths {
		if p.Participant > s.Path.Participant {
			s.Path = p
		}
	}
	return s, err
}

// end stops watching, writes what was seen into the trace if there is one, and returns it.
func (w *watching) end(f *field) []sample {
	w.stop()
	w.done.Wait()
	for _, s := range w.list {
		if f.trace != nil {
			p := &s.Path
			fmt.Fprintf(f.trace, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.3f\n", s.at.UnixMilli(), s.Bytes, s.Backlog, s.Drops,
				p.Estimate, p.Budget, p.Allotted, p.Loss)
		}
	}
	return w.list
}

// between returns the samples of a span of time.
func between(list []sample, from, to time.Time) []sample {
	i, _ := slices.BinarySearchFunc(list, from, func(s sample, t time.Time) int { return s.at.Compare(t) })
	j, _ := slices.BinarySearchFunc(list, to, func(s sample, t time.Time) int { return s.at.Compare(t) })
	return list[i:max(i, j)]
}

// sentRate is what was given to the link, in kbit/s: what it carried and what it had no room for.
func sentRate(list []sample) float64 {
	if len(list) < 2 {
		return 0
	}
	a, b := list[0], list[len(list)-1]
	const packet = 1200 // of a dropped one the size is not known
	bytes := float64(b.Bytes-a.Bytes) + float64(b.Backlog-a.Backlog) + packet*float64(b.Drops-a.Drops)
	return bytes * 8 / 1000 / b.at.Sub(a.at).Seconds()
}

// queueDelays lists how long a packet waited at each moment, in ms.
func queueDelays(list []sample, kbit int) (ms []float64) {
	for _, s := range list {
		ms = append(ms, float64(s.Backlog)*8/float64(kbit))
	}
	return ms
}

// reached is how long after its beginning a span begins in which the link is used to at least the given part for the
// rest of the time, in the mean over each three seconds: pictures do not take the same in every one. -1: never.
func reached(list []sample, kbit int, part float64) time.Duration {
	const mean, step = int(3 * time.Second / lookEvery), int(time.Second / lookEvery / 2)
	since := -1
	for i := 0; i+mean < len(list); i += step {
		switch enough := sentRate(list[i:i+mean+1]) >= part*float64(kbit); {
		case enough && since < 0:
			since = i
		case !enough:
			since = -1
		}
	}
	if since < 0 {
		return -1
	}
	return list[since].at.Sub(list[0].at)
}

// view is what a viewer saw in a span of time.
type view struct {
	visible   int     // at the end
	heights   []int   // at the end
	changes   int     // of the height of a picture, pictures that went and came included
	longest   float64 // freeze, ms, without what lies before the span
	frameRate float64 // of all pictures together
}

// look sums up the moments of a span of time.
func look(list []receive.Moment, from, to time.Time) (v view) {
	var first, last *receive.Moment
	for i := range list {
		m := &list[i]
		if m.At < from.UnixMilli() || m.At > to.UnixMilli() {
			continue
		}
		if last != nil {
			v.changes += changesBetween(last, m)
			v.frameRate += newFrames(last, m)
		} else {
			first = m
		}
		for _, s := range m.Streams {
			v.longest = max(v.longest, min(s.FreezeMS, float64(m.At-from.UnixMilli()))) // what of it lies after from
		}
		last = m
	}
	if last == nil {
		return v
	}
	for _, s := range last.Streams {
		v.visible++
		v.heights = append(v.heights, s.Height)
	}
	slices.Sort(v.heights)
	slices.Reverse(v.heights)
	if span := float64(last.At-first.At) / 1000; span > 0 {
		v.frameRate /= span
	}
	return v
}

func changesBetween(a, b *receive.Moment) (n int) {
	before := map[uint64]int{}
	for _, s := range a.Streams {
		before[uint64(s.Participant)] = s.Height
	}
	for _, s := range b.Streams {
		if h, was := before[uint64(s.Participant)]; !was || h != s.Height && h != 0 && s.Height != 0 {
			n++
		}
		delete(before, uint64(s.Participant))
	}
	return n + len(before)
}

func newFrames(a, b *receive.Moment) (n float64) {
	for _, s := range b.Streams {
		for _, t := range a.Streams {
			if s.Participant == t.Participant && s.Frames > t.Frames {
				n += float64(s.Frames - t.Frames)
			}
		}
	}
	return n
}
