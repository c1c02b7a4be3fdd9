// Package reach lets clients in whose network blocks UDP. One TCP port serves HTTPS, ICE-TCP (RFC 6544) and TURN over
// TCP and TLS (RFC 8656), told apart by what a connection says first; the media port serves TURN over UDP. What they
// carry ends in the engine, in memory: no relay port exists and no third address is reached.
//
// It imports sfu/stream, the engine's end of streams, and leaves; it knows no meeting, no room and no HTTP route.
// Start reading at Port (the TCP port), then Relay (TURN on top of package turn), Credentials (who may relay) and
// Echo (what a check without a meeting reaches).
package reach
