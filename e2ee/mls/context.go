package mls

// groupContext is GroupContext (RFC 9420 §8.1).
type groupContext struct {
	group      []byte
	epoch      uint64
	treeHash   []byte
	confirmed  []byte // confirmed_transcript_hash
	extensions []Extension
}

func (c *groupContext) write(w *writer) {
	w.u16(Version)
	w.u16(Suite)
	w.vec(c.group)
	w.u64(c.epoch)
	w.vec(c.treeHash)
	w.vec(c.confirmed)
	writeExtensions(w, c.extensions)
}

func readGroupContext(r *reader) (c groupContext) {
	if r.u16() != Version || r.u16() != Suite {
		r.fail("version or suite of the group")
	}
	c.group, c.epoch = r.vec(), r.u64()
	c.treeHash, c.confirmed = r.vec(), r.vec()
	c.extensions = readExtensions(r)
	return c
}

// confirmedHash is the confirmed_transcript_hash after a commit (§8.2).
func confirmedHash(interim []byte, c *authenticated) []byte {
	var w writer
	w.u16(c.wire)
	c.content.write(&w)
	w.vec(c.signature)
	return sum(interim, w.b)
}

// interimHash is the interim_transcript_hash after it.
func interimHash(confirmed, tag []byte) []byte {
	return sum(confirmed, encoded(func(w *writer) { w.vec(tag) }))
}
