//go:build !linux

package netlab

import "errors"

func disableGRO(string) error { return errors.New("needs Linux") }
