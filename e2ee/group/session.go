package group

import (
	"errors"
	"time"
)

// Errors of a Session's own acts.
var (
	// ErrNotReady means that the session may not send: it is in no group, or not confirmed, or stopped.
	ErrNotReady = errors.New("e2ee: not ready to send")
	// ErrNotHere means that no member has this key.
	ErrNotHere = errors.New("e2ee: no such member")
	// ErrNotAllowed means that the own role does not allow an act.
	ErrNotAllowed = errors.New("e2ee: not allowed")
	// ErrBusy means that too much waits to be sent.
	ErrBusy = errors.New("e2ee: too much is waiting")
)

// Session is one seat's state machine: events with their time in, Output out. Take the Output after each event, and call
// Tick when Next says. One join, one Session; a resumed seat goes on with the same.
type Session struct{}

// NewSession makes the session of a new seat.
func NewSession(cfg Config) (*Session, error) { return nil, ErrNotReady }

// Announce is what join carries: IK ‖ sealed name.
func (s *Session) Announce() []byte { return nil }

// Welcome takes the server's welcome: one's own number, the admission if there is one, everybody with a seat. After a
// resume it is the same again.
func (s *Session) Welcome(now time.Time, self uint32, admission []byte, seats []Seat) {}

// Roster takes a change of the roster: who came or changed, and who left.
func (s *Session) Roster(now time.Time, changed []Seat, left []uint32) {}

// Group takes the server's message group, after each welcome.
func (s *Session) Group(now time.Time, g State) {}

// Log takes entries, in order.
func (s *Session) Log(now time.Time, entries []Entry) {}

// KeyPackages takes key packages of those who want in, with this member's turn.
func (s *Session) KeyPackages(now time.Time, turn int, list []Package) {}

// Secrets takes what a joiner needs.
func (s *Session) Secrets(now time.Time, in Secrets) {}

// Stuck takes that a participant could not open a commit.
func (s *Session) Stuck(now time.Time, from uint32, epoch uint64, hash [HashSize]byte) {}

// Relay takes a message to oneself alone.
func (s *Session) Relay(now time.Time, from uint32, data []byte) {}

// Broadcast takes a message to all.
func (s *Session) Broadcast(now time.Time, from uint32, kind Kind, data []byte) {}

// Lost says that the connection to the server is lost. Group says that it is back.
func (s *Session) Lost(now time.Time) {}

// UnknownEpoch says that a frame came whose epoch is not known (sframe.ErrUnknown): the log is asked for, at most once a
// second.
func (s *Session) UnknownEpoch(now time.Time) {}

// Tick does what is due.
func (s *Session) Tick(now time.Time) {}

// Next is when Tick is due; zero: nothing is.
func (s *Session) Next() time.Time { return time.Time{} }

// Take returns what is to be done and forgets it.
func (s *Session) Take() Output { return Output{} }

// Say says something to all. What cannot be sent yet waits, 32 at most.
func (s *Session) Say(now time.Time, kind Kind, text string) error { return ErrNotReady }

// Private says something to one member; app says that it is for pages.
func (s *Session) Private(now time.Time, to Key, app bool, text string) error { return ErrNotReady }

// Admit signs an admission for a person in the lobby, by their announce, up to a role. It travels in the protocol's
// admit.
func (s *Session) Admit(announce []byte, role Role) ([]byte, error) { return nil, ErrNotReady }

// LobbyName opens the name in an announce; "" if it does not open.
func (s *Session) LobbyName(announce []byte) string { return "" }

// SetRole gives a member another role. Only hosts may.
func (s *Session) SetRole(now time.Time, of Key, role Role) error { return ErrNotReady }

// Remove removes a member for good; lock also switches the lobby on.
func (s *Session) Remove(now time.Time, who Key, lock bool) error { return ErrNotReady }

// SetLobby switches the lobby on or off.
func (s *Session) SetLobby(now time.Time, on bool) error { return ErrNotReady }

// Rename changes one's own name.
func (s *Session) Rename(now time.Time, name string) error { return ErrNotReady }

// Leave says goodbye: nothing is sent after it.
func (s *Session) Leave(now time.Time) {}

// People is everybody in the group, by leaf.
func (s *Session) People() []Person { return nil }

// Ready says whether the session may send now.
func (s *Session) Ready() bool { return false }
