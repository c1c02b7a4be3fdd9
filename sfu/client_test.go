package sfu

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	pionnack "github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	piontransport "github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/sfu/codec"
	"conclave/sfu/nack"
	"conclave/sfu/sdp"
	"conclave/sfu/transport/srtp"
	"conclave/sfu/wiretest"
)

// client is a real Pion peer in the role of a browser: it offers, publishes and records every packet its slots receive.
type client struct {
	t    *testing.T
	peer *Peer
	pc   *webrtc.PeerConnection

	mic    *webrtc.TrackLocalStaticRTP
	camera []*cameraTrack // by layer
	codec  codec.Kind     // of the camera
	rising bool           // clientOptions.rising

	mu       sync.Mutex
	received map[string][]rtp.Packet // by mid
	slots    map[string]media.Slot
	withheld []media.Withheld
	encode   map[media.Source][]string
	plis     map[string]int // by RID of our own camera
	up       chan struct{}
	tracks   []media.Track
}

type clientOptions struct {
	net          piontransport.Net // nil: the real one
	layers       int               // simulcast encodings of the camera, 0: no camera
	mic          bool
	audio, video int                // slots
	rising       bool               // each layer takes four times what the one below does, and has three temporal layers
	codecs       []codec.Kind       // of video, the one to publish first; empty: VP8
	network      webrtc.NetworkType // the only one; 0: any

	profiles []dtls.SRTPProtectionProfile // empty: Pion's own
}

var candidateLine = regexp.MustCompile(`a=(candidate:|end-of-candidates).*\r\n`)

func newClient(t *testing.T, room *testRoom, id media.ParticipantID, opt clientOptions) *client {
	t.Helper()
	c := &client{t: t, received: map[string][]rtp.Packet{}, slots: map[string]media.Slot{},
		encode: map[media.Source][]string{},
		plis:   map[string]int{}, up: make(chan struct{}, 8)}
	room.listen(id, c.told)
	c.peer = room.Join(id)
	c.pc = newClientPC(t, opt)
	c.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		c.receive(track, receiver.RTPTransceiver().Mid())
	})
	c.publish(opt)
	for range opt.audio {
		c.addSlot(webrtc.RTPCodecTypeAudio)
	}
	for range opt.video {
		c.addSlot(webrtc.RTPCodecTypeVideo)
	}
	t.Cleanup(func() { _ = c.pc.Close() })
	return c
}

// told takes in an event about the client.
func (c *client) told(e media.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e.Kind {
	case media.EventConnected:
		c.up <- struct{}{}
	case media.EventSlots:
		for _, s := range e.Slots {
			c.slots[s.MID] = s
		}
		c.withheld = e.Withheld
	case media.EventEncode:
		c.encode[e.Source] = e.RIDs
	default:
	}
}

// receive records what a slot receives and asks again for what is missing. Pion's own NACK generator does not see
// packets repaired by RTX and asks for ever.
func (c *client) receive(track *webrtc.TrackRemote, mid string) {
	var window srtp.Window
	var missing nack.Tracker
	asked := time.Now()
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.received[mid] = append(c.received[mid], *p)
		c.mu.Unlock()
		now := time.Now()
		seq := window.Index(p.SequenceNumber)
		window.Mark(seq)
		missing.Received(seq, now)
		if now.Sub(asked) < 20*time.Millisecond {
			continue
		}
		asked = now
		var seqs []uint16
		due, _ := missing.Due(make([]uint64, 0, 64), now, 100*time.Millisecond)
		for _, s := range due {
			seqs = append(seqs, uint16(s))
		}
		if len(seqs) > 0 {
			_ = c.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: uint32(track.SSRC()),
				Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}})
		}
	}
}

// reload is the client after its page was loaded again: another PeerConnection on the same seat.
func (c *client) reload(opt clientOptions) *client {
	c.t.Helper()
	again := &client{t: c.t, peer: c.peer, received: map[string][]rtp.Packet{}, plis: map[string]int{}}
	again.pc = newClientPC(c.t, opt)
	again.publish(opt)
	c.t.Cleanup(func() { _ = again.pc.Close() })
	return again
}

// testMimeTypes are what clients call the video codecs.
var testMimeTypes = map[codec.Kind]string{codec.VP8: webrtc.MimeTypeVP8, codec.VP9: webrtc.MimeTypeVP9,
	codec.AV1: webrtc.MimeTypeAV1, codec.H264: webrtc.MimeTypeH264}

func (o *clientOptions) videoCodecs() []codec.Kind {
	if len(o.codecs) == 0 {
		return []codec.Kind{codec.VP8}
	}
	return o.codecs
}

func newClientPC(t *testing.T, opt clientOptions) *webrtc.PeerConnection {
	t.Helper()
	var me webrtc.MediaEngine
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}}
	register := func(capability webrtc.RTPCodecCapability, pt webrtc.PayloadType, kind webrtc.RTPCodecType) {
		if err := me.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: pt},
			kind); err != nil {
			t.Fatal(err)
		}
	}
	register(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, 111,
		webrtc.RTPCodecTypeAudio)
	for _, kind := range opt.videoCodecs() {
		pt, fmtp := webrtc.PayloadType(wiretest.PayloadTypes()[kind]), ""
		if kind == codec.H264 {
			fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
		}
		register(webrtc.RTPCodecCapability{MimeType: testMimeTypes[kind], ClockRate: 90000, RTCPFeedback: feedback,
			SDPFmtpLine: fmtp}, pt, webrtc.RTPCodecTypeVideo)
		register(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000,
			SDPFmtpLine: fmt.Sprintf("apt=%d", pt)}, pt+1, webrtc.RTPCodecTypeVideo)
	}
	for _, uri := range []string{sdp.URIMID, sdp.URIRID, sdp.URIRepairedRID} {
		if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri},
			webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	for _, uri := range []string{sdp.URIMID, sdp.URIAudioLevel} {
		if err := me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri},
			webrtc.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	var registry interceptor.Registry
	responder, err := pionnack.NewResponderInterceptor()
	if err != nil {
		t.Fatal(err)
	}
	registry.Add(responder)
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if opt.network != 0 {
		se.SetNetworkTypes([]webrtc.NetworkType{opt.network})
	}
	if len(opt.profiles) > 0 {
		se.SetSRTPProtectionProfiles(opt.profiles...)
	}
	if opt.net != nil {
		se.SetNet(opt.net)
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&me), webrtc.WithSettingEngine(se),
		webrtc.WithInterceptorRegistry(&registry)).
		NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	return pc
}

// cameraTrack says when Pion begins to send it: until then what is written is lost without a word.
type cameraTrack struct {
	*webrtc.TrackLocalStaticRTP
	bound chan struct{}
	once  sync.Once
}

func (t *cameraTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	p, err := t.TrackLocalStaticRTP.Bind(c)
	t.once.Do(func() { close(t.bound) })
	return p, err //nolint:wrapcheck // Pion's own
}

func (c *client) publish(opt clientOptions) {
	c.t.Helper()
	must := func(err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatal(err)
		}
	}
	var err error
	sendonly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
	if opt.mic {
		c.mic, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "me")
		must(err)
		_, err = c.pc.AddTransceiverFromTrack(c.mic, sendonly)
		must(err)
	}
	var sender *webrtc.RTPSender
	c.codec, c.rising = opt.videoCodecs()[0], opt.rising
	for i := range opt.layers {
		var options []func(*webrtc.TrackLocalStaticRTP)
		if opt.layers > 1 {
			options = append(options, webrtc.WithRTPStreamID(sdp.RIDs[i]))
		}
		capability := webrtc.RTPCodecCapability{MimeType: testMimeTypes[opt.videoCodecs()[0]]}
		track, err := webrtc.NewTrackLocalStaticRTP(capability, "camera", "me", options...)
		must(err)
		camera := &cameraTrack{TrackLocalStaticRTP: track, bound: make(chan struct{})}
		c.camera = append(c.camera, camera)
		if i == 0 {
			tr, err := c.pc.AddTransceiverFromTrack(camera, sendonly)
			must(err)
			sender = tr.Sender()
		} else {
			must(sender.AddEncoding(camera))
		}
	}
	if sender != nil {
		for i := range opt.layers {
			go c.countPLIs(sender, i, opt.layers > 1)
		}
	}
}

func (c *client) countPLIs(sender *webrtc.RTPSender, layer int, simulcast bool) {
	for {
		var packets []rtcp.Packet
		var err error
		if simulcast {
			packets, _, err = sender.ReadSimulcastRTCP(sdp.RIDs[layer])
		} else {
			packets, _, err = sender.ReadRTCP()
		}
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				c.mu.Lock()
				c.plis[sdp.RIDs[layer]]++
				c.mu.Unlock()
			}
		}
	}
}

func (c *client) addSlot(kind webrtc.RTPCodecType) {
	c.t.Helper()
	if _, err := c.pc.AddTransceiverFromKind(kind,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		c.t.Fatal(err)
	}
}

// negotiate makes an offer, has it answered, and waits until the media is up the first time.
func (c *client) negotiate() {
	c.t.Helper()
	answer, err := c.offer(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.answered(answer)
}

func (c *client) answered(answer string) {
	c.t.Helper()
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatalf("%v\n%s", err, answer)
	}
}

func (c *client) offer(options *webrtc.OfferOptions) (answer string, err error) {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(options)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	c.tracks = nil
	for _, tr := range c.pc.GetTransceivers() {
		if tr.Direction() == webrtc.RTPTransceiverDirectionSendonly {
			source := media.Mic
			if tr.Kind() == webrtc.RTPCodecTypeVideo {
				source = media.Camera
			}
			c.tracks = append(c.tracks, media.Track{MID: tr.Mid(), Source: source})
		}
	}
	return c.peer.Negotiate(context.Background(), candidateLine.ReplaceAllString(c.pc.LocalDescription().SDP, ""),
		c.tracks)
}

func (c *client) waitUp() {
	c.t.Helper()
	select {
	case <-c.up:
	case <-time.After(wiretest.Patience):
		c.t.Fatal("media did not come up")
	}
	wiretest.Eventually(c.t, "the server has the keys too: until then it drops what is sent", func() bool {
		c.peer.room.mu.Lock()
		defer c.peer.room.mu.Unlock()
		s := c.peer.connection
		return s == nil || s.Transport().Keys() != nil // nil: closed meanwhile
	})
}

func (c *client) packets(mid string) []rtp.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]rtp.Packet(nil), c.received[mid]...)
}

// slotOf returns the mid that carries a participant's source, as the server has announced it.
func (c *client) slotOf(id media.ParticipantID, source media.Source) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for mid, s := range c.slots {
		if s.Participant == id && s.Source == source {
			return mid, true
		}
	}
	return "", false
}

// camera publishes all layers at 30 frames a second until stopped; a PLI makes the next frame of its layer a key frame.
func (c *client) runCamera(ctx context.Context, packetsPerFrame int) {
	sources := make([]*wiretest.VideoSource, len(c.camera))
	for i := range sources {
		sources[i] = &wiretest.VideoSource{Codec: c.codec, Layer: i, Height: uint16(720 >> (len(c.camera) - 1 - i)),
			Seq: uint16(65500 + 100*i), Timestamp: uint32(1000 * i), PictureID: uint16(32700 + 30*i), TL0: uint8(250 + i),
			Packets: packetsPerFrame}
		if c.rising {
			sources[i].Packets, sources[i].Temporal = packetsPerFrame<<(2*i), true
		}
	}
	answered := make([]int, len(sources))
	for _, track := range c.camera {
		select {
		case <-ctx.Done():
			return
		case <-track.bound:
		}
	}
	began := time.Now()
	// an interval after Bind: Pion connects the track a moment after it, and until then the frame would be lost
	const first = 1
	for n := first; ; n++ {
		select {
		case <-ctx.Done():
			return
		// late on a busy machine, but no frame is left out: rates stay what they are
		case <-time.After(time.Until(began.Add(time.Duration(n) * time.Second / 30))):
		}
		for i, src := range sources {
			c.mu.Lock()
			asked := c.plis[sdp.RIDs[i]]
			c.mu.Unlock()
			key := n == first || asked > answered[i]
			answered[i] = asked
			for _, p := range src.Frame(key) {
				c.identify(p, i)
				if err := c.camera[i].WriteRTP(p); err != nil {
					return
				}
			}
		}
	}
}

// identify adds the MID and RID header extensions, which Pion leaves to the application.
func (c *client) identify(p *rtp.Packet, layer int) {
	for _, tr := range c.pc.GetTransceivers() {
		if tr.Sender() == nil || tr.Sender().Track() != c.camera[0] {
			continue
		}
		for _, e := range tr.Sender().GetParameters().HeaderExtensions {
			value := ""
			switch e.URI {
			case sdp.URIMID:
				value = tr.Mid()
			case sdp.URIRID:
				value = sdp.RIDs[layer]
			}
			if value != "" {
				if err := p.SetExtension(uint8(e.ID), []byte(value)); err != nil {
					c.t.Error(err)
				}
			}
		}
	}
}

func testServer(t *testing.T) *Server {
	t.Helper()
	s, err := Listen(Config{Listen: []netipAddrPort{mustAddrPort("127.0.0.1:0")}})
	if err != nil {
		t.Fatal(err)
	}
	s.pin()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func dump(packets []rtp.Packet) string {
	s := ""
	for _, p := range packets {
		s += fmt.Sprintf("%d/%d/%v ", p.SequenceNumber, p.Timestamp, p.CSRC)
	}
	return s
}
