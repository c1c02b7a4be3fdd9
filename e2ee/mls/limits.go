package mls

// What a peer can make this package hold or do is bounded by these.
const (
	// MaxLeaves is the most leaves a tree may have, blank ones included.
	MaxLeaves = 1024
	// MaxCommit is the most bytes of a handshake message.
	MaxCommit = 128 << 10
	// MaxWelcome is the most bytes of a Welcome, or of a GroupInfo or ratchet tree that comes by itself.
	MaxWelcome = 512 << 10
	// MaxApplication is the most bytes of an application message.
	MaxApplication = 64 << 10
	// MaxKeyPackage is the most bytes of a key package that comes by itself.
	MaxKeyPackage = 16 << 10
	// MaxExtensions is the most extensions in one list.
	MaxExtensions = 64
	// MaxProposals is the most proposals in one commit.
	MaxProposals = 2048
	// MaxKept is the most proposals kept for commits by reference: a member may have MaxKeptSender of them in an epoch,
	// an external sender one for each leaf.
	MaxKept = 4 * MaxLeaves
	// MaxKeptSender is the most proposals of one member that are kept in an epoch.
	MaxKeptSender = 32
	// MaxSkip is how many generations a sender's ratchet may move forward in one message.
	MaxSkip = 1000
	// MaxSkipped is how many keys of skipped generations are kept for each ratchet: the newest.
	MaxSkipped = 64

	maxDepth       = 10  // levels above the leaves: 2^10 = MaxLeaves
	maxListed      = 256 // entries of a list of numbers in capabilities
	maxNodes       = 2*MaxLeaves - 1
	maxCredentials = 16 // certificates of one credential
	maxPSKs        = 64 // PSKs in one GroupSecrets or commit
	maxSenders     = 16 // external senders
)
