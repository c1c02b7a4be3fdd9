package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"conclave/bots/network"
)

// Network is what is done to the datagrams of a role's bots: network.Conditions, as a file writes them.
type Network struct {
	Loss     Percentage    `yaml:"loss"`
	Burst    float64       `yaml:"burst"`
	Delay    time.Duration `yaml:"delay"`
	Jitter   time.Duration `yaml:"jitter"`
	Reorder  Percentage    `yaml:"reorder"`
	Rate     int           `yaml:"rate"` // kbit/s
	Queue    time.Duration `yaml:"queue"`
	Blackout Blackout      `yaml:"blackout"`
	// UDPBlocked lets nothing of UDP through: media goes over TCP.
	UDPBlocked bool `yaml:"udp_blocked"`
}

// Blackout is a time in which nothing arrives, again and again.
type Blackout struct {
	Every  time.Duration `yaml:"every"`
	Length time.Duration `yaml:"length"`
}

// Percentage is a part of the whole, written like 2%.
type Percentage string

func (p Percentage) part() (float64, error) {
	if p == "" {
		return 0, nil
	}
	text, ok := strings.CutSuffix(string(p), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if !ok || err != nil || n < 0 || n > 100 {
		return 0, fmt.Errorf("%q is not a percentage between 0%% and 100%%", string(p))
	}
	return n / 100, nil
}

// networks reads the networks.
func (s *Scenario) networks() (map[string]*network.Conditions, error) {
	out := map[string]*network.Conditions{}
	for name, n := range s.Networks {
		c, err := n.conditions()
		if err != nil {
			return nil, fmt.Errorf("networks: %s: %w", name, err)
		}
		out[name] = c
	}
	return out, nil
}

func (n *Network) conditions() (*network.Conditions, error) {
	c := &network.Conditions{
		Burst: n.Burst, Delay: n.Delay, Jitter: n.Jitter, Rate: n.Rate, Queue: n.Queue,
		BlackoutEvery: n.Blackout.Every, BlackoutLength: n.Blackout.Length, UDPBlocked: n.UDPBlocked,
	}
	var err error
	if c.Loss, err = n.Loss.part(); err != nil {
		return nil, fmt.Errorf("loss: %w", err)
	}
	if c.Reorder, err = n.Reorder.part(); err != nil {
		return nil, fmt.Errorf("reorder: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, err //nolint:wrapcheck // says what is wrong
	}
	return c, nil
}
