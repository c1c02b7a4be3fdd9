package path

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/transport/v5/packetio"
)

// association is a server's end of a handshake, over memory.
type association struct {
	server *dtls.Conn
	bot    *Handshake
	mu     sync.Mutex
	sent   int // datagrams of the bot's, owned by mu
}

func (a *association) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent
}

// associate makes an association and has both ends do the handshake.
func associate(t *testing.T, id *Identity) *association {
	t.Helper()
	a := &association{}
	end := &pipe{Buffer: packetio.NewBuffer(), local: &net.UDPAddr{}, send: func(b []byte) { a.bot.Take(b) }}
	var err error
	a.bot, err = NewHandshake(id, id.fingerprint, func(b []byte) {
		a.mu.Lock()
		a.sent++
		a.mu.Unlock()
		_, _ = end.Write(b, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	a.server, err = dtls.ServerWithOptions(end, end.local,
		dtls.WithCertificates(id.certificate),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret), dtls.WithInsecureSkipVerify(true))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.server.HandshakeContext(ctx) }()
	if _, _, err := a.bot.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return a
}

// The association is needed for its keys alone: what it cost is freed, and it can still say goodbye.
func TestAfterTheHandshakeOnlyAGoodbyeIsLeft(t *testing.T) {
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	a := associate(t, id)
	stacks := make([]byte, 1<<20)
	waiting := func() int { return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "handshakeFSM).Run(") }
	for end := time.Now().Add(20 * time.Second); waiting() > 1; time.Sleep(time.Millisecond) { // it ends by itself
		if time.Now().After(end) {
			t.Fatalf("%d ends still wait for flights, want the server's alone", waiting())
		}
	}
	if a.bot.conn != nil || a.bot.pipe != nil || len(a.bot.goodbye) == 0 || len(a.bot.goodbye) > 64 {
		t.Errorf("it holds %v, %v and %d bytes", a.bot.conn, a.bot.pipe, len(a.bot.goodbye))
	}
	sent := a.count()
	for range 2 {
		if err := a.bot.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := a.count() - sent; n != 1 {
		t.Errorf("%d goodbyes were sent", n)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := a.server.Read(make([]byte, 16))
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the server read something else")
		}
	case <-time.After(10 * time.Second):
		t.Error("the server did not take the goodbye")
	}
	_ = a.server.Close()
}

// Only an alert ends the association: a handshake message that comes again does not.
func TestTheServersGoodbyeEndsTheAssociation(t *testing.T) {
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	a := associate(t, id)
	defer func() { _ = a.server.Close() }()
	for first, want := range map[byte]bool{20: false, 21: true, 22: false, 23: false} {
		if got := a.bot.Take([]byte{first, 254, 253}); got != want {
			t.Errorf("content type %d: %v", first, got)
		}
	}
	if h, err := NewHandshake(id, "", func([]byte) {}); err != nil || h.Take([]byte{21, 254, 253}) {
		t.Errorf("an alert ended a handshake that has not begun: %v", err)
	} else {
		_ = h.Close()
	}
}
