// Package sfu forwards media: it terminates ICE and DTLS-SRTP with each participant, receives RTP, and sends each
// subscriber what fits its slots. It knows participants only as numbers, meetings only as rooms, and decides nothing
// about who may do what: package meeting says so through Peer.SetLive and Peer.SetView, and sfu obeys.
//
// It imports no other package of Conclave. Start reading at Server (the sockets and workers), then Room and Peer
// (the seam to package meeting), then forward.go (the life of a packet).
package sfu
