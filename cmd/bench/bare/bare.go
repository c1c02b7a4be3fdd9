// Package bare is what Pion takes before a packet is forwarded: an ICE-lite PeerConnection a participant, trimmed
// as the sfu package trims its own, that answers an offer of a single m-line and carries nothing. cmd/bench measures
// it beside the engine, so that what a participant costs can be told apart into Pion's share and ours.
package bare

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/meeting"
)

// Media makes rooms. Safe for concurrent use.
type Media struct {
	api         *webrtc.API
	certificate webrtc.Certificate
}

// New makes a Media on a loopback port of its own, which stays open as long as the process.
func New() (*Media, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bare: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("bare: %w", err)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("bare: %w", err)
	}
	media := &webrtc.MediaEngine{}
	err = media.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
		PayloadType:        111,
	}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		return nil, fmt.Errorf("bare: %w", err)
	}
	// As in sfu/transport, but for what there serves to take the SRTP keys out: that costs next to nothing.
	var s webrtc.SettingEngine
	s.SetLite(true)
	s.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn}))
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	s.DisableActiveTCP(true)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	s.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	s.SetDTLSInsecureSkipHelloVerify(true)
	s.SetDTLSKeyLogWriter(io.Discard)
	s.DisableMediaEngineCopy(true)
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, fmt.Errorf("bare: %w", err)
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	return &Media{api: api, certificate: *certificate}, nil
}

// NewRoom implements meeting.Media.
func (m *Media) NewRoom(_ media.RoomConfig, tell func(media.Event)) meeting.Room {
	return room{m, tell}
}

var _ meeting.Media = (*Media)(nil)

type room struct {
	media *Media
	tell  func(media.Event)
}

// Join implements meeting.Room.
func (r room) Join(id media.ParticipantID) meeting.Peer { return &peer{room: r, id: id} }

// Close implements meeting.Room. Peers are closed by those that joined them.
func (room) Close() {}

type peer struct {
	room
	id media.ParticipantID
	mu sync.Mutex
	pc *webrtc.PeerConnection
}

// Negotiate implements meeting.Peer. The offer should hold one m-line of Opus.
func (p *peer) Negotiate(ctx context.Context, offer string, _ []media.Track) (answer string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pc == nil {
		certificate := webrtc.Configuration{Certificates: []webrtc.Certificate{p.media.certificate}}
		if p.pc, err = p.media.api.NewPeerConnection(certificate); err != nil {
			return "", fmt.Errorf("bare: %w", err)
		}
		p.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
			if state == webrtc.PeerConnectionStateConnected {
				p.tell(media.Event{Kind: media.EventConnected, Participant: p.id})
			}
		})
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("bare: %w", err)
	}
	local, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("bare: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(local); err != nil {
		return "", fmt.Errorf("bare: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err() //nolint:wrapcheck // the caller's own
	}
	return p.pc.LocalDescription().SDP, nil
}

// SetView implements meeting.Peer.
func (*peer) SetView([]media.Want) {}

// SetLive implements meeting.Peer.
func (p *peer) SetLive(_ media.SourceSet, generation uint64) { p.applied(generation) }

// Close implements meeting.Peer.
func (p *peer) Close(generation uint64) {
	p.mu.Lock()
	if p.pc != nil {
		_ = p.pc.Close()
	}
	p.mu.Unlock()
	p.applied(generation)
}

func (p *peer) applied(generation uint64) {
	p.tell(media.Event{Kind: media.EventApplied, Participant: p.id, Generation: generation})
}
