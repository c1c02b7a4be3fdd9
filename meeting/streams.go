package meeting

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// Streams are participants without a socket: a program that sends into the meeting (WHIP, RFC 9725) or receives its
// stage (WHEP). A host lets it in beforehand, by making its key. Only plain meetings have them: a stream holds no key
// of an encrypted one.

// maxStreamKeys bounds the stream keys of one meeting. Each is good for one stream at a time.
const maxStreamKeys = 16

// streamKey is a key that a host made.
type streamKey struct {
	number int
	hash   [32]byte
	kind   protocol.Kind
	name   DisplayName
}

// stageHeights are how high a receiving stream wants the pictures of the stage: a screen, and a camera.
const stageScreenHeight, stageCameraHeight = 1080, 720

// makeStreamKey makes a key. Its number is s.lastKey.
func (s *state) makeStreamKey(m *protocol.StreamKey, token string) error {
	switch {
	case !m.Kind.Stream():
		return ErrNoStreamKind
	case s.parent != (ID{}): // the key would outlive its maker's seat in the meeting
		return ErrNotPermitted
	case s.e2ee:
		return ErrNoStreams
	case len(s.keys) >= maxStreamKeys:
		return ErrTooManyKeys
	}
	s.lastKey++
	s.keys = append(s.keys, streamKey{s.lastKey, hashToken(token), m.Kind, NewDisplayName(m.Name)})
	s.recordOn(ActionKeyMade, nil, string(m.Kind))
	return nil
}

// revokeStreamKey ends the key and its stream.
func (s *state) revokeStreamKey(now time.Time, number int) error {
	i := slices.IndexFunc(s.keys, func(k streamKey) bool { return k.number == number })
	if i < 0 {
		return ErrNoSuchKey
	}
	kind := s.keys[i].kind
	s.keys = slices.Delete(s.keys, i, i+1)
	s.recordOn(ActionKeyRevoked, nil, string(kind))
	if p := s.streamOf(number); p != nil {
		s.leave(now, p, protocol.LeftRemoved, protocol.ByeRemoved)
	}
	return nil
}

// streamOf is the seat that came with a key, nil if there is none.
func (s *state) streamOf(number int) *seat {
	for _, p := range s.index.streams {
		s.looked++
		if p.key == number {
			return p
		}
	}
	return nil
}

// streamJoin asks for a seat with a stream key.
type streamJoin struct {
	hash  [32]byte
	kind  protocol.Kind
	sink  Sink
	token string
	full  bool
}

// identity is who a stream is: its key.
func (j *streamJoin) identity() Identity {
	return Identity{Session: SessionKeyOf(j.hash), Stream: j.kind}
}

// joinStream seats a stream. A stream that comes again with its key takes the place of the one before: a program that
// lost its connection does not wait until the server notices. A locked meeting takes no new one.
func (s *state) joinStream(now time.Time, j streamJoin) (media.ParticipantID, error) {
	if s.ended {
		return 0, ErrWrongKey
	}
	key := s.keyOf(j.hash)
	if key == nil || key.kind != j.kind {
		return 0, ErrWrongKey
	}
	before := s.streamOf(key.number)
	switch {
	case before == nil && j.full:
		return 0, ErrServerFull
	case before == nil && s.locked:
		return 0, ErrLocked
	case before == nil && s.present >= s.cfg.MaxParticipants:
		return 0, ErrMeetingFull
	case !s.canRecord():
		return 0, ErrAuditUnavailable
	}
	if before != nil {
		s.leave(now, before, protocol.LeftReplaced, protocol.ByeReplaced)
	}
	p := s.newSeat(now, joinRequest{identity: j.identity(), name: key.name, sink: j.sink})
	p.key = key.number
	role := protocol.RoleParticipant
	if key.kind == protocol.KindEgress {
		role = protocol.RoleViewer
	}
	s.enter(now, p, j.token, role)
	return p.id, nil
}

func (s *state) keyOf(hash [32]byte) (key *streamKey) {
	for i := range s.keys {
		if subtle.ConstantTimeCompare(s.keys[i].hash[:], hash[:]) == 1 {
			key = &s.keys[i]
		}
	}
	return key
}

// direct shows receiving streams the stage, when it may have changed. It is part of every flush.
func (s *state) direct() {
	if len(s.index.streams) == 0 || !s.restage {
		return
	}
	s.restage = false
	s.follow()
	wants := s.stageWants()
	for _, p := range s.index.streams {
		s.looked++
		if p.identity.Stream == protocol.KindEgress && p.negotiated && !slices.Equal(p.stage, wants) {
			p.stage = wants
			s.do(effect{kind: setView, seat: p.id, wants: wants})
		}
	}
}

// follow chooses whose camera is on the stage. A participant stays there while they speak, and after it until another
// speaks.
func (s *state) follow() {
	if s.spotlight != 0 && s.shows(s.spotlight, media.Camera) {
		s.onStage = s.spotlight
		return
	}
	if s.shows(s.onStage, media.Camera) && slices.Contains(s.speakers, s.onStage) {
		return
	}
	for _, id := range s.speakers {
		if s.shows(id, media.Camera) {
			s.onStage = id
			return
		}
	}
	if !s.shows(s.onStage, media.Camera) {
		s.onStage = s.firstWith(media.Camera)
	}
}

// stageWants are the pictures of the stage, the most important first: a shared screen, then the camera.
func (s *state) stageWants() []media.Want {
	var wants []media.Want
	screen := s.spotlight
	if !s.shows(screen, media.Screen) {
		screen = s.firstWith(media.Screen)
	}
	if screen != 0 {
		wants = append(wants, media.Want{Participant: screen, Source: media.Screen, Height: stageScreenHeight})
	}
	if s.onStage != 0 {
		wants = append(wants, media.Want{Participant: s.onStage, Source: media.Camera, Height: stageCameraHeight})
	}
	return wants
}

// shows says whether a participant has a source on.
func (s *state) shows(id media.ParticipantID, source media.Source) bool {
	p := s.seats[id]
	return p != nil && p.live().Has(source)
}

// firstWith is the participant longest present who has a source on, zero for none. It looks at those who have.
func (s *state) firstWith(source media.Source) media.ParticipantID {
	var first *seat
	for _, p := range s.index.publishers[source] {
		s.looked++
		if first == nil || p.entered < first.entered {
			first = p
		}
	}
	if first == nil {
		return 0
	}
	return first.id
}

// StreamJoin is what a program asks for a seat with.
type StreamJoin struct {
	Meeting ID
	Key     string // as StreamKey returned it
	Kind    protocol.Kind
	Full    bool // the server is full
	Sink    Sink // gets a Welcome, and a Bye at the end
}

// JoinStream seats a stream. It fails with ErrWrongKey, of meetings that do not exist too, ErrLocked,
// ErrMeetingFull, ErrServerFull, ErrAuditUnavailable or ErrBusy.
func (r *Registry) JoinStream(ctx context.Context, j StreamJoin) (*Seat, error) {
	a := r.find(j.Meeting)
	if a == nil {
		return nil, ErrWrongKey // a stranger learns nothing about which meetings there are
	}
	req := streamJoin{hash: hashToken(j.Key), kind: j.Kind, sink: j.Sink, token: newToken(), full: j.Full}
	id, err := ask(ctx, a, 0, func(now time.Time) (media.ParticipantID, error) { return a.state.joinStream(now, req) })
	switch {
	case err == nil:
		return &Seat{actor: a, id: id, sink: j.Sink}, nil
	case ctx.Err() != nil: // the join may still happen
		_ = a.post(job{run: func(now time.Time) { a.state.abandon(now, req.identity().person(), req.sink) }})
		return nil, ErrBusy
	}
	return nil, err
}

// StreamKey makes a stream key and returns it with its number. Errors are Refusals.
func (s *Seat) StreamKey(ctx context.Context, m *protocol.StreamKey) (key string, number int, err error) {
	a := s.actor
	key = newToken()
	number, err = ask(ctx, a, s.id, func(now time.Time) (int, error) {
		err := a.state.request(now, s.id, s.sink, m, func() string { return key })
		return a.state.lastKey, err
	})
	if err != nil {
		return "", 0, err
	}
	return key, number, nil
}

// Publish says what a sending stream sends, once its offer has been answered. It does not block.
func (s *Seat) Publish(sources media.SourceSet) {
	a := s.actor
	a.insist(job{seat: s.id, run: func(now time.Time) {
		if p := a.state.seats[s.id]; p != nil && p.sink == s.sink {
			a.state.declare(now, p, sources&sourcesOf(p.role))
		}
	}})
}
