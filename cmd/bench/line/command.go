package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"conclave/bots/network"
	"conclave/cmd/bench/figures"
)

// Command keeps a line open until its standard input ends.
//
// Each line of JSON on the standard input changes the line (Order); each is answered by a line of JSON on the standard
// output (Answer). The first answer comes by itself when the line is open.
type Command struct {
	Near        string `placeholder:"NAMESPACE" help:"Path, or name in /run/netns. Default: this process's own."`
	Far         string `placeholder:"NAMESPACE" help:"The same of the other end. Default: a new one."`
	Device      string `default:"line0" help:"Name of the device at each end."`
	NearAddress string `default:"10.78.0.1/24" help:"Address of the near end."`
	FarAddress  string `default:"10.78.0.2/24" help:"Address of the far end."`
	Seed        uint64 `default:"1" help:"Equal seeds lose the same packets."`
	Conditions  string `default:"{}" placeholder:"JSON" help:"Of both directions, as on the standard input."`
}

// Conditions are network.Conditions as JSON: times in ms, parts in percent, the rate in kbit/s.
type Conditions struct {
	DelayMS   float64 `json:"delay_ms"`
	JitterMS  float64 `json:"jitter_ms"`
	Reorder   float64 `json:"reorder"`
	Loss      float64 `json:"loss"`
	Burst     float64 `json:"burst"` // packets lost in a row, on average
	Kbit      int     `json:"kbit"`
	QueueMS   float64 `json:"queue_ms"`
	DarkEvery float64 `json:"dark_every_ms"`
	DarkMS    float64 `json:"dark_ms"` // of which nothing arrives for so long
}

// Order is a line of the standard input: conditions of both directions, or of one. What is not named stays.
type Order struct {
	Both   *Conditions `json:"both"`
	ToFar  *Conditions `json:"to_far"`
	ToNear *Conditions `json:"to_near"`
}

// Answer is a line of the standard output.
type Answer struct {
	Far    string         `json:"far,omitempty"` // the path of the far namespace, in the first answer
	ToFar  network.Counts `json:"to_far"`
	ToNear network.Counts `json:"to_near"`
	Error  string         `json:"error,omitempty"` // why nothing was changed
}

// Run carries packets.
func (cmd *Command) Run(ctx context.Context, c figures.Console) (err error) {
	var conditions Conditions
	if err := strictly(cmd.Conditions, &conditions); err != nil {
		return fmt.Errorf("line: --conditions: %w", err)
	}
	far := cmd.Far
	if far == "" {
		file, err := newNamespace()
		if err != nil {
			return fmt.Errorf("line: %w", err)
		}
		defer file.Close()
		far = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
		if err := (End{Namespace: far}).ip(ctx, "link", "set", "lo", "up"); err != nil {
			return err
		}
	}
	l, err := Open(ctx, End{cmd.Near, cmd.Device, cmd.NearAddress}, End{far, cmd.Device, cmd.FarAddress},
		conditions.network(), cmd.Seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	answers := json.NewEncoder(c.Out)
	if err := answers.Encode(Answer{Far: far}); err != nil {
		return fmt.Errorf("line: %w", err)
	}
	return l.obey(ctx, orders(os.Stdin), answers)
}

// orders reads lines until the input ends, in a goroutine that ends with it.
func orders(in io.Reader) <-chan Order {
	list := make(chan Order)
	go func() {
		defer close(list)
		decoder := json.NewDecoder(in)
		decoder.DisallowUnknownFields()
		for {
			var o Order
			if decoder.Decode(&o) != nil {
				return
			}
			list <- o
		}
	}()
	return list
}

// obey carries out orders until there are no more.
func (l *Line) obey(ctx context.Context, list <-chan Order, answers *json.Encoder) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case o, more := <-list:
			if !more {
				return nil
			}
			answer := Answer{}
			if err := l.change(o, time.Now()); err != nil {
				answer.Error = err.Error()
			}
			answer.ToFar, answer.ToNear = l.ToFar.Counts(), l.ToNear.Counts()
			if err := answers.Encode(answer); err != nil {
				return fmt.Errorf("line: %w", err)
			}
		}
	}
}

// change carries out an order, or nothing of it.
func (l *Line) change(o Order, now time.Time) error {
	list := []struct {
		way  Way
		with *Conditions
	}{{l.ToFar, o.Both}, {l.ToNear, o.Both}, {l.ToFar, o.ToFar}, {l.ToNear, o.ToNear}}
	for _, one := range list {
		if one.with == nil {
			continue
		}
		c := one.with.network()
		if err := c.Check(); err != nil {
			return fmt.Errorf("line: %w", err)
		}
	}
	for _, one := range list {
		if one.with != nil {
			one.way.Change(one.with.network(), now)
		}
	}
	return nil
}

func (c *Conditions) network() network.Conditions {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	return network.Conditions{
		Loss: c.Loss / 100, Burst: c.Burst, Delay: ms(c.DelayMS), Jitter: ms(c.JitterMS), Reorder: c.Reorder / 100,
		Rate: c.Kbit, Queue: ms(c.QueueMS), BlackoutEvery: ms(c.DarkEvery), BlackoutLength: ms(c.DarkMS),
	}
}

// strictly decodes JSON without unknown names.
func strictly(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into) //nolint:wrapcheck // the caller says of what
}
