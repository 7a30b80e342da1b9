package export

import (
	"bytes"

	"parlance"
)

// Lines is the dialect of a native form that is a line of an archive which
// [AppendRecord] would write otherwise: other order of keys, other fields, other
// escapes. The JSON is the line without its line end.
const Lines parlance.Dialect = "jsonl"

// Message returns r's message. Created is zero: the store makes it. What the common
// form can't hold is lost, which [parlance.Message.Native] makes good for lines that
// are imported.
func (r *Record) Message() parlance.Message {
	m := parlance.Message{
		ID:         r.ID,
		Sender:     r.Sender,
		SenderName: r.SenderName,
		Role:       r.SenderRole,
		Type:       r.Type,
		Text:       r.Text,
		Reply:      r.ReplyTo,
		Thread:     r.Thread,
		Sent:       r.Sent,
		Edited:     r.Edited,
		Seq:        uint32(r.Seq + 1),
	}
	if len(r.Synthetic) > 0 {
		m.Synthetic = r.Synthetic
	}
	if r.Deleted {
		m.State = parlance.Deleted
		if r.Recalled {
			m.State = parlance.Recalled
		}
		m.Removed = r.DeletedAt
	}
	m.Updated = max(m.Edited, m.Removed)
	for _, re := range r.Reactions {
		for _, who := range re.Senders {
			m.Reactions = append(m.Reactions, parlance.Reaction{Emoji: re.Emoji, Account: who})
		}
	}
	for _, a := range r.Attachments {
		at := parlance.Attachment{Type: a.Type, Name: a.Name, URL: a.URL}
		if a.Size != nil {
			at.Size, at.HasSize = *a.Size, true
		}
		m.Attachments = append(m.Attachments, at)
	}
	return m
}

// RecordOf returns the line's record of a message of c. Sent falls back to Created,
// Type to text.
func RecordOf(c *parlance.Conversation, m *parlance.Message) Record {
	r := Record{
		Conversation: c.ID,
		Kind:         c.Kind,
		Title:        c.Title,
		ID:           m.ID,
		Sender:       m.Sender,
		SenderName:   m.SenderName,
		SenderRole:   m.Role,
		Sent:         m.Sent,
		Type:         m.Type,
		Text:         m.Text,
		Edited:       m.Edited,
		Deleted:      m.State != parlance.Live,
		Recalled:     m.State == parlance.Recalled,
		ReplyTo:      m.Reply,
		Synthetic:    m.Synthetic,
		Seq:          int64(m.Seq) - 1,
		Thread:       m.Thread,
	}
	if r.Sent.IsZero() {
		r.Sent = m.Created
	}
	if r.Type == "" {
		r.Type = parlance.TypeText
	}
	if r.Deleted {
		r.DeletedAt = m.Removed
	}
	for _, re := range m.Reactions {
		n := len(r.Reactions)
		if n == 0 || r.Reactions[n-1].Emoji != re.Emoji {
			r.Reactions = append(r.Reactions, Reaction{Emoji: re.Emoji})
			n++
		}
		r.Reactions[n-1].Senders = append(r.Reactions[n-1].Senders, re.Account)
	}
	for _, a := range m.Attachments {
		at := Attachment{Type: a.Type, Name: a.Name, URL: a.URL}
		if a.HasSize {
			at.Size = &a.Size
		}
		r.Attachments = append(r.Attachments, at)
	}
	return r
}

// message returns r's message, with the line itself beside it unless writing the
// message would give the same bytes. scratch is returned to be used again. A message that is too large
// with its line beside it goes without, if the line says no more than the message does.
func (r *Record) message(line, scratch []byte) (parlance.Message, []byte) {
	m := r.Message()
	c := parlance.Conversation{ID: r.Conversation, Kind: r.Kind, Title: r.Title}
	scratch = AppendRecord(scratch[:0], RecordOf(&c, &m))
	// Without a place of its own a message would be written with the one it has here, and without a time with that of its arrival.
	if m.Seq == 0 || m.Sent.IsZero() || !bytes.Equal(line, scratch) {
		m.Native = parlance.Native{Dialect: Lines, JSON: line}
		if len(m.Text)+len(line) > parlance.MaxMessage-slack {
			if bare := r.Message(); bytes.Equal(canonical(&bare, nil), canonical(&m, nil)) {
				return bare, scratch
			}
		}
		m.Native.JSON = bytes.Clone(line)
	}
	return m, scratch
}

// slack is room for what a message has besides its text and its line.
const slack = 256 << 10
