package group

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"conclave/e2ee/mls"
	"conclave/e2ee/sframe"
)

// Recorders and bots outside the group (docs/e2ee2.md, section 14), as members see them. outsider.go is the other side.

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
)

// beyond is what is kept of those outside.
type beyond struct {
	asked     map[Key]*outsideMember // at most maxOutsiders
	live      []sframe.Track         // own tracks that send
	told      uint64                 // number of the last state whose keys were given
	withdrawn time.Time              // when an agreement was taken back, and the epoch until which keys were given
	until     uint64
	voices    map[voice]bool // at most maxOutsiders an epoch, of the last epochs
}

// outsideMember is one who asked.
type outsideMember struct {
	hpke   []byte // X25519
	at     time.Time
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
		s.beyond.withdrawn, s.beyond.until = now, s.cur.public.epoch
		return s.do(now, act{kind: actFresh})
	}
	s.settle(now)
	return nil
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

// relayOutside takes a message of one who has no leaf.
func (s *Session) relayOutside(now time.Time, from uint32, data []byte) {
	info, known := s.seats[from]
	if s.phase != inside || !known || len(data) < 9 {
		return
	}
	if _, member := s.cur.public.index[info.key]; member {
		return
	}
	ok := false
	switch body := data[9:]; data[8] {
	case outsideAsk:
		ok = s.asks(now, info.key, body)
	case outsideVoice:
		ok = s.hearVoice(now, info.key, body)
	}
	if !ok {
		s.notice(Notice{Kind: NoticeForged, From: info.key, Err: errPrivate})
	}
}

// asks takes the question of one outside whether it may hear this person.
func (s *Session) asks(now time.Time, key Key, body []byte) bool {
	r := reader{b: body}
	hpke, sig := r.take(keySize), r.take(64)
	sealed := r.b
	if r.failed || mls.VerifyEd25519(key[:], askText(s.root.meeting, key, s.self, hpke, sealed), sig) != nil {
		return false
	}
	purpose := s.root.openName(key, sealed)
	if purpose == "" {
		return false
	}
	o := s.beyond.asked[key]
	if o == nil {
		if len(s.beyond.asked) >= maxOutsiders {
			return true
		}
		if s.beyond.asked == nil {
			s.beyond.asked = map[Key]*outsideMember{}
		}
		o = &outsideMember{}
		s.beyond.asked[key] = o
	}
	if !bytes.Equal(o.hpke, hpke) { // it is there anew
		o.hpke, s.beyond.told = bytes.Clone(hpke), 0
	}
	if o.at.IsZero() || !now.Before(o.at.Add(askEvery)) {
		o.at = now
		s.notice(Notice{Kind: NoticeAsk, From: key, Text: purpose, On: o.agreed})
	}
	return true
}

// outsideNow gives those to whom this person agreed the keys of a new epoch, or of tracks that are live now.
func (s *Session) outsideNow(now time.Time) {
	b := &s.beyond
	if len(b.asked) == 0 || b.told == s.cur.media.State || !s.mayTalk(now) {
		return
	}
	b.told = s.cur.media.State
	for key, o := range b.asked {
		seat, here := s.seat[key]
		if _, member := s.cur.public.index[key]; !o.agreed || !here || member {
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

// hearVoice takes the secret under which an admitted outsider seals in an epoch. A second one is refused.
func (s *Session) hearVoice(now time.Time, key Key, body []byte) bool {
	r := reader{b: body}
	group, epoch := r.take(groupIDSize), r.u64()
	number := uint16(r.u8())<<8 | uint16(r.u8())
	admitted, sig := r.take(AdmissionSize), r.take(64)
	sealed := r.b
	if r.failed || !bytes.Equal(group, s.cur.public.group) {
		return false
	}
	st, later := s.stateOf(now, epoch)
	if st == nil {
		if later {
			s.askLog(now)
		}
		return later
	}
	if !s.mayBeHeard(st.public, key, admitted) {
		return false
	}
	text := voiceText(group, epoch, st.public.confirmed, number, sealed)
	if mls.VerifyEd25519(key[:], text, sig) != nil {
		return false
	}
	info := fields("outside", group, u64(epoch))
	base, err := st.group.OpenExternal(info, key[:], sealed, fields("hpke"), s.root.hpke)
	if err != nil || len(base) != 16 || s.beyond.voices[voice{epoch, key}] {
		return false
	}
	if s.beyond.voices == nil || len(s.beyond.voices) >= maxOld*maxOutsiders {
		kept := map[voice]bool{}
		for v := range s.beyond.voices {
			if v.epoch+maxOld >= s.cur.public.epoch {
				kept[v] = true
			}
		}
		if s.beyond.voices = kept; len(kept) >= maxOld*maxOutsiders {
			return true
		}
	}
	s.beyond.voices[voice{epoch, key}] = true
	s.out.Outside = append(s.out.Outside, OutsideKey{epoch, uint32(number) & sframe.MaxSender, key, [16]byte(base)})
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
