package meeting

import (
	"sync"
	"time"

	"conclave/media"
)

// Event is something that a participant is told. Events are immutable once delivered: one value goes to many.
type Event interface{ event() }

// ByeReason says why a seat's socket is closed.
type ByeReason uint8

// The reasons that a meeting gives.
const (
	ByeLeft ByeReason = iota
	ByeDenied
	ByeRemoved
	ByeBanned
	ByeEnded
	ByeExpired
	ByeIdle
	ByeReplaced
	ByeSignedOut
	ByeShuttingDown
	ByeMediaFailed
	ByeInternal
)

// LeftReason says why somebody is no longer there, as the others see it.
type LeftReason uint8

// The reasons.
const (
	Left LeftReason = iota
	LeftLost
	LeftRemoved
	LeftIdle
)

// LobbyStatus tells somebody in the lobby how it stands. Waiting counts oneself. Hosts are those who may admit, in an end-to-end
// encrypted meeting.
type LobbyStatus struct {
	Title        Title
	Waiting      int
	HostsPresent bool
	Hosts        []LobbyHost // at most maxLobbyHosts
}

// LobbyHost is somebody who may admit, as those who wait see them.
type LobbyHost struct {
	Participant media.ParticipantID
	Announce    Blob
	Admit       Blob
}

// Welcome tells a participant that it is in. Resume is the token that takes the seat back.
type Welcome struct {
	Participant  media.ParticipantID
	Role         Role
	Resume       string
	Resumed      bool
	Meeting      ID
	Title        Title
	Locked       bool
	Lobby        bool
	E2EE         bool
	PrivateAudio bool
	Spotlight    media.ParticipantID // zero: nobody
	Admit, Grant Blob                // one's own
	ExpiresAt    time.Time
	Now          time.Time
	Participants []RosterEntry
	Waiting      []WaitingEntry
}

// Kind says what somebody is, as the others see it.
type Kind uint8

// The kinds.
const (
	KindPerson Kind = iota // with a verified address
	KindGuest              // without one
	KindBot
)

// RosterEntry is a participant as the others see it. Hand is 0 or the place in the order of raised hands. Announce is there, and
// Name is not, in an end-to-end encrypted meeting; Admit and Grant are what hosts signed.
type RosterEntry struct {
	Participant media.ParticipantID
	Name        DisplayName
	Role        Role
	Sources     media.SourceSet
	Hand        int
	Connected   bool
	Kind        Kind
	Announce    Blob
	Admit       Blob
	Grant       Blob
}

// WaitingEntry is somebody in the lobby, as those who may admit see it.
type WaitingEntry struct {
	Participant media.ParticipantID
	Name        DisplayName
	Address     Address
	Since       time.Time
	Kind        Kind
	Announce    Blob
}

// LeftEntry is one who is no longer there.
type LeftEntry struct {
	Participant media.ParticipantID
	Reason      LeftReason
}

// Roster is a batch of changes. A receiver treats Joined and Changed alike, and ignores a Left it does not know: a
// batch may repeat what its Welcome told.
type Roster struct {
	Joined, Changed []RosterEntry
	Left            []LeftEntry
}

// Speakers is who speaks now, loudest first.
type Speakers struct{ Speakers []media.ParticipantID }

// Said is a chat message.
type Said struct {
	From, To media.ParticipantID
	Text     string
	At       time.Time
}

// Reacted is a reaction.
type Reacted struct {
	From media.ParticipantID
	Kind string
}

// Relayed is one thing that From relayed.
type Relayed struct {
	From media.ParticipantID
	Data string
}

// RelaysCame is what others relayed to one seat, in the order of its coming.
type RelaysCame struct{ Relays []Relayed }

// BroadcastCame is what somebody broadcast.
type BroadcastCame struct {
	From       media.ParticipantID
	Kind, Data string
	At         time.Time
}

// SpotlightChanged tells everybody whom By has them look at; Participant zero is nobody, and By zero if that one left.
type SpotlightChanged struct{ Participant, By media.ParticipantID }

// QualityChanged tells of the connections that changed.
type QualityChanged struct{ Quality []media.Quality }

// MediaRefused is what sfu.PeerEvents.Refused reported.
type MediaRefused struct {
	Source media.Source
	Reason string
}

// Waiting is the lobby, for those who may admit.
type Waiting struct{ Waiting []WaitingEntry }

// Muted tells a participant that By muted sources of theirs.
type Muted struct {
	By      media.ParticipantID
	Sources media.SourceSet
}

// AskedUnmute tells a participant that By asks them to switch sources on.
type AskedUnmute struct {
	By      media.ParticipantID
	Sources media.SourceSet
}

// RoleChanged tells a participant its role.
type RoleChanged struct{ Role Role }

// PolicyChanged tells everybody lock and lobby.
type PolicyChanged struct{ Locked, Lobby bool }

// Expiring announces the hard end.
type Expiring struct{ In time.Duration }

// IdleQuestion asks whether anybody is there.
type IdleQuestion struct{ In time.Duration }

// SlotsChanged is what sfu.PeerEvents.Slots reported.
type SlotsChanged struct {
	Slots    []media.Slot
	Withheld []media.Withheld
}

// EncodeChanged is what sfu.PeerEvents.Encode reported.
type EncodeChanged struct {
	Source media.Source
	RIDs   []string
}

// Bye is the last event of a sink.
type Bye struct{ Reason ByeReason }

func (LobbyStatus) event()      {}
func (Welcome) event()          {}
func (Roster) event()           {}
func (Speakers) event()         {}
func (Said) event()             {}
func (Reacted) event()          {}
func (Waiting) event()          {}
func (RelaysCame) event()       {}
func (BroadcastCame) event()    {}
func (SpotlightChanged) event() {}
func (QualityChanged) event()   {}
func (MediaRefused) event()     {}
func (Muted) event()            {}
func (AskedUnmute) event()      {}
func (RoleChanged) event()      {}
func (PolicyChanged) event()    {}
func (Expiring) event()         {}
func (IdleQuestion) event()     {}
func (SlotsChanged) event()     {}
func (EncodeChanged) event()    {}
func (Bye) event()              {}

// Sink takes the events of one participant's socket, in order. Deliver must not block and must not call into the
// meeting; a Sink that cannot keep up closes itself. After a Bye nothing more is delivered. Sinks are compared: use a
// pointer.
type Sink interface {
	Deliver(d *Delivery)
}

// Delivery is one event on its way to one sink or to many.
type Delivery struct {
	Event Event

	once  sync.Once
	frame []byte
}

// Frame returns the event in its wire form: encode is called by the first who asks, the others share its result, which
// nobody may change. Safe for concurrent use.
func (d *Delivery) Frame(encode func(Event) []byte) []byte {
	d.once.Do(func() { d.frame = encode(d.Event) })
	return d.frame
}
