//go:build !unix

package main

import "io/fs"

// ownerOf is whose a file is.
func ownerOf(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }
