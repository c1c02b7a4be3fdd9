package bots

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"conclave/bots/client"
	"conclave/bots/clip"
	"conclave/bots/scenario"
	"conclave/bots/speech"
	"conclave/e2ee/group"
	"conclave/protocol"
)

// meeting is one that bots join.
type meeting struct {
	id protocol.MeetingID
	// link is nil of a meeting without end-to-end encryption, and so is root, which all its bots share.
	link  *group.Link
	root  *group.Root
	turns *group.Turns
	// outside says that the meeting is encrypted and of other people: bots are no members of its group.
	outside bool
	// creator is the key that makes all bots but guests hosts, in an encrypted meeting with a waiting room of our own.
	creator *group.Identity
	// password is what the server is given; empty: none.
	password string
}

// signIn checks the token and the meeting, or makes meetings. What is wrong with either is an error before there is any
// load.
func (r *runner) signIn(ctx context.Context) error {
	at := time.Now()
	session, err := r.api.SignIn(ctx)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if err := mayRun(r.cfg.Plan, r.api.Loopback() || session.MayAttack); err != nil {
		return err
	}
	if slices.ContainsFunc(r.cfg.Plan.Bots, func(b scenario.Bot) bool { return b.Guest }) {
		r.guests = r.api.Guest()
		if _, err := r.guests.SignIn(ctx); err != nil {
			return fmt.Errorf("sign in as a guest: %w", err)
		}
	}
	r.signed = time.Since(at)
	if r.cfg.Share != nil {
		if err := r.given(); err != nil {
			return err
		}
	} else if r.cfg.Meeting != "" {
		m := meeting{
			id: protocol.MeetingID(r.cfg.Meeting), link: r.cfg.link, outside: r.cfg.link != nil, password: r.cfg.Password,
		}
		if err := r.lookUp(ctx, &m); err != nil {
			return err
		}
		r.meetings = []meeting{m}
	} else if err := r.create(ctx); err != nil {
		return fmt.Errorf("create a meeting: %w", err)
	}
	for i := range r.meetings {
		if err := r.meetings[i].makeRoot(r.cfg.Password); err != nil {
			return err
		}
	}
	r.talk()
	return r.loadClips()
}

// talk has the people of some meetings take turns in speaking. All runs of a plan hear the same conversation.
func (r *runner) talk() {
	r.conversations = make([]*speech.Conversation, len(r.meetings))
	for i := range r.cfg.Plan.Bots {
		b := &r.cfg.Plan.Bots[i]
		if m := b.Meeting; r.cfg.Plan.Meetings[m].Conversation && r.conversations[m] == nil {
			r.conversations[m] = speech.New(uint64(m), b.Speakers)
		}
	}
}

// playing tells what a bot plays from what others do.
type playing struct {
	codec  string
	sealed bool
}

// loadClips loads what the bots play.
func (r *runner) loadClips() error {
	r.clips = map[playing]*clip.Clip{}
	for i := range r.cfg.Plan.Bots {
		key := r.plays(&r.cfg.Plan.Bots[i])
		if r.clips[key] != nil {
			continue
		}
		codec, ok := clip.Codec(key.codec)
		if !ok {
			return fmt.Errorf("bots: there is no clip in the codec %q", key.codec)
		}
		c, err := clip.Load(codec)
		if err != nil {
			return err //nolint:wrapcheck // says what is wrong
		}
		if r.cfg.Bench {
			c = c.Bench(key.sealed, r.cfg.Uneven)
		}
		r.clips[key] = c
	}
	return nil
}

func (r *runner) plays(b *scenario.Bot) playing {
	return playing{b.Codec, r.meetings[b.Meeting].link != nil}
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
	if m.outside && r.cfg.Progress != nil {
		_, _ = fmt.Fprintln(r.cfg.Progress, "The meeting is end-to-end encrypted, and the bots are no members of its group. "+
			"They wait for people's consent: until then they hear and send nothing.")
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
		m, err := r.createOne(ctx, planned)
		for refused := (*client.RefusedError)(nil); errors.As(err, &refused); {
			if refused.ID != protocol.ErrRateLimited || refused.RetryAfter > maxWait {
				break
			}
			wait(ctx, max(refused.RetryAfter, 500*time.Millisecond))
			m, err = r.createOne(ctx, planned)
		}
		if err != nil {
			return err
		}
		r.meetings = append(r.meetings, m)
		if r.cfg.Made != nil {
			r.cfg.Made(r.api.Address(m.id, m.link))
		}
	}
	return nil
}

func (r *runner) createOne(ctx context.Context, planned scenario.PlannedMeeting) (m meeting, err error) {
	if planned.Password {
		m.password = rand.Text()
	}
	if m.id, err = r.api.CreateMeeting(ctx, "Bots", m.password, planned.E2EE, planned.Lobby); err != nil {
		return m, err //nolint:wrapcheck // the caller says what failed
	}
	if planned.E2EE {
		err = m.makeLink(planned.Lobby)
	}
	return m, err
}

// makeRoot makes what all bots of an encrypted meeting have in common. In other people's a password is part of it, and
// the server is given what it is compared with. In one of our own it only keeps others out: what the server knows of it
// had to be said before there was a link.
func (m *meeting) makeRoot(password string) (err error) {
	if m.link == nil {
		return nil
	}
	if !m.outside {
		password = ""
	}
	m.turns = &group.Turns{}
	if m.root, err = m.link.Root(string(m.id), password); err != nil {
		return fmt.Errorf("bots: %w", err)
	}
	if proof := m.root.PasswordProof(); proof != nil {
		m.password = group.Encode(proof)
	}
	return nil
}

// makeLink makes the key of a meeting. Where people wait, bots are hosts by the creator's key, to admit them; otherwise
// no bot is the creator.
func (m *meeting) makeLink(lobby bool) error {
	creator, err := group.NewIdentity(rand.Reader)
	if err != nil {
		return fmt.Errorf("bots: %w", err)
	}
	link, err := group.NewLink(rand.Reader, creator.Public(), lobby)
	if err != nil {
		return fmt.Errorf("bots: %w", err)
	}
	m.link = &link
	if lobby {
		m.creator = creator
	}
	return nil
}
