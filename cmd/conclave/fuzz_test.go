package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"conclave/auth"
)

// Whatever the headers that decide who asks from where hold: no panic, no foreign host or origin gets through, and no
// address is believed that no trusted proxy gave.
func FuzzHostOriginAndForwardedFor(f *testing.F) {
	f.Add("meet.example.org", "https://meet.example.org", "203.0.113.7")
	f.Add("[::1]:443", "null", "1.2.3.4, [2001:db8::1]:80")
	const host, client, proxy = "meet.example.org", "https://app.example.org", "192.0.2.1"
	proxies := []netip.Prefix{netip.MustParsePrefix(proxy + "/32")}
	guard, err := crossOrigin(client)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, hostHeader, origin, forwarded string) {
		reached := false
		h := securityHeaders(
			true,
		)(
			onlyPeers(proxies)(knownHosts([]string{host})(auth.ClientIPMiddleware(proxies)(cors(client)(guard(
				http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					reached = true
					if ip, ok := auth.ClientIPFrom(r.Context()); ok && !strings.Contains(forwarded, ip.Reveal().String()) &&
						!ip.Reveal().Is6() {
						t.Errorf("%q gives %v", forwarded, ip.Reveal())
					}
				})))))),
		)
		r := httptest.NewRequest(http.MethodPost, "/api/meetings", nil)
		r.RemoteAddr, r.Host = proxy+":1", hostHeader
		r.Header["Origin"], r.Header["X-Forwarded-For"] = []string{origin}, []string{forwarded}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if reached && hostname(hostHeader) != host {
			t.Errorf("Host %q was answered", hostHeader)
		}
		if reached && origin != client && origin != "" && !strings.HasSuffix(origin, "://"+hostHeader) {
			t.Errorf("Origin %q may change something at %q", origin, hostHeader)
		}
		if allowed := w.Header().Get("Access-Control-Allow-Origin"); allowed != "" && allowed != client {
			t.Errorf("CORS allows %q", allowed)
		}
	})
}
