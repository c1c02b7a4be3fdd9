package mls

import "bytes"

// Kinds of PSK and uses of resumption PSKs (RFC 9420 §8.4).
const (
	pskExternal   uint8 = 1
	pskResumption uint8 = 2

	usageApplication uint8 = 1
	usageReInit      uint8 = 2
	usageBranch      uint8 = 3
)

// PSK is an external pre-shared key that a member knows.
type PSK struct {
	ID     []byte
	Secret []byte
}

// PSKID names a PSK in a proposal (PreSharedKeyID).
type PSKID struct {
	External bool
	ID       []byte // of an external one
	Nonce    []byte

	usage uint8 // of a resumption PSK, with the two that follow
	group []byte
	epoch uint64
}

func (p *PSKID) write(w *writer) {
	if p.External {
		w.u8(pskExternal)
		w.vec(p.ID)
	} else {
		w.u8(pskResumption)
		w.u8(p.usage)
		w.vec(p.group)
		w.u64(p.epoch)
	}
	w.vec(p.Nonce)
}

func readPSKID(r *reader) (p PSKID) {
	switch r.u8() {
	case pskExternal:
		p.External = true
		p.ID = r.vec()
	case pskResumption:
		p.usage, p.group, p.epoch = r.u8(), r.vec(), r.u64()
		if p.usage < usageApplication || p.usage > usageBranch {
			r.fail("use of a resumption PSK")
		}
	default:
		r.fail("kind of a PSK")
	}
	p.Nonce = r.vec()
	return p
}

// pskSecret is psk_secret (§8.4): all zero without PSKs.
func pskSecret(ids []PSKID, secrets [][]byte) []byte {
	secret := zeros()
	for i := range ids {
		label := encoded(func(w *writer) {
			ids[i].write(w)
			w.u16(uint16(i))
			w.u16(uint16(len(ids)))
		})
		extracted := extract(zeros(), secrets[i])
		input := expandWithLabel(extracted, "derived psk", label, hashSize)
		next := extract(input, secret)
		clear(extracted)
		clear(input)
		clear(secret)
		secret = next
	}
	return secret
}

// findPSKs finds the secrets of PSKs, external ones among those known and resumption ones in the epochs of the group
// that are kept, and gives psk_secret.
func findPSKs(ids []PSKID, known []PSK, group []byte, resumptions map[uint64][]byte) ([]byte, error) {
	secrets := make([][]byte, len(ids))
	for i := range ids {
		if secrets[i] = findPSK(&ids[i], known, group, resumptions); secrets[i] == nil {
			return nil, because(ErrPSK, "number %d", i)
		}
	}
	return pskSecret(ids, secrets), nil
}

func findPSK(id *PSKID, known []PSK, group []byte, resumptions map[uint64][]byte) []byte {
	if !id.External {
		if !bytes.Equal(id.group, group) {
			return nil
		}
		return resumptions[id.epoch]
	}
	for _, p := range known {
		if bytes.Equal(p.ID, id.ID) {
			return p.Secret
		}
	}
	return nil
}
