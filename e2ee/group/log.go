package group

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// How a session comes into the group, and follows it by the server's log.

// member is what this client puts into its leaf.
func (s *Session) member() mls.Member {
	return mls.Member{
		Key:          s.cfg.Identity.key,
		Credential:   mls.Credential{Type: mls.CredentialBasic, Identity: s.self[:]},
		Capabilities: mls.DefaultCapabilities(extMeeting, extSeat, extProof),
		Extensions:   []mls.Extension{{Type: extSeat, Data: s.ownSeat().encode()}},
	}
}

// ownSeat is what the own leaf says. A room's owner admits itself, once the group is known.
func (s *Session) ownSeat() *seat {
	own := &seat{bot: s.cfg.Bot, name: s.name, admission: s.admitted}
	if s.cfg.Room != nil && len(s.server.GroupID) > 0 {
		own.admission = newAdmission(s.cfg.Room, s.server.GroupID, s.self, RoleHost)
	}
	return own
}

// found makes the group: one leaf, and a first commit that names the secret of the link (section 6).
func (s *Session) found(now time.Time) {
	creator := s.self
	if s.cfg.Room != nil {
		creator = s.cfg.Room.Key()
	}
	if s.root.link.Lobby && FingerprintOf(creator[:]) != s.root.link.Creator {
		return // only the creator founds
	}
	if s.phase == inside && s.founder && s.cur.public.epoch == 0 && s.duty.pending != nil {
		s.server.GroupID = slices.Clone(s.cur.public.group)
		s.send(&Found{GroupID: s.server.GroupID, Leaf: 0}) // it asks twice: the commit follows, as after a lost connection
		return
	}
	if s.phase == inside {
		s.dropStates()
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(s.random, id); err != nil || len(s.server.ServerKey) != keySize {
		return // the server asks again
	}
	s.server.GroupID = id
	m := &meeting{creator: s.root.link.Creator, lobby: s.root.link.Lobby, version: 1}
	required := mls.RequiredCapabilities{
		Extensions: []uint16{extMeeting, extSeat, extProof}, Credentials: []uint16{mls.CredentialBasic},
	}
	key := s.server.ServerKey
	g, err := mls.Create(s.root.mlsConfig(s), s.member(), id, []mls.Extension{
		{Type: extMeeting, Data: m.encode()},
		required.Extension(),
		mls.ExternalSenders([]mls.ExternalSender{{
			SignatureKey: key, Credential: mls.Credential{Type: mls.CredentialBasic, Identity: key},
		}}),
	})
	if err == nil {
		err = s.take(now, g, s.server.Position, false)
	}
	if err != nil {
		s.notice(Notice{Kind: NoticeFalseGroup, Err: err})
		return
	}
	s.founder, s.sure = true, true
	s.send(&Found{GroupID: id, Leaf: 0})
	s.duty.fresh = true
}

// offer makes a key package and sends it.
func (s *Session) offer(now time.Time) {
	if s.number == 0 || len(s.server.ServerKey) == 0 {
		return
	}
	j, err := mls.NewJoiner(s.root.mlsConfig(s), s.member(), nil, func(k *mls.KeyPackage) {
		k.Extensions = []mls.Extension{{Type: extProof, Data: s.root.joinProof(k.Leaf.SignatureKey, k.InitKey)}}
	})
	if err != nil {
		return // tried again
	}
	if s.joining.joiner != nil {
		s.joining.joiner.Close()
	}
	wait := min(max(offerAgain, 2*s.joining.wait), offerLongest)
	s.joining = joining{joiner: j, at: now, wait: wait, doubt: s.joining.doubt}
	s.send(&KeyPackage{Data: j.KeyPackage.Message()})
	s.offers = append(s.offers, [HashSize]byte(j.KeyPackage.Ref()))
	s.offers = s.offers[max(0, len(s.offers)-maxOwnOffers):]
}

// offeredBefore says of a key package that adds the own key whether this session made it, or no other seat of the key
// is there that could have: then a member has used it a second time, and no other device takes over.
func (s *Session) offeredBefore(k *mls.KeyPackage) bool {
	return len(s.twins) == 0 || slices.Contains(s.offers, [HashSize]byte(k.Ref()))
}

// rejoin offers another key package where there was no answer, or where those who should confirm the state do not.
func (s *Session) rejoin(now time.Time) {
	j := &s.joining
	switch {
	case !s.online || j.joiner == nil:
	case s.phase != inside && !now.Before(j.at.Add(j.wait)):
		s.offer(now)
	case s.doubts() && !now.Before(j.since.Add(j.doubt)):
		s.lost(now)
	}
}

// doubts says whether a state waits for the word of a member who is there.
func (s *Session) doubts() bool {
	if s.phase != inside || s.sure {
		return false
	}
	for i, key := range s.cur.public.leaves {
		if s.cur.public.seats[i] != nil && s.vouches(key) && s.eligible(uint32(i), nil) {
			return true
		}
	}
	return false
}

// Secrets takes what a joiner needs. What verifies takes the place of what verified before, until a host has confirmed
// one: the commit of the first may have been rejected.
func (s *Session) Secrets(now time.Time, in Secrets) {
	j := &s.joining
	if s.phase == finished || j.joiner == nil || s.phase == inside && s.sure || j.tries >= maxJoins {
		return
	}
	j.tries++
	if err := s.enterBy(now, &in); err != nil {
		s.notice(Notice{Kind: NoticeFalseGroup, Err: err})
	}
	s.settle(now)
}

func (s *Session) enterBy(now time.Time, in *Secrets) error {
	if s.phase == inside && !s.rejects(in.Position) {
		return nil
	}
	g, err := mls.Join(s.joining.joiner.Clone(), mls.JoinWelcome(in.Data, in.GroupInfo), nil, s.root.psks())
	if err != nil {
		return fmt.Errorf("e2ee: the group that was shown: %w", err)
	}
	p, err := s.root.publicOf(g)
	if err == nil {
		err = s.checkShown(g, p)
	}
	if err != nil {
		g.Close()
		return err
	}
	if s.phase == inside {
		s.dropStates()
	}
	s.sure, s.founder, s.first = false, false, p.epoch
	s.joining.since, s.joining.doubt = now, min(max(doubtFirst, 2*s.joining.doubt), offerLongest)
	if err := s.take(now, g, in.Position, true); err != nil {
		return err
	}
	early := s.early
	s.early = nil
	for i := range early {
		s.entry(now, &early[i])
	}
	if s.server.Position > s.position {
		s.askLog(now)
	}
	return nil
}

// rejects says whether the commit at a position says that the one that made the present state does not count. The first
// of two that count makes the next epoch.
func (s *Session) rejects(position uint64) bool {
	var present, later *seenCommit
	for i := range s.commits {
		switch c := &s.commits[i]; c.position {
		case s.cur.position:
			present = c
		case position:
			later = c
		}
	}
	return present != nil && later != nil && bytes.Contains(later.names, present.hash[:])
}

// checkShown says whether a group that was shown is one of the link and of the server's.
func (s *Session) checkShown(g *mls.Group, p *public) error {
	if p.meeting.creator != s.root.link.Creator {
		return broken("it has another creator than the link")
	}
	want := mls.ExternalSenders([]mls.ExternalSender{{
		SignatureKey: s.server.ServerKey,
		Credential:   mls.Credential{Type: mls.CredentialBasic, Identity: s.server.ServerKey},
	}})
	if !slices.ContainsFunc(p.others, func(e mls.Extension) bool {
		return e.Type == want.Type && string(e.Data) == string(want.Data)
	}) {
		return broken("it names another server key")
	}
	return s.root.vouched(g, p)
}

// dropStates forgets the group.
func (s *Session) dropStates() {
	s.duty.offers = nil // of epochs that one has lost sight of
	for _, st := range append(s.old, s.cur) {
		if st != nil {
			st.group.Close()
		}
	}
	s.cur, s.old = nil, nil
	s.out.Clear, s.out.Epochs = true, nil
	s.duty.drop()
}

// take makes a state the present one. removes says that its commit removed a leaf.
func (s *Session) take(now time.Time, g *mls.Group, position uint64, joined bool) error {
	p, err := s.root.publicOf(g)
	if err != nil {
		return err
	}
	base, err := g.Export("SFrame 1.0 Base Key", nil, 16)
	if err != nil {
		return fmt.Errorf("e2ee: %w", err)
	}
	s.states++
	media := &sframe.Epoch{Number: p.epoch, State: s.states, Base: [16]byte(base), Own: g.Own(), Leaves: p.leaves}
	last := s.cur
	s.cur = &state{group: g, public: p, media: media, entered: now, position: position}
	s.phase, s.position, s.missing = inside, position, time.Time{}
	if last != nil {
		s.retire(now, last)
	}
	if joined {
		s.out.Clear, s.out.Epochs = true, nil
	}
	if p.epoch > 0 {
		s.out.Epochs = append(s.out.Epochs, media)
	}
	s.notice(Notice{Kind: NoticePeople})
	s.duty.entered(s, now, last)
	s.watch.entered(s, now, last)
	s.confirm(Key{}, p.epoch)
	s.talk.again(s, now)
	s.numbers.entered(s)
	return nil
}

// retire keeps the state before for the messages that are still on their way.
func (s *Session) retire(now time.Time, last *state) {
	s.cur.media.Removes = removes(last.public, last.group, s.cur.group)
	keep := keepAfter
	if s.cur.media.Removes {
		keep = keepAfterGone
	}
	s.old = append(s.old, last)
	for _, st := range s.old {
		if until := now.Add(keep); st.until.IsZero() || until.Before(st.until) {
			st.until = until
		}
	}
	for len(s.old) > maxOld {
		s.old[0].group.Close()
		s.old = s.old[1:]
	}
}

// removes says whether a leaf of one state is not in the next: its member went, or came back with a new leaf.
func removes(last *public, before, after *mls.Group) bool {
	for i, key := range last.leaves {
		if last.seats[i] == nil {
			continue
		}
		leaf := after.Leaf(uint32(i))
		if leaf == nil || Key(leaf.SignatureKey) != key {
			return true
		}
		if added(leaf, before.Leaf(uint32(i))) {
			return true
		}
	}
	return false
}

// Log takes entries, in order.
func (s *Session) Log(now time.Time, entries []Entry) {
	for i := range entries {
		if s.phase == finished {
			return
		}
		s.entry(now, &entries[i])
	}
	s.settle(now)
}

// entry takes one entry.
func (s *Session) entry(now time.Time, e *Entry) {
	if s.phase != inside || !s.sure {
		s.keepCommit(e)
	}
	if s.phase != inside {
		s.keepEarly(e)
		return
	}
	if e.Position <= s.position {
		return
	}
	if e.Position > s.position+1 {
		s.skipped(now)
		return
	}
	s.position = e.Position
	h, ok := readHead(e.Data)
	if !ok || h.private || len(e.Data) > mls.MaxCommit || h.epoch != s.cur.public.epoch {
		return // passed over for good: an epoch has its candidates in its own time
	}
	in, err := s.cur.group.Verify(e.Data)
	switch mls.ContentType(h.content) {
	case mls.ContentProposal:
		if err == nil && in.Type == mls.ContentProposal {
			s.proposal(now, in)
		}
	case mls.ContentCommit:
		s.candidate(now, e, in, err)
	}
}

// keepCommit remembers what a commit rejects.
func (s *Session) keepCommit(e *Entry) {
	h, ok := readHead(e.Data)
	if !ok || h.private || mls.ContentType(h.content) != mls.ContentCommit {
		return
	}
	s.commits = append(s.commits, seenCommit{e.Position, EntryHash(e.Data), slices.Clone(h.names)})
	if len(s.commits) > maxSeen {
		s.commits = s.commits[1:]
	}
}

// keepEarly keeps an entry for after the group was entered.
func (s *Session) keepEarly(e *Entry) {
	size := len(e.Data)
	for i := range s.early {
		size += len(s.early[i].Data)
	}
	s.early = append(s.early, *e)
	for len(s.early) > 0 && (len(s.early) > maxEarly || size > maxEarlySize) {
		size -= len(s.early[0].Data)
		s.early = s.early[1:]
	}
}

// skipped deals with entries that were missed. Where the server no longer has them, the session comes back.
func (s *Session) skipped(now time.Time) {
	d := &s.duty
	switch {
	case d.gapAt.IsZero() || d.gapFrom != s.position:
		d.gapAt, d.gapFrom = now, s.position
	case !now.Before(d.gapAt.Add(gapLongest)):
		s.lost(now)
		return
	}
	s.askLog(now)
}

// proposal keeps a proposal for the commit that refers to it.
func (s *Session) proposal(now time.Time, in *mls.Incoming) {
	if _, err := s.cur.group.Apply(in, mls.Options{}); err != nil {
		return // too many
	}
	p := in.Proposal
	if p.Type != mls.ProposalRemove || !s.mayRemove(p) {
		return
	}
	s.duty.propose(now)
	s.lose(now, s.cur.public.leaves[p.Remove], true)
}

// mayRemove says whether a removal that was proposed counts.
func (s *Session) mayRemove(p *mls.Proposed) bool {
	pub := s.cur.public
	if int(p.Remove) >= len(pub.leaves) || pub.seats[p.Remove] == nil {
		return false
	}
	member := p.Sender.Type == mls.SenderMember
	if member && (int(p.Sender.Index) >= len(pub.leaves) || pub.seats[p.Sender.Index] == nil) {
		return false
	}
	return pub.checkRemove(&change{}, p) == nil
}

// candidate takes a commit of the present epoch. The first that counts makes the next one.
func (s *Session) candidate(now time.Time, e *Entry, in *mls.Incoming, err error) {
	hash := EntryHash(e.Data)
	if own := s.duty.pending; own != nil && own.hash == hash {
		s.duty.pending = nil
		s.duty.acts = s.duty.acts[min(own.acts, len(s.duty.acts)):]
		s.duty.moved(s, now, in)
		s.advance(now, own.commit.Next, e.Position)
		return
	}
	var list []*mls.Proposed
	var next *mls.Group
	if err == nil {
		list, err = s.cur.group.Proposals(in)
	}
	if err == nil {
		err = s.root.judge(s.cur.group, s.cur.public, in, list)
	}
	if err == nil {
		psk := mls.PSK{ID: pskID(s.cur.public.meeting.version), Secret: s.root.psk(s.cur.public.meeting.version)}
		next, err = s.cur.group.Apply(in, mls.Options{PSKs: []mls.PSK{psk}})
	}
	switch {
	case err == nil:
		s.watch.authored(hash, s.cur.public.leaves[in.Sender.Index])
		s.sign(s.cur.public.leaves[in.Sender.Index])
		s.duty.moved(s, now, in)
		s.advance(now, next, e.Position)
	case errors.Is(err, mls.ErrRemoved):
		s.removed(now, in, list)
	case errors.Is(err, ErrRule) || mls.Public(err):
		s.duty.reject(s, now, hash, in)
	default:
		s.send(&Stuck{Epoch: s.cur.public.epoch, Hash: hash})
		s.lost(now)
	}
}

// advance goes to the next epoch.
func (s *Session) advance(now time.Time, next *mls.Group, position uint64) {
	if err := s.take(now, next, position, false); err != nil { // not of our form: all see that alike, and check forbids it
		next.Close()
		s.lost(now)
	}
}

// lost gives the state up: the session comes back by a new key package, as a return.
func (s *Session) lost(now time.Time) {
	s.dropStates()
	s.phase, s.early = stuck, nil
	s.joining.wait = 0
	s.notice(Notice{Kind: NoticePeople})
	s.offer(now)
}

// removed deals with a commit that removed this member.
func (s *Session) removed(now time.Time, in *mls.Incoming, list []*mls.Proposed) {
	kind := NoticeKind(0)
	for _, p := range list {
		switch {
		case p.Type == mls.ProposalGroupContextExtensions:
			if m, _, err := splitExtensions(p.Extensions); err == nil && m.isRevoked(s.self) {
				kind = NoticeRemoved
			}
		case p.Type == mls.ProposalAdd && Key(p.Add.Leaf.SignatureKey) == s.self && !s.offeredBefore(p.Add):
			kind = NoticeSwitched
		}
	}
	by := s.cur.public.leaves[in.Sender.Index]
	s.lost(now)
	if kind == 0 {
		return
	}
	s.phase = finished
	s.out.Messages = slices.DeleteFunc(s.out.Messages, func(m Message) bool { _, is := m.(*KeyPackage); return is })
	s.notice(Notice{Kind: kind, From: by})
}
