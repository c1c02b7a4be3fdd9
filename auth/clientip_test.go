package auth

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestLimitsCountIPv6BySubnet(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b string
		same bool
	}{
		"one_64":             {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		"other_64":           {"2001:db8::1", "2001:db8:0:1::1", false},
		"v4_each":            {"192.0.2.1", "192.0.2.2", false},
		"v4_mapped_is_v4":    {"::ffff:192.0.2.1", "192.0.2.1", true},
		"zone_is_ignored":    {"fe80::1%eth0", "fe80::1%eth1", true},
		"v4_mapped_not_a_64": {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := NewClientIP(netip.MustParseAddr(tt.a)).LimitKey(), NewClientIP(netip.MustParseAddr(tt.b)).LimitKey()
			if (a == b) != tt.same {
				t.Errorf("same key: %v, want %v", a == b, tt.same)
			}
		})
	}
}

func TestForwardedForIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, tt := range map[string]struct {
		trusted []netip.Prefix
		peer    string
		xff     []string
		want    string // empty: none, refused
	}{
		"no_proxy_ignores_header":           {nil, "192.0.2.9:1", []string{"203.0.113.1"}, "192.0.2.9"},
		"proxy_names_client":                {proxy, "10.0.0.1:1", []string{"203.0.113.1"}, "203.0.113.1"},
		"client_prepends_an_address":        {proxy, "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.1"}, "203.0.113.1"},
		"client_prepends_a_header":          {proxy, "10.0.0.1:1", []string{"198.51.100.1", "203.0.113.1"}, "203.0.113.1"},
		"client_comes_around_the_proxy":     {proxy, "192.0.2.9:1", []string{"203.0.113.1"}, "192.0.2.9"},
		"garbage_fails_closed":              {proxy, "10.0.0.1:1", []string{"203.0.113.1, nonsense"}, ""},
		"proxy_without_header_fails_closed": {proxy, "10.0.0.1:1", nil, ""},
		"mapped_proxy_is_the_proxy":         {proxy, "[::ffff:10.0.0.1]:1", []string{"203.0.113.1"}, "203.0.113.1"},
		"no_peer_fails_closed":              {nil, "@", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got ClientIP
			var ok bool
			next := func(_ http.ResponseWriter, r *http.Request) { got, ok = ClientIPFrom(r.Context()) }
			h := ClientIPMiddleware(tt.trusted)(http.HandlerFunc(next))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			r.Header["X-Forwarded-For"] = tt.xff
			r.Header.Set("X-Real-IP", "198.51.100.77")
			r.Header.Set("True-Client-IP", "198.51.100.77")
			h.ServeHTTP(httptest.NewRecorder(), r)
			if ok != (tt.want != "") || (ok && got.Reveal() != netip.MustParseAddr(tt.want)) {
				t.Errorf("got %v %v, want %q", got.Reveal(), ok, tt.want)
			}
		})
	}
}
