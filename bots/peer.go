package bots

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

	"conclave/e2ee"
	"conclave/protocol"
)

// payload types of our offers.
const (
	opusType = 111
	vp8Type  = 96
	rtxType  = 97
)

// peerConfig says what a bot's PeerConnection sends and receives.
type peerConfig struct {
	clip       *Clip
	sources    []protocol.Source // that may ever be published
	simulcast  bool
	audioSlots int
	videoSlots int
	local      net.IP // the address the server is reached from
	poll       time.Duration
	verify     int
	feedback   bool
	lag        *lagLog
	secure     *secure // nil in a meeting without end-to-end encryption
}

// peer is one PeerConnection with its own packet path: Pion does SDP, ICE and DTLS, the rest is wire, publisher and
// receiver.
type peer struct {
	pc        *webrtc.PeerConnection
	wire      *wire
	publisher *publisher
	receiver  *receiver
	tap       *keyTap
	cfg       peerConfig
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

func newPeer(cfg peerConfig) (*peer, error) {
	p := &peer{
		cfg: cfg, tap: &keyTap{},
		iceUp: make(chan time.Time, 1), connected: make(chan time.Time, 1), failed: make(chan struct{}),
	}
	p.receiver = newReceiver(cfg.verify, cfg.feedback)
	var err error
	if p.wire, err = listenWire(cfg.local, cfg.poll, p.receiver.batch, p.tap.sniff); err != nil {
		return nil, err
	}
	p.publisher = newPublisher(p.wire.send, cfg.lag)
	if cfg.secure != nil {
		p.publisher.sealer = e2ee.NewSealer(cfg.secure.session.Hash())
		p.receiver.sealed = newUnsealer()
	}
	p.receiver.keys = p.keys
	p.receiver.sendRTCP = p.publisher.sendRTCP
	p.receiver.onRTCP = p.publisher.onRTCP
	if err := p.connect(); err != nil {
		_ = p.close()
		return nil, err
	}
	return p, nil
}

// keys derives the SRTP contexts once the handshake gave its secrets. It is called by the receiver with the first
// packet, or when Pion says that the connection is up, whichever is first.
func (p *peer) keys() (*srtp.Context, error) {
	p.keyMu.Lock()
	defer p.keyMu.Unlock()
	if p.recv != nil {
		return p.recv, nil
	}
	send, recv, err := p.tap.contexts()
	if err != nil { // not yet; a datagram of nobody's must not spoil it
		return nil, err
	}
	p.recv = recv
	p.publisher.begin(send, time.Now())
	return recv, nil
}

func (p *peer) connect() error {
	media := &webrtc.MediaEngine{}
	if err := registerCodecs(media); err != nil {
		return fmt.Errorf("bots: codecs: %w", err)
	}
	var s webrtc.SettingEngine
	s.SetICEUDPMux(p.wire)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.SetIncludeLoopbackCandidate(true)
	s.DisableActiveTCP(true)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	s.SetDTLSKeyLogWriter(p.tap)
	s.DisableCloseByDTLS(false)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		return fmt.Errorf("bots: PeerConnection: %w", err)
	}
	p.pc = pc
	pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state == webrtc.ICEConnectionStateConnected {
			offerTime(p.iceUp)
			p.follow()
		}
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			p.follow()
			offerTime(p.connected)
		case webrtc.PeerConnectionStateFailed:
			p.failOnce.Do(func() { close(p.failed) })
		}
	})
	for _, source := range p.cfg.sources {
		if err := p.addSource(source); err != nil {
			return fmt.Errorf("bots: %s: %w", source, err)
		}
	}
	return p.addSlots()
}

func offerTime(ch chan time.Time) {
	select {
	case ch <- time.Now():
	default:
	}
}

// follow sends media where ICE says that the server is.
func (p *peer) follow() {
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil || pair.Remote == nil {
		return
	}
	addr, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return
	}
	to := netip.AddrPortFrom(addr, pair.Remote.Port)
	p.wire.remote.Store(&to)
}

func registerCodecs(m *webrtc.MediaEngine) error {
	feedback := []webrtc.RTCPFeedback{{Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	errs := []error{
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeOpus, ClockRate: audioClockRate, Channels: 2,
				SDPFmtpLine: "minptime=10;useinbandfec=1", RTCPFeedback: feedback[:1],
			}, PayloadType: opusType,
		}, webrtc.RTPCodecTypeAudio),
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeVP8, ClockRate: videoClockRate, RTCPFeedback: feedback,
			}, PayloadType: vp8Type,
		}, webrtc.RTPCodecTypeVideo),
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: videoClockRate, SDPFmtpLine: "apt=96",
			}, PayloadType: rtxType,
		}, webrtc.RTPCodecTypeVideo),
	}
	for _, uri := range []string{uriMID, uriTWCC, uriRID, uriRepaired} {
		errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo))
	}
	for _, uri := range []string{uriMID, uriTWCC, uriAudioLevel} {
		errs = append(errs, m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio))
	}
	return errors.Join(errs...)
}

// addSource adds a sendonly m-line. Pion makes the SSRCs and the SDP; it never sees a packet.
func (p *peer) addSource(source protocol.Source) error {
	video := source == protocol.Camera || source == protocol.Screen
	mime, rids := webrtc.MimeTypeOpus, []string{""}
	if video {
		mime = webrtc.MimeTypeVP8
		if p.cfg.simulcast && source == protocol.Camera {
			rids = []string{"q", "h", "f"}
		}
	}
	var tracks []webrtc.TrackLocal
	for _, rid := range rids {
		var options []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			options = append(options, webrtc.WithRTPStreamID(rid))
		}
		t, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, string(source), "bot", options...)
		if err != nil {
			return err
		}
		tracks = append(tracks, t)
	}
	transceiver, err := p.pc.AddTransceiverFromTrack(tracks[0],
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return err
	}
	for _, t := range tracks[1:] {
		if err := transceiver.Sender().AddEncoding(t); err != nil {
			return err
		}
	}
	p.sending = append(p.sending, sendLine{source, transceiver})
	return nil
}

func (p *peer) addSlots() error {
	kinds := []struct {
		kind webrtc.RTPCodecType
		n    int
	}{{webrtc.RTPCodecTypeAudio, p.cfg.audioSlots}, {webrtc.RTPCodecTypeVideo, p.cfg.videoSlots}}
	for _, k := range kinds {
		for range k.n {
			_, err := p.pc.AddTransceiverFromKind(k.kind,
				webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			if err != nil {
				return fmt.Errorf("bots: slot: %w", err)
			}
		}
	}
	return nil
}

// offer makes the offer and says what its m-lines publish.
func (p *peer) offer() (text string, tracks []protocol.Track, err error) {
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return "", nil, fmt.Errorf("bots: offer: %w", err)
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return "", nil, fmt.Errorf("bots: offer: %w", err)
	}
	tracks = []protocol.Track{}
	for _, s := range p.sending {
		tracks = append(tracks, protocol.Track{MID: s.transceiver.Mid(), Source: s.source})
	}
	return stripCandidates(offer.SDP), tracks, nil
}

// answer takes the server's answer and starts ICE.
func (p *peer) answer(text string) error {
	lines, err := parseAnswer(text)
	if err != nil {
		return err
	}
	byMID := make(map[string]mediaLine, len(lines))
	var slots []*stream
	for i := range lines {
		l := lines[i]
		byMID[l.mid] = l
		if l.sending && !l.rejected {
			if l.ssrc == 0 {
				return fmt.Errorf("%w: m-line %s names no SSRC", errBadAnswer, l.mid)
			}
			rate := int64(audioClockRate)
			if l.video {
				rate = videoClockRate
			}
			slots = append(slots, &stream{
				mid: l.mid, video: l.video, ssrc: l.ssrc, rtx: l.rtx, clockRate: rate, twccID: l.ext.twcc,
			})
		}
	}
	for _, s := range p.sending {
		l, ok := byMID[s.transceiver.Mid()]
		if !ok || l.rejected {
			return fmt.Errorf("%w: %s was rejected", errBadAnswer, s.source)
		}
		p.publisher.add(p.sendTrack(s, &l))
	}
	p.receiver.expect(slots)
	err = p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text})
	if err != nil {
		return fmt.Errorf("bots: answer: %w", err)
	}
	return nil
}

func (p *peer) sendTrack(s sendLine, l *mediaLine) *sendTrack {
	t := &sendTrack{source: s.source, mid: l.mid, ext: l.ext, payload: opusType}
	if l.video {
		t.payload = vp8Type
		if l.rtxType != 0 {
			t.rtx = rtxType
		}
	}
	params := s.transceiver.Sender().GetParameters()
	for i := range params.Encodings {
		e := &params.Encodings[i]
		enc := &encoding{rid: e.RID, ssrc: uint32(e.SSRC), rtxSSRC: uint32(e.RTX.SSRC)}
		if l.video {
			enc.video = p.cfg.clip.layer(e.RID)
		} else {
			enc.audio = &p.cfg.clip.Audio
		}
		t.encodings = append(t.encodings, enc)
	}
	return t
}

// wait waits until media may flow and returns when ICE and DTLS were up.
func (p *peer) wait(ctx context.Context) (iceUp, connected time.Time, err error) {
	select {
	case connected = <-p.connected:
	case <-p.failed:
		return iceUp, connected, errors.New("bots: the media connection failed")
	case <-ctx.Done():
		return iceUp, connected, fmt.Errorf("bots: waiting for the media connection: %w", ctx.Err())
	}
	select {
	case iceUp = <-p.iceUp:
	default:
		iceUp = connected
	}
	_, err = p.keys()
	return iceUp, connected, err
}

func (p *peer) close() error {
	var err error
	if p.pc != nil {
		err = p.pc.Close()
	}
	return errors.Join(err, p.wire.Close())
}
