package meeting

import (
	"slices"

	"conclave/media"
	"conclave/protocol"
)

// noRole is the role of a seat in the lobby.
const noRole protocol.Role = ""

var (
	participantMay = []protocol.Permission{
		protocol.PublishMic, protocol.PublishCamera, protocol.PublishScreen, protocol.MayChat,
	}
	viewerMay = []protocol.Permission{protocol.MayChat}
	cohostMay = slices.Concat(participantMay, []protocol.Permission{
		protocol.MayAdmit, protocol.MayMute, protocol.MayRemove, protocol.MayLock, protocol.MaySpotlight,
	})
	hostMay = slices.Concat(cohostMay, []protocol.Permission{protocol.MayRoles, protocol.MayEnd})
)

// permissionsOf returns what a role may do, in the order of the protocol document. The list is shared: do not change
// it.
func permissionsOf(r protocol.Role) []protocol.Permission {
	switch r {
	case protocol.RoleHost:
		return hostMay
	case protocol.RoleCohost:
		return cohostMay
	case protocol.RoleParticipant:
		return participantMay
	case protocol.RoleViewer:
		return viewerMay
	default:
		return nil
	}
}

// may says whether a role has a permission.
func may(r protocol.Role, want protocol.Permission) bool {
	return slices.Contains(permissionsOf(r), want)
}

// covers says whether a role has all permissions of another.
func covers(r, other protocol.Role) bool {
	return !slices.ContainsFunc(permissionsOf(other), func(p protocol.Permission) bool { return !may(r, p) })
}

// sourcesOf returns what a role may publish.
func sourcesOf(r protocol.Role) media.SourceSet {
	var set media.SourceSet
	if may(r, protocol.PublishMic) {
		set |= media.Sources(media.Mic)
	}
	if may(r, protocol.PublishCamera) {
		set |= media.Sources(media.Camera)
	}
	if may(r, protocol.PublishScreen) {
		set |= media.Sources(media.Screen, media.ScreenAudio)
	}
	return set
}
