package reach

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the size of a key that TURN prescribes
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"time"

	"conclave/reach/turn"
)

const (
	// perSeat bounds the allocations of one credential. Firefox makes two for each PeerConnection and URL, and an ICE
	// restart as many again before the old ones go: 12 for three URLs.
	perSeat = 16
	// maxSeats and maxChecks bound the credentials at once.
	maxSeats  = 65_536
	maxChecks = 1024
	// CheckLifetime is how long the credentials of a check last.
	CheckLifetime = time.Minute
)

// ErrTooMany is returned when there are as many credentials as there may be.
var ErrTooMany = errors.New("reach: too many credentials")

// Credential is a user name and a password for the relay.
type Credential struct{ Username, Password string }

// Credentials knows who may relay. A user name says until when it is good, and the password is a MAC over it, so that
// no password is kept. A seat's credential ends with the seat, and its allocations end then too. It is a turn.Users.
// Safe for concurrent use.
type Credentials struct {
	key [32]byte

	mu     sync.Mutex
	users  map[string]*user // at most maxSeats and maxChecks
	seats  int
	checks int
	last   uint64
}

// user is one credential that is good.
type user struct {
	check  bool // it reaches the echo, not the engine
	until  time.Time
	owners map[turn.Owner]struct{} // of its allocations: at most perSeat
}

// NewCredentials makes an empty set, with a key of its own: credentials do not outlive the process.
func NewCredentials() *Credentials {
	c := &Credentials{users: make(map[string]*user)}
	_, _ = rand.Read(c.key[:]) // never fails (crypto/rand)
	return c
}

// Seat makes the credential of a seat that ends at the given time at the latest. end, which may be called more than
// once, ends it with its allocations; it does not wait.
func (c *Credentials) Seat(until time.Time) (cred Credential, end func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seats >= maxSeats {
		return Credential{}, nil, ErrTooMany
	}
	c.seats++
	cred = c.add("s", &user{until: until})
	return cred, func() { c.end(cred.Username) }, nil
}

// Check makes a credential that reaches the echo only, for CheckLifetime.
func (c *Credentials) Check(now time.Time) (Credential, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checks >= maxChecks {
		c.sweep(now)
	}
	if c.checks >= maxChecks {
		return Credential{}, ErrTooMany
	}
	c.checks++
	return c.add("c", &user{check: true, until: now.Add(CheckLifetime)}), nil
}

// add takes c locked.
func (c *Credentials) add(kind string, u *user) Credential {
	var id [12]byte
	c.last++
	binary.BigEndian.PutUint64(id[4:], c.last) // no two are the same
	_, _ = rand.Read(id[:8])                   // never fails (crypto/rand)
	name := strconv.FormatInt(u.until.Unix(), 10) + ":" + kind + ":" + base64.RawURLEncoding.EncodeToString(id[:])
	c.users[name] = u
	return Credential{Username: name, Password: c.password(name)}
}

func (c *Credentials) password(username string) string {
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write([]byte(username))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// sweep ends the checks whose time is over. It takes c locked.
func (c *Credentials) sweep(now time.Time) {
	for name, u := range c.users {
		if u.check && !u.until.After(now) {
			c.remove(name)
		}
	}
}

func (c *Credentials) end(username string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(username)
}

// remove takes c locked.
func (c *Credentials) remove(username string) {
	u := c.users[username]
	if u == nil {
		return
	}
	delete(c.users, username)
	if u.check {
		c.checks--
	} else {
		c.seats--
	}
	for owner := range u.owners {
		owner.End()
	}
}

// Key implements turn.Users.
func (c *Credentials) Key(now time.Time, username string) (key [md5.Size]byte, ok bool) {
	c.mu.Lock()
	u := c.users[username]
	ok = u != nil && u.until.After(now)
	c.mu.Unlock()
	if !ok {
		return key, false
	}
	return turn.LongTermKey(username, c.password(username)), true
}

// Knows says whether a user name is one of this process's.
func (c *Credentials) Knows(username string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.users[username] != nil
}

// Open implements turn.Users.
func (c *Credentials) Open(now time.Time, username string, owner turn.Owner) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users[username]
	if u == nil || !u.until.After(now) || len(u.owners) >= perSeat {
		return false
	}
	if u.owners == nil {
		u.owners = make(map[turn.Owner]struct{})
	}
	u.owners[owner] = struct{}{}
	return true
}

// Close implements turn.Users.
func (c *Credentials) Close(username string, owner turn.Owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u := c.users[username]; u != nil {
		delete(u.owners, owner)
	}
}

// onlyChecks says whether a user reaches the echo only. One that is no more reaches nothing else either.
func (c *Credentials) onlyChecks(username string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users[username]
	return u == nil || u.check
}
