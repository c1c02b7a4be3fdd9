// Package grouplog is the server's log of an end-to-end encrypted meeting, as docs/e2ee.md says (section 5): entries
// of an MLS group (RFC 9420) that the server orders, keeps for a while and shows to all, and whose headers are all that
// it reads. It holds no secret but the key by which the server signs the removal of those who have left.
//
// Log is the entry; start reading in log.go. It is pure: time is an argument, nothing blocks, and what is to be sent is
// left in News.
package grouplog
