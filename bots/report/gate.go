package report

import (
	"errors"
	"fmt"
)

const (
	// maxLagMS is how late the generator may be at the 99th percentile before its figures mean nothing: a video frame's
	// time.
	maxLagMS = 33
	// maxCPU is the part of all cores that the generator may use by itself.
	maxCPU = 0.9
)

// Judge decides a report's verdict. failures are those that the run itself met. Pure.
func (r *Report) Judge(thresholds []string, failures []string) error {
	r.Failures = failures
	t := &r.Total
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
		r.fail("%d end-to-end encrypted frames came without a key, of senders who were heard before", n)
	}
	if t.UnknownPackets > 0 {
		r.fail("%d packets came on SSRCs that no answer named", t.UnknownPackets)
	}
	var errs []error
	for _, text := range thresholds {
		th, err := parseThreshold(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if v, _ := r.metric(th.metric); !th.holds(v) {
			r.fail("threshold %s: it is %.4g", th.text, v)
		}
	}
	g := &r.Generator
	if g.Lag.P99 > maxLagMS {
		r.invalid("the bots sent their media up to %.0f ms late (99th percentile; %d allowed)", g.Lag.P99, maxLagMS)
	}
	if w := r.Window.Seconds * float64(g.Cores); w > 0 && g.CPUSeconds/w > maxCPU {
		r.invalid("the bots used %.0f %% of the machine's processors", 100*g.CPUSeconds/w)
	}
	if g.SocketDrops > 0 {
		r.invalid("the kernel dropped %d packets that the bots were too slow to read", g.SocketDrops)
	}
	if g.SendErrors > 0 {
		r.invalid("%d packets could not be sent", g.SendErrors)
	}
	switch {
	case len(r.Invalid) > 0:
		r.Verdict = Invalid
	case len(r.Failures) > 0:
		r.Verdict = Failed
	default:
		r.Verdict = Passed
	}
	return errors.Join(errs...)
}

func (r *Report) fail(format string, args ...any) {
	r.Failures = append(r.Failures, fmt.Sprintf(format, args...))
}

func (r *Report) invalid(format string, args ...any) {
	r.Invalid = append(r.Invalid, fmt.Sprintf(format, args...))
}
