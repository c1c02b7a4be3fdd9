package media

// Warning says what of one m-line of an offer is lost.
type Warning struct {
	MID     string
	Warning WarningKind
}

// WarningKind says what is lost.
type WarningKind string

// The kinds.
const (
	WarnNotMedia     WarningKind = "not_media"      // neither audio nor video: refused
	WarnNoMux        WarningKind = "no_rtcp_mux"    // RTCP on a port of its own: refused
	WarnNoCodec      WarningKind = "no_codec"       // no codec in common: refused
	WarnReceivesOnly WarningKind = "receives_only"  // named as a source, but sends nothing
	WarnUnknownRIDs  WarningKind = "unknown_rids"   // encodings with other RIDs than ours are not received
	WarnNotNamed     WarningKind = "not_named"      // sends, but is no source: refused
	WarnTooManySlots WarningKind = "too_many_slots" // receives, but there are slots enough: refused
)

// Values lists the kinds, in the order of the protocol document.
func (WarningKind) Values() []string {
	return []string{"not_media", "no_rtcp_mux", "no_codec", "receives_only", "unknown_rids", "not_named", "too_many_slots"}
}
