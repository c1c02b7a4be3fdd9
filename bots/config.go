package bots

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"conclave/bots/report"
	"conclave/bots/scenario"
	"conclave/e2ee/group"
	"conclave/media"
	"conclave/protocol"
)

// Config says what Run does. The zero value of a field means its default where one is named.
type Config struct {
	// URL is the server's address, as a person types it: https://meet.example.org.
	URL string
	// Token is a bearer token issued by the server's operator: 64 hex digits.
	Token string
	// Meeting is the meeting to join, or the link that people get; empty makes one without a lobby. The link's part
	// behind the # is needed to join an end-to-end encrypted meeting: it is the key.
	Meeting string
	// E2EE makes the bots' own meeting end-to-end encrypted. Another one is what it is.
	E2EE bool
	// Purpose is why people should let the bots hear them, 64 characters at most; empty: the bots do not ask.
	Purpose string
	// Password is the meeting's access password, if it has one.
	Password string
	// Name begins the display names; default "Bot".
	Name string

	// Plan is what the run does, in place of the fields from Count to Away below. nil: those make it, for one meeting.
	Plan *scenario.Plan
	// Scenario is the name of the plan, for the report; Label is what the person calls this run.
	Scenario, Label string

	// Count is how many bots there are; default 1.
	Count int
	// Publishers is how many of them publish; the others listen. Negative: all.
	Publishers int
	// MuteAudio and MuteVideo leave out the microphone or the camera.
	MuteAudio, MuteVideo bool
	// Screens is how many publishers also share a screen.
	Screens int
	// Simulcast sends the camera as three encodings.
	Simulcast bool
	// Codec is what pictures are encoded in, vp8 (the default), vp9 or av1; Transport how media goes: udp (the default),
	// ice_tcp, turn_tcp or turn_tls.
	Codec, Transport string
	// Bench plays the clip for measurements: one encoding, 120 packets of 1,100 bytes a second.
	Bench bool

	// Uneven has the bench clip's frames be of the sizes that an encoder makes, with the same mean.
	Uneven bool
	// Rooms is how many meetings there are with Count bots each; default 1. Not with Meeting.
	Rooms int

	// AudioSlots and VideoSlots are the receiving m-lines of each bot.
	AudioSlots, VideoSlots int
	// View is how many cameras each bot wants to see; negative: as many as it has slots.
	View int
	// Height is how high they are shown, in pixels; default 180.
	Height int

	// Sample has the kernel discard all but one packet in so many of what listeners receive, but for the first ten; 0:
	// nothing is discarded.
	Sample int
	// Stage is how high the first of them is shown, if not like the others.
	Stage int
	// Timeline has each bot's report tell what it had received every so often; 0: not.
	Timeline time.Duration
	// PlainHTTP allows the token to be sent unencrypted to an address that is not loopback: in a network of one's own.
	PlainHTTP bool

	// Duration is how long all bots stay once they are in; default 20 s.
	Duration time.Duration
	// Settle is how long after the last join the measured window begins; default 2 s.
	Settle time.Duration
	// Ramp is the time between two joins.
	Ramp time.Duration
	// JoinTimeout bounds one bot's join; default 30 s. LobbyTimeout bounds its wait to be let in, which does not count
	// as joining; default 5 minutes.
	JoinTimeout, LobbyTimeout time.Duration
	// Flip turns the page of what each bot views every so often; 0: never.
	Flip time.Duration
	// Churn makes one bot after another leave and come back every so often; 0: never. Away is how long it stays away.
	Churn, Away time.Duration

	// Verify decrypts every n-th packet; 1 (the default) all. Headers are counted always.
	Verify int
	// Feedback sends transport-wide congestion control feedback, as browsers do.
	Feedback bool
	// Poll rests this long after each read of a socket, so that packets gather: cheaper, and arrival times are the
	// kernel's anyway.
	Poll time.Duration
	// ServerPID names the server's process when it runs on this machine: its CPU time over the measured window is
	// divided by the packets delivered. 0: the process that listens at URL, if that is a loopback address.
	ServerPID int

	// Thresholds are conditions like "join.p99<2s" that the report must meet.
	Thresholds []string
	// NoDefaultLimits leaves out the limits on joins, delays and freezes that hold when Thresholds names no others.
	NoDefaultLimits bool
	// Made hears the address of each meeting that the run makes; nil: not. It holds the meeting's key: never log it.
	Made func(address string) `json:"-"`
	// Progress gets a line a second; nil: none. With a TerminalWidth above 0 it is a terminal, and gets a block that is
	// redrawn.
	Progress      io.Writer
	TerminalWidth int
	// MetricsURL is the page of the server's metrics, which are put into the report; empty: none.
	MetricsURL string

	// Share makes this run one of several that carry out the plan; nil: it is the only one.
	Share *Share `json:"-"`

	link        *group.Link   // of an end-to-end encrypted meeting
	arrivalWait time.Duration // for every expected stream, before the window begins anyway
}

// check fills in defaults and refuses what makes no sense.
func (c *Config) check() error {
	defaults(&c.Name, "Bot")
	defaults(&c.Count, 1)
	defaults(&c.Rooms, 1)
	defaults(&c.Height, 180)
	defaults(&c.Duration, 20*time.Second)
	defaults(&c.Settle, 2*time.Second)
	defaults(&c.JoinTimeout, 30*time.Second)
	defaults(&c.LobbyTimeout, 5*time.Minute)
	defaults(&c.Verify, 1)
	defaults(&c.arrivalWait, 10*time.Second)
	if c.Publishers < 0 || c.Publishers > c.Count {
		c.Publishers = c.Count
	}
	if c.View < 0 {
		c.View = c.VideoSlots
	}
	if err := c.readLink(); err != nil {
		return err
	}
	if c.Plan != nil {
		return c.checkPlan()
	}
	switch {
	case c.Rooms < 1 || c.Rooms > scenario.MaxBots || c.Rooms > 1 && c.Meeting != "":
		return errors.New("bots: several rooms are meetings of the bots' own")
	case c.Count < 1 || c.Count*c.Rooms > scenario.MaxBots:
		return fmt.Errorf("bots: count must be between 1 and %d", scenario.MaxBots)
	case c.AudioSlots < 0 || c.VideoSlots < 0 || c.AudioSlots+c.VideoSlots > protocol.MaxMediaLines-4:
		return fmt.Errorf("bots: at most %d slots in all", protocol.MaxMediaLines-4)
	case c.View > protocol.MaxWants:
		return fmt.Errorf("bots: at most %d in view", protocol.MaxWants)
	case c.Height < 1 || c.Height > protocol.MaxHeight:
		return fmt.Errorf("bots: height must be between 1 and %d", protocol.MaxHeight)
	case c.Stage < 0 || c.Stage > protocol.MaxHeight:
		return fmt.Errorf("bots: stage must be between 0 and %d", protocol.MaxHeight)
	case c.Meeting != "" && !protocol.MeetingID(c.Meeting).Valid():
		return errors.New("bots: a meeting id looks like k7qm-2f9x-w3dj-8hrt")
	case c.Verify < 1:
		return errors.New("bots: verify must be at least 1")
	}
	c.Plan = c.plan()
	if err := c.checkSample(); err != nil {
		return err
	}
	c.Count, c.Publishers = c.Rooms*c.Count, c.Rooms*c.Publishers
	return c.checkThresholds()
}

// readAll is how many listeners of a meeting read all that they receive, whatever Sample says: frames and freezes are
// theirs.
const readAll = 10

// checkSample says what is wrong with the sample that the listeners of the configuration's plan read.
func (c *Config) checkSample() error {
	switch {
	case c.Sample == 0:
		return nil
	case c.Count-c.Publishers <= readAll:
		return fmt.Errorf("bots: sample: there are no listeners but the %d that read all", readAll)
	}
	if err := c.Plan.Check(); err != nil {
		return fmt.Errorf("bots: %w", err)
	}
	return nil
}

func (c *Config) checkThresholds() error {
	for _, t := range c.Thresholds {
		if err := report.CheckThreshold(t); err != nil {
			return err
		}
	}
	return nil
}

// checkPlan takes over what reports tell of a plan that was given.
func (c *Config) checkPlan() error {
	if err := c.Share.check(len(c.Plan.Meetings), len(c.Plan.Bots)); err != nil {
		return err
	}
	if c.Meeting != "" && len(c.Plan.Meetings) != 1 {
		return errors.New("bots: a meeting to join goes with a scenario of one meeting")
	}
	c.Count, c.Publishers = len(c.Plan.Bots), 0
	for i := range c.Plan.Bots {
		if len(c.Plan.Bots[i].Sources) > 0 {
			c.Publishers++
		}
	}
	return c.checkThresholds()
}

// plan is what the fields of the configuration say: all join, and stay.
func (c *Config) plan() *scenario.Plan {
	p := &scenario.Plan{}
	for range c.Rooms {
		p.Meetings = append(p.Meetings, scenario.PlannedMeeting{E2EE: c.E2EE})
	}
	for i := range c.Count * c.Rooms {
		b := scenario.Bot{
			Meeting: i / c.Count, Sources: c.sources(i % c.Count), Simulcast: c.Simulcast, AudioSlots: c.AudioSlots, VideoSlots: c.VideoSlots,
			View: c.View, Height: c.Height, Stage: c.Stage, Flip: c.Flip, Codec: c.Codec, Transport: c.Transport,
		}
		if i%c.Count >= c.Publishers+readAll {
			b.Sample = c.Sample
		}
		p.Bots = append(p.Bots, b)
	}
	stay := scenario.Stage{Kind: scenario.Hold, Length: c.Duration}
	if c.Churn > 0 {
		stay = scenario.Stage{Kind: scenario.Churn, Length: c.Duration, Every: c.Churn, Away: c.Away}
	}
	ramp := time.Duration(len(p.Bots)-1) * c.Ramp
	p.Stages = []scenario.Stage{{Kind: scenario.Join, Bots: len(p.Bots), Length: ramp}, stay}
	return p
}

// readLink takes the meeting's link apart.
func (c *Config) readLink() error {
	if !c.onServer(c.Meeting) {
		return errors.New("bots: the meeting's address is one of another server than --url")
	}
	id, fragment := splitLink(c.Meeting)
	c.Meeting = id
	if fragment == "" {
		return nil
	}
	if utf8.RuneCountInString(c.Purpose) > group.MaxNameRunes {
		return fmt.Errorf("bots: a purpose has %d characters at most", group.MaxNameRunes)
	}
	link, err := group.ParseLink(fragment)
	if err != nil {
		return errors.New("bots: the meeting's link is incomplete: give all of it, in quotes")
	}
	c.link = &link
	return nil
}

func defaults[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// sources are what bot number i publishes.
func (c *Config) sources(i int) []media.Source {
	list := []media.Source{}
	if i >= c.Publishers {
		return list
	}
	if !c.MuteAudio {
		list = append(list, media.Mic)
	}
	if !c.MuteVideo {
		list = append(list, media.Camera)
	}
	if i < c.Screens {
		list = append(list, media.ScreenAudio, media.Screen)
	}
	return list
}

// onServer says whether a meeting's address, if it names a server, names the one that the bots go to.
func (c *Config) onServer(link string) bool {
	if !strings.Contains(link, "://") {
		return true
	}
	there, err := url.Parse(link)
	here, hereErr := url.Parse(c.URL)
	return err == nil && hereErr == nil && strings.EqualFold(there.Host, here.Host)
}

// splitLink takes a meeting id off the link people get: everything before the last slash and behind the hash.
func splitLink(text string) (id, fragment string) {
	text, fragment, _ = strings.Cut(text, "#")
	return text[strings.LastIndexByte(text, '/')+1:], fragment
}

// configuration is a hash of what the run does and how it measures, not of where: runs with the same one can be
// compared as repetitions.
func (c *Config) configuration() (string, error) {
	raw, err := json.Marshal(struct {
		Plan                    *scenario.Plan
		Bench, Feedback, Uneven bool
		Verify                  int
		Poll                    time.Duration
		Thresholds              []string
		NoDefaults, OwnMeetings bool
	}{c.Plan, c.Bench, c.Feedback, c.Uneven, c.Verify, c.Poll, c.Thresholds, c.NoDefaultLimits, c.Meeting == ""})
	if err != nil {
		return "", fmt.Errorf("bots: configuration: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8]), nil
}
