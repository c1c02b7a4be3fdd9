package e2ee

import (
	"crypto/rand"
	"errors"
	"io"
	"time"
)

// Times of the specification.
const (
	leaveDebounce  = 500 * time.Millisecond // from the first loss to the fresh generation
	switchAfter    = time.Second            // from sealing a fresh generation to using it, acked or not
	firstResend    = 2 * time.Second        // doubled each time
	lastResend     = 30 * time.Second
	askAgain       = 10 * time.Second // a bot that has no answer asks so often, askMost times in all
	askMost        = 3
	holdTime       = 5 * time.Second // of what came before its sender, or its key, was known
	beaconInterval = 10 * time.Second
	lobbyGrace     = 30 * time.Second // how long a person who vanished from the lobby is remembered
)

// Bounds of what others can make a Session keep.
const (
	maxSeen           = 50_000 // announcements ever shown by the server; more are refused
	maxHeld           = 1024   // relays and broadcasts held, in all
	maxHeldRelays     = 8      // of one number not in the roster
	maxHeldBroadcasts = 32     // of one sender
	maxOutbox         = 32     // own broadcasts waiting for a key
	// smallMeeting is up to how many members everybody keeps their chain ready, so that unmuting takes no time.
	smallMeeting = 16
)

// Errors of a Session's own acts.
var (
	ErrNotHere = errors.New("e2ee: no admitted participant has this number")
	ErrBusy    = errors.New("e2ee: too much is waiting for a key")
)

// Config says who a Session is.
type Config struct {
	// Link and Meeting (the canonical id) say where.
	Link    Link
	Meeting string
	// Root is that of Link and Meeting; nil: made of them. Sessions of one process may have one in common, and so do
	// less work.
	Root *Root
	// Identity is the device's key.
	Identity *Identity
	// Name is the display name; "" sends none.
	Name string
	// Bot marks a bot. It agrees to everybody; people must agree to it.
	Bot bool
	// Purpose is what a bot asks people's consent for; "" does not ask.
	Purpose string
	// Random is where keys come from; nil is crypto/rand.
	Random io.Reader
}

// Member is a participant as the server shows it.
type Member struct {
	Participant uint32
	// Announce, Admit and Grant are decoded; nil where there is none.
	Announce, Admit, Grant []byte
	// Bot says that the server calls it one; its own announcement may say so too.
	Bot bool
	// Connected is false while its seat waits to be resumed.
	Connected bool
}

// Relay is a pairwise message to send, or one that came.
type Relay struct {
	Participant uint32
	Data        []byte
}

// Broadcast is a group message to send.
type Broadcast struct {
	Kind Kind
	Data []byte
}

// ReceiveKey is a sender's key for the Opener.
type ReceiveKey struct {
	From   uint32
	Sender Hash
	Key    SenderKey
}

// NoticeKind is what a Notice tells.
type NoticeKind uint8

// The notices.
const (
	// NoticeName: Text is From's name.
	NoticeName NoticeKind = iota + 1
	// NoticeChat, NoticeReaction: From, oneself included, said Text to all.
	NoticeChat
	NoticeReaction
	// NoticePrivate: From said Text to oneself alone.
	NoticePrivate
	// NoticeConsent: From refused, granted or asked; Text is what for.
	NoticeConsent
	// NoticeInvalid: From's announcement is not valid, Err says why: no key in either direction.
	NoticeInvalid
	// NoticeMembers: who is admitted has changed, and so has the meeting code.
	NoticeMembers
	// NoticeMismatch, NoticeMatch: From does not see the same people, or does again.
	NoticeMismatch
	NoticeMatch
	// NoticeForged: From sent a message that its key does not open, or that it did not sign. Err says why.
	NoticeForged
)

// Notice is something the person should see, or a program act on.
type Notice struct {
	Kind    NoticeKind
	From    uint32
	Text    string
	Consent Consent
	Err     error
}

// Output is what to do after an event, in this order: Forget, Receive, Send, Relays, Broadcasts.
type Output struct {
	Forget     []uint32
	Receive    []ReceiveKey
	Send       *SenderKey // own media: use this from now on; nothing was sent before the first
	Relays     []Relay
	Broadcasts []Broadcast
	Notices    []Notice
}

// Session is one participant's state machine: events with their time in, Output out. It holds the pairwise channels,
// admissions, its own chain, and opens group messages; media is sealed and opened elsewhere with the keys it gives out.
// One join, one Session; a resumed one goes on with the same.
type Session struct {
	cfg      Config
	root     *Root
	seat     *Seat
	announce []byte
	self     *Announcement
	number   uint32      // 0 until welcomed
	own      *Credential // the newest, nil without
	shown    bool        // the roster shows it
	lenient  bool        // everybody who comes is admitted: the person has switched the lobby off

	peers   map[uint32]*peer     // by number; bounded by the meeting and its lobby
	missing map[uint32]time.Time // who vanished from the lobby, and when; bounded likewise
	seen    map[Hash]sighting    // every announcement ever shown; at most maxSeen

	mine   senderState
	sealer *Sealer // group messages
	opener *Opener
	outbox []outgoing // at most maxOutbox

	held       []heldMessage // at most maxHeld, oldest first
	rosters    []rosterAt    // own roster hashes of the last seconds, the newest last
	nextBeacon time.Time
	out        Output
}

// sighting is whose an announcement is, and whether that one has left: then it does not come back.
type sighting struct {
	number uint32
	gone   bool
}

type outgoing struct {
	kind Kind
	text string
}

// heldMessage is a relay of an unknown participant, or a broadcast whose key is missing.
type heldMessage struct {
	from      uint32
	data      []byte
	broadcast Kind // 0: a relay
	until     time.Time
}

// NewSession makes the session of a new seat.
func NewSession(cfg Config) (*Session, error) {
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	seat, err := NewSeat(cfg.Random)
	if err != nil {
		return nil, err
	}
	root := cfg.Root
	if root == nil {
		root = cfg.Link.Root(cfg.Meeting)
	}
	announce := root.Announce(cfg.Identity, seat, cfg.Bot)
	self, err := root.ParseAnnouncement(announce)
	if err != nil {
		return nil, err
	}
	root.shared.arrive(self.Hash)
	return &Session{
		cfg: cfg, root: root, seat: seat, announce: announce, self: self, peers: map[uint32]*peer{},
		missing: map[uint32]time.Time{}, seen: map[Hash]sighting{},
		sealer: NewSealer(self.Hash), opener: NewOpener(),
	}, nil
}

// Announce is what join carries.
func (s *Session) Announce() []byte { return s.announce }

// Hash is one's own announce hash: what a Sealer is made with.
func (s *Session) Hash() Hash { return s.self.Hash }

// Take returns what is to be done and forgets it. Call it after each event.
func (s *Session) Take() Output {
	out := s.out
	s.out = Output{}
	return out
}

func (s *Session) notice(n Notice) { s.out.Notices = append(s.out.Notices, n) }

// Welcome takes the server's welcome: one's own number and credentials, and everybody else. After a resume it is the
// same again, and what was not acknowledged is sent once more.
func (s *Session) Welcome(now time.Time, self Member, others []Member) {
	resumed := s.number == self.Participant
	s.number = self.Participant
	s.seen[s.self.Hash] = sighting{number: s.number}
	s.showOwn(now, &self)
	here := map[uint32]bool{}
	for i := range others {
		here[others[i].Participant] = true
	}
	var gone []uint32
	for number, p := range s.peers {
		if p.present && !here[number] {
			gone = append(gone, number)
		}
	}
	if !resumed || s.nextBeacon.IsZero() {
		s.nextBeacon = now.Add(beaconInterval)
	}
	s.update(now, others, gone)
	if resumed {
		s.resendAll(now)
	}
}

// Roster takes a roster delta: who joined or changed, and who left.
func (s *Session) Roster(now time.Time, changed []Member, left []uint32) {
	if s.number == 0 {
		return
	}
	others := make([]Member, 0, len(changed))
	for i := range changed {
		if changed[i].Participant == s.number {
			s.showOwn(now, &changed[i])
			continue
		}
		others = append(others, changed[i])
	}
	s.update(now, others, left)
}

// Lobby takes the hosts that the server names to a waiting person. Those who may admit get their name.
func (s *Session) Lobby(now time.Time, hosts []Member) {
	for i := range hosts {
		p := s.meet(now, &hosts[i])
		if p.ann != nil && s.mayAdmit(p) && !p.told {
			s.tellName(p)
		}
	}
}

// SetLive says whether oneself publishes anything. Media may flow once Output.Send came: at once if a key is in use.
func (s *Session) SetLive(now time.Time, live bool) {
	s.mine.live = live
	s.settle(now)
}

// Usable says whether own media may be sealed now: there is a key, and everybody who may have it is still here.
func (s *Session) Usable() bool { return s.mine.inUse && !s.mine.stale }

// Members returns the announce hashes of all admitted members, oneself included if admitted.
func (s *Session) Members() []Hash {
	list := make([]Hash, 0, len(s.peers)+1)
	if s.admittedSelf() {
		list = append(list, s.self.Hash)
	}
	for _, p := range s.peers {
		if p.admitted {
			list = append(list, p.ann.Hash)
		}
	}
	return list
}
