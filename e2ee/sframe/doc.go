// Package sframe seals and opens the media frames of an encrypted meeting: SFrame (RFC 9605) with keys that come from
// the epochs of an MLS group (section 5.2), as section 13 of docs/e2ee.md says.
//
// It uses the standard library only and imports nothing of ours. Nothing in it has a socket, a clock or a goroutine:
// time is an argument. No type is safe for concurrent use. Any bytes may come in: errors go out, never a panic. Sealing
// and opening a frame allocates nothing, once the key of its sender and track was derived.
//
// Start reading at Sealer and Opener. Package group says which epochs they are given, and when.
package sframe
