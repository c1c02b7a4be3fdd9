package protocol

import "time"

// The messages of the server.

// OK is the reply to a request that has no reply of its own.
type OK struct {
	ID RequestID `json:"id" bound:"1..2147483647"`
}

func (*OK) serverMessage() {}

// StreamKeyMade is the reply to StreamKey. The key is told only here: the server keeps its hash. Number names it in
// RevokeStreamKey.
type StreamKeyMade struct {
	ID     RequestID `json:"id" bound:"1..2147483647"`
	Number int       `json:"number" bound:"1..2147483647"`
	Kind   Kind      `json:"kind"`
	Key    string    `json:"key" bound:"64..64" text:"hex"`
}

func (*StreamKeyMade) serverMessage() {}

// Breakouts is the reply to OpenBreakouts: the addresses of the rooms.
type Breakouts struct {
	ID       RequestID   `json:"id" bound:"1..2147483647"`
	Meetings []MeetingID `json:"meetings" bound:"1..20"`
}

func (*Breakouts) serverMessage() {}

// Lobby says that the participant waits to be admitted. It is sent again, without id, when a value changes.
type Lobby struct {
	ID           RequestID `json:"id,omitempty" bound:"1..2147483647"`
	Title        string    `json:"title" bound:"0..80"`
	Waiting      int       `json:"waiting"`
	HostsPresent bool      `json:"hosts_present"`
}

func (*Lobby) serverMessage() {}

// Welcome says that the participant is in. Admit is what a host signed about it.
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
	ICEServers   []ICEServer       `json:"ice_servers,omitempty" bound:"1..8"`
}

func (*Welcome) serverMessage() {}

// ICEServer is a TURN server of this machine as a PeerConnection's iceServers take it (W3C WebRTC §4.2.2). The
// credential ends with the seat that it was made for.
type ICEServer struct {
	URLs       []string `json:"urls" bound:"1..8"`
	Username   string   `json:"username" bound:"1..128"`
	Credential string   `json:"credential" bound:"1..128"`
}

// MeetingState is what a Welcome tells of the meeting. E2EE never changes in the life of a meeting. Spotlight is
// absent if there is none.
type MeetingState struct {
	Meeting      MeetingID   `json:"meeting"`
	Title        string      `json:"title" bound:"0..80"`
	Locked       bool        `json:"locked"`
	Lobby        bool        `json:"lobby"`
	E2EE         bool        `json:"e2ee"`
	PrivateAudio bool        `json:"private_audio,omitempty"`
	Confidential bool        `json:"confidential,omitempty"`
	NoChat       bool        `json:"no_chat,omitempty"`
	Spotlight    Participant `json:"spotlight,omitempty" bound:"1..4294967295"`
	ExpiresAt    time.Time   `json:"expires_at"`
	ServerTime   time.Time   `json:"server_time"`
}

// RosterEntry is a participant as the others see it. Hand is 0 or the place in the order of raised hands. In an
// end-to-end encrypted meeting Name is empty and Announce is what the participant joined with; Admit is what a host
// signed.
type RosterEntry struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Name        string      `json:"name" bound:"0..64"`
	Role        Role        `json:"role"`
	Sources     []Source    `json:"sources" bound:"0..4"`
	Hand        int         `json:"hand"`
	Connected   bool        `json:"connected"`
	Kind        Kind        `json:"kind,omitempty"`
	Announce    string      `json:"announce,omitempty" bound:"33..512" text:"base64url"`
	Admit       string      `json:"admit,omitempty" bound:"1..1024" text:"base64url"`
}

// WaitingEntry is a person in the lobby, as those who may admit see it. Email is the verified address.
type WaitingEntry struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Name        string      `json:"name" bound:"0..64"`
	Email       string      `json:"email,omitempty"`
	Since       time.Time   `json:"since"`
	Kind        Kind        `json:"kind,omitempty"`
	Announce    string      `json:"announce,omitempty" bound:"33..512" text:"base64url"`
}

// Answer is the SDP answer to an offer.
type Answer struct {
	ID  RequestID `json:"id" bound:"1..2147483647"`
	SDP string    `json:"sdp"`
}

func (*Answer) serverMessage() {}

// Slots tells which slots changed what they carry. Withheld, when present, is the whole list.
type Slots struct {
	Slots    []Slot     `json:"slots"`
	Withheld []Withheld `json:"withheld,omitzero"`
}

func (*Slots) serverMessage() {}

// Encode tells a publisher which encodings of a source anybody wants.
type Encode struct {
	Source Source `json:"source"`
	RIDs   []RID  `json:"rids" bound:"0..4"`
}

func (*Encode) serverMessage() {}

// Roster is a batch of changes of who is there.
type Roster struct {
	Joined  []RosterEntry `json:"joined,omitempty"`
	Changed []RosterEntry `json:"changed,omitempty"`
	Left    []LeftEntry   `json:"left,omitempty"`
}

func (*Roster) serverMessage() {}

// LeftEntry is one who is no longer there.
type LeftEntry struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Reason      LeftReason  `json:"reason"`
}

// Speakers is who speaks now, loudest first.
type Speakers struct {
	Speakers []Participant `json:"speakers"`
}

func (*Speakers) serverMessage() {}

// ChatEvent is something said. To is set when it went to one participant.
type ChatEvent struct {
	From Participant `json:"from" bound:"1..4294967295"`
	To   Participant `json:"to,omitempty" bound:"1..4294967295"`
	Text string      `json:"text" bound:"1..2000"`
	At   time.Time   `json:"at"`
}

func (*ChatEvent) serverMessage() {}

// AppEvent is what another page tells. To is set when it went to one participant.
type AppEvent struct {
	From Participant `json:"from" bound:"1..4294967295"`
	To   Participant `json:"to,omitempty" bound:"1..4294967295"`
	Text string      `json:"text" bound:"1..8000"`
}

func (*AppEvent) serverMessage() {}

// Reaction is a reaction shown.
type Reaction struct {
	From     Participant  `json:"from" bound:"1..4294967295"`
	Reaction ReactionKind `json:"reaction"`
}

func (*Reaction) serverMessage() {}

// Waiting is the lobby's queue (its first 256), for those who may admit.
type Waiting struct {
	Waiting []WaitingEntry `json:"waiting" bound:"0..256"`
}

func (*Waiting) serverMessage() {}

// Muted tells a participant that By muted sources of theirs.
type Muted struct {
	By      Participant `json:"by" bound:"1..4294967295"`
	Sources []Source    `json:"sources" bound:"1..4"`
}

func (*Muted) serverMessage() {}

// AskUnmuteEvent tells a participant that By asks them to switch sources on.
type AskUnmuteEvent struct {
	By      Participant `json:"by" bound:"1..4294967295"`
	Sources []Source    `json:"sources" bound:"1..4"`
}

func (*AskUnmuteEvent) serverMessage() {}

// Permissions tells a participant its new role.
type Permissions struct {
	Role        Role         `json:"role"`
	Permissions []Permission `json:"permissions" bound:"0..16"`
}

func (*Permissions) serverMessage() {}

// PolicyEvent tells everybody the meeting's lock and lobby.
type PolicyEvent struct {
	Locked bool `json:"locked"`
	Lobby  bool `json:"lobby"`
}

func (*PolicyEvent) serverMessage() {}

// SpotlightEvent tells everyone whom By put in the spotlight. Participant 0 is none; By is absent when the participant
// in it has left.
type SpotlightEvent struct {
	Participant Participant `json:"participant" bound:"0..4294967295"`
	By          Participant `json:"by,omitempty" bound:"1..4294967295"`
}

func (*SpotlightEvent) serverMessage() {}

// TimerEvent tells everybody how the countdown stands. LeftMS is what is left of it as the server sends this, 0 for
// none; By is who changed it, absent for a newcomer.
type TimerEvent struct {
	LeftMS int         `json:"left_ms" bound:"0..172800000"`
	By     Participant `json:"by,omitempty" bound:"1..4294967295"`
}

func (*TimerEvent) serverMessage() {}

// Quality tells of the connections that changed.
type Quality struct {
	Quality []QualityOf `json:"quality"`
}

func (*Quality) serverMessage() {}

// Relays delivers what others relayed to this client, in the order in which it came to the server.
type Relays struct {
	Relays []Relayed `json:"relays"`
}

func (*Relays) serverMessage() {}

// Relayed is one delivery. From is the server's word.
type Relayed struct {
	From Participant `json:"from" bound:"1..4294967295"`
	Data string      `json:"data" bound:"1..2048" text:"base64url"`
}

// BroadcastEvent is what a participant broadcast; its sender gets it too.
type BroadcastEvent struct {
	From Participant   `json:"from" bound:"1..4294967295"`
	Kind BroadcastKind `json:"kind"`
	At   time.Time     `json:"at"`
	Data string        `json:"data" bound:"1..12288" text:"base64url"`
}

func (*BroadcastEvent) serverMessage() {}

// Group tells a client how the log of an end-to-end encrypted meeting stands: after each Welcome, and when who is to
// found the group changes. ServerKey is the Ed25519 key by which the server signs removals. Position is that of the
// newest entry. GroupID is there once the group has its first commit, and Epoch is then what the newest candidate is
// of. Found asks the client to found the group.
type Group struct {
	ServerKey string `json:"server_key" bound:"32..32" text:"base64url"`
	GroupID   string `json:"group_id,omitempty" bound:"16..16" text:"base64url"`
	Position  int    `json:"position" bound:"0..9007199254740991"`
	Epoch     int    `json:"epoch" bound:"0..9007199254740991"`
	Found     bool   `json:"found,omitempty"`
}

func (*Group) serverMessage() {}

// KeyPackages gives a member key packages of those who want to be added. Turn is the member's place among those who
// have them.
type KeyPackages struct {
	Turn     int            `json:"turn" bound:"0..3"`
	Packages []KeyPackageOf `json:"packages" bound:"1..64"`
}

func (*KeyPackages) serverMessage() {}

// KeyPackageOf is one participant's KeyPackage.
type KeyPackageOf struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Data        string      `json:"data" bound:"1..2048" text:"base64url"`
}

// Log brings entries of the log, in the order of their positions: new ones to everybody, and those asked for.
type Log struct {
	Entries []LogEntry `json:"entries"`
}

func (*Log) serverMessage() {}

// LogEntry is an MLSMessage with a PublicMessage that holds a commit or a proposal. From is who sent it, 0 for the
// server.
type LogEntry struct {
	Position int         `json:"position" bound:"1..9007199254740991"`
	From     Participant `json:"from" bound:"0..4294967295"`
	Data     string      `json:"data" bound:"1..131072" text:"base64url"`
}

// Secrets tells those whom a candidate adds what they need to come in. All of them get the same: each finds itself in
// Joiners, and opens only its own. Position is the candidate's in the log.
type Secrets struct {
	Position  int      `json:"position" bound:"1..9007199254740991"`
	GroupInfo string   `json:"group_info" bound:"1..524288" text:"base64url"`
	Joiners   []Joiner `json:"joiners" bound:"1..64"`
}

func (*Secrets) serverMessage() {}

// StuckEvent tells those who may remove that a participant cannot follow a commit.
type StuckEvent struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Epoch       int         `json:"epoch" bound:"0..9007199254740991"`
	Hash        string      `json:"hash" bound:"32..32" text:"base64url"`
}

func (*StuckEvent) serverMessage() {}

// MediaRefused tells a publisher that the server forwards nothing more of a source, and why.
type MediaRefused struct {
	Source Source        `json:"source"`
	Reason RefusedReason `json:"reason"`
}

func (*MediaRefused) serverMessage() {}

// Warnings tell a client what of its latest offer is lost, though the offer was answered.
type Warnings struct {
	Warnings []Warning `json:"warnings" bound:"1..128"`
}

func (*Warnings) serverMessage() {}

// Warning is about one m-line.
type Warning struct {
	MID     string      `json:"mid" bound:"1..16"`
	Warning WarningKind `json:"warning"`
	Message string      `json:"message"`
}

// MediaFailed tells a client why its media doesn't flow. If it is Final the connection is lost for good, and a new
// offer makes another. Else it may still come up.
type MediaFailed struct {
	Reason  MediaFailure `json:"reason"`
	Final   bool         `json:"final"`
	Message string       `json:"message"`
}

func (*MediaFailed) serverMessage() {}

// Notice announces something to everybody.
type Notice struct {
	Notice  NoticeKind `json:"notice"`
	Seconds int        `json:"in_s"`
}

func (*Notice) serverMessage() {}

// Idle asks whether anybody is there; without Active within Seconds the participant is signed out of the meeting.
type Idle struct {
	Seconds int `json:"in_s"`
}

func (*Idle) serverMessage() {}

// Bye is the last message before the server closes the socket.
type Bye struct {
	Reason  ByeReason `json:"reason"`
	Message string    `json:"message"`
}

func (*Bye) serverMessage() {}

// Error is the reply to a request that failed. ID is absent when none could be read.
type Error struct {
	ID      RequestID `json:"id,omitempty" bound:"1..2147483647"`
	Error   ErrorID   `json:"error"`
	Message string    `json:"message"`
	Fatal   bool      `json:"fatal"`
	// RetryAfterS is in how many seconds to try again; absent where it makes no difference.
	RetryAfterS int `json:"retry_after_s,omitempty" bound:"1..3600"`
}

func (*Error) serverMessage() {}
