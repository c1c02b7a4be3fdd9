package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what happened. The set is closed: Kinds.
type Kind string

// The kinds of events.
const (
	SignInChallenge   Kind = "signin_challenge" // a code was asked for
	SignInVerified    Kind = "signin_verified"
	SignInFailed      Kind = "signin_failed"
	GuestSignedIn     Kind = "guest_signed_in"
	SignedOut         Kind = "signed_out"
	SessionExpired    Kind = "session_expired" // by time
	MeetingCreated    Kind = "meeting_created"
	MeetingJoined     Kind = "meeting_joined"
	MeetingLeft       Kind = "meeting_left"
	MeetingLocked     Kind = "meeting_locked"
	MeetingUnlocked   Kind = "meeting_unlocked"
	MeetingEnded      Kind = "meeting_ended" // by a host
	MeetingExpired    Kind = "meeting_expired"
	LobbyRequested    Kind = "lobby_requested"
	LobbyAdmitted     Kind = "lobby_admitted"
	LobbyDenied       Kind = "lobby_denied"
	RoleChanged       Kind = "role_changed" // detail: the new role
	ParticipantMuted  Kind = "participant_muted"
	ParticipantGone   Kind = "participant_removed"
	ShareStarted      Kind = "share_started"
	ShareStopped      Kind = "share_stopped"
	StreamKeyMade     Kind = "stream_key_made"    // detail: ingest or egress
	StreamKeyRevoked  Kind = "stream_key_revoked" // detail: ingest or egress
	EncryptionState   Kind = "encryption_state"   // detail: on or off
	Configuration     Kind = "configuration"      // detail: the hash of the options in force
	AuditExported     Kind = "audit_exported"     // detail: which records
	LogOpened         Kind = "log_opened"         // by the log itself; detail: bytes of a torn record that were cut
	LogResumed        Kind = "log_resumed"        // by the log itself, after it could not write
	RecordDataDeleted Kind = "data_deleted"       // by retention; detail: which records
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{
		SignInChallenge, SignInVerified, SignInFailed, GuestSignedIn, SignedOut, SessionExpired,
		MeetingCreated, MeetingJoined, MeetingLeft, MeetingLocked, MeetingUnlocked, MeetingEnded, MeetingExpired,
		LobbyRequested, LobbyAdmitted, LobbyDenied, RoleChanged, ParticipantMuted, ParticipantGone,
		ShareStarted, ShareStopped, StreamKeyMade, StreamKeyRevoked, EncryptionState,
		Configuration, AuditExported, LogOpened, LogResumed, RecordDataDeleted,
	}
}

// Event is one audited action. It holds no content, no media, no device id and no network address.
type Event struct {
	// Time is when it happened, by the server's clock. The order of records, not the clock, is the order of events.
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	// Actor is who acted: a verified address, "guest", or "server".
	Actor string `json:"actor,omitempty"`
	// Subject is the person it was done to, named as Actor is.
	Subject string `json:"subject,omitempty"`
	Meeting string `json:"meeting,omitempty"`
	// Detail depends on Kind: a role, a source, a reason.
	Detail string `json:"detail,omitempty"`
}

// maxField bounds each text of an event, in bytes. An e-mail address has at most 254 (RFC 5321 §4.5.3.1.3).
const maxField = 512

// Validate says whether e can be recorded: a known kind, a time, and texts that are bounded and printable.
func (e *Event) Validate() error {
	if e.Time.IsZero() {
		return errors.New("audit: the event has no time")
	}
	known := false
	for _, k := range Kinds() {
		known = known || k == e.Kind
	}
	if !known {
		return fmt.Errorf("audit: unknown kind of event %q", e.Kind)
	}
	for _, text := range []string{e.Actor, e.Subject, e.Meeting, e.Detail} {
		if len(text) > maxField || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Errorf("audit: a field of a %s event is too long or not printable", e.Kind)
		}
	}
	return nil
}

// AppendJSON appends e in its canonical form: one JSON object on one line, fields in the order of Event, UTC time in
// milliseconds, no escapes but those JSON demands.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return b, err
	}
	c := *e
	c.Time = e.Time.UTC().Truncate(time.Millisecond)
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&c); err != nil {
		return b, fmt.Errorf("audit: encoding an event: %w", err)
	}
	return buf.Bytes(), nil
}

// ParseEvent reads one canonical line. Any other spelling of the same event is an error.
func ParseEvent(line []byte) (Event, error) {
	var e Event
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return Event{}, fmt.Errorf("audit: decoding an event: %w", err)
	}
	again, err := e.AppendJSON(nil)
	if err != nil {
		return Event{}, err
	}
	if !bytes.Equal(bytes.TrimSuffix(again, []byte("\n")), bytes.TrimSuffix(line, []byte("\n"))) {
		return Event{}, errors.New("audit: the event is not in canonical form")
	}
	return e, nil
}
