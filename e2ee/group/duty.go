package group

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"conclave/e2ee/mls"
)

// When a session commits, and what (docs/e2ee.md, section 7). Nothing here decides whether a commit counts.

// Delays.
const (
	removalDelay  = 50 * time.Millisecond
	rankDelay     = 150 * time.Millisecond // for each place in the ranking
	gatherDelay   = 200 * time.Millisecond // for more key packages
	gatherLongest = time.Second
	turnDelay     = 300 * time.Millisecond // for each turn
	warmDelay     = 2 * time.Second
	warmTurn      = 300 * time.Millisecond
	freshDelay    = 5 * time.Minute
	freshLarge    = 30 * time.Second // with more members than largeGroup
	freshTurn     = 3 * time.Second
	seatlessDelay = 5 * time.Second // until a host removes a leaf whose seat has left
	heirsDelay    = 5 * time.Second // until a host lists heirs
	commitAgain   = 3 * time.Second // until an own commit that did not come back is sent again
	offerKept     = time.Minute     // how long a key package of another is kept
	largeGroup    = 60
	warmAbove     = 64 // copath sums
)

// Who comes and goes too often waits.
const (
	lossesWatched = 3
	lossesWithin  = time.Minute
	returnFirst   = 10 * time.Second
	returnLongest = 5 * time.Minute
)

// duty is what is to be committed.
type duty struct {
	pending  *pending
	fresh    bool // the first commit of a founder is due
	offers   []*offer
	acts     []act             // of this person, at most maxActs
	rejected [][HashSize]byte  // candidates of this epoch, in the order of the log
	banned   map[Key]bool      // authors of commits that did not count; at most maxNoted
	returns  map[Key]*comeback // at most maxNoted

	proposed   time.Time // when the first removal of this epoch was proposed
	rejectedAt time.Time
	paths      map[Key]uint64 // epoch of the last path that was seen of a key; at most maxNoted
	pathAt     time.Time      // when the last commit with a path was seen
	heirsAt    time.Time      // since when there are too few heirs
	turnAt     time.Time      // when Turns may be asked again
	gapAt      time.Time      // since when entries are missing
	gapFrom    uint64
}

// pending is an own commit that is on its way.
type pending struct {
	commit *mls.Commit
	hash   [HashSize]byte
	m      *Commit
	at     time.Time
	acts   int // how many of the acts it carries out
}

// offer is the key package of one who wants in.
type offer struct {
	participant uint32
	key         Key
	pack        *mls.KeyPackage
	turn        int
	at          time.Time // when it came
	checked     uint64    // the epoch, from 1, that it was checked in
	fits        bool
}

// comeback is how often a key was lost lately.
type comeback struct {
	losses []time.Time // at most lossesWatched
	wait   time.Duration
	until  time.Time
}

// drop forgets what belongs to a state of the group.
func (d *duty) drop() {
	if d.pending != nil {
		d.pending.commit.Next.Close()
		d.pending = nil
	}
	d.rejected, d.proposed, d.rejectedAt, d.gapAt = nil, time.Time{}, time.Time{}, time.Time{}
	d.turnAt = time.Time{}
	d.fresh = false
}

// entered takes a new epoch.
func (d *duty) entered(s *Session, now time.Time, last *state) {
	if p := d.pending; p != nil { // another was first
		p.commit.Next.Close()
		d.pending = nil
	}
	d.rejected, d.proposed, d.rejectedAt, d.gapAt = nil, time.Time{}, time.Time{}, time.Time{}
	d.turnAt = time.Time{}
	if last == nil {
		d.pathAt = now
		return
	}
	pub := s.cur.public
	d.offers = slices.DeleteFunc(d.offers, func(o *offer) bool {
		i, here := pub.index[o.key]
		leaf := s.cur.group.Leaf(i)
		return here && leaf != nil && string(leaf.EncryptionKey) == string(o.pack.Leaf.EncryptionKey)
	})
	for i, key := range last.public.leaves {
		if last.public.seats[i] == nil {
			continue
		}
		if leaf := s.cur.group.Leaf(uint32(i)); leaf == nil || Key(leaf.SignatureKey) != key {
			d.left(now, key)
		}
	}
}

// left counts the losses of a key.
func (d *duty) left(now time.Time, key Key) {
	if d.returns == nil {
		d.returns = map[Key]*comeback{}
	}
	c := d.returns[key]
	if c == nil {
		if len(d.returns) >= maxNoted {
			d.returns = map[Key]*comeback{}
		}
		c = &comeback{}
		d.returns[key] = c
	}
	c.losses = append(c.losses, now)
	if len(c.losses) > lossesWatched {
		c.losses = c.losses[1:]
	}
	if len(c.losses) < lossesWatched || now.Sub(c.losses[0]) > lossesWithin {
		return
	}
	c.wait = min(max(returnFirst, 2*c.wait), returnLongest)
	c.until = now.Add(c.wait)
}

// moved notes a commit that counts.
func (d *duty) moved(s *Session, now time.Time, in *mls.Incoming) {
	if in == nil || in.Leaf == nil {
		return
	}
	if d.paths == nil || len(d.paths) >= maxNoted {
		d.paths = map[Key]uint64{}
	}
	d.paths[s.cur.public.leaves[in.Sender.Index]] = s.cur.public.epoch
	d.pathAt = now
}

// propose notes that a removal was proposed.
func (d *duty) propose(now time.Time) {
	if d.proposed.IsZero() {
		d.proposed = now
	}
}

// reject notes a candidate that does not count. Its author, where the signature was right, leaves the ranking.
func (d *duty) reject(s *Session, now time.Time, hash [HashSize]byte, in *mls.Incoming) {
	d.rejected = append(d.rejected, hash) // the server takes 8 of an epoch; one that does not gains nothing but our memory
	if len(d.rejected) > maxRejected {
		d.rejected = d.rejected[1:]
	}
	d.rejectedAt = now
	if p := d.pending; p != nil { // it did not name this one: the server does not take it
		p.commit.Next.Close()
		d.pending = nil
	}
	if in == nil || in.Sender.Type != mls.SenderMember || int(in.Sender.Index) >= len(s.cur.public.leaves) {
		return
	}
	if d.banned == nil || len(d.banned) >= maxNoted {
		d.banned = map[Key]bool{}
	}
	d.banned[s.cur.public.leaves[in.Sender.Index]] = true
}

// maxRejected bounds the candidates of an epoch that are named.
const maxRejected = 64

// KeyPackages takes key packages of those who want in, with this member's turn.
func (s *Session) KeyPackages(now time.Time, turn int, list []Package) {
	for i := range list[:min(len(list), maxAdds)] {
		s.offered(now, turn, &list[i])
	}
	s.settle(now)
}

// offered takes one key package, if it may be added.
func (s *Session) offered(now time.Time, turn int, in *Package) {
	if s.phase != inside || turn < 0 {
		return
	}
	pack, err := mls.ParseKeyPackage(in.Data)
	if err != nil {
		return
	}
	key := Key(pack.Leaf.SignatureKey)
	if key == s.self {
		return
	}
	d := &s.duty
	d.offers = slices.DeleteFunc(d.offers, func(o *offer) bool { return o.key == key })
	if len(d.offers) >= maxOffers {
		d.offers = d.offers[1:]
	}
	d.offers = append(d.offers, &offer{participant: in.Participant, key: key, pack: pack, turn: min(turn, 1000), at: now})
}

// addable are the offers that a commit may add now. wake is when another may be.
func (s *Session) addable(now time.Time) (list []*offer, wake time.Time) {
	d, pub := &s.duty, s.cur.public
	if len(d.offers) == 0 {
		return nil, wake
	}
	d.offers = slices.DeleteFunc(d.offers, func(o *offer) bool { return now.Sub(o.at) > offerKept })
	room := min(maxAdds, mls.MaxLeaves-pub.members)
	for _, o := range d.offers {
		if c := d.returns[o.key]; c != nil && now.Before(c.until) {
			if wake.IsZero() || c.until.Before(wake) {
				wake = c.until
			}
			continue
		}
		if o.checked != pub.epoch+1 {
			_, returns := pub.index[o.key]
			o.fits = pub.checkAdd(s.root, &change{removed: map[Key]bool{o.key: returns}}, o.pack) == nil
			o.checked = pub.epoch + 1
		}
		if o.fits && len(list) < room {
			list = append(list, o)
		}
	}
	return list, wake
}

// mayCommit says whether this session commits at all.
func (s *Session) mayCommit() bool {
	return s.phase == inside && s.sure && s.online && s.duty.pending == nil
}

// dutyDue is when the session is to commit, or to send its commit again; zero: not.
func (s *Session) dutyDue() time.Time {
	d := &s.duty
	if p := d.pending; p != nil {
		if !s.online {
			return time.Time{}
		}
		return p.at.Add(commitAgain)
	}
	if !s.mayCommit() {
		return time.Time{}
	}
	if s.cur.public.epoch == 0 || len(d.acts) > 0 {
		return s.now
	}
	due := s.sharedDue()
	if !due.IsZero() && due.Before(d.turnAt) {
		return d.turnAt
	}
	return due
}

// sharedDue is when the session is to commit what others might commit as well.
func (s *Session) sharedDue() time.Time {
	var due time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	at(s.rejectedDue())
	at(s.removalDue())
	at(s.seatlessDue())
	at(s.addDue())
	at(s.warmDue())
	at(s.freshDue())
	at(s.policyDue())
	at(s.leftDue())
	return due
}

// after is a time that a rejected candidate lets begin anew.
func (s *Session) after(t time.Time, delay time.Duration) time.Time {
	if r := s.duty.rejectedAt; !r.IsZero() {
		return r
	}
	return t.Add(delay)
}

// eligible says whether a leaf is counted in a ranking.
func (s *Session) eligible(leaf uint32, leaving map[uint32]bool) bool {
	key := s.cur.public.leaves[leaf]
	if leaf == s.cur.group.Own() {
		return true
	}
	seat, here := s.seat[key]
	return here && s.seats[seat].connected && !s.duty.banned[key] && !leaving[leaf]
}

// place is how many eligible leaves of a list come before the own; -1 if the own is not in it.
func (s *Session) place(list []uint32, leaving map[uint32]bool) int {
	n := 0
	for _, leaf := range list {
		if leaf == s.cur.group.Own() {
			return n
		}
		if s.eligible(leaf, leaving) {
			n++
		}
	}
	return -1
}

// leaving are the leaves for which a removal that counts was proposed, with its reference.
func (s *Session) leaving() (leaves map[uint32]bool, refs [][]byte) {
	if s.duty.proposed.IsZero() {
		return nil, nil
	}
	leaves = map[uint32]bool{}
	for _, p := range s.cur.group.Kept() {
		if p.Type == mls.ProposalRemove && p.Remove != s.cur.group.Own() && !leaves[p.Remove] && s.mayRemove(p) {
			leaves[p.Remove] = true
			refs = append(refs, p.Reference)
		}
	}
	return leaves, refs
}

func (s *Session) removalDue() time.Time {
	leaves, refs := s.leaving()
	if len(refs) == 0 {
		return time.Time{}
	}
	return s.after(s.duty.proposed, removalDelay).Add(time.Duration(s.place(s.cur.public.ranked(), leaves)) * rankDelay)
}

// rejectedDue is when the session commits because a candidate does not count: the server takes the epoch for ended, and
// signs its removals for the next.
func (s *Session) rejectedDue() time.Time {
	if s.duty.rejectedAt.IsZero() {
		return time.Time{}
	}
	leaves, _ := s.leaving()
	return s.duty.rejectedAt.Add(time.Duration(s.place(s.cur.public.ranked(), leaves)) * rankDelay)
}

// seatlessDue is when a host removes leaves whose seats have left.
func (s *Session) seatlessDue() time.Time {
	i := s.place(s.cur.public.hosts, nil)
	if i < 0 {
		return time.Time{}
	}
	var first time.Time
	for key, l := range s.watch.losses {
		if _, here := s.cur.public.index[key]; here && !l.log && (first.IsZero() || l.at.Before(first)) {
			first = l.at
		}
	}
	if first.IsZero() {
		return first
	}
	return first.Add(seatlessDelay + time.Duration(i)*rankDelay)
}

func (s *Session) addDue() time.Time {
	list, wake := s.addable(s.now)
	if len(list) == 0 {
		return wake
	}
	first, last, turn := list[0].at, list[0].at, list[0].turn
	for _, o := range list {
		if o.at.Before(first) {
			first = o.at
		}
		if o.at.After(last) {
			last = o.at
		}
		turn = min(turn, o.turn)
	}
	gathered := last.Add(gatherDelay)
	if longest := first.Add(gatherLongest); gathered.After(longest) {
		gathered = longest
	}
	if len(list) == maxAdds {
		gathered = last
	}
	if c := s.duty.rejectedAt; !c.IsZero() {
		gathered = c
	}
	return gathered.Add(time.Duration(turn) * turnDelay)
}

// warmDue is when the session commits to make others' commits cheaper.
func (s *Session) warmDue() time.Time {
	pub := s.cur.public
	if pub.longest <= warmAbove || !pub.stale[s.cur.group.Own()] {
		return time.Time{}
	}
	due := s.cur.entered.Add(warmDelay)
	if s.now.Before(due) {
		return due // then the place is looked for
	}
	return due.Add(time.Duration(s.place(pub.warming(), nil)) * warmTurn)
}

// warming are the leaves that warm the tree, in the order of their reversed bits.
func (p *public) warming() []uint32 {
	p.warmth.Do(func() {
		depth := bits.Len(uint(len(p.leaves) - 1))
		for i := range p.leaves {
			if p.seats[i] != nil && p.stale[i] {
				p.warm = append(p.warm, uint32(i))
			}
		}
		reversed := func(leaf uint32) uint32 { return bits.Reverse32(leaf) >> (32 - depth) }
		slices.SortFunc(p.warm, func(a, b uint32) int { return int(reversed(a)) - int(reversed(b)) })
	})
	return p.warm
}

// freshDue is when the session, silent longest, commits for its own keys' sake.
func (s *Session) freshDue() time.Time {
	pub := s.cur.public
	if pub.members < 2 {
		return time.Time{}
	}
	delay := freshDelay
	if pub.members > largeGroup {
		delay = freshLarge
	}
	due := s.duty.pathAt.Add(delay)
	if s.now.Before(due) {
		return due // then the place is looked for
	}
	own := s.duty.paths[s.self]
	before := 0
	for i, key := range pub.leaves {
		if pub.seats[i] == nil || key == s.self || !s.eligible(uint32(i), nil) {
			continue
		}
		if last := s.duty.paths[key]; last < own || last == own && uint32(i) < s.cur.group.Own() {
			before++
		}
	}
	return due.Add(time.Duration(before) * freshTurn)
}

// dutyNow commits if that is due.
func (s *Session) dutyNow(now time.Time) {
	due := s.dutyDue()
	if due.IsZero() || now.Before(due) {
		return
	}
	if p := s.duty.pending; p != nil {
		p.at = now
		s.askLog(now) // it may be there: a server that does not say so takes no other of this member in this epoch
		s.send(p.m)
		return
	}
	if len(s.duty.acts) == 0 {
		s.duty.turnAt = s.cfg.Turns.take(now, s.cur.public.group, s.cur.public.epoch)
		if !s.duty.turnAt.IsZero() {
			return
		}
	}
	s.commit(now)
}

// again sends what may not have reached the server before the connection was lost.
func (d *duty) again(s *Session) {
	if p := d.pending; p != nil {
		s.send(p.m)
	}
}

// plan is what a commit is going to hold.
type plan struct {
	options mls.CommitOptions
	offers  []*offer
	acts    int
	fresh   bool // a path is wanted for its own sake
}

// empty says whether there is nothing but a path.
func (p *plan) empty() bool {
	o := &p.options
	return len(o.ByReference)+len(o.Removes)+len(o.Adds)+len(o.UsePSKs) == 0 && o.Extensions == nil && o.Leaf == nil
}

// commit makes a commit of all there is to be done, and sends it.
func (s *Session) commit(now time.Time) {
	p := s.plan(now)
	if p.acts > 0 && p.empty() && !p.fresh {
		s.duty.acts = s.duty.acts[p.acts:] // nothing comes of them: the role was taken away, or it is so already
		return
	}
	version := s.cur.public.meeting.version
	p.options.PSKs = []mls.PSK{{ID: pskID(version), Secret: s.root.psk(version)}}
	c, err := s.cur.group.Commit(p.options)
	if err != nil && len(p.offers) > 0 { // one of them does not fit: the others' next commit leaves it out too
		s.duty.offers = slices.DeleteFunc(s.duty.offers, func(o *offer) bool { return slices.Contains(p.offers, o) })
		s.commit(now)
		return
	}
	if err != nil {
		s.duty.acts = s.duty.acts[min(p.acts, len(s.duty.acts)):] // not tried again
		return
	}
	m := &Commit{Data: c.Message}
	if c.Welcome != nil {
		m.GroupInfo = c.Welcome.GroupInfo
		m.Added = places(c, p.offers)
	}
	s.duty.pending = &pending{commit: c, hash: EntryHash(c.Message), m: m, at: now, acts: p.acts}
	s.duty.fresh = false
	s.send(m)
}

// places says which leaf each offer got.
func places(c *mls.Commit, offers []*offer) []Added {
	leaves := map[Key]uint32{}
	for i, leaf := range c.Next.Leaves() {
		leaves[Key(leaf.SignatureKey)] = i
	}
	list := make([]Added, len(offers))
	for i, o := range offers {
		list[i] = Added{Participant: o.participant, Leaf: leaves[o.key], Secrets: c.Welcome.Secrets[i]}
	}
	return list
}

// plan gathers what is to be done.
func (s *Session) plan(now time.Time) *plan {
	pub, d := s.cur.public, &s.duty
	p := &plan{}
	leaves, refs := s.leaving()
	if leaves == nil {
		leaves = map[uint32]bool{}
	}
	p.options.ByReference = refs
	remove := func(leaf uint32) {
		if !leaves[leaf] && leaf != s.cur.group.Own() {
			leaves[leaf] = true
			p.options.Removes = append(p.options.Removes, leaf)
		}
	}
	s.planActs(p, now, remove)
	if s.place(pub.hosts, nil) >= 0 {
		for key, l := range s.watch.losses {
			if leaf, here := pub.index[key]; here && !l.log && !now.Before(l.at.Add(seatlessDelay)) {
				remove(leaf)
			}
		}
	}
	offers, _ := s.addable(now)
	for _, o := range offers {
		if leaf, returns := pub.index[o.key]; returns {
			remove(leaf)
		}
		p.offers = append(p.offers, o)
		p.options.Adds = append(p.options.Adds, o.pack)
	}
	if len(p.offers) > 0 || pub.epoch == 0 {
		p.options.UsePSKs = [][]byte{pskID(pub.meeting.version)}
	}
	only := len(refs) == 0 && len(p.options.Removes) == 0 && p.options.Extensions == nil && p.options.Leaf == nil
	p.options.NoPath = only && len(p.offers) > 0
	for _, hash := range d.rejected {
		p.options.AuthenticatedData = binary.BigEndian.AppendUint16(p.options.AuthenticatedData, HashSize)
		p.options.AuthenticatedData = append(p.options.AuthenticatedData, hash[:]...)
	}
	return p
}
