package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Meetings and People name what Sized varies; the name of a role varies that role only.
const (
	Meetings = "meetings"
	People   = "people"
)

// Varies returns what grows with a scenario if nothing else is said: the number of meetings if there are several of a
// kind, else the people.
func (s *Scenario) Varies() string {
	if slices.ContainsFunc(s.Meetings, func(m Meeting) bool { return m.Count > 1 }) {
		return Meetings
	}
	return People
}

// Size returns how many of what varies there are: meetings of kinds with a count above 1, or bots in roles with one, in
// one meeting of each kind.
func (s *Scenario) Size(vary string) (n int) {
	for _, c := range s.counts(vary) {
		n += *c
	}
	return n
}

// Sized returns the scenario with n of what varies, divided as in the scenario. What there is one of stays one. Joins
// take longer or shorter in proportion to the bots, so that as many join each second. The scenario itself is unchanged.
func (s *Scenario) Sized(vary string, n int) (*Scenario, error) {
	out := s.clone()
	counts := out.counts(vary)
	switch {
	case len(counts) == 0:
		return nil, fmt.Errorf("there is nothing to vary: no %s with a count above 1", vary)
	case n < 1:
		return nil, errors.New("the size must be at least 1")
	}
	before := out.bots()
	divide(counts, n)
	out.resizeStages(float64(out.bots()) / float64(max(1, before)))
	return out, nil
}

// resizeStages adapts the stages to so many times the bots: the numbers of those that join and leave, and the time that
// joins take.
func (s *Scenario) resizeStages(growth float64) {
	left := s.bots() // to join
	for i := range s.Stages {
		st := &s.Stages[i]
		st.Leave = st.Leave.scaled(growth)
		if st.Join == "" {
			continue
		}
		st.Over = time.Duration(float64(st.Over) * growth)
		n, err := st.Join.scaled(growth).of(s.bots())
		if err != nil {
			n = left // a number that was rounded up, or no number: Plan will say so
		}
		if _, isNumber := strconv.Atoi(string(st.Join)); isNumber == nil {
			n = min(n, left-s.joinsAfter(i)) // one at least for each that follows
			st.Join = Share(strconv.Itoa(n))
		}
		left -= n
	}
}

// joinsAfter counts the stages behind number i in which bots join.
func (s *Scenario) joinsAfter(i int) (n int) {
	for _, st := range s.Stages[i+1:] {
		if st.Join != "" {
			n++
		}
	}
	return n
}

// clone copies what Sized changes.
func (s *Scenario) clone() *Scenario {
	out := *s
	out.Meetings, out.Stages = slices.Clone(s.Meetings), slices.Clone(s.Stages)
	for i := range out.Meetings {
		m := &out.Meetings[i]
		m.Roles = slices.Clone(m.Roles)
		for j := range m.Roles {
			if c := m.Roles[j].Count; c != nil {
				n := *c
				m.Roles[j].Count = &n
			}
		}
	}
	return &out
}

// counts are the numbers that vary.
func (s *Scenario) counts(vary string) (list []*int) {
	for i := range s.Meetings {
		m := &s.Meetings[i]
		if vary == Meetings {
			if m.Count > 1 {
				list = append(list, &m.Count)
			}
			continue
		}
		for j := range m.Roles {
			if r := &m.Roles[j]; r.Count != nil && *r.Count > 1 && (vary == People || vary == r.Role) {
				list = append(list, r.Count)
			}
		}
	}
	return list
}

// bots is how many bots there are in all.
func (s *Scenario) bots() (n int) {
	for i := range s.Meetings {
		m, in := &s.Meetings[i], 0
		for j := range m.Roles {
			if c := m.Roles[j].Count; c != nil {
				in += *c
			} else {
				in++
			}
		}
		n += in * max(1, m.Count)
	}
	return n
}

// divide gives each of counts its part of n, at least 1, by the largest remainder.
func divide(counts []*int, n int) {
	before := 0
	for _, c := range counts {
		before += *c
	}
	type rest struct {
		count *int
		part  int // of n*count/before, what is left over
	}
	left := n
	rests := make([]rest, 0, len(counts))
	for _, c := range counts {
		whole, over := n**c/before, n**c%before
		*c = max(1, whole)
		left -= *c
		rests = append(rests, rest{c, over})
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return b.part - a.part })
	for i := 0; i < len(rests) && left > 0; i++ {
		*rests[i].count++
		left--
	}
}

// Holding returns the scenario with each hold as long as d.
func (s *Scenario) Holding(d time.Duration) *Scenario {
	out := s.clone()
	for i := range out.Stages {
		if out.Stages[i].Hold != 0 {
			out.Stages[i].Hold = d
		}
	}
	return out
}
