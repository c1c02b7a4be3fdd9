package signaling

import (
	"context"
	"time"

	"conclave/auth"
	"conclave/meeting"
)

// guess is one try of a secret: who, from where, at which meeting.
type guess struct {
	person  auth.Person
	client  auth.ClientIP
	meeting meeting.ID
}

// personAt is what a person's guesses are counted by.
type personAt struct {
	person  auth.Person
	meeting meeting.ID
}

func (g guess) personAt() personAt { return personAt{g.person, g.meeting} }

// Those behind one network may be wrong so many times as often as one person: one of them who guesses does not refuse
// the rest.
const peoplePerNetwork = 3

// The wrong guesses of all at a meeting refuse none: beyond so many times one person's limit in a minute, each of
// them makes strangers wait a little longer before theirs is looked at.
const (
	calmGuesses  = 2
	guessDelay   = 100 * time.Millisecond
	longestDelay = 8 * time.Second
	knownFor     = 24 * time.Hour // how long a person who gave the right secret is no stranger
)

// guesses limits wrong secrets of meetings by person and by network. Safe for concurrent use; takes the time as an
// argument, but for the delay, which is spent.
type guesses struct {
	perPerson int
	people    *auth.Limiter[personAt]
	networks  *auth.NetworkLimiter[meeting.ID]
	all       *auth.Limiter[meeting.ID] // counts as far as the delay grows
	known     *auth.Limiter[personAt]   // who gave the right secret
	byPerson  serializer[personAt]
	byNetwork serializer[attempt]
}

func newGuesses(perPerson, maxKeys int) guesses {
	limit := func(n int, window time.Duration) auth.LimiterConfig {
		return auth.LimiterConfig{Limit: n, Window: window, MaxKeys: maxKeys}
	}
	return guesses{
		perPerson: perPerson,
		people:    auth.NewLimiter[personAt](limit(perPerson, time.Minute)),
		networks:  auth.NewNetworkLimiter[meeting.ID](limit(peoplePerNetwork*perPerson, time.Minute)),
		all:       auth.NewLimiter[meeting.ID](limit(calmGuesses*perPerson+int(longestDelay/guessDelay), time.Minute)),
		known:     auth.NewLimiter[personAt](limit(1, knownFor)),
	}
}

// turn waits until g may be looked at, and returns what passes the turn on. Those of one person take turns, and so do
// those of one network, so that each wrong one is counted before the next is looked at: a hundred in parallel count
// as a hundred. A stranger's delay is spent before the network's turn, where it holds up no neighbour. It fails only
// when ctx ends.
func (l *guesses) turn(ctx context.Context, g guess, now func() time.Time) (done func(), err error) {
	own, err := l.byPerson.take(ctx, g.personAt())
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, l.delay(now(), g)); err != nil {
		own()
		return nil, err
	}
	network, err := l.byNetwork.take(ctx, attempt{g.client, g.meeting})
	if err != nil {
		own()
		return nil, err
	}
	return func() { network(); own() }, nil
}

// wait is positive if g's person or network was wrong too often.
func (l *guesses) wait(now time.Time, g guess) (wait time.Duration) {
	if ok, w := l.people.Check(now, g.personAt()); !ok {
		wait = w
	}
	if ok, w := l.networks.Check(now, g.client, g.meeting); !ok {
		wait = max(wait, w)
	}
	return wait
}

// delay is how long a stranger waits, since others were wrong at this meeting.
func (l *guesses) delay(now time.Time, g guess) time.Duration {
	if l.known.Count(now, g.personAt()) > 0 {
		return 0
	}
	beyond := l.all.Count(now, g.meeting) - calmGuesses*l.perPerson
	return min(time.Duration(max(beyond, 0))*guessDelay, longestDelay)
}

// wrong counts a wrong guess.
func (l *guesses) wrong(now time.Time, g guess) {
	l.people.Take(now, g.personAt())
	l.networks.Take(now, g.client, g.meeting)
	l.all.Take(now, g.meeting)
}

// right remembers a person who knew the secret.
func (l *guesses) right(now time.Time, g guess) { l.known.Take(now, g.personAt()) }

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the caller's own
	}
}
