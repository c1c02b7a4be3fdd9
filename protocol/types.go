package protocol

// newClient returns an empty client message of the given type, nil if there is none.
func newClient(typ string) ClientMessage {
	switch typ {
	case "join":
		return &Join{}
	case "offer":
		return &Offer{}
	case "media":
		return &Media{}
	case "view":
		return &View{}
	case "chat":
		return &Chat{}
	case "react":
		return &React{}
	case "hand":
		return &Hand{}
	case "admit":
		return &Admit{}
	case "deny":
		return &Deny{}
	case "mute":
		return &Mute{}
	case "ask_unmute":
		return &AskUnmute{}
	case "remove":
		return &Remove{}
	case "role":
		return &SetRole{}
	case "spotlight":
		return &Spotlight{}
	case "policy":
		return &SetPolicy{}
	case "relay":
		return &Relay{}
	case "broadcast":
		return &Broadcast{}
	case "end":
		return &End{}
	case "active":
		return &Active{}
	case "leave":
		return &Leave{}
	default:
		return nil
	}
}

// newServer returns an empty server message of the given type, nil if there is none.
func newServer(typ string) ServerMessage {
	switch typ {
	case "ok":
		return &OK{}
	case "lobby":
		return &Lobby{}
	case "welcome":
		return &Welcome{}
	case "answer":
		return &Answer{}
	case "slots":
		return &Slots{}
	case "encode":
		return &Encode{}
	case "roster":
		return &Roster{}
	case "speakers":
		return &Speakers{}
	case "chat":
		return &ChatEvent{}
	case "reaction":
		return &Reaction{}
	case "waiting":
		return &Waiting{}
	case "muted":
		return &Muted{}
	case "ask_unmute":
		return &AskUnmuteEvent{}
	case "permissions":
		return &Permissions{}
	case "policy":
		return &PolicyEvent{}
	case "spotlight":
		return &SpotlightEvent{}
	case "quality":
		return &Quality{}
	case "relays":
		return &Relays{}
	case "broadcast":
		return &BroadcastEvent{}
	case "media_refused":
		return &MediaRefused{}
	case "notice":
		return &Notice{}
	case "idle":
		return &Idle{}
	case "bye":
		return &Bye{}
	case "error":
		return &Error{}
	default:
		return nil
	}
}

// ClientMessages returns one empty message of every type a client may send.
func ClientMessages() []ClientMessage {
	return []ClientMessage{
		&Join{}, &Offer{}, &Media{}, &View{}, &Chat{}, &React{}, &Hand{}, &Admit{}, &Deny{},
		&Mute{}, &AskUnmute{}, &Remove{}, &SetRole{}, &Spotlight{}, &SetPolicy{},
		&Relay{}, &Broadcast{}, &End{}, &Active{}, &Leave{},
	}
}

// ServerMessages returns one empty message of every type the server may send.
func ServerMessages() []ServerMessage {
	return []ServerMessage{
		&OK{}, &Lobby{}, &Welcome{}, &Answer{}, &Slots{}, &Encode{}, &Roster{}, &Speakers{}, &ChatEvent{}, &Reaction{},
		&Waiting{}, &Muted{}, &AskUnmuteEvent{}, &Permissions{}, &PolicyEvent{}, &SpotlightEvent{},
		&Quality{}, &Relays{}, &BroadcastEvent{}, &MediaRefused{}, &Notice{}, &Idle{}, &Bye{}, &Error{},
	}
}

// Type implements Message.
func (*Join) Type() string { return "join" }

// Request implements ClientMessage.
func (m *Join) Request() RequestID { return m.ID }

// Type implements Message.
func (*Offer) Type() string { return "offer" }

// Request implements ClientMessage.
func (m *Offer) Request() RequestID { return m.ID }

// Type implements Message.
func (*Media) Type() string { return "media" }

// Request implements ClientMessage.
func (m *Media) Request() RequestID { return m.ID }

// Type implements Message.
func (*View) Type() string { return "view" }

// Request implements ClientMessage.
func (m *View) Request() RequestID { return m.ID }

// Type implements Message.
func (*Chat) Type() string { return "chat" }

// Request implements ClientMessage.
func (m *Chat) Request() RequestID { return m.ID }

// Type implements Message.
func (*React) Type() string { return "react" }

// Request implements ClientMessage.
func (m *React) Request() RequestID { return m.ID }

// Type implements Message.
func (*Hand) Type() string { return "hand" }

// Request implements ClientMessage.
func (m *Hand) Request() RequestID { return m.ID }

// Type implements Message.
func (*Admit) Type() string { return "admit" }

// Request implements ClientMessage.
func (m *Admit) Request() RequestID { return m.ID }

// Type implements Message.
func (*Deny) Type() string { return "deny" }

// Request implements ClientMessage.
func (m *Deny) Request() RequestID { return m.ID }

// Type implements Message.
func (*Mute) Type() string { return "mute" }

// Request implements ClientMessage.
func (m *Mute) Request() RequestID { return m.ID }

// Type implements Message.
func (*AskUnmute) Type() string { return "ask_unmute" }

// Request implements ClientMessage.
func (m *AskUnmute) Request() RequestID { return m.ID }

// Type implements Message.
func (*Remove) Type() string { return "remove" }

// Request implements ClientMessage.
func (m *Remove) Request() RequestID { return m.ID }

// Type implements Message.
func (*SetRole) Type() string { return "role" }

// Request implements ClientMessage.
func (m *SetRole) Request() RequestID { return m.ID }

// Type implements Message.
func (*SetPolicy) Type() string { return "policy" }

// Request implements ClientMessage.
func (m *SetPolicy) Request() RequestID { return m.ID }

// Type implements Message.
func (*Spotlight) Type() string { return "spotlight" }

// Request implements ClientMessage.
func (m *Spotlight) Request() RequestID { return m.ID }

// Type implements Message.
func (*Relay) Type() string { return "relay" }

// Request implements ClientMessage.
func (m *Relay) Request() RequestID { return m.ID }

// Type implements Message.
func (*Broadcast) Type() string { return "broadcast" }

// Request implements ClientMessage.
func (m *Broadcast) Request() RequestID { return m.ID }

// Type implements Message.
func (*End) Type() string { return "end" }

// Request implements ClientMessage.
func (m *End) Request() RequestID { return m.ID }

// Type implements Message.
func (*Active) Type() string { return "active" }

// Request implements ClientMessage.
func (m *Active) Request() RequestID { return m.ID }

// Type implements Message.
func (*Leave) Type() string { return "leave" }

// Request implements ClientMessage.
func (m *Leave) Request() RequestID { return m.ID }

// Type implements Message.
func (*OK) Type() string { return "ok" }

// Type implements Message.
func (*Lobby) Type() string { return "lobby" }

// Type implements Message.
func (*Welcome) Type() string { return "welcome" }

// Type implements Message.
func (*Answer) Type() string { return "answer" }

// Type implements Message.
func (*Slots) Type() string { return "slots" }

// Type implements Message.
func (*Encode) Type() string { return "encode" }

// Type implements Message.
func (*Roster) Type() string { return "roster" }

// Type implements Message.
func (*Speakers) Type() string { return "speakers" }

// Type implements Message.
func (*ChatEvent) Type() string { return "chat" }

// Type implements Message.
func (*Reaction) Type() string { return "reaction" }

// Type implements Message.
func (*Waiting) Type() string { return "waiting" }

// Type implements Message.
func (*Muted) Type() string { return "muted" }

// Type implements Message.
func (*AskUnmuteEvent) Type() string { return "ask_unmute" }

// Type implements Message.
func (*Permissions) Type() string { return "permissions" }

// Type implements Message.
func (*PolicyEvent) Type() string { return "policy" }

// Type implements Message.
func (*SpotlightEvent) Type() string { return "spotlight" }

// Type implements Message.
func (*Quality) Type() string { return "quality" }

// Type implements Message.
func (*Relays) Type() string { return "relays" }

// Type implements Message.
func (*BroadcastEvent) Type() string { return "broadcast" }

// Type implements Message.
func (*MediaRefused) Type() string { return "media_refused" }

// Type implements Message.
func (*Notice) Type() string { return "notice" }

// Type implements Message.
func (*Idle) Type() string { return "idle" }

// Type implements Message.
func (*Bye) Type() string { return "bye" }

// Type implements Message.
func (*Error) Type() string { return "error" }

func (*OK) serverMessage()             {}
func (*Lobby) serverMessage()          {}
func (*Welcome) serverMessage()        {}
func (*Answer) serverMessage()         {}
func (*Slots) serverMessage()          {}
func (*Encode) serverMessage()         {}
func (*Roster) serverMessage()         {}
func (*Speakers) serverMessage()       {}
func (*ChatEvent) serverMessage()      {}
func (*Reaction) serverMessage()       {}
func (*Waiting) serverMessage()        {}
func (*Muted) serverMessage()          {}
func (*AskUnmuteEvent) serverMessage() {}
func (*Permissions) serverMessage()    {}
func (*PolicyEvent) serverMessage()    {}
func (*SpotlightEvent) serverMessage() {}
func (*Quality) serverMessage()        {}
func (*Relays) serverMessage()         {}
func (*BroadcastEvent) serverMessage() {}
func (*MediaRefused) serverMessage()   {}
func (*Notice) serverMessage()         {}
func (*Idle) serverMessage()           {}
func (*Bye) serverMessage()            {}
func (*Error) serverMessage()          {}
