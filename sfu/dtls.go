package sfu

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/transport/v4/packetio"

	"conclave/sfu/batch"
	"conclave/sfu/srtp"
)

const (
	// dtlsQueue bounds the DTLS datagrams of one peer that wait to be read: two flights of a handshake. What is over it is lost, and DTLS repeats.
	dtlsQueue = 16
	// dtlsTimeout is how long a handshake may take.
	dtlsTimeout = 20 * time.Second
)

// identity is what the server shows in DTLS: a key for the life of the process. Nobody trusts the certificate; signalling vouches for
// its fingerprint.
type identity struct {
	certificate tls.Certificate
	fingerprint string // as an answer says it (RFC 8122 §5)
}

func newIdentity(now time.Time) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return identity{}, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "conclave"},
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(5, 0, 0)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return identity{}, err
	}
	return identity{certificate: tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: crypto.PrivateKey(key)},
		fingerprint: "sha-256 " + hexPairs(sha256Sum(raw))}, nil
}

func sha256Sum(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// hexPairs writes a fingerprint: upper case with colons, and Firefox insists.
func hexPairs(b []byte) string {
	text := make([]string, len(b))
	for i := range b {
		text[i] = strings.ToUpper(hex.EncodeToString(b[i : i+1]))
	}
	return strings.Join(text, ":")
}

var errFingerprint = errors.New("sfu: the certificate is not the one of the offer")

// matches says whether a certificate is the one that an offer's fingerprint vouches for (RFC 8122 §5).
func matches(fingerprint string, certificate []byte) error {
	algorithm, want, _ := strings.Cut(fingerprint, " ")
	var sum []byte
	switch strings.ToLower(algorithm) {
	case "sha-256":
		sum = sha256Sum(certificate)
	case "sha-384":
		s := sha512.Sum384(certificate)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(certificate)
		sum = s[:]
	default:
		return errFingerprint
	}
	if subtle.ConstantTimeCompare([]byte(hexPairs(sum)), []byte(strings.ToUpper(want))) != 1 {
		return errFingerprint
	}
	return nil
}

// dtlsPipe is the net.PacketConn that Pion's DTLS reads and writes: it reads what the worker hands on, and writes to where the peer is.
type dtlsPipe struct {
	*packetio.Buffer
	t *transport
}

func newDTLSPipe(t *transport) *dtlsPipe {
	p := &dtlsPipe{Buffer: packetio.NewBuffer(), t: t}
	p.SetLimitCount(dtlsQueue)
	return p
}

// ReadFrom implements net.PacketConn.
func (p *dtlsPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.LocalAddr(), err
}

// WriteTo implements net.PacketConn. Where to is the transport's to know.
func (p *dtlsPipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	to := p.t.remote.Load()
	if to == nil {
		return 0, os.ErrInvalid
	}
	return p.t.session.server.locals[to.local].conns[0].WriteTo(b, to.to.AddrPort)
}

// LocalAddr implements net.PacketConn; a pipe has none.
func (p *dtlsPipe) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn.
func (p *dtlsPipe) SetDeadline(at time.Time) error { return p.SetReadDeadline(at) }

// SetWriteDeadline implements net.PacketConn; writes never wait.
func (p *dtlsPipe) SetWriteDeadline(time.Time) error { return nil }

// dtlsRecord takes a DTLS datagram, which has come from a proven address.
func (t *transport) dtlsRecord(b []byte) (ok bool) {
	if _, err := t.pipe.Write(b); err != nil {
		return false
	}
	t.dtlsMu.Lock()
	defer t.dtlsMu.Unlock()
	if t.dtls == nil && !t.closed.Load() {
		conn, err := t.serveDTLS()
		if err != nil {
			t.session.server.log.Error("starting DTLS", "error", err)
			return false
		}
		t.dtls = conn
		t.session.server.inBackground(func() { t.serve(conn) })
	}
	return true
}

// serveDTLS prepares the handshake. Callers hold dtlsMu.
func (t *transport) serveDTLS() (*dtls.Conn, error) {
	s, expected := t.session.server, t.expected
	return dtls.ServerWithOptions(t.pipe, t.pipe.LocalAddr(),
		dtls.WithCertificates(s.identity.certificate),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerify(true),      // of the chain: there is none
		dtls.WithInsecureSkipVerifyHello(true), // ICE has verified the address already: one round trip less
		dtls.WithVerifyPeerCertificate(func(certificates [][]byte, _ [][]*x509.Certificate) error {
			if len(certificates) == 0 {
				return errFingerprint
			}
			return matches(expected, certificates[0])
		}),
		dtls.WithLoggerFactory(silentFactory{}),
	)
}

// serve runs as long as the DTLS connection: through the handshake, then until the peer says goodbye.
func (t *transport) serve(conn *dtls.Conn) {
	if err := t.handshake(conn); err != nil {
		if !t.closed.Load() {
			t.events.failed("dtls")
		}
		return
	}
	t.events.connected()
	ignored := make([]byte, batch.MaxDatagram) // nobody has negotiated data channels
	for {
		if _, err := conn.Read(ignored); err != nil {
			break
		}
	}
	if !t.closed.Load() {
		t.events.failed("dtls")
	}
}

// handshake derives the keys of a handshake whose peer is the one of the offer.
func (t *transport) handshake(conn *dtls.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), dtlsTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("sfu: handshake: %w", err)
	}
	if profile, ok := conn.SelectedSRTPProtectionProfile(); !ok || profile != dtls.SRTP_AEAD_AES_128_GCM {
		return errors.New("sfu: no SRTP profile in common")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("sfu: no state of a finished handshake")
	}
	material, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(srtp.KeyLen+srtp.SaltLen)) // RFC 5764 §4.2
	if err != nil {
		return fmt.Errorf("sfu: %w", err)
	}
	return t.installKeys(material)
}

// endDTLS tells the peer, and lets go of what the handshake holds.
func (t *transport) endDTLS() {
	t.dtlsMu.Lock()
	conn := t.dtls
	t.dtlsMu.Unlock()
	if conn != nil {
		_ = conn.Close() // nothing to tell anybody: it is gone either way
	}
	_ = t.pipe.Close()
}
