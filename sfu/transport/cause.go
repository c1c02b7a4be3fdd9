package transport

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// Cause says why a transport is lost, or what it waits for. It is told to the meeting and to its client, labels a
// metric, and names nothing of a user.
type Cause string

// The causes.
const (
	CauseUDPBlocked  Cause = "udp_blocked"            // no check of the peer's ever came
	CauseICETimeout  Cause = "ice_timeout"            // the peer has never answered a check, or answers none any more
	CauseDTLSTimeout Cause = "dtls_timeout"           // a path is there, and the handshake does not end
	CauseFingerprint Cause = "fingerprint_mismatch"   // the peer's certificate is not the one of its offer
	CauseNoProfile   Cause = "no_common_srtp_profile" // of SRTP
	CauseDTLSFailed  Cause = "dtls_failed"            // the handshake failed otherwise
	CauseClosed      Cause = "dtls_closed"            // the peer said goodbye
)

// Causes are all of them.
func Causes() []Cause {
	return []Cause{CauseUDPBlocked, CauseICETimeout, CauseDTLSTimeout, CauseFingerprint, CauseNoProfile, CauseDTLSFailed,
		CauseClosed}
}

// stuckAfter is how long a transport may wait for its next step before its owner is told: ten checks of a client's.
const stuckAfter = 4 * time.Second

// rise is how far a transport has come. Its steps are set by what sees them; told is Watch's alone.
type rise struct {
	checked, proven atomic.Bool
	since           atomic.Int64 // unix nanoseconds of the latest step
	told            Cause
}

// step notes that a step was made, the first time.
func (r *rise) step(made *atomic.Bool, now time.Time) {
	if !made.Load() && made.CompareAndSwap(false, true) {
		r.since.Store(now.UnixNano())
	}
}

// waits says what the next step is.
func (r *rise) waits() Cause {
	switch {
	case !r.checked.Load():
		return CauseUDPBlocked
	case !r.proven.Load():
		return CauseICETimeout
	default:
		return CauseDTLSTimeout
	}
}

// stuck says what a transport without keys has waited for too long, once for each cause.
func (r *rise) stuck(now time.Time) (cause Cause, ok bool) {
	cause = r.waits()
	if cause == r.told || now.Sub(time.Unix(0, r.since.Load())) < stuckAfter {
		return "", false
	}
	r.told = cause
	return cause, true
}

// silent is the cause of a peer that has been silent for too long.
func (r *rise) silent() Cause {
	if r.checked.Load() {
		return CauseICETimeout
	}
	return CauseUDPBlocked
}

// noProfile is how Pion says that a client offers no SRTP profile of ours; it exports no error for it.
const noProfile = "no matching profiles"

// causeOf is the cause of a handshake's error.
func causeOf(err error) Cause {
	switch {
	case errors.Is(err, errFingerprint):
		return CauseFingerprint
	case errors.Is(err, errNoSRTP) || strings.Contains(err.Error(), noProfile):
		return CauseNoProfile
	case errors.Is(err, context.DeadlineExceeded):
		return CauseDTLSTimeout
	default:
		return CauseDTLSFailed
	}
}
