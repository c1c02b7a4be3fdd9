package grouplog

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"conclave/protocol"
)

// The founder's first commit begins the log; each epoch has candidates only after the one before it.
func TestEpochsComeInOrder(t *testing.T) {
	st := newStage(t, true)
	st.enter(1)
	st.refused(st.send(1, st.bytesOf(0, nil)), ErrOther)
	st.refused(st.found(1), nil)
	st.refused(st.send(1, st.bytesOf(1, nil)), ErrAhead)
	if g := st.l.Stands(1); g.GroupID != "" {
		t.Fatalf("there is a group before its first commit: %+v", g)
	}
	st.commit(1)
	st.refused(st.send(1, st.bytesOf(2, nil)), ErrAhead)
	st.commit(1)
	st.commit(1)
	if g := st.l.Stands(1); g.Epoch != 2 || g.Position != 3 || g.Found || g.GroupID == "" {
		t.Fatalf("it stands at %+v", g)
	}
	for i, e := range st.sent {
		if e.Position != i+1 || e.From != 1 {
			t.Fatalf("entry %d is %+v", i, e)
		}
	}
}

// After the first candidate of an epoch only those are taken that reject one of it, one from each seat.
func TestLaterCandidatesRejectOneBefore(t *testing.T) {
	st := newStage(t, true)
	st.group(2, 3, 4)
	epoch := st.l.next()
	before := st.commit(1)
	first := st.commit(1) // of the epoch after: it names nothing, and is the first
	st.refused(st.send(2, st.bytesOf(epoch+1, nil)), ErrUnnamed)
	st.refused(st.send(2, st.bytesOf(epoch+1, nil, before)), ErrUnnamed)
	st.refused(st.send(2, st.bytesOf(epoch+1, nil, Hash{}, first)), nil)
	st.refused(st.send(2, st.bytesOf(epoch+1, nil, first)), ErrSecond)
	st.refused(st.send(1, st.bytesOf(epoch+1, nil, first)), ErrSecond)
	st.refused(st.send(3, st.bytesOf(epoch+1, nil, first)), nil)
	// A group that is behind goes on where it is, whatever was put in front of it.
	st.refused(st.send(4, st.bytesOf(epoch, nil, before)), nil)
}

// The same bytes are not taken twice, from whomever.
func TestACopyIsNoCandidate(t *testing.T) {
	st := newStage(t, true)
	st.group(2, 3)
	first := st.commit(1)
	second := st.bytesOf(st.l.newest, nil, first)
	st.refused(st.send(2, second), nil)
	st.refused(st.send(3, second), ErrSecond)
}

// An epoch has eight candidates. Who removes a seat that sent one makes room for another.
func TestCandidatesOfAnEpochAreBounded(t *testing.T) {
	st := newStage(t, true)
	st.group(2, 3, 4, 5, 6, 7, 8, 9, 10)
	first := st.commit(1)
	for id := protocol.Participant(2); id <= 8; id++ {
		st.refused(st.send(id, st.bytesOf(st.l.newest, nil, first)), nil)
	}
	st.refused(st.send(9, st.bytesOf(st.l.newest, nil, first)), ErrFull)
	st.leave(5)
	st.refused(st.send(9, st.bytesOf(st.l.newest, nil, first)), nil)
	st.refused(st.send(10, st.bytesOf(st.l.newest, nil, first)), ErrFull)
}

// Only members commit, and only what is a commit of a member in this group.
func TestOthersDoNotCommit(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.enter(3)
	next := st.l.next()
	st.refused(st.send(3, st.bytesOf(next, nil)), ErrNoMember)
	st.refused(st.send(99, st.bytesOf(next, nil)), ErrNotHere)
	encode := base64.RawURLEncoding.EncodeToString
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"of another group":  {append(member([]byte("another"), next, 0, contentCommit), 1), ErrOther},
		"a proposal":        {append(member(testGroup, next, 0, contentProposal), 1), ErrMalformed},
		"without a body":    {member(testGroup, next, 0, contentCommit), ErrMalformed},
		"external":          {[]byte(strings.Replace(string(append(member(testGroup, next, 0, contentCommit), 1)), string(testGroup)+"\x00\x00\x00\x00\x00\x00\x00"+string(rune(next))+"\x01", string(testGroup)+"\x00\x00\x00\x00\x00\x00\x00"+string(rune(next))+"\x02", 1)), ErrMalformed},
		"a private message": {append([]byte{0, 1, 0, 2}, append(member(testGroup, next, 0, contentCommit), 1)[4:]...), ErrMalformed},
		"nothing":           {nil, ErrMalformed},
	} {
		if err := st.send(2, encode(c.data)); err != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a later candidate names has to be hashes.
func TestRejectedIsAListOfHashes(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.commit(1)
	b := appendVector([]byte{0, 1, 0, 1}, testGroup)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, byte(st.l.newest), senderMember, 0, 0, 0, 0)
	b = append(appendVector(b, []byte("what is no list of hashes, but of some length")), contentCommit, 1)
	st.refused(st.send(2, base64.RawURLEncoding.EncodeToString(b)), ErrMalformed)
}

// The entries of 64 epochs are kept, 4 MiB at most.
func TestWhatIsKeptIsBounded(t *testing.T) {
	st := newStage(t, true)
	st.group()
	for range 70 {
		st.commit(1)
	}
	if len(st.l.entry) != keptEpochs || len(st.l.epochs) != keptEpochs {
		t.Fatalf("%d entries of %d epochs are kept", len(st.l.entry), len(st.l.epochs))
	}
	_, err := st.l.Since(st.l.last-keptEpochs, 1<<20)
	st.refused(err, ErrGone)
	list, err := st.l.Since(st.l.last-keptEpochs+1, 1<<20)
	if err != nil || len(list) != keptEpochs || list[keptEpochs-1].Position != st.l.last {
		t.Fatalf("%d come, %v", len(list), err)
	}
	// a candidate of an epoch that is not kept
	st.refused(st.send(1, st.bytesOf(st.l.newest-keptEpochs, nil)), ErrOld)

	for range 50 {
		if err := st.send(1, st.bytesOf(st.l.next(), make([]byte, 120<<10))); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, n := range st.l.size {
			sum += n
		}
		if sum != st.l.kept || sum > maxKept {
			t.Fatalf("%d bytes are kept, counted as %d", sum, st.l.kept)
		}
	}
	list, err = st.l.Since(st.l.last-9, 256<<10)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d come, %v", len(list), err)
	}
	if list, err = st.l.Since(st.l.last-9, 1); err != nil || len(list) != 1 {
		t.Fatalf("%d come where one is large, %v", len(list), err)
	}
	for _, from := range []int{st.l.last + 1, st.l.last + 1000} {
		if list, err = st.l.Since(from, 1<<20); err != nil || len(list) != 0 {
			t.Fatalf("%d come after the newest, %v", len(list), err)
		}
	}
}

// In a meeting with a lobby its creator founds the group, from any of its seats; one founding is taken.
func TestTheCreatorFounds(t *testing.T) {
	st := newStage(t, true)
	st.enter(2)
	st.advance(time.Minute)
	st.refused(st.found(2), ErrFounding)
	st.enter(1)
	st.l.Enter(st.now, Newcomer{Seat: 3, Creator: true})
	st.settle()
	if !slices.Equal(st.asked, []protocol.Participant{1, 3}) || !st.l.Stands(3).Found || st.l.Stands(2).Found {
		t.Fatalf("%v are asked", st.asked)
	}
	st.refused(st.found(3), nil)
	st.refused(st.found(1), ErrFounding)
	if st.l.Stands(1).Found {
		t.Error("1 is still asked")
	}
}

// Without a lobby people are asked one after the other, bots last.
func TestTheFirstFounds(t *testing.T) {
	st := newStage(t, false)
	st.l.Enter(st.now, Newcomer{Seat: 9, Bot: true})
	st.settle()
	st.enter(2, 3, 4)
	if !slices.Equal(st.asked, []protocol.Participant{9, 2}) {
		t.Fatalf("%v are asked", st.asked)
	}
	st.refused(st.found(3), ErrFounding)
	st.l.Connected(st.now, 3, false)
	st.advance(foundWithin - 1)
	if len(st.asked) != 2 {
		t.Fatalf("%v are asked too early", st.asked)
	}
	st.advance(1)
	st.settle()
	if !slices.Equal(st.asked, []protocol.Participant{9, 2, 4}) {
		t.Fatalf("%v are asked", st.asked)
	}
	st.l.Connected(st.now, 3, true)
	st.advance(foundWithin)
	st.refused(st.found(2), nil)
	// Who founds and does not begin makes way.
	st.refused(st.send(4, st.bytesOf(0, nil)), ErrNoMember)
	st.advance(beginWithin)
	st.settle()
	st.refused(st.send(2, st.bytesOf(0, nil)), ErrOther)
	st.advance(foundWithin)
	st.settle()
	if !st.l.Stands(3).Found && !st.l.Stands(4).Found {
		t.Error("no one else is asked")
	}
}

// A founder who leaves before the first commit leaves nothing behind.
func TestAFounderWhoLeavesFoundsNothing(t *testing.T) {
	st := newStage(t, false)
	st.enter(2, 3)
	st.refused(st.found(2), nil)
	st.leave(2)
	if st.l.group != nil || !st.l.Stands(3).Found {
		t.Fatal("the next is not asked")
	}
}

// A group without members is over: who comes next founds another, and positions go on. Who waits for the first group is
// added to the next.
func TestAGroupWithoutMembersIsFoundedAnew(t *testing.T) {
	st := newStage(t, false)
	st.group(2)
	st.enter(3)
	st.ask(3)
	position := st.l.last
	st.leave(1)
	if st.l.group == nil {
		t.Fatal("it is over with a member left")
	}
	st.leave(2)
	if st.l.group != nil || !st.l.Stands(3).Found || len(st.l.removals)+len(st.l.entry) != 0 {
		t.Fatal("it is not over")
	}
	st.enter(4)
	st.refused(st.found(3), nil)
	st.sent, st.packs = nil, nil
	st.commit(3)
	if len(st.sent) != 1 || st.sent[0].Position <= position || st.l.newest != 0 {
		t.Fatalf("the log goes on with %+v", st.sent)
	}
	if _, err := st.l.Since(position, 1); err != ErrGone {
		t.Fatalf("entries of the first group: %v", err)
	}
	st.ask(4)
	st.advance(packageDelay)
	if n := len(st.packs); n != 1 || st.packs[0].To != 3 || st.packs[0].Message.Packages[0].Participant != 4 {
		t.Fatalf("%d messages with key packages", n)
	}
}
