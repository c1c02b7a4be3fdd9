package report

import (
	"errors"
	"fmt"
	"slices"
)

// What a run may show and still say something of the server. Beyond any of these the figures are those of the machine
// that the bots run on.
const (
	// maxLagMS is how late the bots may send at the 99th percentile: a video frame's time.
	maxLagMS = 33
	// maxCPU is the part of all processors that the bots may use by themselves.
	maxCPU = 0.9
	// maxBusy is the part of the machine's processors that all of its processes may use together.
	maxBusy = 0.95
	// maxSteal is the part of the processors' time that a hypervisor may give to other machines.
	maxSteal = 0.05
	// maxRunnable is how many threads may run or be ready to run on each processor, on average.
	maxRunnable = 3
)

// defaultLimits are thresholds that hold unless the run sets one of the same family (Threshold.family). A join that
// takes longer than 5 s is one that people reload the page for; above 400 ms one way people talk over each other
// (ITU-T G.114).
var defaultLimits = [...]string{"join.p99<5s", "delay.audio.p99<400ms", "delay.video.p99<400ms", "freezes.time<1%"}

// Conditions are what a run is judged by, besides its figures.
type Conditions struct {
	// Thresholds are those that were asked for.
	Thresholds []string
	// NoDefaults leaves out the default limits on joins, delays and freezes.
	NoDefaults bool
	// Failures are those that the run itself met.
	Failures []string
}

// Judge decides the verdict. An error means that a threshold cannot be read.
func (r *Report) Judge(c Conditions) error {
	r.Failures = slices.Clone(c.Failures)
	r.judgeDelivery()
	limits, err := c.limits()
	for i := range limits {
		r.judgeLimit(&limits[i])
	}
	if len(r.Agents) == 0 { // each of several generators has judged itself
		r.judgeGenerator()
		r.judgeMachine()
	}
	switch {
	case len(r.Invalid) > 0:
		r.Verdict = Invalid
	case len(r.Failures) > 0:
		r.Verdict = Failed
	default:
		r.Verdict = Passed
	}
	return err
}

// limits are the thresholds in force.
func (c *Conditions) limits() (list []threshold, err error) {
	families := map[string]bool{}
	for _, text := range c.Thresholds {
		t, parseErr := parseThreshold(text)
		if parseErr != nil {
			err = errors.Join(err, parseErr)
			continue
		}
		families[t.family()] = true
		list = append(list, t)
	}
	if c.NoDefaults {
		return list, err
	}
	for _, text := range defaultLimits {
		t, parseErr := parseThreshold(text)
		if parseErr != nil {
			return list, errors.Join(err, parseErr)
		}
		if !families[t.family()] {
			t.byDefault = true
			list = append(list, t)
		}
	}
	return list, err
}

// judgeDelivery checks that what bots published reached the others, authentic and named.
func (r *Report) judgeDelivery() {
	t := &r.Total
	if n := r.Joins.Wanted - r.Joins.Joined; n > 0 {
		r.fail("%d of %d bots did not join", n, r.Joins.Wanted)
	}
	if t.ArrivedAudio < t.ExpectedAudio {
		r.fail("%d of %d audio streams did not arrive", t.ExpectedAudio-t.ArrivedAudio, t.ExpectedAudio)
	}
	if t.ArrivedVideo < t.ExpectedVideo {
		r.fail("%d of %d video streams did not arrive", t.ExpectedVideo-t.ArrivedVideo, t.ExpectedVideo)
	}
	if t.UndecodedPackets > 0 {
		r.fail("%d packets failed authentication", t.UndecodedPackets)
	}
	if n := t.Opened.Failed; n > 0 {
		r.fail("%d end-to-end encrypted frames were not authentic", n)
	}
	if n := t.Opened.NoKey; n > 0 {
		r.fail("%d end-to-end encrypted frames came without a key, of senders that were heard before", n)
	}
	if t.UnknownPackets > 0 {
		r.fail("%d packets came on SSRCs that no answer named", t.UnknownPackets)
	}
}

// judgeLimit checks one threshold. One that was asked for needs figures; a default is silent where there are none.
func (r *Report) judgeLimit(t *threshold) {
	r.Limits = append(r.Limits, t.text)
	value, measured, _ := r.metric(t.metric)
	switch {
	case !measured && t.byDefault:
	case !measured:
		r.fail("threshold %s: nothing was measured", t.text)
	case !t.holds(value):
		r.fail("threshold %s: it is %s", t.text, t.write(value))
	}
}

// Outcome is how a run did by one of its limits.
type Outcome struct {
	Limit string
	// Value is what was measured, in the unit of the limit.
	Value         string
	Measured, Met bool
}

// Outcomes returns how the run did by each of its limits.
func (r *Report) Outcomes() (list []Outcome) {
	for _, text := range r.Limits {
		t, err := parseThreshold(text)
		if err != nil {
			continue // of a report that another version wrote
		}
		value, measured, _ := r.metric(t.metric)
		o := Outcome{Limit: text, Measured: measured}
		if measured {
			o.Value, o.Met = t.write(value), t.holds(value)
		}
		list = append(list, o)
	}
	return list
}

// judgeGenerator checks that the bots did what they were to do, in time, and to the end.
func (r *Report) judgeGenerator() {
	g, w := &r.Generator, &r.Window
	if w.CutShort {
		r.invalid("the run was cut short: %.0f of %.0f s were measured", w.Seconds, w.Planned)
	}
	if g.Lag.P99 > maxLagMS {
		r.invalid("the bots sent their media up to %.0f ms late (99th percentile; %d allowed)", g.Lag.P99, maxLagMS)
	}
	if all := w.Seconds * float64(g.Cores); all > 0 && g.CPUSeconds/all > maxCPU {
		r.invalid("the bots used %.0f %% of the machine's processors", 100*g.CPUSeconds/all)
	}
	if g.SocketDrops > 0 {
		r.invalid("the kernel dropped %d packets that the bots were too slow to read", g.SocketDrops)
	}
	if g.SendErrors > 0 {
		r.invalid("%d packets could not be sent", g.SendErrors)
	}
}

// judgeMachine checks that the bots' machine had time for them, and for the server if that runs there too.
func (r *Report) judgeMachine() {
	r.judgeJoining()
	m := r.Machine
	if m == nil {
		return
	}
	if m.Busy > maxBusy {
		r.invalid("the bots' machine was %.0f %% busy (%.0f allowed): %s", 100*m.Busy, 100*maxBusy, m.shares())
	}
	if m.Steal > maxSteal {
		r.invalid("the hypervisor gave %.0f %% of the processors' time to other machines (%.0f allowed)",
			100*m.Steal, 100*maxSteal)
	}
	if m.Runnable > maxRunnable {
		r.invalid("%.1f threads wanted each processor of the bots' machine (%d allowed)", m.Runnable, maxRunnable)
	}
}

// judgeJoining keeps a machine that was too busy while the bots joined from being taken for a slow server. Joins that
// met their limits all the same are good ones.
func (r *Report) judgeJoining() {
	m := r.Joining
	if m == nil || m.Busy <= maxBusy && m.Runnable <= maxRunnable {
		return
	}
	slow := r.Total.Opened.NoKey > 0 || r.Joins.Joined < r.Joins.Wanted
	for _, o := range r.Outcomes() {
		t, err := parseThreshold(o.Limit)
		slow = slow || err == nil && t.family() == "join" && !o.Met
	}
	if slow {
		r.invalid("while the bots joined, their machine was too busy to tell how the server did: %s", m)
	}
}

func (r *Report) fail(format string, args ...any) {
	r.Failures = append(r.Failures, fmt.Sprintf(format, args...))
}

func (r *Report) invalid(format string, args ...any) {
	r.Invalid = append(r.Invalid, fmt.Sprintf(format, args...))
}
