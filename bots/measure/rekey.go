package measure

import (
	"sync"
	"time"
)

// maxRekeys bounds the leaves that are looked at.
const maxRekeys = 1024

// Rekey is what one leave cost: from the leaver's last message until every publisher that was there uses an epoch that
// the leaver is not in.
type Rekey struct {
	// MS is how long the last publisher took; 0 if there was none.
	MS float64 `json:"ms"`
	// Publishers is how many went to that epoch.
	Publishers int `json:"publishers"`
	// Bytes is what all bots sent and received of the group's messages on their WebSockets until then, Messages how many.
	Bytes    uint64 `json:"bytes"`
	Messages uint64 `json:"messages"`
}

// RekeyLog measures leaves. What happens until the next leave counts for the one before. The zero value is ready to
// use. Safe for concurrent use; a nil RekeyLog ignores Carried.
type RekeyLog struct {
	mu       sync.Mutex
	carried  uint64 // bytes of the group's WebSocket messages, both ways
	messages uint64 // how many they were
	leftAt   time.Time
	before   Rekey // totals when it left
	list     []Rekey
	over     bool // the run ends: all leave
}

// Carried takes note of a WebSocket message of n bytes that a bot sent or received for the group.
func (l *RekeyLog) Carried(n int) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.carried += uint64(n)
	l.messages++
}

// Left takes note of a leave.
func (l *RekeyLog) Left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || len(l.list) == maxRekeys {
		return
	}
	l.leftAt = time.Now()
	l.before = Rekey{Bytes: l.carried, Messages: l.messages}
	l.list = append(l.list, Rekey{})
}

// End stops measuring: when the run ends, all leave.
func (l *RekeyLog) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// Switched takes note of a publisher that goes to another epoch; fresh if that one began with a removal.
func (l *RekeyLog) Switched(fresh bool) {
	if !fresh {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == 0 {
		return
	}
	r := &l.list[len(l.list)-1]
	r.MS = float64(time.Since(l.leftAt)) / float64(time.Millisecond)
	r.Publishers++
	r.Bytes, r.Messages = l.carried-l.before.Bytes, l.messages-l.before.Messages
}

// List returns the leaves so far, in order.
func (l *RekeyLog) List() []Rekey {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Rekey(nil), l.list...)
}
