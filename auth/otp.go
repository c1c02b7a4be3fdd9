package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// challengeID is the random value in the cookie that binds a code to the browser that asked for it.
type challengeID [32]byte

func (id challengeID) encode() string { return hex.EncodeToString(id[:]) }

// parseChallengeID reads a cookie's value; ok is false for anything but 64 lower-case hexadecimal digits.
func parseChallengeID(s string) (id challengeID, ok bool) {
	return id, decodeHex32(id[:], s)
}

// decodeHex32 decodes exactly 64 lower-case hexadecimal digits: one value has one spelling.
func decodeHex32(dst []byte, s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

var (
	// errCodeWrong: the code is not the one that was sent; more tries are left.
	errCodeWrong = errors.New("wrong code")
	// errCodeGone: there is no code to compare with: unknown, expired, used, replaced by a newer one, or locked.
	errCodeGone = errors.New("code expired")
	// errTooManyChallenges: the store is at its bound.
	errTooManyChallenges = errors.New("too many open challenges")
)

// longDigits is the length of a code that is not short.
const longDigits = 8

// guessWindow is the window of otpConfig.shortGuesses, and no shorter than a code lives.
const guessWindow = 10 * time.Minute

type otpConfig struct {
	digits        int           // of a short code
	ttl           time.Duration // from issue to expiry
	tries         int           // wrong tries that lock a challenge
	maxChallenges int           // bound of the store, superseded ones included until they expire
	shortGuesses  int           // wrong tries at short codes in any guessWindow
}

type challenge struct {
	email   Email
	mac     [sha256.Size]byte
	expires time.Time
	tries   int
	short   bool
}

// otpStore holds the open challenges. It is pure: no clock, no lock. A code is never kept: what is kept is
// HMAC-SHA256(process key, challenge ‖ address ‖ code), so that a copy of the memory's challenges without the key
// says nothing, and a code fits one challenge and one address only.
//
// Guessing is bounded without ever refusing a right code: a short code is given out only while its tries, those left
// at all other short codes, and the wrong ones of the last ten minutes stay within shortGuesses. Other codes are
// longer.
type otpStore struct {
	cfg    otpConfig
	key    [32]byte
	random io.Reader

	open    map[challengeID]*challenge // at most cfg.maxChallenges
	order   []challengeID              // by time of issue, which is the order of expiry; at most cfg.maxChallenges
	exposed int                        // tries left at open short codes
	wrong   *Limiter[struct{}]         // wrong tries at short codes
}

func newOTPStore(cfg otpConfig, random io.Reader) (*otpStore, error) {
	s := &otpStore{
		cfg: cfg, random: random, open: map[challengeID]*challenge{},
		wrong: NewLimiter[struct{}](LimiterConfig{Limit: cfg.shortGuesses, Window: guessWindow, MaxKeys: 1}),
	}
	if _, err := io.ReadFull(random, s.key[:]); err != nil {
		return nil, fmt.Errorf("making the process key: %w", err)
	}
	return s, nil
}

// issue opens a challenge for an address and returns the code to be sent. The challenge that it replaces, the same
// browser's earlier one for the same address, is void. Those of other browsers stay good: asking for a code for
// another's address takes nothing from them.
func (s *otpStore) issue(now time.Time, email Email, replaces challengeID) (id challengeID, code string, err error) {
	s.expire(now)
	if len(s.order) >= s.cfg.maxChallenges {
		return id, "", errTooManyChallenges
	}
	if _, err = io.ReadFull(s.random, id[:]); err != nil {
		return id, "", fmt.Errorf("making a challenge: %w", err)
	}
	if old := s.open[replaces]; old != nil && old.email == email {
		s.drop(replaces)
	}
	digits := s.digits(now)
	if code, err = randomDigits(s.random, digits); err != nil {
		return id, "", err
	}
	c := &challenge{email: email, mac: s.mac(id, email, code), expires: now.Add(s.cfg.ttl), short: digits < longDigits}
	if c.short {
		s.exposed += s.cfg.tries
	}
	s.open[id] = c
	s.order = append(s.order, id)
	return id, code, nil
}

// digits is the length of the next code.
func (s *otpStore) digits(now time.Time) int {
	if s.wrong.Count(now, struct{}{})+s.exposed+s.cfg.tries > s.cfg.shortGuesses {
		return longDigits
	}
	return s.cfg.digits
}

// isOpen says whether a challenge can still be answered.
func (s *otpStore) isOpen(now time.Time, id challengeID) bool {
	c := s.open[id]
	return c != nil && now.Before(c.expires) && c.tries < s.cfg.tries
}

// verify compares a code. Success uses the challenge up. Each wrong try counts before it is compared; the last
// allowed one locks the challenge for the rest of its life : errCodeGone. A wrong code returns the address too. Only
// a challenge that is open counts: an invented one costs nothing.
func (s *otpStore) verify(now time.Time, id challengeID, code string) (Email, error) {
	c := s.open[id]
	if c == nil || !now.Before(c.expires) || c.tries >= s.cfg.tries {
		return Email{}, errCodeGone
	}
	c.tries++
	if c.short {
		s.exposed--
	}
	mac := s.mac(id, c.email, code)
	if hmac.Equal(mac[:], c.mac[:]) {
		s.drop(id)
		return c.email, nil
	}
	if c.short {
		s.wrong.Take(now, struct{}{})
	}
	if c.tries >= s.cfg.tries {
		return c.email, errCodeGone
	}
	return c.email, errCodeWrong
}

// expire forgets challenges whose time is over.
func (s *otpStore) expire(now time.Time) {
	n := 0
	for n < len(s.order) {
		c := s.open[s.order[n]]
		if c != nil && now.Before(c.expires) {
			break
		}
		s.drop(s.order[n])
		n++
	}
	// Copied down rather than re-sliced, so that the array does not creep through memory.
	s.order = append(s.order[:0], s.order[n:]...)
}

// drop voids a challenge.
func (s *otpStore) drop(id challengeID) {
	c := s.open[id]
	if c == nil {
		return
	}
	if c.short {
		s.exposed -= s.cfg.tries - c.tries
	}
	delete(s.open, id)
}

// mac binds code to challenge and address. The address's length goes first, so that no two inputs share an encoding.
func (s *otpStore) mac(id challengeID, email Email, code string) (sum [sha256.Size]byte) {
	address := email.Reveal()
	h := hmac.New(sha256.New, s.key[:])
	h.Write(id[:])
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(address)))) //nolint:gosec // at most maxAddress
	h.Write([]byte(address))
	h.Write([]byte(code))
	h.Sum(sum[:0])
	return sum
}

// randomDigits returns n uniformly random decimal digits.
func randomDigits(random io.Reader, n int) (string, error) {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(random, limit)
	if err != nil {
		return "", fmt.Errorf("making a code: %w", err)
	}
	return fmt.Sprintf("%0*d", n, v), nil
}
