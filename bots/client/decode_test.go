package client

import (
	"fmt"
	"testing"

	"conclave/protocol"
)

// What comes to all bots is decoded once; what is wrong is wrong for all.
func TestDecoder(t *testing.T) {
	var d Decoder
	raw := []byte(`{"type":"log","entries":[{"position":1,"from":2,"data":"YQ"}]}`)
	first, err := d.decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.decode([]byte(string(raw)))
	if err != nil || again != first {
		t.Fatalf("%v, %v", again, err)
	}
	for range 2 {
		if _, err := d.decode([]byte(`{"type":"log"`)); err == nil {
			t.Error("half a message is one")
		}
	}
	for i := range 3 * maxDecoded {
		m, err := d.decode(fmt.Appendf(nil, `{"type":"ok","id":%d}`, i+1))
		if ok, is := m.(*protocol.OK); err != nil || !is || int(ok.ID) != i+1 {
			t.Fatalf("%v, %v", m, err)
		}
	}
	if len(d.slots) != maxDecoded || len(d.order) != maxDecoded {
		t.Errorf("%d are remembered, in an order of %d", len(d.slots), len(d.order))
	}
	if other, err := (*Decoder)(nil).decode(raw); err != nil || other == first {
		t.Errorf("%v, %v", other, err)
	}
}
