package transport

import (
	"fmt"
	"slices"
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

// materialLen is how much keying material a handshake exports for a profile: keys and salts of both directions.
func materialLen(p srtp.Profile) int {
	key, salt := p.Lengths()
	return 2 * (key + salt)
}

// NewKeys derives the contexts from the keying material of a handshake (RFC 5764 §4.2): the client's key, the server's,
// the client's salt, the server's. We are the server.
func NewKeys(profile srtp.Profile, material []byte) (*Keys, error) {
	k, s := profile.Lengths()
	if k == 0 || len(material) != 2*(k+s) {
		return nil, fmt.Errorf("transport: %d bytes of keying material for profile %#x", len(material), profile)
	}
	clientKey, serverKey := material[:k], material[k:2*k]
	clientSalt, serverSalt := material[2*k:2*k+s], material[2*k+s:]
	ks := &Keys{}
	var err error
	if ks.In, err = srtp.NewCipher(profile, clientKey, clientSalt); err != nil {
		return nil, err
	}
	if ks.Out, err = srtp.NewCipher(profile, serverKey, serverSalt); err != nil {
		return nil, err
	}
	pion := pionsrtp.ProtectionProfile(profile) // both are the numbers of DTLS-SRTP
	ks.rtcpIn, err = pionsrtp.CreateContext(clientKey, clientSalt, pion, pionsrtp.SRTCPReplayProtection(64))
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	if ks.rtcpOut, err = pionsrtp.CreateContext(serverKey, serverSalt, pion); err != nil {
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

// RTCPOverhead is what sealing adds to a compound of RTCP: the tag and the index (RFC 7714 §9.1).
const RTCPOverhead = 16 + 4

// SealRTCP appends one sealed compound of RTCP to dst (RFC 3711 §3.4).
func (k *Keys) SealRTCP(dst, compound []byte) ([]byte, error) {
	k.rtcpMu.Lock()
	defer k.rtcpMu.Unlock()
	at := len(dst)
	dst = slices.Grow(dst, len(compound)+RTCPOverhead)
	sealed, err := k.rtcpOut.EncryptRTCP(dst[at:], compound, nil)
	if err != nil {
		return nil, fmt.Errorf("transport: sealing RTCP: %w", err)
	}
	return dst[:at+len(sealed)], nil
}
