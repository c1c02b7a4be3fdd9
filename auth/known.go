package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
)

// knownFor is how long a network is remembered after someone signed in from it, and how long a browser's mark lasts.
const (
	knownNetworkFor = 24 * time.Hour
	knownBrowserFor = 30 * 24 * time.Hour
)

// browserID is the random part of a browser's mark. The zero value is no mark.
type browserID [16]byte

// known remembers who has behaved well: the networks from which someone has signed in, by address, and the browsers,
// by a cookie that only this process can make and that is good for one mailbox. Strangers fill no line in which these
// wait. Pure; not safe for concurrent use.
//
// The cookie is the device cookie of OWASP's "Slow Down Online Guessing Attacks with Device Cookies". It opens
// nothing, it names no one (it holds a random number, an end and a MAC), and it dies with the process that made it.
type known struct {
	key      [32]byte
	random   io.Reader
	networks *Limiter[ClientIP] // who has signed in from there in knownNetworkFor; at most MaxKeys
}

func newKnown(maxKeys int, random io.Reader) (*known, error) {
	k := &known{
		random:   random,
		networks: NewLimiter[ClientIP](LimiterConfig{Limit: 1, Window: knownNetworkFor, MaxKeys: maxKeys}),
	}
	if _, err := io.ReadFull(random, k.key[:]); err != nil {
		return nil, fmt.Errorf("making the browsers' key: %w", err)
	}
	return k, nil
}

// noteNetwork remembers that someone signed in from client's network.
func (k *known) noteNetwork(now time.Time, client ClientIP) { k.networks.Take(now, client.LimitKey()) }

// network says whether someone has signed in from client's network lately.
func (k *known) network(now time.Time, client ClientIP) bool {
	return k.networks.Count(now, client.LimitKey()) > 0
}

// mark makes the cookie for a browser that has signed in with a mailbox: hex(random, 16 bytes ‖ end, 8 bytes ‖ MAC).
func (k *known) mark(now time.Time, mailbox Email) (string, error) {
	b := make([]byte, len(browserID{}), len(browserID{})+8+sha256.Size)
	if _, err := io.ReadFull(k.random, b); err != nil {
		return "", fmt.Errorf("making a browser's mark: %w", err)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(now.Add(knownBrowserFor).Unix())) //nolint:gosec // after 1970
	return hex.EncodeToString(append(b, k.mac(b, mailbox)...)), nil
}

// browser returns the browser of a mark; zero if it is not one of ours, not for this mailbox, or over.
func (k *known) browser(now time.Time, mark string, mailbox Email) (id browserID) {
	b, err := hex.DecodeString(mark)
	body := len(id) + 8
	if err != nil || len(b) != body+sha256.Size || strings.ToLower(mark) != mark {
		return id
	}
	if !hmac.Equal(k.mac(b[:body], mailbox), b[body:]) {
		return id
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(b[len(id):])) { //nolint:gosec // ours
		return id
	}
	return browserID(b[:len(id)])
}

func (k *known) mac(body []byte, mailbox Email) []byte {
	h := hmac.New(sha256.New, k.key[:])
	h.Write([]byte("browser"))
	h.Write(body)
	h.Write([]byte(mailbox.Reveal()))
	return h.Sum(nil)
}
