package bots

import (
	"testing"

	"conclave/bots/scenario"
)

func TestBadConfigurationsAreRefused(t *testing.T) {
	tests := map[string]Config{
		"too many bots":   {Count: scenario.MaxBots + 1},
		"too many slots":  {AudioSlots: 60, VideoSlots: 70},
		"no such meeting": {Meeting: "nonsense"},
		"another server": {
			URL: "https://a.example", Meeting: "https://b.example/m/k7qm-2f9x-w3dj-8hrt",
		},
		"bad threshold":    {Thresholds: []string{"nonsense"}},
		"height":           {Height: 5000},
		"verify":           {Verify: -1},
		"too many in view": {View: 65, VideoSlots: 65},
	}
	for name, cfg := range tests {
		if err := cfg.check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
