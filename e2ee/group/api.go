package group

import (
	"io"

	"conclave/e2ee/sframe"
)

// Key is an identity key (IK): a person on one device. State is kept by key, never by participant number.
type Key = sframe.Key

// Role is what a member may do (docs/e2ee.md, section 8).
type Role uint8

// The roles.
const (
	RoleViewer Role = iota
	RoleParticipant
	RoleCoHost
	RoleHost
)

// Config says who a Session is.
type Config struct {
	// Root is that of the link, the meeting and its password. Sessions of one process should have one in common.
	Root *Root
	// Identity is the device's key.
	Identity *Identity
	// Room is the room's key, where the address is a room's and this is its owner; else nil.
	Room *Identity
	// Name is the display name.
	Name string
	// Bot marks a bot.
	Bot bool
	// Purpose is what an OutsideSession asks people for.
	Purpose string
	// Turns is what sessions of the same group in one process have in common, so that they do no work twice; nil: nothing.
	Turns *Turns
	// Random is where keys come from; nil is crypto/rand.
	Random io.Reader
}

// Seat is a participant as the server's roster shows it.
type Seat struct {
	Participant uint32
	Announce    []byte // decoded; nil where there is none
	Connected   bool   // false while the seat waits to be resumed
	Bot         bool   // the server calls it one; its leaf may say so too
}

// State is the server's message group.
type State struct {
	ServerKey []byte // Ed25519, of this meeting's log
	GroupID   []byte // nil while there is no group
	Position  uint64 // of the newest entry
	Epoch     uint64 // that the newest candidate is of
	Found     bool   // this client is to found the group
}

// Entry is one entry of the server's log.
type Entry struct {
	Position uint64
	From     uint32 // a participant; 0: the server
	Data     []byte
}

// Package is a key package of one who wants in.
type Package struct {
	Participant uint32
	Data        []byte
}

// Secrets are what a joiner gets beside the log.
type Secrets struct {
	GroupInfo []byte
	Data      []byte
	Leaf      uint32
	Position  uint64 // of the commit
}

// Kind is what a broadcast is.
type Kind uint8

// The kinds of broadcasts.
const (
	KindChat     Kind = 1
	KindReaction Kind = 2
	KindApp      Kind = 3 // what pages tell each other
	KindGroup    Kind = 4 // what sessions tell each other
)

// Message is what a session has for the server: one of Found, KeyPackage, Commit, Propose, LogGet, Stuck, Broadcast and
// Relay. Byte strings are not encoded yet.
type Message interface{ message() }

// Found says that this client founds the group.
type Found struct {
	GroupID []byte
	Leaf    uint32
}

// KeyPackage offers this seat's key package.
type KeyPackage struct{ Data []byte }

// Commit is a candidate.
type Commit struct {
	Data      []byte
	GroupInfo []byte
	Added     []Added
}

// Added is one whom a commit adds.
type Added struct {
	Participant uint32
	Leaf        uint32
	Secrets     []byte
}

// Propose is one's own Remove.
type Propose struct{ Data []byte }

// LogGet asks for entries from a position on.
type LogGet struct{ From uint64 }

// Stuck says that the path of a commit did not open.
type Stuck struct {
	Epoch uint64
	Hash  [HashSize]byte
}

// Broadcast is an application message to all.
type Broadcast struct {
	Kind Kind
	Data []byte
}

// Relay is a message to one participant.
type Relay struct {
	To   uint32
	Data []byte
}

func (*Found) message()      {}
func (*KeyPackage) message() {}
func (*Commit) message()     {}
func (*Propose) message()    {}
func (*LogGet) message()     {}
func (*Stuck) message()      {}
func (*Broadcast) message()  {}
func (*Relay) message()      {}

// Owner says whose key a participant number stands for: sframe.Opener.SetOwner, or ForgetOwner if Gone.
type Owner struct {
	Participant uint32
	Key         Key
	Gone        bool
}

// Sending says what own media is sealed with from now on: sframe.Sealer.Use, or Stop if Epoch is nil. Outside says that
// it is sframe.Sealer.UseOutside, with Number.
type Sending struct {
	Epoch   *sframe.Epoch
	Outside bool
	Number  uint32
}

// Output is what to do after an event, in the order of the fields.
type Output struct {
	Owners   []Owner
	Clear    bool            // sframe.Opener.Clear: the session is in no group any more
	Epochs   []*sframe.Epoch // sframe.Opener.Add
	Outside  []OutsideKey    // sframe.Opener.AddOutside
	Heard    []*Heard        // sframe.Opener.AddSingle of each key: to an OutsideSession
	Sending  *Sending        // nil: no change
	Messages []Message
	Notices  []Notice
}

// NoticeKind is what a Notice tells.
type NoticeKind uint8

// The notices. From is whom it is about, if it is about a member.
const (
	// NoticePeople: members, roles, names, policy, or who is confirmed have changed. See Session.People.
	NoticePeople NoticeKind = iota + 1
	// NoticeReady: the session may send now, for the first time; NoticeLinkOnly: and only the link vouches for the
	// group.
	NoticeReady
	NoticeLinkOnly
	// NoticeChat, NoticeReaction, NoticeApp: From, oneself included, said Text to all.
	NoticeChat
	NoticeReaction
	NoticeApp
	// NoticePrivate, NoticePrivateApp: From said Text to oneself alone.
	NoticePrivate
	NoticePrivateApp
	// NoticeSilence: no host has been heard for 45 s; NoticeStopped: for 75 s, and nothing is sent any more;
	// NoticeHeard: one is heard again.
	NoticeSilence
	NoticeStopped
	NoticeHeard
	// NoticeWaiting: sending stopped because a removal has not come for 3 s; NoticeGoesOn: it has come.
	NoticeWaiting
	NoticeGoesOn
	// NoticeStuck: two people could not open a commit of From. Hosts should be offered to remove From.
	NoticeStuck
	// NoticePromoted: From became host by succession. NoticeNoHeir: there is no host, and no heir to become one.
	NoticePromoted
	NoticeNoHeir
	// NoticeRemoved: one was removed for good. NoticeSwitched: another device of one's own took over.
	NoticeRemoved
	NoticeSwitched
	// NoticeFalseGroup: Err says why a group was refused that the server showed.
	NoticeFalseGroup
	// NoticeCompare: From wants to compare the number of Epoch: see Session.Comparison.
	NoticeCompare
	// NoticeConsent: From agreed, or no longer does (On), to be heard by the recorder or bot with the key Bot.
	NoticeConsent
	// NoticeAsk: a recorder or bot outside the group, From, asks to hear this person; Text is what for. See
	// Session.Consent.
	NoticeAsk
	// NoticeForged: a message did not open, or was not signed by whom it claims. Err says why.
	NoticeForged
)

// Notice is something that a person should see, or a program act on.
type Notice struct {
	Kind        NoticeKind
	From        Key
	Participant uint32 // of From, 0 without a seat
	Text        string
	Epoch       uint64
	Bot         Key
	On          bool
	Err         error
}

// Person is a member of the group, as people should be shown it. The list of people is the group: each leaf is one.
type Person struct {
	Key       Key
	Leaf      uint32
	Name      string // "" if it does not open
	Role      Role
	Bot       bool
	Self      bool
	Heir      int    // place in the order of succession from 1; 0: none
	Signed    bool   // has signed something since one joined: else "not confirmed"
	Leaving   bool   // is lost, and the commit that removes is awaited
	Seat      uint32 // participant number, 0 if the server shows none
	Connected bool
}
