package export

import (
	"bytes"
	"cmp"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/store"
)

// compareVersions is the order in which versions of a message stand, whichever file had them and whichever came
// first: by when they were last edited or deleted, then by state, then the one that says more, then bytewise. A
// deletion without a time stands above all others, since none is taken back. Two that differ only in
// dress, or in what they say of the conversation, are the same: blanks, escapes, the order of names, how a number or
// a time is spelled, fields without content.
func compareVersions(here *store.Entry, imported *parlance.Message) int {
	old := &here.Message
	own := here.Mode() == store.Import
	if own && old.Native.JSON != nil && bytes.Equal(old.Native.JSON, imported.Native.JSON) {
		return 0
	}
	var without []string
	if !own && old.Seq == 0 {
		without = append(without, "seq") // an export numbers what has no place of its own
	}
	if !own && old.SenderName == "" {
		without = append(without, "sender_name") // and takes the account's name
	}
	a, b := canonical(old, without), canonical(imported, without)
	if bytes.Equal(a, b) {
		return 0
	}
	return cmp.Or(
		cmp.Compare(age(old), age(imported)),
		cmp.Compare(old.State, imported.State),
		cmp.Compare(len(a), len(b)),
		bytes.Compare(a, b),
	)
}

// age is when m became what it is, as far as its source says.
func age(m *parlance.Message) parlance.Time {
	if m.State != parlance.Live && m.Removed == 0 {
		return parlance.MaxTime
	}
	return max(m.Edited, m.Removed)
}

// isPlain reports whether a field says what it would if it weren't there.
func isPlain(v jsontext.Value) bool {
	switch v.Kind() {
	case 'n', 'f':
		return true
	case '"':
		return len(v) == len(`""`)
	case '[':
		return len(bytes.TrimSpace(v[1:len(v)-1])) == 0
	}
	return false
}

// canonical returns what m's line says of the message, the same bytes however the line is written.
func canonical(m *parlance.Message, without []string) []byte {
	line := m.Native.JSON
	if m.Native.Dialect != Lines || m.Native.Stale || len(line) == 0 {
		line = AppendRecord(nil, RecordOf(&parlance.Conversation{}, m))
	}
	fields := map[string]jsontext.Value{}
	// The line was read before, so it can be read.
	_ = json.Unmarshal(line, &fields, lenient)
	for _, name := range append(without, "conversation", "conversation_kind", "title") {
		delete(fields, name)
	}
	for _, name := range recordFields {
		if v, ok := fields[name]; ok && isPlain(v) {
			delete(fields, name)
		}
	}
	for _, name := range []string{"sent_at", "edited_at", "deleted_at"} {
		var t stamp
		if v, ok := fields[name]; ok && json.Unmarshal(v, &t) == nil {
			fields[name] = appendTime(nil, parlance.Time(t))
		}
	}
	v, err := json.Marshal(fields, lenient)
	if err != nil {
		return line
	}
	out := jsontext.Value(v)
	// Whole numbers keep their digits: as floating point those of large ones would be lost.
	if err := out.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.AllowInvalidUTF8(true)); err != nil {
		return v
	}
	return out
}

// lenient reads strings with bytes or escapes that are no Unicode: these become U+FFFD.
var lenient = jsontext.AllowInvalidUTF8(true)

// recordFields are the names that a Record has in a line.
var recordFields = []string{
	"id", "sender", "sender_name", "sender_role", "sent_at", "type", "text", "edited_at", "deleted", "reactions", "reply_to", "synthetic", "seq",
	"deleted_at", "attachments", "thread", "recalled",
}
