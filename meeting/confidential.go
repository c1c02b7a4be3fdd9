package meeting

import (
	"time"

	"conclave/media"
	"conclave/protocol"
)

// A confidential meeting has a lobby, no guests and end-to-end encryption, whatever else is asked for. Participants who
// show no activity are asked sooner, and chat is the operator's to allow. All of it is decided at creation and stays.

// confidential makes a creation confidential if the operator wants every meeting to be, and gives a confidential one
// what belongs to it. It fails with ErrConfidential if the creation says otherwise.
func (c Creation) confidential(cfg *Config) (Creation, error) {
	c.Confidential = c.Confidential || cfg.Confidential
	if !c.Confidential {
		return c, nil
	}
	if !c.E2EE || !c.Lobby {
		return c, ErrConfidential
	}
	return c, nil
}

// chats says whether the meeting has a chat.
func (s *state) chats() bool { return !s.confidential || s.cfg.ConfidentialChat }

// idleAfter is how long a participant may show no activity before they are asked; 0 for ever.
func (s *state) idleAfter() time.Duration {
	if s.confidential && (s.cfg.ParticipantIdle == 0 || s.cfg.ParticipantIdle > s.cfg.ConfidentialIdle) {
		return s.cfg.ConfidentialIdle
	}
	return s.cfg.ParticipantIdle
}

// seen counts a live camera as activity: in a confidential meeting people listen for long, in front of it.
func (s *state) seen(now time.Time, p *seat) {
	if s.confidential && p.live().Has(media.Camera) {
		p.active, p.asked = now, time.Time{}
	}
}

// mayBroadcast says whether a broadcast suits the meeting. Its kind is all that the server knows of it.
func (s *state) mayBroadcast(kind protocol.BroadcastKind) bool {
	return kind == protocol.BroadcastReaction || kind == protocol.BroadcastGroup || s.chats()
}
