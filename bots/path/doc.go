// Package path is how a bot reaches the server's media port: ICE (RFC 8445) as the controlling agent of an ICE-lite
// server, and the DTLS handshake (RFC 5764). It takes the place of a PeerConnection, which costs a bot 2 MiB.
//
// Agent decides; it has no socket and no clock. Handshake is Pion's DTLS on the datagrams that a socket hands over.
package path
