package format

import (
	"encoding/binary"

	"parlance"
	"parlance/store/driver"
)

// A FeedStretch is ten seconds of the change feed, counted from 1970. It is what one partition holds where partitions are
// bounded.
type FeedStretch uint32

// A FeedDay is a day of the change feed, counted from 1970, UTC.
type FeedDay uint32

const (
	feedStretch = 10_000                            // milliseconds
	feedDay     = 24 * 60 * 60 * 1000 / feedStretch // stretches
)

// FeedStretchOf returns the stretch that t lies in. Times before 1970 lie in the first one.
func FeedStretchOf(t parlance.Time) FeedStretch {
	return FeedStretch(min(max(t, 0)/feedStretch, 1<<32-1))
}

// Day returns the day that x lies in.
func (x FeedStretch) Day() FeedDay { return FeedDay(x / feedDay) }

// FeedPartition holds the rows of the change feed of a stretch; all of them where partitions have no bound.
func (l Layout) FeedPartition(ws parlance.WorkspaceID, x FeedStretch) driver.Partition {
	if l.Buckets == 1 {
		return Derived("y", string(ws))
	}
	return Derived("y", string(ws), string(Number4(uint32(x))))
}

// FeedStretches holds the stretches of a day that there are, where partitions are bounded.
func FeedStretches(ws parlance.WorkspaceID, d FeedDay) driver.Partition {
	return Derived("Y", string(ws), string(Number4(uint32(d))))
}

// FeedDays holds the days that there are, where partitions are bounded.
func FeedDays(ws parlance.WorkspaceID) driver.Partition { return Derived("Y", string(ws)) }

// FeedStretchOfKey reads the key of a row that leads to a stretch.
func FeedStretchOfKey(k []byte) (FeedStretch, error) {
	n, err := number4Of(k)
	return FeedStretch(n), err
}

// FeedDayOfKey reads the key of a row that leads to a day.
func FeedDayOfKey(k []byte) (FeedDay, error) {
	n, err := number4Of(k)
	return FeedDay(n), err
}

// A FeedRow says that entries were written to a conversation's log.
type FeedRow struct {
	At           parlance.Time // when, by the clock of who wrote what is derived from them
	Conversation parlance.ConversationID
	First        uint64 // the first entry's number
	Count        uint64 // how many; at least 1
}

// Key orders by time.
func (r *FeedRow) Key() []byte {
	return append(append(TimeKey(r.At), Number8(r.First)...), r.Conversation...)
}

// Value is what stands under the key.
func (r *FeedRow) Value() []byte { return binary.AppendUvarint(nil, r.Count) }

// DecodeFeedRow reads what Key and Value made.
func DecodeFeedRow(key, value []byte) (FeedRow, error) {
	if len(key) <= 16 {
		return FeedRow{}, ErrRecord
	}
	n, err := Varint(value)
	if err != nil || n == 0 {
		return FeedRow{}, ErrRecord
	}
	return FeedRow{
		At: TimeOfKey(key), First: binary.BigEndian.Uint64(key[8:]), Conversation: parlance.ConversationID(key[16:]), Count: n,
	}, nil
}
