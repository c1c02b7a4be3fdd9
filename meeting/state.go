package meeting

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"conclave/media"
	"conclave/meeting/grouplog"
	"conclave/protocol"
)

// Identity is who asks, as the edge has established it.
type Identity struct {
	Session SessionKey
	Address Address       // verified; the zero value for guests and for bots without one
	Bot     bool          // an operator's load-testing participant: never promoted, and its sockets share one session
	Stream  protocol.Kind // of a stream (streams.go), else empty
}

// person is what bans and "is it the same one" go by: the verified address, or the session for those without.
type person struct {
	address Address
	session SessionKey
}

// guest says that nothing about who this is was verified.
func (i Identity) guest() bool { return i.Address == Address{} && !i.Bot && !i.stream() }

// stream says whether it came with a stream key.
func (i Identity) stream() bool { return i.Stream != "" }

// kind is what the others are told about it: nothing about a person, which is the rule.
func (i Identity) kind() protocol.Kind {
	switch {
	case i.Bot:
		return protocol.KindBot
	case i.stream():
		return i.Stream
	case i.guest():
		return protocol.KindGuest
	default:
		return ""
	}
}

func (i Identity) person() person {
	if i.Address != (Address{}) {
		return person{address: i.Address}
	}
	return person{session: i.Session}
}

// The fixed bounds and rhythms of a meeting.
const (
	maxBans          = 1024                   // persons banned from one meeting; more is refused
	maxWaitingSent   = 256                    // lobby entries in one event (protocol)
	lobbyPerInterval = 16                     // people in the lobby who are told of in each rosterInterval
	rosterInterval   = 100 * time.Millisecond // between two roster events (protocol: at most ten a second)
	toldPerInterval  = 10_000                 // roster entries times people they are told, in each rosterInterval
	maxRest          = 20                     // of a rosterInterval, between two roster events
	qualityInterval  = time.Second            // between two quality events (protocol)
)

// expiryNotices are how long before the hard end everybody is told.
var expiryNotices = [...]time.Duration{600 * time.Second, 60 * time.Second}

// meta is what does not change in the life of a meeting.
type meta struct {
	id           ID
	parent       ID // of a breakout room: the meeting it is of
	title        Title
	creator      person
	policy       protocol.LeavePolicy
	hasPassword  bool
	e2ee         bool               // end-to-end encrypted: only what is opaque passes
	privateAudio bool               // clients send no audio levels
	confidential bool               // see confidential.go
	creatorOnly  bool               // of an encrypted one: founds its group, for the link says that there is a lobby
	noGuests     bool               // the creator wants none
	groupKey     ed25519.PrivateKey // of an encrypted one: signs removals from its group
	created      time.Time
	expires      time.Time
}

// seat is one participant's place, in the lobby (role noRole) or in the meeting.
type seat struct {
	id        media.ParticipantID
	identity  Identity
	name      DisplayName       // empty in an end-to-end encrypted meeting
	announce  Blob              // of an end-to-end encrypted meeting: set once
	deviceKey grouplog.Identity // with which announce begins
	admit     Blob              // what the admitting host signed
	role      protocol.Role
	entered   uint64 // order of entering the meeting: who is longest present
	since     time.Time
	approved  bool // admitted while its socket was away

	sink   Sink // nil while the socket is lost
	lostAt time.Time

	// The hashes of the token of the latest Welcome and of the one before, which stays good because the latest may
	// have been lost with the socket.
	resume, resumeBefore [32]byte

	declared   media.SourceSet
	negotiated bool
	hand       int       // place in the order of raised hands, from 1; zero: not raised
	failedAt   time.Time // media failed and no new offer yet
	active     time.Time
	asked      time.Time // the idle question is open since

	slots    map[string]media.Slot // what its slots carry, to tell a resumed socket; at most the 128 m-lines of an offer
	withheld []media.Withheld      // at most the 64 wants of a view
	encode   map[media.Source]*protocol.Encode
	// what the media server forwards nothing of, and why, since the last offer
	refused map[media.Source]*protocol.MediaRefused
	trouble *protocol.MediaFailed // why media has not come up, or failed, since the last offer
	bars    uint8                 // quality of the connection, plus one; zero: not known

	key   int          // of a stream: the number of its key
	stage []media.Want // of a receiving stream: what it was shown last

	kept      []protocol.Relayed // relayed and not yet delivered
	keptBytes int                // at most maxKept
	voice     *voice             // shared by the seats of a person

	told     *told // nil: its entry has changed since a newcomer was told it, or none was
	links    links
	due      time.Time // no deadline of it is before this; zero: it has none
	duePlace int       // in state.index.due
}

func (p *seat) may(want protocol.Permission) bool { return may(p.role, want) }

// live is what may be forwarded from the seat.
func (p *seat) live() media.SourceSet { return p.declared & sourcesOf(p.role) }

// state is a meeting as a pure state machine: every method takes the time, none blocks, and what is to be done about
// the outside is left in effects. It is not safe for concurrent use. A state that has ended refuses everything.
type state struct {
	meta
	cfg    *Config
	locked bool
	lobby  bool
	ended  bool

	seats      map[media.ParticipantID]*seat // lobby and meeting; at most 2 × MaxParticipants
	index      index
	resumes    map[[32]byte]*seat    // at most two a seat
	banned     map[person]struct{}   // at most maxBans
	hands      []media.ParticipantID // raised, in order; at most one a seat
	speakers   []media.ParticipantID // at most one a seat
	spotlight  media.ParticipantID   // zero: none
	timer      time.Time             // when the countdown ends; no later than now: none runs
	keys       []streamKey           // at most maxStreamKeys
	lastKey    int                   // the number of the latest
	onStage    media.ParticipantID   // whose camera receiving streams get; zero: none
	lastID     media.ParticipantID
	entered    uint64
	present    int            // seats in the meeting
	here       map[person]int // of them, by person
	hosts      int            // of them, hosts
	handedOver bool
	emptySince time.Time
	notices    int       // of expiryNotices, those given
	stops      time.Time // when the server does; zero: not known

	group     *grouplog.Log     // of an end-to-end encrypted meeting, else nil
	said      allowance         // to everybody
	groupSaid allowance         // the same by clients themselves
	committed allowance         // the same of commits
	voices    map[person]*voice // of persons with a seat, and of those who left within the last half minute
	voicesTo  int               // how many there may be until those as good as new are looked for; zero: not known
	mail      mail
	quality   qualityBatch

	lobbyNews lobbyNews
	batch     batch
	effects   []effect
	records   []Record  // to be kept before the effects are carried out
	by        *seat     // whose request is carried out; nil: none is
	next      time.Time // no deadline is before this; tick may be called at any time
	restage   bool      // what receiving streams are shown may have changed
	looked    int       // seats looked at so far that are not told of: what the meeting costs beside what it tells
	encoded   int       // entries of the roster encoded for newcomers so far
}

func newState(m meta, cfg *Config, lobby bool, now time.Time) *state {
	m.policy = cmp.Or(m.policy, protocol.WhenPromote)
	s := &state{meta: m, cfg: cfg, lobby: lobby, emptySince: now}
	if m.e2ee {
		s.group = grouplog.New(m.groupKey, m.creatorOnly)
	}
	for s.notices < len(expiryNotices) && !m.expires.Add(-expiryNotices[s.notices]).After(now) {
		s.notices++ // a meeting shorter than the notice
	}
	s.wake(s.timeOfNotice())
	s.wake(m.expires)
	s.wake(now.Add(cfg.EmptyAfter))
	return s
}

// effectKind is what an effect does.
type effectKind uint8

const (
	sendOne       effectKind = iota // event to sink
	sendAll                         // event to everybody in the meeting
	sendAdmitters                   // event to those who may admit
	sendRemovers                    // event to those who may remove
	sendSome                        // event to sinks
	sendLobby                       // event to those who wait
	openPeer                        // seat joins the media room
	closePeer
	setLive
	setView
	leaveBreakouts // who is no longer in the meeting
	closeBreakouts
	endMeeting // release everything
)

// effect is something to be done outside of the state.
type effect struct {
	kind  effectKind
	seat  media.ParticipantID
	sink  Sink
	sinks []Sink // of many, once it is decided who hears of it
	event protocol.ServerMessage
	// of a Welcome: its Participants, encoded
	roster [][]byte
	live   media.SourceSet
	wants  []media.Want
	who    person
}

func (s *state) do(e effect) { s.effects = append(s.effects, e) }

func (s *state) tell(p *seat, e protocol.ServerMessage) {
	if p.sink != nil {
		s.do(effect{kind: sendOne, seat: p.id, sink: p.sink, event: e})
	}
}

// tellSome tells several seats the same.
func (s *state) tellSome(list []*seat, e protocol.ServerMessage) {
	sinks := make([]Sink, 0, len(list))
	for _, p := range list {
		if p.sink != nil {
			sinks = append(sinks, p.sink)
		}
	}
	if len(sinks) > 0 {
		s.do(effect{kind: sendSome, sinks: sinks, event: e})
	}
}

// audience yields the sinks that an effect of many is for, as things are now. Of seats it looks at those alone.
func (s *state) audience(e *effect) iter.Seq[Sink] {
	seats := s.index.inside.all()
	switch e.kind {
	case sendAdmitters, sendRemovers:
		seats = maps.Values(s.index.leaders)
	case sendLobby:
		seats = s.index.waiting.all()
	case sendAll:
	default:
		return slices.Values(e.sinks)
	}
	return func(yield func(Sink) bool) {
		for p := range seats {
			s.looked++
			if p.sink == nil || e.kind == sendRemovers && !p.may(protocol.MayRemove) {
				continue
			}
			s.looked-- // it hears of it
			if !yield(p.sink) {
				return
			}
		}
	}
}

func (s *state) tellAll(e protocol.ServerMessage) { s.do(effect{kind: sendAll, event: e}) }

// bye ends the seat's socket, if it has one.
func (s *state) bye(p *seat, why protocol.ByeReason) {
	s.tell(p, bye(why))
	p.sink = nil
}

// take returns the effects so far and forgets them.
func (s *state) take() []effect {
	out := s.effects
	s.effects = nil
	return out
}

// wake notes a deadline.
func (s *state) wake(at time.Time) {
	if !at.IsZero() && (s.next.IsZero() || at.Before(s.next)) {
		s.next = at
	}
}

// wakeSeat notes a deadline of a seat.
func (s *state) wakeSeat(p *seat, at time.Time) {
	s.index.due.set(p, at)
	s.wake(at)
}

// joinRequest asks for a seat. Its token is fresh.
type joinRequest struct {
	identity Identity
	name     DisplayName
	announce Blob
	admit    Blob
	sink     Sink
	token    string
	resume   [32]byte // hash of the token of an earlier Welcome, zero for none
	proved   bool     // the password was right
	full     bool     // the server is full
	// the person's seat with the same identity key makes way
	takesOver bool
}

// errNeedsPassword asks the caller to check the password and come again.
var errNeedsPassword = errors.New("meeting: password needed")

// join seats a person, in the meeting or in the lobby, and returns the number of the seat.
func (s *state) join(now time.Time, j joinRequest) (media.ParticipantID, error) {
	if s.ended {
		return 0, ErrNoSuchMeeting
	}
	if err := s.suits(j); err != nil {
		return 0, err
	}
	if j.resume != [32]byte{} {
		return s.resume(now, j)
	}
	creator := j.identity.person() == s.creator
	if _, banned := s.banned[j.identity.person()]; banned {
		return 0, ErrBanned
	}
	if before, err := s.sameDevice(j); err != nil {
		return 0, err
	} else if before != nil {
		return s.takeOver(now, j, before)
	}
	if p := s.placeInLobby(j.identity); p != nil {
		return s.returnToLobby(now, p, j)
	}
	if j.full && !(creator && s.hosts == 0) { // a meeting is not kept from its host
		return 0, ErrServerFull
	}
	if !s.canRecord() {
		return 0, ErrAuditUnavailable
	}
	if j.identity.guest() && !s.takesGuests() && s.parent == (ID{}) {
		return 0, ErrNoGuests
	}
	if s.locked && !creator {
		return 0, ErrLocked
	}
	if s.hasPassword && !creator && !j.proved {
		return 0, errNeedsPassword
	}
	if !s.makeSeat(now, j.identity) {
		return 0, ErrTooManySeats
	}
	if s.lobby && !creator {
		return s.wait(now, j)
	}
	if s.present >= s.cfg.MaxParticipants {
		return 0, ErrMeetingFull
	}
	p := s.newSeat(now, j)
	s.enter(now, p, j.token, s.roleOf(p))
	return p.id, nil
}

// takesGuests says whether people without a verified address may ask to come in: never past the lobby, where a host
// decides about each of them.
func (s *state) takesGuests() bool {
	return s.cfg.Guests && s.lobby && !s.noGuests && !s.confidential
}

// roleOf is the role of a person who comes in: the creator is host, unless they have handed over and a host is there.
func (s *state) roleOf(p *seat) protocol.Role {
	switch {
	case p.identity.person() != s.creator, p.identity.Bot && s.hosts > 0:
		return protocol.RoleParticipant // the bots of one token are one person; the first of them hosts
	case s.handedOver && s.hosts > 0:
		return protocol.RoleCohost
	default:
		return protocol.RoleHost
	}
}

func (s *state) newSeat(now time.Time, j joinRequest) *seat {
	s.lastID++
	p := &seat{
		id: s.lastID, identity: j.identity, name: j.name, announce: j.announce, deviceKey: identityOf(j.announce),
		admit: j.admit, sink: j.sink,
		since: now, active: now, voice: s.voiceOf(now, j.identity),
	}
	if s.seats == nil {
		s.seats = make(map[media.ParticipantID]*seat)
		s.resumes = make(map[[32]byte]*seat)
		s.index.persons = make(map[person]set)
	}
	s.seats[p.id] = p
	who := p.identity.person()
	theirs := s.index.persons[who]
	theirs.put(p)
	s.index.persons[who] = theirs
	return p
}

// enter lets a seat into the meeting: the only way a media peer comes to be.
func (s *state) enter(now time.Time, p *seat, token string, role protocol.Role) {
	s.entered++
	p.entered, p.role, p.approved, p.active = s.entered, role, false, now
	s.present++
	s.comesIn(p)
	if s.here == nil {
		s.here = make(map[person]int)
	}
	s.here[p.identity.person()]++
	if role == protocol.RoleHost {
		s.hosts++
	}
	if p.may(protocol.MayAdmit) {
		s.lobbyChanged(now)
	}
	s.do(effect{kind: openPeer, seat: p.id})
	s.enterGroup(now, p)
	s.welcome(now, p, token, false)
	s.changed(now, p.id, joined)
	s.recordOf(ActionJoined, p, string(role))
	if idle := s.idleAfter(); idle > 0 {
		s.wakeSeat(p, now.Add(idle))
	}
}

func (s *state) welcome(now time.Time, p *seat, token string, resumed bool) {
	delete(s.resumes, p.resumeBefore)
	p.resumeBefore, p.resume = p.resume, hashToken(token)
	s.resumes[p.resume] = p
	entries, encoded := s.others(p)
	w := &protocol.Welcome{
		Version: protocol.Version, Participant: p.id, Role: p.role, Permissions: permissionsOf(p.role), Resume: token,
		Resumed: resumed, Meeting: s.describe(now), Participants: entries, Waiting: []protocol.WaitingEntry{}, Admit: p.admit.Reveal(),
	}
	if p.may(protocol.MayAdmit) {
		w.Waiting = s.waitingEntries()
	}
	s.do(effect{kind: sendOne, seat: p.id, sink: p.sink, event: w, roster: encoded})
	s.tellGroup(p)
	if len(s.speakers) > 0 {
		s.tell(p, &protocol.Speakers{Speakers: slices.Clone(s.speakers)})
	}
	if known := s.knownQuality(); len(known) > 0 {
		s.tell(p, &protocol.Quality{Quality: known})
	}
	s.tellTimer(now, p)
	s.deliver(p)
	if !s.canRecord() {
		s.tell(p, &protocol.Notice{Notice: protocol.AuditStopped})
	}
	if !s.stops.IsZero() {
		s.tell(p, s.restarting(now))
	}
}

// endsAt tells all participants that the server stops. Those who wait hear it when they are let in.
func (s *state) endsAt(now, at time.Time) {
	s.stops = at
	s.tellAll(s.restarting(now))
}

func (s *state) restarting(now time.Time) *protocol.Notice {
	return &protocol.Notice{Notice: protocol.Restarting, Seconds: wireSeconds(max(0, s.stops.Sub(now)))}
}

// describe is what a Welcome tells about the meeting.
func (s *state) describe(now time.Time) protocol.MeetingState {
	return protocol.MeetingState{
		Meeting: protocol.MeetingID(s.id.Reveal()), Title: s.title.Reveal(), Locked: s.locked, Lobby: s.lobby, E2EE: s.e2ee,
		PrivateAudio: s.privateAudio, Confidential: s.confidential, NoChat: !s.chats(), Spotlight: s.spotlight, ExpiresAt: wireTime(s.expires), ServerTime: wireTime(now),
	}
}

// resume gives an old seat to a new socket.
func (s *state) resume(now time.Time, j joinRequest) (media.ParticipantID, error) {
	p := s.resumes[j.resume]
	if p == nil || p.identity.person() != j.identity.person() {
		return 0, ErrResumeFailed
	}
	if j.announce != (Blob{}) && j.announce != p.announce {
		return 0, ErrAnnounceChanged
	}
	s.bye(p, protocol.ByeReplaced)
	p.sink, p.lostAt, p.identity = j.sink, time.Time{}, j.identity
	s.connectedGroup(now, p)
	if j.resume == p.resumeBefore {
		// The latest token never arrived; let welcome forget that one instead.
		p.resume, p.resumeBefore = p.resumeBefore, p.resume
	}
	s.welcome(now, p, j.token, true)
	s.tellMedia(p)
	s.changed(now, p.id, changed)
	if p.may(protocol.MayAdmit) {
		s.lobbyChanged(now)
	}
	return p.id, nil
}

// tellMedia tells a resumed socket what the lost one may have missed.
func (s *state) tellMedia(p *seat) {
	if len(p.slots) > 0 {
		s.tell(p, slotsMessage(p.slots, p.withheld))
	}
	for _, e := range p.encode {
		s.tell(p, e)
	}
	for _, r := range p.refused {
		s.tell(p, r)
	}
	if p.trouble != nil {
		s.tell(p, p.trouble)
	}
}

// compareMID orders by length, then by text: "9" comes before "10".
func compareMID(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	return 1
}
