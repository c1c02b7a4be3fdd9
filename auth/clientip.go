package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"unique"

	"github.com/go-chi/chi/v5/middleware"
)

// ClientIP is the address of a client, as far as it can be trusted. It is comparable. No verb of fmt, no logger and no
// encoder prints it. The zero value is no address.
type ClientIP struct{ h unique.Handle[string] } // 4 or 16 bytes; a string for the reason that Email's is

// NewClientIP makes a ClientIP. IPv4-mapped IPv6 becomes IPv4 and zones are dropped, so that one client is one value.
// An invalid address gives the zero value.
func NewClientIP(a netip.Addr) ClientIP {
	if !a.IsValid() {
		return ClientIP{}
	}
	return ClientIP{unique.Make(string(a.Unmap().AsSlice()))}
}

// Reveal returns the address; the zero netip.Addr for no address. Never for a log.
func (c ClientIP) Reveal() netip.Addr {
	if c.IsZero() {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice([]byte(c.h.Value()))
	return a
}

// IsZero says whether c is no address.
func (c ClientIP) IsZero() bool { return c == ClientIP{} }

// LimitKey returns what limits count by: the address itself for IPv4, the /64 for IPv6, because that is the smallest
// network a customer is given (RFC 6177) and one machine can take any address in it.
func (c ClientIP) LimitKey() ClientIP {
	a := c.Reveal()
	if !a.Is6() {
		return c
	}
	prefix, err := a.Prefix(64)
	if err != nil {
		return c
	}
	return NewClientIP(prefix.Addr())
}

// network is a block of addresses that may be one party's. The zero value is none.
type network struct {
	base ClientIP
	bits int
}

// networks returns the blocks that a client is in, the narrowest first: /32 and /24 for IPv4; /64, /56 and /48 for
// IPv6, since providers give customers a /56 or a /48 (RFC 6177, RIPE-690), of which each has 256 or 65,536 times a
// /64.
func (c ClientIP) networks() (n [tiers]network) {
	a := c.Reveal()
	lengths := [tiers]int{64, 56, 48}
	if a.Is4() {
		lengths = [tiers]int{32, 0, 24}
	}
	for i, bits := range lengths {
		if p, err := a.Prefix(bits); err == nil && bits > 0 {
			n[i] = network{NewClientIP(p.Addr()), bits}
		}
	}
	return n
}

// Format prints "[redacted]" for every verb.
func (c ClientIP) Format(f fmt.State, _ rune) { redact(f) }

// LogValue redacts c in slog.
func (c ClientIP) LogValue() slog.Value { return redactedLog() }

// MarshalText redacts c in encoders, JSON among them.
func (c ClientIP) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// ClientIPMiddleware finds the client's address for ClientIPFrom. Without trusted proxies it is the peer of the TCP
// connection and X-Forwarded-For is ignored; with them it is the right-most address in X-Forwarded-For that is not
// one of them, and only if the peer itself is one. A chain that cannot be read gives no address: limits fail closed.
func ClientIPMiddleware(trustedProxies []netip.Prefix) func(http.Handler) http.Handler {
	if len(trustedProxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	cidrs := make([]string, len(trustedProxies))
	for i, p := range trustedProxies {
		cidrs[i] = p.Masked().String()
	}
	return middleware.ClientIPFromXFF(cidrs...)
}

// ClientIPFrom returns the client's address that ClientIPMiddleware found. ok is false if there is none that can be
// trusted: the caller refuses what it would have limited.
func ClientIPFrom(ctx context.Context) (ip ClientIP, ok bool) {
	ip = NewClientIP(middleware.GetClientIPAddr(ctx))
	return ip, !ip.IsZero()
}
