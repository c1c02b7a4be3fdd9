// Package bots makes participants without a browser: they sign in with a token that the server's operator issued, join
// a meeting through the public protocol, publish real VP8 and Opus from embedded clips, subscribe, and measure what
// arrives. `conclave bots` runs many of them in one process to test and to load a server.
//
// A bot is a client like any other: of the server's packages only protocol may be imported here. Pion does
// SDP, ICE and DTLS; the packets themselves take a path of their own (wire.go), so that hundreds of bots fit on the
// machine of the server they measure.
//
// Start reading at Run (run.go: many bots and the report), then bot (bot.go: the life of one), publisher.go and
// feedback.go (what it sends, and how it obeys), receiver.go and requests.go (what it receives, and asks for). What decides is pure and has neither socket nor clock: seqlog.go, frames.go, packetize.go,
// threshold.go, gate.go.
package bots
