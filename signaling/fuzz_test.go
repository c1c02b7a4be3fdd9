package signaling

import (
	"net/http/httptest"
	"strings"
	"testing"

	"conclave/protocol"
)

// Whatever the headers of a handshake hold: only our own host or a configured origin may open a socket, and only our
// subprotocol is spoken.
func FuzzHandshakeHeaders(f *testing.F) {
	f.Add("https://meet.example.org", "meet.example.org", "conclave.v1")
	f.Add("null", "", "x, conclave.v1 ,y")
	h := &Handler{cfg: Config{Origins: []string{"https://app.example.org"}}}
	f.Fuzz(func(t *testing.T, origin, host, subprotocols string) {
		if h.allowedOrigin(origin, host) && origin != "" && origin != "https://app.example.org" {
			low := strings.ToLower(origin)
			if host == "" || !strings.HasPrefix(low, "http") || !strings.Contains(low, "://") ||
				!strings.Contains(low, strings.ToLower(host)) {
				t.Errorf("%q may open a socket at %q", origin, host)
			}
		}
		r := httptest.NewRequest("GET", "/ws", nil)
		r.Header["Sec-Websocket-Protocol"] = []string{subprotocols}
		if offers(r, protocol.Subprotocol) != containsToken(subprotocols) {
			t.Errorf("%q", subprotocols)
		}
	})
}

func containsToken(list string) bool {
	for _, s := range strings.Split(list, ",") {
		if strings.TrimSpace(s) == protocol.Subprotocol {
			return true
		}
	}
	return false
}
