package stream

import "time"

const (
	// maxMarks bounds how finely a backlog knows its age; when there are more, the latest stand for a longer time.
	maxMarks = 32
	// markStep: what comes within it has one age.
	markStep = 5 * time.Millisecond
)

// backlog knows how long what waits in a queue of bytes has waited. No clock, no lock.
type backlog struct {
	in, out int64 // bytes that have come and gone
	marks   [maxMarks]mark
	n       int
}

// mark says that bytes up to end have come at a time, in unix nanoseconds.
type mark struct{ end, at int64 }

// add notes that n bytes have come.
func (b *backlog) add(n int, now time.Time) {
	b.in += int64(n)
	at := now.UnixNano()
	if b.n > 0 {
		if last := &b.marks[b.n-1]; b.n == maxMarks || at-last.at < int64(markStep) {
			last.end = b.in
			return
		}
	}
	b.marks[b.n] = mark{b.in, at}
	b.n++
}

// take notes that n bytes have gone, the oldest first.
func (b *backlog) take(n int) {
	b.out += int64(n)
	gone := 0
	for gone < b.n && b.marks[gone].end <= b.out {
		gone++
	}
	b.n = copy(b.marks[:], b.marks[gone:b.n])
}

// oldest is when the oldest byte that waits has come, in unix nanoseconds; 0: nothing waits.
func (b *backlog) oldest() int64 {
	if b.n == 0 {
		return 0
	}
	return b.marks[0].at
}

// size is how many bytes wait.
func (b *backlog) size() int { return int(b.in - b.out) }
