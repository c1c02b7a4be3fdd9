// Package media holds the words that the engine, the meeting and the wire share: who publishes, what they publish,
// what a viewer wants to see, and what their slots carry. Values only. It imports nothing of the project. The tags of
// the structs are those of package protocol, whose messages hold these values as they are.
package media

import "fmt"

// ParticipantID numbers a participant within one room. Zero is none. It travels as CSRC in forwarded RTP headers
// (RFC 3550 §5.1).
type ParticipantID uint32

// Source is what a participant publishes.
type Source uint8

// The sources, in the order of the protocol document.
const (
	Mic Source = iota
	Camera
	ScreenAudio
	Screen
	NumSources
)

var sourceNames = [NumSources]string{"mic", "camera", "screen_audio", "screen"}

// String returns the protocol's name of s.
func (s Source) String() string {
	if s >= NumSources {
		return fmt.Sprintf("source(%d)", uint8(s))
	}
	return sourceNames[s]
}

// ParseSource is the inverse of Source.String; ok is false for an unknown name.
func ParseSource(name string) (s Source, ok bool) {
	for i, n := range sourceNames {
		if n == name {
			return Source(i), true
		}
	}
	return 0, false
}

// Video says whether s is a video source.
func (s Source) Video() bool { return s == Camera || s == Screen }

// SourceSet is a set of sources.
type SourceSet uint8

// Sources returns the set of the given sources.
func Sources(list ...Source) SourceSet {
	var set SourceSet
	for _, s := range list {
		set |= 1 << s
	}
	return set
}

// Has says whether s is in the set.
func (set SourceSet) Has(s Source) bool { return set&(1<<s) != 0 }

// Track maps an m-line of an offer, by its mid, to what it publishes.
type Track struct {
	MID    string `json:"mid" bound:"1..16" text:"token"`
	Source Source `json:"source"`
}

// Want is one entry of a viewport: a track the subscriber shows, and how high it is shown, in device pixels.
type Want struct {
	Participant ParticipantID `json:"participant" bound:"1..4294967295"`
	Source      Source        `json:"source"`
	Height      int           `json:"height" bound:"1..4320"`
}

// Slot is the state of one receiving m-line of a viewer. Participant zero means that it carries nothing; then Source
// and Height mean nothing, and JSON has neither. Height is that of the layer being sent, 0 while it is unknown.
type Slot struct {
	MID         string        `json:"mid" bound:"1..16"`
	Participant ParticipantID `json:"participant" bound:"0..4294967295"`
	Source      Source        `json:"source,omitempty"`
	Height      int           `json:"height,omitempty"`
}

// Reason says why something wanted is not sent.
type Reason string

// The reasons of the protocol document.
const (
	ReasonNoSlot       Reason = "no_slot"
	ReasonNotPublished Reason = "not_published"
	ReasonMuted        Reason = "muted"
	ReasonBandwidth    Reason = "bandwidth"
	ReasonServer       Reason = "server" // the server is busy: pictures give way
	ReasonCodec        Reason = "codec"  // the viewer cannot decode what is published
)

// Reasons are all of them: they label a metric.
var Reasons = [...]Reason{ReasonNoSlot, ReasonNotPublished, ReasonMuted, ReasonBandwidth, ReasonServer, ReasonCodec}

// Withheld is one wanted track that is not sent, and why.
type Withheld struct {
	Participant ParticipantID `json:"participant" bound:"1..4294967295"`
	Source      Source        `json:"source"`
	Reason      Reason        `json:"reason"`
}

// Quality is how good one participant's connection is: Bars from 0 (lost) to 4 (excellent).
type Quality struct {
	Participant ParticipantID `json:"participant" bound:"1..4294967295"`
	Bars        int           `json:"bars" bound:"0..4"`
}
