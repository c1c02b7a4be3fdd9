// Package signaling is the edge between browsers and meetings: the HTTP routes of meetings and the WebSocket of each
// participant. It translates between the wire types of protocol and package meeting, enforces rates, sizes
// and timeouts, and decides nothing about meetings.
//
// It imports auth, meeting, protocol, and the types of sfu. Start at Handler (handler.go); a socket's life is
// in socket.go, its outgoing queue in queue.go, the translation in translate.go and encode.go.
package signaling
