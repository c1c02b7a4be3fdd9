package meeting

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"runtime"

	"golang.org/x/crypto/argon2"
)

// The argon2id parameters that OWASP's password storage cheat sheet names first: m = 19 MiB, t = 2, p = 1.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
)

// passwordHash is all that is kept of an access password. The zero value is no password.
type passwordHash struct {
	salt [16]byte
	key  [32]byte
}

func (h passwordHash) isZero() bool { return h == passwordHash{} }

// hasher computes argon2id on half of the processors at most, so that a flood of joins takes neither the memory
// (19 MiB each) nor the processor time that media needs. Waiting is bounded by the caller's context.
type hasher struct{ slots chan struct{} }

func newHasher() *hasher { return &hasher{make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))} }

func (h *hasher) hash(ctx context.Context, password string) (passwordHash, error) {
	var out passwordHash
	_, _ = rand.Read(out.salt[:]) // never fails: it ends the process instead
	key, err := h.compute(ctx, password, out.salt)
	out.key = key
	return out, err
}

func (h *hasher) matches(ctx context.Context, password string, want passwordHash) (bool, error) {
	key, err := h.compute(ctx, password, want.salt)
	return err == nil && subtle.ConstantTimeCompare(key[:], want.key[:]) == 1, err
}

func (h *hasher) compute(ctx context.Context, password string, salt [16]byte) (key [32]byte, err error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return key, ErrBusy
	}
	defer func() { <-h.slots }()
	copy(key[:], argon2.IDKey([]byte(password), salt[:], argonTime, argonMemory, argonLanes, uint32(len(key))))
	return key, nil
}
