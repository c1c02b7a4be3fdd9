package forward

import (
	"time"

	"github.com/pion/rtcp"
)

// upstream is where a track comes from, and what can be asked there.
type upstream interface {
	// requestKeyFrame asks for a key frame of l. ok is false while that cannot be: nothing of it has come yet.
	requestKeyFrame(l *Layer) (ok bool)
	// askAgain asks for what is missing of l.
	askAgain(l *Layer, now time.Time)
	// tellWanted says which layers of t, by their RIDs, viewers want.
	tellWanted(t *Track, rids []string)
}

var _ upstream = (*ingress)(nil)

// KeyFrameInterval is how often a key frame is asked of one layer at most.
const KeyFrameInterval = 500 * time.Millisecond

// RequestKey asks the layer's upstream for a key frame, unless it has just been asked; then the next Repair does.
func (l *Layer) RequestKey(now time.Time) {
	l.keyMu.Lock()
	due := now.Sub(l.lastRequest) >= KeyFrameInterval
	if due {
		l.lastRequest = now
	}
	l.wantKey.Store(!due)
	l.keyMu.Unlock()
	if due && !l.track.upstream.requestKeyFrame(l) {
		l.wantKey.Store(true) // its first packet starts with a key frame, or is asked for one
	}
}

// Want tells the track's upstream which layers, by their RIDs, viewers want.
func (t *Track) Want(rids []string) { t.upstream.tellWanted(t, rids) }

func (g *ingress) requestKeyFrame(l *Layer) (ok bool) {
	ssrc, ok := g.ssrcOf(l)
	if ok {
		g.sendRTCP(&rtcp.PictureLossIndication{SenderSSRC: g.engine.ssrc, MediaSSRC: ssrc})
		g.engine.stats.keyFrameRequests.Add(1)
	}
	return ok
}

func (g *ingress) tellWanted(t *Track, rids []string) { g.owner.Wanted(t.Source, rids) }

// askAgain sends a NACK for what is missing of l.
func (g *ingress) askAgain(l *Layer, now time.Time) {
	if l.track.RTX == 0 {
		return
	}
	var buf [64]uint64
	rtt := time.Duration(g.rtt.Load())
	if rtt == 0 {
		rtt = 100 * time.Millisecond
	}
	g.mu.Lock()
	due, lost := l.receive.nack.Due(buf[:0], now, rtt)
	g.mu.Unlock()
	if lost && len(l.outputs()) > 0 {
		l.wantKey.Store(true)
	}
	if len(due) == 0 {
		return
	}
	ssrc, ok := g.ssrcOf(l)
	if !ok {
		return
	}
	seqs := make([]uint16, len(due))
	for i, seq := range due {
		seqs[i] = uint16(seq)
	}
	g.engine.stats.nacked.Add(uint64(len(seqs)))
	g.sendRTCP(&rtcp.TransportLayerNack{SenderSSRC: g.engine.ssrc, MediaSSRC: ssrc,
		Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
}
