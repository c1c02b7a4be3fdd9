package e2ee

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what a broadcast is.
type Kind uint8

// The kinds of broadcasts.
const (
	KindChat     Kind = 1
	KindReaction Kind = 2
	KindApp      Kind = 3 // what pages tell each other
)

// MaxBroadcast is the length of the longest broadcast.
const MaxBroadcast = Overhead + 1 + ed25519.SignatureSize + MaxChatBytes

const maxReaction = 32

// ErrSignature means that a group message was not written by whom it comes from.
var ErrSignature = errors.New("e2ee: the message was not signed by its sender")

func (r *Root) broadcastText(sender Hash, kind Kind, kid, ctr uint64, text string) []byte {
	return fields("broadcast", []byte(r.meeting), sender[:], u8(byte(kind)), u64(kid), u64(ctr), []byte(text))
}

// checkBroadcast refuses texts that no client would write.
func checkBroadcast(kind Kind, text string) error {
	switch kind {
	case KindChat:
		return checkText(text, MaxChatRunes, MaxChatBytes, true)
	case KindApp:
		return checkText(text, MaxChatBytes, MaxChatBytes, true)
	case KindReaction:
		return checkText(text, maxReaction, maxReaction, false)
	}
	return malformed("broadcast: kind")
}

// sealBroadcast signs and seals a group message.
func (r *Root) sealBroadcast(s *Sealer, id *Identity, kind Kind, text string) ([]byte, error) {
	if err := checkBroadcast(kind, text); err != nil {
		return nil, err
	}
	k, err := s.trackKey(TrackData)
	if err != nil {
		return nil, err
	}
	sig := id.sign(r.broadcastText(s.self, kind, k.kid, s.next[TrackData], text))
	plain := append(append([]byte{byte(kind)}, sig...), text...)
	return s.Seal(nil, TrackData, Data, false, plain)
}

// openBroadcast opens a group message and checks who wrote it.
func (r *Root) openBroadcast(
	o *Opener, from uint32, sender *Announcement, kind Kind, data []byte, now time.Time,
) (string, error) {
	if len(data) > MaxBroadcast {
		return "", malformed("broadcast: too long")
	}
	plain, err := o.Open(nil, from, TrackData, Data, data, now)
	if err != nil {
		return "", err
	}
	if len(plain) < 1+ed25519.SignatureSize || Kind(plain[0]) != kind {
		return "", malformed("broadcast")
	}
	id, ctr, _, err := ParseHeader(data)
	if err != nil {
		return "", err
	}
	text := string(plain[1+ed25519.SignatureSize:])
	if !ed25519.Verify(sender.IK, r.broadcastText(sender.Hash, kind, id, ctr, text), plain[1:1+ed25519.SignatureSize]) {
		return "", ErrSignature
	}
	return text, checkBroadcast(kind, text)
}

// order sorts hashes, in place.
func order(list []Hash) {
	slices.SortFunc(list, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
}

// RosterHash is R over the admitted members, oneself included. It sorts the list. A meeting of n that fills makes n² of
// them, so what is hashed is not put together first.
func (r *Root) RosterHash(members []Hash) RosterHash {
	order(members)
	h := sha256.New()
	h.Write(fields("roster", r.root[:]))
	for i := range members {
		h.Write([]byte{0, HashSize})
		h.Write(members[i][:])
	}
	return RosterHash(h.Sum(nil)[:rosterHashSize])
}

// Code is the meeting code over the admitted members, oneself included: six groups of five digits. It sorts the list.
func (r *Root) Code(members []Hash) string {
	order(members)
	var all []byte
	for i := range members {
		all = append(all, members[i][:]...)
	}
	c := derive(all, r.root[:], fields("code"), 30)
	groups := make([]string, 6)
	for i := range groups {
		n := binary.BigEndian.Uint64(append(make([]byte, 3, 8), c[5*i:5*i+5]...))
		groups[i] = fmt.Sprintf("%05d", n%100000)
	}
	return strings.Join(groups, " ")
}
