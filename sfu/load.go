package sfu

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/forward"
	"conclave/sfu/machine"
	"conclave/sfu/overload"
)

// load watches what the machine carries, and has the least important give way when it is asked for more:
// docs/overload.md. Control feeds it; joins and metrics read it. Safe for concurrent use.
type load struct {
	delays *forward.Delays // control's alone, as are the next four
	at     time.Time       // of the latest sample
	cpu    time.Duration   // used until then
	looked time.Time       // at the limits and the memory
	used   float64         // of the memory

	all, thinned atomic.Int64 // bit/s of all viewers' pictures: with all their layers, and without those that give way

	mu       sync.Mutex
	pinned   bool // the plan stays as it is: tests of other things, on machines that are busy
	governor overload.Governor
	door     overload.Door
	limits   machine.Limits
	latest   overload.Sample
}

const (
	sampleEvery = 90 * time.Millisecond // at least between two samples: ticks come every 20 or 500 ms
	limitsEvery = 5 * time.Second
	// audioFirst is how long a participant who comes while pictures give way has sound alone.
	audioFirst = 5 * time.Second
)

// govern takes a sample of what the machine carries and puts the plan into effect when it changes.
func (s *Server) govern(now time.Time) {
	l := &s.load
	if now.Sub(l.at) < sampleEvery {
		return
	}
	sample, ok := l.sample(now)
	if !ok {
		return
	}
	l.mu.Lock()
	before := l.governor.Plan()
	plan := before
	if !l.pinned {
		plan = l.governor.Observe(now, sample)
	}
	l.latest = sample
	l.mu.Unlock()
	if plan != before {
		s.follows(plan)
	}
}

// follows puts a plan into effect.
func (s *Server) follows(plan overload.Plan) {
	s.engine.Shed(plan.Level)
	s.engine.Gather(plan.Gather)
	for _, r := range s.listRooms() {
		r.mu.Lock()
		if plan.Voices != r.plan.Voices {
			r.hearing.stale, r.hearing.freed = true, true // all hear others
		}
		r.plan = plan
		for _, p := range r.peers {
			if len(p.wants) > 0 {
				r.videoDirty(p)
			}
		}
		r.mu.Unlock()
	}
}

// sample measures since it was last called; ok is false the first time.
func (l *load) sample(now time.Time) (sample overload.Sample, ok bool) {
	if l.looked.IsZero() || now.Sub(l.looked) >= limitsEvery {
		l.looked = now
		limits := machine.ReadLimits()
		l.mu.Lock()
		l.limits = limits
		l.mu.Unlock()
		if limits.Memory > 0 {
			l.used = float64(machine.Memory()) / float64(limits.Memory)
		}
	}
	elapsed, cpu := now.Sub(l.at), machine.CPU()
	before := l.cpu
	first := l.at.IsZero()
	l.at, l.cpu = now, cpu
	sample.Delay, sample.Stands = l.delays.Latest()
	sample.CPU = (cpu - before).Seconds() / elapsed.Seconds() / l.limits.Cores
	sample.Memory = l.used
	if thinned := l.thinned.Load(); thinned > 0 {
		sample.Layers = float64(l.all.Load()) / float64(thinned)
	}
	return sample, !first
}

// Admit says whether the machine carries one more participant. Where more come than can be afforded at a moment it
// waits for a turn, for overload.InLine at most, once more each time that more gives way meanwhile, and no longer than
// ctx. Those who have a seat are not asked about. release is to be called when the participant did not come in after
// all, so that joins that fail keep no one out.
func (s *Server) Admit(ctx context.Context) (release func(), ok bool) {
	l := &s.load
	for {
		wait, level, ok := l.turn(time.Now())
		if !ok {
			return func() {}, false
		}
		if wait == 0 {
			return l.giveBack, true
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-s.stop:
		}
		timer.Stop()
		if now := l.level(); ctx.Err() == nil && now <= level && now < overload.Full {
			return l.giveBack, true
		}
		l.giveBack()
		if ctx.Err() != nil || s.closing.Load() {
			return func() {}, false
		}
		// More gives way than before, so turns come less often: it stands in line once more, if there is one.
	}
}

// turn takes a turn at the door, which comes after wait if no more gives way until then than at level.
func (l *load) turn(now time.Time) (wait time.Duration, level overload.Level, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	level = l.governor.Plan().Level
	if l.governor.Full() {
		return 0, level, false
	}
	wait, ok = l.door.Admit(now, level, l.limits.Cores)
	return wait, level, ok
}

func (l *load) level() overload.Level {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.governor.Plan().Level
}

func (l *load) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.door.Return()
}

// read is what was measured last, and what is done about it.
func (l *load) read() (overload.Sample, overload.Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latest, l.governor.Plan()
}

// giveWay takes the least important of the tracks out of p's view that the machine doesn't carry, and appends them to
// withheld.
func (r *state) giveWay(p *Peer, withheld []media.Withheld, explain bool, now time.Time) []media.Withheld {
	v, plan := &p.viewer, r.plan
	if v.came.IsZero() {
		v.came = now
	}
	if plan.Level < overload.Pictures {
		return withheld
	}
	keep := plan.Keep(len(v.tracks), uint32(p.id))
	if now.Sub(v.came) < audioFirst {
		keep = 0
	}
	for _, t := range v.tracks[keep:] {
		if explain {
			withheld = append(withheld, media.Withheld{Participant: t.Owner, Source: t.Source, Reason: media.ReasonServer})
		}
	}
	clear(v.tracks[keep:])
	v.tracks, v.heights = v.tracks[:keep], v.heights[:keep]
	return withheld
}

// counts notes what a viewer's pictures would be with all layers and without those that give way, in bit/s.
func (l *load) counts(v *viewerState, full, thinned int64) {
	l.all.Add(full - v.full)
	l.thinned.Add(thinned - v.thinned)
	v.full, v.thinned = full, thinned
}

// thin leaves of a source that gives way its lowest layer, of those that arrive.
func thin(s *allocation.Source) {
	active := func(l allocation.Layer) bool { return l.Active }
	s.Count = max(0, slices.IndexFunc(s.Layers[:s.Count], active)) + 1
}

// collect tells what is measured and done, as metrics.
func (l *load) collect(ch chan<- prometheus.Metric) {
	sample, plan := l.read()
	gauge := func(name, help string, value float64) {
		ch <- prometheus.MustNewConstMetric(desc(name, help), prometheus.GaugeValue, value)
	}
	gauge("overload_level", "What gives way: 0 nothing, 1 layers, 2 pictures, 3 all pictures, 4 new participants, too.",
		float64(plan.Level))
	gauge("pictures_share", "Part of each viewer's pictures that is sent: 1 is all.", plan.Share)
	gauge("voices", "How many voices each hears at most, because the machine carries no more; 0: all.",
		float64(plan.Voices))
	gathers := 0.0
	if plan.Gather {
		gathers = 1
	}
	gauge("gathers", "1 while what comes within 20 ms is sent together, because there is much to do.", gathers)
	gauge("cpu_share", "Processor time used, of what the process may use.", sample.CPU)
	gauge("memory_share", "Memory used, of what the process may use; 0: not known.", sample.Memory)
}
