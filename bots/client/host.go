package client

import (
	"context"
	"errors"
	"time"

	"conclave/e2ee/group"
	"conclave/protocol"
)

const (
	// admitInterval is the shortest time between two admissions: far below the request limit.
	admitInterval = 200 * time.Millisecond
	// maxAdmitted is how many one request may let in (protocol).
	maxAdmitted = 256
)

// openDoor has the bot let in who waits, after a while, if it is a host of the bots' own meeting.
func (b *Bot) openDoor() {
	if b.cfg.Host && !b.cfg.Outside && len(b.queue) > 0 && b.admitting == nil {
		b.admitting = time.NewTimer(max(b.cfg.AdmitAfter, admitInterval))
	}
}

// doorOpens fires when who waits is to be let in; never without a queue.
func (b *Bot) doorOpens() <-chan time.Time {
	if b.admitting == nil {
		return nil
	}
	return b.admitting.C
}

// admit lets in who waits. Who cannot be let in is told of again by the next queue.
func (b *Bot) admit(ctx context.Context) error {
	m := &protocol.Admit{ID: b.ws.id(), All: b.encryption == nil}
	if s := b.encryption; s != nil {
		for i := range b.queue[:min(len(b.queue), maxAdmitted)] {
			w := &b.queue[i]
			raw, err := s.session.Admit(decoded(w.Announce), group.RoleParticipant)
			if errors.Is(err, group.ErrNotReady) {
				b.admitting = time.NewTimer(admitInterval)
				return nil
			}
			if err == nil {
				m.Admissions = append(m.Admissions, protocol.Admission{Participant: w.Participant, Admit: group.Encode(raw)})
			}
		}
	}
	b.admitting, b.queue = nil, nil
	if !m.All && len(m.Admissions) == 0 { // none has a valid announcement, or the bot may not admit: they wait on
		return nil
	}
	return b.ws.send(ctx, m)
}
