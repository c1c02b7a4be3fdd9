package receive

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"conclave/bots/measure"
	"conclave/bots/payload"
	"conclave/bots/wire"
	"conclave/e2ee/sframe"
	"conclave/protocol"
)

const (
	nackInterval = 60 * time.Millisecond  // before a packet is asked for again
	pliInterval  = 500 * time.Millisecond // as browsers do
	twccInterval = 100 * time.Millisecond

	// ReportInterval is the time between two receiver reports, and two sender reports of what a bot sends.
	ReportInterval = time.Second
	// LiveWindow is how recent a stream's last packet must be for the stream to count as arriving.
	LiveWindow = 3 * time.Second
)

// LiveFor is the same for a stream of which one packet in sample comes, 0: every one. Ten packets a second are fewer
// than any stream has that is worth a sample.
func LiveFor(sample int) time.Duration {
	return LiveWindow + time.Duration(sample)*100*time.Millisecond
}

// stream is one slot's RTP stream. Owned by the receiver's mutex.
type stream struct {
	mid       string
	video     bool
	ssrc, rtx uint32
	clockRate int64
	twccID    uint8

	log    seqLog
	frames frameLog
	jitter jitterLog
	voice  *concealLog // nil for video, and where not every packet is looked into

	owner       protocol.Participant // by the slots messages
	height      int                  // by the same
	source      protocol.Source      // likewise
	parts       map[int64]part       // of frames that are not complete, by extended number; at most maxParts
	held        []heldFrame          // at most maxHeldFrames
	codec       sframe.Codec         // of the latest packet
	csrc        uint32               // by the packets themselves
	csrcChanges uint64
	firstAt     int64
	lastAt      int64
	firstKeyAt  int64
	assignedAt  time.Time
	nextPLI     time.Time
	looked      int // at packets whose payload may be wanted

	bytes       uint64
	rtxPackets  uint64
	plis        uint64
	nacks       uint64
	catchingUp  bool // since catchUpAt the stream plays what the server had kept: its age is no delay
	catchUpAt   int64
	delaySum    int64
	delayMax    int64
	delayCount  int64
	lastSR      uint32 // middle 32 bits of its NTP time
	lastSRAt    time.Time
	priorExpect uint64
	priorLost   uint64
}

type streamRef struct {
	s   *stream
	rtx bool
}

// Config says what a receiver does and how it answers.
type Config struct {
	// Verify has every n-th packet decrypted and authenticated; 1: all.
	Verify int
	// Feedback sends transport-wide congestion control feedback.
	Feedback bool
	// Sample is that of the wire, 0: all packets come. Each of a sample stands for so many; Verify is of all that they
	// stand for. Nothing is asked for, no feedback is sent, and no frames are put together.
	Sample int
	// Encrypted says that the meeting is end-to-end encrypted.
	Encrypted bool
	// Clock is this machine's: stamps are made in the common one.
	Clock measure.Clock
	// Recent hears of every delay; nil: none does.
	Recent *measure.Recent
	// Keys returns the context to decrypt with, an error until the handshake has given one.
	Keys func() (*srtp.Context, error)
	// Unknown hears of a frame whose epoch is not known. It must not block. It is needed if Encrypted.
	Unknown func()
	// SendRTCP sends what the receiver asks for.
	SendRTCP func([]rtcp.Packet)
	// OnRTCP hears of every packet that concerns the bot's own streams.
	OnRTCP func(rtcp.Packet)
}

// Slot is a receiving m-line as the answer describes it. rtx and twcc are 0 where they were not negotiated.
type Slot struct {
	MID       string
	Video     bool
	SSRC, RTX uint32
	TWCC      uint8
}

// Receiver counts and measures what a bot receives, and asks for what is missing. Safe for concurrent use.
type Receiver struct {
	Config
	opener *frameOpener // nil in a meeting without end-to-end encryption

	mu         sync.Mutex
	srtp       *srtp.Context
	ssrc       uint32 // that our reports come from
	streams    map[uint32]streamRef
	list       []*stream
	recorder   *twcc.Recorder
	nextReport time.Time
	nextTWCC   time.Time
	gap        bool // some stream may have something to ask for
	header     rtp.Header
	plain      []byte
	nackBuf    []uint16

	firstRTP   time.Time
	firstKey   time.Time
	packets    uint64
	bytes      uint64
	read       uint64 // packets of a sample, not what they stand for
	unknown    uint64 // packets of SSRCs that the answer does not name
	undecoded  uint64 // packets that failed authentication
	timeline   []Moment
	nextMoment time.Time
	withheld   int

	catchUps   uint64                  // delay samples of kept media
	audioDelay *hdrhistogram.Histogram // nil until the first; 20 KiB, as much as all else of a listener
	videoDelay *hdrhistogram.Histogram // likewise
}

// New makes a receiver that expects nothing yet. It needs cfg.Keys, cfg.SendRTCP and cfg.OnRTCP.
func New(cfg Config) *Receiver {
	ssrc := rand.Uint32()
	cfg.Verify = max(1, cfg.Verify)
	if cfg.Sample > 0 {
		cfg.Feedback, cfg.Verify = false, max(1, cfg.Verify/cfg.Sample)
	}
	r := &Receiver{
		Config: cfg, ssrc: ssrc, streams: map[uint32]streamRef{},
		recorder: twcc.NewRecorder(ssrc),
	}
	if cfg.Encrypted {
		r.opener = newFrameOpener()
	}
	return r
}

// Expect tells the slots' streams, from the answer.
func (r *Receiver) Expect(list []Slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range list {
		s := &stream{mid: l.MID, video: l.Video, ssrc: l.SSRC, rtx: l.RTX, twccID: l.TWCC, clockRate: payload.AudioClock}
		if l.Video {
			s.clockRate = payload.VideoClock
		}
		s.log.shift = uint8(bits.TrailingZeros(uint(max(1, r.Sample))))
		s.frames.trackKey = r.everything()
		if !l.Video && r.everything() {
			s.voice = &concealLog{}
		}
		if r.opener != nil && r.everything() {
			s.frames.whole = func(after, upTo int64) bool { return r.whole(s, after, upTo, s.lastAt) }
		}
		r.list = append(r.list, s)
		r.streams[s.ssrc] = streamRef{s, false}
		if s.rtx != 0 {
			r.streams[s.rtx] = streamRef{s, true}
		}
	}
}

// everything says that every packet is looked into.
func (r *Receiver) everything() bool { return r.Verify == 1 && r.Sample == 0 }

// Assign obeys a slots message; withheld is nil when it does not say.
func (r *Receiver) Assign(slots []protocol.Slot, withheld []protocol.Withheld, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if withheld != nil {
		r.withheld = len(withheld)
	}
	for i := range slots {
		for _, s := range r.list {
			if s.mid != slots[i].MID {
				continue
			}
			another := s.owner != slots[i].Participant || s.source != slots[i].Source
			changed := another || s.height != slots[i].Height
			if another {
				s.frames.freeze.restart()
			}
			if s.owner != slots[i].Participant {
				s.assignedAt = now
				s.nextPLI = now.Add(2 * pliInterval)
			}
			s.owner, s.height = slots[i].Participant, slots[i].Height
			if changed {
				r.reassigned(s, slots[i].Source, now)
			}
		}
	}
}

// Batch takes received datagrams.
func (r *Receiver) Batch(list []wire.Arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.srtp == nil {
		ctx, err := r.Keys()
		if err != nil { // media before the handshake's end is not the server's
			return
		}
		r.srtp = ctx
	}
	for i := range list {
		if wire.IsRTCP(list[i].Data) {
			r.rtcp(list[i])
		} else {
			r.rtp(list[i])
		}
	}
}

func (r *Receiver) rtp(a wire.Arrival) {
	v, ok := wire.ParseRTP(a.Data)
	if !ok {
		r.undecoded++
		return
	}
	ref, ok := r.streams[v.SSRC]
	if !ok {
		r.unknown++
		return
	}
	s := ref.s
	r.read++
	r.packets += 1 << s.log.shift
	r.bytes += uint64(len(a.Data)) << s.log.shift
	s.bytes += uint64(len(a.Data)) << s.log.shift
	if r.Feedback && s.twccID != 0 {
		if e := v.Extension(s.twccID); len(e) == 2 {
			r.recorder.Record(v.SSRC, binary.BigEndian.Uint16(e), a.At/1000)
		}
	}
	if ref.rtx && r.Sample > 0 { // a probe, or what another number stands for
		s.rtxPackets += 1 << s.log.shift
		return
	}
	var data []byte
	if ref.rtx || r.wantsPayload(s, &v) {
		if data = r.decrypt(a.Data, &v); data == nil {
			return
		}
	}
	if ref.rtx {
		s.rtxPackets++
		if len(data) <= 2 { // a probe: padding only
			return
		}
		v.Seq = binary.BigEndian.Uint16(data)
		data = data[2:]
	}
	s.codec = payload.CodecOf(v.PayloadType)
	r.count(s, &v, data, a.At, ref.rtx)
}

// wantsPayload says whether a packet is to be decrypted: all, or what is needed to find a first key frame and to
// measure some delays. The header of an SRTP packet is in the clear, so the rest is counted as it is.
func (r *Receiver) wantsPayload(s *stream, v *wire.RTP) bool {
	if r.everything() || (s.video && !s.frames.started && r.Sample == 0) {
		return true
	}
	if s.video && !v.Marker {
		return false
	}
	s.looked++
	return s.looked%r.Verify == 0
}

// decrypt returns a packet's payload without its padding, nil if it is not authentic.
func (r *Receiver) decrypt(packet []byte, v *wire.RTP) []byte {
	plain, err := r.srtp.DecryptRTP(r.plain[:0], packet, &r.header)
	if err != nil {
		r.undecoded++
		return nil
	}
	r.plain = plain
	payload := plain[v.HeaderLen:]
	if v.Padding && len(payload) > 0 {
		payload = payload[:max(0, len(payload)-int(payload[len(payload)-1]))]
	}
	if payload == nil {
		payload = []byte{}
	}
	return payload
}

func (r *Receiver) count(s *stream, v *wire.RTP, data []byte, at int64, rtx bool) {
	ext, fresh := s.log.add(v.Seq, rtx)
	if !fresh {
		return
	}
	r.gap = r.gap || ext > s.log.base && s.log.state[(ext-1)%seqWindow] != here
	if s.firstAt == 0 {
		s.firstAt = at
		if r.firstRTP.IsZero() && r.Sample == 0 {
			r.firstRTP = time.Unix(0, at)
		}
	}
	s.lastAt = max(s.lastAt, at)
	if v.CSRC != s.csrc {
		s.csrc = v.CSRC
		s.csrcChanges++
		s.catchingUp, s.catchUpAt = true, at
		if s.voice != nil {
			s.voice.restart()
		}
	}
	if !rtx {
		s.jitter.packet(at, v.Timestamp, s.clockRate)
	}
	opus := data
	switch sent, ok := payload.ReadStamp(s.codec, data); {
	case r.opener != nil:
		opus = nil
		f := heldFrame{csrc: v.CSRC, at: at, codec: s.codec, data: data}
		if r.sealedInOne(s, &f, v) && r.openFrame(s, f) && v.CSRC == uint32(s.owner) {
			opus = r.opener.plain
		}
	case ok:
		r.delay(s, sent, at)
	}
	if r.Sample > 0 {
		return
	}
	if !s.video {
		if s.voice != nil {
			s.voice.packet(ext, v.Timestamp, at, ext < s.log.highest, payload.OpusRepairs(opus))
		}
		return
	}
	key := payload.KeyStart(s.codec, data)
	if s.frames.whole != nil && (key || s.frames.started) {
		s.keepPart(ext, v.CSRC, key, data)
	}
	if keys := s.frames.packet(&s.log, ext, v.Timestamp, v.Marker, key, at); keys > 0 && s.firstKeyAt == 0 {
		s.firstKeyAt = at
		if r.firstKey.IsZero() {
			r.firstKey = time.Unix(0, at)
		}
	}
}

// A slot that was given another track may begin with a key frame that the server kept, and what followed it: media of
// some age, though nothing was slow. It counts as delay only if the stream does not catch up.
const (
	caughtUp   = 100 * time.Millisecond
	catchUpMax = time.Second
)

// delay takes note of what was sent at a time of the common clock, and came at one of this machine's (ns).
func (r *Receiver) delay(s *stream, sent time.Time, at int64) {
	ns := int64(r.Clock.Common(time.Unix(0, at)).Sub(sent))
	if ns < 0 && ns >= -2*int64(r.Clock.Error) { // as good as no time, as far as the clocks can tell
		ns = 0
	}
	if ns < 0 { // another machine's clock, or a step of ours
		return
	}
	if s.catchingUp {
		if ns > int64(caughtUp) && at-s.catchUpAt < int64(catchUpMax) {
			r.catchUps++
			return
		}
		s.catchingUp = false
	}
	s.delaySum += ns
	s.delayCount++
	s.delayMax = max(s.delayMax, ns)
	h := &r.audioDelay
	if s.video {
		h = &r.videoDelay
	}
	if *h == nil {
		*h = measure.NewHistogram()
	}
	measure.Record(*h, time.Duration(ns))
	r.Recent.Add(s.video, time.Duration(ns))
}

func (r *Receiver) rtcp(a wire.Arrival) {
	plain, err := r.srtp.DecryptRTCP(nil, a.Data, nil)
	if err != nil {
		r.undecoded++
		return
	}
	packets, err := rtcp.Unmarshal(plain)
	if err != nil {
		r.undecoded++
		return
	}
	for _, p := range packets {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			if ref, ok := r.streams[sr.SSRC]; ok && !ref.rtx {
				ref.s.lastSR = uint32(sr.NTPTime >> 16)
				ref.s.lastSRAt = time.Unix(0, a.At)
			}
		}
		r.OnRTCP(p)
	}
}

// OpenWindow begins the measured window: delays and freezes of before are forgotten. Losses are not: the server owes
// every packet from the first on.
func (r *Receiver) OpenWindow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.audioDelay, r.videoDelay = nil, nil
	for _, s := range r.list {
		s.delaySum, s.delayCount, s.delayMax = 0, 0, 0
		s.frames.freeze.reset()
		if s.voice != nil {
			s.voice.reset()
		}
	}
}
