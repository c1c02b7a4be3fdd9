package mls

// privateMessage is PrivateMessage (RFC 9420 §6.3).
type privateMessage struct {
	group         []byte
	epoch         uint64
	kind          ContentType
	authenticated []byte
	senderData    []byte
	ciphertext    []byte
}

func (m *privateMessage) write(w *writer) {
	w.raw(m.aad())
	w.vec(m.senderData)
	w.vec(m.ciphertext)
}

func readPrivateMessage(r *reader) *privateMessage {
	m := &privateMessage{group: r.vec(), epoch: r.u64(), kind: ContentType(r.u8())}
	m.authenticated, m.senderData, m.ciphertext = r.vec(), r.vec(), r.vec()
	if m.kind < ContentApplication || m.kind > ContentCommit {
		r.fail("type of the content")
	}
	return m
}

// senderAAD is SenderDataAAD.
func (m *privateMessage) senderAAD(w *writer) {
	w.vec(m.group)
	w.u64(m.epoch)
	w.u8(uint8(m.kind))
}

// aad is PrivateContentAAD.
func (m *privateMessage) aad() []byte {
	return encoded(func(w *writer) {
		m.senderAAD(w)
		w.vec(m.authenticated)
	})
}

// senderData is SenderData (§6.3.2).
type senderData struct {
	leaf, generation uint32
	guard            [guardSize]byte
}

const guardSize = 4 // bytes of reuse_guard

// senderDataKey derives from a sample of the ciphertext (§6.3.2).
func senderDataKey(secret, ciphertext []byte) messageKey {
	sample := ciphertext[:min(len(ciphertext), hashSize)]
	return messageKey{expandWithLabel(secret, "key", sample, keySize), expandWithLabel(secret, "nonce", sample, nonceSize)}
}

func (m *privateMessage) sealSender(secret []byte, d *senderData) {
	key := senderDataKey(secret, m.ciphertext)
	defer key.close()
	plain := encoded(func(w *writer) {
		w.u32(d.leaf)
		w.u32(d.generation)
		w.raw(d.guard[:])
	})
	m.senderData = seal(key.key, key.nonce, encoded(m.senderAAD), plain)
}

func (m *privateMessage) openSender(secret []byte) (d senderData, err error) {
	key := senderDataKey(secret, m.ciphertext)
	defer key.close()
	plain, err := open(key.key, key.nonce, encoded(m.senderAAD), m.senderData)
	if err != nil {
		return d, err
	}
	return parse(plain, len(plain), func(r *reader) (d senderData) {
		d.leaf, d.generation = r.u32(), r.u32()
		copy(d.guard[:], r.take(guardSize))
		return d
	})
}

// guarded is a nonce with the reuse guard (§6.3.1).
func guarded(nonce []byte, guard [guardSize]byte) []byte {
	out := append([]byte(nil), nonce...)
	for i, x := range guard {
		out[i] ^= x
	}
	return out
}

// sealContent fills a private message with signed content. Zero bytes follow it until it is padded long, tag excluded.
func (m *privateMessage) sealContent(a *authenticated, key messageKey, guard [guardSize]byte, padded int) {
	plain := encoded(func(w *writer) {
		a.content.writeBody(w)
		a.writeAuth(w)
	})
	if n := padded - len(plain); n > 0 {
		plain = append(plain, make([]byte, n)...)
	}
	m.ciphertext = seal(key.key, guarded(key.nonce, guard), m.aad(), plain)
	clear(plain)
}

// openContent decrypts the content. It is not authenticated yet: the signature is to be checked.
func (m *privateMessage) openContent(key messageKey, d *senderData) (*authenticated, error) {
	plain, err := open(key.key, guarded(key.nonce, d.guard), m.aad(), m.ciphertext)
	if err != nil {
		return nil, err
	}
	a := &authenticated{wire: wirePrivate, content: framedContent{
		group: m.group, epoch: m.epoch, sender: Sender{SenderMember, d.leaf}, authenticated: m.authenticated, kind: m.kind,
	}}
	r := reader{b: plain}
	a.content.readBody(&r)
	a.readAuth(&r)
	for _, x := range r.b {
		if x != 0 {
			r.fail("padding that is not zero")
			break
		}
	}
	return a, r.err
}

// ratchetOf is the ratchet that protects a kind of content.
func ratchetOf(kind ContentType) int {
	if kind == ContentApplication {
		return ratchetApplication
	}
	return ratchetHandshake
}
