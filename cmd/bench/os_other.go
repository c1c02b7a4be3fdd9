//go:build !linux

package main

import (
	"errors"
	"net"
	"syscall"
	"time"
)

var errLinuxOnly = errors.New("measured on Linux only")

func processCPU(int) (time.Duration, error) { return 0, errLinuxOnly }

func threadCPU() (time.Duration, error) { return 0, errLinuxOnly }

func sleepThread(d time.Duration) { time.Sleep(d) }

func discardMedia(syscall.RawConn) error { return errLinuxOnly }

func drain(*net.UDPConn) (func() (int, error), error) { return nil, errLinuxOnly }
