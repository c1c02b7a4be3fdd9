package meeting

import (
	"math"
	"sync"
	"time"

	"conclave/protocol"
)

// Sink takes the events of one participant's socket, in order. Deliver must not block and must not call into the
// meeting; a Sink that cannot keep up closes itself. After a Bye nothing more is delivered. Sinks are compared: use a
// pointer.
type Sink interface {
	Deliver(d *Delivery)
}

// Delivery is one event on its way to one sink or to many. Nothing changes it. What a meeting keeps about people has
// types that print nothing (redact.go); an event is revealed and on its way to the wire.
type Delivery struct {
	Message protocol.ServerMessage

	roster [][]byte // of a Welcome: its Participants, encoded
	once   sync.Once
	frame  []byte
}

// Frame returns the message as it goes over the wire. It is encoded once, all sinks share the bytes, and none may
// change them. Safe for concurrent use.
func (d *Delivery) Frame() []byte {
	d.once.Do(func() {
		frame, err := protocol.Marshal(d.Message)
		if err != nil {
			panic("meeting: a message cannot be encoded")
		}
		d.frame = frame
	})
	return d.frame
}

// WelcomeFrame returns own as it goes over the wire: a copy of the Welcome that d is, with other fields than its
// Participants changed. They are encoded already.
func (d *Delivery) WelcomeFrame(own *protocol.Welcome) []byte {
	frame, err := protocol.MarshalWelcome(own, d.roster)
	if err != nil {
		panic("meeting: a welcome cannot be encoded")
	}
	return frame
}

// bye is the last event of a sink.
func bye(why protocol.ByeReason) *protocol.Bye {
	return &protocol.Bye{Reason: why, Message: why.Sentence()}
}

// wireTime is a time in the form of the wire: whole seconds of UTC.
func wireTime(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// wireSeconds is a duration in the form of the wire.
func wireSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
