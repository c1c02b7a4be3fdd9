package sfu

import (
	"sync/atomic"

	"conclave/media"
	"conclave/sfu/transport"
)

// troubles counts connections that failed or are stuck on their way up, by cause. Safe for concurrent use.
type troubles map[trouble]*atomic.Uint64

type trouble struct {
	kind  media.EventKind
	cause transport.Cause
}

func newTroubles() troubles {
	t := troubles{}
	for _, kind := range []media.EventKind{media.EventFailed, media.EventStuck} {
		for _, cause := range transport.Causes() {
			t[trouble{kind, cause}] = new(atomic.Uint64)
		}
	}
	return t
}

func (t troubles) count(kind media.EventKind, cause transport.Cause) {
	if n := t[trouble{kind, cause}]; n != nil {
		n.Add(1)
	}
}
