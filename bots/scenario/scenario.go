// Package scenario reads scenario files: which bots there are, in which meetings, in which roles, and what happens over
// time. It turns a file into a plan, and knows nothing about running it. Pure.
package scenario

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"conclave/bots/network"
	"conclave/media"
)

// The bounds of a scenario.
const (
	// MaxBots bounds one process; larger loads take several processes or machines.
	MaxBots = 2000
	// MaxMeetings bounds the meetings of one run.
	MaxMeetings = 500
	// MaxLength bounds the stages of one run, all together.
	MaxLength = 48 * time.Hour
	// MaxSample bounds a sample: of sound, one packet in 1.3 s.
	MaxSample = 64
)

// Scenario is a scenario file. docs/bots.md describes it.
type Scenario struct {
	Name     string    `yaml:"name"`
	Profile  string    `yaml:"profile"`
	Meetings []Meeting `yaml:"meetings"`
	Stages   []Step    `yaml:"stages"`
	// Networks are the bad networks that roles name.
	Networks   map[string]Network `yaml:"networks"`
	Settle     time.Duration      `yaml:"settle"`
	Thresholds []string           `yaml:"thresholds"`
	// NoDefaultLimits leaves out the limits on joins, delays and freezes.
	NoDefaultLimits bool `yaml:"no_default_limits"`
}

// Meeting is one kind of meeting, and how many of it there are.
type Meeting struct {
	Count int   `yaml:"count"`
	E2EE  *bool `yaml:"e2ee"`
	// Lobby says that there is a waiting room; not said: if a guest comes.
	Lobby *bool `yaml:"lobby"`
	// Speech is the model of who speaks when: clip (all the time, with the clip's pauses) or p59.
	Speech string `yaml:"speech"`
	Roles  []Role `yaml:"roles"`
}

// Role is what some bots of a meeting do: one of the kinds of roles, and what differs from it.
type Role struct {
	Role       string         `yaml:"role"`
	Count      *int           `yaml:"count"`
	Sources    []string       `yaml:"sources"`
	Simulcast  *bool          `yaml:"simulcast"`
	AudioSlots *int           `yaml:"audio_slots"`
	VideoSlots *int           `yaml:"video_slots"`
	View       *int           `yaml:"view"`
	Height     *int           `yaml:"height"`
	Stage      *int           `yaml:"stage"`
	Flip       *time.Duration `yaml:"flip"`
	Follow     *bool          `yaml:"follow"`
	Codec      string         `yaml:"codec"`
	Transport  string         `yaml:"transport"`
	Network    string         `yaml:"network"`
	Sample     *int           `yaml:"sample"`
	// AdmitAfter goes with a host, Requests, Datagrams and Acts with a flooder, Every with a guesser.
	AdmitAfter *time.Duration `yaml:"admit_after"`
	Requests   *int           `yaml:"requests"`
	Datagrams  *int           `yaml:"datagrams"`
	Acts       *int           `yaml:"acts"`
	Every      *time.Duration `yaml:"every"`
}

// Step is one stage: exactly one of Join, Leave, Hold and Churn is set.
type Step struct {
	Join  Share         `yaml:"join"`
	Leave Share         `yaml:"leave"`
	Over  time.Duration `yaml:"over"`

	Hold  time.Duration `yaml:"hold"`
	Churn time.Duration `yaml:"churn"`
	Every time.Duration `yaml:"every"`
	Away  time.Duration `yaml:"away"`
}

// Share is a number of bots: so many, a percentage of all, or "all".
type Share string

// of returns the number that a share of so many is.
func (s Share) of(all int) (int, error) {
	text := string(s)
	if text == "all" {
		return all, nil
	}
	if p, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || n <= 0 || n > 100 {
			return 0, fmt.Errorf("%q is not a percentage between 0 and 100", text)
		}
		return max(1, int(n/100*float64(all)+0.5)), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > all {
		return 0, fmt.Errorf("%q is not a number between 1 and %d, a percentage or \"all\"", text, all)
	}
	return n, nil
}

// Plan is what a run does.
type Plan struct {
	// Meetings are made before the first bot joins.
	Meetings []PlannedMeeting
	// Bots are in the order in which they join.
	Bots []Bot
	// Stages follow each other. The first one is a join; what comes after it is measured.
	Stages []Stage
}

// PlannedMeeting is one meeting. Password says that it has one.
type PlannedMeeting struct {
	E2EE, Lobby, Password bool
	// Conversation says that people take turns in speaking (ITU-T P.59).
	Conversation bool
}

// Bot is what one bot does.
type Bot struct {
	// Meeting is the index of its meeting.
	Meeting int
	Role    string
	Sources []media.Source
	// Simulcast sends the camera as three encodings.
	Simulcast bool
	// AudioSlots and VideoSlots are its receiving m-lines, View how many pictures it wants, Height how high, and Stage the
	// height of the first if not 0.
	AudioSlots, VideoSlots, View, Height, Stage int
	// Flip turns the page of what it views; 0: never. Follow makes the first picture that of who speaks.
	Flip   time.Duration
	Follow bool
	// Codec is what its pictures are encoded in: vp8 (also if empty), vp9 or av1.
	Codec string
	// Transport is how its media goes: udp (also if empty), ice_tcp, turn_tcp or turn_tls.
	Transport string
	// Network is what is done to its datagrams; nil: nothing.
	Network *network.Conditions
	// Sample has the kernel discard all but one packet in so many of what it receives, by their sequence numbers: a power
	// of two from 2 to MaxSample. 0: it reads all.
	Sample int

	// Host lets in who waits, after AdmitAfter. Guest is not the meeting's creator, and waits.
	Host, Guest bool
	AdmitAfter  time.Duration
	// Requests and Datagrams are what it floods the server with each second, Acts how often it does what any client may.
	// Guess is the time between two joins with a wrong password, 0: none; a bot that guesses never gets in.
	Requests, Datagrams, Acts int
	Guess                     time.Duration
	// Speaker is its number among those of its meeting that have a microphone, Speakers how many they are.
	Speaker, Speakers int
}

// Attacks says whether the bot does what only a server's own operator may.
func (b *Bot) Attacks() bool { return b.Floods() || b.Guess > 0 }

// Sampled counts the bots that read a sample of what they receive.
func (p *Plan) Sampled() (n int) {
	for i := range p.Bots {
		if p.Bots[i].Sample > 0 {
			n++
		}
	}
	return n
}

// Floods says whether the bot floods the server. It may be sent away, and comes back.
func (b *Bot) Floods() bool { return b.Requests > 0 || b.Datagrams > 0 || b.Acts > 0 }

// Kind says what happens in a stage.
type Kind byte

// The kinds of stages.
const (
	Join Kind = iota
	Leave
	Hold
	Churn
)

// Stage is one part of a run.
type Stage struct {
	Kind Kind
	// Bots is how many join or leave.
	Bots   int
	Length time.Duration
	// Every is the time between two bots that leave to come back, of a churn, and Away how long each place stays empty.
	Every, Away time.Duration
}

// Plan works out what the scenario does. An error names the entry that is wrong.
func (s *Scenario) Plan() (*Plan, error) {
	p := &Plan{}
	if s.Profile != "" && s.Profile != "normal" && s.Profile != "bench" {
		return nil, fmt.Errorf("profile: %q is neither normal nor bench", s.Profile)
	}
	if len(s.Meetings) == 0 {
		return nil, errors.New("meetings: there is none")
	}
	networks, err := s.networks()
	if err != nil {
		return nil, err
	}
	var groups [][]Bot // of each meeting
	for i := range s.Meetings {
		m := &s.Meetings[i]
		bots, err := m.bots(networks)
		if err != nil {
			return nil, fmt.Errorf("meetings[%d]: %w", i, err)
		}
		if m.Count < 0 || len(groups)+max(1, m.Count) > MaxMeetings {
			return nil, fmt.Errorf("meetings[%d]: at most %d meetings in all", i, MaxMeetings)
		}
		planned, err := m.planned(bots)
		if err != nil {
			return nil, fmt.Errorf("meetings[%d]: %w", i, err)
		}
		for range max(1, m.Count) {
			p.Meetings = append(p.Meetings, planned)
			groups = append(groups, bots)
		}
	}
	if err := p.interleave(groups); err != nil {
		return nil, err
	}
	if err := p.stage(s.Stages); err != nil {
		return nil, err
	}
	return p, nil
}

// interleave has the first bots of all meetings join, then the second ones, and so on.
func (p *Plan) interleave(groups [][]Bot) error {
	for i := 0; ; i++ {
		before := len(p.Bots)
		for meeting, bots := range groups {
			if i < len(bots) {
				b := bots[i]
				b.Meeting = meeting
				p.Bots = append(p.Bots, b)
			}
		}
		if len(p.Bots) > MaxBots {
			return fmt.Errorf("meetings: more than %d bots in all", MaxBots)
		}
		if len(p.Bots) == before {
			return nil
		}
	}
}

// stage reads the stages, and keeps count of who is in.
func (p *Plan) stage(steps []Step) error {
	in, total := 0, time.Duration(0)
	for i := range steps {
		st, err := steps[i].stage(len(p.Bots))
		if err != nil {
			return fmt.Errorf("stages[%d]: %w", i, err)
		}
		switch st.Kind {
		case Join:
			in += st.Bots
		case Leave:
			in -= st.Bots
		case Hold, Churn:
		}
		switch total += st.Length; {
		case i == 0 && st.Kind != Join:
			return errors.New("stages[0]: the first stage must be a join")
		case in > len(p.Bots):
			return fmt.Errorf("stages[%d]: %d bots have joined by then, of %d", i, in, len(p.Bots))
		case in < 0:
			return fmt.Errorf("stages[%d]: more bots leave than are in", i)
		case total > MaxLength:
			return fmt.Errorf("stages[%d]: the stages are longer than %s", i, MaxLength)
		}
		p.Stages = append(p.Stages, st)
	}
	if len(p.Stages) < 2 {
		return errors.New("stages: a join and something after it are needed, for example a hold")
	}
	return nil
}

// stage reads one stage.
func (s *Step) stage(bots int) (st Stage, err error) {
	set := 0
	for _, is := range []bool{s.Join != "", s.Leave != "", s.Hold != 0, s.Churn != 0} {
		if is {
			set++
		}
	}
	if set != 1 {
		return st, errors.New("give one of join, leave, hold and churn")
	}
	if s.Over < 0 || s.Hold < 0 || s.Churn < 0 || s.Every < 0 || s.Away < 0 {
		return st, errors.New("a time is negative")
	}
	switch {
	case s.Join != "" || s.Leave != "":
		st.Kind, st.Length = Join, s.Over
		share := s.Join
		if s.Leave != "" {
			st.Kind, share = Leave, s.Leave
		}
		st.Bots, err = share.of(bots)
	case s.Hold != 0:
		st.Kind, st.Length = Hold, s.Hold
	default:
		st = Stage{Kind: Churn, Length: s.Churn, Every: s.Every, Away: s.Away}
	}
	switch {
	case err != nil:
		return st, err
	case s.Over != 0 && st.Kind != Join && st.Kind != Leave:
		return st, errors.New("over goes with join or leave")
	case (s.Every != 0 || s.Away != 0) && st.Kind != Churn:
		return st, errors.New("every and away go with churn")
	case st.Kind == Churn && s.Every == 0:
		return st, errors.New("a churn needs every: the time between two bots that leave")
	}
	return st, nil
}

// Describe says in a few words what happens in the stage.
func (s *Stage) Describe() string {
	switch s.Kind {
	case Join:
		return fmt.Sprintf("%d join over %s", s.Bots, s.Length)
	case Leave:
		return fmt.Sprintf("%d leave over %s", s.Bots, s.Length)
	case Churn:
		return fmt.Sprintf("churn for %s", s.Length)
	case Hold:
	}
	return fmt.Sprintf("hold for %s", s.Length)
}
