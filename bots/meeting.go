package bots

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"conclave/bots/client"
	"conclave/bots/clip"
	"conclave/e2ee"
	"conclave/protocol"
)

// meeting is one that bots join.
type meeting struct {
	id protocol.MeetingID
	// link is nil of a meeting without end-to-end encryption.
	link *e2ee.Link
	// clip is what its bots play.
	clip *clip.Clip
}

// signIn checks the token and the meeting, or makes meetings. What is wrong with either is an error before there is any
// load.
func (r *runner) signIn(ctx context.Context) error {
	at := time.Now()
	if err := r.api.SignIn(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	r.signed = time.Since(at)
	played, err := clip.Load()
	if err != nil {
		return err
	}
	if r.cfg.Meeting != "" {
		m := meeting{id: protocol.MeetingID(r.cfg.Meeting), link: r.cfg.link}
		if err := r.lookUp(ctx, &m); err != nil {
			return err
		}
		r.meetings = []meeting{m}
	} else if err := r.create(ctx); err != nil {
		return fmt.Errorf("create a meeting: %w", err)
	}
	for i := range r.meetings {
		m := &r.meetings[i]
		m.clip = played
		if r.cfg.Bench {
			m.clip = played.Bench(m.link != nil)
		}
	}
	return nil
}

// lookUp checks that a meeting is there, and that the bots can join it with what they were given.
func (r *runner) lookUp(ctx context.Context, m *meeting) error {
	info, err := r.api.Meeting(ctx, m.id)
	if err != nil {
		return fmt.Errorf("meeting %s: %w", m.id, err)
	}
	switch {
	case info.E2EE && m.link == nil:
		return errNeedsLink
	case !info.E2EE && m.link != nil:
		return client.ErrDowngrade
	case info.Password && r.cfg.Password == "":
		return errNeedsPassword
	}
	if info.Lobby && r.cfg.Progress != nil {
		_, _ = fmt.Fprintln(r.cfg.Progress, "The meeting has a waiting room: a host must admit the bots. "+
			"In the meeting, open People and choose \"Admit all\".")
	}
	return nil
}

var (
	errNeedsLink = errors.New("bots: the meeting is end-to-end encrypted: " +
		"give its whole address, in quotes; the part behind the # is its key")
	errNeedsPassword = errors.New("bots: the meeting has a password: give it with --meeting-password")
)

// maxWait bounds the time that a server may ask the bots to wait before they make another meeting.
const maxWait = time.Minute

// create makes the plan's meetings. Told to come back later, it does.
func (r *runner) create(ctx context.Context) error {
	for _, planned := range r.cfg.Plan.Meetings {
		id, err := r.api.CreateMeeting(ctx, "Bots", planned.E2EE)
		for refused := (*client.RefusedError)(nil); errors.As(err, &refused); {
			if refused.ID != protocol.ErrRateLimited || refused.RetryAfter > maxWait {
				break
			}
			wait(ctx, max(refused.RetryAfter, 500*time.Millisecond))
			id, err = r.api.CreateMeeting(ctx, "Bots", planned.E2EE)
		}
		if err != nil {
			return err //nolint:wrapcheck // the caller says what failed
		}
		m := meeting{id: id}
		if planned.E2EE {
			if m.link, err = newMeetingLink(); err != nil {
				return err
			}
		}
		r.meetings = append(r.meetings, m)
	}
	return nil
}

// newMeetingLink makes the key of a meeting whose creator does not join it.
func newMeetingLink() (*e2ee.Link, error) {
	creator, err := e2ee.NewIdentity(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bots: %w", err)
	}
	link, err := e2ee.NewLink(rand.Reader, creator.Public(), false)
	if err != nil {
		return nil, fmt.Errorf("bots: %w", err)
	}
	return &link, nil
}
