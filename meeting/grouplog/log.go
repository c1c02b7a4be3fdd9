package grouplog

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"conclave/protocol"
)

// The bounds of docs/e2ee.md, section 5.
const (
	keptEpochs    = 64
	maxKept       = 4 << 20 // bytes of entries
	entryOverhead = 64      // what an entry counts beside its bytes
	maxCandidates = 8       // of one epoch, from seats that are here
	// The same with those whose seats have ended: who removes the seats that filled an epoch makes room in it.
	maxCandidatesEver = 64
	maxClaims         = 4 // leaves that were claimed for one seat; the latest count
)

// Identity is a client's identity key, with which its announce begins.
type Identity [32]byte

// The refusals. Their text is for the client.
var (
	ErrNotHere   = errors.New("you have no seat in the meeting")
	ErrFounding  = errors.New("you were not asked to found the group, or it is founded")
	ErrMalformed = errors.New("this is no PublicMessage of the kind that is taken")
	ErrOther     = errors.New("this is not of the meeting's group")
	ErrNoMember  = errors.New("no member has added you")
	ErrAhead     = errors.New("the epoch before has no commit")
	ErrOld       = errors.New("the epoch is over")
	ErrSecond    = errors.New("you have sent one for this epoch")
	ErrUnnamed   = errors.New("the epoch has a commit, and this one rejects none")
	ErrFull      = errors.New("the epoch has as many commits as it may")
	ErrGone      = errors.New("the log does not go back as far")
)

// Newcomer is who comes in.
type Newcomer struct {
	Seat    protocol.Participant
	Key     Identity
	Creator bool // of the meeting
	Bot     bool
}

// News is what is to be sent.
type News struct {
	Entries  []protocol.LogEntry // to everybody, first of all
	Secrets  []Secrets
	Packages []Packages
	Ask      []protocol.Participant // these are to be told how the log stands
}

// Secrets goes to those whom it names.
type Secrets struct {
	To      []protocol.Participant
	Message *protocol.Secrets
}

// Packages goes to one member.
type Packages struct {
	To      protocol.Participant
	Message *protocol.KeyPackages
}

// Log is the log of one meeting. It is not safe for concurrent use. What seats make it keep is bounded by the number of
// seats.
type Log struct {
	key         ed25519.PrivateKey
	creatorOnly bool // founds

	group  []byte // its id; nil: no group is founded
	entry  []protocol.LogEntry
	epoch  []uint64 // of each entry
	size   []int
	kept   int                    // sum of size
	last   int                    // position of the newest entry
	epochs map[uint64]*candidates // at most keptEpochs
	newest uint64                 // that has a candidate, if begun
	begun  bool                   // there is a candidate
	void   time.Time              // the founding, if it has not begun by then
	nextAt time.Time              // when one more may be asked to found; zero: when anybody comes
	seats  map[protocol.Participant]*seat
	order  uint64
	index  index
	looked int // seats and key packages looked at so far

	packages []*keyPackage // at most one a seat
	given    time.Time     // when some were given out last
	open     bool          // none of those was added yet
	turn     int           // of the members: who gets the next ones
	late     []lateSeat    // at most maxLate, oldest first
	removals []*removal    // at most maxRemovals
	news     News
}

// candidates are the commits of one epoch.
type candidates struct {
	hashes []Hash                 // at most maxCandidatesEver
	from   []protocol.Participant // of each
}

// seat is one participant, as the log knows them.
type seat struct {
	Newcomer
	order     uint64 // of entering
	connected bool
	asked     bool     // to found
	claims    []uint32 // leaves that it is said to have, at most maxClaims; with one it is a member
	joined    uint64   // order of the first claim
	confirmed bool     // a candidate that added it has a successor
	proposals []proposal
	pack      *keyPackage // nil: none waits
}

// New makes the log of a meeting that has no group yet. key signs removals.
func New(key ed25519.PrivateKey, creatorOnly bool) *Log {
	return &Log{
		key: key, creatorOnly: creatorOnly, seats: make(map[protocol.Participant]*seat), index: newIndex(),
		epochs: make(map[uint64]*candidates),
	}
}

// Take returns the news so far and forgets them.
func (l *Log) Take() News {
	n := l.news
	l.news = News{}
	return n
}

// Stands is how the log stands, as a seat is told.
func (l *Log) Stands(id protocol.Participant) *protocol.Group {
	public, _ := l.key.Public().(ed25519.PublicKey) // it is one
	g := &protocol.Group{ServerKey: base64.RawURLEncoding.EncodeToString(public), Position: l.last}
	if l.begun {
		g.GroupID = base64.RawURLEncoding.EncodeToString(l.group)
		g.Epoch = int(l.newest) //nolint:gosec // it counts from 0
	}
	s := l.seats[id]
	g.Found = s != nil && s.asked && l.group == nil
	return g
}

// Enter notes that a participant has come into the meeting.
func (l *Log) Enter(now time.Time, who Newcomer) {
	l.order++
	s := &seat{Newcomer: who, order: l.order, connected: true}
	l.seats[who.Seat] = s
	l.index.keys[who.Key] = append(l.index.keys[who.Key], s)
	l.count(s, 1)
	l.ask(now)
}

// Connected notes that a seat's socket is gone, or there again. What is sent to a seat without one is lost.
func (l *Log) Connected(now time.Time, id protocol.Participant, is bool) {
	if s := l.seats[id]; s != nil {
		l.count(s, -1)
		s.connected = is
		l.count(s, 1)
		l.ask(now)
	}
}

// Leave notes that a seat has ended. Its leaves are to be removed.
func (l *Log) Leave(now time.Time, id protocol.Participant) {
	s := l.seats[id]
	if s == nil {
		return
	}
	delete(l.seats, id)
	l.index.drop(s)
	l.count(s, -1)
	l.leaveLate(now, s)
	l.dropPackage(s)
	if l.begun {
		l.lose(s)
	}
	if l.group != nil && len(l.index.members) == 0 {
		l.reset(now)
	}
	l.ask(now)
}

// reset forgets a group that has no member any more: no one could add anybody to it. Positions go on, and key packages
// wait for the next group.
func (l *Log) reset(now time.Time) {
	*l = Log{
		key: l.key, creatorOnly: l.creatorOnly, last: l.last, seats: l.seats, order: l.order, packages: l.packages,
		epochs: make(map[uint64]*candidates), news: l.news, index: newIndex(), looked: l.looked,
	}
	for _, s := range l.seats {
		l.looked++
		s.asked, s.confirmed, s.claims, s.proposals = false, false, nil, nil
		l.index.keys[s.Key] = append(l.index.keys[s.Key], s)
		l.count(s, 1)
	}
	for _, p := range l.packages {
		p.again(now)
	}
}

// next is the epoch that the newest candidate leads to.
func (l *Log) next() uint64 {
	if !l.begun {
		return 0
	}
	return l.newest + 1
}

// Commit takes a candidate.
func (l *Log) Commit(now time.Time, id protocol.Participant, c *protocol.Commit) error {
	raw, err := base64.RawURLEncoding.DecodeString(c.Data)
	if err != nil {
		return ErrMalformed
	}
	h, err := l.read(id, raw, contentCommit)
	if err != nil {
		return err
	}
	hash := HashOf(raw)
	if err := l.mayFollow(id, &h, hash); err != nil {
		return err
	}
	first := l.epochs[h.epoch] == nil
	if first {
		l.begin(h.epoch)
	}
	e := l.epochs[h.epoch]
	e.hashes, e.from = append(e.hashes, hash), append(e.from, id)
	position := l.append(id, h.epoch, c.Data, len(raw))
	l.settle(now, h.epoch, c.Added)
	l.add(now, position, c)
	l.removed(h.epoch, raw, first)
	return nil
}

// read reads the header of what a member sends.
func (l *Log) read(id protocol.Participant, raw []byte, content uint8) (header, error) {
	s := l.seats[id]
	if s == nil {
		return header{}, ErrNotHere
	}
	h, err := parse(raw)
	switch {
	case err != nil || h.sender != senderMember || h.content != content:
		return h, ErrMalformed
	case l.group == nil || !bytes.Equal(h.group, l.group):
		return h, ErrOther
	case len(s.claims) == 0:
		return h, ErrNoMember
	}
	return h, nil
}

// mayFollow says whether a candidate may come after those that there are.
func (l *Log) mayFollow(id protocol.Participant, h *header, hash Hash) error {
	e := l.epochs[h.epoch]
	switch {
	case h.epoch > l.next():
		return ErrAhead
	case e == nil && h.epoch < l.next():
		return ErrOld
	case e == nil:
		return nil
	case slices.Contains(e.from, id), slices.Contains(e.hashes, hash):
		return ErrSecond
	case l.full(e):
		return ErrFull
	}
	list, err := rejected(h.data)
	if err != nil {
		return ErrMalformed
	}
	if !slices.ContainsFunc(list, func(r Hash) bool { return slices.Contains(e.hashes, r) }) {
		return ErrUnnamed
	}
	return nil
}

func (l *Log) full(e *candidates) bool {
	here := 0
	for _, id := range e.from {
		if l.seats[id] != nil {
			here++
		}
	}
	return here >= maxCandidates || len(e.from) >= maxCandidatesEver
}

// begin makes an epoch the newest, and forgets the oldest.
func (l *Log) begin(epoch uint64) {
	l.epochs[epoch] = &candidates{}
	l.newest, l.begun, l.void = epoch, true, time.Time{}
	if epoch >= keptEpochs {
		delete(l.epochs, epoch-keptEpochs)
	}
}

// append puts an entry to the end of the log and returns its position. size is that of its bytes.
func (l *Log) append(from protocol.Participant, epoch uint64, data string, size int) int {
	l.last++
	e := protocol.LogEntry{Position: l.last, From: from, Data: data}
	l.entry, l.epoch, l.size = append(l.entry, e), append(l.epoch, epoch), append(l.size, size+entryOverhead)
	l.kept += size + entryOverhead
	l.news.Entries = append(l.news.Entries, e)
	l.forget()
	return l.last
}

// forget drops the oldest entries, as far as they are not kept.
func (l *Log) forget() {
	n := 0
	for n < len(l.entry) && (l.kept > maxKept || l.epoch[n]+keptEpochs <= l.newest) {
		l.kept -= l.size[n]
		n++
	}
	if n > 0 {
		l.entry, l.epoch, l.size = slices.Delete(l.entry, 0, n), slices.Delete(l.epoch, 0, n), slices.Delete(l.size, 0, n)
	}
}

// Since returns entries from a position on, as many as have about so many bytes together, one at least. There are none
// after the newest.
func (l *Log) Since(position, most int) ([]protocol.LogEntry, error) {
	first := l.last + 1 - len(l.entry)
	if position < first {
		return nil, ErrGone
	}
	from := min(position-first, len(l.entry))
	to := from
	for sum := 0; to < len(l.entry); to++ {
		if sum += l.size[to]; sum > most && to > from {
			break
		}
	}
	return slices.Clone(l.entry[from:to]), nil
}

// Deadline is when Tick should be called next; zero for never.
func (l *Log) Deadline() time.Time {
	var at time.Time
	for _, t := range []time.Time{l.void, l.timeToAsk(), l.timeOfPackages()} {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// Tick does what is due by now. To give out key packages, once in batchEvery at most, it looks at the members, and to
// ask one more to found the group at the seats.
func (l *Log) Tick(now time.Time) {
	if at := l.Deadline(); at.IsZero() || at.After(now) {
		return
	}
	if !l.void.IsZero() && !l.void.After(now) {
		l.reset(now) // the founder has not begun
	}
	l.ask(now)
	l.dispatch(now)
}

// byEntering lists the seats that a test holds for, in the order of entering.
func (l *Log) byEntering(seats map[protocol.Participant]*seat, is func(*seat) bool) []*seat {
	l.looked += len(seats)
	list := make([]*seat, 0, len(seats))
	for _, s := range seats {
		if is(s) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *seat) int { return cmp.Compare(a.order, b.order) })
	return list
}
