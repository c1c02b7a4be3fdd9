package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
)

// Keys are the verifier keys of a log, one for each segment. Each is signed by the one before it; the first is the key
// that the log began with.
type Keys struct {
	list []segmentKey
}

type segmentKey struct {
	first int64 // record of the segment
	key   string
}

// FollowKeys follows the chain of an export from the key that the log began with. Checkpoints that begin no segment are
// passed over.
func FollowKeys(key string, chain io.Reader) (*Keys, error) {
	if _, err := note.NewVerifier(key); err != nil {
		return nil, fmt.Errorf("audit: the verifier key: %w", err)
	}
	k := &Keys{}
	in := bufio.NewScanner(chain)
	in.Buffer(nil, maxRecord)
	for in.Scan() {
		c, err := ParseCheckpoint(in.Bytes())
		if err != nil {
			return nil, err
		}
		if c.Key == "" {
			continue
		}
		if err := c.verify(key, c.Key); err != nil {
			return nil, err
		}
		key = c.Key
		k.add(c.Size, key)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("audit: reading the keys: %w", err)
	}
	if len(k.list) == 0 || k.list[0].first != 0 {
		return nil, errors.New("audit: the keys do not begin with the log")
	}
	return k, nil
}

func (k *Keys) add(first int64, key string) { k.list = append(k.list, segmentKey{first, key}) }

// of is the key that signs a checkpoint of size records: that of the segment with the last of them.
func (k *Keys) of(size int64) string {
	key := k.list[0].key
	for _, s := range k.list {
		if s.first < size {
			key = s.key
		}
	}
	return key
}
