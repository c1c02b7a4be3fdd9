package signaling

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"conclave/meeting"
	"conclave/protocol"
	"conclave/sfu"
)

const (
	// requestTimeout bounds how long a request waits for its meeting.
	requestTimeout = 15 * time.Second
	// passwordTimeout bounds how long a join waits for its turn to check a password. The passwords of one address at
	// one meeting are checked one after another, 50 ms each on an idle core: 300 joins take 15 s, and a minute or more
	// on a busy machine.
	passwordTimeout = 3 * time.Minute
)

// handle does what one message asks. Its bytes are charged before it is decoded.
func (s *socket) handle(data []byte) {
	if ok, giveUp := s.mayBring(data); !ok {
		_, id := protocol.Peek(data)
		s.h.metrics.request("unreadable", string(protocol.ErrRateLimited))
		s.send(&protocol.Error{ID: id, Error: protocol.ErrRateLimited, Message: "Too many bytes. Nothing was done."})
		if giveUp {
			s.bye(protocol.ByeRateLimited)
		}
		return
	}
	m, err := s.decode(data)
	ok, giveUp := s.mayAsk(m)
	if giveUp {
		defer s.bye(protocol.ByeRateLimited)
	}
	var wrong *protocol.RequestError
	switch {
	case errors.As(err, &wrong):
		s.h.metrics.request("unreadable", string(wrong.Err))
		s.answer(wrong.Reply(), protocol.ByeProtocolError)
	case err != nil: // the socket is gone
	case !ok:
		s.refuse(m, protocol.ErrRateLimited, "Too many requests. Nothing was done.")
	default:
		s.touch(m)
		s.dispatch(m)
	}
}

func (s *socket) dispatch(m protocol.ClientMessage) {
	timeout := requestTimeout
	if _, join := m.(*protocol.Join); join {
		timeout = passwordTimeout
	}
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	switch m := m.(type) {
	case *protocol.Join:
		s.join(ctx, m)
	case *protocol.Offer:
		s.offer(ctx, m)
	case *protocol.Leave:
		s.leave(m)
	case *protocol.StreamKey:
		s.streamKey(ctx, m)
	case *protocol.OpenBreakouts:
		s.openBreakouts(ctx, m)
	default:
		s.request(ctx, m)
	}
}

// mayBring charges the bytes of a message: to the socket, and before its welcome to the person, over all of their
// sockets. Commits are charged apart: one that adds many to a large group is as large as everything else in seconds.
func (s *socket) mayBring(data []byte) (ok, giveUp bool) {
	n, now := len(data), s.h.cfg.Now()
	if !s.joined.Load() {
		return s.person.early.take(now, time.Duration(n)*earlyRefill, earlyBurst)
	}
	if typ, _ := protocol.Peek(data); typ == "commit" {
		return s.commits.take(now, time.Duration(n)*commitsRefill, commitsBurst)
	}
	return s.bytes.take(now, time.Duration(n)*bytesRefill, bytesBurst)
}

// mayAsk charges a request by its weight, to the socket and to the person; m is nil if it could not be read.
func (s *socket) mayAsk(m protocol.ClientMessage) (ok, giveUp bool) {
	weight, now := protocol.OneRequest, s.h.cfg.Now()
	if m != nil {
		weight = protocol.SpecOf(m).Weight
	}
	if ok, giveUp = s.rate.take(now, time.Duration(weight)*rateRefill/protocol.OneRequest, rateBurst); !ok {
		return ok, giveUp
	}
	return s.person.requests.take(now, time.Duration(weight)*personRefill/protocol.OneRequest, rateBurst)
}

// smallMessage is decoded within some ten microseconds.
const smallMessage = 4 << 10

// decode decodes a message. Large ones are decoded one at a time for each person, and few at a time altogether, so
// that media does not wait for a processor. It fails with a *protocol.RequestError, or when the socket ends.
func (s *socket) decode(data []byte) (protocol.ClientMessage, error) {
	if len(data) > smallMessage {
		done, err := s.h.decoding.take(s.ctx, s.person)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	return protocol.DecodeClient(data) //nolint:wrapcheck // a *protocol.RequestError
}

// touch tells the session that its person is there, now and then. What a client does by itself does not count.
func (s *socket) touch(m protocol.ClientMessage) {
	if s.who.Bot || protocol.IsAutomatic(m) {
		return
	}
	if now := s.h.cfg.Now(); now.Sub(s.touched) >= touchEvery {
		s.touched = now
		s.h.auth.Touch(s.who.Session)
	}
}

// answer sends an error, and a bye after it if it is fatal.
func (s *socket) answer(e *protocol.Error, why protocol.ByeReason) {
	s.send(e)
	if e.Fatal {
		s.bye(why)
	}
}

// refuse answers a request with an error.
func (s *socket) refuse(m protocol.ClientMessage, id protocol.ErrorID, text string) {
	s.refuseUntil(m, id, text, 0)
}

// refuseUntil refuses m and says in how many seconds to try again; 0: not.
func (s *socket) refuseUntil(m protocol.ClientMessage, id protocol.ErrorID, text string, again int) {
	s.h.metrics.request(protocol.TypeOf(m), string(id))
	s.answer(&protocol.Error{ID: m.Request(), Error: id, Message: text, Fatal: id.Fatal(), RetryAfterS: again}, byeFor(id))
}

// byeFor is the reason of the bye after a fatal error.
func byeFor(id protocol.ErrorID) protocol.ByeReason {
	switch id {
	case protocol.ErrNoSuchMeeting:
		return protocol.ByeEnded
	case protocol.ErrBanned:
		return protocol.ByeBanned
	case protocol.ErrMeetingLocked, protocol.ErrMeetingFull, protocol.ErrServerFull:
		return protocol.ByeDenied
	default:
		return protocol.ByeProtocolError
	}
}

func (s *socket) done(m protocol.ClientMessage) { s.h.metrics.request(protocol.TypeOf(m), "ok") }

// join asks for a seat. The meeting answers, through Deliver.
func (s *socket) join(ctx context.Context, m *protocol.Join) {
	s.tried = true
	if s.seat.Load() != nil {
		s.refuse(m, protocol.ErrAlreadyJoined, "This connection has joined already.")
		return
	}
	id, err := meeting.ParseID(string(m.Meeting))
	if err != nil {
		s.refuse(m, protocol.ErrNoSuchMeeting, "There is no such meeting.")
		return
	}
	wait, err := s.mayTry(ctx, m, id)
	if wait > 0 {
		s.refuse(m, protocol.ErrRateLimited,
			fmt.Sprintf("Too many attempts to join. Try again in %d seconds.", int(math.Ceil(wait.Seconds()))))
		return
	}
	if err != nil {
		s.refuseJoin(m, err)
	}
}

// mayTry applies the limits on joining and joins. wait is positive if a limit refused.
func (s *socket) mayTry(ctx context.Context, m *protocol.Join, id meeting.ID) (wait time.Duration, err error) {
	l, now := &s.h.limits, s.h.cfg.Now()
	if wait, err = s.h.find(now, s.client, id); wait > 0 || err != nil {
		return wait, err
	}
	if !s.who.Bot {
		if ok, wait := l.tried.Allow(now, s.who.Session); !ok {
			return wait, nil
		}
		if ok, wait := l.joins.Allow(now, s.client, id); !ok {
			return wait, nil
		}
	}
	if m.Password == "" && m.Resume == "" {
		return 0, s.seated(ctx, m, id)
	}
	return s.prove(ctx, m, id)
}

// prove joins with a secret that could be guessed.
func (s *socket) prove(ctx context.Context, m *protocol.Join, id meeting.ID) (wait time.Duration, err error) {
	l := &s.h.limits
	if m.Password != "" && !s.who.Bot {
		if ok, wait := l.hashes.Allow(s.h.cfg.Now(), s.client, struct{}{}); !ok {
			return wait, nil
		}
	}
	g := guess{s.who.Person(), s.client, id}
	done, err := l.guesses.turn(ctx, g, s.h.cfg.Now)
	if err != nil {
		return 0, meeting.ErrBusy
	}
	defer done()
	now := s.h.cfg.Now()
	if wait := l.guesses.wait(now, g); wait > 0 {
		return wait, nil
	}
	err = s.seated(ctx, m, id)
	switch {
	case errors.Is(err, meeting.ErrWrongPassword) || errors.Is(err, meeting.ErrResumeFailed):
		l.guesses.wrong(now, g)
	case err == nil:
		l.guesses.right(now, g)
	}
	return 0, err
}

// seated asks the meeting for the seat.
func (s *socket) seated(ctx context.Context, m *protocol.Join, id meeting.ID) error {
	s.joinID.Store(uint32(m.ID))
	s.waits.Store(false)
	release, room := func() {}, true
	if m.Resume == "" {
		release, room = s.h.cfg.Reserve(ctx)
	}
	seat, err := s.h.registry.Join(ctx, meeting.Join{
		Meeting: id, Identity: identity(s.who), Name: meeting.NewDisplayName(m.Name), Announce: meeting.NewBlob(m.Announce),
		Admit: meeting.NewBlob(m.Admit), Switch: m.Switch, Password: m.Password,
		Resume: m.Resume, Full: !room, Sink: s,
	})
	if room && (err != nil || s.waits.Load()) {
		release()
	}
	if err != nil {
		return err //nolint:wrapcheck // translated for the wire
	}
	s.seat.Store(seat)
	s.done(m)
	if reason, ended := s.out.finished(); ended && (reason == protocol.ByeSignedOut || reason == protocol.ByeIdle) {
		seat.SignedOut(meeting.SessionKeyOf(s.who.Session)) // the session ended while the seat was given
	}
	return nil
}

// A join refused because the server is full may be tried again after fullFor at least, spread over as much again.
const fullFor = 20 // seconds

func (s *socket) refuseJoin(m *protocol.Join, err error) {
	id, text := refusal(err)
	if id != protocol.ErrServerFull {
		s.refuse(m, id, text)
		return
	}
	again := fullFor + rand.N(fullFor) //nolint:gosec // spreads load, hides nothing
	s.refuseUntil(m, id, fmt.Sprintf("The server is full. Try again in %d seconds.", again), again)
}

// offer negotiates on this goroutine: it may take milliseconds, and holds up only its sender.
func (s *socket) offer(ctx context.Context, m *protocol.Offer) {
	seat := s.seat.Load()
	if seat == nil {
		s.refuse(m, protocol.ErrNotJoined, "Join first.")
		return
	}
	answer, err := seat.Negotiate(ctx, m)
	if err != nil {
		s.refuseWith(m, err)
		return
	}
	s.send(&protocol.Answer{ID: m.ID, SDP: answer})
	s.done(m)
}

// streamKey makes a stream key, which only its reply tells.
func (s *socket) streamKey(ctx context.Context, m *protocol.StreamKey) {
	seat := s.seat.Load()
	if seat == nil {
		s.refuse(m, protocol.ErrNotJoined, "Join first.")
		return
	}
	key, number, err := seat.StreamKey(ctx, m)
	if err != nil {
		s.refuseWith(m, err)
		return
	}
	s.send(&protocol.StreamKeyMade{ID: m.ID, Number: number, Kind: m.Kind, Key: key})
	s.done(m)
}

func (s *socket) openBreakouts(ctx context.Context, m *protocol.OpenBreakouts) {
	seat := s.seat.Load()
	if seat == nil {
		s.refuse(m, protocol.ErrNotJoined, "Join first.")
		return
	}
	if !s.who.CanHost {
		s.refuse(m, protocol.ErrNotPermitted, "This address may not create meetings here.")
		return
	}
	created := s.h.limits.create
	if ok, _ := created.Check(s.h.cfg.Now(), s.who.Person()); !ok && !s.who.Bot {
		s.refuse(m, protocol.ErrRateLimited, "Too many meetings created. Try again later.")
		return
	}
	rooms, err := seat.OpenBreakouts(ctx, m)
	if errors.Is(err, meeting.ErrServerFull) { // of who is in a meeting it takes nothing
		s.h.metrics.request(protocol.TypeOf(m), string(protocol.ErrServerFull))
		s.send(&protocol.Error{ID: m.ID, Error: protocol.ErrServerFull, Message: meeting.ErrServerFull.Sentence})
		return
	}
	if err != nil {
		s.refuseWith(m, err)
		return
	}
	if !s.who.Bot {
		created.Take(s.h.cfg.Now(), s.who.Person())
	}
	reply := &protocol.Breakouts{ID: m.ID}
	for _, id := range rooms {
		reply.Meetings = append(reply.Meetings, protocol.MeetingID(id.Reveal()))
	}
	s.send(reply)
	s.done(m)
}

func (s *socket) refuseWith(m protocol.ClientMessage, err error) {
	id, text := refusal(err)
	if id.Fatal() {
		id = protocol.ErrNotJoined // the seat went with the meeting; its bye is on the way
	}
	s.refuse(m, id, text)
}

func (s *socket) leave(m *protocol.Leave) {
	s.done(m)
	if seat := s.seat.Load(); seat != nil {
		seat.Leave(m, protocol.ByeLeft)
		return
	}
	s.bye(protocol.ByeLeft)
}

// request is everything that the meeting decides.
func (s *socket) request(ctx context.Context, m protocol.ClientMessage) {
	seat := s.seat.Load()
	if seat == nil {
		s.refuse(m, protocol.ErrNotJoined, "Join first.")
		return
	}
	if err := seat.Do(ctx, m); err != nil {
		s.refuseWith(m, err)
		return
	}
	s.send(&protocol.OK{ID: m.Request()})
	s.done(m)
}

// refusal is what a client is told about an error of package meeting or sfu.
func refusal(err error) (protocol.ErrorID, string) {
	var r meeting.Refusal
	switch {
	case errors.As(err, &r):
		return r.ID, r.Sentence
	case errors.Is(err, sfu.ErrBadOffer):
		return protocol.ErrBadOffer, "The offer cannot be answered: " + strings.TrimPrefix(err.Error(), "bad offer: ") + "."
	case errors.Is(err, sfu.ErrClosed):
		return meeting.ErrNotJoined.ID, meeting.ErrNotJoined.Sentence
	case errors.Is(err, context.DeadlineExceeded):
		return protocol.ErrInternal, "The server took too long. Try again."
	default:
		return meeting.ErrInternal.ID, meeting.ErrInternal.Sentence
	}
}
