package stream

import (
	"testing"
	"time"
)

func TestABacklogIsAsOldAsItsOldestByte(t *testing.T) {
	var b backlog
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	b.add(100, at(0))
	b.add(50, at(1)) // of one age with the first
	b.add(100, at(10))
	for _, c := range []struct{ take, size, oldest int }{{0, 250, 0}, {149, 101, 0}, {1, 100, 10}, {99, 1, 10}} {
		b.take(c.take)
		if b.size() != c.size || b.oldest() != at(c.oldest).UnixNano() {
			t.Errorf("after %d more: %d bytes since %v", c.take, b.size(), time.Unix(0, b.oldest()).Sub(start))
		}
	}
	b.take(1)
	if b.size() != 0 || b.oldest() != 0 {
		t.Error("something is left")
	}
}

// With more ages than are kept, none is taken to be younger than it is.
func TestABacklogOfManyAgesIsNeverTooYoung(t *testing.T) {
	var b backlog
	start := time.Unix(1000, 0)
	for i := range 10 * maxMarks {
		b.add(10, start.Add(time.Duration(i)*time.Second))
	}
	for i := range 10 * maxMarks {
		if b.oldest() > start.Add(time.Duration(i)*time.Second).UnixNano() {
			t.Fatalf("byte %d counts as younger than it is", 10*i)
		}
		b.take(10)
	}
	if b.oldest() != 0 || b.size() != 0 {
		t.Error("something is left")
	}
}

func TestTURNIsToldFromICE(t *testing.T) {
	for _, c := range []struct {
		first [4]byte
		want  bool
		what  string
	}{
		{[4]byte{0, 1}, false, "a Binding request"}, {[4]byte{1, 1}, false, "a Binding response"},
		{[4]byte{1, 0x11}, false, "a Binding error"}, {[4]byte{0, 0x11}, false, "a Binding indication"},
		{[4]byte{0, 3}, true, "Allocate"}, {[4]byte{0, 0x16}, true, "a Send indication"},
		{[4]byte{0, 8}, true, "CreatePermission"}, {[4]byte{0x40, 0}, true, "ChannelData"},
		{[4]byte{0x7f, 0xff}, true, "ChannelData"}, {[4]byte{0x80, 0}, false, "RTP"},
	} {
		if IsRelayed(c.first[:]) != c.want {
			t.Errorf("%s: %v", c.what, !c.want)
		}
	}
	if IsRelayed([]byte{0x40}) {
		t.Error("one byte")
	}
}
