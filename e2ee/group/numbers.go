package group

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Numbers that people compare (docs/e2ee.md, section 15). They take 0.2 s to make: on demand only.

const (
	compareFor       = 5 * time.Minute // how long a comparison is shown
	maxAuthenticator = 16              // epochs of which a number can still be shown
	numberSize       = 30              // bytes: six groups of five digits
)

// numbers is what may be compared.
type numbers struct {
	last  []authenticator // newest last; at most maxAuthenticator
	shown *Comparison
}

type authenticator struct {
	epoch  uint64
	secret []byte
	people []Key
}

// Comparison is a number that people compare now: that of one epoch, with the people of that epoch.
type Comparison struct {
	Epoch  uint64
	By     Key
	People []Key
	Until  time.Time
}

// entered keeps the authenticator of a new epoch.
func (n *numbers) entered(s *Session) {
	pub := s.cur.public
	if len(n.last) > 0 && n.last[len(n.last)-1].epoch >= pub.epoch { // another group than before
		n.last, n.shown = nil, nil
	}
	n.last = append(n.last, authenticator{pub.epoch, s.cur.group.Authenticator(), pub.leaves})
	if len(n.last) > maxAuthenticator {
		n.last = n.last[1:]
	}
}

func (n *numbers) of(epoch uint64) *authenticator {
	i := slices.IndexFunc(n.last, func(a authenticator) bool { return a.epoch == epoch })
	if i < 0 {
		return nil
	}
	return &n.last[i]
}

// Compare fixes the present epoch: everybody is shown its number for five minutes.
func (s *Session) Compare(now time.Time) error {
	if !s.mayTalk(now) {
		return ErrNotReady
	}
	epoch := s.cur.public.epoch
	if !s.whisper(append([]byte{appCompare}, u64(epoch)...)) {
		return ErrNotReady
	}
	s.compared(now, s.self, epoch)
	return nil
}

// compared takes that a member wants to compare the number of an epoch. One that is shown is not replaced by others.
func (s *Session) compared(now time.Time, by Key, epoch uint64) {
	a := s.numbers.of(epoch)
	if a == nil || by != s.self && s.Comparison(now) != nil {
		return
	}
	people := slices.DeleteFunc(slices.Clone(a.people), func(k Key) bool { return k == Key{} })
	s.numbers.shown = &Comparison{Epoch: epoch, By: by, People: people, Until: now.Add(compareFor)}
	s.notice(Notice{Kind: NoticeCompare, From: by, Epoch: epoch})
}

// Comparison is what is compared now; nil: nothing is.
func (s *Session) Comparison(now time.Time) *Comparison {
	if c := s.numbers.shown; c != nil && now.Before(c.Until) {
		return c
	}
	return nil
}

// Same says which of the people with whom a person compared may be marked as verified: those that the number which is
// shown is about, and no one else.
func (s *Session) Same(now time.Time, with []Key) []Key {
	c := s.Comparison(now)
	if c == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(with), func(k Key) bool { return k == s.self || !slices.Contains(c.People, k) })
}

// Number is the safety number of the meeting in an epoch: six groups of five digits. It takes 0.2 s.
func (s *Session) Number(epoch uint64) (string, error) {
	a := s.numbers.of(epoch)
	if a == nil {
		return "", ErrNotHere
	}
	return digits(a.secret, fields("code", s.groupID(), u64(epoch)), numberSize)
}

func (s *Session) groupID() []byte {
	if s.cur == nil {
		return nil
	}
	return s.cur.public.group
}

// digits are the groups of five digits of a secret.
func digits(secret, salt []byte, size int) (string, error) {
	c, err := pbkdf2.Key(sha256.New, string(secret), salt, codeRounds, size)
	if err != nil {
		return "", fmt.Errorf("e2ee: number: %w", err)
	}
	var groups []string
	for ; len(c) > 0; c = c[5:] {
		n := binary.BigEndian.Uint64(append(make([]byte, 3, 8), c[:5]...))
		groups = append(groups, fmt.Sprintf("%05d", n%100000))
	}
	return strings.Join(groups, " "), nil
}
