package store

import (
	"fmt"

	"parlance"
)

// A tail is what a conversation's next entry needs to know of all before it. A tail
// never changes: every append makes a new one, so readers may keep theirs.
//
// Its durable form is the conversation's head row. The closed ranges of its
// timelines have rows of their own and are read when a reader or writer first
// leaves the top range.
type tail struct {
	number  uint64
	chain   hash
	total   int // messages that aren't deleted
	private int // of them private

	lastCreated parlance.Time      // the highest Created there ever was
	runStart    parlance.Time      // every millisecond from here to lastCreated is or was the Created of a message
	lastStamp   parlance.Time      // the highest time given to a message or change here
	listed      parlance.Time      // the last activity that lists show
	highID      parlance.MessageID // the highest id there ever was: ids above it are new without a look

	lines [timelines]line

	doubtful bool // says nothing but that the real one has to be read
}

// encode returns the head row.
func (t *tail) encode() []byte {
	b := make([]byte, 0, 512)
	b = appendUint(b, 1, t.number)
	b = appendBytes(b, 2, t.chain[:])
	b = appendUint(b, 3, uint64(t.total))
	b = appendUint(b, 4, uint64(t.private))
	b = appendInt(b, 5, int64(t.lastCreated))
	b = appendInt(b, 6, int64(t.runStart))
	b = appendInt(b, 7, int64(t.lastStamp))
	b = appendInt(b, 8, int64(t.listed))
	b = appendString(b, 10, t.highID)
	for i := range t.lines {
		l := &t.lines[i]
		n := appendNested(nil, 1, encodeSpan(l.top))
		n = appendUint(n, 2, uint64(l.count))
		n = appendUint(n, 3, uint64(l.next))
		n = appendString(n, 4, l.high)
		n = appendString(n, 5, l.low)
		b = appendNested(b, 9, n)
	}
	return b
}

func decodeTail(b []byte) (*tail, error) {
	t := &tail{}
	i := 0
	err := eachField(b, func(f field) (err error) {
		switch f.Number {
		case 1:
			t.number = f.Uint
		case 2:
			copy(t.chain[:], f.Bytes)
		case 3:
			t.total, err = f.Count()
		case 4:
			t.private, err = f.Count()
		case 5:
			t.lastCreated = f.Time()
		case 6:
			t.runStart = f.Time()
		case 7:
			t.lastStamp = f.Time()
		case 8:
			t.listed = f.Time()
		case 10:
			t.highID = parlance.MessageID(f.Bytes)
		case 9:
			if i == timelines {
				return errRecord
			}
			i++
			err = decodeLine(&t.lines[i-1], f.Bytes)
		}
		return err
	})
	if err == nil && (i != timelines || t.number == 0 || uint64(t.total) > t.number || t.private > t.total) {
		err = errRecord
	}
	if err != nil {
		return nil, fmt.Errorf("read head row: %w", err)
	}
	return t, nil
}
