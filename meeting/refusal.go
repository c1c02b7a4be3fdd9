package meeting

import "conclave/protocol"

// Refusal says why a request was not done; nothing was changed by it. It is what the client is told: the error id of
// the protocol, and a sentence that holds no user data. Refusals are compared by value.
type Refusal struct {
	ID       protocol.ErrorID
	Sentence string
}

// Error implements error.
func (r Refusal) Error() string { return "meeting: " + r.Sentence }

// The refusals.
var (
	ErrNoSuchMeeting     = Refusal{protocol.ErrNoSuchMeeting, "There is no such meeting, or it has ended."}
	ErrWrongPassword     = Refusal{protocol.ErrWrongPassword, "The meeting's password is missing or wrong."}
	ErrMeetingFull       = Refusal{protocol.ErrMeetingFull, "The meeting is full."}
	ErrServerFull        = Refusal{protocol.ErrServerFull, "The server is full. Try again later."}
	ErrTooManyMeetings   = Refusal{protocol.ErrRateLimited, "You have too many open meetings. End one first."}
	ErrTooManyBreakouts  = Refusal{protocol.ErrRateLimited, "You have too many open rooms. Close some first."}
	ErrLocked            = Refusal{protocol.ErrMeetingLocked, "The host has locked the meeting."}
	ErrBanned            = Refusal{protocol.ErrBanned, "The host has banned you from this meeting."}
	ErrResumeFailed      = Refusal{protocol.ErrResumeFailed, "Your seat is gone. Join again."}
	ErrNotJoined         = Refusal{protocol.ErrNotJoined, "You are not in the meeting."}
	ErrNotPermitted      = Refusal{protocol.ErrNotPermitted, "Your role does not permit this."}
	ErrNoGuests          = Refusal{protocol.ErrNotPermitted, "This meeting takes no guests. Sign in first."}
	ErrNoSuchParticipant = Refusal{protocol.ErrNoSuchParticipant, "This participant is not in the meeting."}
	ErrNoMedia           = Refusal{protocol.ErrNoMedia, "There is no media connection yet."}
	ErrE2EERequired      = Refusal{protocol.ErrE2EERequired,
		"This meeting is end-to-end encrypted, and this request is for plain meetings."}
	ErrNotEncrypted = Refusal{protocol.ErrInvalidRequest,
		"\"announce\", \"admit\" and \"grant\" are for end-to-end encrypted meetings only."}
	ErrNameInClear = Refusal{protocol.ErrInvalidRequest,
		"\"name\" must be empty in an end-to-end encrypted meeting."}
	ErrAnnounceChanged = Refusal{protocol.ErrInvalidRequest, "\"announce\" must be that of the seat, or absent."}
	ErrIdentityPresent = Refusal{protocol.ErrIdentityPresent, "You are in this meeting already, on this device."}
	ErrIdentityTaken   = Refusal{protocol.ErrIdentityPresent, "Another participant has this identity key."}
	ErrLogGone         = Refusal{protocol.ErrLogGone, "The log does not go back as far. Ask to be added anew."}
	ErrAdmissions      = Refusal{protocol.ErrInvalidRequest,
		"\"admissions\" is required in end-to-end encrypted meetings, and not allowed in others."}
	ErrNoStreams = Refusal{protocol.ErrNotPermitted,
		"Streams need a meeting without end-to-end encryption."}
	ErrNoStreamKind = Refusal{protocol.ErrInvalidRequest, "\"kind\" must be \"ingest\" or \"egress\"."}
	ErrTooManyKeys  = Refusal{protocol.ErrRateLimited, "This meeting has too many stream keys. Revoke one first."}
	ErrNoSuchKey    = Refusal{protocol.ErrNoSuchParticipant, "There is no such stream key."}
	ErrWrongKey     = Refusal{protocol.ErrUnauthenticated, "The stream key is wrong or has been revoked."}
	ErrTooMuch      = Refusal{protocol.ErrRateLimited, "You are sending too much. Nothing was done."}
	ErrTooManySeats = Refusal{protocol.ErrRateLimited,
		"You joined this meeting from too many places. Leave with one of them first."}
	ErrConfidential = Refusal{protocol.ErrInvalidRequest,
		"A confidential meeting is end-to-end encrypted and has a lobby."}
	ErrAuditUnavailable = Refusal{protocol.ErrAuditUnavailable,
		"The server cannot write its audit log. Nothing is done until it can."}
	ErrAlreadyOpen = Refusal{protocol.ErrInvalidRequest, "The meeting at this address is open."}
	ErrBusy        = Refusal{protocol.ErrRateLimited, "The meeting is overloaded. Try again."}
	ErrInternal    = Refusal{protocol.ErrInternal, "Something went wrong on the server."}
)
