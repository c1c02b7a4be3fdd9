package group

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// Recorders and bots outside the group (docs/e2ee.md, section 14), as members see them. outsider.go is the other side.

// outsideMark stands where private messages have their epoch: a relay to or from one who has no leaf.
const outsideMark = ^uint64(0)

// Types of those messages.
const (
	outsideAsk   byte = 1 // outsider → member: may I hear you?
	outsideKeys  byte = 2 // member → outsider: keys of single KIDs
	outsideVoice byte = 3 // outsider → member: the secret that it seals under
)

const (
	maxOutsiders = 64
	askEvery     = 10 * time.Second
	groupIDSize  = 16

	leftTurn    = 50 * time.Millisecond // for each leaf before one's own
	leftLongest = 750 * time.Millisecond
)

// beyond is what is kept of those outside.
type beyond struct {
	asked     map[Key]*outsideMember // at most maxOutsiders
	live      []sframe.Track         // own tracks that send
	told      uint64                 // number of the last state whose keys were given
	withdrawn time.Time              // when an agreement was taken back, and the epoch until which keys were given
	until     uint64
	left      time.Time      // when one who has keys of the epochs until then went
	voices    map[voice]bool // at most maxOutsiders an epoch, of the last epochs
}

// outsideMember is one who asked.
type outsideMember struct {
	question
	at     time.Time // when that was shown
	asks   bool      // it is to be shown once it can be answered
	agreed bool
}

// voice is the secret of an outsider in an epoch.
type voice struct {
	epoch uint64
	key   Key
}

// OutsideKey is what an outsider seals under in an epoch: sframe.Opener.AddOutside.
type OutsideKey struct {
	Epoch  uint64
	Number uint32
	Owner  Key
	Base   [16]byte
}

func askText(meeting string, from, to Key, hpke, sealed []byte) []byte {
	return fields("ask", []byte(meeting), from[:], to[:], hpke, sealed)
}

func keysText(group []byte, epoch uint64, from, to Key, sealed []byte) []byte {
	return fields("keys sig", group, u64(epoch), from[:], to[:], sealed)
}

func keysInfo(group []byte, epoch uint64) []byte { return fields("keys", group, u64(epoch)) }

func voiceText(group []byte, epoch uint64, confirmed []byte, number uint16, sealed []byte) []byte {
	return fields("outside", group, u64(epoch), confirmed, binary.BigEndian.AppendUint16(nil, number), sealed)
}

// SetLive says which own tracks send: those outside to whom this person agreed are given the keys of these only.
func (s *Session) SetLive(now time.Time, tracks ...sframe.Track) {
	s.beyond.live = slices.Clone(tracks)
	s.beyond.told = 0
	s.settle(now)
}

// Consent agrees to be heard by one outside the group, or takes that back: within a second nothing is sealed any more
// that it could open. Everybody is told.
func (s *Session) Consent(now time.Time, to Key, on bool) error {
	o := s.beyond.asked[to]
	switch {
	case !s.mayTalk(now):
		return ErrNotReady
	case o == nil:
		return ErrNotHere
	}
	body := []byte{appConsent, 0}
	if on {
		body[1] = 1
	}
	if !s.whisper(append(body, to[:]...)) {
		return ErrNotReady
	}
	took := o.agreed && !on
	o.agreed = on
	s.beyond.told = 0
	if took {
		s.beyond.withdraw(now, s.cur.public.epoch)
		return s.do(now, act{kind: actFresh})
	}
	s.settle(now)
	return nil
}

// withdraw notes that one has keys of epochs up to this one. Nothing puts off the end of an earlier agreement.
func (b *beyond) withdraw(now time.Time, epoch uint64) {
	if b.withdrawn.IsZero() || epoch > b.until {
		b.withdrawn = now
	}
	b.until = epoch
}

// outsideLeft deals with the end of an outsider's seat. One to whom this person agreed takes its keys along: another
// epoch is to follow, as when an agreement is taken back.
func (s *Session) outsideLeft(now time.Time, key Key) {
	if o := s.beyond.asked[key]; o != nil && o.agreed && s.phase == inside {
		s.beyond.withdraw(now, s.cur.public.epoch)
		s.beyond.left = now
	}
}

// leftDue is when this session is to commit because an outsider has gone; zero: not. Those who agreed do it in the
// order of their leaves, since one of them is enough.
func (s *Session) leftDue() time.Time {
	b := &s.beyond
	if b.left.IsZero() || s.cur.public.epoch > b.until {
		return time.Time{}
	}
	return b.left.Add(min(time.Duration(s.cur.group.Own())*leftTurn, leftLongest))
}

// heardOutside says whether media under a state would be heard by one to whom this person no longer agrees.
func (s *Session) heardOutside(st *state, now time.Time) bool {
	b := &s.beyond
	return !b.withdrawn.IsZero() && st.public.epoch <= b.until && !now.Before(b.withdrawn.Add(sendAfterLoss))
}

// consented takes what a member says of one outside.
func (s *Session) consented(key Key, body []byte) {
	r := reader{b: body}
	on, bot := r.u8(), r.key()
	if r.end() && on <= 1 {
		s.notice(Notice{Kind: NoticeConsent, From: key, Bot: bot, On: on == 1})
	}
}

// isMember says whether a key has a leaf.
func (s *Session) isMember(key Key) bool {
	if s.phase != inside {
		return false
	}
	_, member := s.cur.public.index[key]
	return member
}

// relayOutside takes a message of one who has no leaf.
func (s *Session) relayOutside(now time.Time, m *heldMessage) {
	info, known := s.seats[m.from]
	if !known { // the roster gathers what changed, a relay does not wait
		s.hold(now, m)
		return
	}
	if s.isMember(info.key) {
		return
	}
	err := errPrivate
	switch m.data[8] {
	case outsideAsk:
		err = s.asks(info.key, m.data[9:])
	case outsideVoice:
		err = s.hearVoice(now, info.key, m)
	}
	if err != nil {
		s.notice(Notice{Kind: NoticeForged, From: info.key, Err: err})
	}
}

// question is what one outside asks.
type question struct {
	hpke    []byte // X25519
	purpose string
}

// openAsk reads what one outside asks a member.
func (r *Root) openAsk(from, to Key, body []byte) (*question, error) {
	in := reader{b: body}
	hpke, sig := in.take(keySize), in.take(64)
	sealed := in.b
	if in.failed || mls.VerifyEd25519(from[:], askText(r.meeting, from, to, hpke, sealed), sig) != nil {
		return nil, errPrivate
	}
	q := &question{bytes.Clone(hpke), r.openName(from, sealed)}
	if q.purpose == "" {
		return nil, errPrivate
	}
	return q, nil
}

// asks takes the question of one outside whether it may hear this person.
func (s *Session) asks(key Key, body []byte) error {
	q, err := s.root.openAsk(key, s.self, body)
	if err != nil {
		return err
	}
	o := s.beyond.asked[key]
	if o == nil {
		if o = s.newOutsider(key); o == nil {
			return nil
		}
	}
	if !bytes.Equal(o.hpke, q.hpke) { // it is there anew
		s.beyond.told = 0
	}
	o.question, o.asks = *q, true
	return nil
}

// newOutsider makes room for one who asks; nil where there is none. Those who are gone make room.
func (s *Session) newOutsider(key Key) *outsideMember {
	b := &s.beyond
	if b.asked == nil {
		b.asked = map[Key]*outsideMember{}
	}
	if len(b.asked) >= maxOutsiders {
		maps.DeleteFunc(b.asked, func(key Key, _ *outsideMember) bool { _, here := s.seat[key]; return !here })
	}
	if len(b.asked) >= maxOutsiders {
		return nil
	}
	b.asked[key] = &outsideMember{}
	return b.asked[key]
}

// outsideNow shows the questions of those outside, and gives those to whom this person agreed the keys of a new epoch,
// or of tracks that are live now.
func (s *Session) outsideNow(now time.Time) {
	b := &s.beyond
	if len(b.asked) == 0 || !s.mayTalk(now) {
		return
	}
	tell := b.told != s.cur.media.State
	b.told = s.cur.media.State
	for key, o := range b.asked {
		seat, here := s.seat[key]
		if !here || s.isMember(key) {
			continue
		}
		if o.asks && (o.at.IsZero() || !now.Before(o.at.Add(askEvery))) {
			o.at = now
			s.notice(Notice{Kind: NoticeAsk, From: key, Text: o.purpose, On: o.agreed})
		}
		o.asks = false
		if !tell || !o.agreed {
			continue
		}
		if data, err := s.sealKeys(key, o.hpke); err == nil {
			s.send(&Relay{To: seat, Data: data})
		}
	}
}

// sealKeys seals the keys of the live tracks for one outside.
func (s *Session) sealKeys(to Key, hpke []byte) ([]byte, error) {
	pub := s.cur.public
	plain := slices.Concat(pub.confirmed, s.cur.group.ExternalPub())
	if a := pub.seats[s.cur.group.Own()].admission; a != nil {
		plain = append(append(plain, 1), a.encode()...)
	} else {
		plain = append(plain, 0)
	}
	plain = append(plain, byte(len(s.beyond.live)))
	for _, t := range s.beyond.live {
		kid, key, err := s.cur.media.Single(t)
		if err != nil {
			return nil, malformed("track")
		}
		plain = append(binary.BigEndian.AppendUint32(plain, uint32(kid)), key[:]...)
	}
	defer clear(plain)
	aad := slices.Concat(s.self[:], to[:])
	sealed, err := mls.SealPSK(s.random, hpke, keysInfo(pub.group, pub.epoch), aad, plain, fields("hpke"), s.root.hpke)
	if err != nil {
		return nil, malformed("key of one outside")
	}
	sig := s.cfg.Identity.sign(keysText(pub.group, pub.epoch, s.self, to, sealed))
	head := append(u64(outsideMark), outsideKeys)
	return slices.Concat(head, pub.group, u64(pub.epoch), sig, sealed), nil
}

// said is the secret of one outside, for an epoch, as it came.
type said struct {
	group         []byte
	epoch         uint64
	number        uint16
	admitted, sig []byte
	sealed        []byte
}

func readVoice(body []byte) (*said, error) {
	r := reader{b: body}
	v := &said{group: r.take(groupIDSize), epoch: r.u64(), number: uint16(r.u8())<<8 | uint16(r.u8())}
	v.admitted, v.sig, v.sealed = r.take(AdmissionSize), r.take(64), r.b
	if r.failed || v.number > sframe.MaxSender {
		return nil, errPrivate
	}
	return v, nil
}

// open checks who said it, and of which state of the group, and opens the secret.
func (v *said) open(from Key, confirmed []byte, open func(info, aad, sealed []byte) ([]byte, error)) ([]byte, error) {
	if mls.VerifyEd25519(from[:], voiceText(v.group, v.epoch, confirmed, v.number, v.sealed), v.sig) != nil {
		return nil, errPrivate
	}
	base, err := open(fields("outside", v.group, u64(v.epoch)), from[:], v.sealed)
	if err != nil || len(base) != 16 {
		return nil, errPrivate
	}
	return base, nil
}

// hearVoice takes the secret under which an admitted outsider seals in an epoch. A second one is refused.
func (s *Session) hearVoice(now time.Time, key Key, m *heldMessage) error {
	v, err := readVoice(m.data[9:])
	if err != nil {
		return err
	}
	st, later := s.stateOf(now, v.epoch)
	if st == nil {
		if later {
			s.hold(now, m)
		}
		return nil
	}
	id := voice{v.epoch, key}
	if !bytes.Equal(v.group, st.public.group) || !s.mayBeHeard(st.public, key, v.admitted) || s.beyond.voices[id] {
		return errPrivate
	}
	base, err := v.open(key, st.public.confirmed, func(info, aad, sealed []byte) ([]byte, error) {
		return st.group.OpenExternal(info, aad, sealed, fields("hpke"), s.root.hpke)
	})
	if err != nil {
		return err
	}
	if s.beyond.keep(id, s.cur.public.epoch) {
		s.out.Outside = append(s.out.Outside, OutsideKey{v.epoch, uint32(v.number), key, [16]byte(base)})
	}
	return nil
}

// keep notes that a secret was taken; false says that there is no room for another.
func (b *beyond) keep(id voice, epoch uint64) bool {
	if len(b.voices) >= maxOld*maxOutsiders {
		maps.DeleteFunc(b.voices, func(v voice, _ bool) bool { return v.epoch+maxOld < epoch })
	}
	if len(b.voices) >= maxOld*maxOutsiders {
		return false
	}
	if b.voices == nil {
		b.voices = map[voice]bool{}
	}
	b.voices[id] = true
	return true
}

// mayBeHeard says whether one outside was admitted.
func (s *Session) mayBeHeard(pub *public, key Key, admitted []byte) bool {
	if pub.meeting.isRevoked(key) {
		return false
	}
	if !pub.meeting.lobby {
		return true
	}
	a, err := parseAdmission(admitted)
	return err == nil && pub.admits(a, key)
}
