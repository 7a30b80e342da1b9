//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package durable

import (
	"io/fs"
	"os"
)

const noFollow = 0

// lock locks nothing: what a killed process left stays.
func lock(*os.File, bool) bool { return false }

func hasNames(fs.FileInfo) bool { return false }
