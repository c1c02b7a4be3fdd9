package client

import "time"

// Phases are the moments of a join; zero where it did not get so far.
type Phases struct {
	Start, Socket, Admitted, Answered, ICE, DTLS time.Time
	// Lobby says that the bot had to wait to be let in.
	Lobby bool
}

// Durations puts the durations of a join into out, in ms: each phase's own, the total until media may flow, and from
// the start to the first packet and the first key frame.
func (p *Phases) Durations(out map[string]float64, firstRTP, firstKey time.Time) {
	put := func(name string, from, to time.Time) {
		if !from.IsZero() && !to.IsZero() {
			out[name] = max(0, float64(to.Sub(from))/float64(time.Millisecond))
		}
	}
	put("socket", p.Start, p.Socket)
	put("admitted", p.Socket, p.Admitted)
	put("answer", p.Admitted, p.Answered)
	put("ice", p.Answered, p.ICE)
	put("dtls", p.ICE, p.DTLS)
	put("total", p.Start, p.DTLS)
	put("first_rtp", p.Start, firstRTP)
	put("first_key_frame", p.Start, firstKey)
}
