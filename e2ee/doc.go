// Package e2ee is the end-to-end encryption of a meeting, "e2ee/1", as docs/e2ee.md specifies it: identities,
// announcements, admissions, the pairwise channel, sender chains, SFrame media frames (RFC 9605), group messages, the
// meeting code.
//
// It uses the standard library only and imports nothing of ours. Nothing in it has a socket, a clock or a goroutine:
// time and randomness are arguments. No type is safe for concurrent use unless it says so. Parsers take any bytes: they
// return errors and never panic.
//
// Start reading at Session, the state machine of one participant; what it decides about keys goes into a Sealer (own
// media) and an Opener (others' media).
package e2ee
