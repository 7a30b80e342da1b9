package export

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// A Record is one line of an archive: a message, and what is needed to know its
// conversation. Fields of a line that are not here are ignored by [ParseRecord].
//
// All times are written as RFC 3339 in UTC with milliseconds.
type Record struct {
	Conversation parlance.ConversationID `json:"conversation"`
	Kind         parlance.Kind           `json:"conversation_kind"`
	Title        string                  `json:"title"` // of the conversation; may be empty

	ID         parlance.MessageID `json:"id"`
	Sender     parlance.AccountID `json:"sender"`
	SenderName string             `json:"sender_name"`
	SenderRole parlance.Role      `json:"sender_role"` // empty if not known; any text, as platforms have roles of their own
	Sent       parlance.Time      `json:"-"`           // "sent_at"; zero, written as the start of 1970, if the store knows none
	Type       parlance.Type      `json:"type"`
	Text       string             `json:"text"`
	Edited     parlance.Time      `json:"-"` // "edited_at"; zero, written null, if never
	Deleted    bool               `json:"deleted"`
	Reactions  []Reaction         `json:"reactions"`
	ReplyTo    parlance.MessageID `json:"reply_to"` // empty, written null, if it answers none
	Synthetic  []string           `json:"synthetic"`

	// Seq is the message's place in its conversation, from 0 to [MaxSeq]; -1 if
	// the line gives none, and then it is not written.
	Seq int64 `json:"seq"`

	// The rest is written only where it isn't zero.

	DeletedAt   parlance.Time `json:"-"` // "deleted_at"
	Attachments []Attachment  `json:"attachments"`
	Thread      string        `json:"thread"`

	// Recalled tells a deleted message that keeps its place, without its
	// content, from one that is gone. Deleted is set as well.
	Recalled bool `json:"recalled"`
}

// MaxSeq is the highest place of a message that a [Record] can have.
const MaxSeq = 1<<32 - 2

// A Reaction is all that reacted with one emoji, in order.
type Reaction struct {
	Emoji   string               `json:"emoji"`
	Senders []parlance.AccountID `json:"senders"`
}

// An Attachment is a file that came with a message. One with a size is written in
// the order type, name, size, url, one without in the order type, url, name.
type Attachment struct {
	Type parlance.Type `json:"type"`
	Name string        `json:"name"`
	URL  string        `json:"url"`
	Size *int64        `json:"size"` // bytes; nil if not known
}

// line is a Record as package json reads it.
type line struct {
	Record
	Sent        *stamp                            `json:"sent_at"` // nil if missing or null
	Edited      stamp                             `json:"edited_at"`
	DeletedAt   stamp                             `json:"deleted_at"`
	Reactions   list[reaction, reactionLimit]     `json:"reactions"`
	Attachments list[Attachment, attachmentLimit] `json:"attachments"`
	Synthetic   list[string, syntheticLimit]      `json:"synthetic"`
}

// reaction is a Reaction as package json reads it.
type reaction struct {
	Emoji   string                                  `json:"emoji"`
	Senders list[parlance.AccountID, reactionLimit] `json:"senders"`
}

// A list is read no further than its limit: an element takes many times the memory of its two bytes of JSON.
type list[E any, L limit] []E

type limit interface{ most() int }

type (
	reactionLimit   struct{}
	attachmentLimit struct{}
	syntheticLimit  struct{}
)

func (reactionLimit) most() int   { return parlance.MaxReactions }
func (attachmentLimit) most() int { return parlance.MaxAttachments }
func (syntheticLimit) most() int  { return 1000 } // names of fields

// errTooMany says that a list is longer than its limit.
type errTooMany int

func (e errTooMany) Error() string { return fmt.Sprintf("more than %d", int(e)) }

// UnmarshalJSONFrom reads a list, or null as an empty one.
func (l *list[E, L]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var most L
	*l = nil
	if k := d.PeekKind(); k != '[' && k != 'n' {
		return errNotList
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() == 'n' {
		return err
	}
	for d.PeekKind() != ']' {
		if len(*l) == most.most() {
			return errTooMany(most.most())
		}
		var e E
		if err := json.UnmarshalDecode(d, &e); err != nil {
			return err
		}
		*l = append(*l, e)
	}
	_, err := d.ReadToken()
	return err
}

// stamp is a Time that is read from RFC 3339, or from null as zero.
type stamp parlance.Time

// UnmarshalJSONFrom reads a stamp. Digits below the millisecond are cut off.
func (s *stamp) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch t.Kind() {
	case 'n':
		*s = 0
		return nil
	case '"':
	default:
		return errNotTime
	}
	at, err := parseTime(t.String())
	if err != nil {
		return errNotTime
	}
	*s = stamp(parlance.TimeOf(at))
	if *s < stamp(parlance.MinTime) || *s > stamp(parlance.MaxTime) {
		return errNotTime
	}
	return nil
}

// parseTime reads a time as RFC 3339, in which the letters may be small and a minute may end in a leap second. That is
// the first second of the next minute, as computers have it.
func parseTime(text string) (time.Time, error) {
	text = strings.ToUpper(text)
	const seconds = len("2006-01-02T15:04:")
	if len(text) > seconds+2 && text[seconds:seconds+2] == "60" {
		at, err := time.Parse(time.RFC3339, text[:seconds]+"59"+text[seconds+2:])
		// They are added at the end of a day in UTC only.
		if u := at.UTC(); err != nil || u.Hour() != 23 || u.Minute() != 59 {
			return time.Time{}, errNotTime
		}
		return at.Add(time.Second), nil
	}
	return time.Parse(time.RFC3339, text)
}

// ParseRecord reads one line, without its line end. What is wrong with a line is
// told as a [parlance.Invalid] error that names the field and holds nothing of the
// message's text. A line must give its conversation and that one's kind, an id, a
// sender, a time and a type; other fields that are missing or null are zero. Bytes and escapes that are no Unicode
// become U+FFFD, but not in an id.
func ParseRecord(b []byte) (Record, error) {
	l := line{Record: Record{Seq: -1}}
	if err := json.Unmarshal(b, &l, lenient); err != nil {
		return Record{}, parlance.Errorf(parlance.Invalid, "%s", reason(err))
	}
	r := l.Record
	if err := l.lists(&r); err != nil {
		return Record{}, err
	}
	if err := r.checkUnicode(b); err != nil {
		return Record{}, err
	}
	r.Edited, r.DeletedAt = parlance.Time(l.Edited), parlance.Time(l.DeletedAt)
	if err := r.check(); err != nil {
		return Record{}, err
	}
	if l.Sent == nil {
		return Record{}, parlance.Errorf(parlance.Invalid, "sent_at is missing")
	}
	r.Sent = parlance.Time(*l.Sent)
	return r, nil
}

// lists sets r's lists.
func (l *line) lists(r *Record) error {
	n := 0
	for _, re := range l.Reactions {
		if n += len(re.Senders); n > parlance.MaxReactions {
			return parlance.Errorf(parlance.Invalid, "reactions: %s", errTooMany(parlance.MaxReactions))
		}
		r.Reactions = append(r.Reactions, Reaction{re.Emoji, re.Senders})
	}
	r.Attachments, r.Synthetic = l.Attachments, l.Synthetic
	return nil
}

// checkUnicode reports an id of the line that isn't Unicode: what it would become other ids would become too.
func (r *Record) checkUnicode(line []byte) error {
	for _, id := range [...]struct{ name, value string }{
		{"conversation", string(r.Conversation)}, {"id", string(r.ID)}, {"sender", string(r.Sender)}, {"reply_to", string(r.ReplyTo)},
	} {
		if strings.ContainsRune(id.value, utf8.RuneError) && !jsontext.Value(line).IsValid() {
			return parlance.Errorf(parlance.Invalid, "%s: not UTF-8", id.name)
		}
	}
	return nil
}

// check reports what keeps r from being stored.
func (r *Record) check() error {
	if err := parlance.CheckID("conversation", r.Conversation); err != nil {
		return err
	}
	if err := parlance.CheckID("id", r.ID); err != nil {
		return err
	}
	if err := parlance.CheckID("sender", r.Sender); err != nil {
		return err
	}
	switch r.Kind {
	case parlance.Room, parlance.Direct, parlance.Shop, parlance.Order:
	default:
		return parlance.Errorf(parlance.Invalid, "conversation_kind: want room, direct, shop or order")
	}
	switch {
	case len(r.Title) > parlance.MaxTitle:
		return parlance.Errorf(parlance.Invalid, "title: longer than %d bytes", parlance.MaxTitle)
	case r.Type == "":
		return parlance.Errorf(parlance.Invalid, "type is missing")
	case r.Seq < -1 || r.Seq > MaxSeq:
		return parlance.Errorf(parlance.Invalid, "seq: want 0 to %d", int64(MaxSeq))
	case r.Recalled && !r.Deleted:
		return parlance.Errorf(parlance.Invalid, "recalled: the message must be deleted as well")
	}
	return nil
}

// AppendRecord appends r to b in the archive's one form, without a line end:
// no spaces, a fixed order of keys, and in strings nothing escaped but what JSON asks
// for. Bytes of a string that aren't UTF-8 are replaced by U+FFFD.
func AppendRecord(b []byte, r Record) []byte {
	b = appendString(append(b, `{"conversation":`...), string(r.Conversation))
	b = appendString(append(b, `,"conversation_kind":`...), string(r.Kind))
	b = appendString(append(b, `,"title":`...), r.Title)
	b = appendString(append(b, `,"id":`...), string(r.ID))
	b = appendString(append(b, `,"sender":`...), string(r.Sender))
	b = appendString(append(b, `,"sender_name":`...), r.SenderName)
	b = appendString(append(b, `,"sender_role":`...), string(r.SenderRole))
	b = appendTime(append(b, `,"sent_at":`...), r.Sent)
	b = appendString(append(b, `,"type":`...), string(r.Type))
	b = appendString(append(b, `,"text":`...), r.Text)
	b = append(b, `,"edited_at":`...)
	if r.Edited.IsZero() {
		b = append(b, "null"...)
	} else {
		b = appendTime(b, r.Edited)
	}
	b = strconv.AppendBool(append(b, `,"deleted":`...), r.Deleted)
	b = appendReactions(append(b, `,"reactions":`...), r.Reactions)
	b = append(b, `,"reply_to":`...)
	if r.ReplyTo == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, string(r.ReplyTo))
	}
	b = appendStrings(append(b, `,"synthetic":`...), r.Synthetic)
	if r.Seq >= 0 {
		b = strconv.AppendInt(append(b, `,"seq":`...), r.Seq, 10)
	}
	if !r.DeletedAt.IsZero() {
		b = appendTime(append(b, `,"deleted_at":`...), r.DeletedAt)
	}
	if len(r.Attachments) > 0 {
		b = appendAttachments(append(b, `,"attachments":`...), r.Attachments)
	}
	if r.Thread != "" {
		b = appendString(append(b, `,"thread":`...), r.Thread)
	}
	if r.Recalled {
		b = append(b, `,"recalled":true`...)
	}
	return append(b, '}')
}

func appendReactions(b []byte, rs []Reaction) []byte {
	b = append(b, '[')
	for i, r := range rs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"emoji":`...), r.Emoji)
		b = append(appendStrings(append(b, `,"senders":`...), r.Senders), '}')
	}
	return append(b, ']')
}

func appendAttachments(b []byte, as []Attachment) []byte {
	b = append(b, '[')
	for i, a := range as {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"type":`...), string(a.Type))
		if a.Size != nil {
			b = appendString(append(b, `,"name":`...), a.Name)
			b = strconv.AppendInt(append(b, `,"size":`...), *a.Size, 10)
			b = appendString(append(b, `,"url":`...), a.URL)
		} else {
			b = appendString(append(b, `,"url":`...), a.URL)
			b = appendString(append(b, `,"name":`...), a.Name)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendStrings[S ~string](b []byte, ss []S) []byte {
	b = append(b, '[')
	for i, s := range ss {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, string(s))
	}
	return append(b, ']')
}

func appendTime(b []byte, t parlance.Time) []byte {
	return append(t.Append(append(b, '"')), '"')
}

// appendString's error would say that s isn't UTF-8; the bytes are replaced then.
func appendString(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}
