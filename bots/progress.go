package bots

import (
	"context"
	"fmt"
	"time"
)

// progress writes a line a second.
func (r *runner) progress(ctx context.Context) {
	if r.cfg.Progress == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last tally
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.gone:
			return
		case <-tick.C:
		}
		now := status{elapsed: time.Since(r.begun), in: len(r.bots()), count: r.cfg.Count, waiting: r.waiting()}
		for _, c := range r.arrivals(time.Now()) {
			now.expectedAudio += c.expectedAudio
			now.audio += min(c.audio, c.expectedAudio)
			now.expectedVideo += c.expectedVideo
			now.video += min(c.video, c.expectedVideo)
		}
		sum := r.sum()
		now.packets, now.bytes = sum.packets-last.packets, sum.bytes-last.bytes
		last = sum
		_, _ = fmt.Fprintln(r.cfg.Progress, now.line())
	}
}

// status is how a run stands; packets and bytes came in the last second.
type status struct {
	arrivalCount
	elapsed            time.Duration
	in, count, waiting int
	packets, bytes     uint64
}

// line writes the status in one line. Tools read its beginning.
func (s *status) line() string {
	line := fmt.Sprintf("%4.0fs  %d/%d in  audio %d/%d  video %d/%d  %d packets/s  %.1f Mbit/s", s.elapsed.Seconds(),
		s.in, s.count, s.audio, s.expectedAudio, s.video, s.expectedVideo, s.packets, float64(s.bytes)*8/1e6)
	if s.waiting > 0 {
		line += fmt.Sprintf("  waiting to be let in (%d): a host must admit them", s.waiting)
	}
	return line
}
