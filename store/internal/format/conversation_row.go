package format

import "parlance"

// EncodeConversation returns a conversation's row.
func EncodeConversation(c *parlance.Conversation) []byte {
	b := appendString(nil, 1, c.ID)
	b = appendString(b, 2, c.Kind)
	b = appendString(b, 3, c.Title)
	b = appendString(b, 4, c.Platform)
	b = AppendInt(b, 5, int64(c.Created))
	b = appendString(b, 6, c.Customer)
	b = appendString(b, 7, c.OrderID)
	b = appendString(b, 8, c.OrderNumber)
	b = appendString(b, 9, c.Owner)
	b = appendString(b, 10, c.Description)
	b = appendString(b, 11, c.Cover)
	for _, t := range c.Tags {
		b = appendNested(b, 12, []byte(t))
	}
	b = appendBool(b, 13, c.Frozen)
	b = appendNative(b, 14, &c.Native)
	return appendString(b, 15, c.Maker)
}

func appendNative(b []byte, n fieldNumber, native *parlance.Native) []byte {
	if len(native.JSON) == 0 {
		return b
	}
	v := appendString(nil, 1, native.Dialect)
	v = AppendBytes(v, 2, native.JSON)
	return appendNested(b, n, appendBool(v, 3, native.Stale))
}

func decodeNative(b []byte) (n parlance.Native, err error) {
	err = EachField(b, func(f Field) error {
		switch f.Number {
		case 1:
			n.Dialect = parlance.Dialect(f.Bytes)
		case 2:
			n.JSON = f.Bytes
		case 3:
			n.Stale = f.Bool()
		}
		return nil
	})
	return n, err
}

// DecodeConversation reads a conversation's row. Its native form keeps b.
func DecodeConversation(b []byte) (c parlance.Conversation, err error) {
	err = EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			c.ID = parlance.ConversationID(f.Bytes)
		case 2:
			c.Kind = parlance.Kind(f.Bytes)
		case 3:
			c.Title = f.String()
		case 4:
			c.Platform = parlance.Dialect(f.Bytes)
		case 5:
			c.Created = f.Time()
		case 6:
			c.Customer = parlance.AccountID(f.Bytes)
		case 7:
			c.OrderID = f.String()
		case 8:
			c.OrderNumber = f.String()
		case 9:
			c.Owner = parlance.AccountID(f.Bytes)
		case 10:
			c.Description = f.String()
		case 11:
			c.Cover = f.String()
		case 12:
			c.Tags = append(c.Tags, f.String())
		case 13:
			c.Frozen = f.Bool()
		case 14:
			c.Native, err = decodeNative(f.Bytes)
		case 15:
			c.Maker = parlance.AccountID(f.Bytes)
		}
		return err
	})
	return c, err
}
