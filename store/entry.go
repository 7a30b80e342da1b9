package store

import "parlance/store/internal/format"

// An Entry is one version of one message, as the log keeps it.
type Entry = format.Entry

// A Mode says where messages come from, which decides about their times.
type Mode = format.Mode

// The modes.
const (
	Send   = format.Send   // written here
	Import = format.Import // from a file
	Mirror = format.Mirror // from the platform
)

// FormatVersion is the version of all that this package writes. docs/storage.md
// says what each one means.
const FormatVersion = format.Version
