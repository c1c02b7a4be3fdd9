package protocol

import "time"

// The messages of end-to-end encrypted meetings. What they carry is opaque to the server: base64url without padding
// (RFC 4648 §5), whose bounds are in bytes of what it encodes. docs/e2ee.md says what clients put in.

// Relay sends bytes to participants, each its own, in one message.
type Relay struct {
	ID RequestID  `json:"id" bound:"1..2147483647"`
	To []RelayOne `json:"to" bound:"1..1000"`
}

// RelayOne is what one participant gets of a Relay.
type RelayOne struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Data        string      `json:"data" bound:"1..2048" text:"base64url"`
}

// Relays delivers what others relayed to this client, in the order in which it came to the server.
type Relays struct {
	Relays []Relayed `json:"relays"`
}

// Relayed is one delivery. From is the server's word.
type Relayed struct {
	From Participant `json:"from" bound:"1..4294967295"`
	Data string      `json:"data" bound:"1..2048" text:"base64url"`
}

// Broadcast sends bytes to everybody.
type Broadcast struct {
	ID   RequestID     `json:"id" bound:"1..2147483647"`
	Kind BroadcastKind `json:"kind"`
	Data string        `json:"data" bound:"1..12288" text:"base64url"`
}

// BroadcastEvent is what somebody broadcast; its sender gets it too.
type BroadcastEvent struct {
	From Participant   `json:"from" bound:"1..4294967295"`
	Kind BroadcastKind `json:"kind"`
	At   time.Time     `json:"at"`
	Data string        `json:"data" bound:"1..12288" text:"base64url"`
}

// Admission is what an admitting host signed about one person.
type Admission struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Admit       string      `json:"admit" bound:"1..1024" text:"base64url"`
}

// LobbyHost is somebody who may admit, as those who wait see them: enough to seal one's name to them.
type LobbyHost struct {
	Participant Participant `json:"participant" bound:"1..4294967295"`
	Announce    string      `json:"announce" bound:"1..1024" text:"base64url"`
	Admit       string      `json:"admit,omitempty" bound:"1..1024" text:"base64url"`
}

// MediaRefused tells a publisher that the server forwards nothing more of a source, and why.
type MediaRefused struct {
	Source Source        `json:"source"`
	Reason RefusedReason `json:"reason"`
}
