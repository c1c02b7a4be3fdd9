package group

import (
	"encoding/binary"
	"slices"
	"time"

	"conclave/e2ee/mls"
)

// Application messages (docs/e2ee.md, section 12).

// Types of application messages.
const (
	appHere     byte = 1
	appBeat     byte = 2
	appChat     byte = 3
	appReaction byte = 4
	appPages    byte = 5
	appCompare  byte = 6
	appConsent  byte = 7
)

// What one participant may say: more is not read.
const (
	rateEvery = 100 * time.Millisecond // for each message
	rateBurst = 40
)

// signatureRoom is what MLS adds to the data of an application message before it pads: a signature, with its length.
const signatureRoom = 66

// appClasses are what application messages are padded to, and privateClasses private ones.
var (
	appClasses     = [...]int{64, 256, 1024, 4096, 8192}
	privateClasses = [...]int{64, 256, 1024, 1600}
)

// talk is what was said and waits.
type talk struct {
	outbox  [][]byte // type ‖ body, at most maxOutbox
	held    []heldMessage
	rates   map[uint32]*rate      // by participant; at most maxSeats
	private map[privatePair]*pair // at most maxNoted
	sent    map[privatePair]uint32
}

// heldMessage is a message whose epoch is not known yet.
type heldMessage struct {
	from  uint32
	kind  Kind // 0: a relay
	data  []byte
	until time.Time
}

// rate is a token bucket: it is empty at full.
type rate struct{ full time.Time }

// forget drops what is kept of a participant that left.
func (t *talk) forget(number uint32) { delete(t.rates, number) }

// allows charges a message to a participant, before any work is done for it.
func (t *talk) allows(now time.Time, from uint32) bool {
	r := t.rates[from]
	if r == nil {
		if t.rates == nil || len(t.rates) >= maxSeats {
			t.rates = map[uint32]*rate{}
		}
		r = &rate{full: now}
		t.rates[from] = r
	}
	if r.full.Before(now) {
		r.full = now
	}
	if r.full.Sub(now) >= rateBurst*rateEvery {
		return false
	}
	r.full = r.full.Add(rateEvery)
	return true
}

// again reads what waited: for an epoch, or for the word who it is from.
func (t *talk) again(s *Session, now time.Time) {
	held := t.held
	t.held = nil
	for i := range held {
		m := &held[i]
		if !now.Before(m.until) {
			continue
		}
		if m.kind == 0 {
			s.readRelay(now, m)
		} else {
			s.readBroadcast(now, m)
		}
	}
}

func (t *talk) expire(now time.Time) {
	t.held = slices.DeleteFunc(t.held, func(m heldMessage) bool { return !now.Before(m.until) })
}

func (t *talk) due(at func(time.Time)) {
	if len(t.held) > 0 {
		at(t.held[0].until)
	}
}

// hold keeps a message until its epoch is known, and asks for the log.
func (s *Session) hold(now time.Time, m *heldMessage) {
	n := 0
	for i := range s.talk.held {
		if s.talk.held[i].from == m.from {
			n++
		}
	}
	if len(s.talk.held) >= maxHeld || n >= maxHeldEach {
		return
	}
	if m.until.IsZero() {
		m.until = now.Add(holdTime)
	}
	s.talk.held = append(s.talk.held, heldMessage{m.from, m.kind, slices.Clone(m.data), m.until})
	if s.phase == inside {
		s.askLog(now)
	}
}

// Say says something to all. What cannot be sent yet waits, 32 at most.
func (s *Session) Say(now time.Time, kind Kind, text string) error {
	types := map[Kind]byte{KindChat: appChat, KindReaction: appReaction, KindApp: appPages}
	t := types[kind]
	if err := checkSaid(t, text); err != nil {
		return err
	}
	if s.phase == finished {
		return ErrNotReady
	}
	if len(s.talk.outbox) >= maxOutbox {
		return ErrBusy
	}
	s.talk.outbox = append(s.talk.outbox, append([]byte{t}, text...))
	s.settle(now)
	return nil
}

// talkNow says what is to be said.
func (s *Session) talkNow(now time.Time) {
	w := &s.watch
	if s.sure && s.cur.public.epoch > 0 && s.online {
		if w.hereDue {
			w.hereDue = false
			s.whisper([]byte{appHere})
		}
		if !now.Before(w.beatAt) {
			w.beatAt = now.Add(beatEvery)
			if s.beats() {
				body := binary.BigEndian.AppendUint64([]byte{appBeat}, s.cur.public.epoch)
				s.whisper(binary.BigEndian.AppendUint64(body, s.position))
			}
		}
	}
	for len(s.talk.outbox) > 0 && s.mayTalk(now) && !s.lostIn(s.cur, now) {
		m := s.talk.outbox[0]
		if !s.whisper(m) {
			return
		}
		s.talk.outbox = s.talk.outbox[1:]
		s.told(s.self, m, s.cur.public.epoch)
	}
}

// whisper seals a message for all and sends it. It says whether it did.
func (s *Session) whisper(m []byte) bool {
	class := appClasses[len(appClasses)-1]
	for _, n := range slices.Backward(appClasses[:]) {
		if len(m) <= n {
			class = n
		}
	}
	length := 1
	if len(m) >= 1<<6 {
		length = 2
	}
	data, err := s.cur.group.Seal(m, nil, length+signatureRoom+class)
	if err != nil {
		return false
	}
	kind := KindGroup
	switch m[0] {
	case appChat:
		kind = KindChat
	case appReaction:
		kind = KindReaction
	case appPages:
		kind = KindApp
	}
	s.send(&Broadcast{Kind: kind, Data: data})
	return true
}

// stateOf is the state whose messages of an epoch are read now. later says that the epoch is not known yet.
func (s *Session) stateOf(now time.Time, epoch uint64) (st *state, later bool) {
	if s.phase != inside {
		return nil, s.phase == outside || s.phase == stuck
	}
	if epoch == s.cur.public.epoch {
		return s.cur, false
	}
	for _, st := range s.old {
		if st.public.epoch == epoch && now.Before(st.until) {
			return st, false
		}
	}
	return nil, epoch > s.cur.public.epoch
}

// Broadcast takes a message to all.
func (s *Session) Broadcast(now time.Time, from uint32, kind Kind, data []byte) {
	if s.phase == finished || from == s.number || len(data) > mls.MaxApplication || !s.talk.allows(now, from) {
		return // one's own comes back: it was told when it was sent
	}
	s.readBroadcast(now, &heldMessage{from: from, kind: kind, data: data})
	s.settle(now)
}

func (s *Session) readBroadcast(now time.Time, m *heldMessage) {
	h, ok := readHead(m.data)
	if !ok || !h.private {
		return
	}
	st, later := s.stateOf(now, h.epoch)
	if st == nil {
		if later {
			s.hold(now, m)
		}
		return
	}
	a, err := st.group.Open(m.data)
	if err != nil || len(a.Data) == 0 {
		s.notice(Notice{Kind: NoticeForged, Participant: m.from, Err: err})
		return
	}
	key := st.public.leaves[a.Sender]
	s.sign(key)
	s.confirm(key, st.public.epoch)
	s.act(now, st, key, a.Sender, m.kind, a.Data)
}

// kindOf is the kind of broadcast that a type travels in.
func kindOf(t byte) Kind {
	switch t {
	case appChat:
		return KindChat
	case appReaction:
		return KindReaction
	case appPages:
		return KindApp
	}
	return KindGroup
}

// act does what a message says.
func (s *Session) act(now time.Time, st *state, key Key, leaf uint32, kind Kind, m []byte) {
	if kindOf(m[0]) != kind {
		s.notice(Notice{Kind: NoticeForged, From: key, Err: malformed("message: kind")})
		return
	}
	r := reader{b: m[1:]}
	switch m[0] {
	case appBeat:
		epoch, position := r.u64(), r.u64()
		if !r.end() {
			return
		}
		if st == s.cur {
			s.heard(now, leaf)
		}
		if epoch > s.cur.public.epoch || position > s.position {
			s.askLog(now)
		}
	case appChat, appReaction, appPages:
		if checkSaid(m[0], string(m[1:])) == nil {
			s.told(key, m, st.public.epoch)
		}
	case appCompare:
		if epoch := r.u64(); r.end() {
			s.compared(now, key, epoch)
		}
	case appConsent:
		s.consented(key, m[1:])
	}
}

// told tells the person what was said.
func (s *Session) told(from Key, m []byte, epoch uint64) {
	kinds := map[byte]NoticeKind{appChat: NoticeChat, appReaction: NoticeReaction, appPages: NoticeApp}
	if kind, is := kinds[m[0]]; is {
		s.notice(Notice{Kind: kind, From: from, Text: string(m[1:]), Epoch: epoch})
	}
}
