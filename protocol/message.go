package protocol

import "conclave/media"

// Message is a ClientMessage or a ServerMessage: two interfaces that share no method.
type Message any

// ClientMessage is a message that a client sends: a pointer to one of the structs of client.go.
type ClientMessage interface {
	// Request is the id that the reply echoes.
	Request() RequestID
}

// ServerMessage is a message that the server sends: a pointer to one of the structs of server.go.
type ServerMessage interface{ serverMessage() }

// The words of package media that messages hold as they are.
type (
	// Participant numbers a participant, unique for the life of the meeting. Zero is none.
	Participant = media.ParticipantID
	// Source is what a participant publishes.
	Source = media.Source
	// Track names what an m-line of an offer publishes. An m-line is named once, and a source at most once.
	Track = media.Track
	// Want is one track of a view. Height is in device pixels.
	Want = media.Want
	// Slot is what one receiving m-line carries. Participant 0 means nothing; then Source and Height are absent.
	Slot = media.Slot
	// Withheld is one wanted track that is not sent.
	Withheld = media.Withheld
	// WithheldReason says why a wanted track is not sent.
	WithheldReason = media.Reason
	// WarningKind says what of an m-line is lost.
	WarningKind = media.WarningKind
	// QualityOf is how good one participant's connection is: Bars from 0 (lost) to 4 (excellent).
	QualityOf = media.Quality
)

// The sources.
const (
	Mic         = media.Mic
	Camera      = media.Camera
	ScreenAudio = media.ScreenAudio
	Screen      = media.Screen
)
