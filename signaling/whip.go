package signaling

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"

	"conclave/media"
	"conclave/meeting"
	"conclave/protocol"
)

// Streams over HTTP: WHIP (RFC 9725) sends into a meeting, WHEP (draft-ietf-wish-whep-03) receives its stage. A program
// posts an offer with a stream key and gets the answer. Both work the same way; each has its own route and its own kind
// of key.

const (
	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag" // RFC 8840 §9
	// maxStreamOffer bounds the body of an offer; cmd/conclave cuts it off at the same size.
	maxStreamOffer = 64 << 10
)

// streamRoutes adds the routes of streams.
func (h *Handler) streamRoutes(r chi.Router) {
	for prefix, kind := range map[string]protocol.Kind{"/whip": protocol.KindIngest, "/whep": protocol.KindEgress} {
		r.Post(prefix+"/{id}", h.openStream(prefix, kind))
		r.Options(prefix+"/{id}", h.describeStream)
		r.Patch(prefix+"/{id}/{stream}", h.withStream(h.patchStream))
		r.Delete(prefix+"/{id}/{stream}", h.withStream(h.closeStream))
	}
}

// stream is a participant that came over HTTP. It is the meeting.Sink of its seat.
type stream struct {
	h        *Handler
	resource string            // names it in its URL
	key      [sha256.Size]byte // its hash
	meeting  string
	kind     protocol.Kind
	seat     *meeting.Seat

	mu    sync.Mutex // one negotiation at a time; guards the rest
	offer streamOffer
	etag  string // of the ICE session (RFC 9725 §4.3.1)
}

// Deliver implements meeting.Sink. A stream has no use for events but the last.
func (s *stream) Deliver(d *meeting.Delivery) {
	if _, ended := d.Message.(*protocol.Bye); ended {
		s.h.mu.Lock()
		delete(s.h.streams, s.resource)
		s.h.mu.Unlock()
	}
}

// describeStream is OPTIONS: what a POST takes (RFC 9725 §4.2).
func (h *Handler) describeStream(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Accept-Post", sdpType)
	w.Header().Set("Allow", "OPTIONS, POST")
	w.WriteHeader(http.StatusNoContent)
}

// mayStream charges a request of a stream to its client.
func (h *Handler) mayStream(w http.ResponseWriter, r *http.Request) (key string, ok bool) {
	client, ok := h.clientOf(w, r)
	if !ok {
		return "", false
	}
	if ok, wait := h.limits.streams.Allow(h.cfg.Now(), client, struct{}{}); !ok {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many requests. Try again later.", wait)
		return "", false
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(key) != 64 {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 6750 §3
		fail(w, http.StatusUnauthorized, protocol.ErrUnauthenticated, "Send the stream key as a bearer token.", 0)
		return "", false
	}
	return key, true
}

// openStream is POST: an offer, answered with the answer and the address of the new stream.
func (h *Handler) openStream(prefix string, kind protocol.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, ok := h.mayStream(w, r)
		if !ok {
			return
		}
		body, ok := readSDP(w, r, sdpType)
		if !ok {
			return
		}
		offer, err := readStreamOffer(body, kind)
		if err != nil {
			failOffer(w, err)
			return
		}
		typed, _ := protocol.ParseMeetingID(chi.URLParam(r, "id"))
		id, _ := meeting.ParseID(string(typed)) // the zero ID names no meeting
		s, answer, err := h.startStream(r.Context(), id, kind, key, offer)
		if err != nil {
			h.failWith(w, err)
			return
		}
		head := w.Header()
		head.Set("Content-Type", sdpType)
		head.Set("Location", prefix+"/"+id.Reveal()+"/"+s.resource)
		head.Set("ETag", s.etag)
		head.Set("Accept-Patch", fragmentType)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, answer)
	}
}

// startStream seats a stream and answers its offer. Nothing of it stays if either fails.
func (h *Handler) startStream(
	ctx context.Context, id meeting.ID, kind protocol.Kind, key string, offer streamOffer,
) (*stream, string, error) {
	release, room := h.cfg.Reserve(ctx)
	if !room {
		release = func() {} // nothing was taken
	}
	s := &stream{h: h, resource: randomName(), meeting: id.Reveal(), kind: kind, offer: offer}
	s.key = sha256.Sum256([]byte(key))
	// The offer waits until the stream is known by its address, so that its end finds it.
	s.mu.Lock()
	defer s.mu.Unlock()
	h.mu.Lock()
	draining := h.draining
	if !draining {
		h.streams[s.resource] = s
	}
	h.mu.Unlock()
	if draining {
		release()
		return nil, "", meeting.ErrServerFull
	}
	seat, err := h.registry.JoinStream(ctx, meeting.StreamJoin{Meeting: id, Key: key, Kind: kind, Full: !room, Sink: s})
	if err != nil {
		release()
		h.mu.Lock()
		delete(h.streams, s.resource)
		h.mu.Unlock()
		return nil, "", err //nolint:wrapcheck // translated for the wire
	}
	s.seat = seat
	answer, err := s.negotiate(ctx)
	if err != nil {
		seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
		return nil, "", err
	}
	return s, answer, nil
}

// negotiate answers the stream's offer. The lock is held.
func (s *stream) negotiate(ctx context.Context) (string, error) {
	answer, err := s.seat.Negotiate(ctx, &protocol.Offer{SDP: s.offer.sdp, Tracks: s.offer.tracks})
	if err != nil {
		return "", err //nolint:wrapcheck // translated for the wire
	}
	s.etag = `"` + randomName() + `"`
	var sources media.SourceSet
	for _, t := range s.offer.tracks {
		sources |= media.Sources(t.Source)
	}
	s.seat.Publish(sources)
	return answer, nil
}

// withStream finds the stream of a request, whose key it must bring.
func (h *Handler) withStream(next func(*stream, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, ok := h.mayStream(w, r)
		if !ok {
			return
		}
		h.mu.Lock()
		s := h.streams[chi.URLParam(r, "stream")]
		h.mu.Unlock()
		typed, _ := protocol.ParseMeetingID(chi.URLParam(r, "id"))
		hash := sha256.Sum256([]byte(key))
		if s == nil || string(typed) != s.meeting || subtle.ConstantTimeCompare(hash[:], s.key[:]) != 1 {
			fail(w, http.StatusNotFound, protocol.ErrNoSuchMeeting, "There is no such stream, or it has ended.", 0)
			return
		}
		next(s, w, r)
	}
}

// patchStream is PATCH: candidates, which an ICE-lite server has no use for, or new ICE credentials: a restart
// (RFC 9725 §4.3).
func (h *Handler) patchStream(s *stream, w http.ResponseWriter, r *http.Request) {
	match := r.Header.Get("If-Match")
	if match == "" {
		fail(w, http.StatusPreconditionRequired, protocol.ErrInvalidRequest,
			"Send If-Match: the ETag, or * to restart ICE.", 0)
		return
	}
	body, ok := readSDP(w, r, fragmentType)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ufrag, pwd := credentialsOf(body)
	if match != "*" {
		if match != s.etag || ufrag != "" && ufrag != s.offer.ufrag {
			fail(w, http.StatusPreconditionFailed, protocol.ErrInvalidRequest, "The ICE session is another one.", 0)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	restarted, err := s.offer.restart(ufrag, pwd)
	if err != nil {
		failOffer(w, err)
		return
	}
	before := s.offer
	s.offer = restarted
	answer, err := s.negotiate(r.Context())
	if err != nil {
		s.offer = before
		h.failWith(w, err)
		return
	}
	w.Header().Set("Content-Type", fragmentType)
	w.Header().Set("ETag", s.etag)
	_, _ = io.WriteString(w, fragmentOf(answer))
}

// closeStream is DELETE.
func (h *Handler) closeStream(s *stream, w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seat.Leave(&protocol.Leave{}, protocol.ByeLeft)
	w.WriteHeader(http.StatusOK)
}

// failOffer says why an offer cannot be answered.
func failOffer(w http.ResponseWriter, why error) {
	fail(w, http.StatusBadRequest, protocol.ErrBadOffer, "The offer cannot be answered: "+why.Error()+".", 0)
}

// readSDP reads a body of the given type; ok is false when the request has been answered.
func readSDP(w http.ResponseWriter, r *http.Request, want string) (body []byte, ok bool) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != want {
		fail(w, http.StatusUnsupportedMediaType, protocol.ErrInvalidRequest, "The body must be "+want+".", 0)
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStreamOffer))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			fail(w, http.StatusRequestEntityTooLarge, protocol.ErrTooLarge, "The body is larger than 64 KiB.", 0)
		} else {
			fail(w, http.StatusBadRequest, protocol.ErrBadOffer, "The body could not be read.", 0)
		}
		return nil, false
	}
	return bytes.ToValidUTF8(body, []byte("?")), true
}

// randomName returns 128 random bits, for a URL or an ETag.
func randomName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process instead
	return hex.EncodeToString(b[:])
}
