package signaling

import (
	"io"
	"net"
	"net/netip"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"conclave/meeting"
	"conclave/protocol"
	"conclave/sfu"
)

// tap is a hostile client's network card: it counts media packets (RFC 7983: first byte 128 to 191) in both
// directions, and can keep from Pion that the server has closed the connection.
type tap struct {
	net.PacketConn
	got, sent atomic.Int64
	deaf      atomic.Bool // DTLS records, close_notify among them, are lost
}

func isMedia(p []byte) bool { return len(p) > 0 && p[0] >= 128 && p[0] <= 191 }

func (c *tap) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(p)
		if err == nil && n > 0 && p[0] >= 20 && p[0] <= 63 && c.deaf.Load() {
			continue
		}
		if err == nil && isMedia(p[:n]) {
			c.got.Add(1)
		}
		return n, from, err
	}
}

func (c *tap) WriteTo(p []byte, to net.Addr) (int, error) {
	if isMedia(p) {
		c.sent.Add(1)
	}
	return c.PacketConn.WriteTo(p, to)
}

// hostile is a client with a real PeerConnection that sends from all four sources all the time, whatever it is told,
// and counts what it receives.
type hostile struct {
	*peer
	tap          *tap
	pc           *webrtc.PeerConnection
	audio, video atomic.Int64 // packets received
	connected    chan struct{}
	stop         func()
}

// sourcesInOrder are the four sources, sound first.
var sourcesInOrder = []protocol.Source{protocol.Mic, protocol.ScreenAudio, protocol.Camera, protocol.Screen}

func newHostile(t *testing.T, p *peer) *hostile {
	t.Helper()
	h := &hostile{peer: p, connected: make(chan struct{}, 8)}
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	h.tap = &tap{PacketConn: socket}
	h.pc = hostilePeerConnection(t, h.tap)
	h.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			h.connected <- struct{}{}
		}
	})
	h.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		count := &h.video
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			count = &h.audio
		}
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			count.Add(1)
		}
	})
	tracks := h.publish(t)
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		for range 2 {
			_, err := h.pc.AddTransceiverFromKind(kind,
				webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			must(t, err)
		}
	}
	h.negotiate(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	h.stop = sync.OnceFunc(func() { close(stop); <-stopped; _ = h.pc.Close(); _ = socket.Close() })
	t.Cleanup(h.stop)
	go shout(tracks, 2, stop, stopped)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hostilePeerConnection(t *testing.T, socket net.PacketConn) *webrtc.PeerConnection {
	t.Helper()
	var codecs webrtc.MediaEngine
	must(t, codecs.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio))
	must(t, codecs.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, PayloadType: 96,
	}, webrtc.RTPCodecTypeVideo))
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		for _, uri := range []string{"urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:ssrc-audio-level"} {
			must(t, codecs.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind))
		}
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if socket != nil {
		// the socket is closed under it
		quiet := logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
		settings.SetICEUDPMux(ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: socket, Logger: quiet}))
	}
	pc, err := webrtc.NewAPI(webrtc.WithMediaEngine(&codecs),
		webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	must(t, err)
	return pc
}

// publish adds a sending m-line for each source.
func (h *hostile) publish(t *testing.T) (tracks []*webrtc.TrackLocalStaticRTP) {
	t.Helper()
	for _, source := range sourcesInOrder {
		codec := webrtc.MimeTypeOpus
		if source == protocol.Camera || source == protocol.Screen {
			codec = webrtc.MimeTypeVP8
		}
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: codec}, string(source), "me")
		must(t, err)
		_, err = h.pc.AddTransceiverFromTrack(track,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		must(t, err)
		tracks = append(tracks, track)
	}
	return tracks
}

func (h *hostile) negotiate(t *testing.T) {
	t.Helper()
	h.offer(t, nil)
	select {
	case <-h.connected:
	case <-time.After(patience):
		t.Error("no media connection")
	}
}

// offer sends an offer and takes the answer.
func (h *hostile) offer(t *testing.T, options *webrtc.OfferOptions) {
	t.Helper()
	offer, err := h.pc.CreateOffer(options)
	must(t, err)
	must(t, h.pc.SetLocalDescription(offer))
	var tracks []protocol.Track
	for i, line := range h.pc.GetTransceivers()[:len(sourcesInOrder)] {
		tracks = append(tracks, protocol.Track{MID: line.Mid(), Source: sourcesInOrder[i]})
	}
	h.send(&protocol.Offer{ID: h.id(), SDP: offer.SDP, Tracks: tracks})
	must(t, h.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer,
		SDP: next[*protocol.Answer](h.peer).SDP}))
}

// shout sends loud sound and key frames of one packet, from every source, every 20 ms. The first tracks are sound.
func shout(tracks []*webrtc.TrackLocalStaticRTP, sounds int, stop <-chan struct{}, stopped chan<- struct{}) {
	defer close(stopped)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for seq := uint16(1); ; seq++ {
		for i, track := range tracks {
			p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 960, Marker: true},
				Payload: make([]byte, 60)}
			if i >= sounds {
				p.Timestamp = uint32(seq) * 1800
				// RFC 7741 §4.2: start, picture id, TL0PICIDX
				p.Payload = append([]byte{0x90, 0xc0, 0x80 | byte(seq>>8)&0x7f, byte(seq), byte(seq)},
					// §4.3: key frame, 320 × 180
					append([]byte{0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}, make([]byte, 50)...)...)
			}
			_ = p.SetExtension(2, []byte{0x80 | 10}) // ssrc-audio-level: voice, loud; if it was negotiated
			_ = track.WriteRTP(p)
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// hears says whether sound arrives from now on, sees whether pictures do.
func (h *hostile) hears(t *testing.T, want bool, why string) {
	t.Helper()
	h.gets(t, &h.audio, want, why)
}
func (h *hostile) sees(t *testing.T, want bool, why string) {
	t.Helper()
	h.gets(t, &h.video, want, why)
}

func (h *hostile) gets(t *testing.T, count *atomic.Int64, want bool, why string) {
	t.Helper()
	if want {
		before := count.Load()
		eventually(t, why, func() bool { return count.Load() > before+5 })
		return
	}
	time.Sleep(50 * time.Millisecond) // what was on the wire when the reply came
	before := count.Load()
	time.Sleep(300 * time.Millisecond) // fifteen packets' time
	if n := count.Load() - before; n != 0 {
		t.Fatalf("%s: %d packets", why, n)
	}
}

// cutOff asserts that the client goes on sending, and that nothing of it reaches other and no media packet reaches
// it, on the wire.
func (h *hostile) cutOff(t *testing.T, other *hostile, why string) {
	t.Helper()
	time.Sleep(50 * time.Millisecond)
	sent, got, audio, video := h.tap.sent.Load(), h.tap.got.Load(), other.audio.Load(), other.video.Load()
	time.Sleep(300 * time.Millisecond)
	if n := h.tap.sent.Load() - sent; n < 10 {
		t.Fatalf("%s: the test proves nothing: it sent %d packets", why, n)
	}
	if n := h.tap.got.Load() - got; n != 0 {
		t.Errorf("%s: %d media packets went to it", why, n)
	}
	if a, v := other.audio.Load()-audio, other.video.Load()-video; a+v != 0 {
		t.Errorf("%s: %d sound and %d picture packets of it were forwarded", why, a, v)
	}
}

// stage is a meeting with real media: a host who publishes everything and shows everything of eve, and eve, who does
// whatever she likes.
type stage struct {
	*server
	id        protocol.MeetingID
	host, eve *hostile
}

// withRealMedia has the meetings' media forwarded.
func withRealMedia(t *testing.T) func(*Config, *meeting.Config) {
	t.Helper()
	media, err := sfu.Listen(sfu.Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Workers: 1})
	must(t, err)
	t.Cleanup(func() { _ = media.Close() }) // after the server's drain
	return func(_ *Config, m *meeting.Config) { m.Media = meeting.FromSFU(media) }
}

func newStage(t *testing.T, create string, change ...func(*Config, *meeting.Config)) *stage {
	t.Helper()
	st := &stage{server: newServer(t, append(change, withRealMedia(t))...)}
	ana, eve := st.signIn("ana"), st.signIn("eve")
	st.id = ana.create(create)
	hostSocket := ana.join(st.id)
	eveSocket := eve.join(st.id)
	st.host, st.eve = newHostile(t, hostSocket), newHostile(t, eveSocket)
	st.host.show(st.eve)
	st.eve.show(st.host)
	st.host.ok(&protocol.Media{ID: st.host.id(), Sources: sourcesInOrder})
	st.eve.hears(t, true, "eve hears the host")
	st.eve.sees(t, true, "eve sees the host")
	return st
}

// show asks for the pictures of another.
func (h *hostile) show(other *hostile) {
	h.t.Helper()
	who := other.welcome.Participant
	h.ok(&protocol.View{ID: h.id(), Wants: []protocol.Want{
		{Participant: who, Source: protocol.Screen, Height: 180}, {Participant: who, Source: protocol.Camera, Height: 180},
	}})
}

// on switches all of eve's sources on, by her own act, and waits until the host gets them.
func (st *stage) on(t *testing.T) {
	t.Helper()
	st.eve.ok(&protocol.Media{ID: st.eve.id(), Sources: sourcesInOrder})
	st.host.hears(t, true, "eve is heard")
	st.host.sees(t, true, "eve is seen")
}

func (st *stage) one() []protocol.Participant {
	return []protocol.Participant{st.eve.welcome.Participant}
}

// A client that ignores every rule of the user interface sends exactly what the meeting permits, source by source:
// the media server enforces switches, mute and role.
func TestHostileClientSendsOnlyWhatIsPermitted(t *testing.T) {
	st := newStage(t, `{"lobby": false}`)
	host, eve := st.host, st.eve
	host.hears(t, false, "sent without having switched anything on")
	host.sees(t, false, "sent without having switched anything on")
	for _, source := range sourcesInOrder {
		is := host.hears
		if source == protocol.Camera || source == protocol.Screen {
			is = host.sees
		}
		only := []protocol.Source{source}
		eve.ok(&protocol.Media{ID: eve.id(), Sources: only})
		is(t, true, string(source)+" on")
		host.ok(&protocol.Mute{ID: host.id(), Participants: st.one(), Sources: only})
		host.hears(t, false, string(source)+" muted by the host")
		host.sees(t, false, string(source)+" muted by the host")
		eve.ok(&protocol.Media{ID: eve.id(), Sources: only})
		is(t, true, string(source)+" on again by her own act")
	}
	st.on(t)
	host.ok(&protocol.SetRole{ID: host.id(), Participant: st.one()[0], Role: protocol.RoleViewer})
	host.hears(t, false, "demoted")
	host.sees(t, false, "demoted")
	for _, source := range sourcesInOrder {
		eve.rejected(&protocol.Media{ID: eve.id(), Sources: []protocol.Source{source}}, protocol.ErrNotPermitted)
	}
	host.hears(t, false, "demoted and insisting")
	host.sees(t, false, "demoted and insisting")
	eve.hears(t, true, "a viewer still hears")
	eve.sees(t, true, "a viewer still sees")
	host.ok(&protocol.SetRole{ID: host.id(), Participant: st.one()[0], Role: protocol.RoleParticipant})
	host.hears(t, false, "promoted, and nothing opens by itself")
	st.on(t)
}

// Whoever is out gets and sends no packet, on the wire, even when the client keeps its connection and never hears of
// its end.
func TestWhoIsOutGetsAndSendsNoPacket(t *testing.T) {
	for name, out := range map[string]struct {
		act func(*testing.T, *stage)
		bye protocol.ByeReason
	}{
		"removed": {func(_ *testing.T, st *stage) {
			st.host.ok(&protocol.Remove{ID: st.host.id(), Participants: st.one()})
		}, protocol.ByeRemoved},
		"banned": {func(_ *testing.T, st *stage) {
			st.host.ok(&protocol.Remove{ID: st.host.id(), Participants: st.one(), Ban: true})
		}, protocol.ByeBanned},
		"ended": {func(_ *testing.T, st *stage) { st.host.send(&protocol.End{ID: st.host.id()}) }, protocol.ByeEnded},
		"left":  {func(_ *testing.T, st *stage) { st.eve.send(&protocol.Leave{ID: st.eve.id()}) }, protocol.ByeLeft},
		"signed out": {func(t *testing.T, st *stage) {
			st.eve.account.want(204, "POST", "/api/auth/logout", "", nil)
		}, protocol.ByeSignedOut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newStage(t, `{"lobby": false}`)
			st.on(t)
			st.eve.tap.deaf.Store(true)
			out.act(t, st)
			st.eve.bye(out.bye)
			st.eve.cutOff(t, st.host, name)
		})
	}
}

// The hard end cuts media as well as sockets.
func TestAnExpiredMeetingForwardsNoPacket(t *testing.T) {
	t.Parallel()
	st := newStage(t, `{"lobby": false}`, func(_ *Config, m *meeting.Config) { m.MaxMeeting = 4 * time.Second })
	st.on(t)
	st.eve.tap.deaf.Store(true)
	st.host.tap.deaf.Store(true)
	st.eve.bye(protocol.ByeExpired)
	st.host.bye(protocol.ByeExpired)
	st.eve.cutOff(t, st.host, "expired")
	st.host.cutOff(t, st.eve, "expired")
}

// Whoever was not let in has no media connection to send on or to get from: not in the lobby, not at a locked door,
// not without the password, not without a join.
func TestWhoIsNotInHasNoMedia(t *testing.T) {
	st := newStage(t, `{"lobby": false}`)
	secured := st.host.account.create(`{"lobby": false, "password": "right"}`)
	yes := true
	waiting := func(string) *peer {
		st.host.ok(&protocol.SetPolicy{ID: st.host.id(), Lobby: &yes})
		return st.signIn("lobby").wait(st.id)
	}
	refused := func(id protocol.MeetingID) *peer {
		p := st.signIn("refused").dial()
		p.ask(id)
		next[*protocol.Error](p)
		return p
	}
	for name, p := range map[string]*peer{
		"lobby": waiting(""), "wrong password": refused(secured), "no join": st.signIn("never").dial(),
	} {
		socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
		must(t, err)
		h := &hostile{peer: p, tap: &tap{PacketConn: socket}}
		h.pc = hostilePeerConnection(t, h.tap)
		h.publish(t)
		offer, err := h.pc.CreateOffer(nil)
		must(t, err)
		p.rejected(&protocol.Offer{ID: p.id(), SDP: offer.SDP, Tracks: []protocol.Track{{MID: "0", Source: protocol.Mic}}},
			protocol.ErrNotJoined)
		p.rejected(&protocol.Media{ID: p.id(), Sources: sourcesInOrder}, protocol.ErrNotJoined)
		p.rejected(&protocol.View{ID: p.id(), Wants: []protocol.Want{{Participant: 1, Source: protocol.Camera,
			Height: 180}}}, protocol.ErrNotJoined)
		if h.tap.got.Load() != 0 {
			t.Errorf("%s: media arrives", name)
		}
		_ = h.pc.Close()
		_ = socket.Close()
	}
	st.host.ok(&protocol.SetPolicy{ID: st.host.id(), Locked: &yes})
	refused(st.id).bye(protocol.ByeDenied) // a locked meeting closes the socket: there is nothing to offer on
	if g := st.registry.Gauges(); g.Participants != 2 {
		t.Fatalf("%+v", g)
	}
}

// A connection that fails comes back by a new offer on the same seat, with another DTLS fingerprint.
func TestMediaComesBackByANewOffer(t *testing.T) {
	t.Parallel()
	st := newStage(t, `{"lobby": false}`)
	st.on(t)
	st.eve.stop() // its PeerConnection is gone: the server is told by close_notify, or by silence
	st.host.hears(t, false, "a dead connection")
	again := newHostile(t, st.eve.peer)
	st.host.hears(t, true, "heard again, without switching anything on again")
	st.host.sees(t, true, "seen again")
	again.hears(t, true, "hears again")
	again.sees(t, true, "sees again, without asking again")
	if again.welcome.Participant != st.eve.welcome.Participant {
		t.Fatal("another seat")
	}
}

// A client that is not ours, Pion, restarts ICE: its agent checks again with the credentials of the new answer and is
// connected, and media goes on both ways over the same DTLS connection.
func TestAForeignClientRestartsICE(t *testing.T) {
	t.Parallel()
	st := newStage(t, `{"lobby": false}`)
	st.on(t)
	credentials := regexp.MustCompile(`a=ice-(ufrag|pwd):(\S+)`)
	before := credentials.FindAllString(st.eve.pc.RemoteDescription().SDP, 2)
	states := make(chan webrtc.ICEConnectionState, 8)
	st.eve.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) { states <- s })
	st.eve.offer(t, &webrtc.OfferOptions{ICERestart: true})
	after := credentials.FindAllString(st.eve.pc.RemoteDescription().SDP, 2)
	if before[0] == after[0] || before[1] == after[1] {
		t.Errorf("the answer has the credentials of before: %v, %v", before, after)
	}
	for _, want := range []webrtc.ICEConnectionState{
		webrtc.ICEConnectionStateChecking, webrtc.ICEConnectionStateConnected,
	} {
		select {
		case got := <-states:
			if got != want {
				t.Fatalf("ICE is %s, not %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("ICE is never %s", want)
		}
	}
	st.host.hears(t, true, "heard after the restart")
	st.host.sees(t, true, "seen after the restart")
	st.eve.hears(t, true, "hears after the restart")
	st.eve.sees(t, true, "sees after the restart")
}

// A connection that fails and does not come back ends the seat, after a grace.
func TestFailedMediaEndsTheSeat(t *testing.T) {
	t.Parallel()
	st := newStage(t, `{"lobby": false}`, func(_ *Config, m *meeting.Config) { m.MediaGrace = time.Second })
	st.on(t)
	st.eve.stop()
	st.eve.bye(protocol.ByeMediaFailed)
}

// A storm of offers, each from a new PeerConnection by its fingerprint, is limited, leaves one connection, and
// disturbs nobody.
func TestAnOfferStormDisturbsNobody(t *testing.T) {
	st := newStage(t, `{"lobby": false}`)
	st.eve.ok(&protocol.Media{ID: st.eve.id(), Sources: sourcesInOrder})
	ben := newHostile(t, st.signIn("ben").join(st.id))
	offers := make([]string, 5)
	for i := range offers {
		pc := hostilePeerConnection(t, nil)
		_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		must(t, err)
		offer, err := pc.CreateOffer(nil)
		must(t, err)
		offers[i] = offer.SDP
		must(t, pc.Close())
	}
	goroutines := runtime.NumGoroutine()
	for i := range 40 {
		st.eve.send(&protocol.Offer{ID: st.eve.id(), SDP: offers[i%len(offers)],
			Tracks: []protocol.Track{{MID: "0", Source: protocol.Mic}}})
	}
	answered, limited := 0, 0
	for answered+limited < 40 {
		switch m := match(st.eve.peer, func(m protocol.ServerMessage) bool {
			switch m.(type) {
			case *protocol.Answer, *protocol.Error:
				return true
			}
			return false
		}).(type) {
		case *protocol.Answer:
			answered++
		case *protocol.Error:
			if m.Error != protocol.ErrRateLimited {
				t.Fatalf("%+v", m)
			}
			limited++
		}
	}
	if answered < 5 || answered > 20 || limited < 20 {
		t.Fatalf("%d answered, %d limited", answered, limited)
	}
	ben.hears(t, true, "the others hear each other")
	eventually(t, "connections that were replaced are gone", func() bool { return runtime.NumGoroutine() < goroutines+20 })
}
