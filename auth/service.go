package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrUnauthenticated is returned by Authenticate when a request carries no valid session or token.
var ErrUnauthenticated = errors.New("not signed in")

// Event is something counted. The set is closed: it may label a metric.
type Event string

// The events.
const (
	EventCodeIssued     Event = "code_issued"
	EventCodeLimited    Event = "code_limited"
	EventVerifyOK       Event = "verify_ok"
	EventVerifyWrong    Event = "verify_wrong"
	EventVerifyGone     Event = "verify_gone"
	EventProofAsked     Event = "proof_asked"
	EventProofTaken     Event = "proof_taken"
	EventProofRefused   Event = "proof_refused"
	EventGuest          Event = "guest"
	EventGuestLimited   Event = "guest_limited"
	EventSignedOut      Event = "signed_out"
	EventMailSent       Event = "mail_sent"
	EventMailRetried    Event = "mail_retried"
	EventMailFailed     Event = "mail_failed"
	EventMailRefused    Event = "mail_refused"
	EventMailDiscarded  Event = "mail_discarded"
	EventMailDropped    Event = "mail_dropped"
	EventRequestLimited Event = "request_limited"
)

// Events returns all events, so that each counter exists from the start.
func Events() []Event {
	return []Event{
		EventCodeIssued, EventCodeLimited, EventVerifyOK, EventVerifyWrong, EventVerifyGone,
		EventProofAsked, EventProofTaken, EventProofRefused, EventGuest, EventGuestLimited, EventSignedOut, EventMailSent,
		EventMailRetried, EventMailFailed, EventMailRefused, EventMailDiscarded, EventMailDropped, EventRequestLimited,
	}
}

// Config configures a Service. A zero field means the default (DefaultConfig). The fields with a group are the
// operator's options: their comments are what `conclave serve --help` and docs/configuration.md say.
type Config struct {
	// Only people with an address in these domains may create meetings. Sub-domains do not count. Default: everyone who
	// signs in.
	HostDomains []string `name:"host-domains" group:"People" placeholder:"DOMAIN"`
	// Only people with an address in these domains may sign in. Others get the same answers, and no mail. Sub-domains do
	// not count. Default: everyone.
	SignInDomains []string `name:"sign-in-domains" group:"People" placeholder:"DOMAIN"`
	// Let people without an e-mail address join as guests. Guests wait in the lobby until a host admits them, can join
	// only meetings that have a lobby and whose creator allows guests, and cannot create meetings. They hold at most a
	// quarter of `max_sessions`.
	Guests bool `name:"guests" group:"People"`
	// Let bots flood this server and guess passwords of their own meetings, to test it. On loopback they may do so without
	// it.
	BotAttacks bool `name:"bot-attacks" group:"People"`

	// Digits of a sign-in code, 6 to 8.
	CodeDigits int `name:"code-digits" group:"Sign-in"`
	// How long a code is valid, 1 to 10 minutes.
	CodeTTL time.Duration `name:"code-ttl" group:"Sign-in"`
	// How long a session lasts, at least a minute.
	SessionTTL time.Duration `name:"session-ttl" group:"Sign-in"`
	// Ends a session after this long without activity; 0 for never.
	SessionIdle time.Duration `name:"session-idle" group:"Sign-in"`
	// Sessions at once. Beyond it, signing in ends an idle session; if there is none, it fails with server_full.
	MaxSessions int `name:"max-sessions" group:"Sign-in" min:"1"`

	// Limits on sign-in.
	Limits Limits `embed:""`

	// CodeTries is how many wrong codes lock a challenge, at most 5; MaxChallenges bounds the open ones.
	CodeTries, MaxChallenges int `kong:"-"`
	// BotTokens are the bearer tokens of bots, 64 to 256 lower-case hexadecimal digits each. A bot has no address and may
	// host.
	BotTokens []string `kong:"-"`
	// Insecure drops Secure and the __Host- prefix from cookies. For plain HTTP on loopback only.
	Insecure bool `kong:"-"`
}

// DefaultConfig is what applies where an operator sets nothing else.
func DefaultConfig() Config {
	return Config{
		CodeDigits: 6, CodeTTL: 10 * time.Minute, CodeTries: 5, MaxChallenges: 50_000,
		SessionTTL: 24 * time.Hour, MaxSessions: 100_000, Limits: DefaultLimits(),
	}
}

// Deps are what a Service needs from outside.
type Deps struct {
	// Mailer sends the codes; required.
	Mailer Mailer
	// Log receives operational messages, never anything about users; nil discards.
	Log *slog.Logger
	// Count counts an event; nil ignores it. Must not block.
	Count func(Event)
	// Recorder keeps the audit log; nil for none.
	Recorder Recorder
	// Now is the clock; nil means time.Now. Random is the source of randomness; nil means crypto/rand.
	Now    func() time.Time
	Random io.Reader
}

// Identity is who makes a request.
type Identity struct {
	// Session names the session (or the bot token) inside this process.
	Session SessionID
	// Email is the verified address; zero for guests and bots.
	Email Email
	// Guest says that nothing about this person was verified.
	Guest bool
	// Bot says that a bot token was used.
	Bot bool
	// CanHost says whether this identity may create meetings, MayAttack whether its operator lets it flood the server.
	CanHost, MayAttack bool
	// ExpiresAt is when the session ends at the latest. For bots it moves on with each request: their tokens do not end.
	ExpiresAt time.Time
}

// Person is what limits of people count by: the mailbox, or, of those without one, the session. It is comparable.
type Person struct {
	mailbox Email
	session SessionID
}

// Person returns who makes the request, as far as limits go.
func (id Identity) Person() Person {
	if id.Email.IsZero() {
		return Person{session: id.Session}
	}
	return Person{mailbox: id.Email.Mailbox()}
}

// Service signs people in and knows who is signed in. Safe for concurrent use.
type Service struct {
	cfg           Config
	deps          Deps
	mail          *mailQueue
	bots          map[[sha256.Size]byte]SessionID // fixed after New
	hostDomains   []string
	signInDomains []string
	requests      *throttle

	mu       sync.Mutex // guards what follows, all pure
	otp      *otpStore
	sessions *sessionStore
	limits   *codeLimits
	known    *known
	puzzles  *puzzles

	stop    context.CancelFunc
	janitor sync.WaitGroup
}

// sweepInterval is how often sessions whose time is over are ended (their WebSockets closed) and forgotten.
const sweepInterval = 30 * time.Second

// New makes a Service and starts its mail workers and its janitor; Close ends them.
func New(cfg Config, deps Deps) (*Service, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Mailer == nil {
		return nil, errors.New("auth: a mailer is needed")
	}
	deps = deps.withDefaults()
	s := &Service{
		cfg: cfg, deps: deps,
		sessions: newSessionStore(sessionConfig{
			ttl: cfg.SessionTTL, idle: cfg.SessionIdle, maxSessions: cfg.MaxSessions, maxGuests: max(1, cfg.MaxSessions/4),
		}, deps.Random),
		limits:   newCodeLimits(cfg.Limits),
		requests: newThrottle(cfg.Limits.AuthRequestsPerMinute, cfg.Limits.MaxKeys),
	}
	if err := s.makeKeys(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	var err error
	if s.bots, err = botIdentities(cfg.BotTokens, deps.Random); err != nil {
		return nil, err
	}
	if s.hostDomains, err = normaliseDomains(cfg.HostDomains); err != nil {
		return nil, err
	}
	if s.signInDomains, err = normaliseDomains(cfg.SignInDomains); err != nil {
		return nil, err
	}
	s.mail = newMailQueue(deps.Mailer, cfg.Limits.CodesPerMinute, deps.Log, deps.Count)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.janitor.Go(func() { s.sweepLoop(ctx) })
	return s, nil
}

// makeKeys makes what holds a key of this process.
func (s *Service) makeKeys() (err error) {
	codes := otpConfig{s.cfg.CodeDigits, s.cfg.CodeTTL, s.cfg.CodeTries, s.cfg.MaxChallenges, s.cfg.Limits.FailedVerifies}
	if s.otp, err = newOTPStore(codes, s.deps.Random); err != nil {
		return err
	}
	if s.known, err = newKnown(s.cfg.Limits.MaxKeys, s.deps.Random); err != nil {
		return err
	}
	s.puzzles, err = newPuzzles(s.deps.Random)
	return err
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	setDefault(&c.CodeDigits, d.CodeDigits)
	setDefault(&c.CodeTTL, d.CodeTTL)
	setDefault(&c.CodeTries, d.CodeTries)
	setDefault(&c.MaxChallenges, d.MaxChallenges)
	setDefault(&c.SessionTTL, d.SessionTTL)
	setDefault(&c.MaxSessions, d.MaxSessions)
	c.Limits = c.Limits.withDefaults()
	return c
}

// Validate checks the options. Its errors name the option, as the operator knows it.
func (c Config) Validate() error {
	switch {
	case c.CodeDigits < 6 || c.CodeDigits > 8:
		return errors.New("code_digits must be 6, 7 or 8")
	case c.CodeTTL < time.Minute || c.CodeTTL > 10*time.Minute:
		return errors.New("code_ttl must be between 1m and 10m")
	case c.SessionTTL < time.Minute:
		return errors.New("session_ttl must be at least 1m")
	case c.SessionIdle < 0:
		return errors.New("session_idle must not be negative")
	case c.CodeTries < 0 || c.CodeTries > 5 || c.MaxChallenges < 0 || c.MaxSessions < 0:
		return errors.New("auth: a bound is out of range")
	}
	for _, w := range c.Limits.CodeResendAfter {
		if w < 0 {
			return errors.New("code_resend_after must not be negative")
		}
	}
	for _, t := range c.BotTokens {
		if err := CheckBotToken(t); err != nil {
			return fmt.Errorf("bot_tokens: %w", err)
		}
	}
	return nil
}

func (d Deps) withDefaults() Deps {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Count == nil {
		d.Count = func(Event) {}
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Random == nil {
		d.Random = rand.Reader
	}
	return d
}

// botIdentities gives each token its SessionID. Tokens are compared by hash, so the time of a look-up says nothing.
func botIdentities(tokens []string, random io.Reader) (map[[sha256.Size]byte]SessionID, error) {
	bots := make(map[[sha256.Size]byte]SessionID, 2*len(tokens))
	for _, t := range tokens {
		for _, bearer := range []string{t, guestToken(t)} {
			id, err := newSessionID(random)
			if err != nil {
				return nil, fmt.Errorf("auth: %w", err)
			}
			bots[sha256.Sum256([]byte(bearer))] = id
		}
	}
	return bots, nil
}

// guestToken is the token of a bot token's guests: bots that are not the creators of meetings which are made with
// the token itself. They wait in waiting rooms and are asked for passwords (docs/protocol.md).
func guestToken(token string) string {
	sum := sha256.Sum256([]byte("conclave bot guest " + token))
	return hex.EncodeToString(sum[:])
}

func normaliseDomains(domains []string) ([]string, error) {
	out := make([]string, 0, len(domains))
	for _, d := range domains {
		n, err := normaliseDomain(strings.TrimSpace(d))
		if err != nil {
			return nil, fmt.Errorf("auth: %q is not a domain", d)
		}
		out = append(out, n)
	}
	return out, nil
}

// Close ends the workers. Mail that is still queued is dropped.
func (s *Service) Close() {
	s.stop()
	s.janitor.Wait()
	s.mail.close()
}

// MailHealth returns the state of mail sending.
func (s *Service) MailHealth() MailHealth { return s.mail.health() }

// OnRevoke has f called once when the session ends: logout, expiry, idle. f runs on the goroutine that ends the
// session, holds no lock of the Service and must not block. If the session is already over, or holds its bound of 64
// callbacks, f is called before OnRevoke returns. Identities of bots never end. cancel forgets f; it may be called at
// any time, from f too.
func (s *Service) OnRevoke(id SessionID, f func()) (cancel func()) {
	if s.isBot(id) {
		return func() {}
	}
	s.mu.Lock()
	hook, ok := s.sessions.addHook(s.deps.Now(), id, f)
	s.mu.Unlock()
	if !ok {
		f()
		return func() {}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sessions.removeHook(id, hook)
	}
}

// Touch counts activity of a session, for the idle limit.
func (s *Service) Touch(id SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.touch(s.deps.Now(), id)
}

// Revoke ends a session at once and runs its callbacks.
func (s *Service) Revoke(id SessionID) {
	s.mu.Lock()
	hooks := s.sessions.revoke(id)
	s.mu.Unlock()
	run(hooks)
}

func (s *Service) isBot(id SessionID) bool {
	for _, b := range s.bots {
		if b == id {
			return true
		}
	}
	return false
}

func (s *Service) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.sweep(ctx)
		}
	}
}

func (s *Service) sweep(ctx context.Context) {
	s.mu.Lock()
	now := s.deps.Now()
	s.otp.expire(now)
	ended, hooks := s.sessions.sweep(now)
	s.mu.Unlock()
	run(hooks)
	s.recordExpired(ctx, ended)
}

func run(hooks []func()) {
	for _, f := range hooks {
		f()
	}
}

func (s *Service) identity(ses *session) Identity {
	guest := ses.email.IsZero()
	return Identity{
		Session: ses.id, Email: ses.email, Guest: guest, CanHost: !guest && s.canHost(ses.email), ExpiresAt: ses.expires,
	}
}

func (s *Service) canHost(e Email) bool {
	return len(s.hostDomains) == 0 || slices.Contains(s.hostDomains, e.Domain())
}

func (s *Service) maySignIn(e Email) bool {
	return len(s.signInDomains) == 0 || slices.Contains(s.signInDomains, e.Domain())
}
