package sfu

import "fmt"

// ParticipantID numbers a participant within one room. Zero is nobody. It travels as CSRC in forwarded RTP headers
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
	numSources
)

var sourceNames = [numSources]string{"mic", "camera", "screen_audio", "screen"}

// String returns the protocol's name of s.
func (s Source) String() string {
	if s >= numSources {
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
	MID    string
	Source Source
}

// Want is one entry of a viewport: a track the subscriber shows, and how high it is shown, in device pixels.
type Want struct {
	Participant ParticipantID
	Source      Source
	Height      int
}

// Slot is the state of one receiving m-line of a subscriber. Participant zero means that it carries nothing.
type Slot struct {
	MID         string
	Participant ParticipantID
	Source      Source
	Height      int // of the layer being sent, 0 while unknown
}

// Reason says why something wanted is not sent.
type Reason string

// The reasons of the protocol document.
const (
	ReasonNoSlot       Reason = "no_slot"
	ReasonNotPublished Reason = "not_published"
	ReasonMuted        Reason = "muted"
	ReasonBandwidth    Reason = "bandwidth"
	ReasonCodec        Reason = "codec" // the viewer cannot decode what is published
)

// reasons are all of them: they label a metric.
var reasons = [...]Reason{ReasonNoSlot, ReasonNotPublished, ReasonMuted, ReasonBandwidth, ReasonCodec}

// Withheld is one wanted track that is not sent, and why.
type Withheld struct {
	Participant ParticipantID
	Source      Source
	Reason      Reason
}

// PeerEvents are called by the SFU about one peer, one at a time per peer, from goroutines of its own. They must not
// block and must not call back into the Peer or Room synchronously. A nil func is skipped.
type PeerEvents struct {
	// Connected is called when DTLS is up, again after a new PeerConnection.
	Connected func()
	// Failed is called once when the media connection is lost for good (ICE failed, DTLS failed, a limit broken).
	Failed func(reason string)
	// Slots tells what changed since the last call; withheld is the whole list.
	Slots func(changed []Slot, withheld []Withheld)
	// Encode names the RIDs of source that anybody wants, on change.
	Encode func(source Source, rids []string)
	// Refused is called once a source when nothing more of it is forwarded because of what it holds; reason is that of the
	// protocol document ("not_encrypted").
	Refused func(source Source, reason string)
}

// ParticipantQuality is how good one participant's connection is: Bars from 0 (lost) to 4 (excellent).
type ParticipantQuality struct {
	Participant ParticipantID
	Bars        int
}

// RoomEvents are called by the SFU about a room, under the same rules as PeerEvents.
type RoomEvents struct {
	// Speakers is the whole list of who speaks now, loudest first, on change.
	Speakers func(speakers []ParticipantID)
	// Quality names those whose connection changed, at most once a second.
	Quality func(changed []ParticipantQuality)
}
