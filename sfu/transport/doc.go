// Package transport brings datagrams to connections and back: the sockets, ICE as a lite agent does it, DTLS, and the
// SRTP keys that come out of it. It knows no track, slot or room. The owner of a Transport is told when it is connected
// and when it has failed.
//
// Start reading at Network (sockets, identity, tables), then Transport (one connection's way to its peer). Package srtp
// below it seals and opens packets, package stun reads and answers checks.
package transport
