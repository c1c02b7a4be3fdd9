package group

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"conclave/e2ee/mls"
)

// Private messages (docs/e2ee.md, section 12): sealed to a leaf, signed, and sealed again under a key of the epoch.

// hpkeSize is the length of enc in an HPKE ciphertext.
const hpkeSize = 32

// privatePair is a direction between two keys, in one epoch.
type privatePair struct {
	epoch uint64
	peer  Key
}

// pair is the last counter that came.
type pair struct{ last uint32 }

// errPrivate means that a private message is not authentic, or came before.
var errPrivate = errors.New("e2ee: private message: not authentic, or repeated")

// privateKey is the key of the outer layer in an epoch.
func privateKey(g *mls.Group) ([]byte, error) {
	key, err := g.Export("conclave private", nil, 16)
	if err != nil {
		return nil, fmt.Errorf("e2ee: %w", err)
	}
	return key, nil
}

func privateCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("e2ee: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("e2ee: %w", err)
	}
	return aead, nil
}

func privateInfo(group []byte, epoch uint64) []byte { return fields("private", group, u64(epoch)) }

func privateSigned(group []byte, epoch uint64, from, to Key, sealed []byte) []byte {
	return fields("private sig", group, u64(epoch), from[:], to[:], sealed)
}

// Private says something to one member; app says that it is for pages.
func (s *Session) Private(now time.Time, to Key, app bool, text string) error {
	if err := checkText(text, MaxPrivateBytes, MaxPrivateBytes); err != nil {
		return err
	}
	if !s.mayTalk(now) || s.lostIn(s.cur, now) {
		return ErrNotReady
	}
	leaf, here := s.cur.public.index[to]
	seat, seated := s.seat[to]
	if !here || !seated || to == s.self {
		return ErrNotHere
	}
	pair := privatePair{s.cur.public.epoch, to}
	if s.talk.sent == nil || len(s.talk.sent) >= maxNoted {
		s.talk.sent = s.talk.ofEpoch(s.cur.public.epoch)
	}
	counter := s.talk.sent[pair] + 1
	kind := appChat
	if app {
		kind = appPages
	}
	inner := append(binary.BigEndian.AppendUint32([]byte{kind}, counter), text...)
	data, err := s.sealPrivate(s.cur, s.cur.group.Leaf(leaf).EncryptionKey, to, inner)
	if err != nil {
		return err
	}
	s.talk.sent[pair] = counter
	s.send(&Relay{To: seat, Data: data})
	return nil
}

// ofEpoch keeps the counters of one epoch: those of before are not used again.
func (t *talk) ofEpoch(epoch uint64) map[privatePair]uint32 {
	kept := map[privatePair]uint32{}
	for pair, n := range t.sent {
		if pair.epoch == epoch {
			kept[pair] = n
		}
	}
	return kept
}

func (s *Session) sealPrivate(st *state, public []byte, to Key, inner []byte) ([]byte, error) {
	plain, err := padded(inner, privateClasses[:]...)
	if err != nil {
		return nil, err
	}
	group, epoch := st.public.group, st.public.epoch
	aad := slices.Concat(s.self[:], to[:])
	sealed, err := mls.SealPSK(s.random, public, privateInfo(group, epoch), aad, plain, fields("hpke"), s.root.hpke)
	if err != nil {
		return nil, fmt.Errorf("e2ee: %w", err)
	}
	sig := s.cfg.Identity.sign(privateSigned(group, epoch, s.self, to, sealed))
	key, err := privateKey(st.group)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return sealOuter(s.random, key, epoch, slices.Concat(sig, sealed))
}

// sealOuter seals what is signed and sealed to a leaf, under the key of the epoch.
func sealOuter(random io.Reader, key []byte, epoch uint64, body []byte) ([]byte, error) {
	outer, err := privateCipher(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("e2ee: %w", err)
	}
	return outer.Seal(slices.Concat(u64(epoch), nonce), nonce, body, u64(epoch)), nil
}

// openOuter opens it again, and checks whose it is.
func openOuter(key, group []byte, from, to Key, data []byte) (sealed []byte, err error) {
	outer, err := privateCipher(key)
	if err != nil {
		return nil, err
	}
	body, err := outer.Open(nil, data[8:8+nonceSize], data[8+nonceSize:], data[:8])
	if err != nil || len(body) < ed25519.SignatureSize+hpkeSize+tagSize {
		return nil, errPrivate
	}
	sig, sealed := body[:ed25519.SignatureSize], body[ed25519.SignatureSize:]
	text := privateSigned(group, binary.BigEndian.Uint64(data), from, to, sealed)
	if mls.VerifyEd25519(from[:], text, sig) != nil {
		return nil, errPrivate
	}
	return sealed, nil
}

// readInner reads what was sealed to a leaf.
func readInner(plain []byte) (kind byte, counter uint32, text string, err error) {
	inner, err := unpadded(plain)
	if err != nil || len(inner) < 5 {
		return 0, 0, "", errPrivate
	}
	text = string(inner[5:])
	return inner[0], binary.BigEndian.Uint32(inner[1:]), text, checkText(text, MaxPrivateBytes, MaxPrivateBytes)
}

// Relay takes a message to oneself alone.
func (s *Session) Relay(now time.Time, from uint32, data []byte) {
	if s.phase == finished || len(data) > mls.MaxApplication || !s.talk.allows(now, from) {
		return
	}
	s.readRelay(now, &heldMessage{from: from, data: data})
	s.settle(now)
}

func (s *Session) readRelay(now time.Time, m *heldMessage) {
	if len(m.data) < 8+nonceSize+tagSize {
		return
	}
	epoch := binary.BigEndian.Uint64(m.data)
	if epoch == outsideMark {
		s.relayOutside(now, m)
		return
	}
	info, known := s.seats[m.from]
	st, later := s.stateOf(now, epoch)
	if st == nil || !known {
		if later || !known {
			s.hold(now, m)
		}
		return
	}
	kind, text, err := s.openPrivate(st, info.key, m.data)
	switch {
	case err != nil:
		s.notice(Notice{Kind: NoticeForged, Participant: m.from, Err: err})
	case kind == appChat:
		s.sign(info.key)
		s.notice(Notice{Kind: NoticePrivate, From: info.key, Text: text, Epoch: epoch})
	case kind == appPages:
		s.sign(info.key)
		s.notice(Notice{Kind: NoticePrivateApp, From: info.key, Text: text, Epoch: epoch})
	}
}

// openPrivate opens a private message from a member. Its counter must be greater than the last.
func (s *Session) openPrivate(st *state, from Key, data []byte) (kind byte, text string, err error) {
	if _, here := st.public.index[from]; !here || from == s.self {
		return 0, "", ErrNotHere
	}
	key, err := privateKey(st.group)
	if err != nil {
		return 0, "", err
	}
	defer clear(key)
	group, epoch := st.public.group, st.public.epoch
	sealed, err := openOuter(key, group, from, s.self, data)
	if err != nil {
		return 0, "", err
	}
	aad := slices.Concat(from[:], s.self[:])
	plain, err := st.group.OpenOwn(privateInfo(group, epoch), aad, sealed, fields("hpke"), s.root.hpke)
	if err != nil {
		return 0, "", errPrivate
	}
	kind, counter, text, err := readInner(plain)
	if err == nil && !s.talk.newer(privatePair{epoch, from}, counter) {
		err = errPrivate
	}
	return kind, text, err
}

// newer says whether a counter is greater than the last of its pair, and keeps it.
func (t *talk) newer(key privatePair, counter uint32) bool {
	p := t.private[key]
	if p == nil {
		if t.private == nil || len(t.private) >= maxNoted {
			kept := map[privatePair]*pair{}
			for k, v := range t.private {
				if k.epoch+maxOld >= key.epoch {
					kept[k] = v
				}
			}
			t.private = kept
		}
		p = &pair{}
		t.private[key] = p
	}
	if counter <= p.last {
		return false
	}
	p.last = counter
	return true
}
