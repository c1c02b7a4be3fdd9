// Package audit keeps the audit log of a deployment: who did what and when, never what was said or shown.
//
// An Event is a fixed struct. The events of one group commit become one record: canonical JSON lines, encrypted with
// age to the recipients of the log. The server holds no identity, so it cannot read its own past. The RFC 6962 hash of
// each ciphertext is a leaf of a Merkle tree. Signed checkpoints of the tree leave the machine. Anyone can verify the
// log without being able to read it.
//
// The package imports nothing of Conclave. docs/audit.md holds the file format and what the log does not promise.
//
// Where to start reading: Event (what is recorded), Log (the writer), Checkpoint (what is signed), Verify. The formats
// are pure functions (event.go, frame.go, edge.go, checkpoint.go); store.go and segment.go are the files behind them.
package audit
