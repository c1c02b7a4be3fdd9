// Package clip holds what bots play: a camera picture in three sizes and a voice, embedded in the binary.
// clips/make.sh makes the files.
package clip

import (
	"bytes"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"conclave/bots/payload"
	"conclave/e2ee/sframe"
)

//go:embed clips/*.ivf clips/speech.ogg clips/speech.levels
var clipFiles embed.FS

// Clip is what a bot plays, over and over: a camera picture in three sizes and a voice.
type Clip struct {
	// Video holds the encodings, smallest first. Frame 0 of each is its only key frame.
	Video []Video
	// Audio is Opus in packets of 20 ms.
	Audio Audio
}

// Video is one encoding at 30 frames a second.
type Video struct {
	Codec sframe.Codec
	// RID is the encoding's name when simulcast: q, h or f.
	RID           string
	Width, Height int
	// Frames are whole frames (of AV1: temporal units) with room for a send stamp, read-only.
	Frames [][]byte
}

// Audio is Opus at 50 packets a second.
type Audio struct {
	// Packets are Opus packets (RFC 6716 §3) with padding for a send stamp, read-only.
	Packets [][]byte
	// Levels are their loudness in -dBov (RFC 6464): 0 is loudest, 127 is silence.
	Levels []uint8
	// Silence is a packet of a pause: its frame is empty (RFC 6716 §3.1), and decoders fill in noise.
	Silence []byte
}

// names begin the files of the codecs, and are in their headers (fourCC of IVF).
var (
	names   = [...]string{sframe.VP8: "vp8", sframe.VP9: "vp9", sframe.AV1: "av1"}
	fourCCs = [...]string{sframe.VP8: "VP80", sframe.VP9: "VP90", sframe.AV1: "AV01"}
)

// Codec returns the codec of pictures that a name means; ok is false if there is no clip in it. No name is VP8.
func Codec(name string) (c sframe.Codec, ok bool) {
	if name == "" {
		return sframe.VP8, true
	}
	i := slices.Index(names[:], name)
	return sframe.Codec(max(0, i)), i >= 0
}

// VideoFPS and AudioPPS are how many frames and packets a clip plays in a second.
const (
	VideoFPS = 30
	AudioPPS = 50
)

// Load decodes the embedded clip, with pictures in a codec: VP8, VP9 or AV1. The result may be shared by any number of
// bots.
func Load(codec sframe.Codec) (*Clip, error) {
	var c Clip
	for _, rid := range []string{"q", "h", "f"} {
		name := names[codec] + "-" + rid + ".ivf"
		raw, err := clipFiles.ReadFile("clips/" + name)
		if err != nil {
			return nil, fmt.Errorf("bots: clip: %w", err)
		}
		v, err := parseIVF(raw, codec)
		if err != nil {
			return nil, fmt.Errorf("bots: clip %s: %w", name, err)
		}
		v.RID = rid
		for i, frame := range v.Frames {
			v.Frames[i] = payload.Room(codec, frame, 0)
		}
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
	c.Audio.Silence, _ = payload.PadOpus([]byte{c.Audio.Packets[0][0] &^ 3}) // of code 0
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

// maxUneven bounds a frame of sizes as encoders make them.
const maxUneven = 64 << 10

// benchFrame makes four packets of MaxFragment bytes of each frame.
const benchFrame = 4 * payload.MaxFragment

// Bench returns a clip for measurements: one encoding of 120 packets a second and about 1.1 Mbit/s, each packet of the
// same size. It is the h layer with every frame filled up. sealed leaves room for what end-to-end encryption adds, so
// that the packets are the same. uneven fills frames up in proportion to what the encoder made them, key frames to many
// times the mean: about as many packets, most of which differ in size from their neighbours.
func (c *Clip) Bench(sealed, uneven bool) *Clip {
	even, overhead := benchFrame, 0
	if sealed {
		overhead = sframe.Overhead
	}
	h := c.Layer("h")
	v := Video{Codec: h.Codec, Width: h.Width, Height: h.Height}
	total := 0
	for _, frame := range h.Frames {
		total += len(frame)
	}
	for _, frame := range h.Frames {
		size := even - overhead
		if uneven {
			size = min(len(frame)*len(h.Frames)*even/total, maxUneven) - overhead
		}
		if len(frame) < size { // a stamp in the middle is one no longer
			frame = payload.Room(h.Codec, frame, size)
		}
		v.Frames = append(v.Frames, frame)
	}
	return &Clip{Video: []Video{v}, Audio: c.Audio}
}

var (
	errBadIVF = errors.New("not an IVF file of this codec")
	errBadOgg = errors.New("not an Ogg file with Opus")
)

// parseIVF reads an IVF file. Frames alias raw.
func parseIVF(raw []byte, codec sframe.Codec) (Video, error) {
	if len(raw) < 32 || string(raw[:4]) != "DKIF" || string(raw[8:12]) != fourCCs[codec] {
		return Video{}, errBadIVF
	}
	v := Video{
		Codec:  codec,
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
	if len(v.Frames) == 0 || !payload.KeyFrame(codec, v.Frames[0]) {
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
