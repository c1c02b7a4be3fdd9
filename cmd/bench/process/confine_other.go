//go:build !linux

package process

import "errors"

// Confine holds a process to so many cores; here it can't.
func Confine(int, float64) (release func() error, err error) {
	return nil, errors.New("control groups are Linux's")
}
