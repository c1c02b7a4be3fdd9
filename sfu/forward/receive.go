package forward

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"conclave/sfu/allocation"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/overload"
	"conclave/sfu/rewrite"
	"conclave/sfu/rtpview"
	"conclave/sfu/sframe"
	"conclave/sfu/transport/srtp"
)

// PacketOverhead is what a forwarded packet takes beside its payload: headers of IPv4 and UDP, RTP header with CSRC and
// transport-wide sequence number, and the tag.
const PacketOverhead = 28 + 12 + 4 + 8 + 16

// ingress is the receiving half of a connection: what its peer publishes. receive takes mu, and all that it calls runs
// with mu held: media, learn, admit, encrypted and what they need.
type ingress struct {
	*link
	clock clock

	mu       sync.Mutex // held by the receiving worker for one packet; never across a system call
	tracks   []*Track   // at most one a source
	streams  map[uint32]*incoming
	rebinds  int
	windows  map[uint32]*srtp.Window // replay protection by SSRC, at most Limits.Streams + Limits.Rebinds of 152 bytes
	unproven srtp.Window             // of an SSRC that must prove itself first
	arrivals arrivals
	budget   int    // packets that may still come in this second
	heard    uint64 // authentic packets
}

// clock is a publisher's, by which its tracks are in time with each other.
type clock struct {
	id     uint64        // unique in the engine: a number, so that it keeps no publisher alive
	offset *atomic.Int64 // nanoseconds from it to ours, 0 until the first sender report
}

// packet is one media packet on its way through: decrypted, parsed, in its layer's numbering. Its payload lies in the
// receive buffer.
type packet struct {
	layer   *Layer
	payload []byte
	info    codec.Info
	in      rewrite.In
	arrived time.Time
	marker  bool
	newest  bool // none later has come of its layer
	resumes bool // the layer was left out before: numbering goes on here without a gap
	padding bool // no media: takes a sequence number, nothing else
	padded  byte // so many bytes of padding lie behind the payload
	sealed  bool // it begins a frame that is end-to-end encrypted, at at
	at      sframe.Position
}

func (g *ingress) init(l *link) {
	g.link = l
	g.clock = clock{id: l.engine.clocks.Add(1), offset: new(atomic.Int64)}
	g.streams = map[uint32]*incoming{}
	g.windows = map[uint32]*srtp.Window{}
	g.arrivals.ssrc = l.engine.ssrc
	g.budget = l.engine.limits.PacketsPerSecond
}

// receive opens one SRTP packet in place and fills p. ok is false when there is nothing to forward, for the reason why.
// late says that it has waited too long, were it video.
func (g *ingress) receive(data []byte, late bool, now time.Time, scratch *srtp.Scratch, p *packet) (why drop.Reason,
	ok bool) {
	ks := g.transport.Keys()
	if ks == nil {
		return drop.NotReady, false
	}
	v, err := rtpview.Parse(data)
	if err != nil {
		return drop.Malformed, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.budget <= 0 {
		return drop.OverLimit, false
	}
	g.budget--
	st := g.streams[v.SSRC]
	if st != nil && (late || g.engine.shed() >= overload.Pictures && st.unseen()) && st.leaveOut(now) {
		return drop.Late, false
	}
	fresh := st == nil
	if fresh { // an SSRC that was not announced: it must prove itself before anything is kept of it
		st = &incoming{ssrc: v.SSRC, window: g.window(v.SSRC)}
	}
	index := st.window.Index(v.Seq)
	if !st.window.Fresh(index) {
		return drop.Replay, false
	}
	n, err := ks.In.Open(data, v.HeaderLen(), v.SSRC, index, scratch)
	if err != nil {
		return drop.Auth, false
	}
	st.window.Mark(index)
	g.heard++
	if err := v.SetPayload(n); err != nil {
		return drop.Malformed, false
	}
	if fresh {
		if why, ok := g.learn(st, &v); !ok {
			return why, false
		}
	}
	g.recordArrival(st, &v, now)
	return g.media(st, &v, now, p)
}

// recordArrival notes the packet for transport-wide congestion control feedback, retransmissions and padding included.
func (g *ingress) recordArrival(st *incoming, v *rtpview.View, now time.Time) {
	ext := v.Extension(st.layer.track.extensions.TWCC)
	if len(ext) == 2 {
		g.arrivals.record(v.SSRC, binary.BigEndian.Uint16(ext), now)
	}
}

// media turns an authentic packet into the media packet it carries.
func (g *ingress) media(st *incoming, v *rtpview.View, now time.Time, p *packet) (drop.Reason, bool) {
	l := st.layer
	if want := l.track.payloadType(st.rtx); v.PT != want { // sent before the publisher knew the codec of the latest answer
		return drop.Malformed, false
	}
	padding := len(v.Payload()) == 0
	if st.rtx {
		if padding || !v.StripOSN() { // an RTX packet without payload is a probe
			return drop.Padding, false
		}
		padding = len(v.Payload()) == 0
	}
	r := &l.receive
	seq := r.seen.Index(v.Seq)
	if st.rtx {
		if _, seen := r.seen.Highest(); !seen {
			return drop.Duplicate, false // RTX of a stream never seen: its roll-over counter is unknown
		}
	}
	if !r.seen.Fresh(seq) {
		return drop.Duplicate, false
	}
	r.seen.Mark(seq)
	highest, _ := r.seen.Highest()
	l.accept(seq, v, seq == highest, now)
	gaveUp := false
	if r.resting { // what came before was left out unopened: it isn't missing
		r.nack.Skip(seq)
	} else {
		gaveUp = r.nack.Received(seq, now)
	}
	if l.track.Source.Video() {
		if gaveUp {
			l.wantKey.Store(true)
		}
		if seq == highest {
			r.nack.Newest(v.Marker || padding, now)
		}
	}
	l.track.observeLevel(v, now)
	*p = packet{layer: l, payload: v.Payload(), arrived: now, marker: v.Marker, newest: seq == highest, padding: padding,
		in: rewrite.In{Seq: seq, Timestamp: v.Timestamp}}
	if !l.track.live.Load() {
		return drop.Muted, false
	}
	if padding {
		return 0, true
	}
	info, err := codec.Parse(l.track.Codec, p.payload)
	if err != nil {
		return drop.Malformed, false
	}
	p.info = info
	l.receive.bytes[min(info.TID, allocation.MaxTemporal-1)] += uint64(len(p.payload) + PacketOverhead)
	p.in.PictureID, p.in.TL0PicIdx = info.PictureID, info.TL0PicIdx
	if !g.encrypted(l, p) {
		return drop.NotEncrypted, false
	}
	if l.track.Source.Video() {
		if info.KeyStart && p.newest {
			l.keyArrived(now)
			p.resumes, r.resting = r.resting, false
		}
		if r.resting {
			if len(l.outputs()) > 0 {
				l.wantKey.Store(true)
			}
			return drop.Resting, false
		}
		l.keep(p)
	}
	return 0, true
}

func (g *ingress) refill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget = g.engine.limits.PacketsPerSecond
	for _, t := range g.tracks {
		for _, l := range t.layers {
			l.receive.asks = audioAsksPerSecond
		}
	}
}

// takeFeedback returns the transport-wide feedback that is due to the publisher.
func (g *ingress) takeFeedback() []rtcp.Packet {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.arrivals.take()
}

// published returns what is published now.
func (g *ingress) published() []*Track {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Track(nil), g.tracks...)
}
