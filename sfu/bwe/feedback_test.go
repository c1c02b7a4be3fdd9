package bwe

import (
	"testing"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"conclave/sfu/rtcpview"
)

// recorded is feedback as Pion's recorder writes it: about packets at the given times in µs, by sequence number.
func recorded(t testing.TB, arrivals map[uint16]int64, order []uint16) (body []byte) {
	t.Helper()
	r := twcc.NewRecorder(1)
	for _, seq := range order {
		r.Record(2, seq, arrivals[seq])
	}
	packets := r.BuildFeedbackPacket()
	if len(packets) != 1 {
		t.Fatalf("%d feedback packets", len(packets))
	}
	raw, err := rtcp.Marshal(packets)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := rtcpview.Next(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p.Body
}

// sample has runs, vectors, losses, large and negative steps, and a wrap of the sequence number.
func sample(t testing.TB) ([]byte, map[uint16]int64) {
	t.Helper()
	arrivals := map[uint16]int64{}
	var order []uint16
	at := int64(1_000_000_000)
	for i := range uint16(60) {
		seq := 65_500 + i
		switch {
		case i%7 == 3 || i >= 20 && i < 40:
			continue
		case i%11 == 5:
			at += 90_000
		case i%13 == 6:
			at -= 2_000
		default:
			at += 500
		}
		arrivals[seq] = at
		order = append(order, seq)
	}
	return recorded(t, arrivals, order), arrivals
}

func TestFeedbackSaysWhatTheReceiverRecorded(t *testing.T) {
	body, arrivals := sample(t)
	f, err := ParseFeedback(body)
	if err != nil {
		t.Fatal(err)
	}
	statuses, got := 0, 0
	for s, ok := f.Next(); ok; s, ok = f.Next() {
		want, arrived := arrivals[s.Seq]
		if s.Received != arrived {
			t.Errorf("packet %d: received %v", s.Seq, s.Received)
		}
		if at := int64(f.Reference)*64_000 + s.Arrival; arrived && (at-want > 250 || want-at > 250) {
			t.Errorf("packet %d: arrived at %d, want %d", s.Seq, at, want)
		}
		statuses++
		if s.Received {
			got++
		}
	}
	if statuses != f.Count || got != len(arrivals) {
		t.Errorf("%d statuses of %d, %d received of %d", statuses, f.Count, got, len(arrivals))
	}
}

func TestFeedbackCutAtEveryLengthIsRefusedOrWhole(t *testing.T) {
	body, _ := sample(t)
	for n := range len(body) {
		if f, err := ParseFeedback(body[:n:n]); err == nil {
			for _, ok := f.Next(); ok; _, ok = f.Next() {
				continue
			}
		} else if n == len(body) {
			t.Error("the whole message is refused")
		}
	}
}

func TestFeedbackThatMakesNoSenseIsRefused(t *testing.T) {
	head := func(count uint16, rest ...byte) []byte {
		return append([]byte{0, 0, 0, 1, 0, 0, 0, 2, 0, 5, byte(count >> 8), byte(count), 0, 0, 1, 0}, rest...)
	}
	for name, body := range map[string][]byte{
		"nothing":                  nil,
		"no status":                head(0),
		"no chunk":                 head(1),
		"a run of none":            head(1, 0x20, 0),
		"reserved symbol in a run": head(1, 0x60, 1),
		"reserved in a vector":     head(7, 0xff, 0xff),
		"no room for the deltas":   head(3, 0x20, 3, 1, 1),
	} {
		if _, err := ParseFeedback(body); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzFeedback: whatever parses is gone through to its count, and agrees with Pion's reading of it.
func FuzzFeedback(f *testing.F) {
	body, _ := sample(f)
	f.Add(body)
	f.Add(message16(7, 300))
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 3, 0, 0, 1, 0, 0xd5, 0x40, 1, 0, 2, 0, 3, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		fb, err := ParseFeedback(body)
		if err != nil {
			return
		}
		n, got := 0, 0
		for s, ok := fb.Next(); ok; s, ok = fb.Next() {
			if s.Seq != fb.Base+uint16(n) {
				t.Fatalf("status %d is of packet %d, base %d", n, s.Seq, fb.Base)
			}
			n++
			if s.Received {
				got++
			}
		}
		if n != fb.Count {
			t.Fatalf("%d statuses of %d", n, fb.Count)
		}
		pad := -len(body) & 3
		raw := append([]byte{0x8f, rtcpview.TypeRTPFB, byte((len(body) + pad) / 4 >> 8), byte((len(body) + pad) / 4)},
			body...)
		raw = append(raw, make([]byte, pad)...)
		var theirs rtcp.TransportLayerCC
		if err := theirs.Unmarshal(raw); err != nil {
			return // it refuses some that the draft allows: a last chunk longer than the count
		}
		if len(theirs.RecvDeltas) < got { // it also reads symbols beyond the count
			t.Fatalf("%d received, Pion reads %d", got, len(theirs.RecvDeltas))
		}
	})
}
