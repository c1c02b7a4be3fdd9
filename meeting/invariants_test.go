package meeting

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"conclave/media"
	"conclave/protocol"
)

// FuzzMeeting plays arbitrary sequences of joins, requests, losses and time, and checks after each step what must
// always hold (stage.check): who is not in has no media peer, nobody forwards what their role does not allow, nothing
// is told after a bye.
func FuzzMeeting(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x00\x02\x00\x13\x01\x24\x02\x35\x03"), true, uint8(0))
	f.Add([]byte("\x00\x00\x00\x01\x00\x02\x08\x01\x16\x12\x33\x00\x10\x03\x20\x01"), false, uint8(1))
	f.Add([]byte("\x00\x00\x00\x01\x83\x01\x80\x10\x81\x00\x82\x10\x84\x01\x85\x10\x86\x07\x02\x01\x80\x00\x01\x01"),
		true, uint8(3))
	f.Add([]byte("\x00\x00\x00\x01\x80\x10\x82\x10\x0f\x01\x03\x01"), false, uint8(4))
	f.Add([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), true, uint8(2))
	f.Fuzz(func(t *testing.T, script []byte, lobby bool, policy uint8) {
		st := newStage(t, withPolicy(protocol.LeavePolicy(policy%3)), withOptions(func(o *Config) {
			o.MaxParticipants, o.ParticipantIdle = 4, 3*time.Minute
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

func script2request(op, arg byte, other media.ParticipantID) protocol.ClientMessage {
	one := []media.ParticipantID{other}
	on := arg&1 == 0
	if op >= 128 {
		return script2sealed(op, arg, other)
	}
	switch op % 16 {
	case 4:
		return &protocol.Media{Sources: media.SourceSet(arg & 15).List()}
	case 5:
		return negotiated{}
	case 6:
		if arg&6 == 6 {
			return &protocol.Timer{AddS: 1 + int(arg)}
		}
		return &protocol.Hand{Raised: on}
	case 7:
		if arg&7 == 7 {
			return &protocol.Hand{All: true}
		}
		return &protocol.Hand{Participant: other}
	case 8:
		return &protocol.Admit{All: true}
	case 9:
		return &protocol.Admit{Participants: one}
	case 10:
		return &protocol.Deny{Participants: one}
	case 11:
		return &protocol.Mute{All: on, Participants: one, Sources: everything.List()}
	case 12:
		return &protocol.Remove{Participants: one, Ban: on}
	case 13:
		return &protocol.SetRole{Participant: other, Role: someRole(arg)}
	case 14:
		return &protocol.SetPolicy{Locked: ptr(on)}
	default:
		if arg > 250 {
			return &protocol.End{}
		}
		return &protocol.Leave{}
	}
}

func someRole(arg byte) protocol.Role {
	return []protocol.Role{protocol.RoleHost, protocol.RoleCohost, protocol.RoleParticipant, protocol.RoleViewer}[arg%4]
}

func script2sealed(op, arg byte, other media.ParticipantID) protocol.ClientMessage {
	switch op % 8 {
	case 0:
		return &protocol.Relay{To: []protocol.RelayOne{{Participant: other, Data: "x"},
			{Participant: media.ParticipantID(arg), Data: strings.Repeat("y", int(arg)<<9)}}}
	case 1:
		if arg&1 == 1 {
			return &protocol.App{Text: "x", To: other}
		}
		return &protocol.Broadcast{Kind: "chat", Data: "x"}
	case 2:
		return &protocol.Spotlight{Participant: other}
	case 3:
		return &protocol.Admit{Admissions: []protocol.Admission{{Participant: other, Admit: "signed"}}}
	case 4:
		return &protocol.SetRole{Participant: other, Role: someRole(arg)}
	case 5:
		return &protocol.SetPolicy{Lobby: ptr(arg&1 == 0)}
	case 6:
		return &protocol.Leave{Heir: other}
	default:
		return &protocol.Chat{Text: "in clear", To: other}
	}
}

func BenchmarkStateJoin(b *testing.B) {
	for _, size := range []int{10, 1000} {
		b.Run(fmt.Sprintf("present=%d", size), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.MaxParticipants = size + 1
			s := newState(meta{id: newID(), creator: who("x").person(), expires: start.Add(time.Hour)}, &cfg, false, start)
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
				s.leave(start, s.seats[id], protocol.Left, protocol.ByeLeft)
				s.batch = batch{}
				s.take()
			}
		})
	}
}
