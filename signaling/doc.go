// Package signaling is the edge between browsers and meetings: the HTTP routes of meetings and the WebSocket of each
// participant. It decodes messages, enforces rates, sizes and timeouts, passes requests to package meeting and its
// events to the client, and decides nothing about meetings.
//
// It imports auth, meeting, protocol, and the errors of sfu. Start at Handler (handler.go); a socket's life is in
// socket.go, what it is asked in requests.go, its outgoing queue in queue.go.
package signaling
