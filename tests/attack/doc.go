// Package attack attacks the real binary: it starts conclave in a network namespace of its own, joins meetings with
// real STUN, DTLS and SRTP clients, and sends what an attacker can send, from spoofed addresses too. docs/security.md
// names the promise behind each test.
//
// It speaks the public protocol and imports none of the server's packages, so that it also runs against other builds:
// TEST_BINARY=/path/to/conclave go test ./tests/attack. It needs Linux, a network namespace (root, or a kernel that
// lets users make one) and iproute2. Where one is missing the tests are skipped, but under CI=true that is a failure.
//
// Start reading at main_test.go, then client_test.go.
package attack
