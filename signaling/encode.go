package signaling

import (
	"fmt"
	"math"
	"time"

	"conclave/media"
	"conclave/meeting"
	"conclave/protocol"
)

// marshal encodes a message of ours; one that cannot be encoded is our bug.
func marshal(m protocol.ServerMessage) []byte {
	data, err := protocol.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("signaling: %T cannot be encoded", m))
	}
	return data
}

// encodeEvent is what meeting.Delivery.Frame calls, once for all receivers of an event.
func encodeEvent(e meeting.Event) []byte { return marshal(wireEvent(e)) }

// wireEvent translates the events that are the same for everybody who gets them. Welcome, LobbyStatus and Bye carry
// what only the socket knows.
func wireEvent(e meeting.Event) protocol.ServerMessage {
	switch e := e.(type) {
	case meeting.Roster:
		return wireRoster(e)
	case meeting.Speakers:
		return &protocol.Speakers{Speakers: wireParticipants(e.Speakers)}
	case meeting.Said:
		return &protocol.ChatEvent{From: protocol.Participant(e.From), To: protocol.Participant(e.To), Text: e.Text, At: wireTime(e.At)}
	case meeting.Reacted:
		return &protocol.Reaction{From: protocol.Participant(e.From), Reaction: protocol.ReactionKind(e.Kind)}
	case meeting.RelaysCame:
		return wireRelays(e)
	case meeting.BroadcastCame:
		return &protocol.BroadcastEvent{
			From: protocol.Participant(e.From), Kind: protocol.BroadcastKind(e.Kind), At: wireTime(e.At), Data: e.Data,
		}
	case meeting.SpotlightChanged:
		return &protocol.SpotlightEvent{Participant: protocol.Participant(e.Participant), By: protocol.Participant(e.By)}
	case meeting.QualityChanged:
		return wireQuality(e)
	case meeting.MediaRefused:
		return &protocol.MediaRefused{Source: protocol.Source(e.Source.String()), Reason: protocol.RefusedReason(e.Reason)}
	case meeting.Waiting:
		return &protocol.Waiting{Waiting: wireWaiting(e.Waiting)}
	case meeting.Muted:
		return &protocol.Muted{By: protocol.Participant(e.By), Sources: wireSources(e.Sources)}
	case meeting.AskedUnmute:
		return &protocol.AskUnmuteEvent{By: protocol.Participant(e.By), Sources: wireSources(e.Sources)}
	case meeting.RoleChanged:
		return &protocol.Permissions{Role: wireRole(e.Role), Permissions: wirePermissions(e.Role.Permissions())}
	case meeting.PolicyChanged:
		return &protocol.PolicyEvent{Locked: e.Locked, Lobby: e.Lobby}
	case meeting.Expiring:
		return &protocol.Notice{Notice: protocol.Expiring, Seconds: wireSeconds(e.In)}
	case meeting.IdleQuestion:
		return &protocol.Idle{Seconds: wireSeconds(e.In)}
	case meeting.SlotsChanged:
		return wireSlots(e)
	case meeting.EncodeChanged:
		out := &protocol.Encode{Source: protocol.Source(e.Source.String()), RIDs: make([]protocol.RID, 0, len(e.RIDs))}
		for _, rid := range e.RIDs {
			out.RIDs = append(out.RIDs, protocol.RID(rid))
		}
		return out
	default:
		panic(fmt.Sprintf("signaling: %T has no wire form", e))
	}
}

func wireWelcome(id protocol.RequestID, w meeting.Welcome, roleNames map[string]string) *protocol.Welcome {
	return &protocol.Welcome{
		ID: id, Version: protocol.Version, Participant: protocol.Participant(w.Participant), Role: wireRole(w.Role),
		Permissions: wirePermissions(w.Role.Permissions()), Resume: w.Resume, Resumed: w.Resumed,
		Meeting: protocol.MeetingState{
			Meeting: protocol.MeetingID(w.Meeting.Reveal()), Title: w.Title.Reveal(), Locked: w.Locked, Lobby: w.Lobby,
			E2EE: w.E2EE, PrivateAudio: w.PrivateAudio, Spotlight: protocol.Participant(w.Spotlight), ExpiresAt: wireTime(w.ExpiresAt), ServerTime: wireTime(w.Now),
		},
		Participants: wireEntries(w.Participants, true), Waiting: wireWaiting(w.Waiting), RoleNames: roleNames,
		Admit: w.Admit.Reveal(), Grant: w.Grant.Reveal(),
	}
}

func wireRelays(e meeting.RelaysCame) *protocol.Relays {
	out := &protocol.Relays{Relays: make([]protocol.Relayed, len(e.Relays))}
	for i, r := range e.Relays {
		out.Relays[i] = protocol.Relayed{From: protocol.Participant(r.From), Data: r.Data}
	}
	return out
}

func wireQuality(e meeting.QualityChanged) *protocol.Quality {
	out := &protocol.Quality{Quality: make([]protocol.QualityOf, len(e.Quality))}
	for i, q := range e.Quality {
		out.Quality[i] = protocol.QualityOf{Participant: protocol.Participant(q.Participant), Bars: q.Bars}
	}
	return out
}

func wireLobbyHosts(list []meeting.LobbyHost) []protocol.LobbyHost {
	out := make([]protocol.LobbyHost, len(list))
	for i, h := range list {
		out[i] = protocol.LobbyHost{Participant: protocol.Participant(h.Participant), Announce: h.Announce.Reveal(), Admit: h.Admit.Reveal()}
	}
	return out
}

func wireRoster(r meeting.Roster) *protocol.Roster {
	out := &protocol.Roster{Joined: wireEntries(r.Joined, false), Changed: wireEntries(r.Changed, false)}
	for _, l := range r.Left {
		out.Left = append(out.Left, protocol.LeftEntry{Participant: protocol.Participant(l.Participant), Reason: wireLeft(l.Reason)})
	}
	return out
}

// wireEntries translates a list; keep makes an empty one a list rather than nothing.
func wireEntries(list []meeting.RosterEntry, keep bool) []protocol.RosterEntry {
	if len(list) == 0 && !keep {
		return nil
	}
	out := make([]protocol.RosterEntry, len(list))
	for i, e := range list {
		out[i] = protocol.RosterEntry{
			Participant: protocol.Participant(e.Participant), Name: e.Name.Reveal(), Role: wireRole(e.Role),
			Sources: wireSources(e.Sources), Hand: e.Hand, Connected: e.Connected, Kind: wireKind(e.Kind),
			Announce: e.Announce.Reveal(), Admit: e.Admit.Reveal(), Grant: e.Grant.Reveal(),
		}
	}
	return out
}

func wireWaiting(list []meeting.WaitingEntry) []protocol.WaitingEntry {
	out := make([]protocol.WaitingEntry, len(list))
	for i, e := range list {
		out[i] = protocol.WaitingEntry{
			Participant: protocol.Participant(e.Participant), Name: e.Name.Reveal(), Email: e.Address.Reveal(), Since: wireTime(e.Since), Kind: wireKind(e.Kind),
			Announce: e.Announce.Reveal(),
		}
	}
	return out
}

// wireKind leaves out what is the rule.
func wireKind(k meeting.Kind) protocol.Kind {
	switch k {
	case meeting.KindBot:
		return protocol.KindBot
	case meeting.KindGuest:
		return protocol.KindGuest
	default:
		return ""
	}
}

func wireSlots(e meeting.SlotsChanged) *protocol.Slots {
	// The list of what is withheld is always present: an empty one says that nothing is.
	out := &protocol.Slots{Slots: make([]protocol.Slot, len(e.Slots)), Withheld: make([]protocol.Withheld, len(e.Withheld))}
	for i, s := range e.Slots {
		out.Slots[i] = protocol.Slot{MID: s.MID, Participant: protocol.Participant(s.Participant)}
		if s.Participant != 0 {
			out.Slots[i].Source, out.Slots[i].Height = protocol.Source(s.Source.String()), s.Height
		}
	}
	for i, w := range e.Withheld {
		out.Withheld[i] = protocol.Withheld{
			Participant: protocol.Participant(w.Participant), Source: protocol.Source(w.Source.String()),
			Reason: protocol.WithheldReason(w.Reason),
		}
	}
	return out
}

func wireParticipants(list []media.ParticipantID) []protocol.Participant {
	out := make([]protocol.Participant, len(list))
	for i, id := range list {
		out[i] = protocol.Participant(id)
	}
	return out
}

func wireSources(set media.SourceSet) []protocol.Source {
	out := make([]protocol.Source, 0, 4)
	for _, s := range []media.Source{media.Mic, media.Camera, media.ScreenAudio, media.Screen} {
		if set.Has(s) {
			out = append(out, protocol.Source(s.String()))
		}
	}
	return out
}

func wireRole(r meeting.Role) protocol.Role {
	switch r {
	case meeting.Host:
		return protocol.RoleHost
	case meeting.Cohost:
		return protocol.RoleCohost
	case meeting.Participant:
		return protocol.RoleParticipant
	default:
		return protocol.RoleViewer
	}
}

func wirePermissions(set meeting.Permission) []protocol.Permission {
	names := protocol.Permission("").Values()
	out := make([]protocol.Permission, 0, len(names))
	for i, p := range meeting.AllPermissions() {
		if set.Has(p) {
			out = append(out, protocol.Permission(names[i]))
		}
	}
	return out
}

func wireLeft(r meeting.LeftReason) protocol.LeftReason {
	switch r {
	case meeting.LeftLost:
		return protocol.LeftLost
	case meeting.LeftRemoved:
		return protocol.LeftRemoved
	case meeting.LeftIdle:
		return protocol.LeftIdle
	default:
		return protocol.Left
	}
}

func wireTime(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func wireSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// wireBye names the reasons that a meeting gives.
func wireBye(r meeting.ByeReason) protocol.ByeReason {
	switch r {
	case meeting.ByeLeft:
		return protocol.ByeLeft
	case meeting.ByeDenied:
		return protocol.ByeDenied
	case meeting.ByeRemoved:
		return protocol.ByeRemoved
	case meeting.ByeBanned:
		return protocol.ByeBanned
	case meeting.ByeEnded:
		return protocol.ByeEnded
	case meeting.ByeExpired:
		return protocol.ByeExpired
	case meeting.ByeIdle:
		return protocol.ByeIdle
	case meeting.ByeReplaced:
		return protocol.ByeReplaced
	case meeting.ByeSignedOut:
		return protocol.ByeSignedOut
	case meeting.ByeShuttingDown:
		return protocol.ByeShuttingDown
	case meeting.ByeMediaFailed:
		return protocol.ByeMediaFailed
	default:
		return protocol.ByeInternal
	}
}

// byeText is the sentence for a human that goes with a reason.
func byeText(r protocol.ByeReason) string {
	switch r {
	case protocol.ByeLeft:
		return "You left the meeting."
	case protocol.ByeDenied:
		return "The host did not let you in."
	case protocol.ByeRemoved:
		return "You were removed from the meeting."
	case protocol.ByeBanned:
		return "You were removed from the meeting for good."
	case protocol.ByeEnded:
		return "The meeting has ended."
	case protocol.ByeExpired:
		return "The meeting has reached its time limit."
	case protocol.ByeIdle:
		return "You were inactive for too long."
	case protocol.ByeReplaced:
		return "You joined from another window."
	case protocol.ByeSignedOut:
		return "You were signed out."
	case protocol.ByeSlowReader:
		return "Your connection could not keep up."
	case protocol.ByeRateLimited:
		return "Too many requests."
	case protocol.ByeProtocolError:
		return "The connection broke the protocol."
	case protocol.ByeShuttingDown:
		return "The server is shutting down."
	case protocol.ByeMediaFailed:
		return "The media connection failed."
	default:
		return "Something went wrong on the server."
	}
}
