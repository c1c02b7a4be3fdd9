package grouplog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// The presentation language of RFC 9420 §2.1, as far as headers need it.

// Constants of RFC 9420, sections 6 and 17.
const (
	mls10              = 1
	wireFormatPublic   = 1
	senderMember       = 1
	senderExternal     = 2
	contentProposal    = 2
	contentCommit      = 3
	proposalTypeRemove = 3
)

// Hash is that of an entry, as docs/e2ee.md makes it.
type Hash [sha256.Size]byte

// entryLabel is the first field of what Hash is of.
const entryLabel = "conclave e2ee/2 entry"

// HashOf is the hash of an entry: SHA-256 of the label, preceded by its length in two bytes, and the MLSMessage.
func HashOf(entry []byte) (h Hash) {
	d := sha256.New()
	d.Write([]byte{0, byte(len(entryLabel))})
	d.Write([]byte(entryLabel))
	d.Write(entry)
	d.Sum(h[:0])
	return h
}

// errMalformed says that bytes are not what they should be.
var errMalformed = errors.New("grouplog: malformed")

// header is what the server reads of an MLSMessage with a PublicMessage (RFC 9420 §6.2).
type header struct {
	group   []byte
	epoch   uint64
	sender  uint8
	leaf    uint32 // of a member
	data    []byte // authenticated_data
	content uint8
	body    []byte // what follows the content type
	framed  []byte // the FramedContent up to body
}

// parse reads the header of an MLSMessage. The result shares the memory of b.
func parse(b []byte) (h header, err error) {
	r := reader{b: b}
	if r.u16() != mls10 || r.u16() != wireFormatPublic {
		return header{}, errMalformed
	}
	start := r.b
	h.group, h.epoch = r.vector(), r.u64()
	if h.sender = r.u8(); h.sender == senderMember || h.sender == senderExternal {
		h.leaf = r.u32()
	}
	h.data, h.content, h.body = r.vector(), r.u8(), r.b
	if r.failed || len(h.body) == 0 {
		return header{}, errMalformed
	}
	h.framed = start[:len(start)-len(r.b)]
	return h, nil
}

// ownRemove reads a message in which a member proposes to remove its own leaf, to its last byte, and returns the
// proposal's reference.
func (h *header) ownRemove() (ref Hash, err error) {
	r := reader{b: h.body}
	if r.u16() != proposalTypeRemove || r.u32() != h.leaf {
		return ref, errMalformed
	}
	_ = r.vector() // the signature
	end := len(h.body) - len(r.b)
	_ = r.vector() // the membership tag
	if r.failed || len(r.b) > 0 || h.sender != senderMember || h.content != contentProposal {
		return ref, errMalformed
	}
	content := append(append([]byte{}, h.framed...), h.body[:end]...)
	return reference(content), nil
}

// reference is the ProposalRef of an AuthenticatedContent (RFC 9420 §5.2, §6) in a PublicMessage. content is its
// FramedContent and FramedContentAuthData.
func reference(content []byte) (ref Hash) {
	value := append(binary.BigEndian.AppendUint16(nil, wireFormatPublic), content...)
	return sha256.Sum256(appendVector(appendVector(nil, []byte("MLS 1.0 Proposal Reference")), value))
}

// rejected reads the hashes in the authenticated data of a commit: each 32 bytes, preceded by that number in two bytes.
func rejected(data []byte) (list []Hash, err error) {
	const one = 2 + sha256.Size
	if len(data)%one != 0 {
		return nil, errMalformed
	}
	for ; len(data) > 0; data = data[one:] {
		if binary.BigEndian.Uint16(data) != sha256.Size {
			return nil, errMalformed
		}
		list = append(list, Hash(data[2:one]))
	}
	return list, nil
}

// externalRemove is the server's proposal to remove a leaf, for an epoch of a group, as an MLSMessage (RFC 9420 §6.2,
// §12.1.8). Its authenticated data is the identity key that the leaf must have to be removed. ref is the proposal's
// reference.
func externalRemove(key ed25519.PrivateKey, group []byte, epoch uint64, leaf uint32, ik Identity) (
	message []byte, ref Hash,
) {
	content := appendVector(nil, group)
	content = binary.BigEndian.AppendUint64(content, epoch)
	content = append(content, senderExternal)
	content = binary.BigEndian.AppendUint32(content, 0) // the first of external_senders
	content = appendVector(content, ik[:])
	content = append(content, contentProposal)
	content = binary.BigEndian.AppendUint16(content, proposalTypeRemove)
	content = binary.BigEndian.AppendUint32(content, leaf)

	head := binary.BigEndian.AppendUint16(nil, mls10)
	head = binary.BigEndian.AppendUint16(head, wireFormatPublic)
	toSign := append(append([]byte{}, head...), content...) // FramedContentTBS; an external sender's has no context
	signed := appendVector(appendVector(nil, []byte("MLS 1.0 FramedContentTBS")), toSign)
	content = appendVector(content, ed25519.Sign(key, signed))
	return append(head, content...), reference(content)
}

// reader reads from the front of b. After a failure all that it returns is zero.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || len(r.b) < n {
		r.failed, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// vector reads a vector with the length of RFC 9420 §2.1.2, in its shortest form.
func (r *reader) vector() []byte {
	first := r.u8()
	n := int(first & 0x3f)
	switch first >> 6 {
	case 1:
		n = n<<8 | int(r.u8())
		r.failed = r.failed || n < 1<<6
	case 2:
		n = n<<24 | int(r.u8())<<16 | int(r.u16())
		r.failed = r.failed || n < 1<<14
	case 3:
		r.failed = true
	}
	return r.take(n)
}

// appendVector appends a vector of less than 2^14 bytes.
func appendVector(to, v []byte) []byte {
	if len(v) < 1<<6 {
		return append(append(to, byte(len(v))), v...)
	}
	return append(append(to, 1<<6|byte(len(v)>>8), byte(len(v))), v...)
}
