package sdp

import "conclave/media"

// Warnings say what of the offer is lost, given the m-lines that are sources and those that became slots, by mid.
func (o *Offer) Warnings(sources map[string]media.Source, slots map[string]SendLine) (all []media.Warning) {
	for i := range o.Media {
		m := &o.Media[i]
		_, source := sources[m.MID]
		_, slot := slots[m.MID]
		if w := m.warning(source, slot); w != "" && !m.Rejected {
			all = append(all, media.Warning{MID: m.MID, Warning: w})
		}
	}
	return all
}

// warning says what of one m-line is lost; empty: nothing.
func (m *Media) warning(source, slot bool) media.WarningKind {
	sends := m.Direction == "sendonly" || m.Direction == "sendrecv"
	switch {
	case m.Kind != "audio" && m.Kind != "video":
		return media.WarnNotMedia
	case !m.Mux:
		return media.WarnNoMux
	case len(m.Formats) == 0:
		return media.WarnNoCodec
	case source && m.Direction == "recvonly":
		return media.WarnReceivesOnly
	case source && m.LostRIDs:
		return media.WarnUnknownRIDs
	case !source && sends:
		return media.WarnNotNamed
	case !source && !slot && m.Direction == "recvonly":
		return media.WarnTooManySlots
	}
	return ""
}

// SameOrder checks that a re-offer keeps the m-lines of the offer before it: none may move, and none may go (RFC 3264
// §8). One that was rejected may be used anew. Errors wrap ErrBadOffer.
func (o *Offer) SameOrder(before []Line) error {
	if len(o.Media) < len(before) {
		return badOffer("%d m-lines, and %d in the offer before: none may be left out", len(o.Media), len(before))
	}
	for i, was := range before {
		if m := &o.Media[i]; !was.Rejected && !m.Rejected && (m.MID != was.MID || m.Kind != was.Kind) {
			return badOffer("m-line %d was %q in the offer before: the order may not change", i, was.MID)
		}
	}
	return nil
}

// Line is what a later offer has to keep of an m-line.
type Line struct {
	MID, Kind string
	Rejected  bool
}

// Lines are the m-lines, for SameOrder.
func (o *Offer) Lines() []Line {
	lines := make([]Line, len(o.Media))
	for i := range o.Media {
		m := &o.Media[i]
		lines[i] = Line{m.MID, m.Kind, m.Rejected}
	}
	return lines
}
