//go:build linux && (amd64 || arm64)

package wire

import (
	"encoding/binary"
	"fmt"
	"maps"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shaped is a datagram with its first two bytes and a number where RTP has its sequence number.
func shaped(first, second byte, number uint16) []byte {
	b := make([]byte, 200)
	b[0], b[1] = first, second
	binary.BigEndian.PutUint16(b[2:], number)
	return b
}

// end is RTCP that is sent last: on loopback nothing overtakes, and signals are handed over before media.
const end = "81cd0007"

// came counts what a wire is handed until end is, by the first four bytes.
func (e *exchange) came(t *testing.T) map[string]int {
	t.Helper()
	e.write(t, shaped(0x81, 205, 7))
	counts, deadline := map[string]int{}, time.After(10*time.Second)
	for counts[end] == 0 || len(e.signals) > 0 {
		select {
		case a := <-e.media:
			counts[fmt.Sprintf("%x", a.Data[:4])]++
		case s := <-e.signals:
			counts[fmt.Sprintf("%x", s.data[:4])]++
		case <-deadline:
			t.Fatal("the last datagram did not come")
		}
	}
	delete(counts, end)
	return counts
}

// The kernel keeps the packets of RTP whose number the sample divides, where the number wraps too, and all else.
func TestASampleIsOfRTPOnly(t *testing.T) {
	for _, n := range []int{2, 32, 64} {
		w := newExchange(t, Config{Sample: n})
		want := map[string]int{}
		for i := range 4 * n {
			number := uint16(65536 - 2*n + i) // wraps
			w.write(t, shaped(0x80, 96, number), shaped(0xBF, 0x80|111, number))
			if i%n == 0 {
				want[fmt.Sprintf("8060%04x", number)], want[fmt.Sprintf("bfef%04x", number)] = 1, 1
			}
		}
		if got := w.came(t); !maps.Equal(got, want) {
			t.Errorf("1 in %d: %v came, want %v", n, got, want)
		}
		if w.Drops() != 0 {
			t.Errorf("1 in %d: %d are said to be dropped", n, w.Drops())
		}
	}
}

func TestASampleKeepsWhatIsNoRTP(t *testing.T) {
	for _, first := range []byte{0, 1, 3, 20, 22, 63, 64, 127, 192, 255} { // STUN, DTLS, TURN, and what is none of them
		w := newExchange(t, Config{Sample: 32})
		w.write(t, shaped(first, 1, 1))
		if got := w.came(t); got[fmt.Sprintf("%02x010001", first)] != 1 {
			t.Errorf("what begins with %d: %v", first, got)
		}
	}
	for second, want := range map[byte]int{192: 1, 200: 1, 201: 1, 205: 1, 223: 1, 191: 0, 224: 0, 96: 0} {
		w := newExchange(t, Config{Sample: 32})
		w.write(t, shaped(0x81, second, 1))
		if got := w.came(t); got[fmt.Sprintf("81%02x0001", second)] != want {
			t.Errorf("type %d: %v", second, got)
		}
	}
}

// What a server sends as segments of one message is filtered packet by packet.
func TestSegmentsAreSampledOneByOne(t *testing.T) {
	w := newExchange(t, Config{Sample: 8})
	raw, err := w.peer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var message []byte
	for i := range uint16(20) { // 5 to 24
		message = append(message, shaped(0x80, 96, 5+i)...)
	}
	segments := func(size int) (err error) {
		controlErr := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size)
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}
	if err := segments(200); err != nil {
		t.Skip("no UDP_SEGMENT: ", err)
	}
	w.write(t, message)
	if err := segments(0); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"80600008": 1, "80600010": 1, "80600018": 1}
	if got := w.came(t); !maps.Equal(got, want) {
		t.Errorf("%v came, want %v", got, want)
	}
}
