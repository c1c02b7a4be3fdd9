package media

import (
	"encoding/json"
	"errors"
)

// The form of these values on the wire.

// Values lists the names of the sources, in the order of the protocol document.
func (Source) Values() []string { return append([]string(nil), sourceNames[:]...) }

// MarshalText returns the protocol's name of s.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

var errUnknownSource = errors.New("media: unknown source")

// UnmarshalText is the inverse of MarshalText.
func (s *Source) UnmarshalText(text []byte) error {
	known, ok := ParseSource(string(text))
	if !ok {
		return errUnknownSource
	}
	*s = known
	return nil
}

// List returns the sources of the set, in their order. It is never nil.
func (set SourceSet) List() []Source {
	list := make([]Source, 0, NumSources)
	for s := range NumSources {
		if set.Has(s) {
			list = append(list, s)
		}
	}
	return list
}

// Values lists the reasons, in the order of the protocol document.
func (Reason) Values() []string {
	out := make([]string, len(Reasons))
	for i, r := range Reasons {
		out[i] = string(r)
	}
	return out
}

// MarshalJSON leaves out what a slot does not carry.
func (s Slot) MarshalJSON() ([]byte, error) {
	wire := struct {
		MID         string        `json:"mid"`
		Participant ParticipantID `json:"participant"`
		Source      *Source       `json:"source,omitempty"`
		Height      int           `json:"height,omitempty"`
	}{MID: s.MID, Participant: s.Participant}
	if s.Participant != 0 {
		wire.Source, wire.Height = &s.Source, s.Height
	}
	return json.Marshal(wire) //nolint:wrapcheck // it cannot fail
}
