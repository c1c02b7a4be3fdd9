package forward

import (
	"time"

	"conclave/sfu/allocation"
	"conclave/sfu/drop"
)

// allTemporal is a slot's limit when nothing is to be dropped; paused is it when everything is.
const (
	allTemporal = 127
	paused      = -1
)

// Limit sets which temporal layers of what the slot carries may pass: of l, which it is about to be assigned to, and of
// what it carries until that begins. pressed says that more is being sent than fits: then the old layer must fit what
// the new one was given.
func (s *Slot) Limit(l *Layer, d allocation.Decision, pressed bool, now time.Time) {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	s.temporal, s.meanwhile = allTemporal, s.passing
	if described := l.Describe(now); d.Pass < described.Temporal-1 {
		s.temporal = int8(d.Pass)
	}
	if d.Pass < 0 {
		s.meanwhile = paused
		return
	}
	if !pressed || s.cur == nil || s.cur.layer == l {
		return
	}
	old := s.cur.layer.Describe(now)
	for s.meanwhile >= 0 && old.Rates[min(int(s.meanwhile), old.Temporal-1)] > d.Rate {
		s.meanwhile = min(s.meanwhile, int8(old.Temporal)-1) - 1
	}
}

// passes decides by its temporal layer whether p, of the slot's current output, goes out. A lower limit takes effect
// with the next frame; a higher one where the encoder says that nothing dropped is needed, and once everything has been
// dropped, at a key frame.
func (s *Slot) passes(p *packet) (drop.Reason, bool) {
	limit := s.temporal
	if s.next != nil {
		limit = s.meanwhile
	}
	if tid := int8(p.info.TID); p.info.FrameStart && p.newest {
		behind := s.egress.way.skips(true)
		if behind {
			limit = min(limit, tid-1) // this frame is left out, and those that need it
		}
		switch {
		case p.info.KeyStart || limit < s.passing:
			s.passing = limit
			s.skip(behind && limit == paused, p.arrived)
		case s.passing >= 0 && tid == s.passing+1 && tid <= limit && p.info.Sync:
			s.passing = tid
		}
	}
	switch {
	case s.passing == paused && !s.skipped.IsZero():
		return drop.StreamBehind, false
	case s.passing == paused:
		return drop.Congested, false
	case int8(p.info.TID) > s.passing:
		return drop.Temporal, false
	}
	return 0, true
}

// skip notes since when frames are left out because the way is behind.
func (s *Slot) skip(on bool, now time.Time) {
	switch {
	case !on:
		s.skipped = time.Time{}
	case s.skipped.IsZero():
		s.skipped = now
	}
}

// stopped says whether nothing passes until the next key frame, though it may.
func (s *Slot) stopped(now time.Time) bool {
	if !s.Video || s.temporal == paused || s.cur != nil && s.passing != paused {
		return false
	}
	return s.skipped.IsZero() || now.Sub(s.skipped) > skipLasts && !s.egress.isBehind(now)
}

// held says whether nothing may pass, because a queue is left to drain.
func (s *Slot) held() bool {
	s.egress.mu.Lock()
	defer s.egress.mu.Unlock()
	return s.Video && s.temporal == paused
}
