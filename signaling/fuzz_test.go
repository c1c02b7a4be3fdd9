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

// Whatever a program posts to WHIP or WHEP, what the engine is given of it is lines that end in CRLF, publishes one
// sound and one picture at most, and after a restart has the new credentials alone.
func FuzzStreamOffer(f *testing.F) {
	f.Add([]byte("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendrecv\r\na=ice-ufrag:old1\r\n"), true)
	f.Add([]byte("v=0\r\na=recvonly\r\nm=video 0 x 96\na=bundle-only\na=ice-pwd:x\rm=audio 9"), false)
	f.Fuzz(func(t *testing.T, body []byte, ingest bool) {
		kind := protocol.KindEgress
		if ingest {
			kind = protocol.KindIngest
		}
		o, err := readStreamOffer(body, kind)
		if err != nil {
			return
		}
		if len(o.tracks) > 2 || !ingest && len(o.tracks) > 0 {
			t.Fatalf("it publishes %v", o.tracks)
		}
		next, err := o.restart("new1", "new-password-of-24-chars")
		if err != nil && o.ufrag != "new1" {
			t.Fatal(err)
		}
		for line := range strings.Lines(o.sdp) {
			if !strings.HasSuffix(line, "\r\n") {
				t.Fatalf("a line ends otherwise: %q", line)
			}
		}
		for line := range strings.Lines(next.sdp) {
			if rest, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok && rest != "new1\r\n" {
				t.Fatalf("it keeps %q", line)
			}
			if strings.HasPrefix(line, "a=candidate:") {
				t.Fatalf("it keeps %q", line)
			}
		}
		_ = fragmentOf(next.sdp)
	})
}
