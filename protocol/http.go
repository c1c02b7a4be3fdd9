package protocol

import "time"

// Config is the answer of GET /api/config: what a page may know before sign-in.
type Config struct {
	Name        string `json:"name"`
	Operator    string `json:"operator"`
	Version     string `json:"version"`
	CodeDigits  int    `json:"code_digits" bound:"6..8"`
	MaxMeetingS int    `json:"max_meeting_s"`
	Guests      bool   `json:"guests"`
	// Confidential says that every meeting is.
	Confidential bool `json:"confidential"`
	Audited      bool `json:"audited"` // who does what and when is recorded, never content
}

// CodeRequest is the body of POST /api/auth/code.
type CodeRequest struct {
	Email string `json:"email" bound:"3..254"`
}

// Code is the answer of POST /api/auth/code.
type Code struct {
	ExpiresInS int `json:"expires_in_s"`
	ResendInS  int `json:"resend_in_s"`
	Digits     int `json:"digits"`

	Delivery Delivery `json:"delivery"`
}

// CodeState is the answer of GET /api/auth/code.
type CodeState struct {
	Delivery Delivery `json:"delivery"`
}

// VerifyRequest is the body of POST /api/auth/verify.
type VerifyRequest struct {
	Code string `json:"code" bound:"6..8"`
}

// GuestRequest is the body of POST /api/auth/guest: an empty object.
type GuestRequest struct{}

// Session is the answer of POST /api/auth/verify, POST /api/auth/guest and GET /api/auth/session. Guests and bots
// have no Email.
type Session struct {
	Email     string    `json:"email,omitempty"`
	Guest     bool      `json:"guest,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	CanHost   bool      `json:"can_host"`
	MayAttack bool      `json:"may_attack,omitempty"`
}

// Create is the body of POST /api/meetings. Absent fields take the documented defaults. E2EE says whether media and
// texts are encrypted end to end (the default); it cannot be changed later. PrivateAudio, in such a meeting, keeps
// from the server who speaks when.
type Create struct {
	Title          string      `json:"title,omitempty" bound:"0..80" text:"line"`
	Password       string      `json:"password,omitempty" bound:"1..128"`
	Lobby          *bool       `json:"lobby,omitempty"`
	WhenHostLeaves LeavePolicy `json:"when_host_leaves,omitempty"`
	E2EE           *bool       `json:"e2ee,omitempty"`
	PrivateAudio   bool        `json:"private_audio,omitempty"`
	Confidential   bool        `json:"confidential,omitempty"`
	Guests         *bool       `json:"guests,omitempty"`
	// Room asks for an address that lasts.
	Room *Room `json:"room,omitempty"`
}

// Room proves that an address is the asking person's (docs/rooms.md).
type Room struct {
	Key       string `json:"key" bound:"32..32" text:"base64url"`
	Nonce     string `json:"nonce" bound:"16..16" text:"base64url"`
	Challenge string `json:"challenge" bound:"32..32" text:"base64url"`
	Proof     string `json:"proof" bound:"64..64" text:"base64url"`
}

// ChallengeRequest is the body of POST /api/rooms/challenge: an empty object.
type ChallengeRequest struct{}

// Challenge is the answer of POST /api/rooms/challenge.
type Challenge struct {
	Challenge string `json:"challenge" bound:"32..32" text:"base64url"`
}

// Opened is the answer of GET /api/meetings/{id}/opened.
type Opened struct {
	Open bool `json:"open"`
}

// Created is the answer of POST /api/meetings.
type Created struct {
	Meeting   MeetingID `json:"meeting"`
	E2EE      bool      `json:"e2ee"`
	ExpiresAt time.Time `json:"expires_at"`
}

// MeetingInfo is the answer of GET /api/meetings/{id}.
type MeetingInfo struct {
	Meeting      MeetingID `json:"meeting"`
	Title        string    `json:"title" bound:"0..80"`
	Password     bool      `json:"password"`
	Lobby        bool      `json:"lobby"`
	Locked       bool      `json:"locked"`
	E2EE         bool      `json:"e2ee"`
	Confidential bool      `json:"confidential,omitempty"`
	Guests       bool      `json:"guests,omitempty"`
	Host         bool      `json:"host"`
	Participants int       `json:"participants"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// PathCheckRequest is the body of POST /api/check: an empty object.
type PathCheckRequest struct{}

// PathCheck is the answer of POST /api/check: all that a client needs to try each way to this server's media port. What
// answers is an echo that knows no meeting.
type PathCheck struct {
	ExpiresInS  int         `json:"expires_in_s"`
	ICEUfrag    string      `json:"ice_ufrag" bound:"4..256"`
	ICEPwd      string      `json:"ice_pwd" bound:"22..256"`
	Fingerprint string      `json:"fingerprint"`
	Candidates  []string    `json:"candidates" bound:"1..64"`
	ICEServers  []ICEServer `json:"ice_servers" bound:"0..8"`
}

// HTTPError is the body of every HTTP answer that is not 2xx.
type HTTPError struct {
	Error       ErrorID `json:"error"`
	Message     string  `json:"message"`
	RetryAfterS int     `json:"retry_after_s,omitempty"`
	// Puzzle, Parts and Bits belong to proof_needed.
	Puzzle string `json:"puzzle,omitempty"`
	Parts  int    `json:"parts,omitempty"`
	Bits   int    `json:"bits,omitempty"`
}
