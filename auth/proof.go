package auth

import (
	"net/http"
	"time"
)

// proofHeader is the request header that brings a proof of work: docs/protocol.md, "Proof of work".
const proofHeader = "Conclave-Proof"

// crowd is how many messages ahead of a stranger's make one level of difficulty.
const crowd = 64

// refusal says why a request is not served now: retryAfter is when it may come again, level how much work it has to
// prove. The zero value is no refusal.
type refusal struct {
	retryAfter time.Duration
	level      int
}

// proofLevel is how much work a request for a code has to prove: none while the server is calm, or for the known;
// more, the more messages wait before it. A network beyond what is free proves at least the least.
func proofLevel(isKnown, beyond bool, ahead int) (level int) {
	if !isKnown {
		level = ahead / crowd
	}
	if beyond {
		level = max(level, 1)
	}
	return level
}

// proved uses a request's proof up. The caller holds s.mu.
func (s *Service) proved(now time.Time, proof string) bool {
	if proof == "" {
		return false
	}
	if !s.puzzles.spend(now, proof) {
		s.deps.Count(EventProofRefused)
		return false
	}
	s.deps.Count(EventProofTaken)
	return true
}

type proofBody struct {
	Error   string `json:"error"`
	Message string `json:"message"`
	Puzzle  string `json:"puzzle"`
	Parts   int    `json:"parts"`
	Bits    int    `json:"bits"`
}

// askProof answers with a puzzle.
func (s *Service) askProof(w http.ResponseWriter, level int) {
	bits := puzzleBits(level)
	s.mu.Lock()
	puzzle, err := s.puzzles.make(s.deps.Now(), bits)
	s.mu.Unlock()
	if err != nil {
		s.deps.Log.Error("a puzzle could not be made", "error", err)
		WriteError(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
		return
	}
	s.deps.Count(EventProofAsked)
	WriteJSON(w, http.StatusTooManyRequests, proofBody{
		"proof_needed", "Many people are asking. Solve the puzzle and ask again with the proof.", puzzle, puzzleParts, bits,
	})
}
