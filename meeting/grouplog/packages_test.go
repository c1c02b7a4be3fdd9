package grouplog

import (
	"slices"
	"testing"
	"time"

	"conclave/protocol"
)

// receivers lists who got key packages, in the order of their turns, and whose the first had.
func (st *stage) receivers() (to, whose []protocol.Participant) {
	for i, p := range st.packs {
		if to = append(to, p.To); i == 0 {
			for _, one := range p.Message.Packages {
				whose = append(whose, one.Participant)
			}
		}
	}
	st.packs = nil
	return to, whose
}

// A key package goes to the four who have been in the group for longest, then to the next four, and so on, until a
// commit adds its sender.
func TestKeyPackagesGoToFourAtATime(t *testing.T) {
	st := newStage(t, true)
	st.group(2, 3, 4, 5, 6)
	st.enter(7, 8)
	st.ask(7)
	st.ask(8)
	st.advance(packageDelay)
	for i, p := range st.packs {
		if p.Message.Turn != i {
			t.Errorf("turn %d is %d", i, p.Message.Turn)
		}
	}
	to, whose := st.receivers()
	if !slices.Equal(to, []protocol.Participant{1, 2, 3, 4}) || !slices.Equal(whose, []protocol.Participant{7, 8}) {
		t.Fatalf("%v got those of %v", to, whose)
	}
	st.l.Connected(st.now, 2, false)
	st.advance(packageAgain - 1)
	if to, _ := st.receivers(); len(to) != 0 {
		t.Fatalf("%v got them too early", to)
	}
	st.advance(1)
	st.settle()
	if to, _ := st.receivers(); !slices.Equal(to, []protocol.Participant{6, 1, 3, 4}) {
		t.Fatalf("%v got them next", to)
	}
	st.commit(1, add(7)...)
	st.advance(packageAgain)
	if _, whose := st.receivers(); !slices.Equal(whose, []protocol.Participant{8}) {
		t.Fatalf("those of %v are given out", whose)
	}
	st.commit(7)
	if len(st.l.packages) != 1 {
		t.Fatal("a package is kept after its commit has a successor")
	}
}

// What comes while others may still be committed waits, and goes along with what no commit has added. Those who were
// slow are not asked again before others.
func TestNoKeyPackagesAreGivenOutBeforeOthersAreAdded(t *testing.T) {
	st := newStage(t, true)
	st.group(2, 3, 4, 5, 6)
	st.enter(7, 8, 9, 10)
	st.ask(7)
	st.advance(packageDelay)
	st.receivers()
	st.ask(8)
	st.ask(9)
	st.advance(packageAgain - packageDelay - 1)
	if to, _ := st.receivers(); len(to) != 0 {
		t.Fatalf("%v got some", to)
	}
	st.commit(1, add(7)...)
	if to, whose := st.receivers(); len(whose) != 2 || !slices.Equal(to, []protocol.Participant{5, 6, 1, 2}) {
		t.Fatalf("%v got those of %v", to, whose)
	}
	st.commit(5, add(8)...)
	st.ask(10)
	st.advance(packageDelay)
	if to, _ := st.receivers(); len(to) != 0 {
		t.Fatalf("%v got some so soon after others", to)
	}
	st.advance(batchLongest)
	if to, whose := st.receivers(); len(whose) != 2 || !slices.Equal(to, []protocol.Participant{2, 3, 4, 5}) {
		t.Fatalf("%v got those of %v", to, whose)
	}
}

// Of whom it is not certain that they are in the group are asked last, and like others when those before did nothing.
func TestNewMembersAreAskedLast(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.enter(7, 8)
	st.ask(7)
	st.commit(1, add(7)...)
	st.ask(8)
	st.advance(packageDelay)
	if to, _ := st.receivers(); !slices.Equal(to, []protocol.Participant{1, 2, 7}) {
		t.Fatalf("%v are asked", to)
	}
	st.advance(packageAgain)
	st.settle()
	if to, _ := st.receivers(); !slices.Equal(to, []protocol.Participant{2, 7, 1}) {
		t.Fatalf("%v are asked", to)
	}
}

// Those whom a candidate added that another one rejects are offered again.
func TestKeyPackagesOfARejectedCandidateAreGivenOutAgain(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.enter(7)
	st.ask(7)
	st.advance(packageDelay)
	st.receivers()
	first := st.commit(1, add(7)...)
	st.advance(time.Minute)
	if to, _ := st.receivers(); len(to) != 0 {
		t.Fatalf("%v got it though a candidate adds its sender", to)
	}
	st.refused(st.send(2, st.bytesOf(st.l.newest, nil, first)), nil)
	if to, whose := st.receivers(); !slices.Equal(whose, []protocol.Participant{7}) || len(to) != 2 {
		t.Fatalf("%v got it", to)
	}
	st.commit(1)
	if len(st.l.packages) != 1 {
		t.Fatal("it is dropped")
	}
}

// Secrets go to those whom a candidate adds, as far as they asked for it, and to no one else.
func TestSecretsGoToThoseWhoAsked(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.enter(7, 8)
	st.ask(7)
	st.commit(1, add(7, 8, 2, 99)...)
	if len(st.in) != 1 || !slices.Equal(st.in[0].To, []protocol.Participant{7}) || len(st.in[0].Message.Joiners) != 1 ||
		st.in[0].Message.Position != st.l.last {
		t.Fatalf("%+v", st.in)
	}
	if len(st.l.seats[8].claims) != 0 || len(st.l.seats[2].claims) != 1 {
		t.Error("a leaf is claimed for one who asked for none")
	}
}

// Of the leaves that are claimed for a seat the latest four count.
func TestClaimsAreBounded(t *testing.T) {
	st := newStage(t, true)
	st.group()
	st.enter(7)
	for i := range 6 {
		st.ask(7)
		st.commit(1, protocol.Joiner{Participant: 7, Leaf: 10 + i, Secrets: "cw"})
	}
	if got := st.l.seats[7].claims; !slices.Equal(got, []uint32{12, 13, 14, 15}) {
		t.Fatalf("%v are claimed", got)
	}
	st.sent = nil
	st.leave(7)
	if len(st.sent) != maxClaims {
		t.Fatalf("%d removals are signed", len(st.sent))
	}
}

// No more are given out at a time than one commit takes; and none for ever.
func TestKeyPackagesUnderWayAreBounded(t *testing.T) {
	st := newStage(t, true)
	st.group()
	for id := protocol.Participant(100); id < 200; id++ {
		st.enter(id)
		st.ask(id)
	}
	st.advance(packageDelay)
	if _, whose := st.receivers(); len(whose) != maxPackages {
		t.Fatalf("%d are given out", len(whose))
	}
	st.advance(packageAgain * (packageRounds + 1))
	st.settle()
	if n := len(st.l.packages); n != 100-maxPackages {
		t.Fatalf("%d are left", n)
	}
	if n := len(st.packs); n == 0 {
		t.Fatal("the others do not follow")
	}
}

// Who asks to come back is not asked to add anybody.
func TestWhoComesBackAddsNobody(t *testing.T) {
	st := newStage(t, true)
	st.group(2)
	st.ask(1)
	st.advance(packageDelay)
	to, whose := st.receivers()
	if !slices.Equal(to, []protocol.Participant{2}) || !slices.Equal(whose, []protocol.Participant{1}) {
		t.Fatalf("%v got those of %v", to, whose)
	}
}
