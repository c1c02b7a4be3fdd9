// Package clip holds what bots play: a camera picture in three sizes and a voice, embedded in the binary.
// clips/make.sh makes the files.
package clip

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"conclave/bots/payload"
	"conclave/e2ee"
)

//go:embed clips/q.ivf clips/h.ivf clips/f.ivf clips/speech.ogg clips/speech.levels
var clipFiles embed.FS

// Clip is what a bot plays, over and over: a camera picture in three sizes and a voice.
type Clip struct {
	// Video holds the encodings, smallest first. Frame 0 of each is its only key frame.
	Video []Video
	// Audio is Opus in packets of 20 ms.
	Audio Audio
}

// Video is one VP8 encoding at 30 frames a second.
type Video struct {
	// RID is the encoding's name when simulcast: q, h or f.
	RID           string
	Width, Height int
	// Frames are whole VP8 frames (RFC 6386), read-only.
	Frames [][]byte
}

// Audio is Opus at 50 packets a second.
type Audio struct {
	// Packets are Opus packets (RFC 6716 §3) with padding for a send stamp, read-only.
	Packets [][]byte
	// Levels are their loudness in -dBov (RFC 6464): 0 is loudest, 127 is silence.
	Levels []uint8
}

// VideoFPS and AudioPPS are how many frames and packets a clip plays in a second.
const (
	VideoFPS = 30
	AudioPPS = 50
)

// Load decodes the embedded clip. The result may be shared by any number of bots.
func Load() (*Clip, error) {
	var c Clip
	for _, rid := range []string{"q", "h", "f"} {
		raw, err := clipFiles.ReadFile("clips/" + rid + ".ivf")
		if err != nil {
			return nil, fmt.Errorf("bots: clip: %w", err)
		}
		v, err := parseIVF(raw)
		if err != nil {
			return nil, fmt.Errorf("bots: clip %s: %w", rid, err)
		}
		v.RID = rid
		c.Video = append(c.Video, v)
	}
	raw, err := clipFiles.ReadFile("clips/speech.ogg")
	if err != nil {
		return nil, fmt.Errorf("bots: clip: %w", err)
	}
	if c.Audio.Packets, err = parseOggOpus(raw); err != nil {
		return nil, fmt.Errorf("bots: clip: %w", err)
	}
	for i, packet := range c.Audio.Packets {
		padded, ok := payload.PadOpus(packet)
		if !ok {
			return nil, fmt.Errorf("bots: clip: Opus packet %d has no room for a stamp", i)
		}
		c.Audio.Packets[i] = padded
	}
	levels, err := clipFiles.ReadFile("clips/speech.levels")
	if err != nil {
		return nil, fmt.Errorf("bots: clip: %w", err)
	}
	if c.Audio.Levels, err = parseLevels(string(levels), len(c.Audio.Packets)); err != nil {
		return nil, fmt.Errorf("bots: clip: %w", err)
	}
	return &c, nil
}

// Layer returns the encoding with the given RID, or the largest.
func (c *Clip) Layer(rid string) *Video {
	for i := range c.Video {
		if c.Video[i].RID == rid {
			return &c.Video[i]
		}
	}
	return &c.Video[len(c.Video)-1]
}

// benchFrame makes four packets of maxFragment bytes of each frame, the stamp included.
const benchFrame = 4*payload.MaxFragment - payload.StampSize

// Bench returns a clip for measurements: one encoding of 120 packets a second and about 1.1 Mbit/s, each packet of the
// same size. It is the h layer with every frame filled up with zeros, which decoders skip. sealed leaves room for what
// end-to-end encryption adds, so that the packets are the same.
func (c *Clip) Bench(sealed bool) *Clip {
	size := benchFrame
	if sealed {
		size -= e2ee.Overhead
	}
	h := c.Layer("h")
	v := Video{Width: h.Width, Height: h.Height}
	for _, frame := range h.Frames {
		if len(frame) < size {
			frame = append(append(make([]byte, 0, size), frame...), make([]byte, size-len(frame))...)
		}
		v.Frames = append(v.Frames, frame)
	}
	return &Clip{Video: []Video{v}, Audio: c.Audio}
}

var (
	errBadIVF = errors.New("not an IVF file with VP8")
	errBadOgg = errors.New("not an Ogg file with Opus")
)

// parseIVF reads an IVF file. Frames alias raw.
func parseIVF(raw []byte) (Video, error) {
	if len(raw) < 32 || string(raw[:4]) != "DKIF" || string(raw[8:12]) != "VP80" {
		return Video{}, errBadIVF
	}
	v := Video{
		Width:  int(binary.LittleEndian.Uint16(raw[12:])),
		Height: int(binary.LittleEndian.Uint16(raw[14:])),
	}
	header := int(binary.LittleEndian.Uint16(raw[6:]))
	if header < 32 || header > len(raw) {
		return Video{}, errBadIVF
	}
	for rest := raw[header:]; len(rest) > 0; {
		if len(rest) < 12 {
			return Video{}, errBadIVF
		}
		size := int(binary.LittleEndian.Uint32(rest))
		if size <= 0 || size > len(rest)-12 {
			return Video{}, errBadIVF
		}
		v.Frames = append(v.Frames, rest[12:12+size])
		rest = rest[12+size:]
	}
	if len(v.Frames) == 0 || !payload.VP8KeyFrame(v.Frames[0]) {
		return Video{}, fmt.Errorf("%w: must begin with a key frame", errBadIVF)
	}
	return v, nil
}

// parseOggOpus returns the Opus packets of an Ogg file (RFC 3533, RFC 7845) that holds one stream, without its two
// header packets.
func parseOggOpus(raw []byte) ([][]byte, error) {
	var packets [][]byte
	var partial []byte
	for len(raw) > 0 {
		if len(raw) < 27 || string(raw[:4]) != "OggS" {
			return nil, errBadOgg
		}
		segments := int(raw[26])
		if len(raw) < 27+segments {
			return nil, errBadOgg
		}
		lacing, body := raw[27:27+segments], raw[27+segments:]
		for _, n := range lacing {
			if int(n) > len(body) {
				return nil, errBadOgg
			}
			partial = append(partial, body[:n]...)
			body = body[n:]
			if n < 255 { // RFC 3533 §6: a packet ends with a lacing value below 255
				packets = append(packets, partial)
				partial = nil
			}
		}
		raw = body
	}
	if len(packets) < 3 || !bytes.HasPrefix(packets[0], []byte("OpusHead")) ||
		!bytes.HasPrefix(packets[1], []byte("OpusTags")) {
		return nil, errBadOgg
	}
	return packets[2:], nil
}

// parseLevels reads one decimal level a line and makes the list as long as the packets (an encoder may add one or two
// for its own delay): the last level is repeated.
func parseLevels(text string, packets int) ([]uint8, error) {
	levels := make([]uint8, 0, packets)
	for _, line := range strings.Fields(text) {
		n, err := strconv.ParseUint(line, 10, 7)
		if err != nil {
			return nil, fmt.Errorf("audio levels: %w", err)
		}
		levels = append(levels, uint8(n))
	}
	if len(levels) == 0 {
		return nil, errors.New("audio levels: none")
	}
	for len(levels) < packets {
		levels = append(levels, levels[len(levels)-1])
	}
	return levels[:packets], nil
}
