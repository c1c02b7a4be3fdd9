package sfu

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"conclave/media"
	"conclave/sfu/audiorank"
	"conclave/sfu/sdp"
)

type controlStats struct {
	pli    atomic.Uint64
	nacks  atomic.Uint64
	probes atomic.Uint64
	egress atomic.Uint64 // bits a second
	ups    atomic.Uint64 // switches to a higher layer
	downs  atomic.Uint64

	// of the last measurement; control's alone
	egressAt    time.Time
	egressBytes uint64
}

// measureEgress takes the rate of what was forwarded since it was last called.
func (s *Server) measureEgress(now time.Time) {
	var total uint64
	for _, w := range s.workers {
		total += w.stats.forwardBytes.Load()
	}
	if elapsed := now.Sub(s.stats.egressAt); elapsed > 0 && !s.stats.egressAt.IsZero() {
		s.stats.egress.Store(uint64(float64(total-s.stats.egressBytes) * 8 / elapsed.Seconds()))
	}
	s.stats.egressAt, s.stats.egressBytes = now, total
}

// EgressBitrate is what was forwarded to subscribers over the last second or so, in bits a second, without IP and UDP headers.
func (s *Server) EgressBitrate() uint64 { return s.stats.egress.Load() }

func (s *Server) listRooms() []*Room {
	s.roomMu.Lock()
	defer s.roomMu.Unlock()
	return slices.Collect(maps.Keys(s.rooms))
}

// tick does what is due in one room.
func (r *Room) tick(now time.Time, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tracks) > 0 {
		r.rankSpeakers(now)
	}
	if n%reportEvery == 0 && len(r.tracks) > 0 {
		r.dirty.Store(true) // layers may have come or gone
	}
	if r.dirty.Swap(false) {
		for _, p := range r.peers {
			p.dirty = true
		}
	}
	everybody := n%reportEvery == 0
	if r.attention.Swap(false) || everybody {
		for _, p := range r.peers {
			if p.session != nil {
				p.session.egress.tidy(now)
			}
		}
	}
	for _, p := range r.peers {
		if s := p.session; s != nil && (everybody || len(s.tracks) > 0) {
			s.tick(now, n)
		}
	}
	if n%allocateEvery == 0 {
		for _, p := range r.peers {
			r.reallocate(p, now)
		}
	}
	r.reconcileDirty(now)
	if n%feedbackEvery == 0 {
		r.tellPublishers(now)
	}
	if everybody {
		r.rateConnections(now)
	}
}

// tick does what is due in one session. Callers hold Room.mu.
func (s *session) tick(now time.Time, n int) {
	for _, t := range s.tracks {
		if !t.source.Video() {
			continue
		}
		for _, l := range t.layers {
			s.askAgain(l, now)
			if l.wantKey.Load() {
				l.requestKey(now)
			}
		}
	}
	if n%meterEvery == 0 {
		s.measure(now)
	}
	if n%feedbackEvery == 0 {
		s.sendFeedback()
	}
	if n%reportEvery == 0 {
		s.transport.Watch(now)
		s.refill()
		s.egress.revise(now)
		s.sendReports(now)
	}
}

// measure takes the rates of what the peer publishes. Callers hold Room.mu.
func (s *session) measure(now time.Time) {
	for _, t := range s.tracks {
		for _, l := range t.layers {
			s.inMu.Lock()
			bytes := l.receive.bytes
			s.inMu.Unlock()
			l.meter.Observe(now, bytes)
		}
	}
}

// switched counts a change of layer within one track.
func (c *controlStats) switched(from, to *layer) {
	switch {
	case from.track != to.track:
	case from.index < to.index:
		c.ups.Add(1)
	case from.index > to.index:
		c.downs.Add(1)
	}
}

// tidy follows up on switches that have happened or are awaited. Callers hold Room.mu.
func (e *egress) tidy(now time.Time) {
	if e.hasRetired.Swap(false) {
		e.clearRetired()
		e.session.peer.dirty = true
	}
	if e.hasPending.Load() {
		e.retryPending(now)
	}
}

// clearRetired takes outputs that a switch has ended off their layers. Callers hold Room.mu.
func (e *egress) clearRetired() {
	e.mu.Lock()
	retired := e.retired
	e.retired = nil
	e.mu.Unlock()
	for _, o := range retired {
		o.layer.removeOutput(o)
	}
}

// retryPending starts slots whose key frame is in the history by now: it came out of order, or while keys were awaited. Callers hold
// Room.mu.
func (e *egress) retryPending(now time.Time) {
	e.mu.Lock()
	var pending []*output
	for _, sl := range e.slots {
		if sl.video && sl.next != nil {
			pending = append(pending, sl.next)
		}
	}
	if e.hasPending.Store(len(pending) > 0); len(pending) > 0 {
		e.session.room.attention.Store(true)
	}
	e.mu.Unlock()
	for _, o := range pending {
		if !e.startFromHistory(o, now) && o.layer.active(now) {
			o.layer.requestKey(now) // the request or the key frame may have been lost
		}
	}
}

// rankSpeakers updates the order of open microphones and who speaks. Callers hold mu.
func (r *Room) rankSpeakers(now time.Time) {
	levels := make(map[media.ParticipantID]*audiorank.Level, len(r.peers))
	for key, t := range r.tracks {
		if !t.source.Video() && t.live.Load() {
			t.levelMu.Lock()
			level := t.level
			t.levelMu.Unlock()
			if key.source == media.Mic || levels[key.participant] == nil {
				levels[key.participant] = &level
			}
		}
	}
	order := r.ranker.Update(levels, now)
	if !slices.Equal(order, r.order) {
		r.order = slices.Clone(order)
		r.audioChanged()
	}
	var speakers []media.ParticipantID
	for _, id := range order {
		if levels[id].Speaking(now) && len(speakers) < maxSpeakers {
			speakers = append(speakers, id)
		}
	}
	if !slices.Equal(speakers, r.speakers) {
		r.speakers = speakers
		r.notify.speaking(speakers)
	}
}

// maxSpeakers bounds the speaker list: who cannot be heard need not be shown as speaking.
const maxSpeakers = 16

// audioChanged marks the listeners whose slots the new order may change: it changes nothing for those whose first
// slots' worth of microphones are the same. Callers hold mu.
func (r *Room) audioChanged() {
	for _, p := range r.peers {
		if p.session != nil {
			p.dirty = true
		}
	}
}

// askAgain sends a NACK for what is missing of l.
func (s *session) askAgain(l *layer, now time.Time) {
	if l.track.RTX == 0 {
		return
	}
	s.inMu.Lock()
	var room [64]uint64
	rtt := time.Duration(s.rtt.Load())
	if rtt == 0 {
		rtt = 100 * time.Millisecond
	}
	due, lost := l.receive.nack.Due(room[:0], now, rtt)
	s.inMu.Unlock()
	if lost && l.wantedNow() {
		l.wantKey.Store(true)
	}
	if len(due) == 0 {
		return
	}
	ssrc, ok := s.ssrcOf(l)
	if !ok {
		return
	}
	seqs := make([]uint16, len(due))
	for i, seq := range due {
		seqs[i] = uint16(seq)
	}
	s.server.stats.nacks.Add(uint64(len(seqs)))
	s.sendRTCP(&rtcp.TransportLayerNack{SenderSSRC: s.server.ssrc, MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
}

func (l *layer) wantedNow() bool { return len(l.outputs()) > 0 }

// sendFeedback sends transport-wide congestion control feedback, by which the publisher's own estimator works.
func (s *session) sendFeedback() {
	s.inMu.Lock()
	var packets []rtcp.Packet
	if s.fbPending {
		packets = s.feedback.BuildFeedbackPacket()
		s.fbPending = false
	}
	s.inMu.Unlock()
	for _, p := range packets {
		s.sendRTCP(p)
	}
}

func (s *session) refill() {
	s.inMu.Lock()
	s.budget = publishPacketsPerSecond
	s.inMu.Unlock()
	s.peer.rtcpBudget.fill(rtcpPerSecond)
	s.egress.mu.Lock()
	s.egress.rtxTokens = s.egress.mayResend()
	s.egress.mu.Unlock()
}

// sendReports sends receiver reports about what the peer publishes and sender reports about its slots.
func (s *session) sendReports(now time.Time) {
	if blocks := s.receptionReports(now); len(blocks) > 0 {
		s.sendRTCP(&rtcp.ReceiverReport{SSRC: s.server.ssrc, Reports: blocks})
	}
	const perCompound = 16
	reports := s.senderReports(now)
	for chunk := range slices.Chunk(reports, perCompound) {
		s.sendRTCP(chunk...)
	}
}

func (s *session) receptionReports(now time.Time) (blocks []rtcp.ReceptionReport) {
	s.inMu.Lock()
	defer s.inMu.Unlock()
	for ssrc, st := range s.streams {
		r := &st.layer.receive
		highest, seen := r.seen.Highest()
		if st.rtx || !seen || !r.any || len(blocks) == 31 {
			continue
		}
		expected, received := highest-r.first+1, r.packets
		block := rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(highest), Jitter: uint32(r.jitter)}
		dExpected, dReceived := expected-r.reportedExpected, received-r.reportedReceived
		if dExpected > dReceived && dExpected > 0 {
			block.FractionLost = uint8((dExpected - dReceived) << 8 / dExpected)
		}
		if expected > received {
			block.TotalLost = uint32(min(expected-received, 1<<23-1))
		}
		s.health.expected += dExpected
		s.health.received += min(dReceived, dExpected)
		s.health.jitterIn = max(s.health.jitterIn, time.Duration(r.jitter*float64(time.Second))/time.Duration(st.layer.track.clockRate()))
		r.reportedExpected, r.reportedReceived = expected, received
		if sr := st.layer.sr.Load(); sr != nil {
			block.LastSenderReport = uint32(durationToNTP(sr.ntp) >> 16)
			block.Delay = uint32(now.Sub(sr.arrived) * 65536 / time.Second)
		}
		blocks = append(blocks, block)
	}
	return blocks
}

// senderReports maps each slot's timestamps to our clock, through the sender report of what it carries: a person's audio and
// video keep their common clock, so that the browser can synchronise them.
func (s *session) senderReports(now time.Time) (reports []rtcp.Packet) {
	e := &s.egress
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, sl := range e.slots {
		if sl.cur == nil || sl.packets == 0 {
			continue
		}
		l := sl.cur.layer
		sr := l.sr.Load()
		if sr == nil {
			continue
		}
		ahead := now.Sub(sr.arrived)
		ntp := sr.ntp + time.Duration(l.track.session.ntpOffset.Load()) + ahead
		timestamp := sr.timestamp + uint32(ahead*time.Duration(l.track.clockRate())/time.Second) + sl.rw.TimestampOffset()
		reports = append(reports, &rtcp.SenderReport{SSRC: sl.ssrc, NTPTime: durationToNTP(ntp), RTPTime: timestamp,
			PacketCount: sl.packets, OctetCount: sl.octets})
	}
	return reports
}

// tellPublishers tells each publisher which encodings are wanted, on change. Callers hold mu.
func (r *Room) tellPublishers(now time.Time) {
	for _, t := range r.tracks {
		if !t.source.Video() {
			continue
		}
		if layers, changed := t.encode.update(now); changed {
			var names []string
			for _, l := range t.layers {
				if layers&(1<<l.index) != 0 {
					names = append(names, cmp.Or(l.rid, sdp.RIDs[maxLayers-1]))
				}
			}
			t.session.peer.notify.encodings(t.source, names)
		}
	}
}

// startFromHistory forwards from the layer's latest key frame on, if it is recent and complete: the viewer sees a picture
// at once and the publisher is not asked for another. It says whether it did. Callers hold Room.mu.
func (e *egress) startFromHistory(o *output, now time.Time) bool {
	if !o.layer.active(now) {
		return false
	}
	return e.session.server.replay(e, o, now)
}

func sortedSlots(m map[string]media.Slot) []media.Slot {
	list := slices.Collect(maps.Values(m))
	slices.SortFunc(list, func(a, b media.Slot) int { return cmp.Compare(a.MID, b.MID) })
	return list
}
