package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
	"unique"
)

// maxHooks bounds how many revoke callbacks one session holds: as many WebSockets as one person may have open.
const maxHooks = 64

var errTooManySessions = errors.New("too many sessions")

// SessionID names a session inside this process. It is comparable, prints as "[redacted]", and is not the token nor
// made from it: it opens nothing. The zero value names no session.
type SessionID struct{ h unique.Handle[string] } // 16 bytes; a string for the reason that Email's is

func newSessionID(random io.Reader) (SessionID, error) {
	var v [16]byte
	if _, err := io.ReadFull(random, v[:]); err != nil {
		return SessionID{}, fmt.Errorf("making a session id: %w", err)
	}
	return SessionID{unique.Make(string(v[:]))}, nil
}

// Key returns id as 32 hexadecimal digits, equal for equal ids, for packages that cannot name this type. Never for a
// log.
func (id SessionID) Key() string {
	if id.IsZero() {
		return ""
	}
	return hex.EncodeToString([]byte(id.h.Value()))
}

// sessionIDOf is the opposite of Key.
func sessionIDOf(key string) (SessionID, bool) {
	v, err := hex.DecodeString(key)
	if err != nil || len(v) != 16 {
		return SessionID{}, false
	}
	return SessionID{unique.Make(string(v))}, true
}

// IsZero says whether id names no session.
func (id SessionID) IsZero() bool { return id == SessionID{} }

// Format prints "[redacted]" for every verb.
func (id SessionID) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText redacts id in encoders, JSON among them.
func (id SessionID) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts id in slog.
func (id SessionID) LogValue() slog.Value { return redactedLog() }

// token is the secret a session is known by: 32 random bytes.
type token [32]byte

func (t token) encode() string { return hex.EncodeToString(t[:]) }

func (t token) hash() tokenHash { return sha256.Sum256(t[:]) }

// tokenHash is all that is kept of a token.
type tokenHash [sha256.Size]byte

func parseToken(s string) (t token, ok bool) {
	return t, decodeHex32(t[:], s)
}

type sessionConfig struct {
	ttl         time.Duration // absolute
	idle        time.Duration // without activity; 0: no idle limit
	maxSessions int           // bound of the store
	maxGuests   int           // bound of those without an address
}

type session struct {
	id       SessionID
	hash     tokenHash
	email    Email
	expires  time.Time
	lastSeen int64             // Unix nanoseconds
	told     int64             // what watches were told of it
	hooks    map[uint64]func() // at most maxHooks; nil until one is added

	elsewhere bool // it has had WebSockets at another version, which runs as long as there are watches
}

// sessionStore holds the sessions. It is pure: no clock, no lock. What it returns as hooks the caller runs, outside
// of any lock.
type sessionStore struct {
	cfg    sessionConfig
	random io.Reader

	byHash   map[tokenHash]*session // at most cfg.maxSessions
	byID     map[SessionID]*session // the same sessions
	guests   int                    // sessions without an address
	nextHook uint64

	watches []*Watch // at most maxWatches
	yielded bool     // another version ends what is idle
	// gone are those that were ended while another version ran, and how many sweeps each is still remembered: a request
	// on its way from there must not bring it back. At most maxGone.
	gone map[SessionID]int
}

const (
	// maxGone bounds the ended sessions that are remembered: some hundreds a second for as long as a request takes.
	maxGone = 8192
	// goneSweeps is how many sweeps one is remembered: two minutes, and requests have 30 s.
	goneSweeps = int(2*time.Minute/sweepInterval) + 1
)

func newSessionStore(cfg sessionConfig, random io.Reader) *sessionStore {
	return &sessionStore{
		cfg: cfg, random: random, byHash: map[tokenHash]*session{}, byID: map[SessionID]*session{}, gone: map[SessionID]int{},
	}
}

// create opens a session and returns its token, which is kept nowhere. The zero Email makes a guest's. In a full store
// a new session takes the place of an idle one; a guest's only that of a guest.
func (s *sessionStore) create(now time.Time, email Email) (token, *session, error) {
	guest := email.IsZero()
	if len(s.byID) >= s.cfg.maxSessions || guest && s.guests >= s.cfg.maxGuests {
		idle := s.idlest()
		if idle == nil || guest && !idle.email.IsZero() {
			return token{}, nil, errTooManySessions
		}
		s.revoke(idle.id)
	}
	var t token
	if _, err := io.ReadFull(s.random, t[:]); err != nil {
		return token{}, nil, fmt.Errorf("making a token: %w", err)
	}
	id, err := newSessionID(s.random)
	if err != nil {
		return token{}, nil, err
	}
	ses := &session{id: id, hash: t.hash(), email: email, expires: now.Add(s.cfg.ttl), lastSeen: now.UnixNano()}
	s.keep(ses)
	for _, w := range s.watches {
		if w.Opened != nil {
			w.Opened(CarriedFrom(append(packTime(now), ses.pack()...)))
		}
	}
	return t, ses, nil
}

// keep puts a session into the store.
func (s *sessionStore) keep(ses *session) {
	s.byHash[ses.hash] = ses
	s.byID[ses.id] = ses
	if ses.email.IsZero() {
		s.guests++
	}
}

// seen counts activity.
func (s *sessionStore) seen(now time.Time, ses *session) {
	ses.lastSeen = now.UnixNano()
	if s.cfg.idle <= 0 || ses.lastSeen-ses.told < int64(time.Minute) {
		return
	}
	ses.told = ses.lastSeen
	for _, w := range s.watches {
		if w.Touched != nil {
			w.Touched(ses.id.Key())
		}
	}
}

// hasRoom says whether a person's session can be created.
func (s *sessionStore) hasRoom() bool { return len(s.byID) < s.cfg.maxSessions || s.idlest() != nil }

// idlest returns, of the first sessions in the order of the map, a guest's or else the one without activity for
// longest; nil if none is idle. Those with hooks, which is with WebSockets, are not, nor are those that have WebSockets
// at the version before.
func (s *sessionStore) idlest() (idlest *session) {
	seen, older := 0, len(s.watches) > 0 && !s.yielded
	for _, ses := range s.byID {
		if len(ses.hooks) == 0 && (!older || !ses.elsewhere) && (idlest == nil || idler(ses, idlest)) {
			idlest = ses
		}
		if seen++; seen == evictionSample {
			break
		}
	}
	return idlest
}

func idler(a, b *session) bool {
	if a.email.IsZero() != b.email.IsZero() {
		return a.email.IsZero()
	}
	return a.lastSeen < b.lastSeen
}

// lookup returns the live session of a token and counts as activity; nil if there is none.
func (s *sessionStore) lookup(now time.Time, t token) *session {
	ses := s.byHash[t.hash()]
	if ses == nil || s.over(now, ses) {
		return nil
	}
	s.seen(now, ses)
	return ses
}

// touch counts activity.
func (s *sessionStore) touch(now time.Time, id SessionID) {
	if ses := s.byID[id]; ses != nil && !s.over(now, ses) {
		s.seen(now, ses)
	}
}

// over says whether the session's time is over.
func (s *sessionStore) over(now time.Time, ses *session) bool {
	if !now.Before(ses.expires) {
		return true
	}
	return s.cfg.idle > 0 && !s.yielded && now.UnixNano()-ses.lastSeen >= int64(s.cfg.idle)
}

// revoke ends a session and returns the callbacks to run.
func (s *sessionStore) revoke(id SessionID) []func() {
	ses := s.byID[id]
	if ses == nil {
		return nil
	}
	if len(s.watches) > 0 {
		if len(s.gone) >= maxGone {
			for other := range s.gone {
				delete(s.gone, other)
				break
			}
		}
		s.gone[id] = goneSweeps
	}
	for _, w := range s.watches {
		if w.Ended != nil {
			w.Ended(ses.id.Key())
		}
	}
	return s.remove(ses)
}

// remove forgets a session without telling watches, and returns the callbacks to run.
func (s *sessionStore) remove(ses *session) []func() {
	delete(s.byID, ses.id)
	delete(s.byHash, ses.hash)
	if ses.email.IsZero() {
		s.guests--
	}
	hooks := make([]func(), 0, len(ses.hooks))
	for _, f := range ses.hooks {
		hooks = append(hooks, f)
	}
	return hooks
}

// sweep ends all sessions whose time is over. It returns whose they were, and the callbacks to run. It looks at every
// session (some milliseconds at 100,000), so call it about once a minute; lookup does not depend on it.
func (s *sessionStore) sweep(now time.Time) (ended []Email, hooks []func()) {
	for id, left := range s.gone {
		if s.gone[id] = left - 1; left <= 1 {
			delete(s.gone, id)
		}
	}
	for id, ses := range s.byID {
		if !s.over(now, ses) {
			continue
		}
		ended = append(ended, ses.email)
		if now.Before(ses.expires) {
			hooks = append(hooks, s.revoke(id)...)
		} else { // every version knows its time; many may end at once
			hooks = append(hooks, s.remove(ses)...)
		}
	}
	return ended, hooks
}

// addHook adds a callback to a live session; ok is false if there is no such session or it has maxHooks already.
func (s *sessionStore) addHook(now time.Time, id SessionID, f func()) (hook uint64, ok bool) {
	ses := s.byID[id]
	if ses == nil || s.over(now, ses) || len(ses.hooks) >= maxHooks {
		return 0, false
	}
	if ses.hooks == nil {
		ses.hooks = make(map[uint64]func(), 1)
	}
	s.nextHook++
	ses.hooks[s.nextHook] = f
	return s.nextHook, true
}

// removeHook removes a callback.
func (s *sessionStore) removeHook(id SessionID, hook uint64) {
	if ses := s.byID[id]; ses != nil {
		delete(ses.hooks, hook)
		if len(ses.hooks) == 0 {
			ses.hooks = nil
		}
	}
}
