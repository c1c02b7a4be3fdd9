package group

import "slices"

// People is everybody in the group, by leaf.
func (s *Session) People() []Person {
	if s.phase != inside {
		return nil
	}
	pub := s.cur.public
	list := make([]Person, 0, pub.members)
	for i, key := range pub.leaves {
		seat := pub.seats[i]
		if seat == nil {
			continue
		}
		l := s.watch.losses[key]
		p := Person{
			Key: key, Leaf: uint32(i), Name: s.root.openName(key, seat.name), Role: pub.roles[i], Bot: seat.bot,
			Self: key == s.self, Heir: slices.Index(pub.heirs, key) + 1,
			Signed: key == s.self || s.watch.signed[key], Leaving: l != nil, Seat: s.seat[key],
		}
		if info, here := s.seats[p.Seat]; here {
			p.Connected, p.Bot = info.connected, p.Bot || info.bot
		}
		list = append(list, p)
	}
	return list
}

// Status is where a session stands.
type Status struct {
	Inside    bool // it is in the group
	Confirmed bool // and a host has confirmed it, or no host can
	Stuck     bool // it could not follow, and comes back
	Over      bool // it has left, was removed, or another device took over
	Epoch     uint64
	Position  uint64 // of the log
	Lobby     bool
	Role      Role
}

// Status says where the session stands.
func (s *Session) Status() Status {
	st := Status{Stuck: s.phase == stuck, Over: s.phase == finished, Position: s.position}
	if s.phase == inside {
		st.Inside, st.Confirmed = true, s.sure
		st.Epoch, st.Lobby, st.Role = s.cur.public.epoch, s.cur.public.meeting.lobby, s.ownRole()
	}
	return st
}
