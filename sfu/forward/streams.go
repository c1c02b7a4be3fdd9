package forward

import (
	"slices"

	"conclave/sfu/drop"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport/srtp"
)

// incoming is one SSRC received.
type incoming struct {
	ssrc   uint32
	layer  *Layer
	rtx    bool
	window *srtp.Window // replay protection, for as long as the keys live
}

// Publish adds a track of what the connection's peer sends, in place of the one of its source. ssrcs are those
// announced, the media's and its RTX's; without simulcast they need no MID extension. SSRCs go on if only the codec has
// changed, with their replay windows: what has been received once under these keys must not be taken again.
func (c *Connection) Publish(t *Track, ssrcs []uint32) {
	t.upstream, t.clock = &c.in, c.in.clock
	c.in.publish(t, ssrcs)
}

func (g *ingress) publish(t *Track, ssrcs []uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tracks = slices.DeleteFunc(g.tracks, func(old *Track) bool { return old.Source == t.Source })
	g.tracks = append(g.tracks, t)
	for ssrc, st := range g.streams {
		old := st.layer.track
		if old.Source != t.Source {
			continue
		}
		if st.layer = t.layerByRID(st.layer.RID); st.layer == nil || old.MID != t.MID {
			delete(g.streams, ssrc)
		}
	}
	for i, ssrc := range ssrcs {
		if i == 0 || t.RTX != 0 {
			g.admit(&incoming{ssrc: ssrc, layer: t.layers[0], rtx: i == 1})
		}
	}
}

// learn finds out which layer a new SSRC belongs to by its MID, RID and repaired RID extensions (RFC 8843 §9.2, RFC
// 8852), and takes it in. The packet is authentic.
func (g *ingress) learn(st *incoming, v *rtpview.View) (drop.Reason, bool) {
	for _, t := range g.tracks {
		if mid := v.Extension(t.extensions.MID); mid == nil || string(mid) != t.MID {
			continue
		}
		rid, isRTX := v.Extension(t.extensions.RID), false
		if repaired := v.Extension(t.extensions.RepairedRID); repaired != nil {
			rid, isRTX = repaired, true
		} else if v.PT == t.RTX && t.RTX != 0 {
			isRTX = true
		}
		l := t.layers[0]
		if len(t.layers) > 1 || l.RID != "" {
			l = t.layerByRID(string(rid))
		}
		if l == nil || (!isRTX && v.PT != t.PT) {
			return drop.UnknownSSRC, false
		}
		st.layer, st.rtx = l, isRTX
		return g.admit(st)
	}
	return drop.UnknownSSRC, false
}

// admit adds a stream, replacing the one its layer had before.
func (g *ingress) admit(st *incoming) (drop.Reason, bool) {
	for ssrc, old := range g.streams {
		if old.layer == st.layer && old.rtx == st.rtx {
			if g.rebinds++; g.rebinds > g.engine.limits.Rebinds {
				return drop.OverLimit, false
			}
			delete(g.streams, ssrc)
			if !st.rtx { // a new numbering begins
				st.layer.reset()
			}
		}
	}
	if len(g.streams) >= g.engine.limits.Streams || !g.keepWindow(st) {
		return drop.OverLimit, false
	}
	g.streams[st.ssrc] = st
	return 0, true
}

// window is the replay window of an SSRC that is not received at the moment. One that came and went does not begin
// anew: what was recorded then would pass.
func (g *ingress) window(ssrc uint32) *srtp.Window {
	if w := g.windows[ssrc]; w != nil {
		return w
	}
	g.unproven = srtp.Window{}
	return &g.unproven
}

// keepWindow keeps a stream's replay window for as long as the keys live. ok is false if there are too many.
func (g *ingress) keepWindow(st *incoming) (ok bool) {
	w := g.windows[st.ssrc]
	if w == nil {
		if len(g.windows) >= g.engine.limits.Streams+g.engine.limits.Rebinds {
			return false
		}
		w = new(srtp.Window)
		if st.window != nil { // its first packet has been marked
			*w = *st.window
		}
		g.windows[st.ssrc] = w
	}
	st.window = w
	return true
}

// ssrcOf returns the SSRC of l's media, if it has come.
func (g *ingress) ssrcOf(l *Layer) (uint32, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for ssrc, st := range g.streams {
		if st.layer == l && !st.rtx {
			return ssrc, true
		}
	}
	return 0, false
}
