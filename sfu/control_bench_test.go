package sfu

import (
	"fmt"
	"testing"
	"time"

	"conclave/media"
)

// scenario is what people do; each is called once before every tick, step by step.
type hallScenario struct {
	name  string
	begin func(h *hall)
	step  func(h *hall, step int)
}

// hallScenarios are what control is measured with: idle, a usual large meeting, and what is meant to hurt.
func hallScenarios() []hallScenario {
	open := func(h *hall) {
		for i := range h.people {
			h.live(i, media.Mic)
		}
		h.settle()
	}
	speakers := func(h *hall) {
		for i := range min(10, len(h.people)) {
			h.live(i, media.Mic, media.Camera)
		}
		h.settle()
		h.watch(9)
		h.run(100 * time.Millisecond)
		h.shows(0, 1, 2, 3, 4, 5, 6, 7, 8)
	}
	return []hallScenario{
		{"idle", func(*hall) {}, func(*hall, int) {}},
		{"10 speakers and cameras", speakers, func(h *hall, step int) {
			for i := range min(10, len(h.people)) {
				level := uint8(90)
				if (step/100+i)%5 == 0 { // two of them speak, for two seconds
					level = 30
				}
				h.says(i, level)
				h.films(i)
			}
		}},
		{"all microphones open", open, func(h *hall, step int) {
			for i := range h.people {
				level := uint8(60 + i%10)
				if i == step/100%len(h.people) {
					level = 20
				}
				h.says(i, level)
			}
		}},
		{"all microphones flap", open, func(h *hall, step int) { // each on or off twice a second
			for i := range h.people {
				if (i+step)%25 == 0 {
					if (i+step)/25%2 == 0 {
						h.live(i, media.Mic)
					} else {
						h.live(i)
					}
				}
				h.says(i, uint8(30+i%40))
			}
			h.settle()
		}},
		{"levels flap", open, func(h *hall, step int) { // who is loudest changes every 100 ms
			for i := range h.people {
				level := uint8(80)
				if (i+step/5)%7 == 0 {
					level = 10
				}
				h.says(i, level)
			}
		}},
		{"50 flood views", speakers, func(h *hall, step int) { // ten a second each, of all there is
			for i := range min(10, len(h.people)) {
				h.says(i, 60)
				h.films(i)
			}
			for i := range min(50, len(h.people)) {
				if (i+step)%5 == 0 {
					wants := make([]media.Want, 0, maxWants)
					for j := range min(maxWants, len(h.people)) {
						wants = append(wants, media.Want{Participant: media.ParticipantID((i+j+step)%len(h.people) + 1),
							Source: media.Camera, Height: 180 << (step % 3)})
					}
					h.people[i].peer.SetView(wants)
				}
			}
			h.settle()
		}},
	}
}

// BenchmarkControl measures what control costs: CPU time for each participant and second, and the longest turn. Time is
// virtual, so that nothing but control is measured: one iteration is a second of a meeting.
func BenchmarkControl(b *testing.B) {
	for _, s := range hallScenarios() {
		for _, people := range []int{10, 100, 300, 1000} {
			b.Run(fmt.Sprintf("%s/people=%d", s.name, people), func(b *testing.B) {
				h := newHall(b, people)
				s.begin(h)
				for step := range 50 {
					s.step(h, step)
					h.tick()
				}
				h.spent, h.longst = 0, 0
				b.ResetTimer()
				for i := range b.N {
					for step := range int(time.Second / tick) {
						s.step(h, 50*(i+1)+step)
						h.tick()
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(h.spent.Nanoseconds())/float64(b.N*people), "ns/participant-second")
				b.ReportMetric(float64(h.longst.Microseconds())/1000, "ms-longest")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
