package group

import (
	"slices"
	"time"

	"conclave/e2ee/mls"
)

// Who is lost, and whether hosts are still heard (docs/e2ee.md, sections 10 and 11).

const (
	sendAfterLoss = time.Second     // how long anything is sent under an epoch that has a lost leaf
	tellWaiting   = 3 * time.Second // until a removal that does not come is told of
	beatEvery     = 10 * time.Second
	silenceWarns  = 45 * time.Second
	silenceStops  = 75 * time.Second
	everybodyUpTo = 50 // members: then everybody beats
	someWitnesses = 8  // where there is neither host nor heir
	stuckAuthors  = 64 // of which people have said that they could not open a commit
)

// watch is what a session notes of others.
type watch struct {
	losses   map[Key]*loss // of keys with a leaf; at most maxNoted
	waiting  bool          // told that a removal does not come
	signed   map[Key]bool  // who has signed something since one came in; at most maxNoted
	heardAt  time.Time     // when a witness was last heard
	warned   bool
	stopped  bool
	beatAt   time.Time // when the own beat is due
	hereDue  bool
	hostless time.Time // since when no host has a leaf
	noHeir   bool
	blamed   map[[HashSize]byte]*blame // commits that others could not open; at most stuckAuthors
	authors  map[[HashSize]byte]Key    // of the last commits; at most stuckAuthors
	recent   [][HashSize]byte          // keys of authors, oldest first
}

// loss is a member who is going.
type loss struct {
	at  time.Time
	log bool // by a proposal, or an act of one's own: nothing takes it back
}

// blame is who could not open a commit.
type blame struct {
	by   map[Key]bool // at most two
	told bool
}

// lose notes that a member goes. What was noted first stays.
func (s *Session) lose(now time.Time, key Key, log bool) {
	if s.phase != inside || key == s.self {
		return
	}
	if _, here := s.cur.public.index[key]; !here {
		return
	}
	w := &s.watch
	if l := w.losses[key]; l != nil {
		l.log = l.log || log
		return
	}
	if w.losses == nil {
		w.losses = map[Key]*loss{}
	}
	if len(w.losses) < maxNoted {
		w.losses[key] = &loss{at: now, log: log}
	}
}

// back notes that a seat of a key is there (again).
func (w *watch) back(key Key) {
	if l := w.losses[key]; l != nil && !l.log {
		delete(w.losses, key)
	}
}

// lostIn says whether a state has a leaf whose member is lost for too long.
func (s *Session) lostIn(st *state, now time.Time) bool {
	for key, l := range s.watch.losses {
		if _, here := st.public.index[key]; here && !now.Before(l.at.Add(sendAfterLoss)) {
			return true
		}
	}
	return false
}

// sign notes that a member has signed something in a group that one is in.
func (s *Session) sign(key Key) {
	w := &s.watch
	if w.signed[key] {
		return
	}
	if w.signed == nil || len(w.signed) >= maxNoted {
		w.signed = map[Key]bool{}
	}
	w.signed[key] = true
	s.notice(Notice{Kind: NoticePeople})
}

// entered takes a new epoch.
func (w *watch) entered(s *Session, now time.Time, last *state) {
	pub := s.cur.public
	for key := range w.losses {
		if _, here := pub.index[key]; !here || last != nil && isNew(s.cur, last, key) {
			delete(w.losses, key)
		}
	}
	if last == nil {
		w.signed, w.heardAt, w.beatAt = nil, now, now.Add(beatEvery)
		w.warned, w.stopped = false, false
	}
	w.newcomers(s, last)
	w.seatless(s, now, last)
	w.succession(s, now, last)
}

// seatless: a member of whom the roster shows no seat has gone, before one came to know of it.
func (w *watch) seatless(s *Session, now time.Time, last *state) {
	for i, key := range s.cur.public.leaves {
		if s.cur.public.seats[i] == nil || last != nil && !isNew(s.cur, last, key) {
			continue
		}
		if _, here := s.seat[key]; !here {
			s.lose(now, key, false)
		}
	}
}

// isNew says whether a key has a leaf that was added since a state. (Trees are shared, and one leaf may be in memory
// twice: its key tells.)
func isNew(st, last *state, key Key) bool {
	return added(leafOf(st, key), leafOf(last, key))
}

// added says whether a leaf was added after the one that was there, if any.
func added(leaf, last *mls.LeafNode) bool {
	return leaf.Source == mls.SourceKeyPackage &&
		(last == nil || string(leaf.EncryptionKey) != string(last.EncryptionKey))
}

// leafOf is the leaf of a key in a state.
func leafOf(st *state, key Key) *mls.LeafNode {
	if i, here := st.public.index[key]; here {
		return st.group.Leaf(i)
	}
	return nil
}

// newcomers: who confirms an epoch with a new member says so at once.
func (w *watch) newcomers(s *Session, last *state) {
	if last == nil {
		return
	}
	pub := s.cur.public
	fresh := map[uint32]bool{}
	for i, key := range pub.leaves {
		if pub.seats[i] == nil {
			continue
		}
		if isNew(s.cur, last, key) {
			fresh[uint32(i)] = true
			s.sign(key)
		}
	}
	if len(fresh) > 0 && slices.Contains(pub.confirmers(fresh), s.cur.group.Own()) {
		w.hereDue = true
	}
}

// confirmers are those who confirm an epoch to those it added: hosts that are not new themselves. Where there are none
// only a host can be confirmed: heirs and the first members do that.
func (p *public) confirmers(added map[uint32]bool) []uint32 {
	isNew := func(leaf uint32) bool { return added[leaf] }
	list := slices.DeleteFunc(slices.Clone(p.hosts), isNew)
	if len(list) > 0 || len(p.hosts) == 0 {
		return list
	}
	return slices.DeleteFunc(append(p.heirLeaves(), p.some()...), isNew)
}

// some are the first leaves.
func (p *public) some() (list []uint32) {
	for i := range p.leaves {
		if p.seats[i] != nil && len(list) < someWitnesses {
			list = append(list, uint32(i))
		}
	}
	return list
}

// witnesses are those whose beats show that the group is whole: hosts, or heirs, or some.
func (p *public) witnesses() []uint32 {
	if len(p.hosts) > 0 {
		return p.hosts
	}
	if list := p.heirLeaves(); len(list) > 0 {
		return list
	}
	return p.some()
}

// succession notes whether there are hosts and heirs.
func (w *watch) succession(s *Session, now time.Time, last *state) {
	pub := s.cur.public
	if len(pub.hosts) > 0 {
		if last != nil && len(last.public.hosts) == 0 && !w.hostless.IsZero() {
			key := pub.leaves[pub.hosts[0]]
			if g := pub.meeting.entry(key); g != nil && g.signed != g.role {
				s.notice(Notice{Kind: NoticePromoted, From: key})
			}
		}
		w.hostless, w.noHeir = time.Time{}, false
		return
	}
	if w.hostless.IsZero() {
		w.hostless = now
	}
	if none := pub.meeting.lobby && len(pub.heirLeaves()) == 0; none != w.noHeir {
		if w.noHeir = none; none {
			s.notice(Notice{Kind: NoticeNoHeir})
		}
	}
}

// confirm takes that a key signed an application message of an epoch (the zero key: none was signed), and says
// whether the session may send (section 9).
func (s *Session) confirm(key Key, epoch uint64) {
	if s.sure {
		return
	}
	pub := s.cur.public
	if !s.root.link.Lobby && len(pub.hosts) == 0 {
		s.sure = true
		s.notice(Notice{Kind: NoticeLinkOnly})
	} else if key != (Key{}) && epoch >= s.first && s.vouches(key) {
		s.sure = true
	}
	if s.sure {
		if s.joining.joiner != nil {
			s.joining.joiner.Close()
		}
		s.joining, s.commits = joining{}, nil
		s.notice(Notice{Kind: NoticePeople})
	}
}

// vouches says whether a member's word confirms the group: a host's. A host who comes back where there is no other
// takes that of an heir or of one of the first members.
func (s *Session) vouches(key Key) bool {
	pub := s.cur.public
	leaf, here := pub.index[key]
	if !here || key == s.self {
		return false
	}
	if pub.roles[leaf] == RoleHost {
		return true
	}
	own := s.cur.group.Own()
	if pub.roles[own] != RoleHost || len(pub.hosts) > 1 {
		return false
	}
	return slices.Contains(pub.confirmers(map[uint32]bool{own: true}), leaf)
}

// counted says whether a member's beat shows that the group is whole.
func (s *Session) counted(leaf uint32) bool {
	pub := s.cur.public
	list := pub.witnesses()
	if len(list) == 1 && list[0] == s.cur.group.Own() {
		return pub.members <= everybodyUpTo
	}
	return slices.Contains(list, leaf)
}

// missed says whether there is anybody whose beat is awaited.
func (s *Session) missed() bool {
	pub := s.cur.public
	list := pub.witnesses()
	if len(list) == 1 && list[0] == s.cur.group.Own() {
		return pub.members > 1 && pub.members <= everybodyUpTo
	}
	return len(list) > 0
}

// heard takes a beat.
func (s *Session) heard(now time.Time, leaf uint32) {
	w := &s.watch
	if !s.counted(leaf) {
		return
	}
	w.heardAt = now
	if w.warned {
		w.warned, w.stopped = false, false
		s.notice(Notice{Kind: NoticeHeard})
	}
}

// reconnected lets the times start anew: a seat may be silent for a while.
func (w *watch) reconnected(now time.Time) { w.heardAt, w.warned, w.stopped = now, false, false }

// watchNow tells what is to be told, and beats.
func (s *Session) watchNow(now time.Time) {
	w := &s.watch
	waiting := false
	for key, l := range w.losses {
		_, here := s.cur.public.index[key]
		waiting = waiting || here && !now.Before(l.at.Add(tellWaiting))
	}
	if waiting != w.waiting {
		w.waiting = waiting
		kind := NoticeGoesOn
		if waiting {
			kind = NoticeWaiting
		}
		s.notice(Notice{Kind: kind})
	}
	if !s.missed() || !s.online {
		w.heardAt = now
	}
	if !w.warned && !now.Before(w.heardAt.Add(silenceWarns)) {
		w.warned = true
		s.notice(Notice{Kind: NoticeSilence})
	}
	if !w.stopped && !now.Before(w.heardAt.Add(silenceStops)) {
		w.stopped = true
		s.notice(Notice{Kind: NoticeStopped})
	}
}

// beats says whether this member beats.
func (s *Session) beats() bool {
	pub := s.cur.public
	return pub.members > 1 && (pub.members <= everybodyUpTo || slices.Contains(pub.witnesses(), s.cur.group.Own()))
}

func (s *Session) watchDue(at func(time.Time)) {
	w := &s.watch
	at(s.beyond.withdrawn.Add(sendAfterLoss))
	for _, l := range w.losses {
		at(l.at.Add(sendAfterLoss))
		at(l.at.Add(tellWaiting))
	}
	if s.missed() && s.online {
		at(w.heardAt.Add(silenceWarns))
		at(w.heardAt.Add(silenceStops))
	}
	at(w.beatAt)
}

// authored remembers who made a commit, for those who cannot open it.
func (w *watch) authored(hash [HashSize]byte, key Key) {
	if w.authors == nil {
		w.authors = map[[HashSize]byte]Key{}
	}
	w.authors[hash] = key
	w.recent = append(w.recent, hash)
	for len(w.recent) > stuckAuthors {
		delete(w.authors, w.recent[0])
		delete(w.blamed, w.recent[0])
		w.recent = w.recent[1:]
	}
}

// Stuck takes that a participant could not open a commit. When a second one says so, hosts are shown the author.
func (s *Session) Stuck(now time.Time, from uint32, _ uint64, hash [HashSize]byte) {
	w := &s.watch
	info, known := s.seats[from]
	author, made := w.authors[hash]
	if !known || !made || info.key == author || s.phase != inside {
		return
	}
	if w.blamed == nil {
		w.blamed = map[[HashSize]byte]*blame{}
	}
	b := w.blamed[hash]
	if b == nil {
		b = &blame{by: map[Key]bool{}}
		w.blamed[hash] = b
	}
	if len(b.by) < 2 {
		b.by[info.key] = true
	}
	if len(b.by) == 2 && !b.told {
		b.told = true
		s.notice(Notice{Kind: NoticeStuck, From: author})
	}
	s.settle(now)
}
