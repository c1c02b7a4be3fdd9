// Package forward is the packet path: it receives RTP, and sends each viewer what fits its slots. It knows tracks,
// slots and connections; it names no room, no participant's rights and no way by which a connection came about. What is
// wanted comes in as values (a slot carries a layer, a track is live), what happens goes out to the owner of a
// connection.
//
// Start reading at worker.go (the life of a packet), then receive.go (in), slot.go (out). Control uses Engine,
// Connection, Track, Layer, Egress and Slot.
//
// Lock order: ingress.mu, player.mu, destination.mu, Layer.histMu. Layer.keyMu, Layer.meterMu and Track.levelMu are
// leaves.
package forward
