package meeting

import (
	"fmt"
	"strings"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// Action is something that an audited deployment records.
type Action string

// The actions.
const (
	ActionCreated    Action = "meeting_created"
	ActionEncryption Action = "encryption_state" // detail: on or off
	ActionJoined     Action = "meeting_joined"   // detail: the role
	ActionLeft       Action = "meeting_left"     // detail: the reason
	ActionLocked     Action = "meeting_locked"
	ActionUnlocked   Action = "meeting_unlocked"
	ActionEnded      Action = "meeting_ended" // detail: the reason
	ActionExpired    Action = "meeting_expired"
	ActionWaiting    Action = "lobby_requested"
	ActionAdmitted   Action = "lobby_admitted"
	ActionDenied     Action = "lobby_denied"
	ActionRole       Action = "role_changed"        // detail: the new role
	ActionMuted      Action = "participant_muted"   // detail: the sources
	ActionRemoved    Action = "participant_removed" // detail: banned, if so
	ActionShared     Action = "share_started"
	ActionUnshared   Action = "share_stopped"
	ActionKeyMade    Action = "stream_key_made"    // detail: ingest or egress
	ActionKeyRevoked Action = "stream_key_revoked" // detail: ingest or egress
)

// Record is one action, for the audit log only. It names people: it belongs in no other place.
type Record struct {
	At     time.Time
	Action Action
	// Actor and Subject are verified addresses, "guest 3", "bot 4" or "stream 5" by their number in the meeting, or
	// "server".
	Actor, Subject string
	Meeting        ID
	Detail         string

	seat media.ParticipantID // the actor's
}

// Recorder keeps the audit log. Safe for concurrent use.
type Recorder interface {
	// Record hands in what has happened and does not block. done is called once, from any goroutine, possibly before
	// Record returns: with nil when all of it is on disk, with an error when it may not be. done does not block.
	Record(list []Record, done func(error))
	// Ready says whether actions can be recorded now.
	Ready() bool
}

// server is the actor of what no participant asked for.
const server = "server"

// party names a seat in the audit log.
func (p *seat) party() string {
	switch {
	case p.identity.Address != Address{}:
		return p.identity.Address.Reveal()
	case p.identity.Bot:
		return fmt.Sprintf("bot %d", p.id)
	case p.identity.stream():
		return fmt.Sprintf("stream %d", p.id)
	default:
		return fmt.Sprintf("guest %d", p.id)
	}
}

// recordOf notes that a participant did something.
func (s *state) recordOf(what Action, p *seat, detail string) {
	s.record(Record{Action: what, Actor: p.party(), Detail: detail, seat: p.id})
}

// recordOn notes that something was done to a participant, or to the meeting if on is nil, by the participant whose
// request is carried out, else by the server.
func (s *state) recordOn(what Action, on *seat, detail string) {
	r := Record{Action: what, Actor: server, Detail: detail}
	if s.by != nil {
		r.Actor, r.seat = s.by.party(), s.by.id
	}
	if on != nil {
		r.Subject = on.party()
	}
	s.record(r)
}

// record notes an action; the actor of the meeting takes it from there. Without a Recorder nothing is noted.
func (s *state) record(r Record) {
	if s.cfg.Recorder != nil {
		r.Meeting = s.id
		s.records = append(s.records, r)
	}
}

// canRecord says whether there is nothing to record to, or it can be recorded to now.
func (s *state) canRecord() bool { return s.cfg.Recorder == nil || s.cfg.Recorder.Ready() }

// takeRecords returns the actions so far and forgets them.
func (s *state) takeRecords(now time.Time) []Record {
	list := s.records
	s.records = nil
	for i := range list {
		list[i].At = now
	}
	return list
}

// recordable says whether a request may be carried out: always, unless it is to be recorded and cannot be.
func (s *state) recordable(p *seat, m protocol.ClientMessage) bool {
	if s.canRecord() {
		return true
	}
	switch m := m.(type) {
	case *protocol.Admit, *protocol.Deny, *protocol.Mute, *protocol.Remove, *protocol.SetRole, *protocol.SetPolicy,
		*protocol.StreamKey, *protocol.RevokeStreamKey, *protocol.End:
		return false
	case *protocol.Media:
		return p.declared.Has(media.Screen) || !media.Sources(m.Sources...).Has(media.Screen)
	default:
		return true
	}
}

// recordShare notes that a screen share started or stopped.
func (s *state) recordShare(p *seat, before, after media.SourceSet) {
	switch was, is := before.Has(media.Screen), after.Has(media.Screen); {
	case is && !was:
		s.recordOf(ActionShared, p, "")
	case was && !is:
		s.recordOf(ActionUnshared, p, "")
	}
}

// recordEnd notes that the meeting ended. why is protocol's word for it.
func (s *state) recordEnd(why protocol.ByeReason) {
	if why == protocol.ByeExpired {
		s.recordOn(ActionExpired, nil, "")
		return
	}
	s.recordOn(ActionEnded, nil, string(why))
}

func sourceNames(set media.SourceSet) string {
	var names []string
	for _, source := range set.List() {
		names = append(names, source.String())
	}
	return strings.Join(names, " ")
}

// tellRecorder tells everyone whether actions can be recorded.
func (s *state) tellRecorder() {
	kind := protocol.AuditStopped
	if s.canRecord() {
		kind = protocol.AuditResumed
	}
	s.tellAll(&protocol.Notice{Notice: kind})
}
