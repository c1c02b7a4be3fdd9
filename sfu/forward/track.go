package forward

import (
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/sfu/audiorank"
	"conclave/sfu/codec"
	"conclave/sfu/rtpview"
)

// TrackConfig describes what a publisher sends of one source.
type TrackConfig struct {
	Owner         media.ParticipantID
	Source        media.Source
	MID           string
	Format        codec.Format
	Extensions    rtpview.Extensions
	RIDs          []string // of its layers, lowest first; empty: one, without a RID
	RequireSFrame bool     // forward nothing but SFrame (RFC 9605)
}

// Track is one published source of one upstream. The exported fields never change. Safe for concurrent use.
type Track struct {
	Owner  media.ParticipantID
	Source media.Source
	MID    string
	codec.Format
	extensions rtpview.Extensions
	layers     []*Layer // lowest first; never changes
	upstream   upstream
	clock      clock

	live    atomic.Bool   // the meeting permits it and its owner has switched it on
	refused atomic.Bool   // its publisher has been told that it is not encrypted
	inUse   atomic.Uint32 // the epoch that its frames are sealed under, plus one; 0: not known

	levelMu sync.Mutex // audio: written per packet, taken by the ranking every 20 ms
	level   audiorank.Level
	unheard bool // the upstream has been told of a level that has not been taken
}

// NewTrack makes a track that is not live. Connection.Publish gives it its upstream.
func NewTrack(cfg *TrackConfig) *Track {
	t := &Track{Owner: cfg.Owner, Source: cfg.Source, MID: cfg.MID, Format: cfg.Format, extensions: cfg.Extensions}
	rids := cfg.RIDs
	if len(rids) == 0 || !cfg.Source.Video() {
		rids = []string{""}
	}
	for i, rid := range rids {
		l := &Layer{RID: rid, track: t, index: i}
		if cfg.RequireSFrame {
			l.encryption = &encryption{}
		}
		t.layers = append(t.layers, l)
	}
	return t
}

// Layers are the encodings, lowest first: 1 to 3. The slice must not be changed.
func (t *Track) Layers() []*Layer { return t.layers }

// Live says whether the track may be forwarded.
func (t *Track) Live() bool { return t.live.Load() }

// SetLive has the track forwarded or not. Slots that carry it are not freed: see Free.
func (t *Track) SetLive(live bool) { t.live.Store(live) }

// From says whether c is the track's upstream.
func (t *Track) From(c *Connection) bool { return t.upstream == upstream(&c.in) }

// Free takes the track out of every slot that carries or awaits it, and returns whose those were. When it returns, no
// packet of the track is forwarded but those that a worker is just handing to the kernel. It costs O(those slots).
func (t *Track) Free() (viewers []media.ParticipantID) {
	for _, l := range t.layers {
		for _, o := range l.takeOutputs() {
			if o.slot.releaseOf(t) {
				viewers = append(viewers, o.slot.egress.viewer)
			}
		}
	}
	return viewers
}

// TakeLevel returns how loud the track is. Owner.LevelChanged is called when it has changed since.
func (t *Track) TakeLevel() audiorank.Level {
	t.levelMu.Lock()
	defer t.levelMu.Unlock()
	t.unheard = false
	return t.level
}

// observeLevel notes the audio level that the packet says it has (RFC 6464).
func (t *Track) observeLevel(v *rtpview.View, now time.Time) {
	if t.Source.Video() || t.extensions.AudioLevel == 0 {
		return
	}
	ext := v.Extension(t.extensions.AudioLevel)
	if len(ext) != 1 {
		return
	}
	t.Observe(ext[0]&0x7f, now)
}

// Observe notes how loud a packet of the track is, in -dBov.
func (t *Track) Observe(level uint8, now time.Time) {
	t.levelMu.Lock()
	t.level.Observe(level, now)
	news := !t.unheard && t.live.Load()
	if news {
		t.unheard = true
	}
	t.levelMu.Unlock()
	if news {
		t.upstream.levelChanged(t)
	}
}

// discard drops the payloads kept, even while the track is referenced.
func (t *Track) discard() {
	for _, l := range t.layers {
		l.histMu.Lock()
		l.hist, l.ended = nil, true
		l.histMu.Unlock()
	}
}

// payloadType is what the track's packets have, or their retransmissions.
func (t *Track) payloadType(rtx bool) uint8 {
	if rtx {
		return t.RTX
	}
	return t.PT
}

// clockRate is in Hz (RFC 7587 §4.1, RFC 7741 §4.1).
func (t *Track) clockRate() uint32 {
	if t.Source.Video() {
		return 90000
	}
	return 48000
}

func (t *Track) layerByRID(rid string) *Layer {
	for _, l := range t.layers {
		if l.RID == rid {
			return l
		}
	}
	return nil
}
