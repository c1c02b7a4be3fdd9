//go:build !linux

package process

import "errors"

// Group is a control group; here there is none.
type Group struct{}

var errNoGroups = errors.New("control groups are Linux's")

// NewGroup makes a group with a quota of so many cores, 0 for none.
func NewGroup(string, float64) (*Group, error) { return nil, errNoGroups }

// Add moves a process into the group.
func (*Group) Add(int) error { return errNoGroups }

// Remove removes the group.
func (*Group) Remove() error { return errNoGroups }
