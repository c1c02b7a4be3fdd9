package sfu

import (
	"slices"
	"time"

	"conclave/media"
	"conclave/sfu/audiorank"
	"conclave/sfu/forward"
)

// hearing is who is heard. All listeners share one list: each hears the first of it but themself, as many as they have
// slots. So a change of the order concerns only those whose first ones it changes.
type hearing struct {
	ranker audiorank.Ranker[*Peer]
	shared int                    // live tracks of screen audio
	top    []*track               // what is heard, first the most important; not longer than any peer can need
	next   []*track               // scratch, and what top becomes
	stale  bool                   // top may be out of date
	freed  bool                   // slots have been freed since top was made
	slots  [MaxAudioSlots + 1]int // how many peers have so many audio slots
	pace   pace

	speakers []media.ParticipantID // told last
	spoke    []media.ParticipantID // scratch
	told     time.Time
	telling  pace
}

// maxSpeakers bounds the speaker list: who cannot be heard need not be shown as speaking.
const maxSpeakers = 16

// speakersEvery is how soon one speaker list follows another.
const speakersEvery = 100 * time.Millisecond

// pace bounds how often all listeners are given other microphones, or told of other speakers. A conversation needs a
// few changes a second; those that come in quick succession are merged into one every so often: the less often, the
// more people a change is sent to. Time is an argument.
type pace struct {
	spent time.Duration // the bucket's contents, as the time until it is empty
	at    time.Time
}

const (
	paceEvery = 100 * time.Millisecond // for up to 333 people
	paceEach  = 300 * time.Microsecond // for each of more
	paceBurst = 4
)

// take says whether a change that concerns so many people may be made now.
func (p *pace) take(now time.Time, people int) bool {
	every := max(paceEvery, time.Duration(people)*paceEach)
	p.spent = max(0, p.spent-max(0, now.Sub(p.at)))
	p.at = now
	if p.spent > (paceBurst-1)*every {
		return false
	}
	p.spent += every
	return true
}

// switchTrack has t forwarded or not, and keeps what follows from that.
func (r *state) switchTrack(t *track, live bool) {
	if t.Live() == live {
		return
	}
	t.SetLive(live)
	switch {
	case t.Source.Video() && live:
		r.filming[t] = struct{}{}
	case t.Source.Video():
		delete(r.filming, t)
	case t.Source == media.ScreenAudio && live:
		r.hearing.shared++
	case t.Source == media.ScreenAudio:
		r.hearing.shared--
	}
	if !t.Source.Video() {
		r.revoice(t.connection.peer)
	}
}

// revoice puts p into the order of open microphones or takes p out of it. Who shares nothing but a screen's audio is
// ranked by that.
func (r *state) revoice(p *Peer) {
	r.hearing.stale = true
	t := r.voiceOf(p)
	switch {
	case t == nil && p.voice != nil:
		r.hearing.ranker.Close(p.voice)
		p.voice = nil
	case t != nil && p.voice == nil:
		p.voice = r.hearing.ranker.Open(p)
	}
	if t != nil {
		r.hearing.ranker.Hear(p.voice, t.TakeLevel())
	}
}

// voiceOf is the live track that p is ranked by, nil if there is none.
func (r *state) voiceOf(p *Peer) *track {
	for _, source := range [...]media.Source{media.Mic, media.ScreenAudio} {
		if t := r.tracks[trackKey{p.id, source}]; t != nil && t.Live() {
			return t
		}
	}
	return nil
}

// rankSpeakers takes in the levels of microphones heard since the last tick, and tells who speaks.
func (r *state) rankSpeakers(heard []*forward.Track, now time.Time) {
	h := &r.hearing
	for _, ft := range heard {
		r.work.Levels++
		level := ft.TakeLevel()
		p := r.peers[ft.Owner]
		if p == nil || p.voice == nil {
			continue
		}
		if t := r.voiceOf(p); t != nil && t.Track == ft {
			h.ranker.Hear(p.voice, level)
		}
	}
	if h.ranker.Update(now) {
		h.stale = true
	}
	r.tellSpeakers(now)
}

// tellSpeakers tells who speaks, on change.
func (r *state) tellSpeakers(now time.Time) {
	h := &r.hearing
	if now.Sub(h.told) < speakersEvery {
		return
	}
	var speaking [maxSpeakers]*Peer
	h.spoke = h.spoke[:0]
	for _, p := range h.ranker.Speaking(speaking[:0], maxSpeakers, now) {
		h.spoke = append(h.spoke, p.id)
	}
	if !slices.Equal(h.spoke, h.speakers) && h.telling.take(now, len(r.peers)) {
		h.speakers, h.told = slices.Clone(h.spoke), now
		r.room.tell(media.Event{Kind: media.EventSpeakers, Speakers: h.speakers})
	}
}

// rehear brings the list of who is heard up to date, and marks the listeners for whom that changes something.
func (r *state) rehear(now time.Time) {
	h := &r.hearing
	if !h.stale {
		return
	}
	h.next = r.audible(h.next[:0])
	if slices.Equal(h.next, h.top) && !h.freed {
		h.stale = false
		clear(h.next)
		return
	}
	differs, some := h.differs()
	if some && !h.pace.take(now, len(r.peers)) {
		clear(h.next)
		return
	}
	if some {
		for _, p := range r.peers {
			if p.connection != nil && differs[len(p.connection.audio)] {
				r.audioDirty(p)
			}
		}
	}
	for _, list := range [...][]*track{h.top, h.next} {
		for _, t := range list {
			if p := t.connection.peer; p.connection != nil && h.differsFor(p) {
				r.audioDirty(p)
			}
		}
	}
	h.top, h.next = h.next, h.top
	clear(h.next)
	h.stale, h.freed = false, false
}

// differs says for which numbers of slots the next list has others, and whether for any.
func (h *hearing) differs() (differs [MaxAudioSlots + 1]bool, some bool) {
	for k, peers := range h.slots {
		if k > 0 && peers > 0 {
			differs[k] = h.freed || !sameSet(h.top[:min(k, len(h.top))], h.next[:min(k, len(h.next))])
			some = some || differs[k]
		}
	}
	return differs, some
}

// differsFor says whether p, who is heard, hears others than before: one more than the rest do, in their own place.
func (h *hearing) differsFor(p *Peer) bool {
	others := func(list []*track) []*track {
		var own [MaxAudioSlots]*track
		kept := own[:0]
		for _, t := range list {
			if len(kept) < len(p.connection.audio) && t.Owner != p.id {
				kept = append(kept, t)
			}
		}
		return kept
	}
	return !sameSet(others(h.top), others(h.next))
}

// audible appends what is heard, first the most important: screen audio, which is rare and always wanted, then the
// loudest microphones. Two more than there are slots, because no one hears their own.
func (r *state) audible(list []*track) []*track {
	most := len(r.hearing.slots) - 1
	for most > 0 && r.hearing.slots[most] == 0 {
		most--
	}
	if most == 0 {
		return list
	}
	if voices := r.plan.Voices; voices > 0 {
		most = min(most, voices)
	}
	most += 2
	sources := []media.Source{media.ScreenAudio, media.Mic}
	if r.hearing.shared == 0 {
		sources = sources[1:]
	}
	for _, source := range sources {
		for _, v := range r.hearing.ranker.Order() {
			if len(list) == most {
				return list
			}
			t := r.tracks[trackKey{v.Key.id, source}]
			if t != nil && t.Live() && v.Key.voice == v { // not closed since the latest ranking
				list = append(list, t)
			}
		}
	}
	return list
}

// sameSet says whether a and b, without repeats, have the same elements.
func sameSet(a, b []*track) bool {
	if len(a) != len(b) {
		return false
	}
	for _, t := range a {
		if !slices.Contains(b, t) {
			return false
		}
	}
	return true
}

// reconcileAudio gives p the audio slots' worth of who is heard.
func (r *state) reconcileAudio(p *Peer, now time.Time) {
	c := p.connection
	if c == nil || len(c.audio) == 0 {
		return
	}
	r.work.Audio++
	wanted := r.wanted[:0]
	most := len(c.audio)
	if voices := r.plan.Voices; voices > 0 {
		most = min(most, voices)
	}
	for _, t := range r.hearing.top {
		if len(wanted) < most && t.Owner != p.id && t.Live() {
			wanted = append(wanted, t.Track)
		}
	}
	r.place(p, c.audio, wanted, nil, now)
	if len(p.wants) > 0 && (len(wanted) != p.viewer.heard || !p.viewer.ample) {
		r.lookAt(p, now) // audio comes off first
	}
	p.viewer.heard = len(wanted)
	r.wanted = wanted
	clear(r.wanted)
	r.report(p, c.audio, p.withheld)
}
