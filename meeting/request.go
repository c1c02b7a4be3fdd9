package meeting

import "conclave/sfu"

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
	ErrBusy              Refusal = "the meeting is overloaded"
	ErrInternal          Refusal = "internal error"
)

// Request is something that a participant asks of a meeting.
type Request interface{ request() }

// SetMedia says which sources the person's own switches have on.
type SetMedia struct{ Sources sfu.SourceSet }

// SetView says what the person's client shows, most important first.
type SetView struct{ Wants []sfu.Want }

// Negotiated says that an offer was answered on the seat's Peer.
type Negotiated struct{}

// Say is a chat message to everybody, or to one participant if To is not zero.
type Say struct {
	Text string
	To   sfu.ParticipantID
}

// React is a reaction; Kind is the protocol's name of it.
type React struct{ Kind string }

// SetHand raises or lowers the person's own hand, or lowers that of Participant if not zero.
type SetHand struct {
	Raised      bool
	Participant sfu.ParticipantID
}

// Admit lets people in from the lobby.
type Admit struct {
	Participants []sfu.ParticipantID
	All          bool
}

// Deny sends people in the lobby away.
type Deny struct{ Participants []sfu.ParticipantID }

// Mute stops sources of others; All is everybody else.
type Mute struct {
	Participants []sfu.ParticipantID
	All          bool
	Sources      sfu.SourceSet
}

// AskUnmute asks people to switch sources on.
type AskUnmute struct {
	Participants []sfu.ParticipantID
	Sources      sfu.SourceSet
}

// Remove puts people out; with Ban they cannot come back.
type Remove struct {
	Participants []sfu.ParticipantID
	Ban          bool
}

// SetRole gives somebody another role. Making another Host hands over.
type SetRole struct {
	Participant sfu.ParticipantID
	Role        Role
}

// SetPolicy changes lock and lobby; nil leaves one as it is.
type SetPolicy struct{ Locked, Lobby *bool }

// End ends the meeting for all.
type End struct{}

// Active says that somebody is there.
type Active struct{}

// Leave gives the seat up. Reason is what the person's own socket is told.
type Leave struct{ Reason ByeReason }

func (SetMedia) request()   {}
func (SetView) request()    {}
func (Negotiated) request() {}
func (Say) request()        {}
func (React) request()      {}
func (SetHand) request()    {}
func (Admit) request()      {}
func (Deny) request()       {}
func (Mute) request()       {}
func (AskUnmute) request()  {}
func (Remove) request()     {}
func (SetRole) request()    {}
func (SetPolicy) request()  {}
func (End) request()        {}
func (Active) request()     {}
func (Leave) request()      {}
