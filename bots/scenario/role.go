package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"conclave/bots/network"
	"conclave/media"
	"conclave/protocol"
)

// kinds are the names of the roles, in the order in which errors list them.
var kinds = [...]string{"publisher", "listener", "speaker", "sharer", "flipper"}

// kind returns what bots of a role do unless the file says otherwise.
func kind(name string) (b Bot, ok bool) {
	b = Bot{Role: name, Simulcast: true, AudioSlots: 4, VideoSlots: 9, View: 9, Height: 180}
	switch name {
	case "publisher":
		b.Sources = []media.Source{media.Mic, media.Camera}
	case "listener":
	case "speaker":
		b.Sources = []media.Source{media.Mic}
	case "sharer":
		b.Sources = []media.Source{media.Mic, media.Camera, media.ScreenAudio, media.Screen}
	case "flipper":
		b.VideoSlots, b.View, b.Flip = 4, 4, 5*time.Second
	default:
		return Bot{}, false
	}
	return b, true
}

// bots are those of one meeting of this kind, role by role.
func (m *Meeting) bots(networks map[string]*network.Conditions) (list []Bot, err error) {
	if len(m.Roles) == 0 {
		return nil, errors.New("roles: there is none")
	}
	for i := range m.Roles {
		r := &m.Roles[i]
		b, err := r.bot()
		if err != nil {
			return nil, fmt.Errorf("roles[%d]: %w", i, err)
		}
		if r.Network != "" {
			if b.Network = networks[r.Network]; b.Network == nil {
				known := slices.Sorted(maps.Keys(networks))
				return nil, fmt.Errorf("roles[%d]: network: %q is unknown%s", i, r.Network, nearest(r.Network, known))
			}
		}
		n := 1
		override(&n, r.Count)
		if n < 1 || n > MaxBots {
			return nil, fmt.Errorf("roles[%d]: count must be between 1 and %d", i, MaxBots)
		}
		list = append(list, slices.Repeat([]Bot{b}, n)...)
	}
	return list, nil
}

// bot is one bot of the role.
func (r *Role) bot() (Bot, error) {
	b, ok := kind(r.Role)
	if !ok {
		return b, fmt.Errorf("role: %q is unknown%s", r.Role, nearest(r.Role, kinds[:]))
	}
	override(&b.Simulcast, r.Simulcast)
	override(&b.AudioSlots, r.AudioSlots)
	override(&b.VideoSlots, r.VideoSlots)
	if b.View > b.VideoSlots {
		b.View = b.VideoSlots
	}
	override(&b.View, r.View)
	override(&b.Height, r.Height)
	override(&b.Stage, r.Stage)
	override(&b.Flip, r.Flip)
	if r.Sources != nil {
		b.Sources = nil
		for _, text := range r.Sources {
			source, ok := media.ParseSource(text)
			if !ok {
				return b, fmt.Errorf("sources: %q is unknown%s", text, nearest(text, source.Values()))
			}
			if slices.Contains(b.Sources, source) {
				return b, fmt.Errorf("sources: %q is there twice", text)
			}
			b.Sources = append(b.Sources, source)
		}
	}
	err := b.check()
	return b, err
}

func (b *Bot) check() error {
	switch {
	case b.AudioSlots < 0 || b.VideoSlots < 0 || b.AudioSlots+b.VideoSlots > protocol.MaxMediaLines-4:
		return fmt.Errorf("audio_slots, video_slots: at most %d in all", protocol.MaxMediaLines-4)
	case b.View < 0 || b.View > protocol.MaxWants:
		return fmt.Errorf("view: between 0 and %d", protocol.MaxWants)
	case b.Height < 1 || b.Height > protocol.MaxHeight:
		return fmt.Errorf("height: between 1 and %d", protocol.MaxHeight)
	case b.Stage < 0 || b.Stage > protocol.MaxHeight:
		return fmt.Errorf("stage: between 0 and %d", protocol.MaxHeight)
	case b.Flip < 0:
		return errors.New("flip: a time is negative")
	}
	return nil
}

func override[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
