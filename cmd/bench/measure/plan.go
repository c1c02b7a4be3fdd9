package measure

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"conclave/cmd/bench/child"
	"conclave/sfu/batch"
	"conclave/sfu/rtpview"
	"conclave/sfu/transport/srtp"
)

// arrival is packets of one publisher that come at one moment.
type arrival struct {
	at        time.Duration
	publisher int
	payload   int
	packets   int
}

// arrivals lists what comes in within a second, in order of time. Publishers are not in step: each begins at a moment
// of its own, always the same for the same seed.
func arrivals(publishers int, seed uint64) (list []arrival) {
	random := rand.New(rand.NewPCG(seed, seed))
	for p := range publishers {
		phase := time.Duration(random.Int64N(int64(child.VideoEvery)))
		for at := phase; at < time.Second; at += child.VideoEvery {
			list = append(list, arrival{at, p, child.VideoPayload, child.VideoPackets})
		}
		phase = time.Duration(random.Int64N(int64(child.AudioEvery)))
		for at := phase; at < time.Second; at += child.AudioEvery {
			list = append(list, arrival{at, p, child.AudioPayload, 1})
		}
	}
	slices.SortStableFunc(list, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return list
}

// plannedMessage is a message of the engine's: equal-sized packets to one destination, the last of which may be
// shorter.
type plannedMessage struct {
	destination int
	payloads    []int // of each packet
}

// plannedBatch is what the engine sends at one time.
type plannedBatch struct {
	at       time.Duration // from the beginning of the second
	messages []plannedMessage
	packets  int
}

// plan works out how to send one second of a scenario: what arrives within a window leaves together, sorted by
// destination, packets of one size to one destination in one message.
func plan(s scenario, seed uint64) (batches []plannedBatch) {
	incoming := arrivals(s.Publishers*s.rooms(), seed)
	for len(incoming) > 0 {
		n := 1
		for n < len(incoming) && incoming[n].at < incoming[0].at+planWindow {
			n++
		}
		batches = append(batches, planBatch(s, incoming[:n]))
		incoming = incoming[n:]
	}
	return batches
}

func planBatch(s scenario, incoming []arrival) plannedBatch {
	b := plannedBatch{at: incoming[0].at + planWindow}
	for to := range s.People * s.rooms() {
		var last *plannedMessage
		for _, a := range incoming {
			room, publisher := a.publisher/s.Publishers, a.publisher%s.Publishers
			// publishers are the first of the people in a room, and do not get their own media
			if room != to/s.People || publisher == to%s.People {
				continue
			}
			for range a.packets {
				b.packets++
				if last != nil && last.takes(a.payload) {
					last.payloads = append(last.payloads, a.payload)
					continue
				}
				b.messages = append(b.messages, plannedMessage{to, []int{a.payload}})
				last = &b.messages[len(b.messages)-1]
			}
		}
	}
	return b
}

// takes says whether one more packet fits: UDP_SEGMENT wants all but the last to be of one size.
func (m *plannedMessage) takes(payload int) bool {
	first, last := m.payloads[0], m.payloads[len(m.payloads)-1]
	return last == first && payload <= first && len(m.payloads) < batch.MaxSegments &&
		(len(m.payloads)+1)*wireSize(first) <= batch.MaxMessage
}

// wireSize is the size of a datagram with a payload of n bytes.
func wireSize(n int) int { return rtpview.OutHeaderLen + n + srtp.Overhead }

// planWindow is how long packets gather. An engine that forwards what is there finds what came while it was at work
// with the batch before, some tenth of a millisecond: its messages are of 2.2 packets in B and D, as here. With a
// millisecond they were of a third more, and the limit was another server's.
const planWindow = 100 * time.Microsecond
