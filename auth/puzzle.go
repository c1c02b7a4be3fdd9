package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// A proof of work solves puzzleParts searches of 2^bits tries each on average. Several short searches take nearly the
// same time for everyone, where a single long one would now and then take five times as long.
const (
	puzzleParts   = 8
	puzzleMinBits = 12 // 33,000 hashes in all: well under a second in a page
	puzzleMaxBits = 15 // 262,000
	puzzleLife    = 2 * time.Minute
	// maxSpent bounds the puzzles remembered as used in one life; beyond it proofs are refused, never taken twice.
	maxSpent = 50_000
	// maxProof bounds a proof's length: the puzzle and eight numbers of up to ten digits, with their dots.
	maxProof = 256
)

// puzzleID is the random part of a puzzle.
type puzzleID [16]byte

// puzzles makes puzzles and checks proofs. What it hands out it does not keep: a puzzle carries its own end,
// difficulty and MAC. Only used ones are remembered, until they end. Pure; not safe for concurrent use.
type puzzles struct {
	key    [32]byte
	random io.Reader

	spent   [2]map[puzzleID]struct{} // used in this life and in the one before, at most maxSpent each
	rotated time.Time
}

func newPuzzles(random io.Reader) (*puzzles, error) {
	p := &puzzles{random: random, spent: [2]map[puzzleID]struct{}{{}, {}}}
	if _, err := io.ReadFull(random, p.key[:]); err != nil {
		return nil, fmt.Errorf("making the puzzles' key: %w", err)
	}
	return p, nil
}

// puzzleBits is the difficulty of a level; levels begin at 1.
func puzzleBits(level int) int { return min(puzzleMinBits+max(level, 1)-1, puzzleMaxBits) }

// A puzzle is base64url(end in Unix seconds, 8 bytes ‖ bits, 1 byte ‖ random, 16 bytes ‖ MAC of all before, 32 bytes).
const (
	puzzleBody = 8 + 1 + len(puzzleID{})
	puzzleSize = puzzleBody + sha256.Size
)

// make returns a new puzzle of a difficulty.
func (p *puzzles) make(now time.Time, difficulty int) (string, error) {
	b := make([]byte, 0, puzzleSize)
	b = binary.BigEndian.AppendUint64(b, uint64(now.Add(puzzleLife).Unix())) //nolint:gosec // after 1970
	b = append(b, byte(difficulty))                                          //nolint:gosec // at most puzzleMaxBits
	b = b[:puzzleBody]
	if _, err := io.ReadFull(p.random, b[9:]); err != nil {
		return "", fmt.Errorf("making a puzzle: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(p.mac(b)), nil
}

// mac appends the MAC of body to it.
func (p *puzzles) mac(body []byte) []byte {
	h := hmac.New(sha256.New, p.key[:])
	h.Write([]byte("puzzle"))
	h.Write(body)
	return h.Sum(body)
}

// spend says whether proof solves a puzzle of ours that has not ended, and uses the puzzle up. The MAC is checked
// before any search is, so that a made-up proof costs one hash.
func (p *puzzles) spend(now time.Time, proof string) bool {
	puzzle, solution, ok := strings.Cut(proof, ".")
	if !ok || len(proof) > maxProof {
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(puzzle)
	if err != nil || len(b) != puzzleSize || !hmac.Equal(p.mac(b[:puzzleBody:puzzleBody])[puzzleBody:], b[puzzleBody:]) {
		return false
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(b)) { //nolint:gosec // ours
		return false
	}
	return solved(puzzle, solution, int(b[8])) && p.use(now, puzzleID(b[9:puzzleBody]))
}

// solved checks the searches: part i is solved by n if SHA-256(puzzle "." i "." n) begins with so many zero bits.
func solved(puzzle, solution string, difficulty int) bool {
	numbers := strings.Split(solution, ".")
	if len(numbers) != puzzleParts {
		return false
	}
	for i, n := range numbers {
		if v, err := strconv.ParseUint(n, 10, 32); err != nil || strconv.FormatUint(v, 10) != n {
			return false
		}
		if leadingZeros(sha256.Sum256([]byte(puzzle+"."+strconv.Itoa(i)+"."+n))) < difficulty {
			return false
		}
	}
	return true
}

func leadingZeros(sum [sha256.Size]byte) int {
	return bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:]))
}

// use remembers a puzzle as used; false if it was, or if too many were.
func (p *puzzles) use(now time.Time, id puzzleID) bool {
	if now.Sub(p.rotated) >= puzzleLife {
		p.spent[1] = p.spent[0]
		if now.Sub(p.rotated) >= 2*puzzleLife {
			p.spent[1] = map[puzzleID]struct{}{}
		}
		p.spent[0], p.rotated = map[puzzleID]struct{}{}, now
	}
	for _, used := range p.spent {
		if _, ok := used[id]; ok {
			return false
		}
	}
	if len(p.spent[0]) >= maxSpent {
		return false
	}
	p.spent[0][id] = struct{}{}
	return true
}
