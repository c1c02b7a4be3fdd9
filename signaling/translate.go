package signaling

import (
	"context"
	"errors"
	"strings"

	"conclave/media"
	"conclave/meeting"
	"conclave/protocol"
	"conclave/sfu"
)

// toRequest translates the messages that are requests to a meeting; nil for those that are not (join, offer, leave).
func toRequest(m protocol.ClientMessage) meeting.Request {
	switch m := m.(type) {
	case *protocol.Media:
		return meeting.SetMedia{Sources: toSources(m.Sources)}
	case *protocol.View:
		return meeting.SetView{Wants: toWants(m.Wants)}
	case *protocol.Chat:
		return meeting.Say{Text: m.Text, To: media.ParticipantID(m.To)}
	case *protocol.React:
		return meeting.React{Kind: string(m.Reaction)}
	case *protocol.Hand:
		return meeting.SetHand{Raised: m.Raised, Participant: media.ParticipantID(m.Participant)}
	case *protocol.Active:
		return meeting.Active{}
	case *protocol.Relay:
		return meeting.Relay{To: toRelay(m.To)}
	case *protocol.Broadcast:
		return meeting.Broadcast{Kind: string(m.Kind), Data: m.Data}
	default:
		return toModeration(m)
	}
}

func toModeration(m protocol.ClientMessage) meeting.Request {
	switch m := m.(type) {
	case *protocol.Admit:
		return meeting.Admit{Participants: toParticipants(m.Participants), All: m.All, Admissions: toAdmissions(m.Admissions)}
	case *protocol.Deny:
		return meeting.Deny{Participants: toParticipants(m.Participants)}
	case *protocol.Mute:
		return meeting.Mute{Participants: toParticipants(m.Participants), All: m.All, Sources: toSources(m.Sources)}
	case *protocol.AskUnmute:
		return meeting.AskUnmute{Participants: toParticipants(m.Participants), Sources: toSources(m.Sources)}
	case *protocol.Remove:
		return meeting.Remove{Participants: toParticipants(m.Participants), Ban: m.Ban}
	case *protocol.SetRole:
		return meeting.SetRole{Participant: media.ParticipantID(m.Participant), Role: toRole(m.Role), Grant: meeting.NewBlob(m.Grant)}
	case *protocol.Spotlight:
		return meeting.SetSpotlight{Participant: media.ParticipantID(m.Participant)}
	case *protocol.SetPolicy:
		return meeting.SetPolicy{Locked: m.Locked, Lobby: m.Lobby}
	case *protocol.End:
		return meeting.End{}
	default:
		return nil
	}
}

func toParticipants(list []protocol.Participant) []media.ParticipantID {
	out := make([]media.ParticipantID, len(list))
	for i, p := range list {
		out[i] = media.ParticipantID(p)
	}
	return out
}

func toRelay(list []protocol.RelayOne) []meeting.RelayOne {
	out := make([]meeting.RelayOne, len(list))
	for i, one := range list {
		out[i] = meeting.RelayOne{Participant: media.ParticipantID(one.Participant), Data: one.Data}
	}
	return out
}

func toAdmissions(list []protocol.Admission) []meeting.Admission {
	out := make([]meeting.Admission, len(list))
	for i, a := range list {
		out[i] = meeting.Admission{Participant: media.ParticipantID(a.Participant), Admit: meeting.NewBlob(a.Admit)}
	}
	return out
}

// toSource translates a source; the decoder let only known ones through.
func toSource(s protocol.Source) media.Source {
	out, _ := media.ParseSource(string(s))
	return out
}

func toSources(list []protocol.Source) media.SourceSet {
	var set media.SourceSet
	for _, s := range list {
		set |= media.Sources(toSource(s))
	}
	return set
}

func toWants(list []protocol.Want) []media.Want {
	out := make([]media.Want, len(list))
	for i, w := range list {
		out[i] = media.Want{Participant: media.ParticipantID(w.Participant), Source: toSource(w.Source), Height: w.Height}
	}
	return out
}

func toTracks(list []protocol.Track) []media.Track {
	out := make([]media.Track, len(list))
	for i, t := range list {
		out[i] = media.Track{MID: t.MID, Source: toSource(t.Source)}
	}
	return out
}

func toRole(r protocol.Role) meeting.Role {
	switch r {
	case protocol.RoleHost:
		return meeting.Host
	case protocol.RoleCohost:
		return meeting.Cohost
	case protocol.RoleParticipant:
		return meeting.Participant
	default:
		return meeting.Viewer
	}
}

// toLeave is the wish of somebody to go, with what a host signed of their heir.
func toLeave(m *protocol.Leave) meeting.Leave {
	return meeting.Leave{Reason: meeting.ByeLeft, Heir: media.ParticipantID(m.Heir), Grant: meeting.NewBlob(m.Grant)}
}

func toPolicy(p protocol.LeavePolicy) meeting.LeavePolicy {
	switch p {
	case protocol.WhenKeep:
		return meeting.WhenKeep
	case protocol.WhenEnd:
		return meeting.WhenEnd
	default:
		return meeting.WhenPromote
	}
}

// refusal is the error id and the sentence for an error of package meeting or sfu. Unknown errors are internal.
func refusal(err error) (protocol.ErrorID, string) {
	if errors.Is(err, sfu.ErrBadOffer) {
		return protocol.ErrBadOffer, "The offer cannot be answered: " + strings.TrimPrefix(err.Error(), "bad offer: ") + "."
	}
	if errors.Is(err, sfu.ErrClosed) {
		err = meeting.ErrNotJoined
	}
	var r meeting.Refusal
	if errors.As(err, &r) {
		if id, text, ok := refusalOf(r); ok {
			return id, text
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return protocol.ErrInternal, "The server took too long. Try again."
	}
	return protocol.ErrInternal, "Something went wrong on the server."
}

func refusalOf(r meeting.Refusal) (id protocol.ErrorID, text string, ok bool) {
	switch r {
	case meeting.ErrNoSuchMeeting, meeting.ErrEnded:
		return protocol.ErrNoSuchMeeting, "There is no such meeting, or it has ended.", true
	case meeting.ErrWrongPassword:
		return protocol.ErrWrongPassword, "The meeting's password is missing or wrong.", true
	case meeting.ErrMeetingFull:
		return protocol.ErrMeetingFull, "The meeting is full.", true
	case meeting.ErrServerFull:
		return protocol.ErrServerFull, "The server is full. Try again later.", true
	case meeting.ErrTooManyMeetings:
		return protocol.ErrRateLimited, "You have too many meetings open. End one first.", true
	case meeting.ErrLocked:
		return protocol.ErrMeetingLocked, "The host has locked the meeting.", true
	case meeting.ErrBanned:
		return protocol.ErrBanned, "You were removed from this meeting for good.", true
	case meeting.ErrResumeFailed:
		return protocol.ErrResumeFailed, "The seat is gone. Join again.", true
	case meeting.ErrNotJoined:
		return protocol.ErrNotJoined, "You are not in the meeting.", true
	case meeting.ErrNotPermitted:
		return protocol.ErrNotPermitted, "Your role may not do this.", true
	case meeting.ErrNoGuests:
		return protocol.ErrNotPermitted, "This meeting takes no guests. Sign in first.", true
	case meeting.ErrNoSuchParticipant:
		return protocol.ErrNoSuchParticipant, "That participant is not here.", true
	case meeting.ErrNoMedia:
		return protocol.ErrNoMedia, "There is no media connection yet.", true
	case meeting.ErrE2EERequired:
		return protocol.ErrE2EERequired, "This meeting is end-to-end encrypted: this takes a client that can do that.", true
	case meeting.ErrNotEncrypted:
		return protocol.ErrInvalidRequest, "This meeting is not end-to-end encrypted: \"announce\" and \"grant\" have no place in it.", true
	case meeting.ErrNameInClear:
		return protocol.ErrInvalidRequest, "\"name\" must be empty in an end-to-end encrypted meeting.", true
	case meeting.ErrAnnounceChanged:
		return protocol.ErrInvalidRequest, "\"announce\" must be that of the seat, or absent.", true
	case meeting.ErrAnnounceTaken:
		return protocol.ErrInvalidRequest, "\"announce\" is another participant's. Make a new one for each join.", true
	case meeting.ErrAdmissions:
		return protocol.ErrInvalidRequest, "\"admissions\" must be there in an end-to-end encrypted meeting, and in no other.", true
	case meeting.ErrTooMuch:
		return protocol.ErrRateLimited, "Too much was sent from the lobby. Nothing was done.", true
	case meeting.ErrBusy:
		return protocol.ErrRateLimited, "The meeting is overloaded. Try again.", true
	default:
		return "", "", false
	}
}
