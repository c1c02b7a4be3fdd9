package grouplog

import (
	"slices"

	"conclave/protocol"
)

// index finds seats without looking at all of them.
type index struct {
	members map[protocol.Participant]*seat // those with claims
	keys    map[Identity][]*seat           // by identity key: a few each

	asked, mayBeAsked tally // to found; those with a socket
}

// tally counts seats.
type tally struct{ seats, persons int }

func newIndex() index {
	return index{members: make(map[protocol.Participant]*seat), keys: make(map[Identity][]*seat)}
}

// drop forgets a seat that has ended.
func (x *index) drop(s *seat) {
	delete(x.members, s.Seat)
	x.keys[s.Key] = slices.DeleteFunc(x.keys[s.Key], func(o *seat) bool { return o == s })
	if len(x.keys[s.Key]) == 0 {
		delete(x.keys, s.Key)
	}
}

// count counts s among those who were asked to found the group, or may be. by is 1, and before it changes -1.
func (l *Log) count(s *seat, by int) {
	t := &l.index.asked
	switch {
	case l.mayBeAsked(s):
		t = &l.index.mayBeAsked
	case !s.asked || !s.connected:
		return
	}
	t.seats += by
	if !s.Bot {
		t.persons += by
	}
}
