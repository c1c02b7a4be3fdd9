package signaling

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"conclave/meeting"
	"conclave/sfu"
	"conclave/signaling/protocol"
)

// hostile is a client with a real PeerConnection that sends audio all the time, whatever it is told, and counts what it
// receives.
type hostile struct {
	*peer
	pc       *webrtc.PeerConnection
	received atomic.Int64
	stop     chan struct{}
	stopped  chan struct{}
}

func newHostile(t *testing.T, p *peer) *hostile {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var codecs webrtc.MediaEngine
	must(codecs.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio))
	for _, uri := range []string{"urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:ssrc-audio-level"} {
		must(codecs.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio))
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&codecs), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	must(err)
	h := &hostile{peer: p, pc: pc, stop: make(chan struct{}), stopped: make(chan struct{})}
	connected := make(chan struct{}, 8)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			h.received.Add(1)
		}
	})
	mic, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "mic", "me")
	must(err)
	sender, err := pc.AddTransceiverFromTrack(mic, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	must(err)
	for range 2 {
		_, err = pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(err)
	}
	offer, err := pc.CreateOffer(nil)
	must(err)
	must(pc.SetLocalDescription(offer))
	p.send(&protocol.Offer{ID: p.id(), SDP: offer.SDP, Tracks: []protocol.Track{{MID: sender.Mid(), Source: protocol.Mic}}})
	must(pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: next[*protocol.Answer](p).SDP}))
	t.Cleanup(func() { close(h.stop); <-h.stopped; _ = pc.Close() })
	select {
	case <-connected:
	case <-time.After(patience):
		t.Error("no media connection")
	}
	go h.shout(mic)
	return h
}

// shout sends a loud packet every 20 ms.
func (h *hostile) shout(mic *webrtc.TrackLocalStaticRTP) {
	defer close(h.stopped)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for seq := uint16(1); ; seq++ {
		p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960}, Payload: make([]byte, 60)}
		_ = p.SetExtension(2, []byte{0x80 | 10}) // ssrc-audio-level: voice, loud; if it was negotiated
		_ = mic.WriteRTP(p)
		select {
		case <-tick.C:
		case <-h.stop:
			return
		}
	}
}

// hears says whether packets arrive from now on.
func (h *hostile) hears(t *testing.T, want bool, why string) {
	t.Helper()
	if want {
		before := h.received.Load()
		eventually(t, why, func() bool { return h.received.Load() > before+5 })
		return
	}
	time.Sleep(50 * time.Millisecond) // what was on the wire when the reply came
	before := h.received.Load()
	time.Sleep(400 * time.Millisecond) // twenty packets' time
	if n := h.received.Load() - before; n != 0 {
		t.Fatalf("%s: %d packets", why, n)
	}
}

// A client that ignores every rule of the user interface sends and gets exactly what the meeting permits: the media
// server enforces mute, role and removal.
func TestHostileClientWithRealMedia(t *testing.T) {
	media, err := sfu.Listen(sfu.Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = media.Close() }) // after the server's drain
	s := newServer(t, func(_ *Config, m *meeting.Config) { m.Media = meeting.FromSFU(media) })
	ana, eve := s.signIn("ana"), s.signIn("eve")
	id := ana.create(`{}`)
	hostSocket, eveSocket := ana.join(id), eve.wait(id)
	eveSocket.rejected(&protocol.Offer{ID: eveSocket.id(), SDP: "v=0", Tracks: []protocol.Track{}}, protocol.ErrNotJoined)
	hostSocket.ok(&protocol.Admit{ID: hostSocket.id(), All: true})
	eveSocket.in()
	one := []protocol.Participant{eveSocket.welcome.Participant}
	mic := []protocol.Source{protocol.Mic}

	host, bad := newHostile(t, hostSocket), newHostile(t, eveSocket)
	host.hears(t, false, "sent without having switched anything on")
	bad.ok(&protocol.Media{ID: bad.id(), Sources: mic})
	host.hears(t, true, "eve speaks")

	host.ok(&protocol.Mute{ID: host.id(), Participants: one, Sources: mic})
	host.hears(t, false, "muted by the host")
	bad.ok(&protocol.Media{ID: bad.id(), Sources: mic})
	host.hears(t, true, "on again by her own act")

	host.ok(&protocol.SetRole{ID: host.id(), Participant: one[0], Role: protocol.RoleViewer})
	host.hears(t, false, "demoted")
	bad.rejected(&protocol.Media{ID: bad.id(), Sources: mic}, protocol.ErrNotPermitted)
	host.hears(t, false, "demoted and insisting")
	host.ok(&protocol.Media{ID: host.id(), Sources: mic})
	bad.hears(t, true, "a viewer still hears")

	host.ok(&protocol.SetRole{ID: host.id(), Participant: one[0], Role: protocol.RoleParticipant})
	bad.ok(&protocol.Media{ID: bad.id(), Sources: mic})
	host.hears(t, true, "promoted")
	host.ok(&protocol.Remove{ID: host.id(), Participants: one})
	host.hears(t, false, "removed: sends")
	bad.hears(t, false, "removed: gets")
	bad.bye(protocol.ByeRemoved)
}
