package transport

import (
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
	"math/big"
	"strings"
	"time"
)

// identity is what the server shows in DTLS: a key for the life of the process. The certificate is trusted for nothing;
// signalling vouches for its fingerprint.
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

var errFingerprint = errors.New("transport: the certificate is not the one of the offer")

// matches says whether a certificate is one that an offer vouches for: one of its fingerprints, separated by commas,
// has to match (RFC 8122 §5).
func matches(fingerprints string, certificate []byte) error {
	for fingerprint := range strings.SplitSeq(fingerprints, ",") {
		if matchesOne(fingerprint, certificate) == nil {
			return nil
		}
	}
	return errFingerprint
}

func matchesOne(fingerprint string, certificate []byte) error {
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
