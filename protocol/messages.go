package protocol

import "time"

// Message is a message in either direction.
type Message interface {
	// Type is the message's "type" on the wire.
	Type() string
}

// ClientMessage is a message that a client sends.
type ClientMessage interface {
	Message
	// Request is the id that the reply echoes.
	Request() RequestID
}

// ServerMessage is a message that the server sends.
type ServerMessage interface {
	Message
	serverMessage()
}

// Join asks for a seat in a meeting: the first message of every socket. With Resume it takes an earlier seat back. In an
// end-to-end encrypted meeting Announce is there and Name is empty: names travel sealed.
type Join struct {
	ID       RequestID `json:"id" bound:"1..2147483647"`
	Version  int       `json:"version"`
	Meeting  MeetingID `json:"meeting"`
	Name     string    `json:"name" bound:"0..64" text:"line"`
	Announce string    `json:"announce,omitempty" bound:"1..1024" text:"base64url"`
	Password string    `json:"password,omitempty" bound:"1..128"`
	Resume   string    `json:"resume,omitempty" bound:"64..64" text:"hex"`
}

// Offer is an SDP offer (RFC 8866, RFC 8829) with what its sending m-lines publish.
type Offer struct {
	ID     RequestID `json:"id" bound:"1..2147483647"`
	SDP    string    `json:"sdp" bound:"1..262144"`
	Tracks []Track   `json:"tracks" bound:"0..4"`
}

// Track names what an m-line of an offer publishes. An m-line is named once, and a source at most once.
type Track struct {
	MID    string `json:"mid" bound:"1..16" text:"token"`
	Source Source `json:"source"`
}

// Media is the state of the person's own switches. A source that is not listed is muted.
type Media struct {
	ID      RequestID `json:"id" bound:"1..2147483647"`
	Sources []Source  `json:"sources" bound:"0..4"`
}

// View is what the client shows, most important first. It replaces the view before.
type View struct {
	ID    RequestID `json:"id" bound:"1..2147483647"`
	Wants []Want    `json:"wants" bound:"0..64"`
}

// Want is one track of a view. Height is in device pixels.
type Want struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Source      Source      `json:"source"`
	Height      int         `json:"height" bound:"1..4320"`
}

// Chat says something to everybody, or to one participant.
type Chat struct {
	ID   RequestID   `json:"id" bound:"1..2147483647"`
	Text string      `json:"text" bound:"1..2000" text:"lines"`
	To   Participant `json:"to,omitempty" bound:"1..4294967295"`
}

// React shows a reaction to everybody.
type React struct {
	ID       RequestID    `json:"id" bound:"1..2147483647"`
	Reaction ReactionKind `json:"reaction"`
}

// Hand raises or lowers one's own hand; with Participant, a host lowers somebody's.
type Hand struct {
	ID          RequestID   `json:"id" bound:"1..2147483647"`
	Raised      bool        `json:"raised"`
	Participant Participant `json:"participant,omitempty" bound:"1..4294967295"`
}

// Admit lets people in from the lobby: those named, or all. In an end-to-end encrypted meeting it is those of Admissions;
// Participants, if there, names the same.
type Admit struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants,omitempty" bound:"1..256"`
	All          bool          `json:"all,omitempty"`
	Admissions   []Admission   `json:"admissions,omitempty" bound:"1..256"`
}

// Deny sends people in the lobby away.
type Deny struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants" bound:"1..256"`
}

// Mute stops sources of others: those named, or everybody else.
type Mute struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants,omitempty" bound:"1..256"`
	All          bool          `json:"all,omitempty"`
	Sources      []Source      `json:"sources" bound:"1..4"`
}

// AskUnmute asks people to switch sources on. It is a request, never an act.
type AskUnmute struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants" bound:"1..256"`
	Sources      []Source      `json:"sources" bound:"1..4"`
}

// Remove puts people out. With Ban their verified addresses cannot come back to this meeting.
type Remove struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants" bound:"1..256"`
	Ban          bool          `json:"ban,omitempty"`
}

// SetRole gives a participant another role. Making another host hands over. Grant is what the host signed about it, in an
// end-to-end encrypted meeting.
type SetRole struct {
	ID          RequestID   `json:"id" bound:"1..2147483647"`
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Role        Role        `json:"role"`
	Grant       string      `json:"grant,omitempty" bound:"1..1024" text:"base64url"`
}

// Spotlight shows a participant large to everybody who has not pinned somebody; 0 ends it.
type Spotlight struct {
	ID          RequestID   `json:"id" bound:"1..2147483647"`
	Participant Participant `json:"participant" bound:"0..4294967295"`
}

// SetPolicy changes the meeting's lock and lobby. A field that is absent stays as it is.
type SetPolicy struct {
	ID     RequestID `json:"id" bound:"1..2147483647"`
	Locked *bool     `json:"locked,omitempty"`
	Lobby  *bool     `json:"lobby,omitempty"`
}

// End ends the meeting for all.
type End struct {
	ID RequestID `json:"id" bound:"1..2147483647"`
}

// Active answers Idle: somebody is there.
type Active struct {
	ID RequestID `json:"id" bound:"1..2147483647"`
}

// Leave gives the seat up. In an end-to-end encrypted meeting the last host may name to whom the meeting falls, with what it signed about
// them; both or none.
type Leave struct {
	ID    RequestID   `json:"id" bound:"1..2147483647"`
	Heir  Participant `json:"heir,omitempty" bound:"1..4294967295"`
	Grant string      `json:"grant,omitempty" bound:"1..1024" text:"base64url"`
}

// OK is the reply to a request that has no reply of its own.
type OK struct {
	ID RequestID `json:"id" bound:"1..2147483647"`
}

// Lobby says that the participant waits to be admitted. It is sent again, without id, when a count changes. Hosts are those who
// may admit, in an end-to-end encrypted meeting.
type Lobby struct {
	ID           RequestID   `json:"id,omitempty" bound:"1..2147483647"`
	Title        string      `json:"title" bound:"0..80"`
	Waiting      int         `json:"waiting"`
	HostsPresent bool        `json:"hosts_present"`
	Hosts        []LobbyHost `json:"hosts,omitempty" bound:"0..16"`
}

// Welcome says that the participant is in. Admit and Grant are what hosts signed about it.
type Welcome struct {
	ID           RequestID         `json:"id" bound:"1..2147483647"`
	Version      int               `json:"version"`
	Participant  Participant       `json:"participant" bound:"1..4294967295"`
	Role         Role              `json:"role"`
	Permissions  []Permission      `json:"permissions" bound:"0..16"`
	Resume       string            `json:"resume"`
	Resumed      bool              `json:"resumed"`
	Meeting      MeetingState      `json:"meeting"`
	Participants []RosterEntry     `json:"participants"`
	Waiting      []WaitingEntry    `json:"waiting" bound:"0..256"`
	RoleNames    map[string]string `json:"role_names,omitempty"`
	Admit        string            `json:"admit,omitempty" bound:"1..1024" text:"base64url"`
	Grant        string            `json:"grant,omitempty" bound:"1..1024" text:"base64url"`
}

// MeetingState is what a Welcome tells of the meeting. E2EE never changes in the life of a meeting. Spotlight is absent for
// nobody.
type MeetingState struct {
	Meeting      MeetingID   `json:"meeting"`
	Title        string      `json:"title" bound:"0..80"`
	Locked       bool        `json:"locked"`
	Lobby        bool        `json:"lobby"`
	E2EE         bool        `json:"e2ee"`
	PrivateAudio bool        `json:"private_audio,omitempty"`
	Spotlight    Participant `json:"spotlight,omitempty" bound:"1..4294967295"`
	ExpiresAt    time.Time   `json:"expires_at"`
	ServerTime   time.Time   `json:"server_time"`
}

// RosterEntry is a participant as the others see it. Hand is 0 or the place in the order of raised hands. In an end-to-end
// encrypted meeting Name is empty and Announce is what the participant joined with; Admit and Grant are what hosts signed.
type RosterEntry struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Name        string      `json:"name" bound:"0..64"`
	Role        Role        `json:"role"`
	Sources     []Source    `json:"sources" bound:"0..4"`
	Hand        int         `json:"hand"`
	Connected   bool        `json:"connected"`
	Kind        Kind        `json:"kind,omitempty"`
	Announce    string      `json:"announce,omitempty" bound:"1..1024" text:"base64url"`
	Admit       string      `json:"admit,omitempty" bound:"1..1024" text:"base64url"`
	Grant       string      `json:"grant,omitempty" bound:"1..1024" text:"base64url"`
}

// WaitingEntry is a person in the lobby, as those who may admit see it. Email is the verified address.
type WaitingEntry struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Name        string      `json:"name" bound:"0..64"`
	Email       string      `json:"email,omitempty"`
	Since       time.Time   `json:"since"`
	Kind        Kind        `json:"kind,omitempty"`
	Announce    string      `json:"announce,omitempty" bound:"1..1024" text:"base64url"`
}

// Answer is the SDP answer to an offer.
type Answer struct {
	ID  RequestID `json:"id" bound:"1..2147483647"`
	SDP string    `json:"sdp"`
}

// Slots tells which slots changed what they carry. Withheld, when present, is the whole list.
type Slots struct {
	Slots    []Slot     `json:"slots"`
	Withheld []Withheld `json:"withheld,omitzero"`
}

// Slot is what one receiving m-line carries. Participant 0 means nothing; then Source and Height are absent.
type Slot struct {
	MID         string      `json:"mid" bound:"1..16"`
	Participant Participant `json:"participant"`
	Source      Source      `json:"source,omitempty"`
	Height      int         `json:"height,omitempty"`
}

// Withheld is one wanted track that is not sent.
type Withheld struct {
	Participant Participant    `json:"participant" bound:"1..4294967295"`
	Source      Source         `json:"source"`
	Reason      WithheldReason `json:"reason"`
}

// Encode tells a publisher which encodings of a source anybody wants.
type Encode struct {
	Source Source `json:"source"`
	RIDs   []RID  `json:"rids" bound:"0..4"`
}

// Roster is a batch of changes of who is there.
type Roster struct {
	Joined  []RosterEntry `json:"joined,omitempty"`
	Changed []RosterEntry `json:"changed,omitempty"`
	Left    []LeftEntry   `json:"left,omitempty"`
}

// LeftEntry is one who is no longer there.
type LeftEntry struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Reason      LeftReason  `json:"reason"`
}

// Speakers is who speaks now, loudest first.
type Speakers struct {
	Speakers []Participant `json:"speakers"`
}

// ChatEvent is something said. To is set when it went to one participant.
type ChatEvent struct {
	From Participant `json:"from" bound:"1..4294967295"`
	To   Participant `json:"to,omitempty" bound:"1..4294967295"`
	Text string      `json:"text" bound:"1..2000"`
	At   time.Time   `json:"at"`
}

// Reaction is a reaction shown.
type Reaction struct {
	From     Participant  `json:"from" bound:"1..4294967295"`
	Reaction ReactionKind `json:"reaction"`
}

// Waiting is the lobby's queue (its first 256), for those who may admit.
type Waiting struct {
	Waiting []WaitingEntry `json:"waiting" bound:"0..256"`
}

// Muted tells a participant that somebody muted sources of theirs.
type Muted struct {
	By      Participant `json:"by" bound:"1..4294967295"`
	Sources []Source    `json:"sources" bound:"1..4"`
}

// AskUnmuteEvent tells a participant that somebody asks them to switch sources on.
type AskUnmuteEvent struct {
	By      Participant `json:"by" bound:"1..4294967295"`
	Sources []Source    `json:"sources" bound:"1..4"`
}

// Permissions tells a participant its new role.
type Permissions struct {
	Role        Role         `json:"role"`
	Permissions []Permission `json:"permissions" bound:"0..16"`
}

// SpotlightEvent tells everybody whom By put in the spotlight. Participant 0 is nobody; By is absent when the one who was in it
// left.
type SpotlightEvent struct {
	Participant Participant `json:"participant" bound:"0..4294967295"`
	By          Participant `json:"by,omitempty" bound:"1..4294967295"`
}

// Quality tells of the connections that changed.
type Quality struct {
	Quality []QualityOf `json:"quality"`
}

// QualityOf is how good one participant's connection is: Bars from 0 (lost) to 4 (excellent).
type QualityOf struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Bars        int         `json:"bars" bound:"0..4"`
}

// PolicyEvent tells everybody the meeting's lock and lobby.
type PolicyEvent struct {
	Locked bool `json:"locked"`
	Lobby  bool `json:"lobby"`
}

// Notice announces something to everybody.
type Notice struct {
	Notice  NoticeKind `json:"notice"`
	Seconds int        `json:"in_s"`
}

// Idle asks whether anybody is there; without Active within Seconds the participant is signed out of the meeting.
type Idle struct {
	Seconds int `json:"in_s"`
}

// Bye is the last message before the server closes the socket.
type Bye struct {
	Reason  ByeReason `json:"reason"`
	Message string    `json:"message"`
}

// Error is the reply to a request that failed. ID is absent when none could be read.
type Error struct {
	ID      RequestID `json:"id,omitempty" bound:"1..2147483647"`
	Error   ErrorID   `json:"error"`
	Message string    `json:"message"`
	Fatal   bool      `json:"fatal"`
}
