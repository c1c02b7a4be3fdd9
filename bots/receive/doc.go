// Package receive takes what a bot is sent: it counts packets, puts frames together, measures delays and freezes,
// opens end-to-end encrypted frames, and asks for what is missing. Time is an argument, packets come by Batch.
//
// Start reading at Receiver (receive.go). The pure parts are seqlog.go (loss) and frames.go (frames, freezes, jitter).
package receive
