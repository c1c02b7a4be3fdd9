package bots

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// exchange opens a wire and a socket to talk to it.
func exchange(t *testing.T, media func([]arrival), sniff func([]byte)) (*wire, *net.UDPConn) {
	t.Helper()
	w, err := listenWire(net.IPv4(127, 0, 0, 1), 0, media, sniff)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := net.DialUDP("udp4", nil, w.local)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = peer.Close()
		_ = w.Close()
		_ = w.Close() // twice is allowed
	})
	return w, peer
}

func TestDatagramsAreSortedByTheirFirstBytes(t *testing.T) {
	var mu sync.Mutex
	var media, sniffed [][]byte
	var at []int64
	w, peer := exchange(t, func(list []arrival) {
		mu.Lock()
		defer mu.Unlock()
		for _, a := range list {
			media = append(media, append([]byte(nil), a.data...))
			at = append(at, a.at)
		}
	}, func(b []byte) { sniffed = append(sniffed, append([]byte(nil), b...)) })
	conn, err := w.GetConn("ufrag", nil)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	rtp := append([]byte{0x80, 96, 0, 1}, make([]byte, 20)...)
	rtcp := append([]byte{0x81, 201, 0, 1}, make([]byte, 20)...)
	stun := append([]byte{0, 1, 0, 0}, make([]byte, 16)...)
	dtls := append([]byte{22, 0xFE, 0xFD}, make([]byte, 20)...)
	for _, b := range [][]byte{rtp, rtcp, {}, {1}, stun, dtls} {
		if _, err := peer.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, maxDatagram)
	for _, want := range [][]byte{{}, {1}, stun, dtls} { // what is neither RTP nor RTCP is for Pion to judge
		n, from, err := conn.ReadFrom(buf)
		if err != nil || !bytes.Equal(buf[:n], want) || from.String() != peer.LocalAddr().String() {
			t.Errorf("read % x from %v, %v; want % x", buf[:n], from, err, want)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(media) != 2 || !bytes.Equal(media[0], rtp) || !bytes.Equal(media[1], rtcp) || len(sniffed) != 1 {
		t.Errorf("media % x, DTLS % x", media, sniffed)
	}
	for _, ns := range at {
		if d := time.Unix(0, ns).Sub(before); d < -time.Second || d > 10*time.Second {
			t.Errorf("arrived %v after it was sent", d)
		}
	}
}

func TestReadsEndByDeadlineAndClose(t *testing.T) {
	w, _ := exchange(t, func([]arrival) {}, func([]byte) {})
	conn, err := w.GetConn("", nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	read := func() {
		_, _, err := conn.ReadFrom(make([]byte, 10))
		ended <- err
	}
	go read()
	if err := conn.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go read()
	_ = conn.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("close: %v", err)
	}
	if _, err := conn.WriteTo([]byte{1}, w.local); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
}

func TestKeysComeFromTheHandshakeOnly(t *testing.T) {
	var tap keyTap
	if _, _, err := tap.contexts(); !errors.Is(err, errNoKeys) {
		t.Errorf("keys out of nothing: %v", err)
	}
	hello := make([]byte, 13+12+34)
	copy(hello, []byte{22, 0xFE, 0xFD})
	hello[12] = 12 + 34
	hello[13] = 2 // ServerHello
	for i := range 32 {
		hello[27+i] = byte(i)
	}
	for n := range hello { // truncated at every length
		tap.sniff(hello[:n])
	}
	if tap.serverRandom != nil {
		t.Error("a truncated ServerHello was read")
	}
	tap.sniff(append(append([]byte{22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 9), hello...)) // behind another record
	if len(tap.serverRandom) != 32 || tap.serverRandom[31] != 31 {
		t.Fatalf("server random % x", tap.serverRandom)
	}
	zeros := hex.EncodeToString(make([]byte, 32))
	for _, line := range []string{"", "SOMETHING " + zeros + " " + zeros, "CLIENT_RANDOM " + zeros + " " + zeros + "0000"} {
		if n, err := tap.Write([]byte(line + "\n")); err != nil || n != len(line)+1 {
			t.Errorf("%q: %d, %v", line, n, err)
		}
	}
	if _, err := tap.Write([]byte("CLIENT_RANDOM zz zz\n")); err == nil {
		t.Error("nonsense was accepted")
	}
	if _, _, err := tap.contexts(); err != nil {
		t.Error(err)
	}
	if _, _, err := tap.contexts(); !errors.Is(err, errNoKeys) {
		t.Errorf("the secret was kept: %v", err)
	}
}

// FuzzSniff checks that no datagram makes the reader of DTLS records fail.
func FuzzSniff(f *testing.F) {
	f.Add([]byte{22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2})
	f.Fuzz(func(_ *testing.T, b []byte) {
		var tap keyTap
		tap.sniff(b)
	})
}
