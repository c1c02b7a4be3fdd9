package handover

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// Type is what a message says.
type Type string

// The messages, in the order of a hand-over. Those of a link come in any order.
const (
	Ask      Type = "ask"      // new → old: who I am
	Reload   Type = "reload"   // command → server: start a new version
	Listener Type = "listener" // old → new: one listener, with its descriptor
	Offer    Type = "offer"    // old → new: these were all
	Refused  Type = "refused"  // the answer to ask or reload: no, and why
	Ready    Type = "ready"    // new → old: I could serve
	State    Type = "state"    // old → new, then both: sessions
	Go       Type = "go"       // old → new: this was all of the state
	Taken    Type = "taken"    // new → old: I serve; to the command: it is done

	Stream Type = "stream" // both: a connection; of clients' streams newer → older
	Revoke Type = "revoke" // both: a session has ended
	Touch  Type = "touch"  // older → newer: a session was active
	End    Type = "end"    // newer → older: end within so many seconds
)

const (
	// protocolVersion is that of the messages. Another one is refused.
	protocolVersion = 1
	// maxMessage bounds a message. A Unix socket carries 200 KiB at once.
	maxMessage = 64 << 10
	// MaxData bounds the state in a message, which JSON makes a third longer.
	MaxData = 32 << 10
	// maxText bounds each text in a message.
	maxText = 256
	// maxListeners bounds the listeners that are handed over: two for each address of media, and three more.
	maxListeners = 32
	// maxState bounds the messages of state: 16 million sessions' worth.
	maxState = 1 << 15
	// sessionLen is the length of a session's name: 16 bytes in hexadecimal digits.
	sessionLen = 32
)

// Kind is what a connection that is sent down a link carries.
type Kind string

// The kinds of connections.
const (
	Requests Kind = "requests" // HTTP requests of clients
	Queries  Kind = "queries"  // HTTP requests of the newer version itself
	Plain    Kind = "plain"    // a client's stream: ICE-TCP or TURN
	Inside   Kind = "inside"   // the same, out of TLS
)

// Message is one message. It may hold people's sessions and addresses: no verb of fmt, no logger prints it.
type Message struct {
	Type       Type           `json:"type"`
	Version    int            `json:"version,omitempty"`    // of ask: protocolVersion
	Build      string         `json:"build,omitempty"`      // of ask, offer, taken: the version, for the operator
	Address    string         `json:"address,omitempty"`    // of listener: as the configuration names it
	Generation int            `json:"generation,omitempty"` // of offer: the new one's
	Why        string         `json:"why,omitempty"`        // of refused: for the operator
	Data       []byte         `json:"data,omitempty"`       // of state
	Session    string         `json:"session,omitempty"`    // of revoke, touch
	Kind       Kind           `json:"kind,omitempty"`       // of stream
	From       netip.AddrPort `json:"from,omitzero"`        // of stream: the client
	To         netip.AddrPort `json:"to,omitzero"`          // of stream: the address of ours that it reached
	Seconds    int            `json:"seconds,omitempty"`    // of end
}

// Format prints the type of the message for every verb.
func (m *Message) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.shown()) }

// LogValue is the type of the message in slog.
func (m *Message) LogValue() slog.Value { return slog.StringValue(m.shown()) }

func (m *Message) shown() string { return "message " + string(m.Type) }

var errMessage = errors.New("handover: not a message")

// errNoDescriptor says that a message came without its descriptor: this process may open no more files.
var errNoDescriptor = errors.New("handover: no descriptor is free")

// decode reads a message strictly. hasFile says whether a descriptor came with it.
func decode(b []byte, hasFile bool) (*Message, error) {
	if len(b) > maxMessage {
		return nil, errMessage
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	m := &Message{}
	if d.Decode(m) != nil {
		return nil, errMessage // the decoder's own error may quote the message
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errMessage
	}
	if !m.valid(hasFile) {
		return nil, errMessage
	}
	return m, nil
}

// valid says whether the message has what its type needs, and nothing else.
func (m *Message) valid(hasFile bool) bool {
	rest := *m
	rest.Type = ""
	take := func(good bool, remove func()) bool {
		remove()
		return good
	}
	ok := hasFile == (m.Type == Listener || m.Type == Stream)
	switch m.Type {
	case Ask:
		ok = ok && take(m.Version > 0 && text(m.Build), func() { rest.Version, rest.Build = 0, "" })
	case Listener:
		ok = ok && take(m.Address != "" && text(m.Address), func() { rest.Address = "" })
	case Offer:
		ok = ok && take(m.Generation > 1 && m.Generation < 1<<31 && text(m.Build),
			func() { rest.Generation, rest.Build = 0, "" })
	case Refused:
		ok = ok && take(m.Why != "" && text(m.Why), func() { rest.Why = "" })
	case State:
		ok = ok && take(len(m.Data) > 0 && len(m.Data) <= MaxData, func() { rest.Data = nil })
	case Stream:
		ok = ok && take(m.validStream(), func() { rest.Kind, rest.From, rest.To = "", netip.AddrPort{}, netip.AddrPort{} })
	case Revoke, Touch:
		ok = ok && take(IsSession(m.Session), func() { rest.Session = "" })
	case End:
		ok = ok && take(m.Seconds >= 0 && m.Seconds < 1<<20, func() { rest.Seconds = 0 })
	case Taken:
		ok = ok && take(text(m.Build), func() { rest.Build = "" })
	case Reload, Ready, Go:
	default:
		return false
	}
	return ok && rest.empty()
}

// validStream says whether a connection's kind has the addresses that it needs: clients have one.
func (m *Message) validStream() bool {
	switch m.Kind {
	case Requests, Queries:
		return m.From == netip.AddrPort{} && m.To == netip.AddrPort{}
	case Plain, Inside:
		return m.From.IsValid() && m.To.IsValid() && m.From.Addr().Zone() == "" && m.To.Addr().Zone() == ""
	}
	return false
}

func (m *Message) empty() bool {
	return m.Type == "" && m.Version == 0 && m.Build == "" && m.Address == "" && m.Generation == 0 && m.Why == "" &&
		m.Data == nil && m.Session == "" && m.Kind == "" && m.From == netip.AddrPort{} && m.To == netip.AddrPort{} &&
		m.Seconds == 0
}

// text says whether a text may be shown to an operator: short, and of one line.
func text(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' })
}

// IsSession says whether a text can name a session: 32 lower-case hexadecimal digits.
func IsSession(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(s) == sessionLen && s == hex.EncodeToString(b)
}

// encode writes a message. One that cannot be read again is our bug.
func encode(m *Message) ([]byte, error) {
	if !m.valid(slices.Contains([]Type{Listener, Stream}, m.Type)) {
		return nil, fmt.Errorf("handover: an invalid %s message", m.Type)
	}
	b, err := json.Marshal(m)
	if err != nil || len(b) > maxMessage {
		return nil, fmt.Errorf("handover: a %s message cannot be written", m.Type)
	}
	return b, nil
}

// oneLine makes a text of an error that a message may carry.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	if s == "" {
		return "no reason was given"
	}
	return s
}
