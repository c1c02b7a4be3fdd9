package agent

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"conclave/bots"
	"conclave/bots/measure"
	"conclave/bots/report"
	"conclave/bots/scenario"
)

const (
	// maxMessage bounds a message, in bytes: a report's series of an hour, or the bots of one batch.
	maxMessage = 8 << 20
	// maxBatch bounds the bots of one message, maxRecords those of one agent: with churn, many bots take one place.
	maxBatch   = 16
	maxRecords = 50_000
	// maxCounts bounds the buckets of a histogram that is sent.
	maxCounts = 8192
)

// message is what is sent: exactly one of its fields is set.
type message struct {
	Hello     *hello        `json:"hello,omitempty"`
	Ping      *ping         `json:"ping,omitempty"`
	Pong      *pong         `json:"pong,omitempty"`
	Job       *job          `json:"job,omitempty"`
	At        *gate         `json:"at,omitempty"` // an agent waits at a gate
	Go        *gate         `json:"go,omitempty"` // all do
	Tick      *tick         `json:"tick,omitempty"`
	Elsewhere *elsewhere    `json:"elsewhere,omitempty"`
	Bots      *[]report.Bot `json:"bots,omitempty"`
	Done      *done         `json:"done,omitempty"`
	Bye       *bye          `json:"bye,omitempty"`
}

// hello is the first message of both sides.
type hello struct {
	Version int `json:"version"`
	// Target is where the conductor's bots go; an agent says nothing there.
	Target string `json:"target,omitempty"`
}

// version is that of the messages: both sides must have the same.
const version = 1

// ping asks for the time; pong answers it.
type (
	ping struct{}
	pong struct {
		TimeNS int64 `json:"time_ns"` // since 1970
	}
)

// job is what an agent is to do.
type job struct {
	Token        string            `json:"token"`
	Password     string            `json:"password,omitempty"`
	Purpose      string            `json:"purpose,omitempty"`
	Name         string            `json:"name"`
	Scenario     string            `json:"scenario,omitempty"`
	Label        string            `json:"label,omitempty"`
	Bench        bool              `json:"bench,omitempty"`
	Feedback     bool              `json:"feedback,omitempty"`
	Verify       int               `json:"verify"`
	Poll         time.Duration     `json:"poll_ns,omitempty"`
	Settle       time.Duration     `json:"settle_ns"`
	JoinTimeout  time.Duration     `json:"join_timeout_ns"`
	LobbyTimeout time.Duration     `json:"lobby_timeout_ns"`
	Plan         *scenario.Plan    `json:"plan"`
	Meetings     []bots.MeetingKey `json:"meetings"`
	Index        int               `json:"index"`
	Of           int               `json:"of"`
	Clock        measure.Clock     `json:"clock"`
}

type gate struct {
	Point string `json:"point"`
}

// tick says each second how an agent's run stands.
type tick struct {
	Live      *report.Live     `json:"live"`
	Published []bots.Published `json:"published"`
}

// elsewhere tells an agent what the bots of the others publish, by meeting.
type elsewhere struct {
	Published []bots.Published `json:"published"`
}

// done ends an agent's report. The bots came before it.
type done struct {
	Report *report.Report `json:"report,omitempty"` // without its bots
	Error  string         `json:"error,omitempty"`  // in place of a report
	Audio  counts         `json:"audio"`
	Video  counts         `json:"video"`
}

// counts is a histogram: pairs of an index and a count that is not 0.
type counts [][2]int64

// bye ends a connection.
type bye struct {
	Reason string `json:"reason,omitempty"`
}

var (
	errTooLong = fmt.Errorf("bots: agent: a message of more than %d MiB", maxMessage>>20)
	errMessage = errors.New("bots: agent: a message must hold one thing")
)

// encode returns a message as it is sent: its length in 4 bytes, then JSON.
func (m *message) encode() ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 4))
	if err := json.NewEncoder(&b).Encode(m); err != nil {
		return nil, fmt.Errorf("bots: agent: %w", err)
	}
	if b.Len()-4 > maxMessage {
		return nil, errTooLong
	}
	raw := b.Bytes()
	binary.BigEndian.PutUint32(raw, uint32(b.Len()-4))
	return raw, nil
}

// read reads one message. Memory for it is taken as it arrives, not by the length that the other side claims.
func read(r io.Reader) (*message, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, fmt.Errorf("bots: agent: %w", err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxMessage {
		return nil, errTooLong
	}
	raw, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, fmt.Errorf("bots: agent: %w", err)
	}
	if len(raw) < int(n) {
		return nil, fmt.Errorf("bots: agent: %w", io.ErrUnexpectedEOF)
	}
	return decode(raw)
}

// decode reads a message. Fields that it does not know, and anything behind it, are errors.
func decode(raw []byte) (*message, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	m := &message{}
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("bots: agent: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errMessage
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// check holds a message to its bounds.
func (m *message) check() error {
	set := 0
	for _, is := range []bool{
		m.Hello != nil, m.Ping != nil, m.Pong != nil, m.Job != nil, m.At != nil, m.Go != nil, m.Tick != nil,
		m.Elsewhere != nil, m.Bots != nil, m.Done != nil, m.Bye != nil,
	} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return errMessage
	case m.Job != nil:
		return m.Job.check()
	case m.Tick != nil && (m.Tick.Live == nil || len(m.Tick.Published) > scenario.MaxMeetings):
		return errors.New("bots: agent: a tick out of bounds")
	case m.Elsewhere != nil && len(m.Elsewhere.Published) > scenario.MaxMeetings:
		return errors.New("bots: agent: too many meetings")
	case m.Bots != nil && len(*m.Bots) > maxBatch:
		return errors.New("bots: agent: too many bots in one message")
	case m.Done != nil:
		return m.Done.check()
	}
	return nil
}

func (j *job) check() error {
	switch {
	case j.Plan == nil:
		return errors.New("bots: agent: a job without a plan")
	case len(j.Meetings) != len(j.Plan.Meetings):
		return errors.New("bots: agent: a job without its meetings")
	case j.Of < 1 || j.Of > MaxAgents || j.Index < 0 || j.Index >= j.Of:
		return errors.New("bots: agent: a job of no share")
	case j.Verify < 1 || min(j.Poll, j.Settle, j.JoinTimeout, j.LobbyTimeout, j.Clock.Error) < 0:
		return errors.New("bots: agent: a number of a job is out of bounds")
	}
	return j.Plan.Check() //nolint:wrapcheck // says what is wrong
}

func (d *done) check() error {
	switch {
	case (d.Report == nil) == (d.Error == ""):
		return errors.New("bots: agent: a report or an error")
	case d.Report != nil && (d.Report.Schema != report.Schema || len(d.Report.Bots) > 0 || len(d.Report.Agents) > 0 ||
		len(d.Report.Series.Samples) > report.MaxSamples || !(d.Report.Series.EveryS >= 0 && d.Report.Series.EveryS < 1<<20)):
		return errors.New("bots: agent: a report out of bounds")
	case len(d.Audio) > maxCounts || len(d.Video) > maxCounts:
		return errors.New("bots: agent: a histogram out of bounds")
	}
	return nil
}
