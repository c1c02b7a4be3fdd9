package group

import (
	"bytes"
	"slices"
	"time"
)

// OutsideSession is the state machine of a seat without a leaf, as Session is that of a member's: a recorder or bot in
// other people's meeting. It asks each person once, hears those who agree, and speaks by a secret for each epoch that
// one of them tells it of. Where no one agreed it learns of no epoch, and is mute. Not safe for concurrent use.
type OutsideSession struct {
	*Outsider
	purpose string
	number  uint32
	members map[uint32][]byte // announces of those who may have a leaf; at most maxSeats

	heard *Heard // what told of the newest epoch
	group []byte // of which that was
	epoch uint64 // the newest that was spoken in
	state uint64 // of what is sealed with last
	out   Output

	next   *Sending // what is sealed with from then on; nil: nothing new
	nextAt time.Time
}

// NewOutsideSession makes the session of a new seat. Of the Config it uses Root, Identity, Name, Purpose and Random.
func NewOutsideSession(cfg Config) (*OutsideSession, error) {
	o, err := NewOutsider(cfg)
	return &OutsideSession{Outsider: o, purpose: cfg.Purpose, members: map[uint32][]byte{}}, err
}

// Welcome takes the server's welcome, as Session.Welcome.
func (s *OutsideSession) Welcome(now time.Time, self uint32, admission []byte, seats []Seat) {
	s.number = self
	if len(admission) == AdmissionSize {
		s.Admitted(admission)
	}
	here := map[uint32]bool{}
	for i := range seats {
		here[seats[i].Participant] = true
	}
	var left []uint32
	for number := range s.members {
		if !here[number] {
			left = append(left, number)
		}
	}
	s.Roster(now, seats, left)
}

// Roster takes a change of the roster: who came or changed, and who left. Who comes is asked.
func (s *OutsideSession) Roster(_ time.Time, changed []Seat, left []uint32) {
	for _, number := range left {
		s.forget(number)
	}
	for i := range changed {
		seat := &changed[i]
		key, _, ok := parseAnnounce(seat.Announce)
		if seat.Bot || !ok || key == s.self || seat.Participant == s.number {
			continue
		}
		if last := s.members[seat.Participant]; last != nil {
			if bytes.Equal(last[:keySize], key[:]) {
				continue
			}
			s.forget(seat.Participant)
		}
		if len(s.members) >= maxSeats {
			continue
		}
		s.members[seat.Participant] = bytes.Clone(seat.Announce)
		s.out.Owners = append(s.out.Owners, Owner{Participant: seat.Participant, Key: key})
		if ask, err := s.Ask(seat.Announce, s.purpose); err == nil && s.purpose != "" {
			s.out.Messages = append(s.out.Messages, &Relay{To: seat.Participant, Data: ask})
		}
	}
}

func (s *OutsideSession) forget(number uint32) {
	if last, known := s.members[number]; known {
		delete(s.members, number)
		s.out.Owners = append(s.out.Owners, Owner{Participant: number, Key: Key(last[:keySize]), Gone: true})
	}
}

// Relay takes a message to this seat: the keys of one who agreed.
func (s *OutsideSession) Relay(now time.Time, from uint32, data []byte) {
	announce := s.members[from]
	if announce == nil {
		return
	}
	h, err := s.Outsider.Relay(announce, data)
	if err != nil {
		s.out.Notices = append(s.out.Notices, Notice{Kind: NoticeForged, Participant: from, Err: err})
		return
	}
	if !bytes.Equal(s.group, h.group) { // the meeting was founded anew
		s.out.Clear, s.out.Heard = s.group != nil, nil
		s.group, s.epoch, s.next = h.group, 0, nil
	}
	s.out.Heard = append(s.out.Heard, h)
	if h.Epoch > s.epoch {
		s.speak(now, h)
	}
}

// speak gives everybody the secret of an epoch. What is sealed with it comes 200 ms later: what was sealed before is
// opened for longer, and frames are faster than words. Epochs that follow each other put nothing off.
func (s *OutsideSession) speak(now time.Time, h *Heard) {
	data, epoch, err := s.Speak(h, s.number)
	if err != nil {
		return
	}
	if s.epoch == 0 {
		s.out.Notices = append(s.out.Notices, Notice{Kind: NoticeReady})
	}
	s.heard, s.epoch = h, h.Epoch
	s.state++
	epoch.State = s.state
	for to := range s.members {
		s.out.Messages = append(s.out.Messages, &Relay{To: to, Data: slices.Clone(data)})
	}
	if s.next == nil {
		s.nextAt = now.Add(sendLater)
	}
	s.next = &Sending{Epoch: epoch, Outside: true, Number: s.number}
}

// Next is when the session has something to do; zero for never.
func (s *OutsideSession) Next() time.Time {
	if s.next == nil {
		return time.Time{}
	}
	return s.nextAt
}

// Tick does what is due.
func (s *OutsideSession) Tick(now time.Time) {
	if s.next != nil && !now.Before(s.nextAt) {
		s.out.Sending, s.next = s.next, nil
	}
}

// Take returns what is to be done and forgets it.
func (s *OutsideSession) Take() Output {
	out := s.out
	s.out = Output{}
	return out
}
