package reach_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/reach"
	"conclave/sfu"
	"conclave/sfu/wiretest"
)

// caller is a Pion peer that speaks and listens, by one way only.
type caller struct {
	pc    *webrtc.PeerConnection
	peer  *sfu.Peer
	mic   *webrtc.TrackLocalStaticRTP
	way   string // of the server's candidates, it is told those with these words
	heard atomic.Int64
}

// call has a peer join by TURN alone; without URLs, by a candidate.
func call(t *testing.T, room *sfu.Room, id media.ParticipantID, way string, c reach.Credential,
	urls ...string) *caller {
	t.Helper()
	cfg := webrtc.Configuration{}
	if len(urls) > 0 {
		cfg.ICETransportPolicy = webrtc.ICETransportPolicyRelay
		cfg.ICEServers = []webrtc.ICEServer{{URLs: urls, Username: c.Username, Credential: c.Password}}
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	if hasWords(way, "tcp") {
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	var engine webrtc.MediaEngine
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	if err := engine.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: 111},
		webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{
		URI: "urn:ietf:params:rtp-hdrext:sdes:mid"}, webrtc.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&engine)).NewPeerConnection(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	a := &caller{pc: pc, peer: room.Join(id), way: way}
	if a.mic, err = webrtc.NewTrackLocalStaticRTP(opus, "mic", "mic"); err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromTrack(a.mic,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio,
		webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			a.heard.Add(1)
		}
	})
	a.negotiate(t)
	return a
}

func (a *caller) negotiate(t *testing.T) {
	t.Helper()
	offer, err := a.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(a.pc)
	if err := a.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	mid := a.pc.GetTransceivers()[0].Mid()
	answer, err := a.peer.Negotiate(t.Context(), a.pc.LocalDescription().SDP, []media.Track{{MID: mid, Source: media.Mic}})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(answer) {
		if !strings.HasPrefix(line, "a=candidate:") || hasWords(line, a.way) {
			lines = append(lines, line)
		}
	}
	if err := a.pc.SetRemoteDescription(
		webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: strings.Join(lines, "")}); err != nil {
		t.Fatal(err)
	}
	a.peer.SetLive(media.Sources(media.Mic), 1)
}

// hasWords says whether a line has all the words.
func hasWords(line, words string) bool {
	have := strings.Fields(line)
	for _, w := range strings.Fields(words) {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

// Where UDP is blocked, sound goes both ways over each of TURN's transports, beside one who has UDP.
func TestSoundGoesBothWaysOverTURN(t *testing.T) {
	s := newServer(t, "127.0.0.1", http.NotFoundHandler())
	for name, url := range map[string]string{
		"TCP": "turn:" + s.tcp.String() + "?transport=tcp", "TLS": "turns:" + s.tcp.String() + "?transport=tcp",
		"UDP": "turn:" + s.udp.String() + "?transport=udp",
	} {
		t.Run(name, func(t *testing.T) {
			room := s.sfu.NewRoom(media.RoomConfig{}, func(media.Event) {})
			defer room.Close()
			c, end := s.seat(t)
			defer end()
			talk(t, call(t, room, 1, "udp", c, url), call(t, room, 2, "udp", reach.Credential{}))
			if s.hub.Stats().Open == 0 {
				t.Error("there is no stream")
			}
			end()
			wiretest.Eventually(t, "the streams end with the seat", func() bool { return s.hub.Stats().Open == 0 })
		})
	}
}

// talk has two speak until they have heard each other for a second.
func talk(t *testing.T, a, b *caller) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go wiretest.Speak(ctx, a.mic)
	go wiretest.Speak(ctx, b.mic)
	for who, c := range map[string]*caller{"first": a, "second": b} {
		wiretest.Eventually(t, "heard by the "+who, func() bool { return c.heard.Load() > 50 })
	}
}

// A machine behind 1:1 NAT is reached by the address it advertises: over ICE-TCP from outside, and through its own
// TURN, which relays to that address without a packet that leaves the machine.
func TestAnAdvertisedAddressIsReached(t *testing.T) {
	outside := netip.MustParseAddr("127.0.0.9")
	s := newServer(t, "127.0.0.1", http.NotFoundHandler(), outside)
	at := netip.AddrPortFrom(outside, s.tcp.Port())
	translate(t, at, s.tcp)
	if udp, tcp := s.sfu.Addresses(), s.sfu.TCPAddresses(); udp[0] != netip.AddrPortFrom(outside, s.udp.Port()) ||
		udp[1] != s.udp || tcp[0] != at || tcp[1] != s.tcp {
		t.Fatalf("candidates %v, %v", udp, tcp)
	}
	for name, urls := range map[string][]string{"ICE-TCP": nil, "TURN": {"turn:" + at.String() + "?transport=tcp"}} {
		t.Run(name, func(t *testing.T) {
			room := s.sfu.NewRoom(media.RoomConfig{}, func(media.Event) {})
			defer room.Close()
			c, end := s.seat(t)
			defer end()
			way := "tcp 127.0.0.9"
			if len(urls) > 0 {
				way = "udp 127.0.0.9"
			}
			talk(t, call(t, room, 1, way, c, urls...), call(t, room, 2, "udp", reach.Credential{}))
			if s.hub.Stats().Open == 0 {
				t.Error("there is no stream")
			}
		})
	}
}

// translate carries connections from one address to another until the test ends, as a NAT does.
func translate(t *testing.T, from, to netip.AddrPort) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", from.String())
	if err != nil {
		t.Skipf("%s cannot be listened on: %v", from, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { // ends with the listener
		for {
			outer, err := l.Accept()
			if err != nil {
				return
			}
			inner, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(to))
			if err != nil {
				_ = outer.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{outer, inner}, {inner, outer}} {
				go func() { // ends with either connection
					_, _ = io.Copy(pair[0], pair[1])
					_, _ = pair[0].Close(), pair[1].Close()
				}()
			}
		}
	}()
}
