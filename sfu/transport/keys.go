package transport

import (
	"fmt"
	"sync"

	pionsrtp "github.com/pion/srtp/v3"

	"conclave/sfu/transport/srtp"
)

// Keys are the SRTP and SRTCP contexts of both directions. Safe for concurrent use.
type Keys struct {
	// In opens the peer's RTP packets, Out seals those to it.
	In, Out *srtp.Cipher

	rtcpMu  sync.Mutex // RTCP is some packets a second a peer: one lock for both contexts
	rtcpIn  *pionsrtp.Context
	rtcpOut *pionsrtp.Context
}

// materialLen is how much keying material a handshake exports: keys and salts of both directions.
const materialLen = 2 * (srtp.KeyLen + srtp.SaltLen)

// NewKeys derives the contexts from the keying material of a handshake (RFC 5764 §4.2), 56 bytes: the client's key, the
// server's, the client's salt, the server's. We are the server.
func NewKeys(material []byte) (*Keys, error) {
	if len(material) != materialLen {
		return nil, fmt.Errorf("transport: %d bytes of keying material, want %d", len(material), materialLen)
	}
	const k, s = srtp.KeyLen, srtp.SaltLen
	clientKey, serverKey := material[:k], material[k:2*k]
	clientSalt, serverSalt := material[2*k:2*k+s], material[2*k+s:]
	ks := &Keys{}
	var err error
	if ks.In, err = srtp.NewCipher(clientKey, clientSalt); err != nil {
		return nil, err
	}
	if ks.Out, err = srtp.NewCipher(serverKey, serverSalt); err != nil {
		return nil, err
	}
	const profile = pionsrtp.ProtectionProfileAeadAes128Gcm
	ks.rtcpIn, err = pionsrtp.CreateContext(clientKey, clientSalt, profile, pionsrtp.SRTCPReplayProtection(64))
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	if ks.rtcpOut, err = pionsrtp.CreateContext(serverKey, serverSalt, profile); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	return ks, nil
}

// OpenRTCP verifies and decrypts one SRTCP datagram (RFC 3711 §3.4). The result overwrites dst if it fits.
func (k *Keys) OpenRTCP(dst, sealed []byte) (compound []byte, err error) {
	k.rtcpMu.Lock()
	defer k.rtcpMu.Unlock()
	return k.rtcpIn.DecryptRTCP(dst, sealed, nil) //nolint:wrapcheck // callers count it and say no more
}

func (k *Keys) sealRTCP(compound []byte) ([]byte, error) {
	k.rtcpMu.Lock()
	defer k.rtcpMu.Unlock()
	sealed, err := k.rtcpOut.EncryptRTCP(nil, compound, nil)
	if err != nil {
		return nil, fmt.Errorf("transport: sealing RTCP: %w", err)
	}
	return sealed, nil
}
