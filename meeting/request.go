package meeting

import (
	"conclave/media"
)

// Refusal says why a request was not done; nothing was changed by it. Its text holds no user data.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return "meeting: " + string(r) }

// The refusals.
const (
	ErrNoSuchMeeting     Refusal = "no such meeting"
	ErrEnded             Refusal = "the meeting has ended"
	ErrWrongPassword     Refusal = "wrong password"
	ErrMeetingFull       Refusal = "meeting full"
	ErrServerFull        Refusal = "server full"
	ErrTooManyMeetings   Refusal = "too many meetings of one person"
	ErrLocked            Refusal = "meeting locked"
	ErrBanned            Refusal = "banned"
	ErrResumeFailed      Refusal = "resume failed"
	ErrNotJoined         Refusal = "not joined"
	ErrNotPermitted      Refusal = "not permitted"
	ErrNoGuests          Refusal = "guests not allowed"
	ErrNoSuchParticipant Refusal = "no such participant"
	ErrNoMedia           Refusal = "no media connection"
	ErrE2EERequired      Refusal = "the meeting is end-to-end encrypted"
	ErrNotEncrypted      Refusal = "the meeting is not end-to-end encrypted"
	ErrNameInClear       Refusal = "a name in an end-to-end encrypted meeting"
	ErrAnnounceChanged   Refusal = "another announce than that of the seat"
	ErrAnnounceTaken     Refusal = "the announce of somebody else"
	ErrAdmissions        Refusal = "signed admissions belong to end-to-end encrypted meetings, and are needed there"
	ErrTooMuch           Refusal = "too much relayed from the lobby"
	ErrBusy              Refusal = "the meeting is overloaded"
	ErrInternal          Refusal = "internal error"
)

// Request is something that a participant asks of a meeting.
type Request interface{ request() }

// SetMedia says which sources the person's own switches have on.
type SetMedia struct{ Sources media.SourceSet }

// SetView says what the person's client shows, most important first.
type SetView struct{ Wants []media.Want }

// Negotiated says that an offer was answered on the seat's Peer.
type Negotiated struct{}

// Say is a chat message to everybody, or to one participant if To is not zero.
type Say struct {
	Text string
	To   media.ParticipantID
}

// React is a reaction; Kind is the protocol's name of it.
type React struct{ Kind string }

// SetHand raises or lowers the person's own hand, or lowers that of Participant if not zero.
type SetHand struct {
	Raised      bool
	Participant media.ParticipantID
}

// Relay sends each recipient something that only they can read.
type Relay struct{ To []RelayOne }

// RelayOne is what one recipient gets.
type RelayOne struct {
	Participant media.ParticipantID
	Data        string // in the form of the wire
}

// Broadcast sends everybody something that the server cannot read; Kind is the protocol's name of what it is.
type Broadcast struct{ Kind, Data string }

// Admit lets people in from the lobby: those of Participants, or All; in an end-to-end encrypted meeting those of Admissions.
type Admit struct {
	Participants []media.ParticipantID
	All          bool
	Admissions   []Admission
}

// Admission is what an admitting host signed about one person.
type Admission struct {
	Participant media.ParticipantID
	Admit       Blob
}

// Deny sends people in the lobby away.
type Deny struct{ Participants []media.ParticipantID }

// Mute stops sources of others; All is everybody else.
type Mute struct {
	Participants []media.ParticipantID
	All          bool
	Sources      media.SourceSet
}

// AskUnmute asks people to switch sources on.
type AskUnmute struct {
	Participants []media.ParticipantID
	Sources      media.SourceSet
}

// Remove puts people out; with Ban they cannot come back.
type Remove struct {
	Participants []media.ParticipantID
	Ban          bool
}

// SetRole gives somebody another role. Making another Host hands over. Grant is what the host signed about it, in an end-to-end
// encrypted meeting.
type SetRole struct {
	Participant media.ParticipantID
	Role        Role
	Grant       Blob
}

// SetSpotlight has everybody look at a participant; zero ends it.
type SetSpotlight struct{ Participant media.ParticipantID }

// SetPolicy changes lock and lobby; nil leaves one as it is.
type SetPolicy struct{ Locked, Lobby *bool }

// End ends the meeting for all.
type End struct{}

// Active says that somebody is there.
type Active struct{}

// Leave gives the seat up. Reason is what the person's own socket is told. In an end-to-end encrypted meeting Grant is what a host signed
// for Heir, to whom the meeting is to fall; zero for none.
type Leave struct {
	Reason ByeReason
	Heir   media.ParticipantID
	Grant  Blob
}

func (SetMedia) request()     {}
func (SetView) request()      {}
func (Negotiated) request()   {}
func (Say) request()          {}
func (React) request()        {}
func (SetHand) request()      {}
func (Relay) request()        {}
func (Broadcast) request()    {}
func (SetSpotlight) request() {}
func (Admit) request()        {}
func (Deny) request()         {}
func (Mute) request()         {}
func (AskUnmute) request()    {}
func (Remove) request()       {}
func (SetRole) request()      {}
func (SetPolicy) request()    {}
func (End) request()          {}
func (Active) request()       {}
func (Leave) request()        {}
