package reach

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"conclave/sfu/batch"
	"conclave/sfu/transport/stun"
)

// echoPrefix begins the user name fragments of the echo. Those of the engine's transports have 16 characters: a
// fragment of the echo's is longer.
const echoPrefix = "echo/"

// Echo is an ICE agent that knows no meeting: it answers the checks of those it gave credentials to, and sends other
// datagrams back. It keeps nothing: its credentials say until when they are good, under a MAC. Safe for concurrent
// use.
type Echo struct {
	key     [32]byte
	own     []netip.Addr
	outside [len(echoWays)]atomic.Uint64
}

// echoWays are the ways to the echo, as metrics name them.
var echoWays = [...]string{echoUDP: "udp", echoTCP: "ice_tcp", echoRelay: "turn"}

const (
	echoUDP = iota
	echoTCP
	echoRelay
)

// NewEcho makes an Echo with a key of its own. Checks from the addresses own do not count as checks from outside.
func NewEcho(own ...netip.Addr) *Echo {
	e := &Echo{own: own}
	_, _ = rand.Read(e.key[:]) // never fails (crypto/rand)
	return e
}

const (
	echoMAC     = 8                    // bytes of a fragment that are a MAC
	echoLen     = len(echoPrefix) + 16 // of a fragment: its end (4 bytes) and the MAC in base64
	echoPwdSize = 18                   // bytes of a password: 24 characters
)

// Issue makes ICE credentials that are good until the given time. They consist of ice-chars (RFC 8839 §5.4).
func (e *Echo) Issue(until time.Time) (ufrag, pwd string) {
	var b [4 + echoMAC]byte
	binary.BigEndian.PutUint32(b[:], uint32(until.Unix())) //nolint:gosec // until 2106
	copy(b[4:], e.mac("ufrag", b[:4])[:echoMAC])
	ufrag = echoPrefix + base64.StdEncoding.EncodeToString(b[:])
	return ufrag, e.password(ufrag)
}

func (e *Echo) mac(what string, b []byte) []byte {
	mac := hmac.New(sha256.New, e.key[:])
	mac.Write([]byte(what))
	mac.Write(b)
	return mac.Sum(nil)
}

func (e *Echo) password(ufrag string) string {
	return base64.StdEncoding.EncodeToString(e.mac("pwd", []byte(ufrag))[:echoPwdSize])
}

// note counts a path that was proven from another machine.
func (e *Echo) note(way int, from netip.Addr) {
	if from = from.Unmap(); !from.IsLoopback() && !slices.Contains(e.own, from) {
		e.outside[way].Add(1)
	}
}

// good says whether a fragment is the echo's, and its time is not over.
func (e *Echo) good(now time.Time, ufrag []byte) bool {
	if len(ufrag) != echoLen || !strings.HasPrefix(string(ufrag), echoPrefix) {
		return false
	}
	var b [4 + echoMAC]byte
	if n, err := base64.StdEncoding.Decode(b[:], ufrag[len(echoPrefix):]); err != nil || n != len(b) {
		return false
	}
	return time.Unix(int64(binary.BigEndian.Uint32(b[:])), 0).After(now) &&
		hmac.Equal(b[4:], e.mac("ufrag", b[:4])[:echoMAC])
}

// isForEcho says whether a datagram is a check for the echo, without believing it.
func isForEcho(datagram []byte) bool {
	c, err := stun.Parse(datagram)
	return err == nil && len(c.Local) == echoLen && strings.HasPrefix(string(c.Local), echoPrefix)
}

// Check answers a check for the echo: it appends the answer to dst, nothing if the check is not authentic. The answer
// is never longer than the check.
func (e *Echo) Check(now time.Time, dst []byte, c *stun.Check, from netip.AddrPort) []byte {
	if !e.good(now, c.Local) {
		return dst
	}
	k := stun.NewKey(e.password(string(c.Local)))
	if !c.Authentic(k) {
		return dst
	}
	out := c.Answer(dst, from, k)
	if len(out)-len(dst) > c.Len() {
		return dst
	}
	return out
}

// echoing is one path to the echo.
type echoing struct {
	echo   *Echo
	way    int
	client netip.Addr     // whose path it is
	from   netip.AddrPort // as the peer is told
	proven bool           // a check was authentic
}

// answer appends what goes back for a datagram. One goroutine.
func (p *echoing) answer(now time.Time, dst, datagram []byte) []byte {
	if len(datagram) == 0 || len(datagram) > batch.MaxDatagram {
		return dst
	}
	if datagram[0] < 4 { // STUN (RFC 7983 §7)
		c, err := stun.Parse(datagram)
		if err != nil {
			return dst
		}
		out := p.echo.Check(now, dst, &c, p.from)
		if !p.proven && len(out) > len(dst) {
			p.proven = true
			p.echo.note(p.way, p.client)
		}
		return out
	}
	if !p.proven {
		return dst
	}
	return append(dst, datagram...)
}
