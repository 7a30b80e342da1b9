package search

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"

	"parlance"
)

// A Cursor says where an answer goes on: below a position, and how many hits came before.
type Cursor struct {
	Position
	Seen int
}

// Encode returns the cursor as text, for the query of this text only.
func (c Cursor) Encode(query string) string {
	b := binary.BigEndian.AppendUint32(nil, queryHash(query))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Created))
	b = binary.AppendUvarint(b, c.First)
	b = binary.AppendUvarint(b, c.Number)
	b = binary.AppendUvarint(b, uint64(c.Seen))
	return base64.RawURLEncoding.EncodeToString(append(b, c.Conversation...))
}

// DecodeCursor reads what Encode wrote for the same query. The empty text is the beginning.
func DecodeCursor(text, query string) (c Cursor, err error) {
	if text == "" {
		return c, nil
	}
	bad := parlance.Errorf(parlance.Invalid, "the cursor isn't one that was given; leave it out to begin at the newest message")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 12 {
		return c, bad
	}
	if binary.BigEndian.Uint32(b) != queryHash(query) {
		return c, parlance.Errorf(parlance.Invalid, "the cursor is of another query; leave it out to begin at the newest message")
	}
	c.Created = parlance.Time(binary.BigEndian.Uint64(b[4:]))
	b = b[12:]
	seen := uint64(0)
	for _, v := range []*uint64{&c.First, &c.Number, &seen} {
		n, w := binary.Uvarint(b)
		if w <= 0 {
			return Cursor{}, bad
		}
		*v, b = n, b[w:]
	}
	c.Seen, c.Conversation = int(min(seen, 1<<40)), parlance.ConversationID(b)
	if parlance.CheckID("conversation id", c.Conversation) != nil || c.Created < parlance.MinTime || c.Created > parlance.MaxTime {
		return Cursor{}, bad
	}
	return c, nil
}

func queryHash(query string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(query))
	return h.Sum32()
}
