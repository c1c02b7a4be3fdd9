package wire

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"conclave/bots/network"
)

// exchange opens a wire and a socket to talk to it.
func exchange(t *testing.T, media func([]Arrival), sniff func([]byte)) (*Wire, *net.UDPConn) {
	t.Helper()
	w, err := Listen(Config{Local: net.IPv4(127, 0, 0, 1), Media: media, Sniff: sniff})
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
	w, peer := exchange(t, func(list []Arrival) {
		mu.Lock()
		defer mu.Unlock()
		for _, a := range list {
			media = append(media, append([]byte(nil), a.Data...))
			at = append(at, a.At)
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
	buf := make([]byte, MaxDatagram)
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
	w, _ := exchange(t, func([]Arrival) {}, func([]byte) {})
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

// What a bad network does, it does to handshakes and media alike, in both directions.
func TestANetworkIsBetweenTheBotAndItsSocket(t *testing.T) {
	const delay = 80 * time.Millisecond
	arrived := make(chan Arrival, 10)
	w, err := Listen(Config{
		Local: net.IPv4(127, 0, 0, 1), Sniff: func([]byte) {}, Network: &network.Conditions{Delay: delay},
		Media: func(list []Arrival) { arrived <- list[0] },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	peer, err := net.DialUDP("udp4", nil, w.local)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	address, err := netip.ParseAddrPort(peer.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := w.GetConn("ufrag", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Follow(address)
	buf := make([]byte, MaxDatagram)
	for name, send := range map[string]func() error{
		"media": func() error { w.Send([]byte{0x80, 1, 2}); return nil },
		"STUN":  func() error { _, err := conn.WriteTo([]byte{0, 1, 2}, net.UDPAddrFromAddrPort(address)); return err },
	} {
		before := time.Now()
		if err := send(); err != nil {
			t.Fatal(err)
		}
		if n, err := peer.Read(buf); err != nil || n != 3 || time.Since(before) < delay {
			t.Errorf("%s: %d bytes, %v, after %v", name, n, err, time.Since(before))
		}
	}
	before := time.Now()
	for _, b := range [][]byte{append([]byte{0x80, 96}, make([]byte, 20)...), {0, 1, 2}} {
		if _, err := peer.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if a := <-arrived; len(a.Data) != 22 || time.Unix(0, a.At).Sub(before) < delay-time.Millisecond {
		t.Errorf("%d bytes that arrived after %v", len(a.Data), time.Unix(0, a.At).Sub(before))
	}
	if n, _, err := conn.ReadFrom(buf); err != nil || n != 3 || time.Since(before) < delay-time.Millisecond {
		t.Errorf("%d bytes, %v, after %v", n, err, time.Since(before))
	}
	if w.SendErrors() != 0 || w.Drops() != 0 {
		t.Errorf("%d errors, %d drops", w.SendErrors(), w.Drops())
	}
}
