package bots

import (
	"sync"
	"time"

	"conclave/protocol"
)

// crowd knows which bots of the run publish what. Safe for concurrent use.
type crowd struct {
	mu   sync.Mutex
	list map[protocol.Participant]crowdEntry // bounded by the number of bots
}

type crowdEntry struct {
	since   time.Time
	sources []protocol.Source
}

func newCrowd() *crowd { return &crowd{list: map[protocol.Participant]crowdEntry{}} }

func (c *crowd) publishing(id protocol.Participant, sources []protocol.Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list[id] = crowdEntry{time.Now(), sources}
}

func (c *crowd) gone(id protocol.Participant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.list, id)
}

// others counts the audio and video tracks that bots other than self have published since before.
func (c *crowd) others(self protocol.Participant, before time.Time) (audio, video int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, e := range c.list {
		if id == self || e.since.After(before) {
			continue
		}
		for _, s := range e.sources {
			if s == protocol.Camera || s == protocol.Screen {
				video++
			} else {
				audio++
			}
		}
	}
	return audio, video
}
