//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package pebblestore

import "io"

func mayOnlyRead(string) bool { return false }

func lockToRead(string) (io.Closer, error) { return io.NopCloser(nil), nil }
