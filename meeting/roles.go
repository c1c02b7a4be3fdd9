package meeting

import (
	"conclave/media"
)

// Role is a named set of permissions.
type Role uint8

// The roles, most powerful first. The zero Role is none: that of somebody in the lobby.
const (
	NoRole Role = iota
	Host
	Cohost
	Participant
	Viewer
)

// Permission is a set of things a role may do.
type Permission uint16

// The permissions, in the order of the protocol document.
const (
	PublishMic Permission = 1 << iota
	PublishCamera
	PublishScreen
	MayChat
	MayAdmit
	MayMute
	MayRemove
	MayLock
	MaySpotlight
	MayRoles
	MayEnd
	endOfPermissions
)

// AllPermissions lists each permission, in the order of the protocol document.
func AllPermissions() []Permission {
	var all []Permission
	for p := Permission(1); p < endOfPermissions; p <<= 1 {
		all = append(all, p)
	}
	return all
}

// Has says whether all of want are in p.
func (p Permission) Has(want Permission) bool { return p&want == want }

// Permissions returns what r may do.
func (r Role) Permissions() Permission {
	const participant = PublishMic | PublishCamera | PublishScreen | MayChat
	const cohost = participant | MayAdmit | MayMute | MayRemove | MayLock | MaySpotlight
	switch r {
	case Host:
		return cohost | MayRoles | MayEnd
	case Cohost:
		return cohost
	case Participant:
		return participant
	case Viewer:
		return MayChat
	default:
		return 0
	}
}

// Sources returns what p allows to publish.
func (p Permission) Sources() media.SourceSet {
	var set media.SourceSet
	if p.Has(PublishMic) {
		set |= media.Sources(media.Mic)
	}
	if p.Has(PublishCamera) {
		set |= media.Sources(media.Camera)
	}
	if p.Has(PublishScreen) {
		set |= media.Sources(media.Screen, media.ScreenAudio)
	}
	return set
}
