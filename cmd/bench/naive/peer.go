package naive

import (
	"context"
	"fmt"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"conclave/media"
	"conclave/sfu"
)

// maxNotices bounds the events waiting for a meeting, which takes them at once.
const maxNotices = 1024

// peer is one participant: a PeerConnection.
type peer struct {
	room    *room
	id      media.ParticipantID
	notices chan media.Event
	done    chan struct{}
	once    sync.Once

	negMu   sync.Mutex // one negotiation at a time
	pc      *webrtc.PeerConnection
	sources map[string]media.Source // by mid

	// guarded by room.mu
	audio, video []*slot
	live         media.SourceSet
	wants        []media.Want
}

func newPeer(r *room, id media.ParticipantID) *peer {
	p := &peer{room: r, id: id, notices: make(chan media.Event, maxNotices), done: make(chan struct{}),
		sources: map[string]media.Source{}}
	go func() { // ends with Close
		for {
			select {
			case e := <-p.notices:
				r.tell(e)
			case <-p.done:
				return
			}
		}
	}()
	return p
}

func (p *peer) notify(e media.Event) {
	e.Participant = p.id
	select {
	case p.notices <- e:
	case <-p.done:
	default: // a meeting that takes nothing has other troubles
	}
}

// Negotiate implements meeting.Peer: Pion answers the whole offer, with a transceiver for each slot.
func (p *peer) Negotiate(ctx context.Context, offer string, tracks []media.Track) (answer string, err error) {
	p.negMu.Lock()
	defer p.negMu.Unlock()
	var d sdp.SessionDescription
	if err := d.UnmarshalString(offer); err != nil {
		return "", fmt.Errorf("%w: not SDP", sfu.ErrBadOffer)
	}
	if err := p.connect(); err != nil {
		return "", err
	}
	for _, t := range tracks {
		p.sources[t.MID] = t.Source
	}
	slots, err := p.addSlots(d.MediaDescriptions)
	if err != nil {
		return "", err
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("%w: %s", sfu.ErrBadOffer, err.Error())
	}
	local, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("naive: answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(local); err != nil {
		return "", fmt.Errorf("naive: answer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err() //nolint:wrapcheck // the caller's own
	}
	p.install(slots)
	return p.pc.LocalDescription().SDP, nil
}

func (p *peer) connect() error {
	if p.pc != nil {
		return nil
	}
	pc, err := p.room.server.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return fmt.Errorf("naive: %w", err)
	}
	p.pc = pc
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			p.notify(media.Event{Kind: media.EventConnected})
		case webrtc.PeerConnectionStateFailed:
			p.notify(media.Event{Kind: media.EventFailed, Cause: "connection"})
		default:
		}
	})
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		for _, t := range pc.GetTransceivers() {
			if t.Receiver() == receiver {
				p.negMu.Lock()
				source, ok := p.sources[t.Mid()]
				p.negMu.Unlock()
				if ok {
					p.forward(&track{key: trackKey{p.id, source}, peer: p, ssrc: remote.SSRC()}, remote)
				}
			}
		}
	})
	return nil
}

// addSlots makes a transceiver for each m-line of the offer that the client only receives on, in the order of the
// offer: Pion matches them in that order.
func (p *peer) addSlots(lines []*sdp.MediaDescription) (slots []*slot, err error) {
	known := map[string]bool{}
	for _, t := range p.pc.GetTransceivers() {
		known[t.Mid()] = true
	}
	for _, m := range lines {
		mid, _ := m.Attribute("mid")
		if _, ok := m.Attribute("recvonly"); !ok || known[mid] {
			continue
		}
		s := &slot{mid: mid, video: m.MediaName.Media == "video"}
		codec := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
		if s.video {
			codec = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
		}
		if s.local, err = webrtc.NewTrackLocalStaticRTP(codec, "slot"+mid, "slot"+mid); err != nil {
			return nil, fmt.Errorf("naive: slot: %w", err)
		}
		t, err := p.pc.AddTransceiverFromTrack(s.local,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return nil, fmt.Errorf("naive: slot: %w", err)
		}
		s.sender = t.Sender()
		go p.feedback(s) // ends when the PeerConnection is closed
		slots = append(slots, s)
	}
	return slots, nil
}

// feedback reads a sender's RTCP, which its interceptors need, and passes on requests for key frames.
func (p *peer) feedback(s *slot) {
	for {
		packets, _, err := s.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				p.room.mu.Lock()
				if s.track != nil {
					s.track.requestKey()
				}
				p.room.mu.Unlock()
			}
		}
	}
}

func (p *peer) install(slots []*slot) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slots {
		if s.video {
			p.video = append(p.video, s)
		} else {
			p.audio = append(p.audio, s)
		}
	}
	if r.peers[p.id] == p {
		r.assign()
	}
}

// forward takes a track in and sends on what comes, until it ends.
func (p *peer) forward(t *track, remote *webrtc.TrackRemote) {
	p.room.add(t)
	for {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		for _, s := range p.room.outputs(t) {
			s.write(t, packet)
			p.room.server.forwarded.Add(1)
		}
	}
}

// SetView implements meeting.Peer.
func (p *peer) SetView(wants []media.Want) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.wants = wants
	p.room.assign()
}

// SetLive implements meeting.Peer.
func (p *peer) SetLive(sources media.SourceSet, generation uint64) {
	p.room.mu.Lock()
	p.live = sources
	p.room.assign()
	p.room.mu.Unlock()
	p.applied(generation)
}

func (p *peer) applied(generation uint64) {
	p.room.tell(media.Event{Kind: media.EventApplied, Participant: p.id, Generation: generation})
}

// Close implements meeting.Peer.
func (p *peer) Close(generation uint64) {
	r := p.room
	defer p.applied(generation)
	r.mu.Lock()
	if r.peers[p.id] == p {
		delete(r.peers, p.id)
		for key := range r.tracks {
			if key.owner == p.id {
				delete(r.tracks, key)
			}
		}
		r.assign()
	}
	r.mu.Unlock()
	p.once.Do(func() { close(p.done) })
	p.negMu.Lock()
	defer p.negMu.Unlock()
	if p.pc != nil {
		_ = p.pc.Close()
	}
}

// slot is one m-line that a subscriber receives on.
type slot struct {
	mid    string
	video  bool
	local  *webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
	track  *track // guarded by room.mu

	mu        sync.Mutex
	carried   *track
	started   bool
	rebase    bool // the next packet follows on what another track left
	seqOffset uint16
	tsOffset  uint32
	lastSeq   uint16
	lastTS    uint32
}

// carry makes the slot carry t, nil for nothing. Callers hold room.mu.
func (s *slot) carry(t *track) {
	s.track = t
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rebase = s.started
	s.carried = t
}

// write sends a packet of t if the slot still carries t. Numbering goes on without a gap when the slot has carried
// something else before; that needs a copy of the header, which is made only then.
func (s *slot) write(t *track, packet *rtp.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.carried != t {
		return
	}
	if s.rebase {
		s.rebase = false
		s.seqOffset, s.tsOffset = s.lastSeq+1-packet.SequenceNumber, s.lastTS+3000-packet.Timestamp
	}
	if s.seqOffset != 0 || s.tsOffset != 0 {
		moved := *packet
		moved.SequenceNumber += s.seqOffset
		moved.Timestamp += s.tsOffset
		packet = &moved
	}
	s.started, s.lastSeq, s.lastTS = true, packet.SequenceNumber, packet.Timestamp
	_ = s.local.WriteRTP(packet) // lost, as UDP may
}
