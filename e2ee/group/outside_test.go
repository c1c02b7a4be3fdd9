package group

import (
	"bytes"
	"testing"
	"time"

	"conclave/e2ee/sframe"
)

// recorder is one outside the group, whom the server shows and passes relays for.
type recorder struct {
	*Outsider
	w      *world
	number uint32
	heard  map[string]*Heard // by the member's name: the newest
	opener *sframe.Opener
	bad    int
}

// recorderIn brings a recorder into a meeting.
func recorderIn(t *testing.T, w *world) *recorder {
	t.Helper()
	p := w.person("rec")
	o := must[*Outsider](t)(NewOutsider(Config{Root: w.root, Identity: p.identity, Name: "rec", Random: w.random}))
	r := &recorder{Outsider: o, w: w, number: 77, heard: map[string]*Heard{}, opener: &sframe.Opener{}}
	o.Admitted(must[[]byte](t)(w.people["ann"].session.Admit(o.Announce(), RoleParticipant)))
	for _, seat := range w.server.present() {
		seat.session.Roster(w.now, []Seat{{Participant: r.number, Announce: o.Announce(), Connected: true, Bot: true}}, nil)
		seat.p.take(seat)
		r.opener.SetOwner(seat.number, seat.p.key())
	}
	w.outside = func(from *serverSeat, m *Relay) {
		if m.To != r.number {
			return
		}
		h, err := o.Relay(from.announce, m.Data)
		if err != nil {
			r.bad++
			return
		}
		r.heard[from.p.name] = h
		for _, k := range h.Keys {
			r.opener.AddSingle(h.Epoch, k.KID, h.From, k.Key, w.now)
		}
	}
	return r
}

// tell gives a member a relay of the recorder.
func (r *recorder) tell(p *person, data []byte) {
	p.session.Relay(r.w.now, r.number, data)
	p.take(p.seat)
}

// hears says whether a frame that a member seals now opens for the recorder.
func (r *recorder) hears(p *person, t sframe.Track) bool {
	b, err := p.sealer.Seal(nil, t, sframe.Opus, false, []byte("a frame"))
	if err != nil {
		return false
	}
	_, err = r.opener.Open(nil, p.number, t, sframe.Opus, false, b, r.w.now)
	return err == nil
}

// outsideClient is an OutsideSession as the server knows it: what is for members passes it by.
type outsideClient struct{ *OutsideSession }

func (outsideClient) Group(time.Time, State)                           {}
func (outsideClient) Log(time.Time, []Entry)                           {}
func (outsideClient) KeyPackages(time.Time, int, []Package)            {}
func (outsideClient) Secrets(time.Time, Secrets)                       {}
func (outsideClient) Stuck(time.Time, uint32, uint64, [HashSize]byte)  {}
func (outsideClient) Broadcast(time.Time, uint32, Kind, []byte)        {}
func (outsideClient) Lost(time.Time)                                   {}
func (outsideClient) Forgotten(time.Time)                              {}
func (outsideClient) UnknownEpoch(time.Time)                           {}
func (outsideClient) Leave(time.Time)                                  {}
func (outsideClient) Status() Status                                   { return Status{} }
func (outsideClient) Admit(announce []byte, role Role) ([]byte, error) { return nil, ErrNotAllowed }

// startOutside makes a session without a leaf.
func (p *person) startOutside() {
	s, err := NewOutsideSession(Config{
		Root: p.w.root, Identity: p.identity, Name: p.name, Purpose: "a recording", Random: p.w.random,
	})
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.sealer, p.opener, p.sends, p.epochs, p.held = &sframe.Sealer{}, &sframe.Opener{}, false, nil, nil
	p.seat = &serverSeat{p: p, announce: s.Announce(), connected: true, session: outsideClient{s}}
}

// beyond is the session of a person without a leaf.
func (p *person) beyond() *OutsideSession { return p.seat.session.(outsideClient).OutsideSession }

func TestARecorderHearsWhoAgreedAndNothingElse(t *testing.T) {
	w := joined(t, true, "ann", "bob", "cat")
	r := recorderIn(t, w)
	bob, cat := w.people["bob"], w.people["cat"]
	bob.session.SetLive(w.now, sframe.Mic)
	bob.take(bob.seat)
	r.tell(bob, must[[]byte](t)(r.Ask(bob.seat.announce, "a recording")))
	r.tell(cat, must[[]byte](t)(r.Ask(bob.seat.announce, "what bob was asked")))
	w.pass(time.Second)
	if !bob.warned(NoticeAsk, 0) || cat.warned(NoticeAsk, 0) || len(r.heard) > 0 || r.hears(bob, sframe.Mic) {
		t.Fatal("asked wrongly, or heard before anybody agreed")
	}
	consent := func(on bool) {
		t.Helper()
		if err := bob.does(func(s *Session) error { return s.Consent(w.now, r.self, on) }); err != nil {
			t.Fatal(err)
		}
	}
	consent(true)
	w.pass(time.Second)
	if !r.hears(bob, sframe.Mic) || r.hears(bob, sframe.Camera) || r.hears(cat, sframe.Mic) {
		t.Error("does not hear what it may, or hears more")
	}
	if !cat.warned(NoticeConsent, 0) {
		t.Error("others were not told")
	}
	cat.closes() // another epoch
	w.pass(time.Second)
	if !r.hears(bob, sframe.Mic) {
		t.Error("no keys of the next epoch")
	}
	w.filters = append(w.filters, &filter{what: "log", kind: "drop"}) // no commit comes
	consent(false)
	w.pass(950 * time.Millisecond)
	if !bob.sends {
		t.Error("stopped too early")
	}
	w.pass(60 * time.Millisecond)
	if bob.sends {
		t.Error("sends what the recorder could open")
	}
	w.filters = nil
	bob.session.askLog(w.now.Add(time.Minute))
	w.pass(10 * time.Second)
	if !bob.sends || r.hears(bob, sframe.Mic) {
		t.Error("does not go on, or is heard")
	}
}

func TestAnOutsiderSpeaksByOneSecretAnEpoch(t *testing.T) {
	w := joined(t, true, "ann", "bob")
	r := recorderIn(t, w)
	ann, bob := w.people["ann"], w.people["bob"]
	r.tell(ann, must[[]byte](t)(r.Ask(ann.seat.announce, "music")))
	if err := ann.does(func(s *Session) error { return s.Consent(w.now, r.self, true) }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if r.heard["ann"] == nil {
		t.Fatal("no keys")
	}
	first, epoch, err := r.Speak(r.heard["ann"], 3)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := r.Speak(r.heard["ann"], 3)
	if err != nil {
		t.Fatal(err)
	}
	mute := *r.Outsider
	mute.admitted = nil
	stranger, _, err := mute.Speak(r.heard["ann"], 3)
	if err != nil {
		t.Fatal(err)
	}
	r.tell(bob, stranger)
	if len(bob.outside) != 0 {
		t.Error("one who was not admitted speaks")
	}
	changed := append([]byte(nil), first...)
	changed[len(changed)-1] ^= 1
	r.tell(bob, changed)
	r.tell(bob, first)
	r.tell(bob, second)
	r.tell(bob, first)
	if len(bob.outside) != 1 || bob.outside[0].Base != epoch.Base || bob.outside[0].Owner != r.self {
		t.Errorf("bob has %d secrets", len(bob.outside))
	}
	s := &sframe.Sealer{}
	s.UseOutside(epoch, 3)
	b := must[[]byte](t)(s.Seal(nil, sframe.Mic, sframe.Opus, false, []byte("music")))
	k := bob.outside[0]
	bob.opener.AddOutside(k.Epoch, k.Number, k.Owner, k.Base)
	bob.opener.SetOwner(r.number, r.self)
	if _, err := bob.opener.Open(nil, r.number, sframe.Mic, sframe.Opus, false, b, w.now); err != nil {
		t.Error(err)
	}
}

func TestAnOutsiderBelievesWhoTheCreatorAdmitted(t *testing.T) {
	w := joined(t, true, "ann", "bob")
	r := recorderIn(t, w)
	bob := w.people["bob"]
	r.tell(bob, must[[]byte](t)(r.Ask(bob.seat.announce, "a recording")))
	if err := bob.does(func(s *Session) error { return s.Consent(w.now, r.self, true) }); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if r.heard["bob"] == nil || r.bad > 0 {
		t.Fatal("bob is not believed")
	}
	data := must[[]byte](t)(bob.session.sealKeys(r.self, r.hpke.PublicKey().Bytes()))
	if _, err := r.Relay(w.people["ann"].seat.announce, data); err == nil {
		t.Error("bob's keys pass for ann's")
	}
	seats := bob.session.cur.public.seats
	own := bob.session.cur.group.Own()
	seats[own] = &seat{name: seats[own].name}
	data = must[[]byte](t)(bob.session.sealKeys(r.self, r.hpke.PublicKey().Bytes()))
	if _, err := r.Relay(bob.seat.announce, data); err == nil {
		t.Error("one whom no one admitted is believed")
	}
}

func TestOneOutsideAsksEachPersonOnce(t *testing.T) {
	w := joined(t, true, "ann", "bob")
	w.person("rec").outer = true
	w.people["rec"].start()
	s := w.people["rec"].beyond()
	ann := Seat{Participant: 1, Announce: w.people["ann"].seat.announce}
	bot := Seat{Participant: 3, Announce: w.people["bob"].seat.announce, Bot: true}
	self := Seat{Participant: 9, Announce: s.Announce()}
	asked := func() int {
		out := s.Take()
		return len(out.Messages)
	}
	s.Welcome(w.now, 9, nil, []Seat{ann, bot, self})
	if n := asked(); n != 1 {
		t.Errorf("%d questions", n)
	}
	s.Roster(w.now, []Seat{ann}, nil)
	if n := asked(); n != 0 {
		t.Errorf("%d questions of one who was asked", n)
	}
	s.Roster(w.now, []Seat{ann}, []uint32{1}) // she is back
	if n := asked(); n != 1 {
		t.Errorf("%d questions of one who is back", n)
	}
	s.purpose = ""
	s.Roster(w.now, []Seat{{Participant: 2, Announce: w.people["bob"].seat.announce}}, nil)
	if n := asked(); n != 0 {
		t.Errorf("%d questions for nothing", n)
	}
}

func TestOneOutsideFollowsAMeetingThatIsFoundedAnew(t *testing.T) {
	w := joined(t, true, "ann")
	w.person("rec").outer = true
	w.people["rec"].start()
	s := w.people["rec"].beyond()
	s.Welcome(w.now, 9, nil, []Seat{{Participant: 1, Announce: w.people["ann"].seat.announce}})
	s.Take()
	told := func(group byte, epoch uint64) Output {
		by := *w.people["ann"].session
		st := *by.cur
		st.public = &public{
			group: bytes.Repeat([]byte{group}, groupIDSize), epoch: epoch, confirmed: by.cur.public.confirmed,
			seats: by.cur.public.seats,
		}
		by.cur = &st
		s.Relay(w.now, 1, must[[]byte](t)(by.sealKeys(s.self, s.hpke.PublicKey().Bytes())))
		out := s.Take()
		if out.Sending != nil {
			t.Error("it seals before its word can have come")
		}
		w.now = w.now.Add(sendLater)
		s.Tick(w.now)
		out.Sending = s.Take().Sending
		return out
	}
	first := told(1, 70)
	if first.Clear || len(first.Heard) != 1 || first.Sending == nil {
		t.Fatalf("%+v", first)
	}
	if again := told(1, 69); again.Sending != nil || len(again.Heard) != 1 {
		t.Error("it went back to an older epoch, or heard nothing of it")
	}
	anew := told(2, 3)
	if !anew.Clear || anew.Sending == nil || anew.Sending.Epoch.State <= first.Sending.Epoch.State {
		t.Errorf("%+v", anew)
	}
	if !s.Next().IsZero() {
		t.Error("something is still to be done")
	}
	s.Relay(w.now, 1, append(u64(outsideMark), outsideKeys, 0))
	if out := s.Take(); len(out.Notices) != 1 || out.Notices[0].Kind != NoticeForged {
		t.Error("what no member said passed")
	}
}
