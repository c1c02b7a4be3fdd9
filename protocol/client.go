package protocol

// The messages of clients.

// What the messages of end-to-end encrypted meetings carry is opaque to the server: base64url without padding (RFC 4648
// §5), whose bounds are in bytes of what it encodes. docs/e2ee.md says what clients put in.

// Join asks for a seat in a meeting: the first message of every socket. With Resume it takes an earlier seat back. In
// an end-to-end encrypted meeting Announce is there and Name is empty: names travel sealed. Announce begins with the 32
// bytes of the identity key, by which one device is known; all else of it is opaque. With Switch the seat that this
// person has with the same key ends. Admit is there if the client holds what admits it: the room's owner does.
type Join struct {
	ID       RequestID `json:"id" bound:"1..2147483647"`
	Version  int       `json:"version"`
	Meeting  MeetingID `json:"meeting"`
	Name     string    `json:"name" bound:"0..64" text:"line"`
	Announce string    `json:"announce,omitempty" bound:"33..512" text:"base64url"`
	Admit    string    `json:"admit,omitempty" bound:"1..1024" text:"base64url"`
	Switch   bool      `json:"switch,omitempty"`
	Password string    `json:"password,omitempty" bound:"1..128"`
	Resume   string    `json:"resume,omitempty" bound:"64..64" text:"hex"`
}

// Request implements ClientMessage.
func (m *Join) Request() RequestID { return m.ID }

// Offer is an SDP offer (RFC 8866, RFC 8829) with what its sending m-lines publish.
type Offer struct {
	ID     RequestID `json:"id" bound:"1..2147483647"`
	SDP    string    `json:"sdp" bound:"1..262144"`
	Tracks []Track   `json:"tracks" bound:"0..4"`
}

// Request implements ClientMessage.
func (m *Offer) Request() RequestID { return m.ID }

// Media is the state of the person's own switches. A source that is not listed is muted.
type Media struct {
	ID      RequestID `json:"id" bound:"1..2147483647"`
	Sources []Source  `json:"sources" bound:"0..4"`
}

// Request implements ClientMessage.
func (m *Media) Request() RequestID { return m.ID }

// View is what the client shows, most important first. It replaces the view before.
type View struct {
	ID    RequestID `json:"id" bound:"1..2147483647"`
	Wants []Want    `json:"wants" bound:"0..64"`
}

// Request implements ClientMessage.
func (m *View) Request() RequestID { return m.ID }

// Chat says something to everybody, or to one participant.
type Chat struct {
	ID   RequestID   `json:"id" bound:"1..2147483647"`
	Text string      `json:"text" bound:"1..2000" text:"lines"`
	To   Participant `json:"to,omitempty" bound:"1..4294967295"`
}

// Request implements ClientMessage.
func (m *Chat) Request() RequestID { return m.ID }

// App carries what pages tell each other, in a plain meeting: to everybody, or to one participant. The server reads
// nothing of it but its bounds; docs/client.md says what clients put in.
type App struct {
	ID   RequestID   `json:"id" bound:"1..2147483647"`
	Text string      `json:"text" bound:"1..8000" text:"lines"`
	To   Participant `json:"to,omitempty" bound:"1..4294967295"`
}

// Request implements ClientMessage.
func (m *App) Request() RequestID { return m.ID }

// React shows a reaction to everybody.
type React struct {
	ID       RequestID    `json:"id" bound:"1..2147483647"`
	Reaction ReactionKind `json:"reaction"`
}

// Request implements ClientMessage.
func (m *React) Request() RequestID { return m.ID }

// Hand raises or lowers one's own hand; with Participant, a host lowers another's; with All, a host lowers every hand.
type Hand struct {
	ID          RequestID   `json:"id" bound:"1..2147483647"`
	Raised      bool        `json:"raised"`
	Participant Participant `json:"participant,omitempty" bound:"1..4294967295"`
	All         bool        `json:"all,omitempty"`
}

// Request implements ClientMessage.
func (m *Hand) Request() RequestID { return m.ID }

// Admit lets people in from the lobby: those named, or all. In an end-to-end encrypted meeting it is those of
// Admissions; Participants, if there, names the same.
type Admit struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants,omitempty" bound:"1..256"`
	All          bool          `json:"all,omitempty"`
	Admissions   []Admission   `json:"admissions,omitempty" bound:"1..256"`
}

// Request implements ClientMessage.
func (m *Admit) Request() RequestID { return m.ID }

// Admission is what an admitting host signed about one person.
type Admission struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Admit       string      `json:"admit" bound:"1..1024" text:"base64url"`
}

// Deny sends people in the lobby away.
type Deny struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants" bound:"1..256"`
}

// Request implements ClientMessage.
func (m *Deny) Request() RequestID { return m.ID }

// Mute stops sources of others: those named, or everybody else.
type Mute struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants,omitempty" bound:"1..256"`
	All          bool          `json:"all,omitempty"`
	Sources      []Source      `json:"sources" bound:"1..4"`
}

// Request implements ClientMessage.
func (m *Mute) Request() RequestID { return m.ID }

// AskUnmute asks people to switch sources on. It is a request, never an act.
type AskUnmute struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants" bound:"1..256"`
	Sources      []Source      `json:"sources" bound:"1..4"`
}

// Request implements ClientMessage.
func (m *AskUnmute) Request() RequestID { return m.ID }

// Remove puts people out. With Ban their verified addresses cannot come back to this meeting.
type Remove struct {
	ID           RequestID     `json:"id" bound:"1..2147483647"`
	Participants []Participant `json:"participants" bound:"1..256"`
	Ban          bool          `json:"ban,omitempty"`
}

// Request implements ClientMessage.
func (m *Remove) Request() RequestID { return m.ID }

// SetRole gives a participant another role. Making another host hands over.
type SetRole struct {
	ID          RequestID   `json:"id" bound:"1..2147483647"`
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Role        Role        `json:"role"`
}

// Request implements ClientMessage.
func (m *SetRole) Request() RequestID { return m.ID }

// Spotlight shows a participant large to everyone without a pin of their own; 0 ends it.
type Spotlight struct {
	ID          RequestID   `json:"id" bound:"1..2147483647"`
	Participant Participant `json:"participant" bound:"0..4294967295"`
}

// Request implements ClientMessage.
func (m *Spotlight) Request() RequestID { return m.ID }

// Timer runs one countdown for all: InS starts it anew, 0 stops it; AddS adds to what is left of it. One of the two is
// there.
type Timer struct {
	ID   RequestID `json:"id" bound:"1..2147483647"`
	InS  *int      `json:"in_s,omitempty" bound:"0..86400"`
	AddS int       `json:"add_s,omitempty" bound:"1..3600"`
}

// Request implements ClientMessage.
func (m *Timer) Request() RequestID { return m.ID }

// SetPolicy changes the meeting's lock and lobby. A field that is absent stays as it is.
type SetPolicy struct {
	ID     RequestID `json:"id" bound:"1..2147483647"`
	Locked *bool     `json:"locked,omitempty"`
	Lobby  *bool     `json:"lobby,omitempty"`
}

// Request implements ClientMessage.
func (m *SetPolicy) Request() RequestID { return m.ID }

// Relay sends bytes to participants, each its own, in one message.
type Relay struct {
	ID RequestID  `json:"id" bound:"1..2147483647"`
	To []RelayOne `json:"to" bound:"1..1000"`
}

// Request implements ClientMessage.
func (m *Relay) Request() RequestID { return m.ID }

// RelayOne is what one participant gets of a Relay.
type RelayOne struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Data        string      `json:"data" bound:"1..2048" text:"base64url"`
}

// Broadcast sends bytes to everybody. All kinds but BroadcastGroup need the permission MayChat.
type Broadcast struct {
	ID   RequestID     `json:"id" bound:"1..2147483647"`
	Kind BroadcastKind `json:"kind"`
	Data string        `json:"data" bound:"1..12288" text:"base64url"`
}

// Request implements ClientMessage.
func (m *Broadcast) Request() RequestID { return m.ID }

// FoundGroup says that the client has made the group of an end-to-end encrypted meeting, as the server asked it to.
// Leaf is its own leaf in it. The first Commit follows.
type FoundGroup struct {
	ID      RequestID `json:"id" bound:"1..2147483647"`
	GroupID string    `json:"group_id" bound:"16..16" text:"base64url"`
	Leaf    int       `json:"leaf" bound:"0..1023"`
}

// Request implements ClientMessage.
func (m *FoundGroup) Request() RequestID { return m.ID }

// KeyPackage is an MLS key package (RFC 9420 §10) of the sender, who wants to be added to the group. It takes the place
// of the one before.
type KeyPackage struct {
	ID   RequestID `json:"id" bound:"1..2147483647"`
	Data string    `json:"data" bound:"1..2048" text:"base64url"`
}

// Request implements ClientMessage.
func (m *KeyPackage) Request() RequestID { return m.ID }

// Commit is a candidate for the commit of an epoch: an MLSMessage with a PublicMessage (RFC 9420 §6.2). With Added
// there is the GroupInfo of the epoch that it begins. GroupInfo and all secrets have 512 KiB together.
type Commit struct {
	ID        RequestID `json:"id" bound:"1..2147483647"`
	Data      string    `json:"data" bound:"1..131072" text:"base64url"`
	GroupInfo string    `json:"group_info,omitempty" bound:"1..524288" text:"base64url"`
	Added     []Joiner  `json:"added,omitempty" bound:"1..64"`
}

// Request implements ClientMessage.
func (m *Commit) Request() RequestID { return m.ID }

// Joiner is one who is added: the leaf that the commit gives it, and the EncryptedGroupSecrets of its Welcome (RFC 9420
// §12.4.3.1).
type Joiner struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Leaf        int         `json:"leaf" bound:"0..1023"`
	Secrets     string      `json:"secrets" bound:"1..4096" text:"base64url"`
}

// Propose is a member's proposal to remove its own leaf (RFC 9420 §12.1.3), before it leaves.
type Propose struct {
	ID   RequestID `json:"id" bound:"1..2147483647"`
	Data string    `json:"data" bound:"1..4096" text:"base64url"`
}

// Request implements ClientMessage.
func (m *Propose) Request() RequestID { return m.ID }

// LogGet asks for the entries of the log from a position on. What fits one Log comes.
type LogGet struct {
	ID   RequestID `json:"id" bound:"1..2147483647"`
	From int       `json:"from" bound:"1..9007199254740991"`
}

// Request implements ClientMessage.
func (m *LogGet) Request() RequestID { return m.ID }

// Stuck says that the client cannot follow a commit that it has to take: those who may remove are told. Hash is that of
// the entry, as docs/e2ee.md makes it.
type Stuck struct {
	ID    RequestID `json:"id" bound:"1..2147483647"`
	Epoch int       `json:"epoch" bound:"0..9007199254740991"`
	Hash  string    `json:"hash" bound:"32..32" text:"base64url"`
}

// Request implements ClientMessage.
func (m *Stuck) Request() RequestID { return m.ID }

// StreamKey makes a key with which a program may join a plain meeting over HTTP: to send into it (KindIngest, WHIP) or
// to receive its stage (KindEgress, WHEP). Name is what the participants see. The reply is StreamKeyMade.
type StreamKey struct {
	ID   RequestID `json:"id" bound:"1..2147483647"`
	Kind Kind      `json:"kind"`
	Name string    `json:"name" bound:"1..64" text:"line"`
}

// Request implements ClientMessage.
func (m *StreamKey) Request() RequestID { return m.ID }

// RevokeStreamKey makes a stream key useless and ends the stream that it holds.
type RevokeStreamKey struct {
	ID     RequestID `json:"id" bound:"1..2147483647"`
	Number int       `json:"number" bound:"1..2147483647"`
}

// Request implements ClientMessage.
func (m *RevokeStreamKey) Request() RequestID { return m.ID }

// OpenBreakouts makes breakout rooms of the meeting; those that it had end. The reply is Breakouts.
type OpenBreakouts struct {
	ID    RequestID `json:"id" bound:"1..2147483647"`
	Count int       `json:"count" bound:"1..20"`
}

// Request implements ClientMessage.
func (m *OpenBreakouts) Request() RequestID { return m.ID }

// CloseBreakouts ends the breakout rooms of the meeting.
type CloseBreakouts struct {
	ID RequestID `json:"id" bound:"1..2147483647"`
}

// Request implements ClientMessage.
func (m *CloseBreakouts) Request() RequestID { return m.ID }

// End ends the meeting for all.
type End struct {
	ID RequestID `json:"id" bound:"1..2147483647"`
}

// Request implements ClientMessage.
func (m *End) Request() RequestID { return m.ID }

// Active answers Idle: the person is there.
type Active struct {
	ID RequestID `json:"id" bound:"1..2147483647"`
}

// Request implements ClientMessage.
func (m *Active) Request() RequestID { return m.ID }

// Leave gives the seat up. In an end-to-end encrypted meeting the last host may name to whom the meeting falls.
type Leave struct {
	ID   RequestID   `json:"id" bound:"1..2147483647"`
	Heir Participant `json:"heir,omitempty" bound:"1..4294967295"`
}

// Request implements ClientMessage.
func (m *Leave) Request() RequestID { return m.ID }
