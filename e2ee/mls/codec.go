package mls

import "encoding/binary"

// The presentation language of RFC 9420 §2.1: big-endian numbers, and vectors under a variable-size length.

// writer appends encodings.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) raw(b []byte) { w.b = append(w.b, b...) }

// length writes the length of a vector in its shortest form (§2.1.2). Nothing here is as long as 2^30.
func (w *writer) length(n int) {
	switch {
	case n < 1<<6:
		w.u8(uint8(n))
	case n < 1<<14:
		w.u16(uint16(n) | 1<<14)
	default:
		w.u32(uint32(n) | 1<<31)
	}
}

func (w *writer) vec(b []byte) {
	w.length(len(b))
	w.raw(b)
}

// nested writes a vector that holds what f writes.
func (w *writer) nested(f func(w *writer)) {
	var in writer
	f(&in)
	w.vec(in.b)
}

func (w *writer) optional(present bool) {
	if present {
		w.u8(1)
	} else {
		w.u8(0)
	}
}

// encoded is what f writes.
func encoded(f func(w *writer)) []byte {
	var w writer
	f(&w)
	return w.b
}

// reader takes encodings apart. The first error stays; after it every read gives zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = malformed(what)
	}
	r.b = nil
}

// take reads n bytes. They are part of the input, not a copy.
func (r *reader) take(n int) []byte {
	if n < 0 || len(r.b) < n {
		r.fail("too short")
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u8() uint8 {
	b := r.take(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (r *reader) u16() uint16 {
	b := r.take(2)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

func (r *reader) u32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (r *reader) u64() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// length reads the length of a vector. Anything but the shortest form is refused.
func (r *reader) length() int {
	first := r.u8()
	n, size := int(first&0x3F), 1<<(first>>6)
	if size == 8 {
		r.fail("length of eight bytes")
		return 0
	}
	for _, x := range r.take(size - 1) {
		n = n<<8 | int(x)
	}
	if size > 1 && n < 1<<(4*size-2) {
		r.fail("length not in its shortest form")
		return 0
	}
	return n
}

// vec reads a vector. It is part of the input, not a copy.
func (r *reader) vec() []byte { return r.take(r.length()) }

// hash reads a vector that must have 32 bytes: a hash, a MAC, a secret or an X25519 key.
func (r *reader) hash(what string) []byte {
	b := r.vec()
	if len(b) != hashSize {
		r.fail("length of " + what)
		return nil
	}
	return b
}

func (r *reader) optional() bool {
	switch r.u8() {
	case 0:
		return false
	case 1:
		return true
	}
	r.fail("presence that is neither 0 nor 1")
	return false
}

// readList reads a vector of at most so many items.
func readList[T any](r *reader, most int, what string, item func(r *reader) T) []T {
	in := reader{b: r.vec()}
	var list []T
	for len(in.b) > 0 {
		if len(list) == most {
			in.fail("too many " + what)
			break
		}
		list = append(list, item(&in))
	}
	if in.err != nil {
		r.err, r.b = in.err, nil
		return nil
	}
	return list
}

// end returns the first error, or one if there are bytes left.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("bytes after the end")
	}
	return r.err
}

// parse reads all of b, at most so many bytes.
func parse[T any](b []byte, most int, read func(r *reader) T) (v T, err error) {
	var zero T
	if len(b) > most {
		return zero, malformed("too long")
	}
	r := reader{b: b}
	v = read(&r)
	if err := r.end(); err != nil {
		return zero, err
	}
	return v, nil
}
