package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// solve is what a client does: docs/protocol.md, "Proof of work".
func solve(puzzle string, parts, difficulty int) string {
	proof := puzzle
	for part := range parts {
		prefix := puzzle + "." + strconv.Itoa(part) + "."
		for n := 0; ; n++ {
			if leadingZeros(sha256.Sum256([]byte(prefix+strconv.Itoa(n)))) >= difficulty {
				proof += "." + strconv.Itoa(n)
				break
			}
		}
	}
	return proof
}

func testPuzzles(t *testing.T) *puzzles {
	t.Helper()
	p, err := newPuzzles(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAProofIsTakenOnceAndInTime(t *testing.T) {
	p := testPuzzles(t)
	puzzle := func(at time.Time) string {
		s, err := p.make(at, puzzleMinBits)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := solve(puzzle(epoch()), puzzleParts, puzzleMinBits)
	if !p.spend(epoch(), good) {
		t.Fatal("a right proof is refused")
	}
	for after := time.Duration(0); after < 3*puzzleLife; after += puzzleLife / 8 {
		if p.spend(epoch().Add(after), good) {
			t.Fatalf("taken again after %v", after)
		}
	}
	late := solve(puzzle(epoch()), puzzleParts, puzzleMinBits)
	if p.spend(epoch().Add(puzzleLife), late) {
		t.Error("taken after its end")
	}
	if !p.spend(epoch().Add(puzzleLife-time.Second), late) {
		t.Error("refused before its end")
	}
}

// TestProofsThatAreNoneAreRefused changes each part of a right proof.
func TestProofsThatAreNoneAreRefused(t *testing.T) {
	p, others := testPuzzles(t), testPuzzles(t)
	puzzle, err := p.make(epoch(), puzzleMinBits)
	if err != nil {
		t.Fatal(err)
	}
	proof := solve(puzzle, puzzleParts, puzzleMinBits)
	raw, _ := base64.RawURLEncoding.DecodeString(puzzle)
	changed := func(i int) string {
		b := append([]byte(nil), raw...)
		b[i] ^= 1
		return solve(base64.RawURLEncoding.EncodeToString(b), puzzleParts, puzzleMinBits)
	}
	foreign, _ := others.make(epoch(), puzzleMinBits)
	numbers := strings.Split(proof, ".")
	for name, bad := range map[string]string{
		"empty": "", "no_numbers": puzzle, "seven": strings.Join(numbers[:puzzleParts], "."), "nine": proof + ".1",
		"unsolved": puzzle + strings.Repeat(".0", puzzleParts), "one_part_eight_times": puzzle + strings.Repeat("."+numbers[1], puzzleParts),
		"leading_zero": puzzle + ".0" + strings.TrimPrefix(proof, puzzle+"."), "sign": strings.Replace(proof, ".", ".+", 1),
		"end_moved": changed(7), "easier": changed(8), "other_random": changed(9), "other_mac": changed(len(raw) - 1),
		"of_another_process": solve(foreign, puzzleParts, puzzleMinBits), "long": proof + strings.Repeat("0", maxProof),
		"not_base64": "!" + proof[1:], "padded": strings.Replace(proof, ".", "=.", 1),
	} {
		if p.spend(epoch(), bad) {
			t.Errorf("%s: taken", name)
		}
	}
	if !p.spend(epoch(), proof) {
		t.Error("the right proof was used up by the wrong ones")
	}
}

func TestUsedPuzzlesAreBounded(t *testing.T) {
	p := testPuzzles(t)
	taken := 0
	for i := range maxSpent + 10 {
		if p.use(epoch(), puzzleID{byte(i), byte(i >> 8), byte(i >> 16)}) {
			taken++
		}
	}
	if taken != maxSpent || len(p.spent[0]) != maxSpent {
		t.Errorf("%d taken, %d remembered", taken, len(p.spent[0]))
	}
	if p.use(epoch().Add(puzzleLife), puzzleID{1}) {
		t.Error("one of the life before is taken again")
	}
	if !p.use(epoch().Add(2*puzzleLife), puzzleID{1}) {
		t.Error("still remembered after its end")
	}
}

// TestTheWorkIsWhatItClaims: a puzzle takes about its number of hashes, and seldom many more.
func TestTheWorkIsWhatItClaims(t *testing.T) {
	const rounds, difficulty = 60, 6
	want, most, sum := float64(puzzleParts<<difficulty), 0.0, 0.0
	for i := range rounds {
		hashes := 0.0
		for _, n := range strings.Split(solve(fmt.Sprintf("puzzle%d", i), puzzleParts, difficulty), ".")[1:] {
			v, _ := strconv.Atoi(n)
			hashes += float64(v + 1)
		}
		sum += hashes
		most = max(most, hashes)
	}
	if mean := sum / rounds; mean < 0.8*want || mean > 1.2*want || most > 3*want {
		t.Errorf("on average %.0f hashes, at most %.0f; expected %.0f", sum/rounds, most, want)
	}
}

func TestDifficultyHasABottomAndATop(t *testing.T) {
	for level, want := range map[int]int{-1: 12, 0: 12, 1: 12, 2: 13, 3: 14, 4: 15, 5: 15, 1000: 15} {
		if got := puzzleBits(level); got != want {
			t.Errorf("level %d: %d bits, want %d", level, got, want)
		}
	}
}
