package protocol

import "reflect"

// Spec is what the protocol says about one type of message beside its fields: a row of its table.
type Spec struct {
	Type string // its "type" on the wire

	// The rest concerns messages of clients.

	// MaxSize is how many bytes it may have; 0 means MaxMessage.
	MaxSize int
	// From is the earliest stage at which its sender may send it.
	From Stage
	// Needs is the permission that its sender's role must hold; empty for none.
	Needs Permission
	// Weight is what it counts against the rate of requests, in quarters of a request; 0 means one request.
	Weight int
	// Automatic says that a client sends it by itself: it is no sign that a person is there.
	Automatic bool

	message reflect.Type // the struct
}

// Stage is how far a client has come.
type Stage uint8

// The stages, last one first: a message may be sent at its own stage and at those before it in this list.
const (
	InMeeting Stage = iota // welcomed
	InLobby                // it holds a seat
	Connected              // it holds none
)

// OneRequest is the Weight of an ordinary request.
const OneRequest = 4

// The table of messages. Decoding, the limits of sizes and rates, permissions, dispatch, the documentation's tests
// and the web client's types all follow from it.
var (
	clientTable = newTable([]Spec{
		client[Join](Spec{Type: "join", From: Connected}),
		client[Offer](Spec{Type: "offer", MaxSize: MaxOffer, Weight: 5 * OneRequest, Automatic: true}),
		client[Media](Spec{Type: "media"}),
		client[View](Spec{Type: "view", Automatic: true}),
		client[Chat](Spec{Type: "chat", Needs: MayChat}),
		client[App](Spec{Type: "app", Needs: MayChat}),
		client[React](Spec{Type: "react", Needs: MayChat}),
		client[Hand](Spec{Type: "hand", Needs: MayChat}),
		client[Admit](Spec{Type: "admit", MaxSize: MaxRelay, Needs: MayAdmit}),
		client[Deny](Spec{Type: "deny", Needs: MayAdmit}),
		client[Mute](Spec{Type: "mute", Needs: MayMute}),
		client[AskUnmute](Spec{Type: "ask_unmute", Needs: MayMute}),
		client[Remove](Spec{Type: "remove", Needs: MayRemove}),
		client[SetRole](Spec{Type: "role", Needs: MayRoles}),
		client[Spotlight](Spec{Type: "spotlight", Needs: MaySpotlight}),
		client[Timer](Spec{Type: "timer", Needs: MaySpotlight}),
		client[SetPolicy](Spec{Type: "policy", Needs: MayLock}),
		client[Relay](Spec{Type: "relay", MaxSize: MaxRelay, Weight: OneRequest / 4, Automatic: true}),
		client[Broadcast](Spec{Type: "broadcast", MaxSize: MaxBroadcast}), // the meeting knows what which kind needs
		client[FoundGroup](Spec{Type: "found", Automatic: true}),
		client[KeyPackage](Spec{Type: "key_package", Automatic: true}),
		client[Commit](Spec{Type: "commit", MaxSize: MaxCommit, Weight: 2 * OneRequest, Automatic: true}),
		client[Propose](Spec{Type: "propose", Automatic: true}),
		client[LogGet](Spec{Type: "log_get", Automatic: true}),
		client[Stuck](Spec{Type: "stuck", Automatic: true}),
		client[StreamKey](Spec{Type: "stream_key", Needs: MayAdmit}),
		client[RevokeStreamKey](Spec{Type: "revoke_stream_key", Needs: MayAdmit}),
		client[OpenBreakouts](Spec{Type: "open_breakouts", Needs: MayEnd, Weight: 5 * OneRequest}),
		client[CloseBreakouts](Spec{Type: "close_breakouts", Needs: MayEnd}),
		client[End](Spec{Type: "end", Needs: MayEnd}),
		client[Active](Spec{Type: "active"}),
		client[Leave](Spec{Type: "leave", From: Connected}),
	})
	serverTable = newTable([]Spec{
		server[OK]("ok"),
		server[StreamKeyMade]("stream_key"),
		server[Breakouts]("breakouts"),
		server[Lobby]("lobby"),
		server[Welcome]("welcome"),
		server[Answer]("answer"),
		server[Slots]("slots"),
		server[Encode]("encode"),
		server[Roster]("roster"),
		server[Speakers]("speakers"),
		server[ChatEvent]("chat"),
		server[AppEvent]("app"),
		server[Reaction]("reaction"),
		server[Waiting]("waiting"),
		server[Muted]("muted"),
		server[AskUnmuteEvent]("ask_unmute"),
		server[Permissions]("permissions"),
		server[PolicyEvent]("policy"),
		server[SpotlightEvent]("spotlight"),
		server[TimerEvent]("timer"),
		server[Quality]("quality"),
		server[Relays]("relays"),
		server[BroadcastEvent]("broadcast"),
		server[Group]("group"),
		server[KeyPackages]("key_packages"),
		server[Log]("log"),
		server[Secrets]("secrets"),
		server[StuckEvent]("stuck"),
		server[MediaRefused]("media_refused"),
		server[MediaFailed]("media_failed"),
		server[Warnings]("warnings"),
		server[Notice]("notice"),
		server[Idle]("idle"),
		server[Bye]("bye"),
		server[Error]("error"),
	})
)

// Bodies returns an empty value of every HTTP body of http.go.
func Bodies() []any { // any: they have nothing in common
	return []any{
		Config{}, CodeRequest{}, Code{}, CodeState{}, VerifyRequest{}, Session{}, Create{}, Created{}, MeetingInfo{}, PathCheck{},
		Challenge{}, Opened{}, HTTPError{},
	}
}

// clientPointer is a pointer to a client's message.
type clientPointer[M any] interface {
	*M
	ClientMessage
}

type serverPointer[M any] interface {
	*M
	ServerMessage
}

func client[M any, P clientPointer[M]](s Spec) Spec {
	s.message = reflect.TypeFor[M]()
	if s.MaxSize == 0 {
		s.MaxSize = MaxMessage
	}
	if s.Weight == 0 {
		s.Weight = OneRequest
	}
	return s
}

func server[M any, P serverPointer[M]](typ string) Spec {
	return Spec{Type: typ, MaxSize: MaxServer, message: reflect.TypeFor[M]()}
}

// table is the messages of one direction. It does not change.
type table struct {
	specs    []Spec
	byType   map[string]*Spec
	byStruct map[reflect.Type]*Spec
}

func newTable(specs []Spec) table {
	t := table{specs, make(map[string]*Spec, len(specs)), make(map[reflect.Type]*Spec, len(specs))}
	for i := range specs {
		s := &specs[i]
		t.byType[s.Type], t.byStruct[s.message] = s, s
	}
	return t
}

// empty returns a new message of type M for each row.
func empty[M Message](t table) []M {
	out := make([]M, len(t.specs))
	for i, s := range t.specs {
		out[i], _ = reflect.New(s.message).Interface().(M) // it is one, by construction of the table
	}
	return out
}

// ClientMessages returns one empty message of every type that a client may send.
func ClientMessages() []ClientMessage { return empty[ClientMessage](clientTable) }

// ServerMessages returns one empty message of every type that the server may send.
func ServerMessages() []ServerMessage { return empty[ServerMessage](serverTable) }

// SpecOf returns the row of a message. The message must be one of this package's.
func SpecOf(m Message) *Spec {
	t := reflect.TypeOf(m).Elem()
	if s := clientTable.byStruct[t]; s != nil {
		return s
	}
	return serverTable.byStruct[t]
}

// IsAutomatic says whether a client sends m by itself, as its row says. A broadcast of the kind BroadcastGroup is no
// person's act either.
func IsAutomatic(m ClientMessage) bool {
	if b, ok := m.(*Broadcast); ok && b.Kind == BroadcastGroup {
		return true
	}
	return SpecOf(m).Automatic
}

// TypeOf returns the "type" of a message on the wire. The message must be one of this package's.
func TypeOf(m Message) string { return SpecOf(m).Type }
