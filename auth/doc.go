// Package auth says who is there: it proves control of a mailbox by a one-time code, holds the sessions that follow
// from it, and limits how often a client may try. It also holds the types of user data that must never be printed
// (Email, ClientIP) and the keyed Limiter that other packages use for limits of their own.
//
// It imports no other package of Conclave. What decides is pure and takes the time as an argument: otpStore (otp.go),
// sessionStore (session.go), outgoing (outgoing.go: which mail leaves next), codeLimits (limits.go), puzzles
// (puzzle.go: proofs of work), known (known.go: networks and browsers seen well-behaved), Limiter and NetworkLimiter
// (limiter.go, networks.go). Service (service.go) is the thin adapter that gives them a clock, a lock and a mail queue;
// routes.go speaks HTTP. Start reading at Service.
package auth
