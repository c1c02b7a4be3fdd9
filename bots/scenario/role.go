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
var kinds = [...]string{
	"publisher", "listener", "speaker", "sharer", "flipper", "host", "guest", "flooder", "guesser",
}

// codecs and transports are what bots know; the first of each is the default.
var (
	codecs     = [...]string{"vp8", "vp9", "av1"}
	transports = [...]string{network.UDP, network.ICETCP, network.TURNTCP, network.TURNTLS}
)

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
	case "host":
		b.Sources, b.Host = []media.Source{media.Mic, media.Camera}, true
	case "guest":
		b.Sources, b.Guest = []media.Source{media.Mic, media.Camera}, true
	case "flooder":
		b.AudioSlots, b.VideoSlots, b.View, b.Requests, b.Datagrams = 1, 0, 0, 50, 500 // an offer needs an m-line
	case "guesser":
		b.Guest, b.AudioSlots, b.VideoSlots, b.View, b.Guess = true, 0, 0, 0, time.Second
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
				return nil, fmt.Errorf("roles[%d]: network: %q is unknown%s", i, r.Network, didYouMean(r.Network, known))
			}
		}
		if err := b.check(); err != nil {
			return nil, fmt.Errorf("roles[%d]: %w", i, err)
		}
		n := 1
		override(&n, r.Count)
		if n < 1 || n > MaxBots {
			return nil, fmt.Errorf("roles[%d]: count must be between 1 and %d", i, MaxBots)
		}
		list = append(list, slices.Repeat([]Bot{b}, n)...)
	}
	speakers := 0
	for i := range list {
		if b := &list[i]; slices.Contains(b.Sources, media.Mic) {
			b.Speaker = speakers
			speakers++
		}
	}
	for i := range list {
		list[i].Speakers = speakers
	}
	return list, nil
}

// planned is what a meeting of this kind is, with those bots.
func (m *Meeting) planned(bots []Bot) (p PlannedMeeting, err error) {
	p.E2EE = m.E2EE == nil || *m.E2EE
	has := func(does func(*Bot) bool) bool {
		return slices.ContainsFunc(bots, func(b Bot) bool { return does(&b) })
	}
	guests := has(func(b *Bot) bool { return b.Guest && b.Guess == 0 })
	hosts := has(func(b *Bot) bool { return b.Host })
	p.Password = has(func(b *Bot) bool { return b.Guess > 0 })
	p.Lobby = guests
	override(&p.Lobby, m.Lobby)
	switch m.Speech {
	case "", "clip":
	case "p59":
		p.Conversation = true
	default:
		return p, fmt.Errorf("speech: %q is neither clip nor p59", m.Speech)
	}
	if p.Conversation && has(func(b *Bot) bool { return b.Sample > 0 }) {
		return p, errConversation
	}
	if p.Lobby && !hosts && guests {
		return p, errors.New("roles: guests wait for a host to let them in: add the role host")
	}
	if !has(func(b *Bot) bool { return b.Guess == 0 }) {
		return p, errors.New("roles: guessers never get in: add another role")
	}
	return p, nil
}

// bot is one bot of the role.
func (r *Role) bot() (Bot, error) {
	b, ok := kind(r.Role)
	if !ok {
		return b, fmt.Errorf("role: %q is unknown%s", r.Role, didYouMean(r.Role, kinds[:]))
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
	override(&b.Follow, r.Follow)
	override(&b.Sample, r.Sample)
	b.Codec, b.Transport = r.Codec, r.Transport
	if err := r.ownKeys(&b); err != nil {
		return b, err
	}
	if r.Sources != nil {
		b.Sources = nil
		for _, text := range r.Sources {
			source, ok := media.ParseSource(text)
			if !ok {
				return b, fmt.Errorf("sources: %q is unknown%s", text, didYouMean(text, source.Values()))
			}
			if slices.Contains(b.Sources, source) {
				return b, fmt.Errorf("sources: %q is there twice", text)
			}
			b.Sources = append(b.Sources, source)
		}
	}
	return b, nil
}

// ownKeys reads the keys that go with one kind of role only.
func (r *Role) ownKeys(b *Bot) error {
	switch {
	case r.AdmitAfter != nil && !b.Host:
		return errors.New("admit_after goes with the role host")
	case (r.Requests != nil || r.Datagrams != nil || r.Acts != nil) && !b.Floods():
		return errors.New("requests, datagrams and acts go with the role flooder")
	case r.Every != nil && b.Guess == 0:
		return errors.New("every goes with the role guesser")
	case r.Every != nil && *r.Every <= 0:
		return errors.New("every must be above 0")
	}
	override(&b.AdmitAfter, r.AdmitAfter)
	override(&b.Requests, r.Requests)
	override(&b.Datagrams, r.Datagrams)
	override(&b.Acts, r.Acts)
	override(&b.Guess, r.Every)
	return nil
}

// errConversation keeps pauses from being taken for streams that do not arrive.
var errConversation = errors.New("sample: not with the speech p59: in its pauses a sample is too little to tell " +
	"whether a stream still comes")

// maxFlood bounds what one bot floods a server with each second: above it, the bots' machine is what is measured.
const maxFlood = 10_000

func (b *Bot) check() error {
	if b.Codec != "" && !slices.Contains(codecs[:], b.Codec) {
		return fmt.Errorf("codec: %q is unknown%s", b.Codec, didYouMean(b.Codec, codecs[:]))
	}
	if b.Transport != "" && !slices.Contains(transports[:], b.Transport) {
		return fmt.Errorf("transport: %q is unknown%s", b.Transport, didYouMean(b.Transport, transports[:]))
	}
	if b.Network != nil {
		if err := b.Network.Check(); err != nil {
			return fmt.Errorf("network: %w", err)
		}
	}
	if b.Network != nil && !b.Network.UDPBlocked && b.Transport != "" && b.Transport != network.UDP {
		return errors.New("network: it is made of datagrams: it goes with the transport udp only")
	}
	switch {
	case b.Sample != 0 && (b.Sample < 2 || b.Sample > MaxSample || b.Sample&(b.Sample-1) != 0):
		return fmt.Errorf("sample: a power of two between 2 and %d", MaxSample)
	case b.Sample != 0 && (b.Network != nil || b.Transport != "" && b.Transport != network.UDP):
		return errors.New("sample: it is taken at a UDP socket: it goes with the transport udp and without a network")
	case b.AudioSlots < 0 || b.VideoSlots < 0 || b.AudioSlots+b.VideoSlots > protocol.MaxMediaLines-4:
		return fmt.Errorf("audio_slots, video_slots: at most %d in all", protocol.MaxMediaLines-4)
	case b.View < 0 || b.View > protocol.MaxWants:
		return fmt.Errorf("view: between 0 and %d", protocol.MaxWants)
	case b.Height < 1 || b.Height > protocol.MaxHeight:
		return fmt.Errorf("height: between 1 and %d", protocol.MaxHeight)
	case b.Stage < 0 || b.Stage > protocol.MaxHeight:
		return fmt.Errorf("stage: between 0 and %d", protocol.MaxHeight)
	case b.Flip < 0 || b.AdmitAfter < 0 || b.Guess < 0:
		return errors.New("flip, admit_after: a time is negative")
	case min(b.Requests, b.Datagrams, b.Acts) < 0 || max(b.Requests, b.Datagrams, b.Acts) > maxFlood:
		return fmt.Errorf("requests, datagrams, acts: between 0 and %d a second", maxFlood)
	}
	return nil
}

func override[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
