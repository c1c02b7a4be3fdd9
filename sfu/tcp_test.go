package sfu

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/sfu/drop"
	"conclave/sfu/stream"
	"conclave/sfu/wiretest"
)

// tcpServer is a server that clients reach over TCP too.
func tcpServer(t *testing.T, ip string, wrap func(net.Conn) net.Conn) (*Server, *stream.Hub) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Skipf("%s cannot be listened on: %v", ip, err)
	}
	hub := stream.NewHub(2, 100)
	srv, err := Listen(Config{Listen: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(ip), 0)}, Workers: 2,
		Streams: hub, TCP: []netip.AddrPort{netip.MustParseAddrPort(listener.Addr().String())}})
	if err != nil {
		t.Fatal(err)
	}
	srv.pin()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _ = stream.ServeTCP(ctx, hub, wrap(conn), nil) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		wg.Wait()
		if open := hub.Stats().Open; open != 0 {
			t.Errorf("%d streams are left", open)
		}
	})
	return srv, hub
}

// Where UDP is blocked, pictures and sound go both ways over ICE-TCP, by IPv4 and IPv6, beside others over UDP.
func TestMediaGoesOverTCP(t *testing.T) {
	types := map[string]webrtc.NetworkType{"127.0.0.1": webrtc.NetworkTypeTCP4, "::1": webrtc.NetworkTypeTCP6}
	for ip, network := range types {
		t.Run(ip, func(t *testing.T) {
			srv, hub := tcpServer(t, ip, func(c net.Conn) net.Conn { return c })
			t.Cleanup(func() { logStats(t, srv) })
			room := newRoom(srv, media.RoomConfig{})
			opt := clientOptions{layers: 3, mic: true, audio: 1, video: 1}
			opt.network = network
			blocked := newClient(t, room, 1, opt)
			opt.network = webrtc.NetworkTypeUDP4
			if ip == "::1" {
				opt.network = webrtc.NetworkTypeUDP6
			}
			open := newClient(t, room, 2, opt)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			for _, c := range []*client{blocked, open} {
				c.negotiate()
				c.waitUp()
				setLive(c.peer, media.Sources(media.Mic, media.Camera))
				go c.runCamera(ctx, 3)
				go wiretest.Speak(ctx, c.mic)
			}
			if n := hub.Stats().Open; n == 0 {
				t.Fatal("nobody came over TCP")
			}
			blocked.peer.SetView([]media.Want{{Participant: 2, Source: media.Camera, Height: 360}})
			open.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 360}})
			for c, other := range map[*client]media.ParticipantID{blocked: 2, open: 1} {
				for _, source := range []media.Source{media.Camera, media.Mic} {
					wiretest.Eventually(t, "they receive each other", func() bool {
						mid, ok := c.slotOf(other, source)
						return ok && len(c.packets(mid)) > 50
					})
				}
			}
		})
	}
}

// stallable is a connection whose peer may stop reading.
type stallable struct {
	net.Conn
	stalled atomic.Bool
	closed  chan struct{}
	once    sync.Once
}

func (s *stallable) Write(b []byte) (int, error) {
	if s.stalled.Load() {
		<-s.closed
		return 0, net.ErrClosed
	}
	return s.Conn.Write(b)
}

func (s *stallable) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Conn.Close()
}

// A viewer over TCP that reads nothing more is left behind, its packets unsealed: the others see and hear all.
func TestASlowTCPViewerHoldsUpNoOther(t *testing.T) {
	conns := make(chan *stallable, 100)
	srv, _ := tcpServer(t, "127.0.0.1", func(c net.Conn) net.Conn {
		s := &stallable{Conn: c, closed: make(chan struct{})}
		conns <- s
		return s
	})
	room := newRoom(srv, media.RoomConfig{})
	publisher := newClient(t, room, 1, clientOptions{layers: 1, mic: true})
	viewers := []*client{}
	var theirs []*stallable // the first viewer's connections
	publisher.negotiate()
	publisher.waitUp()
	for id := media.ParticipantID(2); id <= 3; id++ {
		v := newClient(t, room, id, clientOptions{audio: 1, video: 1, network: webrtc.NetworkTypeTCP4})
		v.negotiate()
		v.waitUp()
		v.peer.SetView([]media.Want{{Participant: 1, Source: media.Camera, Height: 720}})
		viewers = append(viewers, v)
		for len(conns) > 0 && id == 2 {
			theirs = append(theirs, <-conns)
		}
	}
	setLive(publisher.peer, media.Sources(media.Mic, media.Camera))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go publisher.runCamera(ctx, 3)
	go wiretest.Speak(ctx, publisher.mic)
	received := func(v *client, source media.Source) []rtp.Packet {
		mid, _ := v.slotOf(1, source)
		return v.packets(mid)
	}
	for _, v := range viewers {
		for _, source := range []media.Source{media.Camera, media.Mic} {
			wiretest.Eventually(t, "all see and hear", func() bool { return len(received(v, source)) > 20 })
		}
	}
	for _, c := range theirs {
		c.stalled.Store(true)
	}
	skipped := func() (n uint64) {
		for _, s := range srv.engine.Senders() {
			n += s.Drops[drop.StreamBehind].Load()
		}
		return n
	}
	wiretest.Eventually(t, "frames are left out", func() bool { return skipped() > 50 })
	for _, source := range []media.Source{media.Camera, media.Mic} {
		before := len(received(viewers[1], source))
		wiretest.Eventually(t, "the other goes on", func() bool { return len(received(viewers[1], source)) > before+50 })
		lost := 0
		for i, p := range received(viewers[1], source) {
			if list := received(viewers[1], source); i > 0 && p.SequenceNumber != list[i-1].SequenceNumber+1 {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%s: %d gaps", source, lost)
		}
	}
}
