// Package handover lets a new version of the server take over from the one that runs, without ending its meetings. The
// two talk over a Unix socket in a folder that only their user may enter: messages of bounded length, each with at most
// one file descriptor.
//
// The new version asks (Ask) and is given the TCP listeners. It prepares itself, says that it is ready and is given the
// sessions (Taking.Ready). Only when it says that it has taken over (Taking.Take) does the one before stop accepting.
// Until then it goes on as if nothing had happened, whatever becomes of the new one. From then on the two have a Link.
// The newer one sends requests and streams for the other's meetings down it, as connections, and the older one sends up
// what its last clients' connections still ask of the newest. What is read of them, the client's address among it, is
// believed because no other process can reach either end.
//
// The package knows no meeting, no session and no HTTP: what it carries is bytes. What decides is in phase.go and
// message.go, without sockets and clocks. Start reading at Door.
package handover
