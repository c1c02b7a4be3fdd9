// Package group is who is in an encrypted meeting and what follows from it: an MLS group whose transcript holds
// members, roles and policy, as docs/e2ee.md specifies it ("e2ee/2"). Media is sealed and opened by package sframe
// with the epochs that a Session gives out.
//
// It uses the standard library, e2ee/mls and e2ee/sframe only. Nothing in it has a socket, a clock or a goroutine:
// time and randomness are arguments, and times are monotonic. Sessions are not safe for concurrent use; Root is.
// Parsers take any bytes: they return errors and never panic.
//
// Start reading at Session, the state machine of one seat: the server's messages and the person's acts in, Output out.
// What everybody must decide alike is in rules.go (which commit counts, who may do what) and has no time in it. The
// rest is when a session acts: log.go (coming in, following the log), duty.go and acts.go (commits), watch.go (losses,
// silence, newcomers), talk.go and private.go (messages).
package group
