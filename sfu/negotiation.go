package sfu

import (
	"context"
	"slices"

	"github.com/pion/interceptor/pkg/twcc"

	"conclave/media"
	"conclave/sfu/sdp"
	"conclave/sfu/transport"
)

// MaxAudioSlots and MaxVideoSlots bound the receiving m-lines of one peer.
const (
	MaxAudioSlots = 50
	MaxVideoSlots = 50
)

// Negotiate answers an offer: the first, one with more slots, one with new ICE credentials (ICE restart), or one with
// another DTLS fingerprint, which replaces the PeerConnection. It waits for nothing, but a big offer takes a millisecond of CPU: call it
// from the participant's own goroutine, not from an actor. Errors that are the client's fault wrap ErrBadOffer; nothing has changed then.
func (p *Peer) Negotiate(_ context.Context, offer string, tracks []media.Track) (string, error) {
	o, err := sdp.Parse(offer)
	if err != nil {
		return "", err
	}
	sources, err := o.Sources(tracks)
	if err != nil {
		return "", err
	}
	if p.room.privateAudio {
		o.DropAudioLevels()
	}
	p.negMu.Lock()
	defer p.negMu.Unlock()
	old, err := p.current()
	if err != nil {
		return "", err
	}
	s := old
	if old == nil || old.fingerprint != o.Fingerprint {
		s = p.newSession(o)
	}
	if s.ufrag != o.Ufrag || s.pwd != o.Pwd {
		s.localUfrag, s.localPwd = s.transport.Negotiate(o.Ufrag, o.Pwd)
		s.ufrag, s.pwd, s.fingerprint = o.Ufrag, o.Pwd, o.Fingerprint
	}
	if err := p.install(s, old, o, sources); err != nil {
		return "", err
	}
	p.version++
	answer := sdp.Answer{
		Ufrag: s.localUfrag, Pwd: s.localPwd, Fingerprint: p.room.server.network.Fingerprint(), Candidates: p.room.server.network.Candidates(),
		SessionID: s.sdpID, Version: p.version, Send: s.egress.sendLines(), Sources: sources,
	}
	return answer.Write(o), nil
}

func (p *Peer) current() (*session, error) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	return p.session, nil
}

func (p *Peer) newSession(o *sdp.Offer) *session {
	srv := p.room.server
	s := &session{server: srv, serial: srv.sessions.Add(1), room: p.room, peer: p, streams: map[uint32]*stream{},
		feedback: twcc.NewRecorder(srv.ssrc), budget: publishPacketsPerSecond, sdpID: uint64(random32())}
	s.egress = egress{session: s, bySSRC: map[uint32]*slot{}, chains: make([]chain, len(srv.workers)), rtxTokens: rtxPerSecond}
	for i := range s.egress.chains {
		s.egress.chains[i] = chain{-1, -1}
	}
	s.transport = srv.network.New(o.Fingerprint, s)
	return s
}

// Connected implements transport.Owner: what was waiting can flow.
func (s *session) Connected() { s.peer.connected(s) }

// Failed implements transport.Owner: the meeting is told that the connection is lost for good.
func (s *session) Failed(cause transport.Cause) {
	if cur, err := s.peer.current(); err == nil && cur == s {
		s.peer.notify.failed(string(cause))
	}
}

// connected runs once the handshake is done: what was waiting can flow.
func (p *Peer) connected(s *session) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.closed || p.session != s {
		return
	}
	p.notify.connected()
	p.dirty = true
	// Slots that were given tracks before the keys were there have missed the key frame.
	for _, sl := range s.egress.list() {
		r.release(&s.egress, sl)
	}
	r.soon()
}

// install makes s, with the m-lines of o, the peer's session.
func (p *Peer) install(s, old *session, o *sdp.Offer, sources map[string]media.Source) error {
	r := p.room
	r.mu.Lock()
	if p.closed {
		r.mu.Unlock()
		s.transport.Close()
		return ErrClosed
	}
	if old != nil && old != s {
		r.retire(old)
	}
	p.session = s
	for i := range o.Media {
		m := &o.Media[i]
		source, sends := sources[m.MID]
		switch {
		case sends && !m.Rejected:
			r.publish(p, s, source, m)
		case !sends && m.CanSlot():
			s.egress.addSlot(m)
		}
	}
	p.dirty = true
	r.soon()
	r.mu.Unlock()
	if old != nil && old != s {
		old.transport.Close()
	}
	return nil
}

// publish makes the track for an m-line the peer sends on, once. Callers hold Room.mu.
func (r *Room) publish(p *Peer, s *session, source media.Source, m *sdp.Media) {
	key := trackKey{p.id, source}
	if t := r.tracks[key]; t != nil {
		if t.session == s && t.mid == m.MID && t.Format == m.Formats[0].Format {
			return // a later offer of the same PeerConnection
		}
		r.unpublish(t)
	}
	t := newTrack(s, p.id, source, m)
	t.live.Store(p.live.Has(source))
	r.tracks[key] = t
	s.inMu.Lock()
	s.replace(t)
	if len(m.RIDs) == 0 { // announced SSRCs need no MID extension
		for i, ssrc := range m.SSRCs {
			if i == 0 || t.RTX != 0 {
				s.admit(&stream{ssrc: ssrc, layer: t.layers[0], rtx: i == 1})
			}
		}
	}
	s.inMu.Unlock()
	if t.live.Load() {
		r.wake(t)
	}
}

// replace makes t the session's track of its source. Its SSRCs go on if only the codec has changed, with their replay windows: what
// has been received once under these keys must not be taken again. Callers hold inMu.
func (s *session) replace(t *track) {
	s.tracks = slices.DeleteFunc(s.tracks, func(old *track) bool { return old.source == t.source })
	s.tracks = append(s.tracks, t)
	for ssrc, st := range s.streams {
		old := st.layer.track
		if old.source != t.source {
			continue
		}
		if st.layer = t.layerByRID(st.layer.rid); st.layer == nil || old.mid != t.mid {
			delete(s.streams, ssrc)
		}
	}
}

// addSlot makes a slot of an m-line, once, up to the limits; a later offer may only change its codecs. Callers hold Room.mu.
func (e *egress) addSlot(m *sdp.Media) {
	audio, video := e.byKind()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, sl := range e.slots {
		if sl.mid == m.MID {
			sl.negotiated(m.Formats)
			return
		}
	}
	index, limit := len(audio), MaxAudioSlots
	if m.Kind == "video" {
		index, limit = len(video), MaxVideoSlots
	}
	if index >= limit {
		return
	}
	sl := newSlot(m, m.Kind == "video", index)
	e.path.negotiated(m)
	e.slots = append(e.slots, sl)
	e.bySSRC[sl.ssrc] = sl
}

// list returns the slots. Callers hold Room.mu, under which alone slots are added.
func (e *egress) list() []*slot { return e.slots }

func (e *egress) byKind() (audio, video []*slot) {
	for _, sl := range e.slots {
		if sl.video {
			video = append(video, sl)
		} else {
			audio = append(audio, sl)
		}
	}
	return audio, video
}

// sendLines are the slots as an answer announces them, by mid.
func (e *egress) sendLines() map[string]sdp.SendLine {
	m := make(map[string]sdp.SendLine, len(e.slots))
	for _, sl := range e.slots {
		m[sl.mid] = sdp.SendLine{Index: sl.index, SSRC: sl.ssrc, RTX: sl.rtxSSRC, TWCC: sl.transportID}
	}
	return m
}
