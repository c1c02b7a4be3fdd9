package meeting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// Stats are counts over all meetings. Safe for concurrent use.
type Stats struct {
	mu           sync.Mutex
	counted      map[*actor][2]int // at most one a meeting with anybody in it
	participants atomic.Int64
	waiting      atomic.Int64
	created      atomic.Int64
	panics       atomic.Int64
}

// count notes how many are in one meeting and in its lobby.
func (s *Stats) count(a *actor, present, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, now := s.counted[a], [2]int{present, waiting}
	if before == now {
		return
	}
	s.participants.Add(int64(present - before[0]))
	s.waiting.Add(int64(waiting - before[1]))
	if now == [2]int{} {
		delete(s.counted, a)
	} else {
		s.counted[a] = now
	}
}

// Registry holds all meetings of this process, in memory only. Safe for concurrent use.
type Registry struct {
	deps   deps
	hasher *hasher
	stats  Stats

	mu        sync.RWMutex
	meetings  map[ID]*actor       // at most MaxMeetings
	creators  map[person]int      // live meetings of each, without rooms; at most one entry a meeting
	breakouts map[*actor][]*actor // of meetings that have some; at most maxBreakouts each
	closed    bool                // no meeting is made any more
	ending    bool                // nor are rooms of those that there are
	empty     chan struct{}       // closed when closed and no meeting is left
}

// NewRegistry makes an empty registry. Close releases it.
func NewRegistry(cfg Config) (*Registry, error) {
	if cfg.Media == nil {
		return nil, errors.New("meeting: Config.Media is missing")
	}
	cfg = cfg.withDefaults()
	r := &Registry{
		hasher: newHasher(), meetings: make(map[ID]*actor), creators: make(map[person]int), breakouts: make(map[*actor][]*actor),
		empty: make(chan struct{}),
	}
	r.stats.counted = make(map[*actor][2]int)
	r.deps = deps{
		cfg: cfg, release: r.release, stats: &r.stats,
		openBreakouts: r.openBreakouts, leaveBreakouts: r.leaveBreakouts, closeBreakouts: r.closeBreakouts,
	}
	return r, nil
}

// ResumeGrace is how long a seat waits for its socket.
func (r *Registry) ResumeGrace() time.Duration { return r.deps.cfg.ResumeGrace }

// Creation is what a new meeting is made of.
type Creation struct {
	Address      ID // proved to be the creator's; the zero ID for a new one
	Creator      Identity
	Title        Title
	Password     string // empty: none; only its argon2id hash is kept
	Lobby        bool
	E2EE         bool // end-to-end encrypted, for the life of the meeting
	Confidential bool // see Config.Confidential; needs E2EE and Lobby
	PrivateAudio bool // clients send no audio levels, and who speaks is not told
	NoGuests     bool // no one without a verified address may ask to come in
	Policy       protocol.LeavePolicy
}

// Create makes a meeting and returns its address and its hard end. It fails with ErrAlreadyOpen if there is a meeting
// at the address, which stays as it is; with ErrServerFull, ErrTooManyMeetings, or
// ErrBusy when the password could not be hashed within ctx. In an audited deployment it returns after the meeting is
// recorded; if it cannot be, it fails with ErrAuditUnavailable.
func (r *Registry) Create(ctx context.Context, c Creation) (ID, time.Time, error) {
	c, err := c.confidential(&r.deps.cfg)
	if err != nil {
		return ID{}, time.Time{}, err
	}
	creator := c.Creator.person()
	if err := r.fits(creator, c.Address); err != nil { // before the costly hash
		return ID{}, time.Time{}, err
	}
	var hash passwordHash
	if c.Password != "" {
		var err error
		if hash, err = r.hasher.hash(ctx, c.Password); err != nil {
			return ID{}, time.Time{}, err
		}
	}
	now := r.deps.cfg.Now()
	m := meta{
		id: cmp.Or(c.Address, newID()), title: c.Title, creator: creator, policy: c.Policy, hasPassword: !hash.isZero(), e2ee: c.E2EE, privateAudio: c.PrivateAudio, confidential: c.Confidential, noGuests: c.NoGuests,
		creatorOnly: c.Lobby, created: now,
		expires: now.Add(r.deps.cfg.MaxMeeting).Truncate(time.Second),
	}
	if m.e2ee {
		m.groupKey = groupKey()
	}
	if err := r.recordCreation(ctx, m, c.Creator); err != nil {
		return ID{}, time.Time{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.room(creator, m.id); err != nil {
		return ID{}, time.Time{}, err
	}
	r.meetings[m.id] = newActor(&r.deps, nil, m, c.Lobby, hash)
	r.creators[creator]++
	r.stats.created.Add(1)
	return m.id, m.expires, nil
}

// recordCreation returns once it is on disk that a meeting is made.
func (r *Registry) recordCreation(ctx context.Context, m meta, by Identity) error {
	recorder := r.deps.cfg.Recorder
	if recorder == nil {
		return nil
	}
	who, encryption := (&seat{identity: by}).party(), "off"
	if m.e2ee {
		encryption = "on"
	}
	result := make(chan error, 1)
	recorder.Record([]Record{
		{At: m.created, Action: ActionCreated, Actor: who, Meeting: m.id},
		{At: m.created, Action: ActionEncryption, Actor: who, Meeting: m.id, Detail: encryption},
	}, func(err error) { result <- err })
	select {
	case err := <-result:
		if err != nil {
			return ErrAuditUnavailable
		}
		return nil
	case <-ctx.Done():
		return ErrBusy
	}
}

// RecorderChanged tells every meeting that the Recorder stopped or resumed taking records. It does not block.
func (r *Registry) RecorderChanged() {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, a := range r.meetings {
		_ = a.post(job{run: func(time.Time) { a.state.tellRecorder() }}) // a full mailbox: they have other worries
	}
}

func (r *Registry) fits(creator person, address ID) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.room(creator, address)
}

// room says whether one more meeting of creator fits, at an address. The lock is held.
func (r *Registry) room(creator person, address ID) error {
	switch {
	case r.meetings[address] != nil:
		return ErrAlreadyOpen
	case r.closed, len(r.meetings) >= r.deps.cfg.MaxMeetings:
		return ErrServerFull
	case r.creators[creator] >= r.deps.cfg.MeetingsPerAddress:
		return ErrTooManyMeetings
	}
	return nil
}

// release forgets a meeting that has ended.
func (r *Registry) release(a *actor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.meetings[a.id] != a {
		return
	}
	delete(r.meetings, a.id)
	r.endBreakouts(a)
	if a.parent != nil {
		r.breakoutGone(a)
	} else if creator := a.state.creator; r.creators[creator] > 1 {
		r.creators[creator]--
	} else {
		delete(r.creators, creator)
	}
	if r.closed && len(r.meetings) == 0 {
		close(r.empty)
	}
}

func (r *Registry) find(id ID) *actor {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.meetings[id]
}

// Has says whether there is a meeting of that id. It takes constant time.
func (r *Registry) Has(id ID) bool { return r.find(id) != nil }

// TakesGuests says whether any meeting takes people without a verified address.
func (r *Registry) TakesGuests() bool { return r.deps.cfg.Guests && !r.deps.cfg.Confidential }

// Info is what one may know of a meeting before joining it.
type Info struct {
	Title        Title
	Password     bool
	Lobby        bool
	Locked       bool
	E2EE         bool
	Confidential bool
	Guests       bool // people without a verified address may ask to come in now
	Host         bool // the asking person created it
	Participants int
	ExpiresAt    time.Time
}

// Info describes a meeting to who. It fails with ErrNoSuchMeeting, or with ErrNoGuests for a guest who could not join.
func (r *Registry) Info(ctx context.Context, id ID, who Identity) (Info, error) {
	a := r.find(id)
	if a == nil || a.parent != nil { // of a room, its meeting tells
		return Info{}, ErrNoSuchMeeting
	}
	info, err := ask(ctx, a, 0, func(time.Time) (Info, error) {
		s := a.state
		if s.ended {
			return Info{}, ErrNoSuchMeeting
		}
		if who.guest() && !s.takesGuests() {
			return Info{}, ErrNoGuests
		}
		return Info{
			Title: s.title, Password: s.hasPassword, Lobby: s.lobby, Locked: s.locked, E2EE: s.e2ee, Confidential: s.confidential,
			Guests: s.takesGuests(), Host: who.person() == s.creator,
			Participants: s.present, ExpiresAt: s.expires,
		}, nil
	})
	return info, err
}

// Join is what a person asks for a seat with.
type Join struct {
	Meeting  ID
	Identity Identity
	Name     DisplayName // of a plain meeting
	Announce Blob        // of an end-to-end encrypted one; with Resume the seat's own or none
	Admit    Blob        // of an end-to-end encrypted one: what the person brings along that admits them; opaque
	Switch   bool        // the person's seat with the same identity key ends, if there is one
	Password string
	Resume   string // the token of an earlier Welcome, to take that seat back; empty: a new seat
	Full     bool   // the server is full: only those with a seat or a place in the lobby come in
	Sink     Sink
}

// Join seats a person in the meeting (the Sink gets a Welcome) or its lobby (a LobbyStatus, and a Welcome or a Bye
// later). Events may arrive before Join returns. A password is checked on the caller's goroutine; ctx bounds the wait
// for that and for the meeting. Errors are Refusals.
func (r *Registry) Join(ctx context.Context, j Join) (*Seat, error) {
	a := r.find(j.Meeting)
	if a == nil || a.parent != nil && !a.mayEnterBreakout(ctx, j.Identity) {
		return nil, ErrNoSuchMeeting
	}
	seat, err := r.sit(ctx, a, j)
	if err != nil {
		return nil, err
	}
	return seat.stillMayEnter(ctx, j)
}

// sit asks a meeting for a seat, with the password if it needs one.
func (r *Registry) sit(ctx context.Context, a *actor, j Join) (*Seat, error) {
	req := joinRequest{identity: j.Identity, name: j.Name, announce: j.Announce, admit: j.Admit, sink: j.Sink,
		token: newToken(), full: j.Full, takesOver: j.Switch}
	if j.Resume != "" {
		req.resume = hashToken(j.Resume)
	}
	seat, err := a.join(ctx, req)
	if errors.Is(err, errNeedsPassword) {
		if j.Password == "" {
			return nil, ErrWrongPassword
		}
		ok, err := r.hasher.matches(ctx, j.Password, a.hash)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, ErrWrongPassword
		}
		req.proved = true
		return a.join(ctx, req)
	}
	return seat, err
}

func (a *actor) join(ctx context.Context, req joinRequest) (*Seat, error) {
	id, err := ask(ctx, a, 0, func(now time.Time) (media.ParticipantID, error) { return a.state.join(now, req) })
	switch {
	case err == nil:
		return &Seat{actor: a, id: id, sink: req.sink}, nil
	case ctx.Err() != nil:
		// The join may still happen: give the seat up again, whichever it is.
		_ = a.post(job{run: func(now time.Time) { a.state.abandon(now, req.identity.person(), req.sink) }})
		return nil, ErrBusy
	}
	return nil, err
}

// Seat is a participant's place, as the socket that holds it sees it. Safe for concurrent use.
type Seat struct {
	actor *actor
	id    media.ParticipantID
	sink  Sink
}

// Participant is the number of the seat.
func (s *Seat) Participant() media.ParticipantID { return s.id }

// Do carries out a request and waits until it is done or refused (a Refusal). ctx bounds the wait.
func (s *Seat) Do(ctx context.Context, m protocol.ClientMessage) error {
	a := s.actor
	_, err := ask(ctx, a, s.id, func(now time.Time) (struct{}, error) {
		return struct{}{}, a.state.request(now, s.id, s.sink, m, newToken)
	})
	return err
}

// Negotiate answers an offer on the caller's goroutine: it takes the caller's time, not the meeting's. ctx bounds the
// waits for the meeting, before and after. Before admission there is no media: ErrNotJoined.
func (s *Seat) Negotiate(ctx context.Context, m *protocol.Offer) (answer string, err error) {
	a := s.actor
	peer, err := ask(ctx, a, s.id, func(time.Time) (Peer, error) {
		p := a.state.seats[s.id]
		if p == nil || p.sink != s.sink || p.role == noRole {
			return nil, ErrNotJoined
		}
		peer := a.peers[s.id]
		if peer == nil {
			return nil, ErrInternal
		}
		return peer, nil
	})
	if err != nil {
		return "", err
	}
	answer, err = peer.Negotiate(ctx, m.SDP, m.Tracks)
	if err != nil {
		return "", err //nolint:wrapcheck // sfu.ErrBadOffer and sfu.ErrClosed are part of the contract
	}
	_, err = ask(ctx, a, s.id, func(time.Time) (struct{}, error) {
		return struct{}{}, a.state.answered(s.id, s.sink)
	})
	return answer, err
}

// Lost says that the socket of the seat is gone; the seat waits to be resumed. It does not block.
func (s *Seat) Lost() {
	a := s.actor
	a.insist(job{seat: s.id, run: func(now time.Time) { a.state.lost(now, s.id, s.sink) }})
}

// insist posts what must not be lost: while the mailbox is full, once a second. A seat must not stay connected for
// ever because it was full for an instant. It does not block.
func (a *actor) insist(j job) {
	if errors.Is(a.post(j), ErrBusy) {
		time.AfterFunc(time.Second, func() { a.insist(j) })
	}
}

// Leave gives the seat up; the sink is told why. m may name an heir. It does not block.
func (s *Seat) Leave(m *protocol.Leave, why protocol.ByeReason) {
	a := s.actor
	a.insist(job{seat: s.id, run: func(now time.Time) {
		if p := a.state.seats[s.id]; p != nil && p.sink == s.sink {
			a.state.leaveRequest(now, p, m, why)
		}
	}})
}

// SignedOut gives the seat up because the session that holds it has ended, whether or not its socket is still there.
// If the seat's person has resumed it with another session, it stays. It does not block.
func (s *Seat) SignedOut(session SessionKey) {
	a := s.actor
	a.insist(job{seat: s.id, run: func(now time.Time) {
		if p := a.state.seats[s.id]; p != nil && !p.identity.Bot && p.identity.Session == session {
			a.state.leave(now, p, protocol.Left, protocol.ByeSignedOut)
		}
	}})
}

// Gauges are counts over all meetings at this moment, and since the start.
type Gauges struct {
	Meetings, Participants, Waiting int
	Created, Panics                 int64
}

// Gauges counts. It takes constant time.
func (r *Registry) Gauges() Gauges {
	r.mu.RLock()
	meetings := len(r.meetings)
	r.mu.RUnlock()
	return Gauges{
		Meetings: meetings, Participants: int(r.stats.participants.Load()), Waiting: int(r.stats.waiting.Load()),
		Created: r.stats.created.Load(), Panics: r.stats.panics.Load(),
	}
}

// EndIn refuses new meetings from now on, tells all participants, and those who come or resume later, that theirs ends
// in the given time, and waits until the last has ended or ctx has. Close follows.
func (r *Registry) EndIn(ctx context.Context, in time.Duration) {
	for _, a := range r.refuse(true) {
		a.next(func(now time.Time) { a.state.endsAt(now, now.Add(in)) })
	}
	select {
	case <-r.empty:
	case <-ctx.Done():
	}
}

// Retire refuses new meetings from now on, without telling anyone; those that there are may open rooms. What it returns
// is closed once the last has ended.
func (r *Registry) Retire() (empty <-chan struct{}) {
	r.refuse(false)
	return r.empty
}

// refuse takes no meeting from now on, and if all are ending no room either, and returns those that there are.
func (r *Registry) refuse(ending bool) []*actor {
	r.mu.Lock()
	defer r.mu.Unlock()
	already := r.closed
	r.closed, r.ending = true, r.ending || ending
	all := make([]*actor, 0, len(r.meetings))
	for _, a := range r.meetings {
		all = append(all, a)
	}
	if !already && len(all) == 0 {
		close(r.empty)
	}
	return all
}

// Close ends all meetings with protocol.ByeShuttingDown and waits until they are gone or ctx ends. No meeting can be
// made afterwards.
func (r *Registry) Close(ctx context.Context) error {
	for _, a := range r.refuse(true) {
		a.finish(protocol.ByeShuttingDown)
	}
	select {
	case <-r.empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("meeting: meetings still running: %w", ctx.Err())
	}
}
