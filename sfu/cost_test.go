package sfu

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"conclave/media"
)

// minus is what was looked at since before.
func (w work) minus(before work) (since work) {
	now, then, out := reflect.ValueOf(w), reflect.ValueOf(before), reflect.ValueOf(&since).Elem()
	for i := range out.NumField() {
		out.Field(i).SetInt(now.Field(i).Int() - then.Field(i).Int())
	}
	return since
}

// costs is what control looks at in a second of a scenario, after one to get under way.
func (h *hall) costs(s *hallScenario) work {
	s.begin(h)
	var before work
	for step := range 100 {
		if step == 50 {
			before = h.work()
		}
		s.step(h, step)
		h.tick()
	}
	return h.work().minus(before)
}

func (h *hall) work() work {
	h.room.Room.mu.Lock()
	defer h.room.Room.mu.Unlock()
	return h.room.work
}

// The costs of control, counted. In a second, n people cost at most so much, whatever they do:
//   - a look at each once, at the slots of each for each change of who is heard, and at those who publish ten times;
//   - a look at each microphone's level as often as it is heard;
//   - reconciling for those whose view changed, and for nobody else.
func TestControlCostsWhatHasChanged(t *testing.T) {
	people := []int{10, 100, 300, 1000}
	if testing.Short() {
		people = people[:3]
	}
	const changes = int(time.Second/paceEvery) + paceBurst // of who is heard, at most
	for _, s := range hallScenarios() {
		for _, n := range people {
			t.Run(fmt.Sprintf("%s/people=%d", s.name, n), func(t *testing.T) {
				h := newHall(t, n)
				got := h.costs(&s)
				most := work{Looks: n, Publishers: 10 * n} // once a second; ten times a second
				audible := 50 * (hallAudio + 2)            // repairs of those who are heard, at every tick
				switch s.name {
				case "idle":
				case "10 speakers and cameras":
					most.Levels, most.Audio, most.Publishers = 50*10, 4*n, most.Publishers+audible+50*10
					most.Video, most.Allocations, most.Looks = 2*n, 2*n, 2*n // a camera's rates are known better after a while
					most.Demands = 10 * 10
				case "all microphones open":
					most.Levels, most.Audio, most.Publishers = 50*n, n, most.Publishers+audible
				default:
					flooding := 10 * min(n, 50)
					most.Levels, most.Audio, most.Publishers = 50*n, changes*n+50*2*(hallAudio+2), most.Publishers+audible+50*10
					most.Video, most.Allocations = n+2*flooding, 2*n+4*flooding
					most.Looks, most.Demands, most.Freed = 11*n+200, 50*10, changes*hallAudio*n
				}
				if s.name == "levels flap" {
					most.Freed = 0
				}
				v, limit := reflect.ValueOf(got), reflect.ValueOf(most)
				for i := range v.NumField() {
					if v.Field(i).Int() > limit.Field(i).Int() {
						t.Errorf("%s: %d, at most %d", v.Type().Field(i).Name, v.Field(i).Int(), limit.Field(i).Int())
					}
				}
				t.Logf("%+v", got)
			})
		}
	}
}

// A join, a hand at the microphone and a leave of one who is not heard cost the same with ten people and with a
// thousand.
func TestOneAmongManyCostsLittle(t *testing.T) {
	people := []int{10, 100, 300, 1000}
	if testing.Short() {
		people = people[:3]
	}
	for _, n := range people {
		t.Run(fmt.Sprintf("people=%d", n), func(t *testing.T) {
			h := newHall(t, n)
			for i := range 9 {
				h.live(i, media.Mic, media.Camera)
			}
			h.settle()
			h.watch(9)
			h.run(100 * time.Millisecond)
			h.shows(0, 1, 2, 3, 4, 5, 6, 7, 8)
			speak := func(d time.Duration) {
				for end := h.now.Add(d); h.now.Before(end); {
					for i := range 9 {
						h.says(i, 30)
						h.films(i)
					}
					h.tick()
				}
			}
			speak(5 * time.Second)
			before := h.work()
			one := h.join()
			one.peer.SetView(wantsOf(1, 2, 3))
			h.settle()
			speak(100 * time.Millisecond)
			for range 3 {
				h.live(n, media.Mic)
				h.settle()
				speak(20 * time.Millisecond)
				h.live(n)
				h.settle()
			}
			one.peer.Close(0)
			h.settle()
			speak(100 * time.Millisecond)
			cost := h.work().minus(before)
			t.Logf("%+v", cost)
			if changed := cost.Audio + cost.Video + cost.Allocations + cost.Freed; changed > 40 {
				t.Errorf("%d viewers and slots were touched: %+v", changed, cost)
			}
		})
	}
}
