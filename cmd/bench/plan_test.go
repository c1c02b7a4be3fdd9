package main

import (
	"testing"
	"time"

	"github.com/pion/sdp/v3"

	"conclave/sfu/batch"
)

func TestPlanSendsEverybodyEverythingButTheirOwn(t *testing.T) {
	for _, s := range scenarios() {
		perSecond := 30*videoPackets + 50
		want := s.Publishers * perSecond * (s.People - 1)
		got, byDestination := 0, make([]int, s.People)
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
		if slack := s.Publishers * videoPackets * s.People; got > want || got < want-slack {
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
	one := planBatch(scenario{People: 3, Publishers: 2}, []arrival{{0, 0, videoPayload, 4}, {0, 1, videoPayload, 4}, {time.Microsecond, 0, audioPayload, 1}})
	// To 0: four of 1's. To 1: four and one of 0's. To 2: eight and one.
	if len(one.messages) != 3 || one.packets != 4+5+9 || len(one.messages[2].payloads) != 9 {
		t.Errorf("%+v", one)
	}
}

func TestClientsOfferIsSDP(t *testing.T) {
	const own = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" +
		"c=IN IP4 0.0.0.0\r\na=setup:actpass\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\n"
	var d sdp.SessionDescription
	if err := d.UnmarshalString(slotsOffer(own, 4, 9)); err != nil {
		t.Fatal(err)
	}
	if len(d.MediaDescriptions) != 13 {
		t.Fatalf("%d m-lines", len(d.MediaDescriptions))
	}
	for i, m := range d.MediaDescriptions {
		if ufrag, _ := m.Attribute("ice-ufrag"); ufrag != "abcd" {
			t.Errorf("m-line %d has the ufrag %q", i, ufrag)
		}
		if _, ok := m.Attribute("recvonly"); !ok || (m.MediaName.Media == "audio") != (i < 4) {
			t.Errorf("m-line %d is %q, receiving %v", i, m.MediaName.Media, ok)
		}
	}
}

func TestClientsSeeTheFirstLineOfAnAnswer(t *testing.T) {
	got := firstLineOf("v=0\r\na=group:BUNDLE 0 1\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendonly\r\na=msid:a b\r\na=ssrc:1 cname:x\r\na=candidate:1\r\nm=video 9 X 96\r\na=mid:1\r\n")
	want := "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 X 111\r\na=mid:0\r\na=inactive\r\na=candidate:1\r\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
