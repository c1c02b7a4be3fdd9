package meeting

import (
	"container/heap"
	"iter"
	"time"

	"conclave/media"
	"conclave/meeting/grouplog"
	"conclave/protocol"
)

// index finds seats without looking at all of them. Each of its lists has a seat from when it is put in until leave.
type index struct {
	waiting line // the lobby, in order of arrival; at most MaxParticipants
	inside  line // the meeting, in order of entering; at most MaxParticipants
	leaders set  // who may admit; the same may remove
	streams set  // at most maxStreamKeys

	measured set // whose connection's quality is known

	publishers [media.NumSources]set       // who has a source on
	persons    map[person]set              // the seats of each, lobby included
	devices    map[grouplog.Identity]*seat // of an encrypted meeting: who is inside
	due        deadlines                   // of seats
	undecided  int                         // of those who wait: who needs a decision
}

// comesIn notes that p is in the meeting. Of two with one identity key, of which one makes way, the later one counts.
func (s *state) comesIn(p *seat) {
	s.index.inside.push(p)
	s.leads(p)
	if p.identity.stream() {
		s.index.streams.put(p)
	}
	if s.e2ee {
		if s.index.devices == nil {
			s.index.devices = make(map[grouplog.Identity]*seat)
		}
		s.index.devices[p.deviceKey] = p
	}
}

// leads notes what the role of p has it hear.
func (s *state) leads(p *seat) {
	if p.may(protocol.MayAdmit) {
		s.index.leaders.put(p)
	} else {
		delete(s.index.leaders, p.id)
	}
}

// publishes notes what p has on.
func (s *state) publishes(p *seat, on media.SourceSet) {
	for source := range media.NumSources {
		if on.Has(source) {
			s.index.publishers[source].put(p)
		} else {
			delete(s.index.publishers[source], p.id)
		}
	}
}

// waits puts p into the lobby: before another, or at the end if that is nil.
func (s *state) waits(p, before *seat) {
	s.index.waiting.insert(p, before)
	s.index.undecided++
}

// approve notes that p is admitted while its socket is away.
func (s *state) approve(p *seat) {
	if !p.approved {
		p.approved = true
		s.index.undecided--
	}
}

// waitsNoMore takes p out of the lobby.
func (s *state) waitsNoMore(p *seat) {
	s.index.waiting.remove(p)
	if !p.approved {
		s.index.undecided--
	}
}

// goes takes p out of all lists.
func (s *state) goes(p *seat) {
	delete(s.seats, p.id)
	delete(s.resumes, p.resume)
	delete(s.resumes, p.resumeBefore)
	who := p.identity.person()
	if delete(s.index.persons[who], p.id); len(s.index.persons[who]) == 0 {
		delete(s.index.persons, who)
	}
	s.index.due.remove(p)
	if p.role == noRole {
		s.waitsNoMore(p)
		return
	}
	s.index.inside.remove(p)
	delete(s.index.leaders, p.id)
	delete(s.index.streams, p.id)
	delete(s.index.measured, p.id)
	s.publishes(p, 0)
	if s.index.devices[p.deviceKey] == p {
		delete(s.index.devices, p.deviceKey)
	}
}

// set is a set of seats.
type set map[media.ParticipantID]*seat

func (s *set) put(p *seat) {
	if *s == nil {
		*s = make(set)
	}
	(*s)[p.id] = p
}

// line is a queue of seats. A seat is in one line at most. All methods but all take constant time.
type line struct {
	first, last *seat
	len         int
}

// links are a seat's neighbours in its line.
type links struct{ before, after *seat }

// push puts p at the end.
func (l *line) push(p *seat) { l.insert(p, nil) }

// insert puts p before q, or at the end if that is nil.
func (l *line) insert(p, q *seat) {
	p.links = links{before: l.last, after: q}
	if q != nil {
		p.links.before = q.links.before
	}
	*l.from(p.links.before), *l.to(q) = p, p
	l.len++
}

func (l *line) remove(p *seat) {
	*l.from(p.links.before), *l.to(p.links.after) = p.links.after, p.links.before
	p.links = links{}
	l.len--
}

// from is where what follows p is kept, and to where what p follows is.
func (l *line) from(p *seat) **seat {
	if p == nil {
		return &l.first
	}
	return &p.links.after
}

func (l *line) to(p *seat) **seat {
	if p == nil {
		return &l.last
	}
	return &p.links.before
}

// all yields the seats in order. The one that was yielded last may be removed meanwhile.
func (l *line) all() iter.Seq[*seat] {
	return func(yield func(*seat) bool) {
		for p := l.first; p != nil; {
			next := p.links.after
			if !yield(p) {
				return
			}
			p = next
		}
	}
}

// deadlines is a heap (container/heap) of seats by the time at which to look at them next.
type deadlines []*seat

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].duePlace, d[j].duePlace = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	if p, ok := x.(*seat); ok {
		p.duePlace = len(*d)
		*d = append(*d, p)
	}
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	p := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return p
}

// set has p looked at by at.
func (d *deadlines) set(p *seat, at time.Time) {
	switch {
	case p.due.IsZero():
		p.due = at
		heap.Push(d, p)
	case at.Before(p.due):
		p.due = at
		heap.Fix(d, p.duePlace)
	}
}

func (d *deadlines) remove(p *seat) {
	if !p.due.IsZero() {
		heap.Remove(d, p.duePlace)
		p.due = time.Time{}
	}
}

// next is when a seat is to be looked at; zero for never.
func (d deadlines) next() time.Time {
	if len(d) == 0 {
		return time.Time{}
	}
	return d[0].due
}
