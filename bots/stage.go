package bots

import (
	"context"
	"time"

	"conclave/bots/scenario"
)

// stage carries out one stage of the plan.
func (r *runner) stage(ctx context.Context, st scenario.Stage) {
	r.stageNow.Add(1)
	switch st.Kind {
	case scenario.Join:
		r.spread(ctx, st, r.start)
	case scenario.Leave:
		r.spread(ctx, st, r.dismiss)
	case scenario.Hold:
		r.rest(ctx, st.Length)
	case scenario.Churn:
		churn, end := context.WithTimeout(ctx, st.Length)
		defer end()
		r.churn(churn, st)
		r.rest(churn, st.Length)
	}
}

// spread does something with the bots of a stage, one after another, evenly over its length.
func (r *runner) spread(ctx context.Context, st scenario.Stage, act func(context.Context)) {
	begin, gap := time.Now(), st.Length/time.Duration(max(1, st.Bots-1))
	for i := range st.Bots {
		r.rest(ctx, time.Until(begin.Add(time.Duration(i)*gap)))
		if ctx.Err() != nil {
			return
		}
		act(ctx)
	}
}

// start has the next bot of the plan join.
func (r *runner) start(ctx context.Context) {
	i := r.started
	r.started++
	if !r.owns(i) {
		return
	}
	r.own++
	r.running.Go(func() { r.fill(ctx, i) })
}

// dismiss makes the last bot that is in leave for good.
func (r *runner) dismiss(context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.places) - 1; i >= 0; i-- {
		p := &r.places[i]
		switch {
		case p.dismissed || i >= r.started:
		case !r.owns(i): // it leaves there
			p.dismissed = true
			return
		case p.current != nil:
			p.dismissed = true
			p.cancel()
			return
		}
	}
}

// churn makes one bot after another leave, those that joined last first; its place is taken by another.
func (r *runner) churn(ctx context.Context, st scenario.Stage) {
	tick := time.NewTicker(st.Every)
	defer tick.Stop()
	for i := len(r.places) - 1; ; i = (i + len(r.places) - 1) % len(r.places) {
		select {
		case <-tick.C:
		case <-r.over:
			return
		case <-ctx.Done():
			return
		}
		r.mu.Lock()
		if p := &r.places[i]; p.current != nil && !p.dismissed {
			p.away = st.Away
			p.cancel()
		}
		r.mu.Unlock()
	}
}

// moving says whether bots come and go while it is measured.
func moving(p *scenario.Plan) bool {
	for _, st := range p.Stages[1:] {
		if st.Kind != scenario.Hold {
			return true
		}
	}
	return false
}

// measured is how long the stages are that are measured: all but the first.
func measured(p *scenario.Plan) (length time.Duration) {
	for _, st := range p.Stages[1:] {
		length += st.Length
	}
	return length
}
