package path

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
	"github.com/pion/transport/v5/packetio"
)

const (
	srtpKeyLen  = 16 // AES-128-GCM, RFC 7714 §12
	srtpSaltLen = 12
	// maxRecords bounds what waits for the handshake, in bytes. Beyond it records are dropped, as UDP may.
	maxRecords = 64 << 10
)

// Identity is a bot's certificate, of which only the fingerprint matters. All bots of a process may share one.
type Identity struct {
	certificate tls.Certificate
	fingerprint string
}

// NewIdentity makes one.
func NewIdentity() (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bots: certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bot"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("bots: certificate: %w", err)
	}
	return &Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, fingerprint(der)}, nil
}

// Fingerprint is that of the certificate as an offer says it (RFC 8122 §5).
func (i *Identity) Fingerprint() string { return i.fingerprint }

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return "sha-256 " + strings.Join(parts, ":")
}

// Handshake is a DTLS association with the server, whose datagrams a socket hands over. It is needed for its keys: once
// it has given them, it holds neither buffers nor goroutines, only the goodbye that Close sends. Safe for concurrent
// use.
type Handshake struct {
	send func([]byte)

	mu      sync.Mutex // guards what follows
	pipe    *pipe      // nil when the handshake is over; so is conn
	conn    *dtls.Conn
	over    bool // it succeeded
	goodbye []byte
}

// pipe is the association's end of the socket.
type pipe struct {
	*packetio.Buffer
	local net.Addr

	mu   sync.Mutex
	send func([]byte) // owned by mu
}

// divert has what the association sends go elsewhere.
func (p *pipe) divert(send func([]byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send = send
}

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := p.Read(b, nil)
	return n, p.local, err //nolint:wrapcheck // Pion's own
}

// WriteTo implements net.PacketConn.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send(b)
	return len(b), nil
}

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return p.local }

// SetDeadline implements net.PacketConn.
func (p *pipe) SetDeadline(at time.Time) error { return p.SetReadDeadline(at) }

// SetWriteDeadline implements net.PacketConn; writes never wait.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

var errFingerprint = errors.New("bots: the server's certificate is not that of its answer")

// NewHandshake prepares an association as client. send sends a datagram to the server; expected is the fingerprint that
// its answer vouches for.
func NewHandshake(id *Identity, expected string, send func([]byte)) (*Handshake, error) {
	h := &Handshake{send: send, pipe: &pipe{
		Buffer: packetio.NewBuffer(), local: net.UDPAddrFromAddrPort(netip.AddrPort{}), send: send,
	}}
	h.pipe.SetLimitSize(maxRecords)
	var err error
	h.conn, err = dtls.ClientWithOptions(h.pipe, h.pipe.local,
		dtls.WithCertificates(id.certificate),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // of the chain: there is none
		dtls.WithVerifyPeerCertificate(func(certificates [][]byte, _ [][]*x509.Certificate) error {
			if len(certificates) == 0 || !strings.EqualFold(fingerprint(certificates[0]), expected) {
				return errFingerprint
			}
			return nil
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("bots: DTLS: %w", err)
	}
	return h, nil
}

// Take hands over a datagram of the server's. It does not block and keeps nothing of b. ended says that the server has
// ended the association. That is not authenticated, for the keys are gone: a host that can send in the server's
// name can end a bot's stay.
func (h *Handshake) Take(b []byte) (ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pipe != nil {
		_, _ = h.pipe.Write(b, nil) // full: lost, as UDP may
		return false
	}
	return h.over && len(b) > 0 && b[0] == contentAlert
}

// contentAlert is the content type of the only record that a server has to send after the handshake (RFC 5246 §6.2.1).
const contentAlert = 21

// Run does the handshake and returns the contexts to send with and to receive with. Each is for one goroutine at a
// time.
func (h *Handshake) Run(ctx context.Context) (send, receive *srtp.Context, err error) {
	h.mu.Lock()
	conn := h.conn
	h.mu.Unlock()
	if conn == nil {
		return nil, nil, fmt.Errorf("bots: DTLS: %w", net.ErrClosed)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, nil, fmt.Errorf("bots: DTLS: %w", err)
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, nil, errors.New("bots: DTLS: no state of a finished handshake")
	}
	km, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(srtpKeyLen+srtpSaltLen)) // RFC 5764 §4.2
	if err != nil {
		return nil, nil, fmt.Errorf("bots: keys: %w", err)
	}
	h.finish()
	clientKey, serverKey := km[:srtpKeyLen], km[srtpKeyLen:2*srtpKeyLen]
	clientSalt, serverSalt := km[2*srtpKeyLen:2*srtpKeyLen+srtpSaltLen], km[2*srtpKeyLen+srtpSaltLen:]
	if send, err = srtp.CreateContext(clientKey, clientSalt, srtp.ProtectionProfileAeadAes128Gcm); err != nil {
		return nil, nil, fmt.Errorf("bots: keys: %w", err)
	}
	if receive, err = srtp.CreateContext(serverKey, serverSalt, srtp.ProtectionProfileAeadAes128Gcm); err != nil {
		return nil, nil, fmt.Errorf("bots: keys: %w", err)
	}
	return send, receive, nil
}

// finish frees what the association holds, and keeps its last record, which says goodbye, for Close. A client has
// nothing to send again: the last flight is the server's (RFC 6347 §4.2.4).
func (h *Handshake) finish() {
	h.mu.Lock()
	conn, p := h.conn, h.pipe
	h.conn, h.pipe = nil, nil
	h.over = conn != nil
	h.mu.Unlock()
	if conn == nil { // closed meanwhile
		return
	}
	var last []byte
	p.divert(func(b []byte) { last = bytes.Clone(b) })
	_ = conn.Close() // nothing is sent
	h.mu.Lock()
	defer h.mu.Unlock()
	h.goodbye = last
}

// Close says goodbye and frees what the association holds. It may be called more than once.
func (h *Handshake) Close() error {
	h.mu.Lock()
	conn, p, goodbye := h.conn, h.pipe, h.goodbye
	h.conn, h.pipe, h.goodbye = nil, nil, nil
	h.mu.Unlock()
	if conn != nil {
		return errors.Join(conn.Close(), p.Close())
	}
	if goodbye != nil {
		h.send(goodbye)
	}
	return nil
}
