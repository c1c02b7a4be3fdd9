package child

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"

	"conclave/media"
)

// ClientsConfig configures a child with bare clients: PeerConnections in a server child's lab, without WebSockets and
// meetings. They cost less than bots and measure nothing.
type ClientsConfig struct {
	Server serverReady `json:"server"`
	// First is the number of the first participant, Count how many join.
	First int `json:"first"`
	Count int `json:"count"`
	// AudioSlots and VideoSlots are what each receives on; the kernel discards what comes. There is at least one audio
	// slot.
	AudioSlots int `json:"audio_slots"`
	VideoSlots int `json:"video_slots"`
	// View lists whose cameras they want.
	View []media.ParticipantID `json:"view"`
	// Publish has them send frames of Frame bytes, FPS a second, and 50 packets of audio a second if Audio, instead of
	// receiving.
	Publish bool `json:"publish"`
	FPS     int  `json:"fps"`
	Frame   int  `json:"frame"`
	Audio   bool `json:"audio"`
}

// clientsReady is what the child says when all are connected.
type clientsReady struct {
	Connected int `json:"connected"`
}

// joinsAtOnce bounds the handshakes under way.
const joinsAtOnce = 8

// clientTimeout bounds one client's join.
const clientTimeout = 20 * time.Second

// Clients is the child with bare clients.
type Clients struct{}

// Run joins, says so, and stays until the parent closes the standard input.
func (Clients) Run(parent context.Context) error {
	var cfg ClientsConfig
	ctx, cancel, err := inheritance(parent, &cfg)
	if err != nil {
		return err
	}
	defer cancel()
	web := &http.Client{Timeout: clientTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		failure error
		clients []*client
	)
	turn := make(chan struct{}, joinsAtOnce)
	for i := range cfg.Count {
		turn <- struct{}{}
		running.Go(func() {
			defer func() { <-turn }()
			c, err := join(ctx, web, &cfg, media.ParticipantID(cfg.First+i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failure = errors.Join(failure, err)
				return
			}
			clients = append(clients, c)
		})
	}
	running.Wait()
	defer func() {
		for _, c := range clients {
			c.close()
		}
	}()
	if failure != nil {
		return failure
	}
	for _, c := range clients {
		if cfg.Publish {
			running.Go(func() { c.publish(ctx, &cfg) })
		}
	}
	if err := tell(clientsReady{len(clients)}); err != nil {
		return err
	}
	<-ctx.Done()
	running.Wait()
	return nil
}

// StartClients starts clients and waits until all are connected.
func StartClients(ctx context.Context, s *Server, cfg ClientsConfig) (*Process, error) {
	cfg.Server = s.Ready
	c, err := Start(ctx, "clients", cfg, nil)
	if err != nil {
		return nil, err
	}
	var ready clientsReady
	if err := c.Next(&ready); err != nil {
		return nil, err
	}
	return c, nil
}

// client is one PeerConnection on a socket of its own.
type client struct {
	pc           *webrtc.PeerConnection
	mux          *ice.UDPMuxDefault
	conn         *net.UDPConn
	audio, video *webrtc.TrackLocalStaticSample
}

func (c *client) close() {
	if c.pc != nil {
		_ = c.pc.Close()
	}
	if c.mux != nil {
		_ = c.mux.Close()
	}
	_ = c.conn.Close()
}

// join connects one client.
func join(ctx context.Context, web *http.Client, cfg *ClientsConfig, id media.ParticipantID) (c *client, err error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("client %d: %w", id, err)
			if c != nil {
				c.close()
			}
		}
	}()
	if c, err = newClient(cfg); err != nil {
		return c, err
	}
	connected := make(chan error, 1)
	c.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			connected <- nil
		case webrtc.PeerConnectionStateFailed:
			connected <- errors.New("the connection failed")
		}
	})
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		return c, err
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return c, err
	}
	request := labJoin{Participant: id, SDP: offer.SDP, View: cfg.View}
	if cfg.Publish {
		for _, t := range c.pc.GetTransceivers() {
			source := media.Mic
			if t.Kind() == webrtc.RTPCodecTypeVideo {
				source = media.Camera
			}
			request.Tracks = append(request.Tracks, media.Track{MID: t.Mid(), Source: source})
		}
	} else {
		request.SDP = slotsOffer(offer.SDP, cfg.AudioSlots, cfg.VideoSlots)
	}
	joined, err := call[labJoined](ctx, web, cfg.Server, http.MethodPost, "/bench/peers", request)
	if err != nil {
		return c, err
	}
	if !cfg.Publish {
		joined.SDP = firstLineOf(joined.SDP)
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer,
		SDP: joined.SDP}); err != nil {
		return c, err
	}
	select {
	case err = <-connected:
		return c, err
	case <-ctx.Done():
		return c, ctx.Err()
	}
}

func newClient(cfg *ClientsConfig) (c *client, err error) {
	c = &client{}
	if c.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		return nil, err
	}
	if !cfg.Publish {
		raw, err := c.conn.SyscallConn()
		if err == nil {
			err = discardMedia(raw)
		}
		if err != nil {
			return c, err
		}
	}
	c.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: c.conn})
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		return c, err
	}
	var s webrtc.SettingEngine
	s.SetICEUDPMux(c.mux)
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(engine),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	if c.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return c, err
	}
	if cfg.Publish {
		err = c.addTracks(cfg.Audio)
		return c, err
	}
	_, err = c.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	return c, err
}

func (c *client) addTracks(audio bool) (err error) {
	sendonly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
	if c.video, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8,
		ClockRate: 90000}, "video", "bench"); err != nil {
		return err
	}
	if _, err = c.pc.AddTransceiverFromTrack(c.video, sendonly); err != nil || !audio {
		return err
	}
	c.audio, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus,
		ClockRate: 48000, Channels: 2}, "audio", "bench")
	if err != nil {
		return err
	}
	_, err = c.pc.AddTransceiverFromTrack(c.audio, sendonly)
	return err
}

// keyFrame and interFrame are how VP8 frames begin (RFC 6386 §9.1): what a forwarder looks at.
const (
	keyFrame   = "\x10\x00\x00\x9d\x01\x2a\x40\x01\xb4\x00" // 320 × 180
	interFrame = "\x11\x00\x00"
)

// publish sends media until ctx ends, beginning at a moment of its own.
func (c *client) publish(ctx context.Context, cfg *ClientsConfig) {
	var sending sync.WaitGroup
	defer sending.Wait()
	key, inter := make([]byte, cfg.Frame), make([]byte, cfg.Frame)
	copy(key, keyFrame)
	copy(inter, interFrame)
	between := time.Second / time.Duration(max(1, cfg.FPS))
	sending.Go(func() {
		every(ctx, between, func(n int) {
			frame := inter
			if n%max(1, cfg.FPS) == 0 { // without being asked: a key frame a second
				frame = key
			}
			_ = c.video.WriteSample(pionmedia.Sample{Data: frame, Duration: between}) // lost, as UDP may
		})
	})
	if c.audio == nil {
		return
	}
	voice := make([]byte, AudioPayload)
	sending.Go(func() {
		every(ctx, AudioEvery, func(int) { _ = c.audio.WriteSample(pionmedia.Sample{Data: voice, Duration: AudioEvery}) })
	})
}

// every calls f at equal distances until ctx ends.
func every(ctx context.Context, between time.Duration, f func(n int)) {
	time.Sleep(rand.N(between))
	tick := time.NewTicker(between)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f(n)
		}
	}
}

// slotsOffer makes an offer with so many receiving m-lines out of Pion's with one. The client's own PeerConnection
// does not know about the others and spends nothing on them.
func slotsOffer(own string, audio, video int) string {
	var credentials strings.Builder
	for line := range strings.Lines(own) {
		for _, prefix := range []string{"a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"} {
			if strings.HasPrefix(line, prefix) && !strings.Contains(credentials.String(), prefix) {
				credentials.WriteString(line)
			}
		}
	}
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE")
	for i := range audio + video {
		fmt.Fprintf(&b, " %d", i)
	}
	b.WriteString("\r\n")
	for i := range audio + video {
		if i < audio {
			b.WriteString("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\n")
		} else {
			b.WriteString("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 " +
				"nack\r\n" +
				"a=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n")
		}
		fmt.Fprintf(&b, "%sa=mid:%d\r\na=recvonly\r\na=rtcp-mux\r\n", credentials.String(), i)
	}
	return b.String()
}

// firstLineOf makes an answer to Pion's own offer out of a server's: its first m-line, inactive.
func firstLineOf(answer string) string {
	var b strings.Builder
	lines := 0
	for line := range strings.Lines(answer) {
		switch {
		case strings.HasPrefix(line, "m="):
			lines++
		case strings.HasPrefix(line, "a=group:"):
			line = "a=group:BUNDLE 0\r\n"
		case strings.HasPrefix(line, "a=sendonly"):
			line = "a=inactive\r\n"
		case strings.HasPrefix(line, "a=ssrc"), strings.HasPrefix(line, "a=msid:"):
			continue
		}
		if lines > 1 {
			break
		}
		b.WriteString(line)
	}
	return b.String()
}
