package protocol

import "strings"

// Version is the protocol version this package speaks.
const Version = 1

// Subprotocol is the WebSocket subprotocol (RFC 6455 §1.9) of this version.
const Subprotocol = "conclave.v1"

// Limits of the protocol document. Sizes are in bytes unless named otherwise.
const (
	MaxMessage      = 16 << 10  // a message from a client, except those named below
	MaxOffer        = 256 << 10 // an offer
	MaxRelay        = 512 << 10 // a relay, or an admit with what was signed
	MaxCommit       = 1 << 20   // a commit: the largest of all
	MaxBroadcast    = 24 << 10  // a broadcast
	MaxMediaLines   = 128       // m-lines of an offer
	MaxServer       = 4 << 20   // a message from the server, as a client should bound it
	MaxHTTPBody     = 4 << 10   // an HTTP request body
	MaxWants        = 64        // entries of a view
	MaxParticipants = 256       // participants named in one request, and lobby entries in one message
	MaxName         = 64        // characters of a display name
	MaxTitle        = 80        // characters of a meeting title
	MaxChat         = 2000      // characters of a chat text
	MaxAppToOne     = 1500      // what pages tell one participant, as in end-to-end encrypted meetings
	MaxPassword     = 128       // characters of an access password
	MaxAnnounce     = 512       // an announce
	MaxSigned       = 1 << 10   // an admission
	MaxRelayed      = 2 << 10   // what one participant gets of a relay
	MaxRelayTo      = 1000      // entries of a relay
	MaxBroadcasted  = 12 << 10  // what a broadcast carries
	MaxEntry        = 128 << 10 // an entry of the log
	MaxProposal     = 4 << 10   // a member's proposal
	MaxKeyPackage   = 2 << 10   // a key package
	MaxForJoiners   = 512 << 10 // a GroupInfo and the secrets of all who are added by one commit
	MaxAdded        = 64        // added by one commit
	MaxHeight       = 4320      // device pixels of a wanted picture
	MaxValues       = 4 << 10   // JSON values in a message from a client; the largest relay needs 3003
	MaxKeys         = 16        // keys of a JSON object; the protocol itself needs 14
	MaxDepth        = 8         // nesting of JSON arrays and objects; the protocol itself needs 4
)

// An Enum is a string type with a closed set of values.
type Enum interface {
	// Values lists the allowed values, in the order of the protocol document.
	Values() []string
}

// RequestID correlates a request with its reply. It is the client's choice.
type RequestID uint32

// MeetingID is a meeting's address in its written form, for example k7qm-2f9x-w3dj-8hrt.
type MeetingID string

// MeetingAlphabet are the 32 characters of a MeetingID, so that each carries 5 bits: digits and letters without i, l, o
// and u (Crockford's base 32).
const MeetingAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// maxTypedMeetingID bounds what ParseMeetingID looks at.
const maxTypedMeetingID = 64

// ParseMeetingID reads an id as a person may type it: in upper case, without hyphens or with spaces, o for 0, i or l
// for 1. It returns the written form; ok is false if there is no id in s.
func ParseMeetingID(s string) (id MeetingID, ok bool) {
	if len(s) > maxTypedMeetingID {
		return "", false
	}
	out := make([]byte, 0, len("k7qm-2f9x-w3dj-8hrt"))
	for i := range len(s) {
		c := s[i]
		if c == '-' || c == ' ' {
			continue
		}
		if len(out) == cap(out) {
			return "", false
		}
		if len(out)%5 == 4 {
			out = append(out, '-')
		}
		out = append(out, meetingLetter(c))
	}
	id = MeetingID(out)
	return id, id.Valid()
}

// meetingLetter is the letter that a person meant who typed c.
func meetingLetter(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	switch c {
	case 'o':
		return '0'
	case 'i', 'l':
		return '1'
	}
	return c
}

// Valid says whether id has the written form of a meeting id: four groups of four characters of MeetingAlphabet.
func (id MeetingID) Valid() bool {
	if len(id) != len("k7qm-2f9x-w3dj-8hrt") {
		return false
	}
	for i := range len(id) {
		if i%5 == 4 {
			if id[i] != '-' {
				return false
			}
		} else if strings.IndexByte(MeetingAlphabet, id[i]) < 0 {
			return false
		}
	}
	return true
}

// RID names a simulcast encoding (RFC 8851): a quarter, a half, or the full height.
type RID string

// Values implements Enum. The empty RID is the one encoding of a track without simulcast.
func (RID) Values() []string { return []string{"q", "h", "f", ""} }

// Delivery is how sign-in codes reach people now.
type Delivery string

// The ways.
const (
	DeliveryMail     Delivery = "mail"
	DeliveryFailing  Delivery = "failing"  // the mail server cannot be reached, or refuses the login
	DeliveryTerminal Delivery = "terminal" // codes are printed where the server runs
)

// Values implements Enum.
func (Delivery) Values() []string { return []string{"mail", "failing", "terminal"} }

// Role is a named set of permissions.
type Role string

// The roles.
const (
	RoleHost        Role = "host"
	RoleCohost      Role = "cohost"
	RoleParticipant Role = "participant"
	RoleViewer      Role = "viewer"
)

// Values implements Enum.
func (Role) Values() []string { return []string{"host", "cohost", "participant", "viewer"} }

// Kind says what a participant is, as all see it. Absent means KindPerson.
type Kind string

// The kinds.
const (
	KindPerson Kind = "person" // with a verified address
	KindGuest  Kind = "guest"  // a person of whom nothing is verified
	KindBot    Kind = "bot"    // a program: what it receives goes to its operator
	KindIngest Kind = "ingest" // a program that sends by WHIP (RFC 9725), with a key that a host made
	KindEgress Kind = "egress" // a program that receives by WHEP, with such a key: what it gets leaves the meeting
)

// Values implements Enum.
func (Kind) Values() []string { return []string{"person", "guest", "bot", "ingest", "egress"} }

// Stream says whether the participant is a stream: it has no socket, and a stream key instead of a person.
func (k Kind) Stream() bool { return k == KindIngest || k == KindEgress }

// Permission is one thing a role may do.
type Permission string

// The permissions.
const (
	PublishMic    Permission = "publish_mic"
	PublishCamera Permission = "publish_camera"
	PublishScreen Permission = "publish_screen"
	MayChat       Permission = "chat"
	MayAdmit      Permission = "admit"
	MayMute       Permission = "mute_others"
	MayRemove     Permission = "remove"
	MayLock       Permission = "lock"
	MaySpotlight  Permission = "spotlight"
	MayRoles      Permission = "roles"
	MayEnd        Permission = "end"
)

// Values implements Enum.
func (Permission) Values() []string {
	return []string{"publish_mic", "publish_camera", "publish_screen", "chat", "admit", "mute_others", "remove", "lock",
		"spotlight", "roles", "end"}
}

// ReactionKind is a short-lived reaction.
type ReactionKind string

// Values implements Enum.
func (ReactionKind) Values() []string {
	return []string{"thumbs_up", "clap", "heart", "laugh", "surprise", "party"}
}

// BroadcastKind says what a broadcast is, so that a client can tell what to do with it before opening it.
type BroadcastKind string

// The kinds of broadcasts.
const (
	BroadcastChat     BroadcastKind = "chat"
	BroadcastReaction BroadcastKind = "reaction"
	BroadcastApp      BroadcastKind = "app"   // what pages tell each other
	BroadcastGroup    BroadcastKind = "group" // what clients tell each other by themselves
)

// Values implements Enum.
func (BroadcastKind) Values() []string { return []string{"chat", "reaction", "app", "group"} }

// RefusedReason says why the server does not forward what a participant publishes.
type RefusedReason string

// NotEncrypted says that the frames are not SFrame (RFC 9605) in an end-to-end encrypted meeting.
const NotEncrypted RefusedReason = "not_encrypted"

// Values implements Enum.
func (RefusedReason) Values() []string { return []string{"not_encrypted"} }

// MediaFailure says why a participant's media connection failed or does not come up.
type MediaFailure string

// The failures.
const (
	FailedUDPBlocked  MediaFailure = "udp_blocked"
	FailedICE         MediaFailure = "ice_timeout"
	FailedDTLSTimeout MediaFailure = "dtls_timeout"
	FailedFingerprint MediaFailure = "fingerprint_mismatch"
	FailedNoProfile   MediaFailure = "no_common_srtp_profile"
	FailedDTLS        MediaFailure = "dtls_failed"
	FailedClosed      MediaFailure = "dtls_closed"
)

// Values implements Enum.
func (MediaFailure) Values() []string {
	return []string{"udp_blocked", "ice_timeout", "dtls_timeout", "fingerprint_mismatch", "no_common_srtp_profile",
		"dtls_failed", "dtls_closed"}
}

// LeftReason says why a participant is no longer on the roster.
type LeftReason string

// The reasons.
const (
	Left         LeftReason = "left"
	LeftLost     LeftReason = "lost"
	LeftRemoved  LeftReason = "removed"
	LeftReplaced LeftReason = "replaced"
	LeftIdle     LeftReason = "idle"
)

// Values implements Enum.
func (LeftReason) Values() []string { return []string{"left", "lost", "removed", "replaced", "idle"} }

// ByeReason says why the server closes a socket.
type ByeReason string

// The reasons.
const (
	ByeLeft          ByeReason = "left"
	ByeDenied        ByeReason = "denied"
	ByeRemoved       ByeReason = "removed"
	ByeBanned        ByeReason = "banned"
	ByeEnded         ByeReason = "ended"
	ByeExpired       ByeReason = "expired"
	ByeIdle          ByeReason = "idle"
	ByeReplaced      ByeReason = "replaced"
	ByeSignedOut     ByeReason = "signed_out"
	ByeSlowReader    ByeReason = "slow_reader"
	ByeRateLimited   ByeReason = "rate_limited"
	ByeProtocolError ByeReason = "protocol_error"
	ByeShuttingDown  ByeReason = "shutting_down"
	ByeMediaFailed   ByeReason = "media_failed"
	ByeInternal      ByeReason = "internal"
)

// Values implements Enum.
func (ByeReason) Values() []string {
	return []string{"left", "denied", "removed", "banned", "ended", "expired", "idle", "replaced", "signed_out",
		"slow_reader", "rate_limited", "protocol_error", "shutting_down", "media_failed", "internal"}
}

// LeavePolicy says what happens when the last host leaves.
type LeavePolicy string

// The policies.
const (
	WhenPromote LeavePolicy = "promote"
	WhenKeep    LeavePolicy = "keep"
	WhenEnd     LeavePolicy = "end"
)

// Values implements Enum.
func (LeavePolicy) Values() []string { return []string{"promote", "keep", "end"} }

// NoticeKind names a notice to everybody.
type NoticeKind string

// The notices.
const (
	Expiring     NoticeKind = "expiring"      // the hard end of the meeting comes
	Restarting   NoticeKind = "restarting"    // the server stops, and the meeting ends with it
	AuditStopped NoticeKind = "audit_stopped" // the audit log cannot be written: audited requests fail
	AuditResumed NoticeKind = "audit_resumed"
)

// Values implements Enum.
func (NoticeKind) Values() []string {
	return []string{"expiring", "restarting", "audit_stopped", "audit_resumed"}
}

// ErrorID is a stable machine id of an error, on the WebSocket and over HTTP.
type ErrorID string

// The errors of the protocol document.
const (
	ErrBadJSON           ErrorID = "bad_json"
	ErrUnknownType       ErrorID = "unknown_type"
	ErrInvalidRequest    ErrorID = "invalid_request"
	ErrTooLarge          ErrorID = "too_large"
	ErrVersion           ErrorID = "version"
	ErrNotJoined         ErrorID = "not_joined"
	ErrAlreadyJoined     ErrorID = "already_joined"
	ErrNoSuchMeeting     ErrorID = "no_such_meeting"
	ErrWrongPassword     ErrorID = "wrong_password" //nolint:gosec // an error id
	ErrMeetingFull       ErrorID = "meeting_full"
	ErrServerFull        ErrorID = "server_full"
	ErrMeetingLocked     ErrorID = "meeting_locked"
	ErrBanned            ErrorID = "banned"
	ErrResumeFailed      ErrorID = "resume_failed"
	ErrNotPermitted      ErrorID = "not_permitted"
	ErrNotAllowed        ErrorID = "not_allowed"
	ErrNoSuchParticipant ErrorID = "no_such_participant"
	ErrBadOffer          ErrorID = "bad_offer"
	ErrNoMedia           ErrorID = "no_media"
	ErrE2EERequired      ErrorID = "e2ee_required"
	ErrRateLimited       ErrorID = "rate_limited"
	ErrUnauthenticated   ErrorID = "unauthenticated"
	ErrBadOrigin         ErrorID = "bad_origin"
	ErrInternal          ErrorID = "internal"
	ErrInvalidEmail      ErrorID = "invalid_email"
	ErrInvalidCode       ErrorID = "invalid_code"
	ErrCodeExpired       ErrorID = "code_expired"
	ErrProofNeeded       ErrorID = "proof_needed"
	ErrAuditUnavailable  ErrorID = "audit_unavailable"
	ErrNotFound          ErrorID = "not_found"
	ErrMethodNotAllowed  ErrorID = "method_not_allowed"
	ErrUnknownHost       ErrorID = "unknown_host"
	ErrHTTPSOnly         ErrorID = "https_only"
	ErrChallengeExpired  ErrorID = "challenge_expired"
	ErrIdentityPresent   ErrorID = "identity_present"
	ErrNotTaken          ErrorID = "not_taken"
	ErrLogGone           ErrorID = "log_gone"
)

// Values implements Enum.
func (ErrorID) Values() []string {
	return []string{"bad_json", "unknown_type", "invalid_request", "too_large", "version", "not_joined", "already_joined",
		"no_such_meeting", "wrong_password", "meeting_full", "server_full", "meeting_locked", "banned", "resume_failed",
		"not_permitted", "not_allowed", "no_such_participant", "bad_offer", "no_media", "e2ee_required", "rate_limited", "unauthenticated",
		"bad_origin", "internal", "invalid_email", "invalid_code", "code_expired",
		"proof_needed", "audit_unavailable", "not_found", "method_not_allowed", "unknown_host", "https_only", "challenge_expired",
		"identity_present", "not_taken", "log_gone"}
}

// Fatal says whether a bye and the close of the socket follow an error with this id.
func (e ErrorID) Fatal() bool {
	switch e {
	case ErrBadJSON, ErrTooLarge, ErrVersion, ErrNoSuchMeeting, ErrMeetingFull, ErrServerFull, ErrMeetingLocked, ErrBanned:
		return true
	default:
		return false
	}
}
