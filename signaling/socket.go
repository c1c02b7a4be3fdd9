package signaling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"conclave/auth"
	"conclave/meeting"
	"conclave/protocol"
)

// touchEvery is how often activity on a socket is told to the session.
const touchEvery = time.Minute

// socket is one participant's WebSocket: one goroutine reads and acts, one writes. It is the meeting.Sink of its seat.
type socket struct {
	h      *Handler
	who    auth.Identity
	client auth.ClientIP // the key of limits
	out    *queue
	in     *meter
	person *person
	ctx    context.Context //nolint:containedctx // the life of the socket, which is longer than any call
	cancel context.CancelFunc
	conn   *websocket.Conn
	seat   atomic.Pointer[meeting.Seat]
	joinID atomic.Uint32 // of the join that a Welcome or the first LobbyStatus answers
	waits  atomic.Bool   // a LobbyStatus has answered the join
	joined atomic.Bool   // a Welcome has

	busy atomic.Uint64 // counts when the reading goroutine turns to a message and when it is done: odd in between

	// Of the reading goroutine.
	rate    bucket // of requests
	bytes   bucket // of messages, from the welcome on
	commits bucket // of those that are commits
	touched time.Time
	tried   bool // a join came with this message
	away    bool // the client closed because its page is gone
}

func newSocket(h *Handler, who auth.Identity, client auth.ClientIP) *socket {
	s := &socket{h: h, who: who, client: client}
	s.in = &meter{now: h.cfg.Now, flooded: func() { s.bye(protocol.ByeRateLimited) }}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// serve runs the socket until it is closed. It returns when both goroutines have ended.
func (s *socket) serve(conn *websocket.Conn) {
	s.conn = conn
	conn.SetReadLimit(-1) // receive bounds it, with an error that the client can read
	defer s.cancel()
	defer func() { _ = conn.CloseNow() }()
	forget := s.h.auth.OnRevoke(s.who.Session, s.signedOut)

	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write()
	}()
	s.guard(s.read)
	s.vacate()
	s.forgetLater(forget)
	if _, ended := s.out.finished(); !ended {
		s.cancel() // the client is gone and reads no bye
	}
	<-written
	reason, ended := s.out.finished()
	if !ended {
		reason = "lost"
	}
	s.h.metrics.closed(reason)
	s.out.close()
}

// vacate has the seat wait to be resumed. A page that was closed or reloaded resumes nothing, since its token is gone.
// Firefox closes the WebSocket before the page can say so, with the status of RFC 6455 §7.4.1 for going away. A place
// in the lobby is kept: the page asks for it again without a token.
func (s *socket) vacate() {
	seat := s.seat.Load()
	switch {
	case seat == nil:
	case s.away && s.joined.Load():
		seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
	default:
		seat.Lost()
	}
}

// forgetLater has the end of the session end a seat that waits to be resumed, as long as it may.
func (s *socket) forgetLater(forget func()) {
	reason, ended := s.out.finished()
	switch {
	case s.seat.Load() == nil:
	case !ended, reason == protocol.ByeSlowReader, reason == protocol.ByeRateLimited, reason == protocol.ByeProtocolError:
		time.AfterFunc(s.h.registry.ResumeGrace(), forget)
		return
	}
	forget()
}

// guard runs f. A panic in it is our bug: it ends this participant with an error, and no other.
func (s *socket) guard(f func()) {
	fine := false
	defer func() {
		if fine {
			return
		}
		_ = recover() // its value might hold what a person typed; the stack holds none of it
		s.h.metrics.panicked()
		s.h.cfg.Log.Error("panic in a participant's handling", "stack", string(debug.Stack()))
		s.send(&protocol.Error{Error: protocol.ErrInternal, Message: "Something went wrong on the server.", Fatal: true})
		s.bye(protocol.ByeInternal)
		if seat := s.seat.Load(); seat != nil {
			seat.Leave(&protocol.Leave{}, protocol.ByeInternal)
		}
	}()
	f()
	fine = true
}

// signedOut is called when the session ends: its sockets end at once.
func (s *socket) signedOut() {
	s.bye(protocol.ByeSignedOut)
	if seat := s.seat.Load(); seat != nil {
		seat.SignedOut(meeting.SessionKeyOf(s.who.Session))
	}
}

// present says whether the socket holds a seat in a meeting.
func (s *socket) present() bool {
	_, ended := s.out.finished()
	return !ended && s.joined.Load()
}

// marshal encodes a message of ours; one that cannot be encoded is our bug.
func marshal(m protocol.ServerMessage) []byte {
	data, err := protocol.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("signaling: %T cannot be encoded", m))
	}
	return data
}

// send queues a message to this client. A client that does not read fast enough for the queue is disconnected.
func (s *socket) send(m protocol.ServerMessage) { s.sendFrame(marshal(m)) }

func (s *socket) sendFrame(frame []byte) {
	if !s.out.put(frame) {
		s.finish(byeFrame(protocol.ByeSlowReader), protocol.ByeSlowReader, true)
	}
}

// bye queues the last message; the socket closes after it.
func (s *socket) bye(reason protocol.ByeReason) { s.finish(byeFrame(reason), reason, false) }

// finish queues the last frame, as queue.finish does, and has the reading end.
func (s *socket) finish(frame []byte, reason protocol.ByeReason, drop bool) {
	s.out.finish(frame, reason, drop)
	s.in.stop(readAfterBye)
}

func byeFrame(reason protocol.ByeReason) []byte {
	return marshal(&protocol.Bye{Reason: reason, Message: reason.Sentence()})
}

// Deliver implements meeting.Sink. It does not block.
func (s *socket) Deliver(d *meeting.Delivery) {
	switch m := d.Message.(type) {
	case *protocol.Welcome:
		s.joined.Store(true)
		own := *m
		own.ID, own.RoleNames = protocol.RequestID(s.joinID.Load()), s.h.cfg.RoleNames
		s.sendFrame(d.WelcomeFrame(&own))
	case *protocol.Lobby:
		if !s.waits.CompareAndSwap(false, true) {
			s.sendFrame(d.Frame()) // the same for all who wait
			return
		}
		own := *m
		own.ID = protocol.RequestID(s.joinID.Load())
		s.send(&own)
	case *protocol.Bye:
		s.finish(d.Frame(), m.Reason, false)
		if m.Reason == protocol.ByeIdle {
			s.h.idled(s)
		}
	default:
		s.sendFrame(d.Frame())
	}
}

// write sends what is queued until the bye is out, the client is gone, or it takes too long.
func (s *socket) write() {
	defer s.cancel()
	ping := time.NewTimer(s.h.cfg.PingEvery)
	defer ping.Stop()
	for {
		frame, ok, end := s.out.next()
		switch {
		case ok:
			if !s.writeFrame(frame) {
				return
			}
			continue
		case end:
			// The reading goroutine is in the middle of a read; the handshake needs it to go on for a moment. The meter
			// bounds what comes of it.
			_ = s.conn.Close(s.closeStatus(), "")
			return
		}
		select {
		case <-s.out.ready:
		case <-ping.C:
			ping.Reset(s.h.cfg.PingEvery)
			go s.ping()
		case <-s.ctx.Done():
			return
		}
	}
}

// writeFrame is false when the connection is of no more use. A client that takes no byte for WriteTimeout reads too
// slowly, however short its queue; no bye can reach it.
func (s *socket) writeFrame(frame []byte) bool {
	ctx, cancel := context.WithTimeout(s.ctx, s.h.cfg.WriteTimeout)
	defer cancel()
	if s.conn.Write(ctx, websocket.MessageText, frame) == nil {
		return true
	}
	if s.ctx.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.finish(nil, protocol.ByeSlowReader, true)
	}
	return false
}

// closeStatus is the status code of the close frame (RFC 6455 §7.4.1).
func (s *socket) closeStatus() websocket.StatusCode {
	switch reason, _ := s.out.finished(); reason {
	case protocol.ByeProtocolError, protocol.ByeRateLimited, protocol.ByeSlowReader:
		return websocket.StatusPolicyViolation
	case protocol.ByeShuttingDown:
		return websocket.StatusGoingAway
	case protocol.ByeInternal:
		return websocket.StatusInternalError
	default:
		return websocket.StatusNormalClosure
	}
}

// ping asks for a sign of life. It runs on a goroutine of its own for as long as the answer takes. The reading
// goroutine takes the answer, so a ping says nothing about a client whose message is being handled meanwhile.
func (s *socket) ping() {
	ctx, cancel := context.WithTimeout(s.ctx, s.h.cfg.PingEvery)
	defer cancel()
	before := s.busy.Load()
	if s.conn.Ping(ctx) != nil && before%2 == 0 && s.busy.Load() == before {
		s.cancel()
	}
}

// onPing counts a client's pings like requests, and lets those over the limit go unanswered. It is called by the
// reading goroutine.
func (s *socket) onPing(context.Context, []byte) bool {
	ok, giveUp := s.rate.take(s.h.cfg.Now(), rateRefill, rateBurst)
	if giveUp {
		s.bye(protocol.ByeRateLimited)
	}
	return ok
}

// read takes the client's messages one after the other until the socket is closed.
func (s *socket) read() {
	patience := newStopwatch(s.h.cfg.JoinTimeout, s.notJoined)
	defer patience.pause()
	for {
		data, err := s.receive()
		if err != nil {
			s.away = websocket.CloseStatus(err) == websocket.StatusGoingAway
			if errors.As(err, new(tooLarge)) || errors.Is(err, errNotText) {
				s.drain()
			}
			return
		}
		if _, ended := s.out.finished(); ended {
			s.drain()
			return
		}
		patience.pause() // a join may wait for its turn to check a password: that is the server's time
		s.busy.Add(1)
		s.tried = false
		s.handle(data)
		s.busy.Add(1)
		if s.tried {
			patience.left = s.h.cfg.RetryTimeout
		}
		if s.seat.Load() == nil {
			patience.resume()
		}
	}
}

// stopwatch calls a function when it has run for as long as it was given.
type stopwatch struct {
	timer *time.Timer
	began time.Time
	left  time.Duration
}

// newStopwatch returns one that runs.
func newStopwatch(d time.Duration, f func()) *stopwatch {
	return &stopwatch{timer: time.AfterFunc(d, f), began: time.Now(), left: d}
}

func (w *stopwatch) pause() {
	if w.timer.Stop() {
		w.left -= time.Since(w.began)
	}
}

func (w *stopwatch) resume() {
	w.began = time.Now()
	w.timer.Reset(w.left)
}

// notJoined ends a socket that never asked for a seat, or got none.
func (s *socket) notJoined() {
	if s.seat.Load() == nil {
		late := marshal(&protocol.Bye{Reason: protocol.ByeProtocolError, Message: "You did not join in time."})
		s.finish(late, protocol.ByeProtocolError, false)
	}
}

// drain reads on and forgets, so that the bye and the close handshake get through. It ends with the socket, which the
// writer closes, or when the meter stops it.
func (s *socket) drain() {
	for {
		_, r, err := s.conn.Reader(s.ctx)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return
		}
	}
}

// maxBeforeWelcome bounds any message of a client that has not been let in: a relay of the lobby is the largest it
// needs.
const maxBeforeWelcome = 24 << 10

var errNotText = errors.New("not a text message")

// tooLarge says that a message has more bytes than it may.
type tooLarge struct{ most int }

func (e tooLarge) Error() string { return fmt.Sprintf("message larger than %d bytes", e.most) }

// receive reads one message. It waits for the first byte as long as pings are answered, and for the rest of it
// MessageTimeout: a message cannot be started and never finished.
func (s *socket) receive() ([]byte, error) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	kind, r, err := s.conn.Reader(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // not looked at
	}
	defer time.AfterFunc(s.h.cfg.MessageTimeout, cancel).Stop()
	if kind != websocket.MessageText {
		return nil, s.refuseMessage(r, errNotText)
	}
	data, err := s.readMessage(r)
	if errors.As(err, new(tooLarge)) {
		return nil, s.refuseMessage(r, err)
	}
	return data, err
}

// readMessage reads what most messages have at most, and more only if the type that it begins with may have more.
func (s *socket) readMessage(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, protocol.MaxMessage+1))
	if err != nil || len(data) <= protocol.MaxMessage {
		return data, err //nolint:wrapcheck // not looked at
	}
	typ, _ := protocol.Peek(data)
	most := protocol.MaxSize(typ)
	if !s.joined.Load() {
		most = min(most, maxBeforeWelcome)
	}
	rest, err := io.ReadAll(io.LimitReader(r, int64(most+1-len(data))))
	data = append(data, rest...)
	if err == nil && len(data) > most {
		return nil, tooLarge{most}
	}
	return data, err //nolint:wrapcheck // not looked at
}

// refuseMessage ends the socket because of a message, and reads the rest of it, so that the error gets through: a
// client that is still writing does not read.
func (s *socket) refuseMessage(rest io.Reader, why error) error {
	s.fatal(why)
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return err //nolint:wrapcheck // not looked at
	}
	return why
}

// fatal answers what cannot be a message, and ends the socket.
func (s *socket) fatal(err error) {
	id, text := protocol.ErrBadJSON, "Messages are text frames."
	if large := (tooLarge{}); errors.As(err, &large) {
		id, text = protocol.ErrTooLarge, fmt.Sprintf("The message is larger than %d KiB.", large.most>>10)
	}
	s.h.metrics.request("unreadable", string(id))
	s.send(&protocol.Error{Error: id, Message: text, Fatal: true})
	s.bye(protocol.ByeProtocolError)
}
