package meeting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"conclave/media"
)

// FuzzMeeting plays arbitrary sequences of joins, requests, losses and time, and checks after each step what must always
// hold (stage.check): who is not in has no media peer, nobody forwards what their role does not allow, nothing is told
// after a bye.
func FuzzMeeting(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x00\x02\x00\x13\x01\x24\x02\x35\x03"), true, uint8(0))
	f.Add([]byte("\x00\x00\x00\x01\x00\x02\x08\x01\x16\x12\x33\x00\x10\x03\x20\x01"), false, uint8(1))
	f.Add([]byte("\x00\x00\x00\x01\x83\x01\x80\x10\x81\x00\x82\x10\x84\x01\x85\x10\x86\x07\x02\x01\x80\x00\x01\x01"), true, uint8(3))
	f.Add([]byte("\x00\x00\x00\x01\x80\x10\x82\x10\x0f\x01\x03\x01"), false, uint8(4))
	f.Add([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), true, uint8(2))
	f.Fuzz(func(t *testing.T, script []byte, lobby bool, policy uint8) {
		st := newStage(t, withPolicy(LeavePolicy(policy%3)), withOptions(func(o *Options) {
			o.MaxParticipants, o.IdleAfter = 4, 3*time.Minute
		}), func(_ *stage, m *meta, l *bool) { *l, m.e2ee = lobby, policy/3%2 == 1 })
		st.freshKeys = policy&64 != 0
		var people []*someone
		for i := 0; i+1 < len(script) && i < 400 && !st.s.ended; i += 2 {
			op, arg := script[i], script[i+1]
			if op%16 < 2 || len(people) == 0 {
				people = append(people, st.mayJoin(people, op, arg))
				continue
			}
			p := people[int(arg)%len(people)]
			other := people[int(arg>>4)%len(people)].id
			switch op % 16 {
			case 2:
				st.lose(p)
			case 3:
				st.advance(time.Duration(arg) * time.Second)
			default:
				_ = st.do(p, script2request(op, arg, other))
			}
			for _, p := range people {
				p.learn()
			}
		}
	})
}

func (st *stage) mayJoin(people []*someone, op, arg byte) *someone {
	name := []string{"ana", "ben", "cem", "dora", "emil", "fay"}[int(arg)%6]
	p, _ := st.tryJoin(name, func(j *joinRequest) {
		if op%16 == 1 && len(people) > 0 {
			j.resume = hashToken(people[int(arg)%len(people)].token)
		}
	})
	return p
}

func script2request(op, arg byte, other media.ParticipantID) Request {
	one := []media.ParticipantID{other}
	on := arg&1 == 0
	if op >= 128 {
		return script2sealed(op, arg, other)
	}
	switch op % 16 {
	case 4:
		return SetMedia{media.SourceSet(arg & 15)}
	case 5:
		return Negotiated{}
	case 6:
		return SetHand{Raised: on}
	case 7:
		return SetHand{Participant: other}
	case 8:
		return Admit{All: true}
	case 9:
		return Admit{Participants: one}
	case 10:
		return Deny{Participants: one}
	case 11:
		return Mute{All: on, Participants: one, Sources: everything}
	case 12:
		return Remove{Participants: one, Ban: on}
	case 13:
		return SetRole{Participant: other, Role: Role(1 + arg%4)}
	case 14:
		return SetPolicy{Locked: ptr(on)}
	default:
		if arg > 250 {
			return End{}
		}
		return Leave{}
	}
}

func script2sealed(op, arg byte, other media.ParticipantID) Request {
	switch op % 8 {
	case 0:
		return Relay{To: []RelayOne{{Participant: other, Data: "x"}, {Participant: media.ParticipantID(arg), Data: strings.Repeat("y", int(arg)<<9)}}}
	case 1:
		return Broadcast{Kind: "chat", Data: "x"}
	case 2:
		return SetSpotlight{Participant: other}
	case 3:
		return Admit{Admissions: []Admission{{Participant: other, Admit: NewBlob("signed")}}}
	case 4:
		return SetRole{Participant: other, Role: Role(1 + arg%4), Grant: NewBlob("signed")}
	case 5:
		return SetPolicy{Lobby: ptr(arg&1 == 0)}
	case 6:
		return Leave{Heir: other, Grant: NewBlob("signed")}
	default:
		return Say{Text: "in clear", To: other}
	}
}

func BenchmarkStateJoin(b *testing.B) {
	for _, size := range []int{10, 1000} {
		b.Run(fmt.Sprintf("present=%d", size), func(b *testing.B) {
			opts := defaults()
			opts.MaxParticipants = size + 1
			s := newState(meta{id: newID(), creator: who("x").person(), expires: start.Add(time.Hour)}, &opts, false, start)
			sink := &inbox{}
			for i := range size {
				_, _ = s.join(start, joinRequest{identity: who(fmt.Sprint(i)), sink: sink, token: fmt.Sprint(i)})
				s.take()
			}
			ben := who("ben")
			b.ReportAllocs()
			for b.Loop() {
				id, err := s.join(start, joinRequest{identity: ben, sink: sink, token: "t"})
				if err != nil {
					b.Fatal(err)
				}
				s.leave(start, s.seats[id], Left, ByeLeft)
				s.batch = batch{}
				s.take()
			}
		})
	}
}
