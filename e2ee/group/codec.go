package group

import "encoding/binary"

// The presentation language of RFC 9420 §2.1, as far as the structures of section 4 of docs/e2ee.md need it.

// appendVec writes opaque<V>.
func appendVec(b, data []byte) []byte {
	switch n := len(data); {
	case n < 1<<6:
		b = append(b, byte(n))
	case n < 1<<14:
		b = binary.BigEndian.AppendUint16(b, 1<<14|uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(b, 2<<30|uint32(n))
	}
	return append(b, data...)
}

// reader reads a structure. The first error stays, and all that follows is zero.
type reader struct {
	b      []byte
	failed bool
}

// take returns the next n bytes. They are not copied.
func (r *reader) take(n int) []byte {
	if r.failed || n > len(r.b) {
		r.failed = true
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

// vec reads opaque<V>, whose length is in its shortest form.
func (r *reader) vec() []byte {
	first := r.u8()
	n, least := int(first&0x3F), 0
	switch first >> 6 {
	case 0:
	case 1:
		n, least = n<<8|int(r.u8()), 1<<6
	case 2:
		for range 3 {
			n = n<<8 | int(r.u8())
		}
		least = 1 << 14
	default:
		r.failed = true
	}
	if n < least {
		r.failed = true
	}
	return r.take(n)
}

func (r *reader) key() (k Key) {
	copy(k[:], r.take(len(k)))
	return k
}

// end says whether everything was read, and nothing is left.
func (r *reader) end() bool { return !r.failed && len(r.b) == 0 }

// messageHead is what every MLSMessage of a group begins with.
type messageHead struct {
	private bool
	group   []byte
	epoch   uint64
	content uint8  // mls.ContentType
	names   []byte // authenticated_data of a PublicMessage
}

// readHead reads the beginning of an MLSMessage that holds a PublicMessage or PrivateMessage (RFC 9420 §6).
func readHead(b []byte) (h messageHead, ok bool) {
	r := reader{b: b}
	version, wire := uint16(r.u8())<<8|uint16(r.u8()), uint16(r.u8())<<8|uint16(r.u8())
	h = messageHead{private: wire == 2, group: r.vec(), epoch: r.u64()}
	if wire == 1 {
		if sender := r.u8(); sender == 1 || sender == 2 {
			r.u32()
		}
		h.names = r.vec()
	}
	h.content = r.u8()
	return h, !r.failed && version == 1 && (wire == 1 || wire == 2)
}
