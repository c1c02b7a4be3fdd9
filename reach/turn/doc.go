// Package turn is the part of a TURN server (RFC 8656) that decides: what a client's requests are answered, and which
// peer its data is for. The relay reaches a fixed list of peers, which are the server's own media addresses, and
// nothing else: no relay port exists, TCP relays (RFC 6062) and reservations are refused.
//
// No socket, no clock, no goroutine: time is an argument, and data that a client relays is handed back to the caller.
// Bad input is answered or dropped, never a panic. Start reading at Server, then Client.
package turn
