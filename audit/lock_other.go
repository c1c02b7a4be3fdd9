//go:build !unix

package audit

import (
	"errors"
	"fmt"
	"os"
)

func lock(string) (*os.File, error) {
	return nil, fmt.Errorf("audit: this system has no file lock that ends with its process: %w", errors.ErrUnsupported)
}

// SameFileSystem says whether two paths are on one file system. It is not known here.
func SameFileSystem(string, string) (bool, error) { return false, nil }
