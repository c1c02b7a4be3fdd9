package media

// RoomConfig is what is settled of a room when it is made.
type RoomConfig struct {
	// RequireSFrame has the room forward nothing but SFrame (RFC 9605).
	RequireSFrame bool
	// PrivateAudio has clients not asked how loud their microphones are (RFC 6464), which tells who speaks when: no one is
	// reported as speaking, and the microphones that were opened first are forwarded where there are more than slots.
	PrivateAudio bool
}

// EventKind says what an Event is about.
type EventKind string

// The kinds, and which fields of an Event they fill beside Participant.
const (
	EventConnected EventKind = "connected" // media can flow; again after a new PeerConnection
	EventFailed    EventKind = "failed"    // the connection is lost for good: Cause
	EventStuck     EventKind = "stuck"     // the connection has waited for seconds for its next step: Cause
	// Slots that have changed since the last of its kind, and all that is Withheld
	EventSlots      EventKind = "slots"
	EventEncode     EventKind = "encode"      // the RIDs that viewers want of Source
	EventRefused    EventKind = "refused"     // nothing more of Source is forwarded because of what it holds: Cause
	EventWarnings   EventKind = "warnings"    // what of the latest offer is lost: Warnings
	EventApplied    EventKind = "applied"     // all that was desired up to Generation has taken effect
	EventJoinFailed EventKind = "join_failed" // the participant has no media: Cause
	EventSpeakers   EventKind = "speakers"    // Speakers, the whole list, loudest first; of the room
	EventQuality    EventKind = "quality"     // whose connection has changed: Quality; of the room, at most once a second
)

// Event is what the engine tells of a room and its peers. It can be encoded as it is.
type Event struct {
	Kind        EventKind       `json:"kind"`
	Participant ParticipantID   `json:"participant,omitempty"` // 0: it is about the room
	Generation  uint64          `json:"generation,omitempty"`
	Cause       string          `json:"cause,omitempty"` // of a closed set: it names nothing of a user
	Slots       []Slot          `json:"slots,omitempty"`
	Withheld    []Withheld      `json:"withheld,omitempty"`
	Source      Source          `json:"source,omitempty"`
	RIDs        []string        `json:"rids,omitempty"`
	Speakers    []ParticipantID `json:"speakers,omitempty"`
	Quality     []Quality       `json:"quality,omitempty"`
	Warnings    []Warning       `json:"warnings,omitempty"`
}
