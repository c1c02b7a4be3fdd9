package bots

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/protocol"
)

const fakeToken = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// fakeServer is the smallest server that speaks the protocol: one meeting, no rules, and an SFU of Pion's tracks that
// assigns slots once. It is here so that the bots can be tested without the server that they test.
type fakeServer struct {
	t      *testing.T
	mu     sync.Mutex
	people map[protocol.Participant]*fakePerson
	last   protocol.Participant
	info   protocol.MeetingInfo // what it says of the meeting before a join
	lobby  time.Duration        // keeps all waiting so long
	refuse protocol.ErrorID     // the answer to every join, if not empty
	mute   bool                 // forwards nothing
	busy   int                  // refuses so many upgrades first
	closed sync.WaitGroup
	joins  int // that came
	offers int // that came
	left   int // said goodbye
}

type fakePerson struct {
	id      protocol.Participant
	out     chan protocol.Message
	pc      *webrtc.PeerConnection
	sources []protocol.Source
	slots   []*fakeSlot
	view    []protocol.Want
	tracks  map[string]protocol.Source // by mid
	remote  map[protocol.Source]webrtc.SSRC
}

type fakeSlot struct {
	mid    string
	video  bool
	local  *webrtc.TrackLocalStaticRTP
	owner  protocol.Participant
	source protocol.Source
}

func newFakeServer(t *testing.T) (*fakeServer, string) {
	f := &fakeServer{t: t, people: map[protocol.Participant]*fakePerson{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/auth/session", f.authed(func(w http.ResponseWriter, _ *http.Request) {
		f.write(w, protocol.Session{Email: "bot@example.org", ExpiresAt: time.Now().Add(time.Hour), CanHost: true})
	}))
	mux.HandleFunc("POST /api/meetings", f.authed(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		f.write(w, protocol.Created{Meeting: "k7qm-2f9x-w3dj-8hrt", ExpiresAt: time.Now().Add(time.Hour)})
	}))
	mux.HandleFunc("GET /api/meetings/{id}", f.authed(func(w http.ResponseWriter, r *http.Request) {
		if f.info.Meeting != protocol.MeetingID(r.PathValue("id")) {
			w.WriteHeader(http.StatusNotFound)
			f.write(w, protocol.HTTPError{Error: protocol.ErrNoSuchMeeting, Message: "There is no such meeting."})
			return
		}
		f.write(w, f.info)
	}))
	mux.HandleFunc("GET /ws", f.authed(f.socket))
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		f.closed.Wait()
	})
	return f, server.URL
}

func (f *fakeServer) write(w io.Writer, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.t.Error(err)
	}
}

func (f *fakeServer) authed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+fakeToken {
			w.WriteHeader(http.StatusUnauthorized)
			f.write(w, protocol.HTTPError{Error: protocol.ErrUnauthenticated, Message: "Sign in first."})
			return
		}
		next(w, r)
	}
}

func (f *fakeServer) socket(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	busy := f.busy > 0
	f.busy--
	f.mu.Unlock()
	if busy {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		f.write(w, protocol.HTTPError{Error: protocol.ErrRateLimited, Message: "Later."})
		return
	}
	f.closed.Add(1)
	defer f.closed.Done()
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol.Subprotocol}})
	if err != nil {
		return
	}
	defer func() { _ = ws.CloseNow() }()
	ws.SetReadLimit(protocol.MaxOffer)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.mu.Lock()
	f.last++
	p := &fakePerson{
		id: f.last, out: make(chan protocol.Message, 1024),
		tracks: map[string]protocol.Source{}, remote: map[protocol.Source]webrtc.SSRC{},
	}
	f.mu.Unlock()
	defer f.remove(p)
	go func() {
		for {
			select {
			case m := <-p.out:
				raw, err := protocol.Marshal(m)
				if err != nil {
					f.t.Error(err)
				}
				if err := ws.Write(ctx, websocket.MessageText, raw); err != nil {
					return
				}
				if protocol.TypeOf(m) == "bye" {
					_ = ws.Close(websocket.StatusNormalClosure, "")
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		_, raw, err := ws.Read(ctx)
		if err != nil {
			return
		}
		m, err := protocol.DecodeClient(raw)
		if err != nil {
			var bad *protocol.RequestError
			if errors.As(err, &bad) {
				f.t.Errorf("a bot sent what the protocol refuses: %s: %s", bad.Err, bad.Message)
			}
			return
		}
		f.handle(p, m)
	}
}

func (f *fakeServer) handle(p *fakePerson, m protocol.ClientMessage) {
	switch m := m.(type) {
	case *protocol.Join:
		f.mu.Lock()
		f.joins++
		f.mu.Unlock()
		if f.refuse != "" {
			p.out <- &protocol.Error{ID: m.ID, Error: f.refuse, Message: "No."}
			return
		}
		if f.lobby > 0 {
			p.out <- &protocol.Lobby{ID: m.ID, Title: "Bots", Waiting: 1}
			time.Sleep(f.lobby)
		}
		f.welcome(p, m)
	case *protocol.Offer:
		f.mu.Lock()
		f.offers++
		f.mu.Unlock()
		text, err := f.negotiate(p, m)
		if err != nil {
			f.t.Error(err)
			p.out <- &protocol.Error{ID: m.ID, Error: protocol.ErrBadOffer, Message: err.Error()}
			return
		}
		p.out <- &protocol.Answer{ID: m.ID, SDP: text}
	case *protocol.Media:
		f.mu.Lock()
		p.sources = m.Sources
		f.tell(p.id, &protocol.Roster{Changed: []protocol.RosterEntry{p.entry()}})
		f.assign()
		f.mu.Unlock()
		p.out <- &protocol.OK{ID: m.ID}
	case *protocol.View:
		f.mu.Lock()
		p.view = m.Wants
		f.assign()
		f.mu.Unlock()
		p.out <- &protocol.OK{ID: m.ID}
	case *protocol.Leave:
		f.mu.Lock()
		f.left++
		f.mu.Unlock()
		p.out <- &protocol.Bye{Reason: "left", Message: "You left the meeting."}
	default:
		f.t.Errorf("unexpected %s", protocol.TypeOf(m))
	}
}

func (p *fakePerson) entry() protocol.RosterEntry {
	sources := p.sources
	if sources == nil {
		sources = []protocol.Source{}
	}
	return protocol.RosterEntry{
		Participant: p.id, Name: "A bot", Role: protocol.RoleParticipant, Sources: sources, Connected: true,
	}
}

func (f *fakeServer) welcome(p *fakePerson, m *protocol.Join) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &protocol.Welcome{
		ID: m.ID, Version: 1, Participant: p.id, Role: protocol.RoleParticipant, Permissions: []protocol.Permission{},
		Meeting: protocol.MeetingState{Meeting: m.Meeting}, Participants: []protocol.RosterEntry{},
		Waiting: []protocol.WaitingEntry{},
	}
	for _, o := range f.people {
		w.Participants = append(w.Participants, o.entry())
	}
	f.people[p.id] = p
	p.out <- w
	f.tell(p.id, &protocol.Roster{Joined: []protocol.RosterEntry{p.entry()}})
}

func (f *fakeServer) tell(except protocol.Participant, m protocol.Message) {
	for id, o := range f.people {
		if id != except {
			o.out <- m
		}
	}
}

func (f *fakeServer) remove(p *fakePerson) {
	f.mu.Lock()
	delete(f.people, p.id)
	f.tell(p.id, &protocol.Roster{Left: []protocol.LeftEntry{{Participant: p.id, Reason: "left"}}})
	f.mu.Unlock()
	if p.pc != nil {
		_ = p.pc.GracefulClose()
	}
}

func fakeAPI() (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	for _, uri := range []string{"mid", "rtp-stream-id", "repaired-rtp-stream-id"} {
		extension := webrtc.RTPHeaderExtensionCapability{URI: "urn:ietf:params:rtp-hdrext:sdes:" + uri}
		if err := media.RegisterHeaderExtension(extension, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	var s webrtc.SettingEngine
	s.SetLite(true)
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)
	if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return nil, err
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(s),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{})), nil
}

func (f *fakeServer) negotiate(p *fakePerson, m *protocol.Offer) (string, error) {
	api, err := fakeAPI()
	if err != nil {
		return "", err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", err
	}
	p.pc = pc
	for _, t := range m.Tracks {
		p.tracks[t.MID] = t.Source
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(m.SDP); err != nil {
		return "", err
	}
	for _, line := range d.MediaDescriptions {
		if _, slot := line.Attribute("recvonly"); !slot {
			continue
		}
		s := &fakeSlot{video: line.MediaName.Media == "video"}
		s.mid, _ = line.Attribute("mid")
		mime := webrtc.MimeTypeOpus
		if s.video {
			mime = webrtc.MimeTypeVP8
		}
		if s.local, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime}, s.mid, "s"); err != nil {
			return "", err
		}
		sendonly := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
		tr, err := pc.AddTransceiverFromTrack(s.local, sendonly)
		if err != nil {
			return "", err
		}
		f.mu.Lock() // others' changes look for a slot
		p.slots = append(p.slots, s)
		f.mu.Unlock()
		f.closed.Go(func() { f.slotRTCP(s, tr.Sender()) })
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { f.forward(p, t, r) })
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: m.SDP}); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}

// slotRTCP passes a viewer's PLI on to the publisher.
func (f *fakeServer) slotRTCP(s *fakeSlot, sender *webrtc.RTPSender) {
	for {
		list, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, m := range list {
			if _, ok := m.(*rtcp.PictureLossIndication); ok {
				f.mu.Lock()
				f.pli(s.owner, s.source)
				f.mu.Unlock()
			}
		}
	}
}

func (f *fakeServer) pli(id protocol.Participant, source protocol.Source) {
	if p := f.people[id]; p != nil && p.remote[source] != 0 {
		_ = p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(p.remote[source])}})
	}
}

func (f *fakeServer) forward(p *fakePerson, t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	source, forwarded := f.source(p, r), t.RID() == "" || t.RID() == "q"
	if forwarded {
		f.mu.Lock()
		p.remote[source] = t.SSRC()
		f.pli(p.id, source)
		f.mu.Unlock()
	}
	for {
		packet, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		packet.Extension, packet.Extensions = false, nil
		packet.CSRC = []uint32{uint32(p.id)}
		f.mu.Lock()
		for _, o := range f.people {
			for _, s := range o.slots {
				if forwarded && s.owner == p.id && s.source == source && !f.mute {
					_ = s.local.WriteRTP(packet)
				}
			}
		}
		f.mu.Unlock()
	}
}

func (f *fakeServer) source(p *fakePerson, r *webrtc.RTPReceiver) protocol.Source {
	for _, tr := range p.pc.GetTransceivers() {
		if tr.Receiver() == r {
			return p.tracks[tr.Mid()]
		}
	}
	return media.NumSources // none
}

// assign fills free slots with what is published and wanted, and never takes one back.
func (f *fakeServer) assign() {
	for _, p := range f.people {
		var changed []protocol.Slot
		for _, o := range f.people {
			for _, source := range o.sources {
				video := source == protocol.Camera || source == protocol.Screen
				if o == p || p.carries(o.id, source) || (video && !p.wants(o.id, source)) {
					continue
				}
				for _, s := range p.slots {
					if s.owner == 0 && s.video == video {
						s.owner, s.source = o.id, source
						changed = append(changed, protocol.Slot{MID: s.mid, Participant: o.id, Source: source})
						f.pli(o.id, source)
						break
					}
				}
			}
		}
		if len(changed) > 0 {
			p.out <- &protocol.Slots{Slots: changed}
		}
	}
}

func (p *fakePerson) carries(id protocol.Participant, source protocol.Source) bool {
	return slices.ContainsFunc(p.slots, func(s *fakeSlot) bool { return s.owner == id && s.source == source })
}

func (p *fakePerson) wants(id protocol.Participant, source protocol.Source) bool {
	return slices.ContainsFunc(p.view, func(w protocol.Want) bool { return w.Participant == id && w.Source == source })
}
