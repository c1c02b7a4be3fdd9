package protocol

import (
	"encoding/base64"
	"strings"
)

// check holds the rules that concern more than one field, and brings what may be written in several ways into one form.
func check(m ClientMessage) error {
	switch m := m.(type) {
	case *Join:
		return checkJoin(m)
	case *Offer:
		return checkOffer(m)
	case *Media:
		return unique("sources", m.Sources)
	case *Admit:
		return checkAdmit(m)
	case *Mute:
		if err := namedOrAll(len(m.Participants), m.All); err != nil {
			return err
		}
		return unique("sources", m.Sources)
	case *AskUnmute:
		return unique("sources", m.Sources)
	case *App:
		if m.To != 0 && len(m.Text) > MaxAppToOne {
			return fieldError("text", "must have at most 1500 bytes where it is for one participant")
		}
	case *Hand:
		if (m.Participant != 0 || m.All) && m.Raised {
			return fieldError("raised", "must be false for another participant's hand")
		}
		if m.Participant != 0 && m.All {
			return fieldError("participant", "and \"all\" cannot go together")
		}
	case *Commit:
		return checkCommit(m)
	case *Timer:
		if (m.InS == nil) == (m.AddS == 0) {
			return fieldError("in_s", "or \"add_s\" must be present, and not both")
		}
	case *SetPolicy:
		if m.Locked == nil && m.Lobby == nil {
			return fieldError("locked", "or \"lobby\" must be present")
		}
	}
	return nil
}

func checkJoin(m *Join) error {
	if m.Version != Version {
		return &problem{err: ErrVersion, what: "This server speaks version 1 of the protocol."}
	}
	id, ok := ParseMeetingID(string(m.Meeting))
	if !ok {
		return fieldError("meeting", "must be a meeting id like k7qm-2f9x-w3dj-8hrt")
	}
	m.Meeting = id
	switch {
	case m.Password != "" && m.Resume != "":
		return fieldError("password", "and \"resume\" cannot go together")
	case m.Name != "" && m.Announce != "":
		return fieldError("name", "must be empty where there is an \"announce\": names travel sealed")
	case m.Name == "" && m.Announce == "" && m.Resume == "":
		return fieldError("name", "must have between 1 and 64 characters")
	}
	return nil
}

// checkCommit: who is added needs the GroupInfo, and no one else does.
func checkCommit(m *Commit) error {
	if (m.GroupInfo == "") != (len(m.Added) == 0) {
		return fieldError("group_info", "and \"added\" go together")
	}
	size := base64.RawURLEncoding.DecodedLen(len(m.GroupInfo))
	named := make(map[Participant]bool, len(m.Added))
	for _, a := range m.Added {
		if named[a.Participant] {
			return fieldError("added", "names a participant twice")
		}
		named[a.Participant] = true
		size += base64.RawURLEncoding.DecodedLen(len(a.Secrets))
	}
	if size > MaxForJoiners {
		return fieldError("group_info", "and all \"secrets\" must have at most 524288 bytes together")
	}
	return nil
}

// checkAdmit: with admissions these name whom to admit, and anything else must say the same.
func checkAdmit(m *Admit) error {
	if len(m.Admissions) == 0 {
		return namedOrAll(len(m.Participants), m.All)
	}
	if m.All && len(m.Participants) > 0 {
		return fieldError("participants", "and \"all\" cannot go together")
	}
	admitted := make(map[Participant]bool, len(m.Admissions))
	for _, a := range m.Admissions {
		if admitted[a.Participant] {
			return fieldError("admissions", "names a participant twice")
		}
		admitted[a.Participant] = true
	}
	if len(m.Participants) == 0 {
		return nil
	}
	named := make(map[Participant]bool, len(m.Participants))
	for _, p := range m.Participants {
		if !admitted[p] {
			return fieldError("admissions", "must hold one for each of \"participants\"")
		}
		named[p] = true
	}
	if len(named) != len(admitted) {
		return fieldError("participants", "must name everybody in \"admissions\"")
	}
	return nil
}

func checkOffer(m *Offer) error {
	if strings.Count(m.SDP, "\nm=") > MaxMediaLines {
		return &problem{err: ErrBadOffer, what: "The offer has more than 128 m-lines."}
	}
	var sources []Source
	for i, t := range m.Tracks {
		for _, earlier := range m.Tracks[:i] {
			if earlier.MID == t.MID {
				return fieldError("tracks", "names an m-line twice")
			}
		}
		sources = append(sources, t.Source)
	}
	return unique("tracks", sources)
}

func unique(path string, sources []Source) error {
	for i, s := range sources {
		for _, earlier := range sources[:i] {
			if earlier == s {
				return fieldError(path, "names a source twice")
			}
		}
	}
	return nil
}

func namedOrAll(named int, all bool) error {
	if (named > 0) == all {
		return fieldError("participants", "or \"all\" must be present, and not both")
	}
	return nil
}
