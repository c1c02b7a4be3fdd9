package sfu

import "conclave/media"

// PeerEvents are called by the SFU about one peer, one at a time per peer, from goroutines of its own. They must not
// block and must not call back into the Peer or Room synchronously. A nil func is skipped.
type PeerEvents struct {
	// Connected is called when DTLS is up, again after a new PeerConnection.
	Connected func()
	// Failed is called once when the media connection is lost for good (ICE failed, DTLS failed, a limit broken).
	Failed func(reason string)
	// Slots tells what changed since the last call; withheld is the whole list.
	Slots func(changed []media.Slot, withheld []media.Withheld)
	// Encode names the RIDs of source that anybody wants, on change.
	Encode func(source media.Source, rids []string)
	// Refused is called once a source when nothing more of it is forwarded because of what it holds; reason is that of the
	// protocol document ("not_encrypted").
	Refused func(source media.Source, reason string)
}

// RoomEvents are called by the SFU about a room, under the same rules as PeerEvents.
type RoomEvents struct {
	// Speakers is the whole list of who speaks now, loudest first, on change.
	Speakers func(speakers []media.ParticipantID)
	// Quality names those whose connection changed, at most once a second.
	Quality func(changed []media.Quality)
}
