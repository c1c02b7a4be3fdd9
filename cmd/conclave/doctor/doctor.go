// Package doctor says what is wrong with the machine that a server runs on. Each check takes facts and returns a
// Finding; what collects facts is apart from it, so that a test can cause every finding. It imports no other package
// of Conclave. Start reading at Finding, then at the checks of names (names.go) and of the machine (machine.go).
package doctor

// Level is how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warning Level = "warning" // some people may have trouble, or it could not be told
	Problem Level = "problem" // people will have trouble
)

// Finding is what one check found.
type Finding struct {
	Check string `json:"check"` // a stable word: dns, address, ports, …
	Level Level  `json:"level"`
	Text  string `json:"text"`         // what is so
	Do    string `json:"do,omitempty"` // what to do about it; empty if nothing
}

// Worst returns the worst level of a list; OK for an empty one.
func Worst(list []Finding) Level {
	worst := OK
	for _, f := range list {
		if f.Level == Problem || f.Level == Warning && worst == OK {
			worst = f.Level
		}
	}
	return worst
}
