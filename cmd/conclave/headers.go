package main

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"conclave/auth"
)

// contentSecurityPolicy allows the page its own files and nothing else. 'wasm-unsafe-eval' is left out until something
// needs it.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"media-src 'self' blob: mediastream:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types conclave"

const permissionsPolicy = "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), " +
	"screen-wake-lock=(self)"

// hsts is two years, what browsers' preload lists ask for; without preload, which is the owner's decision for the whole
// domain.
const hsts = "max-age=63072000; includeSubDomains"

// securityHeaders sets the headers that every answer carries. https adds HSTS (RFC 6797 §7.2: never over plain HTTP).
func securityHeaders(https bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", contentSecurityPolicy)
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Embedder-Policy", "require-corp")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Permissions-Policy", permissionsPolicy)
			if https {
				h.Set("Strict-Transport-Security", hsts)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// knownHosts answers only requests for our own name: a page of another name that was pointed here (DNS rebinding) gets
// nothing, and nothing we say can hold a name the client made up.
func knownHosts(hosts []string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slices.Contains(hosts, hostname(r.Host)) {
				auth.WriteError(w, http.StatusMisdirectedRequest, "unknown_host", "This server does not answer for that name.", 0)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// hostname is a Host header without port and brackets, in lower case.
func hostname(host string) string {
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return ""
		}
		return host[1:end]
	}
	name, _, _ := strings.Cut(host, ":")
	return strings.ToLower(name)
}

// onlyPeers refuses requests that do not come from the trusted proxies: without them nothing vouches for TLS and for
// the client's address. Without proxies any client may come.
func onlyPeers(proxies []netip.Prefix) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if len(proxies) == 0 {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			peer, err := netip.ParseAddrPort(r.RemoteAddr)
			from := peer.Addr().Unmap().WithZone("")
			if err != nil || !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(from) }) {
				auth.WriteError(w, http.StatusForbidden, "not_allowed", "This server is reached through its proxy only.", 0)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// cors lets the one configured origin, and no other, use the API with credentials. Without one it adds nothing.
func cors(clientURL string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if clientURL == "" {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Add("Vary", "Origin")
			if r.Header.Get("Origin") != clientURL {
				next.ServeHTTP(w, r)
				return
			}
			h.Set("Access-Control-Allow-Origin", clientURL)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", "Retry-After")
			h.Set("Cross-Origin-Resource-Policy", "same-site")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, Conclave-Proof")
				h.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// crossOrigin refuses requests that change something and come from another origin.
func crossOrigin(clientURL string) (func(http.Handler) http.Handler, error) {
	c := http.NewCrossOriginProtection()
	if clientURL != "" {
		if err := c.AddTrustedOrigin(clientURL); err != nil {
			return nil, err //nolint:wrapcheck // names the origin
		}
	}
	c.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		auth.WriteError(w, http.StatusForbidden, "bad_origin", "Requests from other sites are refused.", 0)
	}))
	return c.Handler, nil
}

// maxBody is the most any route reads of a body: docs/protocol.md.
const maxBody = 4 << 10

// maxOffer is the most a route of streams reads: an SDP offer.
const maxOffer = 64 << 10

// maxBodyOf is the most that the route of a path reads.
func maxBodyOf(path string) int64 {
	if strings.HasPrefix(path, "/whip/") || strings.HasPrefix(path, "/whep/") {
		return maxOffer
	}
	return maxBody
}

// limitBody refuses a body that says it is too large and cuts off one that does not.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most := maxBodyOf(r.URL.Path)
		if r.ContentLength > most {
			w.Header().Set("Connection", "close")
			auth.WriteError(w, http.StatusRequestEntityTooLarge, "too_large", "The body is too large.", 0)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}
