package mls

import (
	"errors"
	"fmt"
)

// Each error of this package is one of these, with a text that says more. Public groups them.
var (
	// ErrMalformed means that bytes are not an encoding of what they should be, or exceed a bound.
	ErrMalformed = errors.New("mls: malformed")
	// ErrFraming means that a message is not one that this group takes: another group, a wire format or sender that is
	// not allowed for the content.
	ErrFraming = errors.New("mls: message not for this group")
	// ErrEpoch means that a message is of another epoch than the state.
	ErrEpoch = errors.New("mls: message of another epoch")
	// ErrSignature means that a signature, or the key it is checked with, is not valid.
	ErrSignature = errors.New("mls: signature not valid")
	// ErrMembershipTag means that the membership tag of a PublicMessage is wrong.
	ErrMembershipTag = errors.New("mls: membership tag wrong")
	// ErrUnsupported means a proposal or message that RFC 9420 has and this group refuses.
	ErrUnsupported = errors.New("mls: outside the subset")
	// ErrProposal means that a proposal, or the list of them in a commit, is not valid (§12.2).
	ErrProposal = errors.New("mls: proposal not valid")
	// ErrUnknownProposal means that a commit refers to a proposal that this state does not hold.
	ErrUnknownProposal = errors.New("mls: unknown proposal")
	// ErrRefused means that the caller's Authorize refused a proposal.
	ErrRefused = errors.New("mls: proposal refused")
	// ErrTree means that a leaf, a key or the shape of a tree or path is not valid (§7).
	ErrTree = errors.New("mls: tree not valid")
	// ErrParentHash means that a parent hash of a tree or path is wrong (§7.9).
	ErrParentHash = errors.New("mls: parent hash wrong")
	// ErrPath means that the path secret meant for this member does not open, or does not give the keys of the path.
	ErrPath = errors.New("mls: path does not open")
	// ErrConfirmation means that the confirmation tag is wrong.
	ErrConfirmation = errors.New("mls: confirmation tag wrong")
	// ErrPSK means that this member does not have a PSK that is named.
	ErrPSK = errors.New("mls: PSK not known")
	// ErrOpen means that a ciphertext is not authentic under its key.
	ErrOpen = errors.New("mls: not authentic")
	// ErrGeneration means that the key of an application message was used before, or is too far ahead.
	ErrGeneration = errors.New("mls: generation used or too far ahead")
	// ErrWelcome means that a Welcome is not for this key package, or contradicts itself.
	ErrWelcome = errors.New("mls: Welcome not valid")
	// ErrFull means that a bound of this package is reached.
	ErrFull = errors.New("mls: bound reached")
	// ErrOwn means a commit that this member made: the state after it is the one that Commit returned.
	ErrOwn = errors.New("mls: own commit")
	// ErrRemoved means that a commit, whose public checks all passed, removes this member.
	ErrRemoved = errors.New("mls: removed from the group")
	// ErrClosed means that Close was called on the state.
	ErrClosed = errors.New("mls: state is closed")
)

// Public says of an error of Verify, Proposals or Process whether every member that has the same state, processed the
// same proposals of the epoch, and has the same Authorize gets it too. A commit that failed so is skipped by all. After
// any other error this member cannot know what the others saw. A wrong confirmation tag is public because all who open
// the path come to the same epoch secrets: each checks the keys that follow from its path secret against the path.
func Public(err error) bool {
	for _, private := range []error{ErrPath, ErrPSK, ErrOwn, ErrRemoved, ErrClosed} {
		if errors.Is(err, private) {
			return false
		}
	}
	return err != nil
}

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

func because(kind error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))
}
