package format

import (
	"fmt"

	"parlance"
)

// A Head is what a conversation's next entry needs to know of all before it. A head
// never changes: every append makes a new one, so readers may keep theirs.
//
// Its durable form is the conversation's head row. The closed ranges of its
// timelines have rows of their own and are read when a reader or writer first
// leaves the top range.
type Head struct {
	Number  uint64
	Chain   Hash
	Total   int // messages that aren't deleted
	Private int // of them private

	LastCreated parlance.Time      // the highest Created there ever was
	RunStart    parlance.Time      // every millisecond from here to lastCreated is or was the Created of a message
	LastStamp   parlance.Time      // the highest time given to a message or change here
	Listed      parlance.Time      // the last activity that lists show
	HighID      parlance.MessageID // the highest id there ever was: ids above it are new without a look

	Timelines [Timelines]Timeline

	Doubtful bool // says nothing but that the real one has to be read
}

// Encode returns the head row.
func (t *Head) Encode() []byte {
	b := make([]byte, 0, 512)
	b = appendUint(b, 1, t.Number)
	b = AppendBytes(b, 2, t.Chain[:])
	b = appendUint(b, 3, uint64(t.Total))
	b = appendUint(b, 4, uint64(t.Private))
	b = AppendInt(b, 5, int64(t.LastCreated))
	b = AppendInt(b, 6, int64(t.RunStart))
	b = AppendInt(b, 7, int64(t.LastStamp))
	b = AppendInt(b, 8, int64(t.Listed))
	b = appendString(b, 10, t.HighID)
	for i := range t.Timelines {
		l := &t.Timelines[i]
		n := appendNested(nil, 1, EncodeRange(l.Top))
		n = appendUint(n, 2, uint64(l.Count))
		n = appendUint(n, 3, uint64(l.Next))
		n = appendString(n, 4, l.High)
		n = appendString(n, 5, l.Low)
		b = appendNested(b, 9, n)
	}
	return b
}

// DecodeHead reads a head row. The closed ranges of its timelines are unread.
func DecodeHead(b []byte) (*Head, error) {
	t := &Head{}
	i := 0
	err := EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			t.Number = f.Uint
		case 2:
			copy(t.Chain[:], f.Bytes)
		case 3:
			t.Total, err = f.Count()
		case 4:
			t.Private, err = f.Count()
		case 5:
			t.LastCreated = f.Time()
		case 6:
			t.RunStart = f.Time()
		case 7:
			t.LastStamp = f.Time()
		case 8:
			t.Listed = f.Time()
		case 10:
			t.HighID = parlance.MessageID(f.Bytes)
		case 9:
			if i == Timelines {
				return ErrRecord
			}
			i++
			err = decodeTimeline(&t.Timelines[i-1], f.Bytes)
		}
		return err
	})
	if err == nil && (i != Timelines || t.Number == 0 || uint64(t.Total) > t.Number || t.Private > t.Total) {
		err = ErrRecord
	}
	if err != nil {
		return nil, fmt.Errorf("read head row: %w", err)
	}
	return t, nil
}
