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
