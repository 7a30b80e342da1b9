//go:build !unix

package main

import "log/slog"

// keepPrivate does nothing: here who may read a file isn't a matter of its mode.
func keepPrivate() {}

// shutOthersOut does nothing.
func shutOthersOut(string, *slog.Logger) error { return nil }
