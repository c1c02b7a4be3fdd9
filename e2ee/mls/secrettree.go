package mls

import "maps"

// The secret tree, and the ratchets that start from its leaves (RFC 9420 §9).

// Content of a ratchet: messages of handshakes and application data have keys of their own.
const (
	ratchetHandshake = iota
	ratchetApplication
	ratchetKinds
)

// secretTree gives each key once. Secrets that it derived others from are overwritten.
type secretTree struct {
	size   uint32            // leaves
	nodes  map[uint32][]byte // secrets of subtrees that no key was taken from
	leaves map[uint32]*[ratchetKinds]ratchet
}

// ratchet is a sender's chain of keys. Generations below next are gone, but for those kept.
type ratchet struct {
	secret []byte
	next   uint32
	kept   map[uint32]messageKey // at most MaxSkipped
}

type messageKey struct{ key, nonce []byte }

func (k messageKey) close() {
	clear(k.key)
	clear(k.nonce)
}

// newSecretTree starts from the encryption secret, which it takes over.
func newSecretTree(size uint32, encryption []byte) *secretTree {
	return &secretTree{
		size:   size,
		nodes:  map[uint32][]byte{rootOf(size): encryption},
		leaves: map[uint32]*[ratchetKinds]ratchet{},
	}
}

// leaf finds the ratchets of a leaf, and derives what leads to them.
func (t *secretTree) leaf(leaf uint32) *[ratchetKinds]ratchet {
	if pair := t.leaves[leaf]; pair != nil {
		return pair
	}
	x := rootOf(t.size)
	for t.nodes[x] == nil { // down to the lowest secret that is left
		x = t.toward(x, leaf)
	}
	for level(x) > 0 {
		secret := t.nodes[x]
		t.nodes[leftOf(x)] = expandWithLabel(secret, "tree", []byte("left"), hashSize)
		t.nodes[rightOf(x)] = expandWithLabel(secret, "tree", []byte("right"), hashSize)
		clear(secret)
		delete(t.nodes, x)
		x = t.toward(x, leaf)
	}
	secret := t.nodes[x]
	pair := &[ratchetKinds]ratchet{
		ratchetHandshake:   {secret: expandWithLabel(secret, "handshake", nil, hashSize)},
		ratchetApplication: {secret: expandWithLabel(secret, "application", nil, hashSize)},
	}
	clear(secret)
	delete(t.nodes, x)
	t.leaves[leaf] = pair
	return pair
}

func (t *secretTree) toward(x, leaf uint32) uint32 {
	if covers(leftOf(x), leaf) {
		return leftOf(x)
	}
	return rightOf(x)
}

// current is the key of the generation that comes next.
func (r *ratchet) current() messageKey {
	return messageKey{
		key:   deriveTreeSecret(r.secret, "key", r.next, keySize),
		nonce: deriveTreeSecret(r.secret, "nonce", r.next, nonceSize),
	}
}

// advance goes to the next generation. It overwrites the secret.
func (r *ratchet) advance() {
	next := deriveTreeSecret(r.secret, "secret", r.next, hashSize)
	clear(r.secret)
	r.secret = next
	r.next++
}

// take gives the key of the next generation, for sending.
func (r *ratchet) take() (generation uint32, key messageKey, err error) {
	if r.next == ^uint32(0) {
		return 0, messageKey{}, because(ErrGeneration, "none left")
	}
	generation, key = r.next, r.current()
	r.advance()
	return generation, key, nil
}

// find gives the key of a generation for receiving. Nothing changes before used is called, when the message proved to
// be authentic; used overwrites the key. If there is an error, there is nothing to call.
func (r *ratchet) find(generation uint32) (key messageKey, used func(), err error) {
	if generation < r.next {
		key, ok := r.kept[generation]
		if !ok {
			return messageKey{}, nil, because(ErrGeneration, "used")
		}
		return key, func() {
			key.close()
			delete(r.kept, generation)
		}, nil
	}
	if generation-r.next > MaxSkip || generation == ^uint32(0) {
		return messageKey{}, nil, because(ErrGeneration, "too far ahead")
	}
	ahead := ratchet{secret: append([]byte(nil), r.secret...), next: r.next, kept: map[uint32]messageKey{}}
	for ahead.next < generation {
		if generation-ahead.next <= MaxSkipped {
			ahead.kept[ahead.next] = ahead.current()
		}
		ahead.advance()
	}
	key = ahead.current()
	ahead.advance()
	return key, func() {
		key.close()
		r.become(ahead)
	}, nil
}

// become takes over what a copy ahead of it derived. The oldest of too many kept keys go.
func (r *ratchet) become(ahead ratchet) {
	clear(r.secret)
	r.secret, r.next = ahead.secret, ahead.next
	if len(ahead.kept) == 0 {
		return
	}
	if r.kept == nil {
		r.kept = map[uint32]messageKey{}
	}
	maps.Copy(r.kept, ahead.kept)
	for len(r.kept) > MaxSkipped {
		oldest := r.next
		for generation := range r.kept {
			oldest = min(oldest, generation)
		}
		r.kept[oldest].close()
		delete(r.kept, oldest)
	}
}

func (t *secretTree) close() {
	for _, secret := range t.nodes {
		clear(secret)
	}
	for _, pair := range t.leaves {
		for i := range pair {
			clear(pair[i].secret)
			for _, key := range pair[i].kept {
				key.close()
			}
		}
	}
}
