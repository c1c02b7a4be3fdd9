package grouplog

import (
	"cmp"
	"slices"
	"time"

	"conclave/protocol"
)

// How key packages are given out: all that wait, to turns members, and no others while those may still be about to
// commit. So what adds many is one commit, and members who are slow get no more to do, but more at a time. The next
// batch goes to the next members. After packageRounds a package is dropped: its client sends a new one.
const (
	turns         = 4
	packageDelay  = 25 * time.Millisecond  // those that come meanwhile go along
	batchEvery    = 200 * time.Millisecond // the shortest time between two batches,
	batchMember   = 2 * time.Millisecond   // so much more for each member: a commit costs each of them something,
	batchLongest  = time.Second            // and this at most
	packageAgain  = 2 * time.Second        // until what no commit has added is given to others
	packageRounds = 16
	maxPackages   = protocol.MaxAdded // in a batch: as many as one commit adds
)

// keyPackage is that of one seat.
type keyPackage struct {
	seat  protocol.Participant
	data  string
	round int       // how often it was given out
	due   time.Time // it is not to be given out before
	// in is whether a candidate adds the seat, and epoch that candidate's.
	in    bool
	epoch uint64
}

// again has it given out once more.
func (p *keyPackage) again(now time.Time) { p.in, p.due = false, now }

// Package takes a seat's key package in place of the one before.
func (l *Log) Package(now time.Time, id protocol.Participant, data string) error {
	s := l.seats[id]
	if s == nil {
		return ErrNotHere
	}
	l.dropPackage(s)
	s.pack = &keyPackage{seat: id, data: data, due: now.Add(packageDelay)}
	l.packages = append(l.packages, s.pack)
	return nil
}

// dropPackage forgets the key package of a seat, if it has one. Then it looks at those that wait.
func (l *Log) dropPackage(s *seat) {
	if s.pack != nil {
		l.dropPackages(func(p *keyPackage) bool { return p == s.pack })
		s.pack = nil
	}
}

// dropPackages forgets the key packages that a test holds for.
func (l *Log) dropPackages(is func(*keyPackage) bool) {
	l.packages = slices.DeleteFunc(l.packages, func(p *keyPackage) bool {
		l.looked++
		if !is(p) {
			return false
		}
		if s := l.seats[p.seat]; s != nil {
			s.pack = nil
		}
		return true
	})
}

// settle looks at the key packages after a candidate of an epoch. Those in a candidate of the epoch before have done
// their work. Those in an earlier candidate of the same epoch were not: the new one rejects that.
func (l *Log) settle(now time.Time, epoch uint64, added []protocol.Joiner) {
	for _, p := range l.packages {
		if s := l.seats[p.seat]; s != nil && p.in && p.epoch+1 == epoch {
			s.confirmed = true
		}
	}
	l.dropPackages(func(p *keyPackage) bool { return p.in && p.epoch+1 == epoch })
	for _, p := range l.packages {
		is := slices.ContainsFunc(added, func(j protocol.Joiner) bool { return j.Participant == p.seat })
		switch {
		case is:
			l.open = false // more may be given out
			p.in, p.epoch = true, epoch
		case p.in && p.epoch == epoch:
			p.again(now)
		}
	}
}

// A seat may end while a member adds it. Its leaf has to be removed, then, as if it had been claimed before.
const (
	lateFor = time.Minute
	maxLate = 256
)

// lateSeat is a seat that ended while its key package was on its way.
type lateSeat struct {
	seat  protocol.Participant
	key   Identity
	until time.Time
}

// leaveLate remembers a seat that may still be added.
func (l *Log) leaveLate(now time.Time, s *seat) {
	l.late = slices.DeleteFunc(l.late, func(x lateSeat) bool { return !now.Before(x.until) })
	if s.pack == nil {
		return
	}
	l.late = append(l.late, lateSeat{s.Seat, s.Key, now.Add(lateFor)})
	l.late = l.late[max(0, len(l.late)-maxLate):]
}

// addLate has the leaf of a seat that has ended meanwhile removed.
func (l *Log) addLate(now time.Time, j protocol.Joiner) {
	for _, x := range l.late {
		if x.seat == j.Participant && now.Before(x.until) && len(l.removals) < maxRemovals {
			leaf := uint32(j.Leaf) //nolint:gosec // the protocol bounds it
			l.removals = append(l.removals, &removal{leaf: leaf, key: x.key})
		}
	}
}

// returned drops what was claimed for other seats of a key that a candidate adds again: the member is back, often in
// the same leaf, and a removal of that would throw it out.
func (l *Log) returned(s *seat) {
	for _, o := range l.index.keys[s.Key] {
		l.looked++
		if o != s {
			o.claims = nil
			delete(l.index.members, o.Seat)
		}
	}
	l.removals = slices.DeleteFunc(l.removals, func(r *removal) bool { return r.key == s.Key })
}

// add notes whom a candidate adds, and sends them what they need. Only who has sent a key package can be added.
func (l *Log) add(now time.Time, position int, c *protocol.Commit) {
	m := &protocol.Secrets{Position: position, GroupInfo: c.GroupInfo}
	var to []protocol.Participant
	for _, j := range c.Added {
		if s := l.seats[j.Participant]; s != nil && s.pack != nil {
			l.returned(s)
			l.claim(s, uint32(j.Leaf)) //nolint:gosec // the protocol bounds it
			m.Joiners, to = append(m.Joiners, j), append(to, j.Participant)
		} else if s == nil {
			l.addLate(now, j)
		}
	}
	if len(to) > 0 {
		l.news.Secrets = append(l.news.Secrets, Secrets{To: to, Message: m})
	}
}

// claim notes that a seat is said to have a leaf.
func (l *Log) claim(s *seat, leaf uint32) {
	if len(s.claims) == 0 {
		l.order++
		s.joined = l.order
		l.index.members[s.Seat] = s
	}
	s.claims = slices.DeleteFunc(s.claims, func(c uint32) bool { return c == leaf })
	if len(s.claims) == maxClaims {
		s.claims = slices.Delete(s.claims, 0, 1)
	}
	s.claims = append(s.claims, leaf)
}

// adders are the members who can be given key packages: those in the group for longest first, and after them those of
// whom that is not certain yet. Who wants to be added is not one of them.
func (l *Log) adders() []*seat {
	list := l.byEntering(l.index.members, l.mayAdd)
	slices.SortStableFunc(list, func(a, b *seat) int {
		if a.confirmed != b.confirmed {
			if a.confirmed {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.joined, b.joined)
	})
	return list
}

// waiting are the key packages that are in no candidate, oldest first: no more than one commit takes.
func (l *Log) waiting() []*keyPackage {
	list := make([]*keyPackage, 0, min(len(l.packages), maxPackages))
	for _, p := range l.packages {
		if len(list) == maxPackages {
			break
		}
		if l.looked++; !p.in {
			list = append(list, p)
		}
	}
	return list
}

func (l *Log) timeOfPackages() (at time.Time) {
	list := l.waiting()
	if !l.begun || len(list) == 0 || !l.hasAdder() {
		return at
	}
	tried := false
	for _, p := range list {
		if tried = tried || p.round > 0; at.IsZero() || p.due.Before(at) {
			at = p.due
		}
	}
	next := l.given.Add(min(batchEvery+time.Duration(len(l.seats))*batchMember, batchLongest))
	if l.open && tried {
		next = l.given.Add(packageAgain)
	}
	if at.Before(next) {
		at = next
	}
	return at
}

func (l *Log) mayAdd(s *seat) bool {
	return s.connected && len(s.claims) > 0 && (s.pack == nil || s.pack.in)
}

func (l *Log) hasAdder() bool {
	for _, s := range l.index.members {
		l.looked++
		if l.mayAdd(s) {
			return true
		}
	}
	return false
}

// dispatch gives out the key packages that wait, if it is time.
func (l *Log) dispatch(now time.Time) {
	if at := l.timeOfPackages(); at.IsZero() || at.After(now) {
		return
	}
	l.dropPackages(func(p *keyPackage) bool { return !p.in && p.round == packageRounds })
	m := protocol.KeyPackages{}
	for _, p := range l.waiting() {
		p.round++
		m.Packages = append(m.Packages, protocol.KeyPackageOf{Participant: p.seat, Data: p.data})
	}
	if len(m.Packages) == 0 {
		return
	}
	for turn, to := range l.whoseTurn(l.open) {
		l.news.Packages = append(l.news.Packages, Packages{
			To: to.Seat, Message: &protocol.KeyPackages{Turn: turn, Packages: m.Packages},
		})
	}
	l.turn, l.given, l.open = l.turn+turns, now, true
}

// whoseTurn are the members whose turn it is. again says that those before did nothing: then those count, too, of whom
// it is not certain that they are in.
func (l *Log) whoseTurn(again bool) []*seat {
	list := l.adders()
	n := 0
	for n < len(list) && list[n].confirmed {
		n++
	}
	if again || n == 0 {
		n = len(list)
	}
	first := l.turn % n
	return slices.Concat(list[first:n], list[:first], list[n:])[:min(turns, len(list))]
}
