package signaling

import (
	"errors"
	"strings"

	"conclave/media"
	"conclave/protocol"
)

// streamOffer is the offer of a stream.
type streamOffer struct {
	sdp        string
	ufrag, pwd string        // of its ICE session, the first that it names
	tracks     []media.Track // what its sending m-lines publish
	directed   bool          // the session says which way media flows
}

// Why an offer cannot be answered.
var (
	errNoOffer       = errors.New("the body is not SDP")
	errNothingSent   = errors.New("it sends neither sound nor a picture")
	errNothingTaken  = errors.New("it receives neither sound nor a picture")
	errTooManySent   = errors.New("a stream sends one sound and one picture, and it has more")
	errNoCredentials = errors.New("a restart needs other a=ice-ufrag and a=ice-pwd than before")
)

// readStreamOffer maps the m-lines of an offer to sources: a sending stream has a microphone and a camera. What a
// stream that sends could also receive is made sendonly, and what one that receives could also send recvonly: RFC 9725
// §4.2 has offers say so, and not all clients do.
func readStreamOffer(body []byte, kind protocol.Kind) (streamOffer, error) {
	o := streamOffer{}
	var out strings.Builder
	var m mline
	wanted := "recvonly"
	if kind == protocol.KindIngest {
		wanted = "sendonly"
	}
	received := 0
	finish := func() error {
		if m.kind != "" && !m.directed && !o.directed {
			out.WriteString("a=" + wanted + "\r\n") // no direction means both (RFC 8866 §6.7)
		}
		switch {
		case m.kind == "" || m.rejected:
		case kind == protocol.KindEgress:
			received++
		default:
			return o.publish(&m)
		}
		return nil
	}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(line, "=")
		switch {
		case key == "m":
			if err := finish(); err != nil {
				return o, err
			}
			m = newMLine(value)
		case key == "a":
			line = "a=" + m.attribute(value, wanted, &o)
		}
		out.WriteString(line + "\r\n")
	}
	if err := finish(); err != nil {
		return o, err
	}
	o.sdp = out.String()
	switch {
	case !strings.HasPrefix(o.sdp, "v=0\r\n"):
		return o, errNoOffer
	case kind == protocol.KindIngest && len(o.tracks) == 0:
		return o, errNothingSent
	case kind == protocol.KindEgress && received == 0:
		return o, errNothingTaken
	}
	return o, nil
}

// mline is what is read of one m-line.
type mline struct {
	kind, mid string
	rejected  bool
	directed  bool // it says which way media flows
}

func newMLine(value string) mline {
	fields := strings.Fields(value)
	if len(fields) < 2 {
		return mline{}
	}
	return mline{kind: fields[0], rejected: fields[1] == "0"}
}

// attribute reads one and returns what the offer has in its place.
func (m *mline) attribute(value, wanted string, o *streamOffer) string {
	key, rest, _ := strings.Cut(value, ":")
	switch key {
	case "mid":
		m.mid = rest
	case "bundle-only":
		m.rejected = false // RFC 8843 §6
	case "sendrecv", "sendonly", "recvonly", "inactive":
		m.directed = true
		o.directed = o.directed || m.kind == ""
		if key == "sendrecv" {
			return wanted
		}
	case "ice-ufrag":
		if o.ufrag == "" {
			o.ufrag = rest
		}
	case "ice-pwd":
		if o.pwd == "" {
			o.pwd = rest
		}
	}
	return value
}

// publish notes what an m-line sends.
func (o *streamOffer) publish(m *mline) error {
	source := media.Mic
	switch m.kind {
	case "audio":
	case "video":
		source = media.Camera
	default:
		return nil // the engine refuses the m-line
	}
	for _, t := range o.tracks {
		if t.Source == source {
			return errTooManySent
		}
	}
	o.tracks = append(o.tracks, media.Track{MID: m.mid, Source: source})
	return nil
}

// restart is the same offer with other ICE credentials (RFC 9725 §4.3.3).
func (o *streamOffer) restart(ufrag, pwd string) (streamOffer, error) {
	if ufrag == "" || pwd == "" || ufrag == o.ufrag && pwd == o.pwd {
		return *o, errNoCredentials
	}
	next := streamOffer{ufrag: ufrag, pwd: pwd, tracks: o.tracks}
	var out strings.Builder
	for line := range strings.Lines(o.sdp) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + ufrag + "\r\n"
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + pwd + "\r\n"
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
			continue // of the session before
		}
		out.WriteString(line)
	}
	next.sdp = out.String()
	return next, nil
}

// credentialsOf reads those of an SDP fragment (RFC 8840 §9), empty if it has none.
func credentialsOf(fragment []byte) (ufrag, pwd string) {
	for line := range strings.Lines(string(fragment)) {
		line = strings.TrimRight(line, "\r\n")
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok && ufrag == "" {
			ufrag = v
		}
		if v, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok && pwd == "" {
			pwd = v
		}
	}
	return ufrag, pwd
}

// fragmentOf is what a restart is answered with: the credentials and candidates of an answer.
func fragmentOf(answer string) string {
	var head, body strings.Builder
	once := func(out *strings.Builder, line string) {
		if !strings.Contains(out.String(), line) { // each m-line of a bundle repeats them
			out.WriteString(line)
		}
	}
	first := ""
	for line := range strings.Lines(answer) {
		line = strings.TrimRight(line, "\r\n") + "\r\n"
		key, _, _ := strings.Cut(line, ":")
		switch key {
		case "a=ice-lite\r\n", "a=ice-ufrag", "a=ice-pwd":
			once(&head, line)
		case "a=candidate":
			once(&body, line)
		case "a=mid":
			if first == "" { // a bundle has the candidates of its first m-line
				first = line
			}
		}
	}
	return head.String() + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" + first + body.String() + "a=end-of-candidates\r\n"
}
