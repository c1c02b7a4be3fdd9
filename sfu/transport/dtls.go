package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/packetio"

	"conclave/sfu/batch"
	"conclave/sfu/drop"
	"conclave/sfu/transport/srtp"
)

const (
	// dtlsQueue bounds the DTLS datagrams of one peer that wait to be read: two flights of a handshake. What is over it is
	// lost, and DTLS repeats.
	dtlsQueue = 16
	// dtlsTimeout is how long a handshake may take.
	dtlsTimeout = 20 * time.Second
)

// dtlsPipe is the net.PacketConn that Pion's DTLS reads and writes: it reads what the worker hands on, and writes to
// where the peer is.
type dtlsPipe struct {
	*packetio.Buffer
	t *Transport
}

func newDTLSPipe(t *Transport) *dtlsPipe {
	p := &dtlsPipe{Buffer: packetio.NewBuffer(), t: t}
	p.SetLimitCount(dtlsQueue)
	return p
}

// ReadFrom implements net.PacketConn.
func (p *dtlsPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := p.Read(b, nil)
	return n, p.LocalAddr(), err
}

// WriteTo implements net.PacketConn. Where to is the transport's to know.
func (p *dtlsPipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	to := p.t.remote.Load()
	if to == nil {
		return 0, os.ErrInvalid
	}
	return p.t.network.write(b, to)
}

// LocalAddr implements net.PacketConn; a pipe has none.
func (p *dtlsPipe) LocalAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn.
func (p *dtlsPipe) SetDeadline(at time.Time) error { return p.SetReadDeadline(at) }

// SetWriteDeadline implements net.PacketConn; writes never wait.
func (p *dtlsPipe) SetWriteDeadline(time.Time) error { return nil }

// Handshake hands a DTLS datagram to the handshake of the peer it came from, and overwrites it. ICE comes first: a
// record from an address that no peer has proven to have is dropped. ok is false when it was, for reason r.
func (n *Network) Handshake(d *batch.Datagram) (r drop.Reason, ok bool) {
	t := n.Lookup(d.From)
	if t == nil {
		return drop.UnknownAddress, false
	}
	records := acceptable(d.Data, t.keys.Load() != nil)
	if len(records) == 0 {
		return drop.Auth, false
	}
	return drop.QueueFull, t.record(records)
}

// record takes DTLS records from a proven address.
func (t *Transport) record(b []byte) (ok bool) {
	if _, err := t.pipe.Write(b, nil); err != nil {
		return false
	}
	t.dtlsMu.Lock()
	defer t.dtlsMu.Unlock()
	if t.dtls == nil && !t.closed.Load() {
		conn, err := t.serveDTLS()
		if err != nil {
			t.network.log.Error("starting DTLS", "error", err)
			return false
		}
		t.dtls = conn
		t.network.background(func() { t.serve(conn) })
	}
	return true
}

// profiles are the SRTP profiles to choose from, the preferred first: AES-GCM costs a fifth of the other, and a key of
// 128 bits is enough. The other is the one that every WebRTC endpoint has (RFC 8827 §6.5).
func profiles(gcmOnly bool) []dtls.SRTPProtectionProfile {
	list := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM}
	if !gcmOnly {
		list = append(list, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	}
	return list
}

// serveDTLS prepares the handshake.
func (t *Transport) serveDTLS() (*dtls.Conn, error) {
	return dtls.ServerWithOptions(t.pipe, t.pipe.LocalAddr(),
		dtls.WithCertificates(t.network.identity.certificate),
		dtls.WithSRTPProtectionProfiles(t.network.profiles...),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerify(true),      // of the chain: there is none
		dtls.WithInsecureSkipVerifyHello(true), // ICE has proven the address already: one round trip less
		dtls.WithVerifyPeerCertificate(func(certificates [][]byte, _ [][]*x509.Certificate) error {
			if len(certificates) == 0 {
				return errFingerprint
			}
			return matches(t.expected, certificates[0])
		}),
		dtls.WithLoggerFactory(silentFactory{}),
	)
}

// serve runs as long as the DTLS connection: through the handshake, then until the peer says goodbye.
func (t *Transport) serve(conn *dtls.Conn) {
	k, err := handshake(conn)
	if err != nil {
		t.fail(causeOf(err))
		return
	}
	t.Adopt(k, nil)
	ignored := make([]byte, batch.MaxDatagram) // no data channel is negotiated
	for {
		if _, err := conn.Read(ignored); errors.Is(err, io.EOF) {
			break // any other error is of one record
		}
	}
	t.fail(CauseClosed)
}

// handshake derives the keys of a handshake whose peer is the one of the offer.
func handshake(conn *dtls.Conn) (*Keys, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dtlsTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("transport: handshake: %w", err)
	}
	selected, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, errNoSRTP
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, errors.New("transport: no state of a finished handshake")
	}
	profile := srtp.Profile(selected)
	material, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, materialLen(profile)) // RFC 5764 §4.2
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	return NewKeys(profile, material)
}

// endDTLS tells the peer, and frees what the handshake holds.
func (t *Transport) endDTLS() {
	t.dtlsMu.Lock()
	conn := t.dtls
	t.dtlsMu.Unlock()
	if conn != nil {
		_ = conn.Close() // the connection is gone either way
	}
	_ = t.pipe.Close()
}

// errNoSRTP is of a client that asked for no SRTP at all.
var errNoSRTP = errors.New("transport: no SRTP profile in common")

// silentFactory keeps Pion from logging: its messages name addresses, and nothing of them may reach a log.
type silentFactory struct{}

func (silentFactory) NewLogger(string) logging.LeveledLogger { return silentLogger{} }

type silentLogger struct{}

func (silentLogger) Trace(string)          {}
func (silentLogger) Tracef(string, ...any) {}
func (silentLogger) Debug(string)          {}
func (silentLogger) Debugf(string, ...any) {}
func (silentLogger) Info(string)           {}
func (silentLogger) Infof(string, ...any)  {}
func (silentLogger) Warn(string)           {}
func (silentLogger) Warnf(string, ...any)  {}
func (silentLogger) Error(string)          {}
func (silentLogger) Errorf(string, ...any) {}
