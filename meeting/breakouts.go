package meeting

import (
	"context"
	"fmt"
	"slices"
	"time"

	"conclave/protocol"
)

// Breakout rooms are further meetings of a meeting. Participants of the meeting enter those whose address they were
// told, past lobby, lock and password, guests too; no one else does, even with the address. Rooms end with their
// meeting, and a participant who leaves it leaves its rooms.

// maxBreakouts is how many rooms a meeting has at once: the bound of OpenBreakouts.
const maxBreakouts = 20

// Empty rooms cost nothing to keep, so that they are bounded apart from meetings: those of one person, over all their
// meetings, and those of all, which are this part of MaxMeetings. Meetings always have the rest.
const (
	breakoutsPerPerson = 2 * maxBreakouts
	breakoutsPart      = 4
)

// openBreakouts says whether p may open rooms, and whose they are. Rooms have no rooms, and a confidential meeting has
// none, since each of its participants is to be seen by all.
func (s *state) openBreakouts(p *seat) error {
	if s.parent != (ID{}) || s.confidential || p.identity.guest() {
		return ErrNotPermitted
	}
	return nil
}

// OpenBreakouts makes rooms of the seat's meeting; those that it had end. They are its participant's, as the meeting is
// its creator's. ctx bounds the wait.
func (s *Seat) OpenBreakouts(ctx context.Context, m *protocol.OpenBreakouts) ([]ID, error) {
	a := s.actor
	host, err := ask(ctx, a, s.id, func(now time.Time) (Identity, error) {
		if err := a.state.request(now, s.id, s.sink, m, newToken); err != nil {
			return Identity{}, err
		}
		return a.state.seats[s.id].identity, nil
	})
	if err != nil {
		return nil, err
	}
	return a.deps.openBreakouts(ctx, a, host, m.Count)
}

// openBreakouts makes n rooms of a meeting.
func (r *Registry) openBreakouts(ctx context.Context, parent *actor, host Identity, n int) ([]ID, error) {
	of, now := parent.state.meta, r.deps.cfg.Now() // what is read of meta never changes
	n = min(n, maxBreakouts)
	if err := r.breakoutsFit(parent, host.person(), n); err != nil { // before it is recorded
		return nil, err
	}
	rooms := make([]meta, n)
	for i := range rooms {
		rooms[i] = meta{
			id: newID(), parent: of.id, title: of.title, creator: host.person(), policy: protocol.WhenKeep, e2ee: of.e2ee,
			privateAudio: of.privateAudio, created: now, expires: of.expires,
		}
		if of.e2ee {
			rooms[i].groupKey = groupKey()
		}
		if err := r.recordCreation(ctx, rooms[i], host); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.breakoutRoom(parent, host.person(), n); err != nil {
		return nil, err
	}
	r.endBreakouts(parent)
	ids := make([]ID, n)
	for i, m := range rooms {
		if _, taken := r.meetings[m.id]; taken {
			return nil, fmt.Errorf("%w: two meetings got one id", ErrInternal) // once in 2^80
		}
		room := newActor(&r.deps, parent, m, false, passwordHash{})
		r.meetings[m.id] = room
		r.breakouts[parent] = append(r.breakouts[parent], room)
		r.stats.created.Add(1)
		ids[i] = m.id
	}
	return ids, nil
}

func (r *Registry) breakoutsFit(parent *actor, host person, n int) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.breakoutRoom(parent, host, n)
}

// breakoutRoom says whether n rooms fit instead of those that a meeting has. A meeting that stays here while a newer
// version of the server takes the new ones has its rooms here. The lock is held.
func (r *Registry) breakoutRoom(parent *actor, host person, n int) error {
	all, theirs := n, n
	for of, rooms := range r.breakouts {
		if of == parent {
			continue
		}
		all += len(rooms)
		for _, room := range rooms {
			if room.state.creator == host { // which never changes
				theirs++
			}
		}
	}
	switch limit := r.deps.cfg.MaxMeetings; {
	case r.meetings[parent.id] != parent:
		return ErrNoSuchMeeting
	case r.ending, len(r.meetings)+n > limit, all > limit/breakoutsPart:
		return ErrServerFull
	case theirs > breakoutsPerPerson:
		return ErrTooManyBreakouts
	}
	return nil
}

// endBreakouts ends the rooms of a meeting. The lock is held.
func (r *Registry) endBreakouts(parent *actor) {
	for _, room := range r.breakouts[parent] {
		room.finish(protocol.ByeEnded)
	}
	delete(r.breakouts, parent)
}

// closeBreakouts ends the rooms of a meeting.
func (r *Registry) closeBreakouts(parent *actor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endBreakouts(parent)
}

// breakoutGone forgets a room that has ended. The lock is held.
func (r *Registry) breakoutGone(room *actor) {
	r.breakouts[room.parent] = slices.DeleteFunc(r.breakouts[room.parent], func(a *actor) bool { return a == room })
	if len(r.breakouts[room.parent]) == 0 {
		delete(r.breakouts, room.parent)
	}
}

// leaveBreakouts has a person who left a meeting leave its rooms. It does not block.
func (r *Registry) leaveBreakouts(parent *actor, who person) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, room := range r.breakouts[parent] {
		room.insist(job{run: func(now time.Time) { room.state.evict(now, who) }})
	}
}

// mayEnterBreakout says whether a person is in the meeting whose room it is.
func (a *actor) mayEnterBreakout(ctx context.Context, who Identity) bool {
	in, err := ask(ctx, a.parent, 0, func(time.Time) (bool, error) { return a.parent.state.isHere(who.person()), nil })
	return err == nil && in
}

// stillMayEnter asks again once there is a seat in a room: who left the meeting between the first question and the seat
// has it not. From then on leaveBreakouts takes it.
func (s *Seat) stillMayEnter(ctx context.Context, j Join) (*Seat, error) {
	a := s.actor
	if a.parent == nil || a.mayEnterBreakout(ctx, j.Identity) {
		return s, nil
	}
	a.insist(job{seat: s.id, run: func(now time.Time) { a.state.abandon(now, j.Identity.person(), j.Sink) }})
	return nil, ErrNoSuchMeeting
}

// isHere says whether a person has a seat past the lobby.
func (s *state) isHere(who person) bool { return s.here[who] > 0 }

// evict takes all seats of a person.
func (s *state) evict(now time.Time, who person) {
	for _, p := range s.index.persons[who] {
		s.looked++
		s.leave(now, p, protocol.LeftLost, protocol.ByeLeft)
	}
}
