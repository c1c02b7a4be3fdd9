package transport

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"conclave/sfu/transport/stun"
)

// asker makes the transaction ids of our own checks, and knows them again: an id is a MAC over the path, the transport
// and the time. So nothing is kept of a check until it is answered, and an answer proves that the peer is at the
// address that the check went to. Safe for concurrent use.
type asker struct{ key [32]byte }

const (
	// askUnit is the resolution of an id's time. Checks of the same path within it have the same id.
	askUnit = 100 * time.Millisecond
	// answerWithin is how long an answer to a check may take.
	answerWithin = 10 * time.Second
)

func newAsker() *asker {
	a := &asker{}
	_, _ = rand.Read(a.key[:]) // never fails (crypto/rand)
	return a
}

// id makes the id of a check: the transport's number (4 bytes), the time (2), the MAC (6).
func (a *asker) id(number uint32, at Path, ufrag string, now time.Time) (id stun.ID) {
	unit := now.UnixMilli() / askUnit.Milliseconds()
	binary.BigEndian.PutUint32(id[:], number)
	binary.BigEndian.PutUint16(id[4:], uint16(unit))
	copy(id[6:], a.mac(number, unit, at, ufrag))
	return id
}

// number is the transport that an id names. Anybody can make one up.
func number(id stun.ID) uint32 { return binary.BigEndian.Uint32(id[:]) }

// made says whether id is of a check that was sent to the path at most answerWithin ago, and when: the time in units.
func (a *asker) made(id stun.ID, at Path, ufrag string, now time.Time) (unit int64, ok bool) {
	current := now.UnixMilli() / askUnit.Milliseconds()
	age := uint16(current) - binary.BigEndian.Uint16(id[4:])
	if int64(age) > int64(answerWithin/askUnit) {
		return 0, false
	}
	unit = current - int64(age)
	return unit, hmac.Equal(id[6:], a.mac(number(id), unit, at, ufrag))
}

// mac is the first 48 bits of HMAC-SHA-256 over all that an answer vouches for. A guess at 50,000 packets/s takes 178
// years.
func (a *asker) mac(number uint32, unit int64, at Path, ufrag string) []byte {
	b := make([]byte, 0, 64)
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint64(b, uint64(unit))
	ip := at.From.Addr().As16()
	b = append(b, ip[:]...)
	b = binary.BigEndian.AppendUint16(b, at.From.Port())
	b = binary.BigEndian.AppendUint32(b, uint32(at.Local))
	b = append(b, ufrag...)
	h := hmac.New(sha256.New, a.key[:])
	h.Write(b)
	return h.Sum(nil)[:6]
}
