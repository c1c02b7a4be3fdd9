package sframe

// Key is an identity key: whose frames they are.
type Key [32]byte

// Track is what a member sends.
type Track uint8

// The tracks.
const (
	Mic Track = iota
	Camera
	ScreenAudio
	Screen

	tracks = 4
)

// A KID is u4 context ‖ u10 sender ‖ u10 epoch (docs/e2ee.md, section 13). Contexts below outside are tracks of
// members, those from outside on the same tracks of senders outside the group.
const (
	senderBits = 10
	epochBits  = 10
	outside    = 8
	epochMask  = 1<<epochBits - 1
	senderMask = 1<<senderBits - 1
)

// MaxSender is the greatest number of a sender, a leaf index or a number outside.
const MaxSender = senderMask

// KID is the key id of a member's track in an epoch.
func KID(t Track, leaf uint32, epoch uint64) uint64 {
	return uint64(t)<<(senderBits+epochBits) | uint64(leaf&senderMask)<<epochBits | epoch&epochMask
}

// splitKID takes a key id apart; ok is false for one that is never made.
func splitKID(id uint64) (context uint8, sender uint32, epoch uint16, ok bool) {
	if id >= 1<<24 {
		return 0, 0, 0, false
	}
	context = uint8(id >> (senderBits + epochBits))
	return context, uint32(id>>epochBits) & senderMask, uint16(id & epochMask), context%outside < tracks
}

// Epoch is an epoch of the group as media knows it. It is not changed once it was made, and may be shared.
type Epoch struct {
	Number uint64
	// State grows with each state of the group that a session takes, also where numbers begin anew: a state that was
	// left is never gone back to.
	State uint64
	// Base is base_key. It leaves no process.
	Base [16]byte
	// Own is the leaf of the session that it is for.
	Own uint32
	// Leaves are the identity keys by leaf index; zero where there is no leaf. It is shared: not to be changed.
	Leaves []Key
	// Removes says that its commit removed a member: the epoch before is closed early.
	Removes bool
}

// Single is the key of one of the session's own tracks, for those outside the group who may hear it.
func (e *Epoch) Single(t Track) (kid uint64, key SingleKey, err error) {
	kid = KID(t, e.Own, e.Number)
	key, err = single(kid, e.Base[:])
	return kid, key, err
}
