package scenario

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Scaled returns the scenario with so many times the meetings and the bots of each role, and with so many times the
// time. What there is one of stays one, what there are several of stays several, and a stage of over a second lasts a
// second at least. The scenario itself is unchanged.
func (s *Scenario) Scaled(factor, time float64) (*Scenario, error) {
	for _, f := range [...]float64{factor, time} {
		if !(f > 0 && f <= 100) {
			return nil, errors.New("the factor must be above 0 and at most 100")
		}
	}
	out := *s
	out.Meetings, out.Stages = nil, nil
	for _, m := range s.Meetings {
		roles := m.Roles
		m.Count, m.Roles = scaled(m.Count, factor), nil
		for _, r := range roles {
			if r.Count != nil {
				n := scaled(*r.Count, factor)
				r.Count = &n
			}
			m.Roles = append(m.Roles, r)
		}
		out.Meetings = append(out.Meetings, m)
	}
	for _, st := range s.Stages {
		st.Join, st.Leave = st.Join.scaled(factor), st.Leave.scaled(factor)
		st.Over, st.Hold, st.Churn = stretch(st.Over, time), stretch(st.Hold, time), stretch(st.Churn, time)
		out.Stages = append(out.Stages, st)
	}
	return &out, nil
}

// scaled leaves 0 and 1, which mean one.
func scaled(n int, factor float64) int {
	if n <= 1 {
		return n
	}
	return max(2, int(float64(n)*factor+0.5))
}

func stretch(d time.Duration, factor float64) time.Duration {
	if d <= time.Second {
		return d
	}
	return max(time.Second, time.Duration(float64(d)*factor))
}

// scaled scales a number; percentages and "all" are of what was scaled already.
func (s Share) scaled(factor float64) Share {
	n, err := strconv.Atoi(strings.TrimSpace(string(s)))
	if err != nil {
		return s
	}
	return Share(strconv.Itoa(scaled(n, factor)))
}
