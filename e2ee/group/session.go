package group

import (
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// Times of the specification.
const (
	sendLater     = 200 * time.Millisecond // after a commit that removed none
	keepAfterGone = 2 * time.Second        // how long messages of an epoch are read after a removal
	keepAfter     = 5 * time.Second        // after another commit
	holdTime      = 5 * time.Second        // of messages whose epoch, or whose sender's seat, is not known yet
	gapLongest    = 3 * time.Second        // without the entries that were missed
	askAfter      = 300 * time.Millisecond // from the first frame of an unknown epoch: its commit may be on the way
	askAgain      = time.Second            // shortest time between two questions for the log
	offerAgain    = 10 * time.Second       // until a key package that had no answer is replaced; doubled each time
	offerLongest  = time.Minute
	doubtFirst    = 5 * time.Second // until a state that no host confirms is given up; doubled each time
)

// Bounds of what others can make a Session keep.
const (
	maxSeats     = 4096
	maxEarly     = 256     // entries that came before the group was entered
	maxEarlySize = 1 << 20 // and their bytes
	maxTwins     = 16
	maxOwnOffers = 64
	maxOld       = 3    // epochs of before whose messages are read
	maxHeld      = 1024 // messages held, in all
	maxHeldEach  = 32   // of one participant
	maxOutbox    = 32   // own messages that wait
	maxSeen      = 64   // commits remembered until a state is confirmed
	maxJoins     = 16   // GroupInfos tried for one key package
	maxOffers    = 256  // key packages of others
	maxNoted     = 4096 // keys of which something is noted
)

// Errors of a Session's own acts.
var (
	// ErrNotReady means that the session may not send: it is in no group, or not confirmed, or stopped.
	ErrNotReady = errors.New("e2ee: not ready to send")
	// ErrNotHere means that no member has this key.
	ErrNotHere = errors.New("e2ee: no such member")
	// ErrNotAllowed means that the own role does not allow an act.
	ErrNotAllowed = errors.New("e2ee: not allowed")
	// ErrBusy means that too much waits to be sent.
	ErrBusy = errors.New("e2ee: too much is waiting")
)

// phase is where a session is.
type phase uint8

const (
	outside  phase = iota // in no group
	inside                // has the group's state
	stuck                 // had it, and could not follow: comes back by a new key package
	finished              // has left, was removed for good, or another device took over
)

// Session is one seat's state machine: events with their time in, Output out. Take the Output after each event, and
// call Tick when Next says. One join, one Session; a resumed seat goes on with the same.
type Session struct {
	cfg      Config
	root     *Root
	random   io.Reader
	self     Key
	name     []byte // sealed
	number   uint32 // 0 until welcomed
	online   bool   // connected to the server
	admitted *admission
	server   State

	seats map[uint32]seatInfo // by participant; at most maxSeats
	seat  map[Key]uint32      // the participant that stands for a key
	twins []uint32            // other seats of the own key; at most maxTwins

	phase   phase
	cur     *state   // nil outside
	old     []*state // newest last; at most maxOld
	states  uint64   // how many states there were
	first   uint64   // epoch in which this session came in
	sure    bool     // confirmed (section 9)
	founder bool

	position uint64 // of the last entry that was read
	asked    time.Time
	missing  time.Time    // when the first frame of an unknown epoch came, since the last new epoch
	early    []Entry      // at most maxEarly, maxEarlySize
	commits  []seenCommit // while not confirmed; at most maxSeen

	joining joining
	offers  [][HashSize]byte // references of the key packages that were offered; at most maxOwnOffers
	duty    duty
	watch   watch
	talk    talk
	numbers numbers
	beyond  beyond

	now      time.Time     // of the last event
	sending  *sframe.Epoch // what media was last told to use; nil: stopped
	everSent bool
	out      Output
}

// seatInfo is a participant as the roster shows it.
type seatInfo struct {
	key       Key
	connected bool
	bot       bool
}

// state is this member's state of the group in one epoch.
type state struct {
	group    *mls.Group
	public   *public
	media    *sframe.Epoch
	entered  time.Time
	until    time.Time // when its messages are no longer read; zero: the present one
	position uint64    // of the commit that made it
}

// joining is the own key package.
type joining struct {
	joiner *mls.Joiner
	at     time.Time // when it was offered
	wait   time.Duration
	tries  int

	since time.Time     // when the state that awaits a host's word was entered
	doubt time.Duration // how long it is kept
}

// seenCommit is a commit in the log, as far as one can tell who is not in the group.
type seenCommit struct {
	position uint64
	hash     [HashSize]byte
	names    []byte // authenticated_data: what it rejects
}

// NewSession makes the session of a new seat.
func NewSession(cfg Config) (*Session, error) {
	s := &Session{
		cfg: cfg, root: cfg.Root, random: cfg.Random, self: cfg.Identity.Key(), online: true,
		seats: map[uint32]seatInfo{}, seat: map[Key]uint32{},
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	var err error
	s.name, err = s.root.sealName(s.random, s.self, cfg.Name)
	return s, err
}

// Announce is what join carries: IK ‖ sealed name.
func (s *Session) Announce() []byte { return slices.Concat(s.self[:], s.name) }

// Take returns what is to be done and forgets it.
func (s *Session) Take() Output {
	out := s.out
	s.out = Output{}
	return out
}

func (s *Session) send(m Message) { s.out.Messages = append(s.out.Messages, m) }

func (s *Session) notice(n Notice) {
	told := func(o Notice) bool { return o.Kind == NoticePeople }
	if n.Kind == NoticePeople && slices.ContainsFunc(s.out.Notices, told) {
		return
	}
	if n.Participant == 0 && n.From != (Key{}) {
		n.Participant = s.seat[n.From]
	}
	s.out.Notices = append(s.out.Notices, n)
}

// Welcome takes the server's welcome: one's own number, the admission if there is one, everybody with a seat. After a
// resume it is the same again. Group follows.
func (s *Session) Welcome(now time.Time, self uint32, admission []byte, seats []Seat) {
	s.number, s.online = self, true
	if a, err := parseAdmission(admission); err == nil {
		s.admitted = a
	}
	here := map[uint32]bool{self: true}
	for i := range seats {
		here[seats[i].Participant] = true
	}
	var left []uint32
	for number := range s.seats {
		if !here[number] {
			left = append(left, number)
		}
	}
	s.show(now, []Seat{{Participant: self, Announce: s.Announce(), Connected: true, Bot: s.cfg.Bot}})
	s.show(now, seats)
	s.gone(now, left)
	s.settle(now)
}

// Roster takes a change of the roster: who came or changed, and who left.
func (s *Session) Roster(now time.Time, changed []Seat, left []uint32) {
	s.show(now, changed)
	s.gone(now, left)
	if len(changed) > 0 {
		s.talk.again(s, now) // what came before the word who it is from
	}
	s.settle(now)
}

// show takes seats.
func (s *Session) show(now time.Time, list []Seat) {
	for i := range list {
		seat := &list[i]
		key, _, ok := parseAnnounce(seat.Announce)
		_, known := s.seats[seat.Participant]
		if !ok || !known && len(s.seats) >= maxSeats {
			continue
		}
		if seat.Participant != s.number && key == s.self { // another device of one's own
			s.twins = append(slices.DeleteFunc(s.twins, is(seat.Participant)), seat.Participant)
			s.twins = s.twins[max(0, len(s.twins)-maxTwins):]
			continue
		}
		if last := s.seats[seat.Participant]; known && last.key != key {
			s.unseat(now, seat.Participant)
		}
		s.seats[seat.Participant] = seatInfo{key: key, connected: seat.Connected, bot: seat.Bot}
		if seat.Participant != s.number {
			s.out.Owners = append(s.out.Owners, Owner{Participant: seat.Participant, Key: key})
		}
		if _, taken := s.seat[key]; !taken { // of two seats with one key the first stands for it
			s.seat[key] = seat.Participant
		}
		s.watch.back(key)
	}
}

func is(number uint32) func(uint32) bool { return func(n uint32) bool { return n == number } }

func (s *Session) gone(now time.Time, list []uint32) {
	for _, number := range list {
		s.twins = slices.DeleteFunc(s.twins, is(number))
		if number != s.number {
			s.unseat(now, number)
		}
	}
}

// unseat takes a participant out, and lets another seat of the same key stand for it.
func (s *Session) unseat(now time.Time, number uint32) {
	info, known := s.seats[number]
	if !known {
		return
	}
	delete(s.seats, number)
	s.talk.forget(number)
	s.out.Owners = append(s.out.Owners, Owner{Participant: number, Key: info.key, Gone: true})
	if s.seat[info.key] != number {
		return
	}
	delete(s.seat, info.key)
	for other, o := range s.seats {
		if o.key == info.key {
			s.seat[info.key] = other
			return
		}
	}
	s.outsideLeft(now, info.key)
	s.lose(now, info.key, false)
}

// Group takes the server's message group, after each welcome.
func (s *Session) Group(now time.Time, g State) {
	s.server, s.online = g, true
	s.watch.reconnected(now)
	switch {
	case s.phase == finished:
	case g.Found:
		s.found(now)
	case s.phase != inside:
		s.offer(now)
	case g.Position > s.position:
		s.askLog(now)
	case g.Position < s.position: // the server has forgotten the log
		s.lost(now)
	}
	if s.phase == inside {
		s.duty.again(s)
	}
	s.settle(now)
}

// Lost says that the connection to the server is lost. Welcome and Group say that it is back.
func (s *Session) Lost(now time.Time) {
	s.online = false
	s.settle(now)
}

// UnknownEpoch says that a frame came whose epoch is not known (sframe.ErrUnknown). Where that goes on for 300 ms
// without a new epoch the log is asked for, at most once a second.
func (s *Session) UnknownEpoch(now time.Time) {
	if s.phase != inside {
		return
	}
	if s.missing.IsZero() {
		s.missing = now
	}
	if now.Sub(s.missing) >= askAfter {
		s.askLog(now)
	}
}

// Forgotten says that the server no longer has the entries that were asked for: the session comes back as a return.
func (s *Session) Forgotten(now time.Time) {
	if s.phase == inside {
		s.lost(now)
	}
	s.settle(now)
}

// askLog asks for what comes after the last entry that was read.
func (s *Session) askLog(now time.Time) {
	if !s.online || !s.asked.IsZero() && now.Before(s.asked.Add(askAgain)) {
		return
	}
	s.asked = now
	s.send(&LogGet{From: s.position + 1})
}

// Tick does what is due.
func (s *Session) Tick(now time.Time) { s.settle(now) }

// settle does what is due, after every event.
func (s *Session) settle(now time.Time) {
	s.now = now
	if s.phase == finished {
		s.mediaNow(now)
		return
	}
	s.rejoin(now)
	s.expire(now)
	if s.phase == inside {
		s.watchNow(now)
		s.dutyNow(now)
		s.talkNow(now)
		s.outsideNow(now)
	}
	s.mediaNow(now)
}

// expire ends what is kept for a while only.
func (s *Session) expire(now time.Time) {
	for len(s.old) > 0 && !now.Before(s.old[0].until) {
		s.old[0].group.Close()
		s.old = s.old[1:]
	}
	s.talk.expire(now)
}

// mediaNow says what own media is sealed with, if that changed.
func (s *Session) mediaNow(now time.Time) {
	want := s.mediaEpoch(now)
	if want == s.sending {
		return
	}
	s.sending = want
	s.out.Sending = &Sending{Epoch: want}
	if want != nil && !s.everSent {
		s.everSent = true
		s.notice(Notice{Kind: NoticeReady})
	}
}

// mediaEpoch is the epoch that media may be sealed under now; nil: none.
func (s *Session) mediaEpoch(now time.Time) *sframe.Epoch {
	if !s.mayTalk(now) {
		return nil
	}
	use := s.matured(now)
	if !s.lostIn(use, now) && !s.heardOutside(use, now) {
		return use.media
	}
	if s.lostIn(s.cur, now) || s.heardOutside(s.cur, now) {
		return nil
	}
	return s.cur.media
}

// matured is the newest state that others have by now: they need a while after a commit that removed none.
func (s *Session) matured(now time.Time) *state {
	for i := len(s.old); ; i-- {
		st := s.cur
		if i < len(s.old) {
			st = s.old[i]
		}
		if i == 0 || st.media.Removes || !now.Before(st.entered.Add(sendLater)) {
			return st
		}
	}
}

// Ready says whether the session may send now.
func (s *Session) Ready() bool { return s.sending != nil }

// mayTalk says whether anything may be said in the group, but for who is lost.
func (s *Session) mayTalk(time.Time) bool {
	return s.phase == inside && s.sure && s.cur.public.epoch > 0 && !s.watch.stopped
}

// Next is when Tick is due; zero: nothing is.
func (s *Session) Next() time.Time {
	if s.phase == finished {
		return time.Time{}
	}
	var next time.Time
	at := func(t time.Time) { // what was due when the last event came has been done
		if t.After(s.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	switch {
	case s.phase != inside && s.joining.joiner != nil:
		at(s.joining.at.Add(s.joining.wait))
	case s.doubts():
		at(s.joining.since.Add(s.joining.doubt))
	}
	for _, o := range s.old {
		at(o.until)
		at(o.entered.Add(sendLater))
	}
	s.talk.due(at)
	if s.phase == inside {
		at(s.cur.entered.Add(sendLater))
		s.watchDue(at)
		at(s.dutyDue())
	}
	return next
}
