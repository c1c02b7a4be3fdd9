package scenario

import (
	"errors"
	"fmt"
)

// Check says what is wrong with a plan that came from elsewhere: it holds what Scenario.Plan promises.
func (p *Plan) Check() error {
	switch {
	case len(p.Bots) == 0 || len(p.Bots) > MaxBots:
		return fmt.Errorf("plan: between 1 and %d bots", MaxBots)
	case len(p.Meetings) == 0 || len(p.Meetings) > MaxMeetings:
		return fmt.Errorf("plan: between 1 and %d meetings", MaxMeetings)
	case len(p.Stages) < 2 || p.Stages[0].Kind != Join:
		return errors.New("plan: a join and something after it are needed")
	}
	for i := range p.Bots {
		b := &p.Bots[i]
		if b.Meeting < 0 || b.Meeting >= len(p.Meetings) {
			return fmt.Errorf("plan: bot %d is in no meeting", i)
		}
		if b.Sample > 0 && p.Meetings[b.Meeting].Conversation {
			return fmt.Errorf("plan: bot %d: %w", i, errConversation)
		}
		if err := b.check(); err != nil {
			return fmt.Errorf("plan: bot %d: %w", i, err)
		}
	}
	return p.checkStages()
}

func (p *Plan) checkStages() error {
	in, left := 0, MaxLength
	for i, st := range p.Stages {
		if st.Length < 0 || st.Length > left || st.Bots < 0 || st.Every < 0 || st.Away < 0 {
			return fmt.Errorf("plan: stage %d: a number is out of bounds", i)
		}
		left -= st.Length
		switch st.Kind {
		case Join:
			in += st.Bots
		case Leave:
			in -= st.Bots
		case Churn:
			if st.Every == 0 {
				return fmt.Errorf("plan: stage %d: a churn needs a time between two bots that leave", i)
			}
		case Hold:
		default:
			return fmt.Errorf("plan: stage %d: there is no such kind", i)
		}
		if in < 0 || in > len(p.Bots) {
			return fmt.Errorf("plan: stage %d: %d bots are in, of %d", i, in, len(p.Bots))
		}
	}
	return nil
}
