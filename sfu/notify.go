package sfu

import (
	"cmp"
	"slices"
	"sync"

	"conclave/media"
)

// notifier delivers a peer's events in order, from the server's one event goroutine, so that the media side never waits for
// the meeting side. What has not been delivered yet is merged, not queued: its size is bounded by the peer's slots.
type notifier struct {
	events PeerEvents
	server *Server

	room RoomEvents // of a room's notifier

	mu     sync.Mutex
	queued bool
	closed bool
	news
}

// news is what has gathered for one delivery.
type news struct {
	isConnected bool
	failure     string
	changed     map[string]media.Slot // by mid
	withheld    []media.Withheld
	hasSlots    bool
	encode      map[media.Source][]string
	refusals    map[media.Source]string

	speakers    []media.ParticipantID
	hasSpeakers bool
	quality     map[media.ParticipantID]int
}

func newNotifier(s *Server, events PeerEvents) *notifier { return &notifier{server: s, events: events} }

func (n *notifier) connected() { n.post(func() { n.isConnected = true }) }

func (n *notifier) failed(reason string) { n.post(func() { n.failure = reason }) }

func (n *notifier) slots(changed []media.Slot, withheld []media.Withheld) {
	n.post(func() {
		if n.changed == nil {
			n.changed = map[string]media.Slot{}
		}
		for _, s := range changed {
			n.changed[s.MID] = s
		}
		n.withheld, n.hasSlots = withheld, true
	})
}

func (n *notifier) encodings(source media.Source, rids []string) {
	n.post(func() {
		if n.encode == nil {
			n.encode = map[media.Source][]string{}
		}
		n.encode[source] = rids
	})
}

func (n *notifier) refused(source media.Source, reason string) {
	n.post(func() {
		if n.refusals == nil {
			n.refusals = map[media.Source]string{}
		}
		n.refusals[source] = reason
	})
}

func (n *notifier) speaking(ids []media.ParticipantID) {
	n.post(func() { n.speakers, n.hasSpeakers = ids, true })
}

func (n *notifier) qualities(changed []media.Quality) {
	n.post(func() {
		if n.quality == nil {
			n.quality = map[media.ParticipantID]int{}
		}
		for _, q := range changed {
			n.quality[q.Participant] = q.Bars
		}
	})
}

func (n *notifier) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
}

func (n *notifier) post(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	change()
	if !n.queued {
		n.queued = true
		n.server.events.push(n)
	}
}

// deliver calls the callbacks for what has gathered.
func (n *notifier) deliver() {
	n.mu.Lock()
	pending, closed := n.news, n.closed
	n.queued, n.news = false, news{}
	n.mu.Unlock()
	if closed {
		return
	}
	if pending.isConnected && n.events.Connected != nil {
		n.events.Connected()
	}
	if pending.hasSlots && n.events.Slots != nil {
		n.events.Slots(sortedSlots(pending.changed), pending.withheld)
	}
	for source, rids := range pending.encode {
		if n.events.Encode != nil {
			n.events.Encode(source, rids)
		}
	}
	for source, reason := range pending.refusals {
		if n.events.Refused != nil {
			n.events.Refused(source, reason)
		}
	}
	if pending.hasSpeakers && n.room.Speakers != nil {
		n.room.Speakers(pending.speakers)
	}
	if len(pending.quality) > 0 && n.room.Quality != nil {
		n.room.Quality(sortedQualities(pending.quality))
	}
	if pending.failure != "" && n.events.Failed != nil {
		n.events.Failed(pending.failure)
	}
}

func sortedQualities(m map[media.ParticipantID]int) []media.Quality {
	list := make([]media.Quality, 0, len(m))
	for id, bars := range m {
		list = append(list, media.Quality{Participant: id, Bars: bars})
	}
	slices.SortFunc(list, func(a, b media.Quality) int { return cmp.Compare(a.Participant, b.Participant) })
	return list
}

// eventQueue holds the notifiers with something to deliver, each at most once: it is bounded by the number of peers.
type eventQueue struct {
	mu     sync.Mutex
	list   []*notifier
	signal chan struct{}
}

func (q *eventQueue) push(n *notifier) {
	q.mu.Lock()
	q.list = append(q.list, n)
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

func (q *eventQueue) take() []*notifier {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}

// dispatch runs the callbacks until the server is closed.
func (s *Server) dispatch() {
	defer s.wg.Done()
	for {
		select {
		case <-s.events.signal:
			for _, n := range s.events.take() {
				n.deliver()
			}
		case <-s.stop:
			return
		}
	}
}
