//go:build !linux

package machine

import (
	"runtime"
	"time"
)

// CPU is the processor time that the process has used since its start; here it is not known.
func CPU() time.Duration { return 0 }

// Memory is how many bytes of the process are resident; here it is not known.
func Memory() uint64 { return 0 }

// ReadLimits reads what the process may use.
func ReadLimits() Limits { return limits("", "", float64(runtime.GOMAXPROCS(0)), 0) }
