//go:build !linux

package process

import (
	"errors"
	"time"
)

var errLinuxOnly = errors.New("measured on Linux only")

// CPU is the CPU time that all threads of a process have used.
func CPU(int) (time.Duration, error) { return 0, errLinuxOnly }

// ThreadCPU is the CPU time of the calling thread.
func ThreadCPU() (time.Duration, error) { return 0, errLinuxOnly }

// SleepThread sleeps.
func SleepThread(d time.Duration) { time.Sleep(d) }
