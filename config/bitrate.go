package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Bitrate is bits per second. Its text is a whole number such as 800M; k, M or G after it means thousands, millions or
// thousands of millions.
type Bitrate uint64

var errBitrate = errors.New(
	"must be bits per second such as 800M, 2G or 0: a whole number, with k, M, G or nothing after it")

// UnmarshalText reads b; it is part of encoding.TextUnmarshaler.
func (b *Bitrate) UnmarshalText(text []byte) error {
	digits, unit := string(text), uint64(1)
	for _, u := range bitrateUnits() {
		if rest, ok := strings.CutSuffix(digits, u.letter); ok {
			digits, unit = rest, u.bits
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > math.MaxUint64/unit {
		return errBitrate
	}
	*b = Bitrate(n * unit)
	return nil
}

// String writes b in its largest whole unit.
func (b Bitrate) String() string {
	for _, u := range bitrateUnits() {
		if b > 0 && uint64(b)%u.bits == 0 {
			return strconv.FormatUint(uint64(b)/u.bits, 10) + u.letter
		}
	}
	return strconv.FormatUint(uint64(b), 10)
}

type bitrateUnit struct {
	letter string
	bits   uint64
}

func bitrateUnits() []bitrateUnit { return []bitrateUnit{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} }
