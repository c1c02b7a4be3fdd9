package bots

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/srtp/v3"

	"conclave/e2ee"
	"conclave/protocol"
)

// historySize is how many packets of an encoding can be sent again: above 3 s of the largest layer.
const historySize = 512

// extensionIDs are the negotiated one-byte header extension ids of an m-line; 0 is not negotiated.
type extensionIDs struct {
	mid, rid, rrid, audioLevel, twcc uint8
}

// sendTrack is what one m-line publishes.
type sendTrack struct {
	source    protocol.Source
	mid       string
	ext       extensionIDs
	payload   uint8
	rtx       uint8 // payload type of retransmissions, 0: none
	encodings []*encoding
	live      bool // switched on
}

// encoding is one RTP stream that a bot sends. Owned by the publisher's mutex.
type encoding struct {
	rid          string
	ssrc         uint32
	rtxSSRC      uint32
	video        *VideoClip
	audio        *AudioClip
	next         int // frame or packet of the clip
	active       bool
	seq, rtxSeq  uint16
	timestamp    uint32 // of the clip's time zero
	lastTS       uint32
	pictureID    uint16
	tl0          uint8
	acknowledged bool // a receiver report named it: MID and RID need not be repeated (RFC 8852 §3.1)
	history      [][]byte
	packets      uint64 // as counted in sender reports
	octets       uint32

	stats SentStream
}

// SentStream counts one RTP stream that a bot sent.
type SentStream struct {
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

// publisher sends a bot's tracks. Safe for concurrent use.
type publisher struct {
	send func([]byte)

	mu      sync.Mutex
	srtp    *srtp.Context
	tracks  []*sendTrack
	bySSRC  map[uint32]*encoding
	twccSeq uint16
	start   time.Time
	plain   []byte // the packet being built
	sealed  []byte
	rtcpBuf []byte
	sealer  *e2ee.Sealer // nil in a meeting without end-to-end encryption
	frame   []byte       // the frame being sent, with its stamp
	wire    []byte       // the same, sealed
	lag     *lagLog
	frameNo int64
	audioNo int64
}

func newPublisher(send func([]byte), lag *lagLog) *publisher {
	return &publisher{
		send: send, lag: lag, bySSRC: map[uint32]*encoding{},
		plain: make([]byte, 0, maxDatagram), sealed: make([]byte, 0, maxDatagram),
	}
}

// add registers a track before begin.
func (p *publisher) add(t *sendTrack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tracks = append(p.tracks, t)
	for _, e := range t.encodings {
		e.active = true
		e.seq, e.rtxSeq = uint16(rand.Uint32())&0x7FFF, uint16(rand.Uint32())&0x7FFF
		e.timestamp = rand.Uint32()
		e.pictureID = uint16(rand.Uint32()) & 0x7FFF
		e.tl0 = uint8(rand.Uint32())
		e.history = make([][]byte, historySize)
		e.stats = SentStream{Source: string(t.source), RID: e.rid}
		if e.audio != nil { // voices at different places of the clip: levels differ as they do among people
			e.next = rand.IntN(len(e.audio.Packets))
		}
		p.bySSRC[e.ssrc] = e
	}
}

// begin hands over the keys; now is time zero of all the bot's RTP clocks.
func (p *publisher) begin(ctx *srtp.Context, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.srtp = ctx
	p.start = now
}

// setLive switches sources on and off.
func (p *publisher) setLive(live func(protocol.Source) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tracks {
		on := live(t.source)
		if on && !t.live {
			for _, e := range t.encodings {
				e.restart()
			}
		}
		t.live = on
	}
}

// encode obeys the server's wish for encodings of a source.
func (p *publisher) encode(source protocol.Source, rids []protocol.RID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tracks {
		if t.source != source {
			continue
		}
		for _, e := range t.encodings {
			wanted := len(t.encodings) == 1 && len(rids) > 0
			for _, r := range rids {
				wanted = wanted || string(r) == e.rid
			}
			if wanted && !e.active {
				e.restart()
			}
			e.active = wanted
		}
	}
}

// restart makes the next frame a key frame.
func (e *encoding) restart() {
	if e.video != nil {
		e.next = 0
	}
}

// due returns when the next packet is to be sent. The caller holds mu.
func (p *publisher) due() time.Time {
	audio := p.start.Add(time.Duration(p.audioNo) * time.Second / audioPPS)
	video := p.start.Add(time.Duration(p.frameNo) * time.Second / videoFPS)
	if video.Before(audio) {
		return video
	}
	return audio
}

// maxCatchUp bounds how much is sent at once after the process was held up; what is older is skipped and the clip's
// time goes on.
const maxCatchUp = 250 * time.Millisecond

// run sends whatever is due at now and returns when to call again.
func (p *publisher) run(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		due := p.due()
		if due.After(now) {
			return due
		}
		p.lag.add(now.Sub(due))
		skip := now.Sub(due) > maxCatchUp
		if video := p.start.Add(time.Duration(p.frameNo) * time.Second / videoFPS); video.Equal(due) {
			if !skip {
				p.videoFrame()
			}
			p.frameNo++
			continue
		}
		if !skip {
			p.audioPacket()
		}
		p.audioNo++
	}
}

func (p *publisher) videoFrame() {
	offset := uint32(p.frameNo * videoClockRate / videoFPS)
	for _, t := range p.tracks {
		for _, e := range t.encodings {
			if e.video != nil && t.live && e.active {
				p.sendFrame(t, e, offset)
			}
		}
	}
}

func (p *publisher) sendFrame(t *sendTrack, e *encoding, offset uint32) {
	frame := p.stamped(t, e.video.Frames[e.next], stampSize)
	if frame == nil {
		return
	}
	if e.next == 0 {
		e.stats.KeyFrames++
	}
	number := e.next
	e.next = (e.next + 1) % len(e.video.Frames)
	e.pictureID = (e.pictureID + 1) & 0x7FFF
	if tid, _ := temporalOf(number); tid == 0 {
		e.tl0++
	}
	e.lastTS = e.timestamp + offset
	count, size := fragments(len(frame))
	for i := range count {
		part := frame[i*size : min((i+1)*size, len(frame))]
		b := p.header(t, e, i == count-1, 0)
		n := len(b)
		b = b[:n+vp8DescriptorSize+len(part)]
		putVP8Descriptor(b[n:], i == 0, e.pictureID, e.tl0, number)
		copy(b[n+vp8DescriptorSize:], part)
		p.sendPacket(e, b)
	}
}

func (p *publisher) audioPacket() {
	offset := uint32(p.audioNo * audioClockRate / audioPPS)
	for _, t := range p.tracks {
		for _, e := range t.encodings {
			if e.audio == nil || !t.live || !e.active {
				continue
			}
			e.lastTS = e.timestamp + offset
			frame := p.stamped(t, e.audio.Packets[e.next], 0)
			if frame == nil {
				continue
			}
			b := p.header(t, e, false, e.audio.Levels[e.next])
			b = append(b, frame...)
			e.next = (e.next + 1) % len(e.audio.Packets)
			p.sendPacket(e, b)
		}
	}
}

// stamped returns a frame as it goes on the wire: with the time in its last bytes (room bytes behind it, 0 if it has them itself),
// and sealed if the meeting is end-to-end encrypted; nil while there is no key for that.
func (p *publisher) stamped(t *sendTrack, frame []byte, room int) []byte {
	p.frame = append(append(p.frame[:0], frame...), make([]byte, room)...)
	putStamp(p.frame, time.Now())
	if p.sealer == nil {
		return p.frame
	}
	codec := e2ee.Opus
	if t.payload == vp8Type {
		codec = e2ee.VP8
	}
	out, err := p.sealer.Seal(p.wire[:0], trackOf(t.source), codec, false, p.frame)
	if err != nil {
		return nil
	}
	p.wire = out
	return out
}

// setKey switches to a key of the bot's own. The first one lets media begin, with key frames.
func (p *publisher) setKey(k e2ee.SenderKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sealer == nil {
		return
	}
	if !p.sealer.Usable() {
		for _, t := range p.tracks {
			for _, e := range t.encodings {
				e.restart()
			}
		}
	}
	p.sealer.SetKey(k)
}

// header starts a packet in p.plain: the RTP header with its extensions.
func (p *publisher) header(t *sendTrack, e *encoding, marker bool, level uint8) []byte {
	b := p.plain[:12]
	b[0], b[1] = 0x80, t.payload
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], e.seq)
	binary.BigEndian.PutUint32(b[4:], e.lastTS)
	binary.BigEndian.PutUint32(b[8:], e.ssrc)
	b = append(b, 0xBE, 0xDE, 0, 0)
	if !e.acknowledged {
		b = appendText(b, t.ext.mid, t.mid)
		b = appendText(b, t.ext.rid, e.rid)
	}
	if e.audio != nil && t.ext.audioLevel != 0 {
		voice := uint8(0)
		if level < 50 {
			voice = 0x80
		}
		b = append(b, t.ext.audioLevel<<4, voice|level)
	}
	return p.endExtensions(b, t)
}

func (p *publisher) endExtensions(b []byte, t *sendTrack) []byte {
	if t.ext.twcc != 0 {
		b = append(b, t.ext.twcc<<4|1, byte(p.twccSeq>>8), byte(p.twccSeq))
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
func (p *publisher) sendPacket(e *encoding, b []byte) {
	if e.video != nil {
		i := int(e.seq) % historySize
		e.history[i] = append(e.history[i][:0], b...)
	}
	e.seq++
	e.packets++
	e.octets += uint32(len(b) - 12)
	n := p.seal(b)
	e.stats.Packets++
	e.stats.Bytes += uint64(n)
}

func (p *publisher) seal(b []byte) int {
	if p.srtp == nil {
		return 0
	}
	out, err := p.srtp.EncryptRTP(p.sealed[:0], b, nil)
	if err != nil {
		return 0
	}
	p.send(out)
	return len(out)
}
