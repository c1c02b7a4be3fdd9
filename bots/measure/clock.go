package measure

import "time"

// Clock is how a machine's clock relates to another, which is the common one: Offset is what it shows more, Error how
// wrong that may be.
type Clock struct {
	Offset time.Duration `json:"offset_ns"`
	Error  time.Duration `json:"error_ns"`
	// Ahead is what the machine's clock is made to show more than it does, so that tests have several clocks.
	Ahead time.Duration `json:"-"`
}

// Shows returns what the machine's clock is taken to show at its time t.
func (c Clock) Shows(t time.Time) time.Time { return t.Add(c.Ahead) }

// Common returns what the common clock shows at this machine's time t.
func (c Clock) Common(t time.Time) time.Time { return c.Shows(t).Add(-c.Offset) }

// Exchange is one question for the time, by the clock of the one that asks (Sent and Received) and of the one that
// answers (Answered).
type Exchange struct{ Sent, Answered, Received time.Time }

// ClockOf returns the offset of the answering clock from the one that asked, by the exchange with the shortest round
// trip. The answer was given at some moment of it, so the error is at most half of it (RFC 5905, section 8). ok is
// false without an exchange.
func ClockOf(list []Exchange) (c Clock, ok bool) {
	var best time.Duration
	for _, x := range list {
		trip := x.Received.Sub(x.Sent)
		if trip < 0 || ok && trip >= best {
			continue
		}
		best, ok = trip, true
		c = Clock{Offset: x.Answered.Round(0).Sub(x.Sent.Round(0)) - trip/2, Error: trip / 2}
	}
	return c, ok
}
