// Package parlance is the vocabulary of a conversation archive: the ids, the
// times, the messages and the conversations that every other package speaks of.
//
// A [WorkspaceID] names one merchant or app. Accounts and conversations belong to
// exactly one workspace, and nothing crosses. A [Conversation] has members and
// messages. A [Message] is the common form that the three dialects are converted
// to and from; beside it stands its [Native] form, the platform's own JSON.
// A [Position] is a place in a timeline and the only order there is.
//
// The package imports nothing of this module.
package parlance

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A WorkspaceID names a workspace: 1 to 64 characters of a-z, 0-9, '-' and '_'.
type WorkspaceID string

// An AccountID is the platform's own id of a person, shop, agent or bot. It is
// unique in its workspace. iMetaStore's 64-bit buyer numbers are their decimal digits.
type AccountID string

// A ConversationID is the platform's own id of a conversation, unique in its workspace.
type ConversationID string

// A MessageID is the platform's own id of a message, unique in its conversation.
type MessageID string

// A Ref names one conversation of one workspace.
type Ref struct {
	Workspace    WorkspaceID
	Conversation ConversationID
}

// String returns "workspace/conversation", for logs and errors.
func (r Ref) String() string { return string(r.Workspace) + "/" + string(r.Conversation) }

// A Dialect names one of the platforms whose API we speak.
type Dialect string

// The dialects. The empty one means "of no platform", such as an imported message.
const (
	IMKit      Dialect = "imkit"
	Shopline   Dialect = "shopline"
	IMetaStore Dialect = "imetastore"
)

// CheckWorkspace reports, as an [Invalid] error, why id can't name a workspace.
func CheckWorkspace(id WorkspaceID) error {
	if len(id) == 0 || len(id) > 64 || strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return Errorf(Invalid, "workspace name %q: want 1 to 64 characters of a-z, 0-9, '-' and '_'", id)
	}
	return nil
}

// CheckID reports, as an [Invalid] error, why id can't be a conversation's,
// message's or account's id: it is empty, longer than [MaxID], not UTF-8, or holds a NUL.
func CheckID[ID ~string](what string, id ID) error {
	s := string(id)
	switch {
	case s == "":
		return Errorf(Invalid, "%s is empty", what)
	case len(s) > MaxID:
		return Errorf(Invalid, "%s is %d bytes long, at most %d are allowed", what, len(s), MaxID)
	case !utf8.ValidString(s):
		return Errorf(Invalid, "%s is not UTF-8", what)
	case strings.IndexByte(s, 0) >= 0:
		return Errorf(Invalid, "%s holds a NUL character", what)
	}
	return nil
}

// Native is a platform's own JSON for a message or a conversation, byte for byte.
// The zero value means that there is none.
type Native struct {
	Dialect Dialect
	JSON    []byte

	// Stale says that the common form was changed after this JSON was
	// written, so where the two differ the common form holds.
	Stale bool
}

// A Position is a place in a timeline. Positions order by time, then by id
// (bytewise), then by conversation, which only counts in timelines across
// conversations and is empty elsewhere. Every cursor on every wire encodes one.
type Position struct {
	Time         Time
	ID           MessageID
	Conversation ConversationID
}

// Compare returns -1, 0 or +1 as p lies before, at or after q.
func (p Position) Compare(q Position) int {
	switch {
	case p.Time < q.Time:
		return -1
	case p.Time > q.Time:
		return +1
	case p.ID != q.ID:
		return strings.Compare(string(p.ID), string(q.ID))
	}
	return strings.Compare(string(p.Conversation), string(q.Conversation))
}

// String is for logs and test failures; it is not a cursor.
func (p Position) String() string { return fmt.Sprintf("(%s, %s)", p.Time, p.ID) }

// At returns the position before every message of time t.
func At(t Time) *Position { return &Position{Time: t} }

// Next returns the least position above p: a range that starts there leaves p out,
// and one that ends there takes p in.
func (p Position) Next() *Position {
	if p.Conversation != "" {
		p.Conversation += "\x00"
	} else {
		p.ID += "\x00"
	}
	return &p
}
