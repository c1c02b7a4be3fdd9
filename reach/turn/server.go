package turn

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the key of a long-term credential is an MD5 (RFC 8489 §9.2.2); browsers know no other
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"time"
)

// Realm is the realm of all credentials. It is short, because the answer to a request without credentials has it.
const Realm = "c"

const (
	// allocationLifetime is what an allocation gets and no more (RFC 8656 §3.2 recommends 10 minutes).
	allocationLifetime = 10 * time.Minute
	permissionLifetime = 5 * time.Minute  // RFC 8656 §9
	channelLifetime    = 10 * time.Minute // RFC 8656 §12
	nonceLifetime      = time.Hour        // RFC 8656 §5 recommends at least an hour

	minChannel, maxChannel = 0x4000, 0x4fff // RFC 8656 §12
)

// Users knows who may relay. Safe for concurrent use.
type Users interface {
	// Key returns the long-term key of a user name (see LongTermKey); ok is false if there is no such user now.
	Key(now time.Time, username string) (key [md5.Size]byte, ok bool)
	// Open takes a place for an allocation; it is false if the user has too many. Close gives it back.
	Open(now time.Time, username string, owner Owner) bool
	Close(username string, owner Owner)
}

// Owner is what a client's messages come over.
type Owner interface {
	// End is called when the user is no more: the allocation must end. It must not wait.
	End()
}

// LongTermKey is the key of a user name and a password (RFC 8489 §9.2.2).
func LongTermKey(username, password string) [md5.Size]byte {
	return md5.Sum([]byte(username + ":" + Realm + ":" + password)) //nolint:gosec // as above
}

// Server is what all clients share: whom the relay reaches and who may use it. It does not change. Safe for
// concurrent use.
type Server struct {
	peers    []netip.AddrPort // the whole world, as an allocation sees it
	users    Users
	nonceKey [32]byte
}

// NewServer makes a Server that relays to peers only. Duplicates are dropped.
func NewServer(peers []netip.AddrPort, users Users) *Server {
	s := &Server{users: users}
	seen := make(map[netip.AddrPort]bool, len(peers))
	for _, p := range peers {
		p = netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
		if !seen[p] {
			seen[p] = true
			s.peers = append(s.peers, p)
		}
	}
	_, _ = rand.Read(s.nonceKey[:]) // never fails (crypto/rand)
	return s
}

// NonceKey is the key of the server's nonces.
func (s *Server) NonceKey() [32]byte { return s.nonceKey }

// WithNonceKey returns a server that is the same but takes the nonces of the one that has the key: a client whose
// connection is passed on to it has got its nonce there. (Chromium gives up when its first request is told that its
// nonce is stale.)
func (s *Server) WithNonceKey(key [32]byte) *Server {
	other := *s
	other.nonceKey = key
	return &other
}

// Peers are the addresses that the relay reaches; data names them by their place in this list. They do not change.
func (s *Server) Peers() []netip.AddrPort { return s.peers }

// peer returns the place of an address in the list; -1 if the relay does not reach it.
func (s *Server) peer(a netip.AddrPort) int {
	for i, p := range s.peers {
		if p == a {
			return i
		}
	}
	return -1
}

// hasFamily says whether a peer of the family exists.
func (s *Server) hasFamily(family byte) bool {
	for _, p := range s.peers {
		if familyOf(p.Addr()) == family {
			return true
		}
	}
	return false
}

func familyOf(a netip.Addr) byte {
	if a.Unmap().Is4() {
		return familyIPv4
	}
	return familyIPv6
}

// nonceLen is the time it was made (4 bytes) and 8 bytes of MAC, in base64.
const nonceLen = 16

// nonce makes a nonce for a client: a MAC over the time and the client's address. So nothing is kept of a client that
// has no credentials yet, and a request with a nonce proves that its sender is where it says.
func (s *Server) nonce(now time.Time, client netip.AddrPort) []byte {
	var b [nonceLen * 3 / 4]byte
	binary.BigEndian.PutUint32(b[:], uint32(now.Unix())) //nolint:gosec // until 2106
	copy(b[4:], s.nonceMAC(b[:4], client))
	return base64.StdEncoding.AppendEncode(nil, b[:])
}

// fresh says whether a nonce was made for the client within nonceLifetime.
func (s *Server) fresh(now time.Time, client netip.AddrPort, nonce []byte) bool {
	var b [nonceLen * 3 / 4]byte
	if len(nonce) != nonceLen {
		return false
	}
	if n, err := base64.StdEncoding.Decode(b[:], nonce); err != nil || n != len(b) {
		return false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint32(b[:])), 0))
	return age < nonceLifetime && age > -time.Minute && hmac.Equal(b[4:], s.nonceMAC(b[:4], client))
}

func (s *Server) nonceMAC(stamp []byte, client netip.AddrPort) []byte {
	mac := hmac.New(sha256.New, s.nonceKey[:])
	mac.Write(stamp)
	ip := client.Addr().As16()
	mac.Write(ip[:])
	mac.Write(binary.BigEndian.AppendUint16(nil, client.Port()))
	return mac.Sum(nil)[:8]
}
