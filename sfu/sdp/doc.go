// Package sdp reads offers and writes answers (RFC 8829), against an allow-list: what the SFU does not know is left
// out, and nothing of an offer but tokens gets into an answer. It is pure: no socket, clock or random number. Start
// reading at Parse, then Answer.Write.
package sdp
