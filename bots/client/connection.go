package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"conclave/bots/clip"
	"conclave/bots/measure"
	"conclave/bots/network"
	"conclave/bots/payload"
	"conclave/bots/publish"
	"conclave/bots/receive"
	"conclave/bots/wire"
	"conclave/e2ee"
	"conclave/protocol"
)

// payload types of our offers.
const (
	opusType = 111
	vp8Type  = 96
	rtxType  = 97
)

// connectionConfig says what a bot's PeerConnection sends and receives.
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
	sealer     *e2ee.Sealer // nil in a meeting without end-to-end encryption
}

// connection is one PeerConnection with its own packet path: Pion does SDP, ICE and DTLS, the rest is wire, publisher
// and receiver.
type connection struct {
	pc        *webrtc.PeerConnection
	wire      *wire.Wire
	publisher *publish.Publisher
	receiver  *receive.Receiver
	tap       *keyTap
	cfg       connectionConfig
	sending   []sendLine

	keyMu sync.Mutex
	recv  *srtp.Context // nil until the handshake gave its secrets

	iceUp     chan time.Time // one value, when ICE is connected
	connected chan time.Time // one value, when DTLS is up
	failed    chan struct{}
	failOnce  sync.Once
}

type sendLine struct {
	source      protocol.Source
	transceiver *webrtc.RTPTransceiver
}

func newConnection(cfg connectionConfig) (*connection, error) {
	c := &connection{
		cfg: cfg, tap: &keyTap{},
		iceUp: make(chan time.Time, 1), connected: make(chan time.Time, 1), failed: make(chan struct{}),
	}
	c.publisher = publish.New(publish.Config{
		Send: func(b []byte) { c.wire.Send(b) }, Lag: cfg.lag, Sealer: cfg.sealer,
	})
	c.receiver = receive.New(receive.Config{
		Verify: cfg.verify, Feedback: cfg.feedback, Encrypted: cfg.sealer != nil,
		Keys: c.keys, SendRTCP: c.publisher.SendRTCP, OnRTCP: c.publisher.OnRTCP,
	})
	var err error
	if c.wire, err = wire.Listen(wire.Config{
		Local: cfg.local, Poll: cfg.poll, Media: c.receiver.Batch, Sniff: c.tap.sniff, Network: cfg.network,
	}); err != nil {
		return nil, err
	}
	if err := c.connect(); err != nil {
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// keys derives the SRTP contexts once the handshake gave its secrets. It is called by the receiver with the first
// packet, or when Pion says that the connection is up, whichever is first.
func (c *connection) keys() (*srtp.Context, error) {
	c.keyMu.Lock()
	defer c.keyMu.Unlock()
	if c.recv != nil {
		return c.recv, nil
	}
	send, recv, err := c.tap.contexts()
	if err != nil { // not yet; a stray datagram must not spoil it
		return nil, err
	}
	c.recv = recv
	c.publisher.Begin(send, time.Now())
	return recv, nil
}

func (c *connection) connect() error {
	media := &webrtc.MediaEngine{}
	if err := registerCodecs(media); err != nil {
		return fmt.Errorf("bots: codecs: %w", err)
	}
	var s webrtc.SettingEngine
	s.SetICEUDPMux(c.wire)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetIncludeLoopbackCandidate(true)
	s.DisableActiveTCP(true)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	s.SetDTLSKeyLogWriter(c.tap)
	s.DisableCloseByDTLS(false)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		BundlePolicy: webrtc.BundlePolicyMaxBundle,
		// RTP is ours: its headers are not encrypted (RFC 9335).
		RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable,
	})
	if err != nil {
		return fmt.Errorf("bots: PeerConnection: %w", err)
	}
	c.pc = pc
	pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state == webrtc.ICEConnectionStateConnected {
			offerTime(c.iceUp)
			c.follow()
		}
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			c.follow()
			offerTime(c.connected)
		case webrtc.PeerConnectionStateFailed:
			c.failOnce.Do(func() { close(c.failed) })
		}
	})
	for _, source := range c.cfg.sources {
		if err := c.addSource(source); err != nil {
			return fmt.Errorf("bots: %s: %w", source, err)
		}
	}
	return c.addSlots()
}

func offerTime(ch chan time.Time) {
	select {
	case ch <- time.Now():
	default:
	}
}

// follow sends media where ICE says that the server is.
func (c *connection) follow() {
	pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil || pair.Remote == nil {
		return
	}
	addr, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return
	}
	c.wire.Follow(netip.AddrPortFrom(addr, pair.Remote.Port))
}

func registerCodecs(m *webrtc.MediaEngine) error {
	feedback := []webrtc.RTCPFeedback{
		{Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"},
	}
	errs := []error{
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeOpus, ClockRate: payload.AudioClock, Channels: 2,
				SDPFmtpLine: "minptime=10;useinbandfec=1", RTCPFeedback: feedback[:1],
			}, PayloadType: opusType,
		}, webrtc.RTPCodecTypeAudio),
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeVP8, ClockRate: payload.VideoClock, RTCPFeedback: feedback,
			}, PayloadType: vp8Type,
		}, webrtc.RTPCodecTypeVideo),
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: payload.VideoClock, SDPFmtpLine: "apt=96",
			}, PayloadType: rtxType,
		}, webrtc.RTPCodecTypeVideo),
	}
	for _, uri := range []string{uriMID, uriTWCC, uriRID, uriRepaired} {
		video := webrtc.RTPHeaderExtensionCapability{URI: uri}
		errs = append(errs, m.RegisterHeaderExtension(video, webrtc.RTPCodecTypeVideo))
	}
	for _, uri := range []string{uriMID, uriTWCC, uriAudioLevel} {
		audio := webrtc.RTPHeaderExtensionCapability{URI: uri}
		errs = append(errs, m.RegisterHeaderExtension(audio, webrtc.RTPCodecTypeAudio))
	}
	return errors.Join(errs...)
}

// addSource adds a sendonly m-line. Pion makes the SSRCs and the SDP; it never sees a packet.
func (c *connection) addSource(source protocol.Source) error {
	video := source == protocol.Camera || source == protocol.Screen
	mime, rids := webrtc.MimeTypeOpus, []string{""}
	if video {
		mime = webrtc.MimeTypeVP8
		if c.cfg.simulcast && source == protocol.Camera {
			rids = []string{"q", "h", "f"}
		}
	}
	var tracks []webrtc.TrackLocal
	for _, rid := range rids {
		var options []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			options = append(options, webrtc.WithRTPStreamID(rid))
		}
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, source.String(), "bot", options...)
		if err != nil {
			return err
		}
		tracks = append(tracks, t)
	}
	transceiver, err := c.pc.AddTransceiverFromTrack(tracks[0],
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	for _, t := range tracks[1:] {
		if err := transceiver.Sender().AddEncoding(t); err != nil {
			return err
		}
	}
	c.sending = append(c.sending, sendLine{source, transceiver})
	return nil
}

func (c *connection) addSlots() error {
	kinds := []struct {
		kind webrtc.RTPCodecType
		n    int
	}{{webrtc.RTPCodecTypeAudio, c.cfg.audioSlots}, {webrtc.RTPCodecTypeVideo, c.cfg.videoSlots}}
	for _, k := range kinds {
		for range k.n {
			_, err := c.pc.AddTransceiverFromKind(k.kind,
				webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			if err != nil {
				return fmt.Errorf("bots: slot: %w", err)
			}
		}
	}
	return nil
}

// offer makes the offer and says what its m-lines publish.
func (c *connection) offer() (text string, tracks []protocol.Track, err error) {
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		return "", nil, fmt.Errorf("bots: offer: %w", err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return "", nil, fmt.Errorf("bots: offer: %w", err)
	}
	tracks = []protocol.Track{}
	for _, s := range c.sending {
		tracks = append(tracks, protocol.Track{MID: s.transceiver.Mid(), Source: s.source})
	}
	return stripCandidates(offer.SDP), tracks, nil
}

// answer takes the server's answer and starts ICE.
func (c *connection) answer(text string) error {
	lines, err := parseAnswer(text)
	if err != nil {
		return err
	}
	byMID := make(map[string]mediaLine, len(lines))
	var slots []receive.Slot
	for i := range lines {
		l := lines[i]
		byMID[l.mid] = l
		if l.sending && !l.rejected {
			if l.ssrc == 0 {
				return fmt.Errorf("%w: m-line %s names no SSRC", errBadAnswer, l.mid)
			}
			slots = append(slots, receive.Slot{MID: l.mid, Video: l.video, SSRC: l.ssrc, RTX: l.rtx, TWCC: l.ext.TWCC})
		}
	}
	for _, s := range c.sending {
		l, ok := byMID[s.transceiver.Mid()]
		if !ok || l.rejected {
			return fmt.Errorf("%w: %s was rejected", errBadAnswer, s.source)
		}
		c.publisher.Add(c.sendTrack(s, &l))
	}
	c.receiver.Expect(slots)
	err = c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text})
	if err != nil {
		return fmt.Errorf("bots: answer: %w", err)
	}
	return nil
}

func (c *connection) sendTrack(s sendLine, l *mediaLine) publish.Track {
	t := publish.Track{Source: s.source, MID: l.mid, Extensions: l.ext, Payload: opusType}
	if l.video {
		t.Payload = vp8Type
		if l.rtxType != 0 {
			t.RTX = rtxType
		}
	}
	params := s.transceiver.Sender().GetParameters()
	for i := range params.Encodings {
		e := &params.Encodings[i]
		enc := publish.Encoding{RID: e.RID, SSRC: uint32(e.SSRC), RTXSSRC: uint32(e.RTX.SSRC)}
		if l.video {
			enc.Video = c.cfg.clip.Layer(e.RID)
		} else {
			enc.Audio = &c.cfg.clip.Audio
		}
		t.Encodings = append(t.Encodings, enc)
	}
	return t
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
	_, err = c.keys()
	return iceUp, connected, err
}

func (c *connection) close() error {
	var err error
	if c.pc != nil {
		err = c.pc.Close()
	}
	return errors.Join(err, c.wire.Close())
}
