package signaling

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"conclave/auth"
	"conclave/meeting"
	"conclave/protocol"
)

// holdFor is how long a question whether a meeting is open waits for the answer to become yes. The server's write
// timeout is longer.
const holdFor = 20 * time.Second

// So many wait at once: in all, and behind one network. Networks are counted as for all limits: a client is in several,
// the wider ones have room for more.
const (
	maxWaits        = 10_000
	waitsPerNetwork = 200
)

// waits are those who wait for meetings that are not open. Nothing is known of such a meeting but that someone waits
// for it. Safe for concurrent use.
type waits struct {
	mu       sync.Mutex
	all      int
	networks *auth.NetworkCounter
	rooms    map[meeting.ID]*opening // at most one a wait
	stopping chan struct{}           // closed when no meeting is opened here any more
	stopped  sync.Once
}

// opening tells those who wait for one address.
type opening struct {
	open    chan struct{}
	waiting int
}

func newWaits() *waits {
	return &waits{
		networks: auth.NewNetworkCounter(waitsPerNetwork), rooms: make(map[meeting.ID]*opening),
		stopping: make(chan struct{}),
	}
}

// stop has all ask again.
func (w *waits) stop() { w.stopped.Do(func() { close(w.stopping) }) }

// begin waits for a meeting: open is closed when there is one. ok is false if too many wait.
func (w *waits) begin(client auth.ClientIP, id meeting.ID) (open <-chan struct{}, done func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all >= maxWaits || !w.networks.Enter(client) {
		return nil, nil, false
	}
	w.all++
	o := w.rooms[id]
	if o == nil {
		o = &opening{open: make(chan struct{})}
		w.rooms[id] = o
	}
	o.waiting++
	return o.open, func() { w.end(client, id, o) }, true
}

func (w *waits) end(client auth.ClientIP, id meeting.ID, o *opening) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	w.networks.Leave(client)
	if o.waiting--; o.waiting == 0 && w.rooms[id] == o {
		delete(w.rooms, id)
	}
}

// opened tells those who wait for a meeting that there is one.
func (w *waits) opened(id meeting.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o := w.rooms[id]; o != nil {
		close(o.open)
		delete(w.rooms, id)
	}
}

// opened is GET /api/meetings/{id}/opened: it answers when the meeting is open, or says after holdFor that it is not.
// An address that is planned, one of a meeting that ended, and an invented one are the same: there is no meeting. To
// people without a session so is a meeting that takes no guests.
func (h *Handler) opened(w http.ResponseWriter, r *http.Request) {
	who, signedOut, client, ok := h.asking(w, r)
	if !ok {
		return
	}
	if ok, wait := h.limits.waits.Allow(h.cfg.Now(), client, struct{}{}); !ok {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many people wait here. Try again later.", wait)
		return
	}
	typed, _ := protocol.ParseMeetingID(chi.URLParam(r, "id"))
	id, _ := meeting.ParseID(string(typed)) // the zero ID names no meeting
	open, done, ok := h.waits.begin(client, id)
	if !ok {
		fail(w, http.StatusTooManyRequests, protocol.ErrRateLimited, "Too many people wait here. Try again later.",
			holdFor)
		return
	}
	defer done()
	ctx, cancel := context.WithTimeout(r.Context(), holdFor)
	defer cancel()
	auth.WriteJSON(w, http.StatusOK, protocol.Opened{Open: h.waitFor(ctx, open, func() bool {
		if signedOut { // a meeting without guests is none
			_, err := h.registry.Info(ctx, id, identity(who))
			return err == nil
		}
		return h.registry.Has(id)
	})})
}

// waitFor says whether there is a meeting, or was one before ctx ended.
func (h *Handler) waitFor(ctx context.Context, open <-chan struct{}, is func() bool) bool {
	for !is() {
		select {
		case <-open:
			open = nil
		case <-ctx.Done():
			return false
		case <-h.waits.stopping:
			return false
		}
	}
	return true
}
