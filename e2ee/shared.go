package e2ee

import "sync"

// Bounds of what the sessions of one Root share; beyond them they start anew.
const (
	maxSharedAnnouncements = 8192
	maxSharedSeats         = 8192
	maxSharedChannels      = 1 << 16
)

// shared is what sessions of one Root need not each work out: a process with n bots in a meeting would check n² signed
// announcements, and agree on the same n²/2 channels from both ends. Safe for concurrent use.
type shared struct {
	mu            sync.Mutex
	announcements map[[AnnounceSize]byte]*Announcement // valid ones
	seats         map[Hash]struct{}                    // of this process
	channels      map[channelEnd]channelKeys           // that the other end has derived; taken once
}

// channelEnd is one end of a channel between two seats of this process.
type channelEnd struct{ self, peer Hash }

// known returns an announcement that was found valid before, nil if it was not.
func (s *shared) known(b []byte) *Announcement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.announcements[[AnnounceSize]byte(b)]
}

// learn keeps a valid announcement.
func (s *shared) learn(a *Announcement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	put(&s.announcements, maxSharedAnnouncements, a.raw, a)
}

// arrive takes note of a seat whose session is in this process.
func (s *shared) arrive(seat Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	put(&s.seats, maxSharedSeats, seat, struct{}{})
}

// take returns the keys of a channel if its other end has derived them.
func (s *shared) take(self, peer Hash) (k channelKeys, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := channelEnd{self, peer}
	k, ok = s.channels[end]
	delete(s.channels, end)
	return k, ok
}

// leave keeps the keys of a channel for its other end, if that is in this process.
func (s *shared) leave(self, peer Hash, k channelKeys) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, here := s.seats[peer]; here {
		put(&s.channels, maxSharedChannels, channelEnd{peer, self}, channelKeys{out: k.in, in: k.out})
	}
}

// put adds to a map that holds at most so many.
func put[K comparable, V any](m *map[K]V, most int, k K, v V) {
	if *m == nil || len(*m) >= most {
		*m = map[K]V{}
	}
	(*m)[k] = v
}
