package measure

import (
	"testing"
	"time"

	"conclave/cmd/bench/child"
	"conclave/sfu/batch"
)

func TestThePlanSendsEachReceiverAllOthersMedia(t *testing.T) {
	for _, s := range scenarios() {
		perSecond := 30*child.VideoPackets + 50
		want := s.rooms() * s.Publishers * perSecond * (s.People - 1)
		got, byDestination := 0, make([]int, s.rooms()*s.People)
		for _, b := range plan(s, 1) {
			n := 0
			for _, m := range b.messages {
				n += len(m.payloads)
				byDestination[m.destination] += len(m.payloads)
			}
			if n != b.packets {
				t.Errorf("%s: a batch says %d packets and holds %d", s.Name, b.packets, n)
			}
			got += n
		}
		// A publisher whose phase is nearly a whole interval sends one frame or packet less in the first second.
		if slack := s.rooms() * s.Publishers * child.VideoPackets * s.People; got > want || got < want-slack {
			t.Errorf("%s: %d packets a second, want %d", s.Name, got, want)
		}
		if s.Publishers == 1 && byDestination[0] != 0 {
			t.Errorf("%s: the publisher gets %d packets", s.Name, byDestination[0])
		}
	}
}

func TestPlanKeepsTheRulesOfSegmentation(t *testing.T) {
	for _, b := range plan(scenarios()[3], 7) {
		for _, m := range b.messages {
			total := 0
			for i, n := range m.payloads {
				total += wireSize(n)
				if n > m.payloads[0] || (i < len(m.payloads)-1 && n != m.payloads[0]) {
					t.Fatalf("all but the last must be of one size: %v", m.payloads)
				}
			}
			if total > batch.MaxMessage || len(m.payloads) > batch.MaxSegments {
				t.Fatalf("%d bytes in %d segments", total, len(m.payloads))
			}
		}
	}
}

func TestPlanGathersWhatComesWithinTheWindow(t *testing.T) {
	last := -planWindow
	for i, b := range plan(scenarios()[3], 3) {
		if b.at < last+planWindow {
			t.Fatalf("batch %d at %v, the one before at %v: they should be one", i, b.at, last)
		}
		last = b.at
	}
	one := planBatch(scenario{People: 3, Publishers: 2}, []arrival{{0, 0, child.VideoPayload, 4},
		{0, 1, child.VideoPayload, 4}, {time.Microsecond, 0, child.AudioPayload, 1}})
	// To 0: four of 1's. To 1: four and one of 0's. To 2: eight and one.
	if len(one.messages) != 3 || one.packets != 4+5+9 || len(one.messages[2].payloads) != 9 {
		t.Errorf("%+v", one)
	}
}
