package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// signingKey signs the checkpoints of one segment.
type signingKey struct {
	secret, verifier string
	signer           note.Signer
}

func newSigningKey(name string) (signingKey, error) {
	secret, verifier, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return signingKey{}, fmt.Errorf("audit: making a signing key: %w", err)
	}
	return parseSigningKey(secret + "\n" + verifier + "\n")
}

func (k signingKey) file() []byte { return []byte(k.secret + "\n" + k.verifier + "\n") }

func parseSigningKey(s string) (signingKey, error) {
	secret, verifier, _ := strings.Cut(strings.TrimSpace(s), "\n")
	signer, err := note.NewSigner(secret)
	if err != nil {
		return signingKey{}, errors.New("audit: the signing key is not readable") // without its bytes
	}
	return signingKey{secret, verifier, signer}, nil
}

// newName names a new log. The name is in every checkpoint and key, so that logs are not confused.
func newName() (string, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("audit: naming the log: %w", err)
	}
	return "conclave-audit/" + hex.EncodeToString(b[:]), nil
}

// beginSegment closes the active segment, if there is one, and begins the next with a key of its own. The old key signs
// the new one and is erased. The rename of the checkpoints is the moment it happens: a crash before it leaves the old
// segment, a crash after it is completed by adoptKey.
func (s *store) beginSegment(now time.Time) error {
	next, err := newSigningKey(s.name)
	if err != nil {
		return err
	}
	c := s.nextCheckpoint(now)
	c.Key, c.Edge = next.verifier, s.edge.hashes
	signers := []note.Signer{next.signer}
	if s.key.signer != nil {
		signers = []note.Signer{s.key.signer, next.signer}
	}
	if err := c.sign(signers...); err != nil {
		return err
	}
	if err := writeWhole(s.dir, nextKeyFile, next.file()); err != nil {
		return err
	}
	if s.checkpoints != nil {
		if err := s.sync(); err != nil {
			return err
		}
	}
	const draft = "checkpoints.next"
	if err := writeWhole(s.dir, draft, c.Line()); err != nil {
		return err
	}
	if err := s.dir.SyncDir(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := s.dir.Rename(draft, segmentFile(c.Size, checkpointsSuffix)); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := s.dir.SyncDir(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	s.close()
	if s.key, err = adoptKey(s.dir, next.verifier); err != nil {
		return err
	}
	if c.Size == 0 {
		s.firstKey = c.Key
	}
	s.segments = append(s.segments, segment{c.Size, c.Time})
	s.checkpointed(now)
	return s.openSegment(c.Size)
}

// adoptKey returns the key whose verifier the newest segment names, and erases the one before it.
func adoptKey(d files, verifier string) (signingKey, error) {
	if key, err := readKey(d, nextKeyFile); err == nil && key.verifier == verifier {
		if err := eraseInto(d); err != nil {
			return signingKey{}, err
		}
	}
	key, err := readKey(d, keyFile)
	if err != nil {
		return signingKey{}, err
	}
	if key.verifier != verifier {
		return signingKey{}, errors.New("audit: the signing key is not the one that the newest segment names")
	}
	return key, nil
}

// eraseInto puts the next key in the place of the old one, whose bytes are overwritten first. File systems and disks
// may keep copies of what is overwritten: docs/audit.md says so.
func eraseInto(d files) error {
	f, err := d.Open(keyFile, true)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(bytes.Repeat([]byte{'0'}, int(info.Size())), 0)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("audit: erasing the old signing key: %w", err)
	}
	if err := d.Rename(nextKeyFile, keyFile); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := d.SyncDir(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

func readKey(d files, name string) (signingKey, error) {
	b, err := readAll(d, name)
	if err != nil {
		return signingKey{}, err
	}
	return parseSigningKey(string(b))
}
