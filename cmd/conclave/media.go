package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/go-chi/chi/v5"

	"conclave/config"
	"conclave/meeting"
	"conclave/sfu"
	"conclave/signaling"
)

// media is what meetings need: the sockets, the registry, and the WebSockets in front of them.
type media struct {
	addrs     []netip.AddrPort
	reach     reaching
	sfu       *sfu.Server
	registry  *meeting.Registry
	signaling *signaling.Handler
}

// startMedia opens the media sockets and puts meetings on top of them.
func (s *server) startMedia(ctx context.Context, web net.Listener) (_ *media, err error) {
	m := &media{}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	if m.addrs, err = mediaAddresses(&s.cfg.Config, s.deployment.Loopback, s.deployment.MediaPorts[0]); err != nil {
		return nil, err
	}
	port, err := s.mediaPort(m.addrs)
	if err != nil {
		return nil, err
	}
	for i, a := range m.addrs {
		m.addrs[i] = netip.AddrPortFrom(a.Addr(), port)
	}
	if err := s.listenStreams(ctx, m, web); err != nil {
		return nil, err
	}
	m.sfu, err = sfu.Listen(sfu.Config{
		Listen: m.addrs, Streams: m.reach.hub, TCP: m.reach.tcp, Relay: m.reach.relay, Advertise: s.cfg.Advertise,
		Log: s.log, GCMOnly: s.cfg.MediaCiphers == config.GCMOnly,
	})
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	if s.cfg.Turn {
		m.reach.relay.Open(m.sfu.Addresses())
	}
	s.metrics.registry.MustRegister(m.sfu.Collector())
	meetings := s.cfg.Meetings
	meetings.Media, meetings.Guests, meetings.Log = meeting.FromSFU(m.sfu), s.cfg.Auth.Guests, s.log
	meetings.Now = s.now
	if m.reach.urls = s.relayURLs(m); len(m.reach.urls) > 0 {
		meetings.Relay = &m.reach
	}
	if s.audit != nil {
		meetings.Recorder = happenings{s.audit}
	}
	m.registry, err = meeting.NewRegistry(meetings)
	if err != nil {
		return nil, fmt.Errorf("meetings: %w", err)
	}
	if s.audit != nil {
		s.audited.Store(m.registry)
	}
	roles, err := s.cfg.Roles()
	if err != nil {
		return nil, err
	}
	c := s.cfg.Signaling
	c.Origins, c.RoleNames, c.Log, c.Metrics = s.origins(), roles, s.log, s.metrics.registry
	c.Secure, c.Now = s.deployment.Secure, s.now
	c.Check = m.check
	if s.generations != nil {
		c.Elsewhere = s.openElsewhere
	}
	c.Reserve = whileCarried(m.sfu.Admit, underEgress(s.cfg.MaxEgress, m.sfu.EgressBitrate, m.participants))
	m.signaling, err = signaling.New(c, s.auth, m.registry)
	if err != nil {
		return nil, fmt.Errorf("signaling: %w", err)
	}
	return m, nil
}

// whileCarried reserves capacity for new participants while the machine carries more and reserve has room. reserve may
// be nil.
func whileCarried(admit func(context.Context) (release func(), ok bool), reserve func() (release func(), ok bool),
) func(context.Context) (release func(), ok bool) {
	if reserve == nil {
		return admit
	}
	return func(ctx context.Context) (release func(), ok bool) {
		one, ok := admit(ctx)
		if !ok {
			return nil, false
		}
		other, ok := reserve()
		if !ok {
			one()
			return nil, false
		}
		return func() { one(); other() }, true
	}
}

// underEgress reserves capacity for new participants below the limit of what is sent; it is nil without a limit.
func underEgress(limit config.Bitrate, rate func() uint64, present func() int) func() (release func(), ok bool) {
	if limit == 0 {
		return nil
	}
	c := &ceiling{limit: uint64(limit), rate: rate, present: present, now: time.Now}
	return c.reserve
}

// origins may open WebSockets.
func (s *server) origins() []string {
	list := []string{s.deployment.URL.String()}
	if s.cfg.ClientURL != "" {
		list = append(list, s.cfg.ClientURL)
	}
	return list
}

func (m *media) participants() int { return m.registry.Gauges().Participants }

func (m *media) routes(r chi.Router) { m.signaling.Routes(r) }

// drain tells all participants and waits until they have gone or ctx ends.
func (m *media) drain(ctx context.Context) error { return m.signaling.Drain(ctx) }

// close ends what is there, in the opposite order of startMedia.
func (m *media) close() {
	if m.registry != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // those who are still there have had the time of drain
		_ = m.registry.Close(ctx)
	}
	if m.sfu != nil {
		_ = m.sfu.Close()
	}
	m.reach.close()
}

// String lists the addresses of this machine that media is served on.
func (m *media) String() string {
	text := ""
	for i, a := range m.addrs {
		if i > 0 {
			text += " "
		}
		text += a.String() + "/udp"
	}
	return text
}
