package wire

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
)

// FuzzParseRTP checks that no datagram makes the reader fail, and that it agrees with Pion's.
func FuzzParseRTP(f *testing.F) {
	h := rtp.Header{
		Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 7, Timestamp: 9, SSRC: 11, CSRC: []uint32{5},
	}
	_ = h.SetExtension(3, []byte{1, 2})
	raw, _ := (&rtp.Packet{Header: h, Payload: []byte{1, 2, 3}}).Marshal()
	f.Add(raw)
	f.Add([]byte{0x80, 0x60})
	f.Add([]byte{0x9F, 0x60, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := ParseRTP(b)
		if !ok {
			return
		}
		if v.HeaderLen > len(b) {
			t.Fatalf("header of %d bytes in %d", v.HeaderLen, len(b))
		}
		got := v.Extension(3)
		var h rtp.Header
		n, err := h.Unmarshal(b)
		if err != nil || h.Extension && h.ExtensionProfile != 0xBEDE {
			return
		}
		if v.SSRC != h.SSRC || v.Seq != h.SequenceNumber || v.Timestamp != h.Timestamp || v.Marker != h.Marker {
			t.Errorf("%+v is not %+v", v, h)
		}
		if want := h.GetExtension(3); n == v.HeaderLen && got != nil && !bytes.Equal(got, want) {
			t.Errorf("extension % x, want % x", got, want)
		}
	})
}
