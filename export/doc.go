// Package export reads and writes an archive's files.
//
// The archive form is JSON Lines: one message a line, conversation after
// conversation, in each of them by time. [Import] reads it into a store and [Export]
// writes it. A line that was imported and not changed since is written with the
// bytes it was read with: most lines have the one form that [AppendRecord] gives,
// and any other line is kept beside its message ([parlance.Native], of dialect
// [Lines]).
//
// A [Record] is a line. Its conversion to the common form and back is [Record.Message]
// and [RecordOf].
package export
