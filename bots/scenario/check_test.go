package scenario

import (
	"testing"
	"time"
)

func TestAPlanFromElsewhereIsChecked(t *testing.T) {
	plan := func(change func(*Plan)) *Plan {
		p, err := webinarOf300().Plan()
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(p)
		}
		return p
	}
	if err := plan(nil).Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Plan){
		"no bot":               func(p *Plan) { p.Bots = nil },
		"too many bots":        func(p *Plan) { p.Bots = make([]Bot, MaxBots+1) },
		"no meeting":           func(p *Plan) { p.Meetings = nil },
		"another meeting":      func(p *Plan) { p.Bots[5].Meeting = 1 },
		"a negative meeting":   func(p *Plan) { p.Bots[5].Meeting = -1 },
		"too many slots":       func(p *Plan) { p.Bots[5].VideoSlots = 1000 },
		"a sample of 3":        func(p *Plan) { p.Bots[5].Sample = 3 },
		"a sample of pauses":   func(p *Plan) { p.Bots[5].Sample, p.Meetings[0].Conversation = 32, true },
		"one stage":            func(p *Plan) { p.Stages = p.Stages[:1] },
		"a hold first":         func(p *Plan) { p.Stages[0].Kind = Hold },
		"a negative time":      func(p *Plan) { p.Stages[1].Length = -1 },
		"a year":               func(p *Plan) { p.Stages[1].Length = 9000 * time.Hour },
		"more join":            func(p *Plan) { p.Stages[0].Bots = 1000 },
		"more leave":           func(p *Plan) { p.Stages[1] = Stage{Kind: Leave, Bots: 1000} },
		"a churn without rest": func(p *Plan) { p.Stages[1] = Stage{Kind: Churn} },
		"another kind":         func(p *Plan) { p.Stages[1].Kind = 99 },
	} {
		if err := plan(change).Check(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
