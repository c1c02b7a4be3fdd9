package codec

import (
	"errors"
	"testing"
)

func TestH264IsDescribedByItsNALUnits(t *testing.T) {
	frame := Info{FrameAt: 1, FrameStart: true, LayerStart: true}
	key := frame
	key.KeyStart = true
	for name, c := range map[string]struct {
		payload []byte
		want    Info
	}{
		"parameter set":                {[]byte{0x67, 0x42, 0xe0}, key},
		"picture parameter set":        {[]byte{0x68, 1}, Info{FrameAt: 1}},
		"access unit delimiter":        {[]byte{0x09, 0x10}, frame},
		"first slice":                  {[]byte{0x41, 0x9a}, frame},
		"second slice":                 {[]byte{0x41, 0x40}, Info{FrameAt: 1}},
		"IDR slice after its sets":     {[]byte{0x65, 0x88}, Info{FrameAt: 1}},
		"fragment, first of a slice":   {[]byte{0x5c, 0x81, 0x9a}, frame},
		"fragment, continued":          {[]byte{0x5c, 0x01, 0x9a}, Info{FrameAt: 2}},
		"fragment of a parameter set":  {[]byte{0x7c, 0x87, 0x42}, key},
		"aggregate of the sets":        {[]byte{0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68}, key},
		"aggregate of SEI and a slice": {[]byte{0x78, 0, 1, 0x06, 0, 2, 0x41, 0x9a}, frame},
	} {
		if got, err := Parse(H264, c.payload); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func TestMalformedH264IsRefused(t *testing.T) {
	for _, payload := range [][]byte{{0x78, 0}, {0x78, 0, 0, 1}, {0x78, 0, 3, 0x67, 0x42}, {0x5c}, {0x5c, 0x81}, {0x00},
		{0x79, 1, 2}, {0x7d, 1, 2}, {0x1f}} {
		if got, err := Parse(H264, payload); !errors.Is(err, ErrMalformed) {
			t.Errorf("% x: %+v, %v", payload, got, err)
		}
	}
}
