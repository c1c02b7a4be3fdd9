package grouplog

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"conclave/protocol"
)

var start = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// testGroup is the id of the tests' first group.
var testGroup = []byte("group-of-16-byte")

// stage is a log in virtual time, with all that it had sent.
type stage struct {
	t     *testing.T
	l     *Log
	now   time.Time
	asked []protocol.Participant
	sent  []protocol.LogEntry
	packs []Packages
	in    []Secrets
	n     int // makes each commit another
}

// newStage makes a meeting in which 1 is the creator.
func newStage(t *testing.T, creatorOnly bool) *stage {
	t.Helper()
	return &stage{t: t, l: New(ed25519.NewKeyFromSeed(make([]byte, 32)), creatorOnly), now: start}
}

// settle takes what is due and what was sent.
func (st *stage) settle() {
	st.l.Tick(st.now)
	n := st.l.Take()
	st.checkIndex()
	st.asked, st.sent = append(st.asked, n.Ask...), append(st.sent, n.Entries...)
	st.packs, st.in = append(st.packs, n.Packages...), append(st.in, n.Secrets...)
	if at := st.l.Deadline(); !at.IsZero() && !at.After(st.now) {
		st.t.Fatalf("something is still due at %s", st.now)
	}
}

// checkIndex asserts that the index holds what looking at all seats would find.
func (st *stage) checkIndex() {
	st.t.Helper()
	var asked, mayBe tally
	members, keys, packs := 0, 0, 0
	for id, s := range st.l.seats {
		if (st.l.index.members[id] == s) != (len(s.claims) > 0) || !slices.Contains(st.l.index.keys[s.Key], s) {
			st.t.Fatalf("seat %d with %d claims is in the wrong lists", id, len(s.claims))
		}
		members += min(1, len(s.claims))
		if s.pack != nil {
			packs++
		}
		person := 1
		if s.Bot {
			person = 0
		}
		switch {
		case s.connected && s.asked:
			asked.seats, asked.persons = asked.seats+1, asked.persons+person
		case st.l.mayBeAsked(s):
			mayBe.seats, mayBe.persons = mayBe.seats+1, mayBe.persons+person
		}
	}
	for _, list := range st.l.index.keys {
		keys += len(list)
	}
	if members != len(st.l.index.members) || keys != len(st.l.seats) || packs != len(st.l.packages) ||
		asked != st.l.index.asked || mayBe != st.l.index.mayBeAsked {
		st.t.Fatalf("%d members, %d keys, %d packages, %v asked, %v to ask: the index says %d, %d, %d, %v, %v", members,
			len(st.l.seats), packs, asked, mayBe, len(st.l.index.members), keys, len(st.l.packages), st.l.index.asked,
			st.l.index.mayBeAsked)
	}
}

func (st *stage) advance(d time.Duration) {
	st.t.Helper()
	end := st.now.Add(d)
	for range 10_000 {
		at := st.l.Deadline()
		if at.IsZero() || at.After(end) {
			st.now = end
			return
		}
		st.now = at
		st.settle()
	}
	st.t.Fatal("the deadlines never end")
}

func keyOf(id protocol.Participant) (ik Identity) {
	ik[0], ik[31] = byte(id), byte(id>>8)
	return ik
}

func (st *stage) enter(ids ...protocol.Participant) {
	for _, id := range ids {
		st.l.Enter(st.now, Newcomer{Seat: id, Key: keyOf(id), Creator: id == 1})
		st.settle()
	}
}

func (st *stage) leave(id protocol.Participant) {
	st.l.Leave(st.now, id)
	st.settle()
}

// member is a PublicMessage of a member, up to the body of its content.
func member(group []byte, epoch uint64, leaf uint32, content uint8, names ...Hash) []byte {
	b := appendVector([]byte{0, 1, 0, 1}, group)
	b = binary.BigEndian.AppendUint64(b, epoch)
	b = binary.BigEndian.AppendUint32(append(b, senderMember), leaf)
	var data []byte
	for _, n := range names {
		data = append(append(data, 0, 32), n[:]...)
	}
	return append(appendVector(b, data), content)
}

// bytesOf is a commit as an entry's data; more is in its body.
func (st *stage) bytesOf(epoch uint64, more []byte, names ...Hash) string {
	st.n++
	b := append(member(st.l.group, epoch, 0, contentCommit, names...), fmt.Sprintf("commit %d ", st.n)...)
	return base64.RawURLEncoding.EncodeToString(append(b, more...))
}

func hashOf(t *testing.T, data string) Hash {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	return HashOf(raw)
}

func add(ids ...protocol.Participant) (list []protocol.Joiner) {
	for _, id := range ids {
		list = append(list, protocol.Joiner{Participant: id, Leaf: int(id) + 100, Secrets: "c2VjcmV0cw"})
	}
	return list
}

func (st *stage) send(id protocol.Participant, data string, added ...protocol.Joiner) error {
	st.t.Helper()
	m := &protocol.Commit{Data: data, Added: added}
	if len(added) > 0 {
		m.GroupInfo = "aW5mbw"
	}
	err := st.l.Commit(st.now, id, m)
	st.settle()
	return err
}

// commit sends the first commit of the next epoch and returns its hash.
func (st *stage) commit(id protocol.Participant, added ...protocol.Joiner) Hash {
	st.t.Helper()
	data := st.bytesOf(st.l.next(), nil)
	if err := st.send(id, data, added...); err != nil {
		st.t.Fatal(err)
	}
	return hashOf(st.t, data)
}

func (st *stage) ask(id protocol.Participant) {
	st.t.Helper()
	if err := st.l.Package(st.now, id, fmt.Sprintf("package-of-%d", id)); err != nil {
		st.t.Fatal(err)
	}
	st.settle()
}

func (st *stage) found(id protocol.Participant) error {
	err := st.l.Found(st.now, id, &protocol.FoundGroup{GroupID: base64.RawURLEncoding.EncodeToString(testGroup)})
	st.settle()
	return err
}

// group makes a group of 1, its founder, and others, who are added by one commit and confirmed by another.
func (st *stage) group(others ...protocol.Participant) {
	st.t.Helper()
	st.enter(1)
	if err := st.found(1); err != nil {
		st.t.Fatal(err)
	}
	st.commit(1)
	st.enter(others...)
	for _, id := range others {
		st.ask(id)
	}
	if len(others) > 0 {
		st.commit(1, add(others...)...)
		st.commit(1)
	}
	st.sent, st.packs, st.in = nil, nil, nil
}

func (st *stage) refused(err, want error) {
	st.t.Helper()
	if err != want {
		st.t.Fatalf("got %v, want %v", err, want)
	}
}
