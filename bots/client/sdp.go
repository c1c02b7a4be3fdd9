package client

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"conclave/bots/publish"
)

const (
	uriMID        = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID        = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepaired   = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriTWCC       = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// stripCandidates removes the candidate lines of an SDP: the server does not need them, and local addresses stay here.
func stripCandidates(text string) string {
	lines := strings.SplitAfter(text, "\r\n")
	kept := lines[:0]
	for _, l := range lines {
		if strings.HasPrefix(l, "a=candidate:") || strings.HasPrefix(l, "a=end-of-candidates") {
			continue
		}
		kept = append(kept, l)
	}
	return strings.Join(kept, "")
}

// mediaLine is what an answer says of one m-line.
type mediaLine struct {
	mid       string
	video     bool
	sending   bool // the server sends on it: a slot
	rejected  bool
	ext       publish.Extensions
	ssrc, rtx uint32
	payload   uint8
	rtxType   uint8
}

var errBadAnswer = errors.New("bots: the answer cannot be used")

// parseAnswer reads what the media path needs to know of an answer.
func parseAnswer(text string) ([]mediaLine, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadAnswer, err)
	}
	var lines []mediaLine
	for _, m := range d.MediaDescriptions {
		l := mediaLine{video: m.MediaName.Media == "video", rejected: m.MediaName.Port.Value == 0}
		for _, a := range m.Attributes {
			if err := l.attribute(a.Key, a.Value); err != nil {
				return nil, err
			}
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func (l *mediaLine) attribute(key, value string) error {
	switch key {
	case "mid":
		l.mid = value
	case "sendonly", "sendrecv":
		l.sending = true
	case "extmap":
		return l.extension(value)
	case "rtpmap":
		pt, codec, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(pt, 10, 7)
		if err != nil {
			return fmt.Errorf("%w: rtpmap: %w", errBadAnswer, err)
		}
		switch name, _, _ := strings.Cut(strings.ToLower(codec), "/"); name {
		case "opus", "vp8":
			l.payload = uint8(n)
		case "rtx":
			l.rtxType = uint8(n)
		}
	case "ssrc":
		id, _, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return fmt.Errorf("%w: ssrc: %w", errBadAnswer, err)
		}
		if l.ssrc == 0 {
			l.ssrc = uint32(n)
		}
	case "ssrc-group":
		var media, repair uint32
		if _, err := fmt.Sscanf(value, "FID %d %d", &media, &repair); err == nil {
			l.ssrc, l.rtx = media, repair
		}
	}
	return nil
}

func (l *mediaLine) extension(value string) error {
	id, uri, _ := strings.Cut(value, " ")
	id, _, _ = strings.Cut(id, "/")
	n, err := strconv.ParseUint(id, 10, 4)
	if err != nil {
		return fmt.Errorf("%w: extmap: %w", errBadAnswer, err)
	}
	uri, _, _ = strings.Cut(uri, " ")
	switch uri {
	case uriMID:
		l.ext.MID = uint8(n)
	case uriRID:
		l.ext.RID = uint8(n)
	case uriRepaired:
		l.ext.RRID = uint8(n)
	case uriAudioLevel:
		l.ext.AudioLevel = uint8(n)
	case uriTWCC:
		l.ext.TWCC = uint8(n)
	}
	return nil
}
