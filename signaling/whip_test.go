package signaling

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"conclave/meeting"
	"conclave/protocol"
)

// program is a WHIP or WHEP client as another's: it knows an address and a key.
type program struct {
	t   *testing.T
	s   *server
	key string
}

// do makes a request and returns status, headers and body.
func (p *program) do(method, path, contentType, body string, header ...string) (int, http.Header, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.s.url+path, strings.NewReader(body))
	must(p.t, err)
	if p.key != "" {
		req.Header.Set("Authorization", "Bearer "+p.key)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	must(p.t, err)
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	must(p.t, err)
	return res.StatusCode, res.Header, string(data)
}

// key makes a stream key.
func (p *peer) key(kind protocol.Kind, name string) *protocol.StreamKeyMade {
	p.t.Helper()
	p.send(&protocol.StreamKey{ID: p.id(), Kind: kind, Name: name})
	return next[*protocol.StreamKeyMade](p)
}

// connect posts pc's offer and gives it the answer. It returns the stream's address.
func (p *program) connect(endpoint string, pc *webrtc.PeerConnection) (location string) {
	p.t.Helper()
	offer, err := pc.CreateOffer(nil)
	must(p.t, err)
	must(p.t, pc.SetLocalDescription(offer))
	status, head, answer := p.do("POST", endpoint, sdpType, offer.SDP)
	if status != http.StatusCreated || head.Get("Content-Type") != sdpType || head.Get("ETag") == "" {
		p.t.Fatalf("%d %v %s", status, head, answer)
	}
	must(p.t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	return head.Get("Location")
}

// streamStage is a plain meeting with a host who has real media, and a program of each kind.
type streamStage struct {
	*server
	id   protocol.MeetingID
	host *hostile
}

func newStreamStage(t *testing.T) *streamStage {
	t.Helper()
	s := &streamStage{server: newServer(t, withRealMedia(t))}
	ana := s.signIn("ana")
	s.id = ana.create(`{}`)
	s.host = newHostile(t, ana.join(s.id))
	return s
}

// What one program sends by WHIP, a participant and another program that receives by WHEP get, until it ends.
func TestAStreamGoesInAndOut(t *testing.T) {
	s := newStreamStage(t)
	in := &program{t, s.server, s.host.key(protocol.KindIngest, "Studio").Key}
	out := &program{t, s.server, s.host.key(protocol.KindEgress, "Broadcast").Key}

	sender := hostilePeerConnection(t, nil)
	tracks := []*webrtc.TrackLocalStaticRTP{}
	for _, codec := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8} {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: codec}, codec, "studio")
		must(t, err)
		_, err = sender.AddTransceiverFromTrack(track) // sendrecv, as careless clients offer
		must(t, err)
		tracks = append(tracks, track)
	}
	at := in.connect("/whip/"+string(s.id), sender)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go shout(tracks, 1, stop, stopped)
	t.Cleanup(func() { close(stop); <-stopped; _ = sender.Close() })

	receiver := hostilePeerConnection(t, nil)
	t.Cleanup(func() { _ = receiver.Close() })
	var audio, video atomic.Int64
	receiver.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		count := &video
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			count = &audio
		}
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			count.Add(1)
		}
	})
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err := receiver.AddTransceiverFromKind(kind,
			webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(t, err)
	}
	out.connect("/whep/"+string(s.id), receiver)

	s.host.hears(t, true, "the host hears the stream")
	eventually(t, "the receiving stream hears", func() bool { return audio.Load() > 20 })
	eventually(t, "the receiving stream sees", func() bool { return video.Load() > 20 })

	// Another program with a key of the meeting neither ends nor changes it.
	if status, _, _ := out.do("DELETE", at, "", ""); status != http.StatusNotFound {
		t.Fatalf("another's DELETE: %d", status)
	}
	s.restart(t, in, at)
	s.host.hears(t, true, "the host hears the stream after a restart of ICE that did not come")

	if status, _, _ := in.do("DELETE", at, "", ""); status != http.StatusOK {
		t.Fatalf("DELETE: %d", status)
	}
	s.host.hears(t, false, "the stream ended")
	if status, _, _ := in.do("DELETE", at, "", ""); status != http.StatusNotFound {
		t.Fatalf("DELETE again: %d", status)
	}
	s.handler.mu.Lock()
	defer s.handler.mu.Unlock()
	if n := len(s.handler.streams); n != 1 {
		t.Fatalf("%d streams are kept", n)
	}
}

// restart asks for an ICE restart with each kind of mistake, and then rightly.
func (s *streamStage) restart(t *testing.T, p *program, at string) {
	t.Helper()
	const fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	for name, c := range map[string]struct {
		match, contentType, body string
		want                     int
	}{
		"no If-Match":       {"", fragmentType, fragment, http.StatusPreconditionRequired},
		"another session":   {`"x"`, fragmentType, fragment, http.StatusPreconditionFailed},
		"another type":      {"*", sdpType, fragment, http.StatusUnsupportedMediaType},
		"no credentials":    {"*", fragmentType, "a=ice-ufrag:abcd\r\n", http.StatusBadRequest},
		"wrong credentials": {"*", fragmentType, "a=ice-ufrag:ab cd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n", http.StatusBadRequest},
	} {
		if status, _, body := p.do("PATCH", at, c.contentType, c.body, "If-Match", c.match); status != c.want {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	status, head, body := p.do("PATCH", at, fragmentType, fragment, "If-Match", "*")
	if status != http.StatusOK || !strings.Contains(body, "a=ice-ufrag:") || !strings.Contains(body, "a=candidate:") {
		t.Fatalf("restart: %d %s", status, body)
	}
	candidate := "a=ice-ufrag:abcd\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n"
	status, _, body = p.do("PATCH", at, fragmentType, candidate, "If-Match", head.Get("ETag"))
	if status != http.StatusNoContent {
		t.Fatalf("a candidate: %d %s", status, body)
	}
}

func TestStreamRequestsAreRefused(t *testing.T) {
	s := newServer(t)
	host := s.signIn("ana")
	id := host.create(`{}`)
	p := host.join(id)
	key := p.key(protocol.KindIngest, "Studio").Key
	egress := p.key(protocol.KindEgress, "Broadcast").Key
	const offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	sends := offer + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\n"
	here := "/whip/" + string(id)
	for name, c := range map[string]struct {
		key, path, contentType, body string
		want                         int
		id                           protocol.ErrorID
	}{
		"no key":            {"", here, sdpType, sends, 401, protocol.ErrUnauthenticated},
		"a short key":       {"abc", here, sdpType, sends, 401, protocol.ErrUnauthenticated},
		"a wrong key":       {strings.Repeat("0", 64), here, sdpType, sends, 401, protocol.ErrUnauthenticated},
		"no such meeting":   {key, "/whip/" + someMeeting, sdpType, sends, 401, protocol.ErrUnauthenticated},
		"no meeting id":     {key, "/whip/x", sdpType, sends, 401, protocol.ErrUnauthenticated},
		"the other kind":    {egress, here, sdpType, sends, 401, protocol.ErrUnauthenticated},
		"another type":      {key, here, "application/json", sends, 415, protocol.ErrInvalidRequest},
		"no type":           {key, here, "", sends, 415, protocol.ErrInvalidRequest},
		"too large":         {key, here, sdpType, strings.Repeat("x", maxStreamOffer+1), 413, protocol.ErrTooLarge},
		"not SDP":           {key, here, sdpType, "hello", 400, protocol.ErrBadOffer},
		"empty":             {key, here, sdpType, "", 400, protocol.ErrBadOffer},
		"sends nothing":     {key, here, sdpType, offer, 400, protocol.ErrBadOffer},
		"two microphones":   {key, here, sdpType, sends + strings.Replace(sends[len(offer):], "mid:0", "mid:1", 1), 400, protocol.ErrBadOffer},
		"receives nothing":  {egress, "/whep/" + string(id), sdpType, offer, 400, protocol.ErrBadOffer},
		"rejected sending":  {key, here, sdpType, strings.Replace(sends, "audio 9", "audio 0", 1), 400, protocol.ErrBadOffer},
		"binary":            {key, here, sdpType, "v=0\r\n\xff\xfe\x00", 400, protocol.ErrBadOffer},
		"a short m-line":    {key, here, sdpType, offer + "m=audio\r\n", 400, protocol.ErrBadOffer},
		"a stranger's path": {key, here + "/", sdpType, sends, 404, ""},
	} {
		client := &program{t, s, c.key}
		status, head, body := client.do("POST", c.path, c.contentType, c.body)
		if status != c.want || c.id != "" && !strings.Contains(body, `"`+string(c.id)+`"`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if status == 401 && c.key == "" && head.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	if n := s.registry.Gauges().Participants; n != 1 {
		t.Fatalf("%d participants", n)
	}
	if len(s.handler.streams) != 0 {
		t.Fatal("a refused stream is kept")
	}
	status, head, _ := (&program{t, s, ""}).do("OPTIONS", here, "", "")
	if status != http.StatusNoContent || head.Get("Accept-Post") != sdpType {
		t.Fatalf("OPTIONS: %d %v", status, head)
	}
}

func TestTooManyStreamRequestsAreRefused(t *testing.T) {
	s := newServer(t, func(c *Config, _ *meeting.Config) {
		c.StreamsPerMinute, c.Now = 5, func() time.Time { return time.Unix(0, 0) }
	})
	p := &program{t, s, strings.Repeat("0", 64)}
	for i := range 6 {
		status, _, _ := p.do("POST", "/whip/"+someMeeting, sdpType, "v=0")
		if want := map[bool]int{true: 429, false: 400}[i == 5]; status != want {
			t.Fatalf("request %d: %d", i, status)
		}
	}
}

// A full server refuses a stream and keeps nothing of it.
func TestAFullServerTakesNoNewStream(t *testing.T) {
	full := false
	s := newServer(t, func(c *Config, _ *meeting.Config) {
		c.Reserve = func(context.Context) (func(), bool) {
			if full {
				return nil, false
			}
			return func() {}, true
		}
	})
	host := s.signIn("ana")
	id := host.create(`{}`)
	key := host.join(id).key(protocol.KindIngest, "Studio").Key
	full = true
	const offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\n"
	for _, c := range []struct {
		key  string
		want int
	}{{strings.Repeat("0", 64), http.StatusUnauthorized}, {key, http.StatusServiceUnavailable}} {
		p := &program{t, s, c.key}
		if status, _, body := p.do("POST", "/whip/"+string(id), sdpType, offer); status != c.want {
			t.Errorf("%d %s", status, body)
		}
	}
	s.handler.mu.Lock()
	defer s.handler.mu.Unlock()
	if n := len(s.handler.streams); n != 0 {
		t.Errorf("%d refused streams are kept", n)
	}
}
