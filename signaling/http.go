package signaling

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"

	"conclave/auth"
	"conclave/meeting"
	"conclave/protocol"
)

// fail answers with the error body of the protocol.
func fail(w http.ResponseWriter, status int, id protocol.ErrorID, message string, retryAfter time.Duration) {
	auth.WriteError(w, status, string(id), message, retryAfter)
}

// asker authenticates a request and finds its client; ok is false when it has been answered.
func (h *Handler) asker(w http.ResponseWriter, r *http.Request) (who auth.Identity, client auth.ClientIP, ok bool) {
	who, err := h.auth.Authenticate(r)
	if err != nil {
		fail(w, http.StatusUnauthorized, protocol.ErrUnauthenticated, "Sign in first.", 0)
		return who, client, false
	}
	client, ok = h.clientOf(w, r)
	return who, client, ok
}

// clientOf finds the client that a request's limits count; ok is false when it has been answered.
func (h *Handler) clientOf(w http.ResponseWriter, r *http.Request) (client auth.ClientIP, ok bool) {
	client, ok = auth.ClientIPFrom(r.Context())
	if !ok {
		// Without an address no limit can be kept: a proxy is misconfigured.
		fail(w, http.StatusForbidden, protocol.ErrInternal, "The server cannot tell where this request comes from.", 0)
		return client, false
	}
	return client.LimitKey(), true
}

// create is POST /api/meetings.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) {
	who, _, ok := h.asker(w, r)
	if !ok {
		return
	}
	if !who.CanHost {
		fail(w, http.StatusForbidden, protocol.ErrNotAllowed, "This address may not create meetings here.", 0)
		return
	}
	var body protocol.Create
	if !readBody(w, r, &body) {
		return
	}
	e2ee := body.E2EE == nil || *body.E2EE
	if body.PrivateAudio && !e2ee {
		fail(w, http.StatusBadRequest, protocol.ErrInvalidRequest,
			"\"private_audio\" belongs to end-to-end encrypted meetings.", 0)
		return
	}
	if body.Guests != nil && *body.Guests && (body.Confidential || body.Lobby != nil && !*body.Lobby) {
		fail(w, http.StatusBadRequest, protocol.ErrInvalidRequest,
			"Guests need a lobby, and a confidential meeting takes none.", 0)
		return
	}
	if body.Guests != nil && *body.Guests && !h.registry.TakesGuests() {
		fail(w, http.StatusForbidden, protocol.ErrNotAllowed, "This server takes no guests.", 0)
		return
	}
	if !who.Bot {
		if ok, wait := h.limits.create.Allow(h.cfg.Now(), who.Person()); !ok {
			fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many meetings created. Try again later.", wait)
			return
		}
	}
	address, ok := h.addressOf(w, r, who, body.Room)
	if !ok || h.openElsewhere(w, r, address) {
		return
	}
	id, expires, err := h.registry.Create(r.Context(), meeting.Creation{
		Address: address, Creator: identity(who), Title: meeting.NewTitle(body.Title), Password: body.Password,
		Lobby: body.Lobby == nil || *body.Lobby, E2EE: e2ee, Confidential: body.Confidential,
		PrivateAudio: body.PrivateAudio, NoGuests: body.Guests != nil && !*body.Guests, Policy: body.WhenHostLeaves,
	})
	if errors.Is(err, meeting.ErrAlreadyOpen) {
		h.alreadyOpen(w, r, address, who)
		return
	}
	if err != nil {
		h.failWith(w, err)
		return
	}
	h.waits.opened(id)
	auth.WriteJSON(w, http.StatusCreated, protocol.Created{
		Meeting: protocol.MeetingID(id.Reveal()), E2EE: e2ee, ExpiresAt: expires.UTC().Truncate(time.Second),
	})
}

// challenge is POST /api/rooms/challenge.
func (h *Handler) challenge(w http.ResponseWriter, r *http.Request) {
	who, client, ok := h.asker(w, r)
	if !ok {
		return
	}
	var body protocol.ChallengeRequest
	if !readBody(w, r, &body) {
		return
	}
	if !who.CanHost {
		fail(w, http.StatusForbidden, protocol.ErrNotAllowed, "This address may not create meetings here.", 0)
		return
	}
	now := h.cfg.Now()
	if ok, wait := h.limits.info.Allow(now, client, struct{}{}); !ok && !who.Bot {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many requests. Try again later.", wait)
		return
	}
	c, ok := h.asked.issue(now, who.Session)
	if !ok {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many rooms are being opened. Try again later.",
			challengeLife)
		return
	}
	auth.WriteJSON(w, http.StatusOK, protocol.Challenge{Challenge: base64.RawURLEncoding.EncodeToString(c[:])})
}

// addressOf is the address that a room's owner proves to be theirs; the zero ID if none is asked for. ok is false when
// the request has been answered. The challenge is used up first, and so pays for the work.
func (h *Handler) addressOf(
	w http.ResponseWriter, r *http.Request, who auth.Identity, asked *protocol.Room,
) (address meeting.ID, ok bool) {
	if asked == nil {
		return meeting.ID{}, true
	}
	var (
		room  meeting.LastingRoom
		c     meeting.Challenge
		proof meeting.Proof
	)
	if !decodeExactly(asked.Key, room.Key[:]) || !decodeExactly(asked.Nonce, room.Nonce[:]) ||
		!decodeExactly(asked.Challenge, c[:]) || !decodeExactly(asked.Proof, proof[:]) {
		fail(w, http.StatusBadRequest, protocol.ErrInvalidRequest, "\"room\" has a field of the wrong length.", 0)
		return meeting.ID{}, false
	}
	if !h.asked.take(h.cfg.Now(), who.Session, c) {
		fail(w, http.StatusConflict, protocol.ErrChallengeExpired, "The challenge is over or was used. Ask for another.", 0)
		return meeting.ID{}, false
	}
	if !room.Opens(strings.ToLower(r.Host), c, proof) {
		fail(w, http.StatusForbidden, protocol.ErrNotAllowed, "The proof is not that of the room's owner.", 0)
		return meeting.ID{}, false
	}
	address, err := room.Address()
	if err != nil {
		h.failWith(w, err)
		return meeting.ID{}, false
	}
	return address, true
}

// openElsewhere answers the owner of a room whose meeting an older version of the server has: with that meeting.
func (h *Handler) openElsewhere(w http.ResponseWriter, r *http.Request, address meeting.ID) (answered bool) {
	if h.cfg.Elsewhere == nil || address == (meeting.ID{}) || h.registry.Has(address) {
		return false
	}
	about, ok, err := h.cfg.Elsewhere(r, address)
	if err != nil { // a second meeting at one address would be worse
		h.failWith(w, meeting.ErrBusy)
		return true
	}
	if ok {
		auth.WriteJSON(w, http.StatusOK, protocol.Created{
			Meeting: protocol.MeetingID(address.Reveal()), E2EE: about.E2EE, ExpiresAt: about.ExpiresAt,
		})
	}
	return ok
}

// decodeExactly decodes base64url that has just as many bytes.
func decodeExactly(text string, out []byte) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && copy(out, b) == len(b) && len(b) == len(out)
}

// alreadyOpen answers the owner of a room whose meeting is open: with that meeting, unchanged.
func (h *Handler) alreadyOpen(w http.ResponseWriter, r *http.Request, id meeting.ID, who auth.Identity) {
	about, err := h.registry.Info(r.Context(), id, identity(who))
	if errors.Is(err, meeting.ErrNoSuchMeeting) { // it has just ended
		err = meeting.ErrBusy
	}
	if err != nil {
		h.failWith(w, err)
		return
	}
	auth.WriteJSON(w, http.StatusOK, protocol.Created{
		Meeting: protocol.MeetingID(id.Reveal()), E2EE: about.E2EE, ExpiresAt: about.ExpiresAt.UTC().Truncate(time.Second),
	})
}

// asking is who asks about a meeting: a person who is signed in or, where there are guests, anyone. ok is false if they
// have been answered.
func (h *Handler) asking(w http.ResponseWriter, r *http.Request) (
	who auth.Identity, signedOut bool, client auth.ClientIP, ok bool,
) {
	who, err := h.auth.Authenticate(r)
	signedOut = err != nil
	if signedOut && !h.registry.TakesGuests() {
		fail(w, http.StatusUnauthorized, protocol.ErrUnauthenticated, "Sign in first.", 0)
		return who, signedOut, client, false
	}
	client, ok = h.clientOf(w, r)
	return who, signedOut, client, ok
}

// info is GET /api/meetings/{id}. Without a session it tells what a guest is told of a meeting that takes guests, since
// anyone may become one. Of any other meeting it tells nothing, not even that there is one.
func (h *Handler) info(w http.ResponseWriter, r *http.Request) {
	who, signedOut, client, ok := h.asking(w, r)
	if !ok {
		return
	}
	now := h.cfg.Now()
	if ok, wait := h.limits.info.Allow(now, client, struct{}{}); !ok && !who.Bot {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many requests. Try again later.", wait)
		return
	}
	typed, _ := protocol.ParseMeetingID(chi.URLParam(r, "id"))
	id, _ := meeting.ParseID(string(typed)) // the zero ID names no meeting
	wait, err := h.find(now, client, id)
	if wait > 0 && !signedOut {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many wrong meeting addresses. Try again later.",
			wait)
		return
	}
	var about meeting.Info
	if err == nil {
		about, err = h.registry.Info(r.Context(), id, identity(who))
	}
	if err != nil && signedOut {
		fail(w, http.StatusUnauthorized, protocol.ErrUnauthenticated, "Sign in first.", 0)
		return
	}
	if err != nil {
		h.failWith(w, err)
		return
	}
	auth.WriteJSON(w, http.StatusOK, protocol.MeetingInfo{
		Meeting: protocol.MeetingID(id.Reveal()), Title: about.Title.Reveal(), Password: about.Password, Lobby: about.Lobby,
		Locked: about.Locked, E2EE: about.E2EE, Confidential: about.Confidential,
		Guests: about.Guests, Host: about.Host, Participants: about.Participants,
		ExpiresAt: about.ExpiresAt.UTC().Truncate(time.Second),
	})
}

// check is POST /api/check. It needs no sign-in: the page that says what a network lets through comes before.
func (h *Handler) check(w http.ResponseWriter, r *http.Request) {
	client, ok := h.clientOf(w, r)
	if !ok {
		return
	}
	var body protocol.PathCheckRequest
	if !readBody(w, r, &body) {
		return
	}
	now := h.cfg.Now()
	if ok, wait := h.limits.checks.Allow(now, client, struct{}{}); !ok {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many checks. Try again later.", wait)
		return
	}
	check, ok := h.cfg.Check(now)
	if !ok {
		fail(w, http.StatusServiceUnavailable, protocol.ErrServerFull,
			"Too many people check their network. Try again later.", time.Minute)
		return
	}
	auth.WriteJSON(w, http.StatusOK, check)
}

// failWith answers with an error of package meeting.
func (h *Handler) failWith(w http.ResponseWriter, err error) {
	id, text := refusal(err)
	switch id {
	case protocol.ErrNoSuchMeeting:
		fail(w, http.StatusNotFound, id, text, 0)
	case protocol.ErrInvalidRequest, protocol.ErrBadOffer:
		fail(w, http.StatusBadRequest, id, text, 0)
	case protocol.ErrUnauthenticated:
		fail(w, http.StatusUnauthorized, id, text, 0)
	case protocol.ErrMeetingLocked, protocol.ErrMeetingFull:
		fail(w, http.StatusForbidden, id, text, 0)
	case protocol.ErrNotPermitted:
		fail(w, http.StatusForbidden, protocol.ErrNotAllowed, text, 0)
	case protocol.ErrServerFull, protocol.ErrAuditUnavailable:
		fail(w, http.StatusServiceUnavailable, id, text, time.Minute)
	case protocol.ErrRateLimited:
		fail(w, http.StatusTooManyRequests, id, text, time.Minute)
	default:
		fail(w, http.StatusInternalServerError, protocol.ErrInternal, text, 0)
	}
}

// readBody decodes a JSON body strictly; it is false when the request has been answered.
func readBody(w http.ResponseWriter, r *http.Request, out any) bool { // any: what protocol.DecodeBody takes
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, protocol.ErrInvalidRequest, "The body must be application/json.", 0)
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxHTTPBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			fail(w, http.StatusRequestEntityTooLarge, protocol.ErrTooLarge, "The body is larger than 4 KiB.", 0)
		} else {
			fail(w, http.StatusBadRequest, protocol.ErrBadJSON, "The body could not be read.", 0)
		}
		return false
	}
	var wrong *protocol.RequestError
	if errors.As(protocol.DecodeBody(body, out), &wrong) {
		fail(w, http.StatusBadRequest, wrong.Err, wrong.Message, 0)
		return false
	}
	return true
}

// upgrade is GET /ws: everything that can be refused is refused before the upgrade, as HTTP.
func (h *Handler) upgrade(w http.ResponseWriter, r *http.Request) {
	if !h.allowedOrigin(r.Header.Get("Origin"), r.Host) {
		h.metrics.refused("bad_origin")
		fail(w, http.StatusForbidden, protocol.ErrBadOrigin, "This page may not connect to this server.", 0)
		return
	}
	who, client, ok := h.asker(w, r)
	if !ok {
		h.metrics.refused("unauthenticated")
		return
	}
	if !offers(r, protocol.Subprotocol) {
		h.metrics.refused("subprotocol")
		fail(w, http.StatusBadRequest, protocol.ErrInvalidRequest, "The subprotocol must be conclave.v1.", 0)
		return
	}
	if ok, wait := h.limits.opened.Allow(h.cfg.Now(), who.Session); !ok && !who.Bot {
		h.metrics.refused("limit")
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many new connections. Try again later.", wait)
		return
	}
	s := newSocket(h, who, client)
	if err := h.add(s); err != nil {
		h.metrics.refused("limit")
		if errors.Is(err, errTooMany) {
			fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many open connections. Close one first.",
				time.Minute)
		} else {
			fail(w, http.StatusServiceUnavailable, protocol.ErrServerFull,
				"The server takes no more connections. Try again later.", time.Minute)
		}
		return
	}
	defer h.remove(s)
	conn, err := websocket.Accept(hijacker{w, s.in}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{protocol.Subprotocol},
		InsecureSkipVerify: true, // checked above, with an error that a client can read
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     s.onPing,
	})
	if err != nil {
		h.metrics.refused("handshake") // answered by Accept
		return
	}
	s.serve(conn)
}

// offers says whether the handshake offers a subprotocol (RFC 6455 §4.2.1).
func offers(r *http.Request, subprotocol string) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offered := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(offered) == subprotocol {
				return true
			}
		}
	}
	return false
}
