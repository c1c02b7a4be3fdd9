package sfu

import (
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/allocation"
	"conclave/sfu/audiorank"
	"conclave/sfu/codec"
	"conclave/sfu/history"
	"conclave/sfu/nack"
	"conclave/sfu/rtpview"
	"conclave/sfu/sdp"
	"conclave/sfu/transport/srtp"
)

// historyBytes is how much of each video layer is kept for NACKs and key-frame starts: two seconds of 1 Mbit/s.
const historyBytes = 256 << 10

// layerIdle is after how long without a packet a layer counts as not being sent: browsers stop encodings for lack of
// bandwidth or because nobody wants them.
const layerIdle = 1500 * time.Millisecond

// track is one published source of one session.
type track struct {
	session *session
	owner   media.ParticipantID
	source  media.Source
	mid     string
	codec.Format
	exts   rtpview.Extensions
	layers []*layer // lowest first; never changes

	refused atomic.Bool // its publisher has been told that it is not encrypted

	live atomic.Bool // the meeting permits it and the person has switched it on

	levelMu sync.Mutex // audio: written per packet, read by the ranking every 20 ms
	level   audiorank.Level

	encode encodeState // guarded by Room.mu
}

// layer is one encoding of a track: one SSRC and its RTX SSRC.
type layer struct {
	track *track
	index int
	rid   string // empty without simulcast
	outs  atomic.Pointer[[]*output]

	meter allocation.Meter // guarded by Room.mu

	height     atomic.Int32 // from the latest key frame, 0 while unknown
	lastPacket atomic.Int64 // unix nanoseconds, 0 before the first
	sr         atomic.Pointer[senderReport]

	histMu sync.Mutex
	hist   *history.History // video only, made with the first packet
	ended  bool             // and not made again

	keyMu   sync.Mutex
	lastPLI time.Time
	wantKey atomic.Bool

	receive    receiveState // guarded by session.inMu
	encryption *encryption  // nil in rooms without end-to-end encryption
}

// receiveState is what the receiving worker keeps of a layer.
type receiveState struct {
	seen    srtp.Window // of media packets, however they came: repeats are dropped here
	nack    nack.Tracker
	packets uint64
	bytes   [allocation.MaxTemporal]uint64 // that forwarding it takes, by temporal layer
	first   uint64
	any     bool

	// for receiver reports (RFC 3550 §6.4.1, appendix A)
	reportedExpected, reportedReceived uint64
	jitter                             float64
	lastTransit                        float64
}

// stream is one SSRC received from a peer.
type stream struct {
	ssrc   uint32
	layer  *layer
	rtx    bool
	window srtp.Window // replay protection
}

// senderReport maps a layer's RTP timestamps to its publisher's clock.
type senderReport struct {
	ntp       time.Duration // since 1900
	timestamp uint32
	arrived   time.Time
}

func newTrack(s *session, owner media.ParticipantID, source media.Source, m *sdp.Media) *track {
	t := &track{session: s, owner: owner, source: source, mid: m.MID, Format: m.Formats[0].Format, exts: m.Extensions}
	names := m.RIDs
	if len(names) == 0 || !source.Video() {
		names = []string{""}
	}
	for i, rid := range names {
		l := &layer{track: t, index: i, rid: rid}
		if s.room.sframe {
			l.encryption = &encryption{}
		}
		t.layers = append(t.layers, l)
	}
	t.encode.reported = 1<<len(t.layers) - 1
	return t
}

// discard lets go of the payloads kept, whoever may still hold the track for a moment.
func (t *track) discard() {
	for _, l := range t.layers {
		l.histMu.Lock()
		l.hist, l.ended = nil, true
		l.histMu.Unlock()
	}
}

// payloadType is what the track's packets have, or their retransmissions.
func (t *track) payloadType(rtx bool) uint8 {
	if rtx {
		return t.RTX
	}
	return t.PT
}

// clockRate is in Hz (RFC 7587 §4.1, RFC 7741 §4.1).
func (t *track) clockRate() uint32 {
	if t.source.Video() {
		return 90000
	}
	return 48000
}

func (t *track) layerByRID(rid string) *layer {
	for _, l := range t.layers {
		if l.rid == rid {
			return l
		}
	}
	return nil
}

// active says whether packets of l have been arriving lately.
func (l *layer) active(now time.Time) bool {
	last := l.lastPacket.Load()
	return last != 0 && now.UnixNano()-last < int64(layerIdle)
}

// guessHeight is l's height, or what it is by the usual quarter, half, full, while no key frame has told.
func (l *layer) guessHeight() int {
	if h := l.height.Load(); h != 0 {
		return int(h)
	}
	return 720 >> (len(l.track.layers) - 1 - l.index)
}

func (l *layer) outputs() []*output {
	if p := l.outs.Load(); p != nil {
		return *p
	}
	return nil
}

// addOutput and removeOutput publish a new table; the receiving worker reads whichever is current. Callers hold Room.mu.
func (l *layer) addOutput(o *output) {
	old := l.outputs()
	table := make([]*output, len(old), len(old)+1)
	copy(table, old)
	table = append(table, o)
	l.outs.Store(&table)
}

func (l *layer) removeOutput(o *output) {
	old := l.outputs()
	table := make([]*output, 0, len(old))
	for _, x := range old {
		if x != o {
			table = append(table, x)
		}
	}
	l.outs.Store(&table)
}

// accept is called once for each authentic media packet that is not a repeat: it keeps the statistics.
func (l *layer) accept(seq uint64, v *rtpview.View, now time.Time) {
	r := &l.receive
	if !r.any {
		r.any, r.first = true, seq
	}
	r.packets++
	// Interarrival jitter, RFC 3550 appendix A.8.
	transit := float64(now.UnixMicro())*float64(l.track.clockRate())/1e6 - float64(v.Timestamp)
	if d := transit - r.lastTransit; r.lastTransit != 0 && d < 1e6 && d > -1e6 {
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.lastTransit = transit
	l.lastPacket.Store(now.UnixNano())
}

// captured is when the packet with the given timestamp was captured, by its publisher's clock; ok is false before the first
// sender report.
func (l *layer) captured(timestamp uint32) (at time.Duration, ok bool) {
	sr := l.sr.Load()
	if sr == nil {
		return 0, false
	}
	diff := int64(int32(timestamp - sr.timestamp))
	return sr.ntp + time.Duration(diff)*time.Second/time.Duration(l.track.clockRate()), true
}
