package auth

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	"unique"
)

// Carried is a part of what one version of the server gives the next, from memory to memory: sessions, open codes, and
// the keys that they need. No verb of fmt, no logger and no encoder prints it.
type Carried struct{ h unique.Handle[string] } // a string for the reason that Email's is

// CarriedFrom takes a part as it came from another version. Take believes nothing of it.
func CarriedFrom(b []byte) Carried { return Carried{unique.Make(string(b))} }

// Reveal returns the bytes, for the socket between two versions. Never for a log.
func (c Carried) Reveal() []byte {
	if c == (Carried{}) {
		return nil
	}
	return []byte(c.h.Value())
}

// Format prints "[redacted]" for every verb.
func (c Carried) Format(f fmt.State, _ rune) { redact(f) }

// LogValue redacts c in slog.
func (c Carried) LogValue() slog.Value { return redactedLog() }

// MarshalText redacts c in encoders, JSON among them.
func (c Carried) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// carriedPart is how large a part is, about: a message between two versions carries 32 KiB.
const carriedPart = 30 << 10

// What a part consists of: records, each of which begins with its kind.
const (
	carriedTime      = 't' // the sender's, which the times of the records after it go by
	carriedKeys      = 'k'
	carriedSession   = 's'
	carriedChallenge = 'c'
)

var errCarried = errors.New("auth: not what a version of the server gives another")

// Watch hears what becomes of sessions, for another version of the server. Its functions are called with locks held:
// they must not wait and not call the Service. nil ignores.
type Watch struct {
	Opened  func(Carried)        // a session was opened
	Ended   func(session string) // SessionID.Key of one that has ended
	Touched func(session string) // of one that was active, at most once a minute; with an idle limit only
}

// maxWatches is how many versions one may talk to: the one before and the one after it.
const maxWatches = 2

// Hand returns the sessions and open codes, and has w hear from then on: nothing is told twice and nothing is missed.
// stop ends that.
func (s *Service) Hand(w *Watch) (parts []Carried, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stop = s.watch(w)
	p := &packer{head: packTime(s.deps.Now())}
	p.add(append(append([]byte{carriedKeys}, s.otp.key[:]...), s.known.key[:]...))
	for _, ses := range s.sessions.byID {
		p.add(ses.pack())
	}
	for _, id := range s.otp.order {
		if c := s.otp.open[id]; c != nil {
			p.add(c.pack(id))
		}
	}
	return p.parts(), stop
}

// Watch has w hear what becomes of sessions until stop is called.
func (s *Service) Watch(w *Watch) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watch(w)
}

// watch takes s locked.
func (s *Service) watch(w *Watch) (stop func()) {
	if len(s.sessions.watches) < maxWatches {
		s.sessions.watches = append(s.sessions.watches, w)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, other := range s.sessions.watches {
			if other == w {
				s.sessions.watches = append(s.sessions.watches[:i:i], s.sessions.watches[i+1:]...)
				return
			}
		}
	}
}

// Yield leaves it to the version that has taken over to end sessions without activity: it sees more of it.
func (s *Service) Yield() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.yielded = true
}

// Take takes a part of what another version's Hand has returned, or told a Watch. Of what is malformed nothing is taken
// from the first fault on; what does not fit into this version's bounds is left out.
func (s *Service) Take(part Carried) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.deps.Now()
	for u := (unpacker{b: part.Reveal()}); len(u.b) > 0; {
		switch u.byte() {
		case carriedTime:
			theirs, ok := u.time()
			if !ok {
				return errCarried
			}
			u.shift = now.Sub(theirs)
		case carriedKeys:
			var otp, known [32]byte
			if !u.bytes(otp[:]) || !u.bytes(known[:]) {
				return errCarried
			}
			s.otp.key, s.known.key = otp, known
		case carriedSession:
			ses, ok := u.session()
			if !ok {
				return errCarried
			}
			s.sessions.adopt(now, ses)
		case carriedChallenge:
			id, c, ok := u.challenge()
			if !ok {
				return errCarried
			}
			s.otp.adopt(now, id, c)
		default:
			return errCarried
		}
	}
	return nil
}

// RequestSession is the session that a request comes with, for the older version that it is passed on to; "" without
// one. It counts as activity.
func (s *Service) RequestSession(r *http.Request) string {
	who, err := s.Authenticate(r)
	if err != nil || who.Bot {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.sessions.byID[who.Session]
	if ses == nil {
		return ""
	}
	if r.Header.Get("Upgrade") != "" {
		ses.elsewhere = true // a WebSocket
	}
	return base64.StdEncoding.EncodeToString(append(packTime(s.deps.Now()), ses.pack()...))
}

// TakeRequestSession takes what the newer version's RequestSession has returned.
func (s *Service) TakeRequestSession(text string) error {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) <= timeLen || b[0] != carriedTime || b[timeLen] != carriedSession {
		return errCarried
	}
	return s.Take(CarriedFrom(b))
}

// EndSession ends the session of that SessionID.Key, if there is one.
func (s *Service) EndSession(key string) {
	if id, ok := sessionIDOf(key); ok {
		s.Revoke(id)
	}
}

// TouchSession counts activity of the session of that SessionID.Key.
func (s *Service) TouchSession(key string) {
	if id, ok := sessionIDOf(key); ok {
		s.Touch(id)
	}
}

// packer gathers records into parts.
type packer struct {
	head []byte // what each part begins with
	done []Carried
	b    []byte
}

func (p *packer) add(record []byte) {
	if len(p.b)+len(record) > carriedPart {
		p.flush()
	}
	if len(p.b) == 0 {
		p.b = append(p.b, p.head...)
	}
	p.b = append(p.b, record...)
}

func (p *packer) flush() {
	if len(p.b) > 0 {
		p.done = append(p.done, CarriedFrom(p.b))
		p.b = p.b[:0]
	}
}

func (p *packer) parts() []Carried {
	p.flush()
	return p.done
}

func appendTime(b []byte, unixNano int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(unixNano)) //nolint:gosec // read the same way
}

// timeLen is the length of what packTime returns.
const timeLen = 1 + 8

// packTime writes the sender's time as a record. The clocks of two processes may differ, once the machine's was set.
func packTime(now time.Time) []byte { return appendTime([]byte{carriedTime}, now.UnixNano()) }

func appendEmail(b []byte, e Email) []byte {
	address := e.Reveal()
	return append(append(b, byte(len(address))), address...) // at most maxAddress
}

// pack writes a session as a record.
func (ses *session) pack() []byte {
	b := append([]byte{carriedSession}, ses.hash[:]...)
	b = append(b, ses.id.h.Value()...)
	b = appendTime(b, ses.expires.UnixNano())
	b = appendTime(b, ses.lastSeen)
	used := byte(0)
	if len(ses.hooks) > 0 || ses.elsewhere {
		used = 1
	}
	b = append(b, used)
	return appendEmail(b, ses.email)
}

// pack writes a challenge as a record.
func (c *challenge) pack(id challengeID) []byte {
	b := append([]byte{carriedChallenge}, id[:]...)
	b = append(b, c.mac[:]...)
	b = appendTime(b, c.expires.UnixNano())
	short := byte(0)
	if c.short {
		short = 1
	}
	b = append(b, byte(c.tries), short) // at most 5
	return appendEmail(b, c.email)
}

// unpacker reads records.
type unpacker struct {
	b     []byte
	shift time.Duration // from the sender's clock to ours
}

func (u *unpacker) byte() byte {
	if len(u.b) == 0 {
		return 0
	}
	v := u.b[0]
	u.b = u.b[1:]
	return v
}

func (u *unpacker) bytes(dst []byte) bool {
	n := copy(dst, u.b)
	u.b = u.b[n:]
	return n == len(dst)
}

// time reads a time, of our clock.
func (u *unpacker) time() (t time.Time, ok bool) {
	var b [8]byte
	ok = u.bytes(b[:])
	unixNano := int64(binary.BigEndian.Uint64(b[:])) //nolint:gosec // written the same way
	return time.Unix(0, unixNano).Add(u.shift), ok && unixNano >= 0
}

// email reads an address; empty is a guest's.
func (u *unpacker) email() (e Email, ok bool) {
	if len(u.b) == 0 {
		return Email{}, false
	}
	text := make([]byte, u.byte())
	if !u.bytes(text) {
		return Email{}, false
	}
	if len(text) == 0 {
		return Email{}, true
	}
	e, err := ParseEmail(string(text))
	return e, err == nil && e.Reveal() == string(text)
}

func (u *unpacker) session() (*session, bool) {
	ses := &session{}
	var id [16]byte
	if !u.bytes(ses.hash[:]) || !u.bytes(id[:]) {
		return nil, false
	}
	ses.id = SessionID{unique.Make(string(id[:]))}
	var ok bool
	if ses.expires, ok = u.time(); !ok {
		return nil, false
	}
	seen, ok := u.time()
	if !ok {
		return nil, false
	}
	ses.lastSeen, ses.elsewhere = max(seen.UnixNano(), 0), u.byte() == 1
	ses.email, ok = u.email()
	return ses, ok
}

func (u *unpacker) challenge() (id challengeID, c *challenge, ok bool) {
	c = &challenge{}
	if !u.bytes(id[:]) || !u.bytes(c.mac[:]) {
		return id, nil, false
	}
	if c.expires, ok = u.time(); !ok || len(u.b) < 2 {
		return id, nil, false
	}
	c.tries, c.short = int(u.byte()), u.byte() == 1
	c.email, ok = u.email()
	return id, c, ok && !c.email.IsZero()
}

// adopt takes a session of another version. One that is known keeps the later activity. In a full store it takes the
// place of an idle one, or is left out; the other version is not told, which has its own bounds.
func (s *sessionStore) adopt(now time.Time, ses *session) {
	if !now.Before(ses.expires) || ses.expires.Sub(now) > s.cfg.ttl+time.Minute {
		return // over; or longer than any of ours may last
	}
	if s.gone[ses.id] > 0 {
		return // a request was on its way when it was ended
	}
	if known := s.byID[ses.id]; known != nil || s.byHash[ses.hash] != nil {
		if known != nil && known.hash == ses.hash {
			known.lastSeen = max(known.lastSeen, min(ses.lastSeen, now.UnixNano()))
		}
		return
	}
	guest := ses.email.IsZero()
	if len(s.byID) >= s.cfg.maxSessions || guest && s.guests >= s.cfg.maxGuests {
		idle := s.idlest()
		if idle == nil || guest && !idle.email.IsZero() {
			return
		}
		s.remove(idle)
	}
	ses.lastSeen = min(ses.lastSeen, now.UnixNano())
	s.keep(ses)
}

// adopt takes a challenge of another version.
func (s *otpStore) adopt(now time.Time, id challengeID, c *challenge) {
	if !now.Before(c.expires) || c.expires.Sub(now) > s.cfg.ttl || s.open[id] != nil ||
		len(s.order) >= s.cfg.maxChallenges || c.tries > s.cfg.tries {
		return
	}
	if c.short {
		s.exposed += s.cfg.tries - c.tries
	}
	s.open[id] = c
	s.order = append(s.order, id)
}
