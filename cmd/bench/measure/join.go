package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"conclave/bots"
	"conclave/cmd/bench/child"
	"conclave/cmd/bench/figures"
	"conclave/cmd/bench/process"
	"conclave/media"
)

// Join measures what a participant costs: one who joins, and one who is there and receives nothing.
//
// Most rows are of a media engine with nothing in front of it (lab.go): a join is ICE, DTLS and SDP. The row "whole
// server" adds the WebSocket and the meeting. Clients are Pion's, which check the connection every two seconds, as
// browsers do.
type Join struct {
	Runs  int           `default:"3" help:"Runs of each row, interleaved."`
	Small int           `default:"10" help:"People in the small meeting."`
	Large int           `default:"100" help:"People in the large one."`
	Joins int           `default:"20" help:"How many join each while the CPU time is measured."`
	Idle  time.Duration `default:"10s" help:"How long the idle meeting is measured."`
	JSON  string        `name:"json" placeholder:"FILE" help:"Write all runs there."`
	Quick bool          `help:"A smoke test of some seconds: the figures mean nothing."`
}

// joinVariant is one row: a media engine and what each client offers.
type joinVariant struct {
	Name   string `json:"name"`
	Media  string `json:"media"`
	Audio  int    `json:"audio_slots"`
	Video  int    `json:"video_slots"`
	Server bool   `json:"whole_server"` // bots over WebSockets
}

// joinRun is one run of one row. All but joins is of one participant.
type joinRun struct {
	SmallJoin  float64 `json:"join_small_ms"` // CPU time of a join
	LargeJoin  float64 `json:"join_large_ms"`
	Heap       float64 `json:"heap_bytes"`
	Stack      float64 `json:"stack_bytes"`
	RSS        float64 `json:"rss_bytes"`
	Goroutines float64 `json:"goroutines"`
	Idle       float64 `json:"idle_ms_per_s"`  // CPU time, of the whole server, the empty one's included
	Empty      float64 `json:"empty_ms_per_s"` // CPU time of the server while it is empty
}

type joinResult struct {
	Variant joinVariant `json:"variant"`
	Runs    []joinRun   `json:"runs"`
}

// Run measures.
func (cmd *Join) Run(ctx context.Context, c figures.Console) error {
	variants := []joinVariant{
		{Name: "Pion alone, trimmed", Media: child.Bare, Audio: 1},
		{Name: "engine", Media: child.Engine, Audio: 4, Video: 9},
		{Name: "engine", Media: child.Engine, Audio: 4, Video: 49},
		{Name: "engine, whole server", Media: child.Engine, Audio: 4, Video: 9, Server: true},
		{Name: "naive", Media: child.Naive, Audio: 4, Video: 9},
	}
	if cmd.Quick {
		cmd.Runs, cmd.Small, cmd.Large, cmd.Joins, cmd.Idle = 1, 2, 6, 2, 500*time.Millisecond
		variants = []joinVariant{variants[0], variants[1], variants[3]}
	}
	results := make([]joinResult, len(variants))
	var slot []float64
	for n := range cmd.Runs {
		for i, v := range variants {
			r, err := cmd.one(ctx, v)
			if err != nil {
				return fmt.Errorf("%s: %w", v.Name, err)
			}
			results[i].Variant = v
			results[i].Runs = append(results[i].Runs, r)
			c.Progress("%d/%d  %-20s %2d slots  join %.2f ms, %.2f ms; %.0f KiB heap, %.0f KiB stack, %.0f KiB RSS; idle "+
				"%.3f ms/s",
				n+1, cmd.Runs, v.Name, v.Audio+v.Video, r.SmallJoin, r.LargeJoin, r.Heap/1024, r.Stack/1024, r.RSS/1024, r.Idle)
		}
		if cmd.Quick {
			continue
		}
		perSlot, err := cmd.subscribed(ctx)
		if err != nil {
			return fmt.Errorf("subscribed slots: %w", err)
		}
		slot = append(slot, perSlot)
		c.Progress("%d/%d  %.2f KiB heap per subscribed video slot", n+1, cmd.Runs, perSlot/1024)
	}
	c.Table(cmd.table(results, slot))
	return figures.WriteJSON(cmd.JSON, struct {
		Rows           []joinResult `json:"rows"`
		SubscribedSlot []float64    `json:"heap_bytes_per_subscribed_video_slot"`
	}{results, slot})
}

func (cmd *Join) table(results []joinResult, slot []float64) string {
	rows := [][]string{{"", "slots", fmt.Sprintf("join at %d, ms", cmd.Small), fmt.Sprintf("join at %d, ms", cmd.Large),
		"heap KiB", "stack KiB",
		"RSS KiB", "goroutines", "idle ms/s", "empty server ms/s"}}
	heap := map[int]float64{}
	for _, r := range results {
		get := func(number func(joinRun) float64) float64 { return figures.Median(figures.Pluck(r.Runs, number)) }
		slots := r.Variant.Audio + r.Variant.Video
		if r.Variant.Media == child.Engine && !r.Variant.Server {
			heap[slots] = get(func(r joinRun) float64 { return r.Heap })
		}
		rows = append(rows, []string{
			r.Variant.Name, fmt.Sprint(slots), figures.Number(get(func(r joinRun) float64 { return r.SmallJoin }), 2),
			figures.Number(get(func(r joinRun) float64 { return r.LargeJoin }), 2),
			figures.Number(get(func(r joinRun) float64 { return r.Heap })/1024, 0),
			figures.Number(get(func(r joinRun) float64 { return r.Stack })/1024, 0),
			figures.Number(get(func(r joinRun) float64 { return r.RSS })/1024, 0),
			figures.Number(get(func(r joinRun) float64 { return r.Goroutines }), 1),
			figures.Number(get(func(r joinRun) float64 { return r.Idle }), 3),
			figures.Number(get(func(r joinRun) float64 { return r.Empty }), 2),
		})
	}
	text := figures.Markdown(rows)
	if small, large := heap[13], heap[53]; small > 0 && large > 0 {
		text += fmt.Sprintf("\nper further video slot, idle:       %.2f KiB heap\n", (large-small)/40/1024)
	}
	if len(slot) > 0 {
		text += fmt.Sprintf("per video slot that carries video:  %.2f KiB heap\n", figures.Median(slot)/1024)
	}
	return text
}

// crowd has people join a server, and go.
type crowd struct {
	server  *child.Server
	variant joinVariant
	meeting string
	next    int
	parts   []*child.Process
}

// come has n more people join and returns when they are connected.
func (c *crowd) come(ctx context.Context, n int) error {
	if !c.variant.Server {
		part, err := child.StartClients(ctx, c.server, child.ClientsConfig{First: c.next, Count: n,
			AudioSlots: c.variant.Audio, VideoSlots: c.variant.Video})
		if err != nil {
			return err
		}
		c.next += n
		c.parts = append(c.parts, part)
		return nil
	}
	in := make(chan struct{})
	part, err := child.StartBots(ctx, c.server, bots.Config{
		Meeting: c.meeting, Count: n, Publishers: 0, AudioSlots: c.variant.Audio, VideoSlots: c.variant.Video, View: -1,
		Bench: true,
		Poll:  5 * time.Millisecond, Ramp: 5 * time.Millisecond, Duration: time.Hour,
	}, whenIn(func() { close(in) }))
	if err != nil {
		return err
	}
	c.parts = append(c.parts, part)
	select {
	case <-in:
		return nil
	case <-time.After(time.Minute):
		return errors.Join(errors.New("the bots are not in after a minute"), part.Stop())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// whenIn returns a reader of the bots' progress lines that calls f once, when all are in.
func whenIn(f func()) func(string) {
	done := false
	return func(line string) {
		var seconds float64
		var in, count int
		if n, _ := fmt.Sscanf(line, "%fs %d/%d in", &seconds, &in, &count); done || n < 3 || in < count {
			return
		}
		done = true
		f()
	}
}

// leave ends all of them.
func (c *crowd) leave() (err error) {
	for _, p := range slices.Backward(c.parts) {
		err = errors.Join(err, p.Stop())
	}
	c.parts = nil
	return err
}

// one measures one row once.
func (cmd *Join) one(ctx context.Context, v joinVariant) (r joinRun, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute+cmd.Idle)
	defer cancel()
	srv, err := child.StartServer(ctx, child.ServerConfig{Media: v.Media})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	empty, err := idleCPU(ctx, srv, min(cmd.Idle, 3*time.Second))
	if err != nil {
		return r, err
	}
	r.Empty = empty * 1e3
	people := &crowd{server: srv, variant: v, next: 1}
	defer func() { err = errors.Join(err, people.leave()) }()
	if v.Server {
		if people.meeting, err = srv.Meeting(ctx); err != nil {
			return r, err
		}
	}
	if err := people.come(ctx, 2); err != nil { // what is made once, with the first
		return r, err
	}
	wait(ctx, time.Second)
	before, err := srv.Stats(ctx, true)
	if err != nil {
		return r, err
	}
	rss, err := process.Read(srv.PID())
	if err != nil {
		return r, err
	}
	if err := people.come(ctx, max(0, cmd.Small-2)); err != nil {
		return r, err
	}
	if r.SmallJoin, err = cmd.joins(ctx, people); err != nil {
		return r, err
	}
	if err := people.come(ctx, max(0, cmd.Large-cmd.Small-cmd.Joins)); err != nil {
		return r, err
	}
	if r.LargeJoin, err = cmd.joins(ctx, people); err != nil {
		return r, err
	}
	more := float64(max(cmd.Large, cmd.Small+cmd.Joins) + cmd.Joins - 2)
	idle, err := idleCPU(ctx, srv, cmd.Idle)
	if err != nil {
		return r, err
	}
	r.Idle = idle * 1e3 / (more + 2)
	after, err := srv.Stats(ctx, true)
	if err != nil {
		return r, err
	}
	rssAfter, err := process.Read(srv.PID())
	if err != nil {
		return r, err
	}
	r.Heap = (float64(after.HeapBytes) - float64(before.HeapBytes)) / more
	r.Stack = (float64(after.StackBytes) - float64(before.StackBytes)) / more
	r.RSS = float64(rssAfter.RSS-rss.RSS) / more
	r.Goroutines = float64(after.Goroutines-before.Goroutines) / more
	return r, nil
}

// joins measures the CPU time of a join into the meeting as it is, in milliseconds: what the server uses while some
// join, less what it uses anyway.
func (cmd *Join) joins(ctx context.Context, people *crowd) (ms float64, err error) {
	wait(ctx, time.Second) // those before have settled
	idle, err := idleCPU(ctx, people.server, min(cmd.Idle, 3*time.Second))
	if err != nil {
		return 0, err
	}
	before, err := process.Read(people.server.PID())
	if err != nil {
		return 0, err
	}
	if err := people.come(ctx, cmd.Joins); err != nil {
		return 0, err
	}
	wait(ctx, 500*time.Millisecond) // what a join leaves behind is part of it
	after, err := process.Read(people.server.PID())
	if err != nil {
		return 0, err
	}
	used := (after.Total - before.Total).Seconds() - idle*after.At.Sub(before.At).Seconds()
	return used * 1e3 / float64(cmd.Joins), nil
}

// idleCPU is the CPU time a server uses while nothing happens, in seconds per second.
func idleCPU(ctx context.Context, s *child.Server, length time.Duration) (float64, error) {
	before, err := process.Read(s.PID())
	if err != nil {
		return 0, err
	}
	wait(ctx, length)
	after, err := process.Read(s.PID())
	if err != nil {
		return 0, err
	}
	return (after.Total - before.Total).Seconds() / after.At.Sub(before.At).Seconds(), nil
}

// subscribed measures the heap of a video slot that carries video: 20 listeners with 49 slots each who watch 9 of 49
// publishers, and then all.
func (cmd *Join) subscribed(ctx context.Context) (bytes float64, err error) {
	const publishers, listeners, few = 49, 20, 9
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	heap := map[int]float64{}
	for _, watched := range []int{few, publishers} {
		if heap[watched], err = watchedHeap(ctx, publishers, listeners, watched); err != nil {
			return 0, err
		}
	}
	return (heap[publishers] - heap[few]) / listeners / (publishers - few), nil
}

func watchedHeap(ctx context.Context, publishers, listeners, watched int) (heap float64, err error) {
	srv, err := child.StartServer(ctx, child.ServerConfig{Media: child.Engine})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	var view []media.ParticipantID
	for id := range watched {
		view = append(view, media.ParticipantID(id+1))
	}
	audience, err := child.StartClients(ctx, srv, child.ClientsConfig{First: publishers + 1, Count: listeners,
		AudioSlots: 4, VideoSlots: publishers, View: view})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, audience.Stop()) }()
	stage, err := child.StartClients(ctx, srv, child.ClientsConfig{First: 1, Count: publishers, Publish: true, FPS: 2,
		Frame: 200})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stage.Stop()) }()
	wait(ctx, 3*time.Second) // a key frame from each, and some more
	st, err := srv.Stats(ctx, true)
	return float64(st.HeapBytes), err
}

// wait sleeps until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
