package sfu

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor/pkg/twcc"

	"conclave/sfu/allocation"
	"conclave/sfu/codec"
	"conclave/sfu/drop"
	"conclave/sfu/history"
	"conclave/sfu/rewrite"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport"
	"conclave/sfu/transport/srtp"
)

const (
	// maxStreams bounds the SSRCs of one session: three layers and their RTX of two video sources, two audio sources.
	maxStreams = 2*2*maxLayers + 2
	// maxRebinds bounds how often a source may come with a new SSRC: browsers do so when they re-create a sender.
	maxRebinds = 256
	// publishPacketsPerSecond is what one peer may send, all sources and retransmissions together: four times a 1080p
	// screen with a 3-layer camera. Beyond, packets are dropped unopened.
	publishPacketsPerSecond = 4000
)

// session is one PeerConnection of a peer: a transport, what is received over it and what is sent. A new DTLS fingerprint
// makes a new session on the same seat.
type session struct {
	server    *Server
	room      *Room
	peer      *Peer
	transport *transport.Transport
	egress    egress
	serial    uint64 // unique in the server

	// what was negotiated last, guarded by Peer.negMu
	ufrag, pwd, fingerprint string
	localUfrag, localPwd    string
	sdpID                   uint64

	inMu      sync.Mutex // held by the receiving worker for one packet; never across a system call
	tracks    []*track
	streams   map[uint32]*stream
	rebinds   int
	feedback  *twcc.Recorder // transport-wide congestion control feedback to the publisher
	fbPending bool
	ntpOffset atomic.Int64 // nanoseconds from the publisher's clock to ours, 0 until its first sender report
	rtt       atomic.Int64 // nanoseconds, 0 unknown
	health    health
	budget    int // packets that may still come in this second, guarded by inMu
}

// packet is one media packet on its way through: decrypted, parsed, in its layer's numbering. Its payload lies in the receive buffer.
type packet struct {
	layer   *layer
	payload []byte
	info    codec.Info
	in      rewrite.In
	arrived time.Time
	marker  bool
	newest  bool // none later has come of its layer
	padding bool // no media: takes a sequence number, nothing else
}

// receiveRTP opens one SRTP packet in place and fills p. ok is false when there is nothing to forward, for reason drop.
func (s *session) receiveRTP(data []byte, now time.Time, nonce *srtp.Nonce, p *packet) (why drop.Reason, ok bool) {
	ks := s.transport.Keys()
	if ks == nil {
		return drop.NotReady, false
	}
	v, err := rtpview.Parse(data)
	if err != nil {
		return drop.Malformed, false
	}
	s.inMu.Lock()
	defer s.inMu.Unlock()
	if s.budget <= 0 {
		return drop.OverLimit, false
	}
	s.budget--
	st := s.streams[v.SSRC]
	fresh := st == nil
	if fresh { // an SSRC nobody announced: it must prove itself before anything is kept of it
		st = &stream{ssrc: v.SSRC}
	}
	index := st.window.Index(v.Seq)
	if !st.window.Fresh(index) {
		return drop.Replay, false
	}
	n, err := ks.In.Open(data, v.HeaderLen(), v.SSRC, index, nonce)
	if err != nil {
		return drop.Auth, false
	}
	st.window.Mark(index)
	if err := v.SetPayload(n); err != nil {
		return drop.Malformed, false
	}
	if fresh {
		if why, ok := s.learn(st, &v); !ok {
			return why, false
		}
	}
	s.recordArrival(st, &v, now)
	return s.media(st, &v, now, p)
}

// recordArrival notes the packet for transport-wide congestion control feedback, retransmissions and padding included.
func (s *session) recordArrival(st *stream, v *rtpview.View, now time.Time) {
	ext := v.Extension(st.layer.track.exts.TWCC)
	if len(ext) != 2 {
		return
	}
	s.feedback.Record(v.SSRC, binary.BigEndian.Uint16(ext), now.UnixMicro())
	s.fbPending = true
}

// media turns an authentic packet into the media packet it carries. Callers hold inMu.
func (s *session) media(st *stream, v *rtpview.View, now time.Time, p *packet) (drop.Reason, bool) {
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
	l.accept(seq, v, now)
	if l.track.source.Video() && r.nack.Received(seq, now) {
		l.wantKey.Store(true)
	}
	s.observeLevel(l.track, v, now)
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
	l.receive.bytes[min(info.TID, allocation.MaxTemporal-1)] += uint64(len(p.payload) + packetOverhead)
	p.in.PictureID, p.in.TL0PicIdx = info.PictureID, info.TL0PicIdx
	if !s.encrypted(l, p) {
		return drop.NotEncrypted, false
	}
	if l.track.source.Video() {
		l.keep(p)
	}
	return 0, true
}

// keep puts the packet into the layer's history.
func (l *layer) keep(p *packet) {
	if p.info.Height != 0 {
		l.height.Store(int32(p.info.Height))
	}
	l.histMu.Lock()
	defer l.histMu.Unlock()
	if l.ended {
		return
	}
	if l.hist == nil {
		l.hist = history.New(historyBytes)
	}
	l.hist.Add(history.Meta{Seq: p.in.Seq, Timestamp: p.in.Timestamp, Marker: p.marker, KeyStart: p.info.KeyStart}, p.payload)
}

// fromHistory finds a packet by the low half of its sequence number. Callers hold histMu.
func (l *layer) fromHistory(low uint32) (history.Meta, []byte, bool) {
	if l.hist == nil {
		return history.Meta{}, nil, false
	}
	return l.hist.Get(uint64(low)) // a layer that sends 2^32 packets runs for a month; meetings do not
}

func (s *session) observeLevel(t *track, v *rtpview.View, now time.Time) {
	if t.source.Video() || t.exts.AudioLevel == 0 {
		return
	}
	ext := v.Extension(t.exts.AudioLevel)
	if len(ext) != 1 {
		return
	}
	t.levelMu.Lock()
	t.level.Observe(ext[0]&0x7f, now)
	t.levelMu.Unlock()
}

// learn finds out which layer a new SSRC belongs to by its MID, RID and repaired RID extensions (RFC 8843 §9.2, RFC 8852), and
// takes it in. The packet is authentic. Callers hold inMu.
func (s *session) learn(st *stream, v *rtpview.View) (drop.Reason, bool) {
	for _, t := range s.tracks {
		if mid := v.Extension(t.exts.MID); mid == nil || string(mid) != t.mid {
			continue
		}
		rid, isRTX := v.Extension(t.exts.RID), false
		if rrid := v.Extension(t.exts.RepairedRID); rrid != nil {
			rid, isRTX = rrid, true
		} else if v.PT == t.RTX && t.RTX != 0 {
			isRTX = true
		}
		l := t.layers[0]
		if len(t.layers) > 1 || l.rid != "" {
			l = t.layerByRID(string(rid))
		}
		if l == nil || (!isRTX && v.PT != t.PT) {
			return drop.UnknownSSRC, false
		}
		st.layer, st.rtx = l, isRTX
		return s.admit(st)
	}
	return drop.UnknownSSRC, false
}

// admit adds a stream, replacing the one its layer had before. Callers hold inMu.
func (s *session) admit(st *stream) (drop.Reason, bool) {
	for ssrc, old := range s.streams {
		if old.layer == st.layer && old.rtx == st.rtx {
			if s.rebinds++; s.rebinds > maxRebinds {
				return drop.OverLimit, false
			}
			delete(s.streams, ssrc)
			if !st.rtx { // a new numbering begins
				st.layer.reset()
			}
		}
	}
	if len(s.streams) >= maxStreams {
		return drop.OverLimit, false
	}
	s.streams[st.ssrc] = st
	return 0, true
}

// reset forgets the numbering of a layer whose SSRC has changed. Its outputs start anew at a key frame.
func (l *layer) reset() {
	l.receive = receiveState{}
	l.sr.Store(nil)
	if l.encryption != nil {
		l.encryption.checker.Renumber()
	}
	l.restart()
	l.wantKey.Store(true)
}

// restart forgets what is kept of a layer and has its outputs start anew at a key frame. Callers hold inMu.
func (l *layer) restart() {
	l.histMu.Lock()
	l.hist = nil
	l.histMu.Unlock()
	for _, o := range l.outputs() {
		o.egress.restart(o)
	}
}

// restart makes a slot wait for o's next key frame as if it had just been assigned.
func (e *egress) restart(o *output) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o.slot.cur == o {
		o.slot.cur, o.slot.next = nil, o
		e.hasPending.Store(true)
		e.session.room.attention.Store(true)
	}
}
