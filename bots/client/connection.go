package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/srtp/v3"

	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/network"
	"conclave/bots/path"
	"conclave/bots/payload"
	"conclave/bots/publish"
	"conclave/bots/receive"
	"conclave/bots/wire"
	"conclave/e2ee/sframe"
	"conclave/protocol"
)

// connectionConfig says what a bot's connection sends and receives.
type connectionConfig struct {
	clip       *clip.Clip
	sources    []protocol.Source // that may ever be published
	simulcast  bool
	audioSlots int
	videoSlots int
	local      net.IP // the address the server is reached from
	poll       time.Duration
	network    *network.Conditions
	verify     int
	feedback   bool
	lag        *measure.Lag
	recent     *measure.Recent
	clock      measure.Clock
	identity   *path.Identity
	buffers    *wire.Buffers
	sealer     *sframe.Sealer // nil in a meeting without end-to-end encryption
	unknown    func()         // hears of frames whose epoch is not known; with a sealer
	transport  string         // how media goes; see Config
	relays     []path.TURN    // that the server offers
	speaks     func(time.Time) bool
	sample     int
}

// connection is a bot's way to the server's media engine: SDP here, ICE and DTLS in path, the socket in wire, packets
// in the publisher and the receiver. A PeerConnection of Pion's would cost 2 MiB a bot.
type connection struct {
	wire      *wire.Wire
	publisher *publish.Publisher
	receiver  *receive.Receiver
	cfg       connectionConfig
	local     path.Credentials
	sending   []sendLine

	mu    sync.Mutex // guards what follows
	agent *path.Agent
	timer *time.Timer // when the agent has something to do
	dtls  *path.Handshake
	recv  *srtp.Context // nil until the handshake gave its secrets

	iceUp     chan time.Time // one value, when ICE is connected
	connected chan time.Time // one value, when DTLS is up
	failed    chan struct{}
	failOnce  sync.Once
	end       context.CancelFunc
	life      context.Context //nolint:containedctx // that of the connection
	running   sync.WaitGroup
}

// sendLine is an m-line that sends.
type sendLine struct {
	mid       string
	source    protocol.Source
	codec     sframe.Codec
	encodings []publish.Encoding // their RIDs and SSRCs
}

func (l *sendLine) video() bool { return l.source.Video() }

// codecs are those that the line offers; none for sound.
func (l *sendLine) codecs() []sframe.Codec {
	if !l.video() {
		return nil
	}
	return []sframe.Codec{l.codec}
}

// publishes says whether the connection has anything to send.
func (c *connection) publishes() bool { return len(c.sending) > 0 }

// samplePoll is how long a sample gathers in its socket: at 20 packets a second, two of them. Times of arrival are the
// kernel's.
const samplePoll = 100 * time.Millisecond

func newConnection(cfg connectionConfig) (*connection, error) {
	c := &connection{
		cfg: cfg, local: path.NewCredentials(),
		iceUp: make(chan time.Time, 1), connected: make(chan time.Time, 1), failed: make(chan struct{}),
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.publisher = publish.New(publish.Config{
		Send: func(b []byte) { c.wire.Send(b) }, Lag: cfg.lag, Clock: cfg.clock, Sealer: cfg.sealer,
		Speaks: cfg.speaks,
	})
	c.receiver = receive.New(receive.Config{
		Verify: cfg.verify, Feedback: cfg.feedback, Encrypted: cfg.sealer != nil, Unknown: cfg.unknown,
		Sample: cfg.sample, Recent: cfg.recent, Clock: cfg.clock, Keys: c.keys, SendRTCP: c.publisher.SendRTCP, OnRTCP: c.publisher.OnRTCP,
	})
	for _, source := range cfg.sources {
		c.sending = append(c.sending, c.newSendLine(len(c.sending), source))
	}
	if cfg.sample > 0 {
		cfg.poll = max(cfg.poll, samplePoll)
	}
	var err error
	c.wire, err = wire.Listen(wire.Config{
		Local: cfg.local, Buffers: cfg.buffers, Poll: cfg.poll, Media: c.receiver.Batch, Signal: c.signal, Network: cfg.network,
		Sample: cfg.sample,
	})
	if err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

// newSendLine makes the m-line of a source, with random SSRCs.
func (c *connection) newSendLine(n int, source protocol.Source) sendLine {
	l := sendLine{mid: strconv.Itoa(n), source: source, codec: sframe.Opus}
	if source.Video() {
		l.codec = c.cfg.clip.Layer("").Codec
	}
	rids := []string{""}
	if c.cfg.simulcast && source == protocol.Camera {
		rids = []string{"q", "h", "f"}
	}
	for _, rid := range rids {
		e := publish.Encoding{RID: rid, SSRC: randomSSRC()}
		if l.video() {
			e.RTXSSRC = randomSSRC()
		}
		l.encodings = append(l.encodings, e)
	}
	return l
}

// randomSSRC returns one that is not 0, which means none.
func randomSSRC() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return max(1, binary.BigEndian.Uint32(b[:]))
}

// keys returns what to decrypt with, once the handshake gave it.
func (c *connection) keys() (*srtp.Context, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recv == nil {
		return nil, errNoKeys
	}
	return c.recv, nil
}

var errNoKeys = errors.New("bots: the DTLS handshake has given no keys yet")

// offer makes the offer and says what its m-lines publish.
func (c *connection) offer() (text string, tracks []protocol.Track) {
	tracks = []protocol.Track{}
	for i := range c.sending {
		tracks = append(tracks, protocol.Track{MID: c.sending[i].mid, Source: c.sending[i].source})
	}
	return writeOffer(&offer{
		credentials: c.local, fingerprint: c.cfg.identity.Fingerprint(), sending: c.sending,
		audioSlots: c.cfg.audioSlots, videoSlots: c.cfg.videoSlots,
	}), tracks
}

// answer takes the server's answer, opens the ways to the server, and starts ICE.
func (c *connection) answer(ctx context.Context, text string) error {
	a, err := parseAnswer(text)
	if err != nil {
		return err
	}
	byMID := make(map[string]mediaLine, len(a.lines))
	var slots []receive.Slot
	for i := range a.lines {
		l := a.lines[i]
		byMID[l.mid] = l
		if l.sending && !l.rejected {
			if l.ssrc == 0 {
				return fmt.Errorf("%w: m-line %s names no SSRC", errBadAnswer, l.mid)
			}
			slots = append(slots, receive.Slot{MID: l.mid, Video: l.video, SSRC: l.ssrc, RTX: l.rtx, TWCC: l.ext.TWCC})
		}
	}
	for i := range c.sending {
		l, ok := byMID[c.sending[i].mid]
		if !ok || l.rejected {
			return fmt.Errorf("%w: %s was rejected", errBadAnswer, c.sending[i].source)
		}
		c.publisher.Add(c.sendTrack(&c.sending[i], &l))
	}
	c.receiver.Expect(slots)
	candidates, err := c.ways(ctx, a)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dtls, err = path.NewHandshake(c.cfg.identity, a.fingerprint, c.wire.Send); err != nil {
		return err //nolint:wrapcheck // says what it is
	}
	c.agent = path.NewAgent(c.local, a.credentials, candidates, time.Now())
	c.timer = time.AfterFunc(0, c.tick)
	return nil
}

func (c *connection) sendTrack(s *sendLine, l *mediaLine) publish.Track {
	t := publish.Track{Source: s.source, MID: l.mid, Extensions: l.ext, Payload: payload.Type(s.codec)}
	if l.video && l.rtxType != 0 {
		t.RTX = t.Payload + 1
	}
	for _, e := range s.encodings {
		if l.video {
			e.Video = c.cfg.clip.Layer(e.RID)
		} else {
			e.Audio = &c.cfg.clip.Audio
		}
		t.Encodings = append(t.Encodings, e)
	}
	return t
}

// tick does what the agent has to do, and has itself called again when there is more.
func (c *connection) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return
	}
	now := time.Now()
	out, again, err := c.agent.Tick(now)
	if err != nil {
		c.fail()
		return
	}
	c.send(out)
	c.timer.Reset(again.Sub(now))
}

// signal takes a datagram that is neither RTP nor RTCP (RFC 7983 §7).
func (c *connection) signal(data []byte, from netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.agent == nil || len(data) == 0:
	case data[0] >= 20 && data[0] <= 63:
		if to, ok := c.agent.Selected(); c.dtls.Take(data) && ok && from == to {
			c.fail()
		}
	case data[0] <= 3:
		now := time.Now()
		_, before := c.agent.Selected()
		c.send(c.agent.Take(now, data, from))
		if to, ok := c.agent.Selected(); ok && !before {
			c.wire.Follow(to)
			offerTime(c.iceUp)
			c.running.Go(c.handshake)
		}
		c.timer.Reset(0) // nominate at once
	}
}

// send sends datagrams of the agent's. The lock is held.
func (c *connection) send(out []path.Datagram) {
	for _, d := range out {
		c.wire.SendTo(d.Data, d.To)
	}
}

// handshake agrees on the keys.
func (c *connection) handshake() {
	send, recv, err := c.dtls.Run(c.life)
	if err != nil {
		c.fail()
		return
	}
	c.publisher.Begin(send, time.Now())
	c.mu.Lock()
	c.recv = recv
	c.mu.Unlock()
	offerTime(c.connected)
}

func (c *connection) fail() { c.failOnce.Do(func() { close(c.failed) }) }

func offerTime(ch chan time.Time) {
	select {
	case ch <- time.Now():
	default:
	}
}

// wait waits until media may flow and returns when ICE and DTLS were up.
func (c *connection) wait(ctx context.Context) (iceUp, connected time.Time, err error) {
	select {
	case connected = <-c.connected:
	case <-c.failed:
		return iceUp, connected, errors.New("bots: the media connection failed")
	case <-ctx.Done():
		return iceUp, connected, fmt.Errorf("bots: waiting for the media connection: %w", ctx.Err())
	}
	select {
	case iceUp = <-c.iceUp:
	default:
		iceUp = connected
	}
	return iceUp, connected, nil
}

// close ends the connection. It may be called more than once.
func (c *connection) close() error {
	c.end()
	c.mu.Lock()
	handshake := c.dtls
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	var err error
	if handshake != nil {
		err = handshake.Close()
	}
	err = errors.Join(err, c.wire.Close())
	c.running.Wait()
	return err
}
