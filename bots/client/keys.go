package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/pion/dtls/v3/pkg/crypto/prf"
	"github.com/pion/srtp/v3"
)

const (
	srtpKeyLen  = 16 // AES-128-GCM, RFC 7714 §12
	srtpSaltLen = 12
)

// keyTap collects what DTLS-SRTP keys are derived from (RFC 5764 §4.2): the randoms and the master secret. Pion writes
// the client's random and the secret as a key log line; the server's random is read off its ServerHello. What it holds
// never leaves the process. Safe for concurrent use.
type keyTap struct {
	mu           sync.Mutex
	serverRandom []byte
	clientRandom []byte
	secret       []byte
}

// Write implements io.Writer for Pion's key log: "CLIENT_RANDOM <random> <secret>".
func (t *keyTap) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != "CLIENT_RANDOM" {
		return len(line), nil
	}
	random, err := hex.DecodeString(string(fields[1]))
	if err != nil {
		return 0, fmt.Errorf("bots: key log: %w", err)
	}
	secret, err := hex.DecodeString(string(fields[2]))
	if err != nil {
		return 0, fmt.Errorf("bots: key log: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clientRandom, t.secret = random, secret
	return len(line), nil
}

// sniff looks for a ServerHello among the DTLS 1.2 records of a datagram (RFC 6347 §4.1, §4.2.2).
func (t *keyTap) sniff(datagram []byte) {
	for b := datagram; len(b) >= 13; {
		length := int(b[11])<<8 | int(b[12])
		if len(b) < 13+length {
			return
		}
		// handshake(22), epoch 0, ServerHello(2), from its start
		if body := b[13 : 13+length]; b[0] == 22 && b[3] == 0 && b[4] == 0 && len(body) >= 12+34 && body[0] == 2 &&
			body[6] == 0 && body[7] == 0 && body[8] == 0 {
			t.mu.Lock()
			t.serverRandom = append([]byte(nil), body[14:46]...)
			t.mu.Unlock()
		}
		b = b[13+length:]
	}
}

var errNoKeys = errors.New("bots: the DTLS handshake gave no keys")

// contexts returns the SRTP contexts of the client: to send with and to receive with. Each is for one goroutine at a
// time.
func (t *keyTap) contexts() (send, receive *srtp.Context, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.serverRandom) != 32 || len(t.clientRandom) != 32 || len(t.secret) == 0 {
		return nil, nil, errNoKeys
	}
	seed := append([]byte("EXTRACTOR-dtls_srtp"), t.clientRandom...)
	seed = append(seed, t.serverRandom...)
	km, err := prf.PHash(t.secret, seed, 2*(srtpKeyLen+srtpSaltLen), sha256.New)
	if err != nil {
		return nil, nil, fmt.Errorf("bots: keys: %w", err)
	}
	clientKey, serverKey := km[:srtpKeyLen], km[srtpKeyLen:2*srtpKeyLen]
	clientSalt, serverSalt := km[2*srtpKeyLen:2*srtpKeyLen+srtpSaltLen], km[2*srtpKeyLen+srtpSaltLen:]
	if send, err = srtp.CreateContext(clientKey, clientSalt, srtp.ProtectionProfileAeadAes128Gcm); err != nil {
		return nil, nil, fmt.Errorf("bots: keys: %w", err)
	}
	if receive, err = srtp.CreateContext(serverKey, serverSalt, srtp.ProtectionProfileAeadAes128Gcm); err != nil {
		return nil, nil, fmt.Errorf("bots: keys: %w", err)
	}
	t.secret = nil
	return send, receive, nil
}
