// Package meeting decides who is in a meeting and what they may do: the registry of meetings, and for each meeting
// the roster, roles, lobby, lock, password, moderation, raised hands, what happens when the host leaves, and its end.
// It decides what each participant may publish and tells the media server. Requests and events are the messages of
// package protocol; it knows no sockets.
//
// Of an end-to-end encrypted meeting it knows as little: what participants announce, what hosts sign and what people
// say passes through (encrypted.go, relay.go), bounded and unread; who may reach whom is decided here.
//
// It imports media, protocol and sfu, and of sfu the types; the media server is reached through the interfaces of
// media.go.
//
// What decides is pure: state (state.go and its neighbours) takes the time as an argument and returns effects. The
// actor (actor.go) gives it a mailbox, a timer and a goroutine that exists only while there is something to do, so
// that an empty meeting costs a few hundred bytes. Registry is the entry; start reading there.
package meeting
