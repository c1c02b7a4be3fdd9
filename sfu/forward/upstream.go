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
	// levelChanged says that t has a level that has not been taken.
	levelChanged(t *Track)
	// tellWanted says which layers of t, by their RIDs, viewers want.
	tellWanted(t *Track, rids []string)
	// keyFrameEvery is how often a key frame of one layer may be asked for.
	keyFrameEvery() time.Duration
}

var _ upstream = (*ingress)(nil)

// KeyFrameInterval is how often a key frame is asked of one layer at most.
const KeyFrameInterval = 500 * time.Millisecond

// RequestKey asks the layer's upstream for a key frame, unless it has just been asked; then the next Repair does.
func (l *Layer) RequestKey(now time.Time) {
	l.keyMu.Lock()
	due := now.Sub(l.lastRequest) >= l.track.upstream.keyFrameEvery()
	if due {
		l.lastRequest = now
	}
	l.wantKey.Store(!due)
	l.keyMu.Unlock()
	if due && !l.track.upstream.requestKeyFrame(l) {
		l.wantKey.Store(true) // its first packet starts with a key frame, or is asked for one
	}
}

// keyArrived takes back what was asked before: the key frame answers all who wanted one. Should it arrive broken, it is
// asked for again.
func (l *Layer) keyArrived(now time.Time) {
	l.keyAt.Store(now.UnixNano())
	l.wantKey.Store(false)
}

// keyUnderWay says whether a viewer that asks for a key frame at now can't have seen the latest yet. The viewer asks
// again should it not arrive.
func (l *Layer) keyUnderWay(now time.Time, rtt time.Duration) bool {
	at := l.keyAt.Load()
	return at != 0 && now.UnixNano()-at < int64(rtt+holdMost)
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

func (g *ingress) keyFrameEvery() time.Duration { return g.engine.keyFrameEvery() }
func (g *ingress) levelChanged(t *Track)        { g.owner.LevelChanged(t) }

func (g *ingress) tellWanted(t *Track, rids []string) { g.owner.Wanted(t.Source, rids) }

// audioAsksPerSecond is how many packets of an audio stream are asked for at most, repeated requests included. Each
// request is sent twice, so that four tenths of what Opus sends is sent again at most. Where more is lost the path is
// too narrow, and retransmissions would make it narrower.
const audioAsksPerSecond = 40

// askAgain sends a NACK for what is missing of l. Video comes again as RTX; audio, for which browsers offer none, as
// the same packet once more.
func (g *ingress) askAgain(l *Layer, now time.Time) {
	audio := !l.track.Source.Video()
	if !audio && l.track.RTX == 0 {
		return
	}
	due, lost := g.missing(l, now)
	if lost && !audio && len(l.outputs()) > 0 {
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

// missing lists what is to be asked for of l now. Of audio that is what viewers wait for, within its budget.
func (g *ingress) missing(l *Layer, now time.Time) (due []uint64, lost bool) {
	const most = 64
	rtt := time.Duration(g.rtt.Load())
	if rtt == 0 {
		rtt = 100 * time.Millisecond
	}
	wanted := l.track.live.Load() && len(l.outputs()) > 0
	g.mu.Lock()
	defer g.mu.Unlock()
	r := &l.receive
	limit := most
	if r.nack.Audio {
		limit = min(most, r.asks)
		if !wanted {
			limit = 0
		}
	}
	if !r.nack.Any() {
		return nil, false
	}
	due, lost = r.nack.Due(make([]uint64, 0, limit), now, rtt)
	r.asks -= len(due)
	return due, lost
}
