package forward

import (
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// maxArrivalJump is how far transport-wide sequence numbers may jump from one packet to the next: half a second of 500
// packets. The recorder pays for every number between, so beyond it begins anew, and says nothing of what it had not
// yet told.
const maxArrivalJump = 256

// arrivals are the packets of a publisher that it has not yet been told of by transport-wide congestion control
// feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01). One goroutine at a time.
type arrivals struct {
	ssrc     uint32         // of the feedback
	recorder *twcc.Recorder // nil before the first packet
	newest   uint16
	pending  bool
}

// record notes a packet by its SSRC and transport-wide sequence number.
func (a *arrivals) record(ssrc uint32, seq uint16, now time.Time) {
	if jump := int(int16(seq - a.newest)); a.recorder == nil || max(jump, -jump) > maxArrivalJump {
		a.recorder, a.newest = twcc.NewRecorder(a.ssrc), seq
	}
	if int16(seq-a.newest) > 0 {
		a.newest = seq
	}
	a.recorder.Record(ssrc, seq, now.UnixMicro())
	a.pending = true
}

// take returns the feedback that is due.
func (a *arrivals) take() []rtcp.Packet {
	if !a.pending {
		return nil
	}
	a.pending = false
	return a.recorder.BuildFeedbackPacket()
}
