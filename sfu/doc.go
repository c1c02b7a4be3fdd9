// Package sfu is the media side of meetings. It decides what each viewer is sent, and has package forward send it. It
// knows participants only as numbers and meetings only as rooms, and decides nothing about who may do what: package
// meeting says so through Peer.SetLive and Peer.SetView, and sfu obeys. All that is desired of a room goes in as values
// and is applied by control; all that happens goes out as media.Event.
//
// Of Conclave it imports package media and the rooms below it: forward (the packet path), transport (sockets, ICE,
// DTLS, keys), sdp (offers and answers). Start reading at Server, then Room and Peer with inbox.go (what comes in),
// reconcile.go (what is done about it), allocate.go (what fits), and forward/worker.go for the life of a packet.
//
// Lock order: Room.mu, then those of package forward, then those of package transport. Events are told with locks held.
// Peer.negMu comes before Room.mu; inbox.mu and Server.roomMu are leaves.
package sfu
