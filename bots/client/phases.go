package client

import "time"

// Phases are the moments of a join; zero where it did not get so far.
type Phases struct {
	Start, Socket, Admitted, Answered, ICE, DTLS time.Time
	// Lobby is when the bot was told to wait to be let in; zero if it did not have to.
	Lobby time.Time
	// Group is when the bot could send in the group of an end-to-end encrypted meeting; zero in others.
	Group time.Time
}

// waited is how long the bot waited to be let in.
func (p *Phases) waited() time.Duration {
	if p.Lobby.IsZero() || p.Admitted.IsZero() {
		return 0
	}
	return p.Admitted.Sub(p.Lobby)
}

// end is when media may flow.
func (p *Phases) end() time.Time {
	if !p.DTLS.IsZero() && p.Group.After(p.DTLS) {
		return p.Group
	}
	return p.DTLS
}

// Durations puts the durations of a join into out, in ms: each phase's own, the total until media may flow, and from
// the start to the first packet and the first key frame. The wait to be let in is a phase of its own, and part of no
// other. Coming into the group goes on beside what follows the admission.
func (p *Phases) Durations(out map[string]float64, firstRTP, firstKey time.Time) {
	put := func(name string, from, to time.Time) {
		if !from.IsZero() && !to.IsZero() {
			out[name] = max(0, float64(to.Sub(from))/float64(time.Millisecond))
		}
	}
	put("socket", p.Start, p.Socket)
	waited := p.waited()
	if waited > 0 {
		out["lobby"] = float64(waited) / float64(time.Millisecond)
	}
	start := p.Start
	if !start.IsZero() {
		start = start.Add(waited)
	}
	put("admitted", p.Socket.Add(waited), p.Admitted)
	put("answer", p.Admitted, p.Answered)
	put("ice", p.Answered, p.ICE)
	put("dtls", p.ICE, p.DTLS)
	put("group", p.Admitted, p.Group)
	put("total", start, p.end())
	put("first_rtp", start, firstRTP)
	put("first_key_frame", start, firstKey)
}
