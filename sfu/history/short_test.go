package history

import (
	"bytes"
	"testing"
	"time"
)

const halfSecond = 500 * time.Millisecond

func TestAShortReturnsWhatWasSentByteForByte(t *testing.T) {
	s, now := new(Short), time.Unix(1000, 0)
	for seq := range uint16(5) {
		s.Add(65534+seq, bytes.Repeat([]byte{byte(seq)}, 100+int(seq)), now)
	}
	for seq := range uint16(5) {
		got, first, ok := s.Ask(65534+seq, now, halfSecond, 0)
		if !ok || !first || !bytes.Equal(got, bytes.Repeat([]byte{byte(seq)}, 100+int(seq))) {
			t.Errorf("packet %d: %d bytes, first %v, %v", seq, len(got), first, ok)
		}
	}
}

func TestAShortKeepsNothingForLong(t *testing.T) {
	s, now := new(Short), time.Unix(1000, 0)
	s.Add(1, []byte{1}, now)
	if _, _, ok := s.Ask(1, now.Add(halfSecond+1), halfSecond, 0); ok {
		t.Error("a packet older than half a second is returned")
	}
	s.Add(1+ShortPackets, []byte{2}, now)
	if _, _, ok := s.Ask(1, now, halfSecond, 0); ok {
		t.Error("a packet whose place is taken is returned")
	}
	if _, _, ok := s.Ask(2, now, halfSecond, 0); ok {
		t.Error("a packet that was never sent is returned")
	}
}

func TestAShortIsNotOverrunByLargePackets(t *testing.T) {
	s, now := new(Short), time.Unix(1000, 0)
	s.Add(1, make([]byte, ShortBytes/4+1), now)
	if _, _, ok := s.Ask(1, now, halfSecond, 0); ok {
		t.Error("a packet of more than a quarter of the ring is kept")
	}
	for seq := range uint16(20) { // five times what the ring holds
		s.Add(seq, bytes.Repeat([]byte{byte(seq)}, ShortBytes/4), now)
		for old := range seq {
			if got, _, ok := s.Ask(old, now, halfSecond, 0); ok && (got[0] != byte(old) || got[len(got)-1] != byte(old)) {
				t.Fatalf("packet %d was overwritten", old)
			}
		}
	}
}

func TestAPacketIsAskedForOnceInARoundTrip(t *testing.T) {
	s, now := new(Short), time.Unix(1000, 0)
	s.Add(1, []byte{1}, now)
	s.Ask(1, now, halfSecond, 40*time.Millisecond)
	if _, _, ok := s.Ask(1, now.Add(39*time.Millisecond), halfSecond, 40*time.Millisecond); ok {
		t.Error("it is sent twice within a round trip")
	}
	if _, first, ok := s.Ask(1, now.Add(40*time.Millisecond), halfSecond, 40*time.Millisecond); !ok || first {
		t.Error("it is not sent again, or as if asked for the first time")
	}
}

func TestAPacketIsCopiedSoManyTimes(t *testing.T) {
	s, now := new(Short), time.Unix(1000, 0)
	s.Add(1, []byte{1}, now)
	n := 0
	for range 5 {
		if _, ok := s.Copy(1, now, halfSecond, 2); ok {
			n++
		}
	}
	if n != 2 {
		t.Errorf("copied %d times, want 2", n)
	}
}
