// Package publish sends a bot's tracks: it plays a clip as RTP, in as many encodings as the server wants, and answers
// NACK and PLI. It has no clock and no socket of its own: Run takes the time, Config.Send the packets.
package publish

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/srtp/v3"

	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/payload"
	"conclave/bots/wire"
	"conclave/e2ee/sframe"
	"conclave/protocol"
)

const (
	// historySize is how many packets of an encoding of video can be sent again: above 3 s of the largest layer.
	historySize = 512
	// audioHistory is how many packets of a voice: over a second.
	audioHistory = 64
	// audioAgain is the least time between two repeats of a packet of a voice. Browsers take the round trip.
	audioAgain = 40 * time.Millisecond
)

// Extensions are the negotiated one-byte header extension ids of an m-line; 0 is not negotiated.
type Extensions struct {
	MID, RID, RRID, AudioLevel, TWCC uint8
}

// Track is what one m-line publishes.
type Track struct {
	Source     protocol.Source
	MID        string
	Extensions Extensions
	Payload    uint8
	RTX        uint8 // payload type of retransmissions; 0: none
	Encodings  []Encoding
}

// Encoding is one RTP stream of a track: what it is called, and what it plays over and over, a picture or a voice.
type Encoding struct {
	RID     string
	SSRC    uint32
	RTXSSRC uint32
	Video   *clip.Video // nil for a voice
	Audio   *clip.Audio // nil for a picture
}

// track is a track that is being sent. Owned by the publisher's mutex.
type track struct {
	Track
	streams []*stream
	live    bool // switched on
}

// stream is one RTP stream that is being sent. Owned by the publisher's mutex.
type stream struct {
	Encoding
	next         int // frame or packet of the clip
	active       bool
	seq, rtxSeq  uint16
	timestamp    uint32 // of the clip's time zero
	lastTS       uint32
	packetizer   payload.Packetizer
	acknowledged bool // a receiver report named it: MID and RID need not be repeated (RFC 8852 §3.1)
	history      []kept
	packets      uint64 // as counted in sender reports
	octets       uint32

	pause int // packets since the person stopped speaking

	stats Stats
}

// kept is a packet that can be sent again.
type kept struct {
	data  []byte    // of video in clear, because RTX numbers it anew; of a voice as it was sent
	again time.Time // when it was last sent again
}

// Stats counts one RTP stream that a bot sent.
type Stats struct {
	Source       string `json:"source"`
	RID          string `json:"rid,omitempty"`
	Packets      uint64 `json:"packets"`
	Bytes        uint64 `json:"bytes"` // of RTP datagrams, the AEAD tag included
	KeyFrames    uint64 `json:"key_frames"`
	PLIs         uint64 `json:"plis"`        // key frames asked for
	NACKed       uint64 `json:"nacked"`      // packets asked for again
	RTXPackets   uint64 `json:"rtx_packets"` // packets sent again
	ReportedLost int64  `json:"reported_lost"`
}

// Config says how a publisher reaches the server.
type Config struct {
	// Send sends one datagram; it must not keep it.
	Send func([]byte)
	// Lag hears how late media was sent.
	Lag *measure.Lag
	// Clock is this machine's: stamps are made in the common one.
	Clock measure.Clock
	// Sealer encrypts frames; nil in a meeting without end-to-end encryption.
	Sealer *sframe.Sealer
	// Speaks says whether the person speaks at a time; nil: always. In a pause the microphone sends what Opus sends in
	// silence (DTX): a packet every 400 ms.
	Speaks func(time.Time) bool
}

// Publisher sends a bot's tracks. Safe for concurrent use.
type Publisher struct {
	Config

	mu      sync.Mutex
	now     time.Time // when Run was last called
	srtp    *srtp.Context
	tracks  []*track
	bySSRC  map[uint32]*stream
	twccSeq uint16
	start   time.Time
	plain   []byte // the packet being built
	sealed  []byte
	rtcpBuf []byte
	frame   []byte // the frame being sent, with its stamp
	wire    []byte // the same, sealed
	frameNo int64
	audioNo int64
}

// New makes a publisher without tracks. It sends nothing before Begin.
func New(cfg Config) *Publisher {
	return &Publisher{
		Config: cfg, bySSRC: map[uint32]*stream{},
		plain: make([]byte, 0, wire.MaxDatagram), sealed: make([]byte, 0, wire.MaxDatagram),
	}
}

// Add registers a track. Call it before Begin.
func (p *Publisher) Add(cfg Track) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &track{Track: cfg}
	p.tracks = append(p.tracks, t)
	for i := range cfg.Encodings {
		e := &stream{Encoding: cfg.Encodings[i], active: true}
		t.streams = append(t.streams, e)
		e.seq, e.rtxSeq = uint16(rand.Uint32())&0x7FFF, uint16(rand.Uint32())&0x7FFF
		e.timestamp = rand.Uint32()
		if v := e.Video; v != nil {
			e.packetizer = payload.Packetizer{Codec: v.Codec, Width: uint16(v.Width), Height: uint16(v.Height)}
			e.packetizer.Begin(uint16(rand.Uint32()), uint8(rand.Uint32()))
		}
		size := historySize
		if e.Audio != nil {
			size = audioHistory
		}
		e.history = make([]kept, size)
		e.stats = Stats{Source: t.Source.String(), RID: e.RID}
		if e.Audio != nil { // voices at different places of the clip: levels differ as they do among people
			e.next = rand.IntN(len(e.Audio.Packets))
		}
		p.bySSRC[e.SSRC] = e
	}
}

// Begin hands over the keys; now is time zero of all the bot's RTP clocks.
func (p *Publisher) Begin(ctx *srtp.Context, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.srtp = ctx
	p.start = now
}

// SetLive switches sources on and off.
func (p *Publisher) SetLive(live func(protocol.Source) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tracks {
		on := live(t.Source)
		if on && !t.live {
			for _, e := range t.streams {
				e.restart()
			}
		}
		t.live = on
	}
}

// Encode starts and stops a source's encodings: the server wants those named.
func (p *Publisher) Encode(source protocol.Source, rids []protocol.RID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tracks {
		if t.Source != source {
			continue
		}
		for _, e := range t.streams {
			wanted := len(t.streams) == 1 && len(rids) > 0
			for _, r := range rids {
				wanted = wanted || string(r) == e.RID
			}
			if wanted && !e.active {
				e.restart()
			}
			e.active = wanted
		}
	}
}

// restart makes the next frame a key frame.
func (e *stream) restart() {
	if e.Video != nil {
		e.next = 0
	}
}

// due returns when the next packet is to be sent. The caller holds mu.
func (p *Publisher) due() time.Time {
	audio := p.start.Add(time.Duration(p.audioNo) * time.Second / clip.AudioPPS)
	video := p.start.Add(time.Duration(p.frameNo) * time.Second / clip.VideoFPS)
	if video.Before(audio) {
		return video
	}
	return audio
}

// maxCatchUp bounds how much is sent at once after the process was held up; what is older is skipped and the clip's
// time goes on.
const maxCatchUp = 250 * time.Millisecond

// Run sends whatever is due at now and returns when to call again.
func (p *Publisher) Run(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
	for {
		due := p.due()
		if due.After(now) {
			return due
		}
		p.Lag.Add(now.Sub(due))
		skip := now.Sub(due) > maxCatchUp
		if video := p.start.Add(time.Duration(p.frameNo) * time.Second / clip.VideoFPS); video.Equal(due) {
			if !skip {
				p.videoFrame()
			}
			p.frameNo++
			continue
		}
		if !skip {
			p.audioPacket(due)
		}
		p.audioNo++
	}
}

func (p *Publisher) videoFrame() {
	offset := uint32(p.frameNo * payload.VideoClock / clip.VideoFPS)
	for _, t := range p.tracks {
		for _, e := range t.streams {
			if e.Video != nil && t.live && e.active {
				p.sendFrame(t, e, offset)
			}
		}
	}
}

func (p *Publisher) sendFrame(t *track, e *stream, offset uint32) {
	number := e.next
	frame := p.stamped(t, e.Video.Codec, number == 0, e.Video.Frames[number])
	if frame == nil {
		return
	}
	if number == 0 {
		e.stats.KeyFrames++
	}
	e.next = (number + 1) % len(e.Video.Frames)
	e.lastTS = e.timestamp + offset
	count := e.packetizer.Frame(frame, number)
	for i := range count {
		p.sendPacket(e, e.packetizer.Append(p.header(t, e, i == count-1, 0), i))
	}
}

// silenceEvery is how many packets of speech are left out between two of silence, as libopus does.
const silenceEvery = 20

func (p *Publisher) audioPacket(now time.Time) {
	offset := uint32(p.audioNo * payload.AudioClock / clip.AudioPPS)
	for _, t := range p.tracks {
		for _, e := range t.streams {
			if e.Audio == nil || !t.live || !e.active {
				continue
			}
			e.lastTS = e.timestamp + offset
			packet, level, resumes := e.Audio.Packets[e.next], e.Audio.Levels[e.next], e.pause > 0
			if silent := t.Source == protocol.Mic && p.Speaks != nil && !p.Speaks(now); silent {
				e.pause++
				if e.pause%silenceEvery != 1 {
					continue
				}
				packet, level, resumes = e.Audio.Silence, silence, false
			} else {
				e.pause = 0
				e.next = (e.next + 1) % len(e.Audio.Packets)
			}
			if frame := p.stamped(t, sframe.Opus, false, packet); frame != nil {
				p.sendPacket(e, append(p.header(t, e, resumes, level), frame...)) // RFC 7587 §4.1: marks what follows a pause
			}
		}
	}
}

// silence is the level of none (RFC 6464).
const silence = 127

// stamped returns a frame as it goes on the wire: with the time in the room for it, and encrypted in an end-to-end
// encrypted meeting. It returns nil while there is no key.
func (p *Publisher) stamped(t *track, codec sframe.Codec, key bool, frame []byte) []byte {
	p.frame = append(p.frame[:0], frame...)
	payload.PutStamp(codec, p.frame, p.Clock.Common(time.Now()))
	if p.Sealer == nil {
		return p.frame
	}
	out, err := p.Sealer.Seal(p.wire[:0], payload.SFrameTrack(t.Source), codec, key, p.frame)
	if err != nil {
		return nil
	}
	p.wire = out
	return out
}

// SetEpoch seals with an epoch from now on; nil: nothing is sent until the next one, which begins with key frames.
func (p *Publisher) SetEpoch(e *sframe.Epoch) { p.use(e, func() { p.Sealer.Use(e) }) }

// SetOutside seals with an epoch as a sender outside the group.
func (p *Publisher) SetOutside(e *sframe.Epoch, number uint32) {
	p.use(e, func() { p.Sealer.UseOutside(e, number) })
}

func (p *Publisher) use(e *sframe.Epoch, begin func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.Sealer == nil:
		return
	case e == nil:
		p.Sealer.Stop()
		return
	case !p.Sealer.Usable():
		for _, t := range p.tracks {
			for _, e := range t.streams {
				e.restart()
			}
		}
	}
	begin()
}

// header starts a packet in p.plain: the RTP header with its extensions.
func (p *Publisher) header(t *track, e *stream, marker bool, level uint8) []byte {
	b := p.plain[:12]
	b[0], b[1] = 0x80, t.Payload
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], e.seq)
	binary.BigEndian.PutUint32(b[4:], e.lastTS)
	binary.BigEndian.PutUint32(b[8:], e.SSRC)
	b = append(b, 0xBE, 0xDE, 0, 0)
	if !e.acknowledged {
		b = appendText(b, t.Extensions.MID, t.MID)
		b = appendText(b, t.Extensions.RID, e.RID)
	}
	if e.Audio != nil && t.Extensions.AudioLevel != 0 {
		voice := uint8(0)
		if level < 50 {
			voice = 0x80
		}
		b = append(b, t.Extensions.AudioLevel<<4, voice|level)
	}
	return p.endExtensions(b, t)
}

func (p *Publisher) endExtensions(b []byte, t *track) []byte {
	if t.Extensions.TWCC != 0 {
		b = append(b, t.Extensions.TWCC<<4|1, byte(p.twccSeq>>8), byte(p.twccSeq))
		p.twccSeq++
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	if words := (len(b) - 16) / 4; words > 0 {
		b[0] |= 0x10
		binary.BigEndian.PutUint16(b[14:], uint16(words))
		return b
	}
	return b[:12]
}

func appendText(b []byte, id uint8, text string) []byte {
	if id == 0 || text == "" || len(text) > 16 {
		return b
	}
	return append(append(b, id<<4|uint8(len(text)-1)), text...)
}

// sendPacket keeps, seals and sends the packet b (in p.plain).
func (p *Publisher) sendPacket(e *stream, b []byte) {
	k := &e.history[int(e.seq)%len(e.history)]
	k.again = time.Time{}
	if e.Video != nil {
		k.data = append(k.data[:0], b...)
	}
	e.seq++
	e.packets++
	e.octets += uint32(len(b) - 12)
	n := p.seal(b)
	if e.Audio != nil {
		k.data = append(k.data[:0], p.sealed[:n]...)
	}
	e.stats.Packets++
	e.stats.Bytes += uint64(n)
}

func (p *Publisher) seal(b []byte) int {
	if p.srtp == nil {
		return 0
	}
	out, err := p.srtp.EncryptRTP(p.sealed[:0], b, nil)
	if err != nil {
		return 0
	}
	p.sealed = out
	p.Send(out)
	return len(out)
}
