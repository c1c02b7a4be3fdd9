// Package stream carries the engine's datagrams over byte streams and relays: ICE-TCP (RFC 6544, framed as RFC 4571)
// and TURN (RFC 8656). Both end in this process, so a relayed datagram never leaves it.
//
// A Hub stands beside the UDP sockets as one more local address of the engine. Each peer that comes over a stream has
// a Stream in it, under an address that exists in this process only. So the engine's tables, batches and outboxes treat
// a stream as they treat a UDP address.
//
// What goes in: the owner of a connection calls Stream.Receive. What comes out: the engine gives datagrams to the
// stream's Sink, in most cases a Writer, which queues them and writes once a burst. Nothing that the engine calls here
// waits for a peer. Start reading at Hub.Attach; ServeTCP is the shortest complete owner of a stream.
package stream
