package sfu

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	pionsrtp "github.com/pion/srtp/v3"

	"conclave/sfu/batch"
	"conclave/sfu/srtp"
)

// transport is one PeerConnection's way to its peer: ICE, of which an ICE-lite server has to do very little (ice.go), DTLS, which is
// Pion's (dtls.go), and the keys that come out of it. Media descriptions and media packets have nothing to do with it, so a join's cost
// and memory are independent of the number of slots.
type transport struct {
	session *session
	events  transportEvents

	ice  iceState
	pipe *dtlsPipe

	keys   atomic.Pointer[keys]
	remote atomic.Pointer[remote] // where the peer is to be sent to, nil before its first check
	heard  atomic.Int64           // unix nanoseconds of its latest authentic check, or of the making
	closed atomic.Bool
	once   sync.Once

	expected string // the fingerprint that the offer vouches for
	dtlsMu   sync.Mutex
	dtls     *dtls.Conn // made with the peer's first record
}

// remote is where to send to, and from which of our addresses.
type remote struct {
	to    *batch.Addr
	local int // index of Server.locals
}

// keys are the SRTP and SRTCP contexts of a finished handshake.
type keys struct {
	in, out *srtp.Cipher
	rtcpMu  sync.Mutex // RTCP is some packets a second a peer: one lock for both contexts
	rtcpIn  *pionsrtp.Context
	rtcpOut *pionsrtp.Context
}

// transportEvents are called from goroutines of the transport's and control's.
type transportEvents struct {
	connected func()
	failed    func(reason string)
}

// newTransport makes a transport that nobody can reach yet: negotiate gives it credentials.
func newTransport(sess *session, fingerprint string, ev transportEvents) *transport {
	t := &transport{session: sess, events: ev, expected: fingerprint}
	t.heard.Store(time.Now().UnixNano())
	t.pipe = newDTLSPipe(t)
	return t
}

// close ends the transport. No packet from or to it is handled once it returns; the peer is told in the background.
func (t *transport) close() {
	t.once.Do(func() {
		t.closed.Store(true)
		t.session.server.unbind(t)
		t.session.server.inBackground(t.endDTLS)
	})
}

// installKeys derives the SRTP keys from a finished handshake (RFC 5764 §4.2). We are the server.
func (t *transport) installKeys(material []byte) error {
	const k, s = srtp.KeyLen, srtp.SaltLen
	clientKey, serverKey := material[:k], material[k:2*k]
	clientSalt, serverSalt := material[2*k:2*k+s], material[2*k+s:]
	ks := &keys{}
	var err error
	if ks.in, err = srtp.NewCipher(clientKey, clientSalt); err != nil {
		return err
	}
	if ks.out, err = srtp.NewCipher(serverKey, serverSalt); err != nil {
		return err
	}
	const profile = pionsrtp.ProtectionProfileAeadAes128Gcm
	if ks.rtcpIn, err = pionsrtp.CreateContext(clientKey, clientSalt, profile, pionsrtp.SRTCPReplayProtection(64)); err != nil {
		return fmt.Errorf("sfu: %w", err)
	}
	if ks.rtcpOut, err = pionsrtp.CreateContext(serverKey, serverSalt, profile); err != nil {
		return fmt.Errorf("sfu: %w", err)
	}
	t.keys.Store(ks)
	return nil
}
