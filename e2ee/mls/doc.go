// Package mls is the part of MLS (Messaging Layer Security, RFC 9420) that encrypted meetings use: who is in the group,
// and the keys that come out of that.
//
// It uses the standard library only and imports nothing of ours. It has no clock, no goroutine and no socket, and
// randomness is an argument. No type is safe for concurrent use. Parsers take any bytes: they return errors, never
// panic, and never allocate by a length that a peer only claims.
//
// # The subset
//
// One cipher suite: MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 (1). Every structure of RFC 9420 is parsed. A group
// processes Add, Remove, PreSharedKey (external) and GroupContextExtensions, by value and by reference, from members
// and, as far as the RFC lets them, from external senders. Handshake messages are PublicMessage, application messages
// are PrivateMessage. It refuses Update (it blanks paths), ReInit, branches, resumption PSKs and external commits with
// ErrUnsupported. Only tests can set Config.wider, for the working group's vectors: with it a group also processes, but
// never makes, Update proposals, resumption PSKs and handshakes as PrivateMessage. No vector needs ReInit, branches,
// external commits or proposals of those who are not members yet, beyond their parsing.
//
// Lifetimes are never checked, because time is never consulted: key packages are made with 0…2^64−1. A credential is
// accepted as it is: the layer above decides what an identity means.
//
// # Stricter than the RFC
//
// Lengths have bounds (limits.go). Ed25519 keys and R of small order or in non-canonical form, and S ≥ L, are refused
// before crypto/ed25519 sees them (sign.go). X25519 results that are all zero are refused. All leaves must list the
// types of all GroupContext extensions in their capabilities.
//
// # Where to start reading
//
// Group is the state of a member in one epoch. Create and Join make one. Group.Commit makes a commit and the state
// after it; Group.Process takes a handshake message and returns the state after it. Neither changes the state it
// starts from: the caller swaps when its log says so, and calls Close on the old one when no message of that epoch is
// expected any more. Group.Verify and Group.Proposals show a message before it is applied. Public tells an error that
// all members see from one that only this member sees.
//
// The passages of RFC 9420 stand at the code. By file: codec.go §2.1, crypto.go, hpke.go and sign.go §5, frame.go and
// private.go §6, leaf.go, tree.go, treehash.go, validate.go and treekem.go §7, schedule.go and psk.go §8, secrettree.go
// §9, keypackage.go §10, proposal.go §12.1, apply.go §12.2 to §12.4, commit.go §12.4.1, welcome.go §12.4.3. Vectors:
// vectors_test.go. The test with members in other languages: interop.md.
package mls
