package format

import (
	"parlance"
)

// types and roles that are written as a number. Their order is part of the written format.
var (
	knownTypes = []parlance.Type{
		"", parlance.TypeText, parlance.TypeAction, parlance.TypeNote, parlance.TypeSystem, parlance.TypeAnnouncement, parlance.TypeImage,
		parlance.TypeFile, parlance.TypeAudio, parlance.TypeVideo, parlance.TypeLocation, parlance.TypeSticker, parlance.TypeCustom,
	}
	knownRoles = []parlance.Role{
		"", parlance.Customer, parlance.Merchant, parlance.Agent, parlance.Bot, parlance.SystemRole, parlance.MemberRole, parlance.Manager, parlance.Owner,
	}
	knownDialects = []parlance.Dialect{"", parlance.IMKit, parlance.Shopline, parlance.IMetaStore}
)

// IndexOf returns the index of v in known, 0 if it isn't there.
func IndexOf[T comparable](known []T, v T) uint64 {
	for i, k := range known {
		if k == v {
			return uint64(i)
		}
	}
	return 0
}

// appendKnown appends v as a number under n if it is one of known, else as text under text.
func appendKnown[S ~string](b []byte, n, text fieldNumber, known []S, v S) []byte {
	if i := IndexOf(known, v); i != 0 {
		return appendUint(b, n, i)
	}
	return appendString(b, text, v)
}

func known[S ~string](known []S, i uint64) (S, error) {
	if i >= uint64(len(known)) {
		return "", ErrRecord
	}
	return known[i], nil
}

// EncodeMessage returns m's content: all of m but its place in its source. The same
// message always gives the same bytes.
func EncodeMessage(m *parlance.Message) []byte {
	b := make([]byte, 0, 64+len(m.ID)+len(m.Sender)+len(m.SenderName)+len(m.Text)+len(m.Native.JSON))
	b = appendString(b, 1, m.ID)
	b = appendString(b, 2, m.Sender)
	b = appendString(b, 3, m.SenderName)
	b = appendKnown(b, 4, 27, knownRoles, m.Role)
	b = appendString(b, 5, m.Acting)
	b = appendKnown(b, 6, 28, knownTypes, m.Type)
	b = appendString(b, 7, m.Text)
	for i := range m.Attachments {
		b = appendNested(b, 8, encodeAttachment(&m.Attachments[i]))
	}
	if m.Location != nil {
		b = appendNested(b, 9, appendFloat(appendFloat(nil, 1, m.Location.Latitude), 2, m.Location.Longitude))
	}
	b = appendString(b, 10, m.Sticker)
	b = appendString(b, 11, m.Reply)
	b = appendString(b, 12, m.Thread)
	for _, id := range m.Mentions {
		b = appendNested(b, 13, []byte(id))
	}
	for _, r := range m.Reactions {
		b = appendNested(b, 14, appendString(appendString(nil, 1, r.Emoji), 2, r.Account))
	}
	b = appendUint(b, 15, uint64(m.State))
	// Times are kept as what they add to the one that they are mostly equal to.
	b = AppendInt(b, 16, int64(m.Sent))
	b = AppendInt(b, 17, int64(m.Created-m.Sent))
	b = AppendInt(b, 18, int64(m.Updated-m.Created))
	b = AppendInt(b, 19, int64(m.Edited))
	b = AppendInt(b, 20, int64(m.Removed))
	for _, s := range m.Synthetic {
		b = appendNested(b, 21, []byte(s))
	}
	if len(m.Native.JSON) > 0 {
		b = appendKnown(b, 22, 29, knownDialects, m.Native.Dialect)
		b = AppendBytes(b, 23, m.Native.JSON)
		b = appendBool(b, 24, m.Native.Stale)
	}
	b = AppendInt(b, 30, int64(m.Missing))
	return b
}

func encodeAttachment(a *parlance.Attachment) []byte {
	b := appendKnown(nil, 1, 11, knownTypes, a.Type)
	b = appendString(b, 2, a.Name)
	b = appendString(b, 3, a.URL)
	b = appendString(b, 4, a.Thumb)
	b = appendString(b, 5, a.MIME)
	b = AppendInt(b, 6, a.Size)
	b = AppendInt(b, 7, int64(a.Width))
	b = AppendInt(b, 8, int64(a.Height))
	b = AppendInt(b, 9, int64(a.Duration))
	return appendBool(b, 10, a.HasSize)
}

func decodeAttachment(b []byte) (a parlance.Attachment, err error) {
	err = EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			a.Type, err = known(knownTypes, f.Uint)
		case 2:
			a.Name = f.text()
		case 3:
			a.URL = f.text()
		case 4:
			a.Thumb = f.text()
		case 5:
			a.MIME = f.text()
		case 6:
			a.Size = f.Int()
		case 7:
			a.Width = int(f.Int())
		case 8:
			a.Height = int(f.Int())
		case 9:
			a.Duration = parlance.Millis(f.Int())
		case 10:
			a.HasSize = f.Bool()
		case 11:
			a.Type = parlance.Type(f.text())
		}
		return err
	})
	return a, err
}

// DecodeMessage reads a message's content. The message keeps b, which must not change any more.
func DecodeMessage(b []byte) (m parlance.Message, err error) {
	err = decodeMessage(&m, b)
	return m, err
}

// decodeMessage is DecodeMessage into m, which is zero before.
func decodeMessage(m *parlance.Message, b []byte) error {
	err := EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			m.ID = parlance.MessageID(f.text())
		case 2:
			m.Sender = parlance.AccountID(f.text())
		case 3:
			m.SenderName = f.text()
		case 4:
			m.Role, err = known(knownRoles, f.Uint)
		case 5:
			m.Acting = parlance.AccountID(f.text())
		case 6:
			m.Type, err = known(knownTypes, f.Uint)
		case 7:
			m.Text = f.text()
		case 8:
			var a parlance.Attachment
			a, err = decodeAttachment(f.Bytes)
			m.Attachments = append(m.Attachments, a)
		case 9:
			m.Location, err = decodeLocation(f.Bytes)
		case 10:
			m.Sticker = f.text()
		case 11:
			m.Reply = parlance.MessageID(f.text())
		case 12:
			m.Thread = f.text()
		case 13:
			m.Mentions = append(m.Mentions, parlance.AccountID(f.text()))
		case 14:
			var r parlance.Reaction
			r, err = decodeReaction(f.Bytes)
			m.Reactions = append(m.Reactions, r)
		case 15:
			if m.State = parlance.State(f.Uint); f.Uint > uint64(parlance.Deleted) {
				err = ErrRecord
			}
		case 16:
			m.Sent = f.Time()
		case 17:
			m.Created = f.Time()
		case 18:
			m.Updated = f.Time()
		case 19:
			m.Edited = f.Time()
		case 20:
			m.Removed = f.Time()
		case 21:
			m.Synthetic = append(m.Synthetic, f.text())
		case 22:
			m.Native.Dialect, err = known(knownDialects, f.Uint)
		case 23:
			m.Native.JSON = f.Bytes
		case 24:
			m.Native.Stale = f.Bool()
		case 27:
			m.Role = parlance.Role(f.text())
		case 28:
			m.Type = parlance.Type(f.text())
		case 29:
			m.Native.Dialect = parlance.Dialect(f.text())
		case 30:
			m.Missing = f.Time()
		}
		return err
	})
	m.Created += m.Sent
	m.Updated += m.Created
	return err
}

func decodeLocation(b []byte) (*parlance.Location, error) {
	var l parlance.Location
	err := EachField(b, func(f Field) error {
		switch f.Number {
		case 1:
			l.Latitude = f.Float()
		case 2:
			l.Longitude = f.Float()
		}
		return nil
	})
	return &l, err
}

func decodeReaction(b []byte) (r parlance.Reaction, err error) {
	err = EachField(b, func(f Field) error {
		switch f.Number {
		case 1:
			r.Emoji = f.text()
		case 2:
			r.Account = parlance.AccountID(f.text())
		}
		return nil
	})
	return r, err
}
