package bots

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"conclave/bots/client"
	"conclave/bots/measure"
	"conclave/bots/report"
	"conclave/bots/scenario"
	"conclave/e2ee/group"
	"conclave/protocol"
)

// Share makes a run one of several that carry out a plan together, each in a process of its own. Bots are dealt out in
// turn: bot i belongs to run i modulo Of.
type Share struct {
	Index, Of int
	// Meetings are those of the plan, made beforehand: see Prepare.
	Meetings []MeetingKey
	// Clock is how the clock of this machine relates to the one that all runs share.
	Clock measure.Clock
	// Gate returns when all runs are at the point of that name. An error ends the run.
	Gate func(ctx context.Context, point string) error
	// Elsewhere returns what bots of the other runs publish, by meeting.
	Elsewhere func() []Published
	// Tell hears each second how this run stands, and what its bots publish.
	Tell func(*report.Live, []Published)
}

// The points at which the runs of a plan wait for each other, in order.
const (
	GateBegin = "begin" // before the first bot joins
	GateOpen  = "open"  // before the measured window
	GateQuiet = "quiet" // before the bots stop publishing
	GateLeave = "leave" // before they leave
)

// MeetingKey is a meeting that bots join. Link holds its key: never log it.
type MeetingKey struct {
	ID   string `json:"id"`
	Link string `json:"link,omitempty"` // empty without end-to-end encryption
	// Outside says that the meeting is of other people.
	Outside bool `json:"outside,omitempty"`
}

// Published counts the tracks that bots publish in one meeting.
type Published struct {
	Audio int `json:"audio"`
	Video int `json:"video"`
}

// check says what is wrong with a share of a plan.
func (s *Share) check(meetings, bots int) error {
	switch {
	case s == nil:
		return nil
	case s.Of < 1 || s.Index < 0 || s.Index >= s.Of || s.Of > bots:
		return fmt.Errorf("bots: share %d of %d of %d bots", s.Index, s.Of, bots)
	case len(s.Meetings) != meetings:
		return fmt.Errorf("bots: %d meetings for a plan of %d", len(s.Meetings), meetings)
	case s.Gate == nil || s.Elsewhere == nil || s.Tell == nil:
		return errors.New("bots: a share needs others")
	}
	return nil
}

// owns says whether bot number i is this run's.
func (r *runner) owns(i int) bool {
	s := r.cfg.Share
	return s == nil || i%s.Of == s.Index
}

// gate waits for the other runs of the plan; false if the run is to end.
func (r *runner) gate(ctx context.Context, point string) bool {
	if r.cfg.Share == nil {
		return true
	}
	return r.cfg.Share.Gate(ctx, point) == nil
}

// Prepared is what a plan needs before runs share it.
type Prepared struct {
	Config   *Config
	Meetings []MeetingKey
	SignedIn time.Duration
}

// Prepare checks the configuration, signs in, and makes the plan's meetings, or looks the one up that is to be joined.
// The errors are those of Run.
func Prepare(ctx context.Context, cfg Config) (*Prepared, error) {
	if cfg.Plan != nil && slices.ContainsFunc(cfg.Plan.Meetings, func(m scenario.PlannedMeeting) bool {
		return m.Lobby || m.Password
	}) {
		return nil, errOneMachine
	}
	r, err := begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer r.api.Client.CloseIdleConnections()
	p := &Prepared{Config: r.cfg, SignedIn: r.signed}
	for _, m := range r.meetings {
		key := MeetingKey{ID: string(m.id)}
		if m.link != nil {
			key.Link, key.Outside = m.link.String(), m.outside
		}
		p.Meetings = append(p.Meetings, key)
	}
	return p, nil
}

// errOneMachine keeps what lets people in on one machine.
var errOneMachine = errors.New("bots: a scenario with a waiting room or a password runs on one machine only")

// given takes over the meetings of a share.
func (r *runner) given() error {
	for _, key := range r.cfg.Share.Meetings {
		m := meeting{id: protocol.MeetingID(key.ID), outside: key.Outside, password: r.cfg.Password}
		if !m.id.Valid() {
			return errors.New("bots: a meeting id looks like k7qm-2f9x-w3dj-8hrt")
		}
		if key.Link != "" {
			link, err := group.ParseLink(key.Link)
			if err != nil {
				return fmt.Errorf("bots: %w", err)
			}
			m.link = &link
		}
		r.meetings = append(r.meetings, m)
	}
	return nil
}

// publishing counts what this run's bots have published since before, by meeting.
func (r *runner) publishing(places map[*client.Bot]int, before time.Time) []Published {
	all := make([]Published, len(r.meetings))
	for b, i := range places {
		t := tracksOf(b, before)
		all[r.places[i].bot.Meeting].Audio += t.Audio
		all[r.places[i].bot.Meeting].Video += t.Video
	}
	return all
}

// tracksOf counts what a bot has published since before.
func tracksOf(b *client.Bot, before time.Time) (t Published) {
	since, sources := b.Publishing()
	if since.After(before) {
		return t
	}
	for _, s := range sources {
		if s.Video() {
			t.Video++
		} else {
			t.Audio++
		}
	}
	return t
}

// Others keeps what the other runs of a plan last said that they publish. Safe for concurrent use.
type Others struct {
	mu   sync.Mutex
	list []Published
}

// Set takes over a list.
func (o *Others) Set(list []Published) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = list
}

// Get returns the last list; it must not be changed.
func (o *Others) Get() []Published {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.list
}

// clock is this machine's, compared with that of all runs of the plan.
func (r *runner) clock() (c measure.Clock) {
	if s := r.cfg.Share; s != nil {
		c = s.Clock
	}
	return c
}
