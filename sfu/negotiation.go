package sfu

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/forward"
	"conclave/sfu/sdp"
)

// Negotiate answers an offer: the first, one with more slots, one with new ICE credentials (ICE restart), or one with
// another DTLS fingerprint, which replaces the PeerConnection. So does any after the connection has failed. A big offer
// takes a millisecond of CPU: call it from the participant's own goroutine, not from an actor. Errors that are the
// client's fault wrap ErrBadOffer; nothing has changed then.
func (p *Peer) Negotiate(ctx context.Context, offer string, tracks []media.Track) (string, error) {
	o, err := sdp.Parse(offer)
	if err != nil {
		return "", err
	}
	if p.room.cfg.RequireSFrame {
		o.Drop(codec.H264) // its packetiser cuts a frame at what encryption hides
	}
	sources, err := o.Sources(tracks)
	if err != nil {
		return "", err
	}
	if p.room.cfg.PrivateAudio {
		o.DropAudioLevels()
	}
	p.negMu.Lock()
	defer p.negMu.Unlock()
	if err := ctx.Err(); err != nil { // another offer took that long
		return "", err //nolint:wrapcheck // the caller's own
	}
	old, err := p.current()
	if err != nil {
		return "", err
	}
	c := old
	if old == nil || old.fingerprint != o.Fingerprint || old.Transport().Failed() {
		c = p.newConnection(o.Fingerprint)
		if old != nil {
			c.Egress().Follow(old.Egress())
		}
	}
	if err := o.SameOrder(c.lines); err != nil {
		return "", err
	}
	c.lines = o.Lines()
	if c.ufrag != o.Ufrag || c.pwd != o.Pwd {
		c.localUfrag, c.localPwd = c.Transport().Negotiate(o.Ufrag, o.Pwd)
		c.ufrag, c.pwd, c.fingerprint = o.Ufrag, o.Pwd, o.Fingerprint
	}
	c.TakesReducedSize(o.ReducedSize())
	if err := p.install(c, old, o, sources); err != nil {
		return "", err
	}
	slots := c.sendLines()
	p.warn(o.Warnings(sources, slots))
	p.version++
	network := p.room.server.network
	answer := sdp.Answer{
		Ufrag: c.localUfrag, Pwd: c.localPwd, Fingerprint: network.Fingerprint(), Candidates: network.Candidates(),
		TCP: network.TCPCandidates(), SessionID: c.sdpID, Version: p.version, Send: slots, Sources: sources,
	}
	return answer.Write(o), nil
}

// warn tells the meeting what of an offer is lost.
func (p *Peer) warn(warnings []media.Warning) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(warnings) > 0 && !p.closed {
		r.tell(media.Event{Kind: media.EventWarnings, Participant: p.id, Warnings: warnings})
	}
}

// current is the peer's connection, once what is desired of it has been applied: it may not have been let in.
func (p *Peer) current() (*connection, error) {
	for p.room.settle(time.Now()) { // what others desire takes more than one turn
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	return p.connection, nil
}

// connected runs once the handshake is done: what was waiting can flow.
func (p *Peer) connected(c *connection) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.closed || p.connection != c {
		return
	}
	r.tell(media.Event{Kind: media.EventConnected, Participant: p.id})
	r.audioDirty(p)
	r.videoDirty(p)
	c.Egress().Release() // slots that were given tracks before the keys were there have missed the key frame
	r.soon()
}

// install makes c, with the m-lines of o, the peer's connection.
func (p *Peer) install(c, old *connection, o *sdp.Offer, sources map[string]media.Source) error {
	r := p.room
	r.mu.Lock()
	if p.closed {
		r.mu.Unlock()
		c.Transport().Close()
		return ErrClosed
	}
	if old != nil && old != c {
		r.retire(old)
	}
	if p.connection == c {
		r.countSlots(c, -1)
	}
	p.connection = c
	for i := range o.Media {
		m := &o.Media[i]
		source, sends := sources[m.MID]
		switch {
		case sends && !m.Rejected && m.Mux && len(m.Formats) > 0:
			r.publish(p, source, m)
		case !sends && m.CanSlot():
			c.Egress().AddSlot(&forward.SlotConfig{MID: m.MID, Video: m.Kind == "video", Formats: formatsOf(m),
				TWCC: m.Extensions.TWCC, REMB: m.REMB})
		}
	}
	c.sortSlots()
	r.countSlots(c, 1)
	r.audioDirty(p)
	r.videoDirty(p)
	r.soon()
	r.mu.Unlock()
	if old != nil && old != c {
		old.Transport().Close()
	}
	return nil
}

// publish makes the track for an m-line the peer sends on, once.
func (r *state) publish(p *Peer, source media.Source, m *sdp.Media) {
	c := p.connection
	if t := r.tracks[trackKey{p.id, source}]; t != nil {
		if t.From(c.Connection) && t.MID == m.MID && t.Format == m.Formats[0].Format {
			return // a later offer of the same PeerConnection
		}
		r.unpublish(t)
	}
	t := newTrack(c, &forward.TrackConfig{Owner: p.id, Source: source, MID: m.MID, Format: m.Formats[0].Format,
		Extensions: m.Extensions, RIDs: m.RIDs, RequireSFrame: r.room.cfg.RequireSFrame})
	r.tracks[t.key()] = t
	r.room.published.Add(1)
	c.replace(t)
	var ssrcs []uint32
	if len(m.RIDs) == 0 {
		ssrcs = m.SSRCs
	}
	c.Publish(t.Track, ssrcs)
	r.switchTrack(t, p.live.Has(source))
	r.demanded(t)
	r.wake(t)
}

func formatsOf(m *sdp.Media) []codec.Format {
	formats := make([]codec.Format, len(m.Formats))
	for i, f := range m.Formats {
		formats[i] = f.Format
	}
	return formats
}

// sendLines are the slots as an answer announces them, by mid.
func (c *connection) sendLines() map[string]sdp.SendLine {
	lines := map[string]sdp.SendLine{}
	for _, s := range c.Egress().Slots() {
		line := sdp.SendLine{Index: s.Index}
		line.SSRC, line.RTX, line.TWCC = s.SSRCs()
		lines[s.MID] = line
	}
	return lines
}

// random32 is for session ids (RFC 8866 §5.2).
func random32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.BigEndian.Uint32(b[:])
}
