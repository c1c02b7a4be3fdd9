// Package agent runs bots on several machines. A conductor makes the meetings, waits for the agents, deals the bots of
// a plan out to them, and puts their reports together. An agent connects out to the conductor and goes only where its
// own command line says.
//
// Both sides derive one Ed25519 key each from a secret that is made for one run. They speak TLS 1.3, and each accepts
// the other's key only: no certificate authority, and nothing to be learned by listening.
//
//	secret.go     the secret, and TLS by it
//	message.go    the messages: bounded, strictly parsed
//	conductor.go  the side that is connected to
//	agent.go      the side that runs bots
//
// Start reading at Conduct, then Serve.
package agent
