package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// A record on disk is a header and the ciphertext. The header is the length (4 bytes), a CRC-32C of length and leaf
// (4 bytes) and the leaf (32 bytes), integers big-endian. The CRC tells a torn header from a changed one.
const (
	headerSize = 4 + 4 + tlog.HashSize
	// maxRecord bounds a ciphertext. A record holds at most maxBatch events of at most about 2.2 KiB.
	maxRecord = 2 << 20
)

// errTorn says that the records end in the middle of a write. Such a record was never acknowledged.
var errTorn = errors.New("audit: the last record is incomplete")

// errDamaged says that a record is not what was written.
var errDamaged = errors.New("the record was changed")

func appendFrame(b, ciphertext []byte) (frame []byte, leaf tlog.Hash) {
	leaf = tlog.RecordHash(ciphertext)
	b = binary.BigEndian.AppendUint32(b, uint32(len(ciphertext))) //nolint:gosec // at most maxRecord
	b = binary.BigEndian.AppendUint32(b, headerSum(b[len(b)-4:], leaf))
	b = append(b, leaf[:]...)
	return append(b, ciphertext...), leaf
}

func headerSum(length []byte, leaf tlog.Hash) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(length, table), table, leaf[:])
}

// readFrame reads the record at offset of a file of the given size. It returns io.EOF at the end, errTorn if what is
// left can be the beginning of one unfinished write, and errDamaged otherwise.
func readFrame(r io.ReaderAt, offset, size int64) (ciphertext []byte, leaf tlog.Hash, err error) {
	left := size - offset
	if left == 0 {
		return nil, leaf, io.EOF
	}
	var header [headerSize]byte
	if left < headerSize {
		return nil, leaf, errTorn
	}
	if _, err := r.ReadAt(header[:], offset); err != nil {
		return nil, leaf, fmt.Errorf("audit: reading a record: %w", err)
	}
	leaf = tlog.Hash(header[8:])
	length := int64(binary.BigEndian.Uint32(header[:4]))
	switch {
	case header == [headerSize]byte{}: // blocks that were allocated and never written
		return nil, leaf, errTorn
	case binary.BigEndian.Uint32(header[4:8]) != headerSum(header[:4], leaf) || length > maxRecord:
		return nil, leaf, errDamaged
	case left-headerSize < length:
		return nil, leaf, errTorn
	}
	ciphertext = make([]byte, length)
	if _, err := r.ReadAt(ciphertext, offset+headerSize); err != nil {
		return nil, leaf, fmt.Errorf("audit: reading a record: %w", err)
	}
	if tlog.RecordHash(ciphertext) != leaf {
		if left-headerSize == length { // the last one: a sector of it may be missing
			return nil, leaf, errTorn
		}
		return nil, leaf, errDamaged
	}
	return ciphertext, leaf, nil
}
