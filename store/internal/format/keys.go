package format

import (
	"encoding/binary"
	"hash/fnv"
	"strings"

	"parlance"
	"parlance/store/driver"
)

// This file is the key layout; docs/storage.md describes it for readers without
// the code. A partition key is a letter that names the family, followed by its
// parts; parts are text without NUL, separated by NUL, or of fixed length.

// Layout holds what of the key layout depends on the engine. It is written into the
// format row when a store is made and never changes.
type Layout struct {
	SegmentSize int // log entries per partition
	RangeSize   int // pointers per timeline range
	Buckets     int // partitions over which rows looked up by id are spread
}

// LayoutFor returns the layout of a new store on an engine of these bounds.
func LayoutFor(b driver.Bounds) Layout {
	l := Layout{SegmentSize: 4096, RangeSize: 1024, Buckets: 1}
	if b.Rows > 0 {
		l.SegmentSize = min(l.SegmentSize, b.Rows)
		l.RangeSize = min(l.RangeSize, b.Rows)
		l.Buckets = 4096
	}
	return l
}

// Claimed returns a partition whose rows are claimed: the truth.
func Claimed(parts ...string) driver.Partition {
	return driver.Partition{Table: driver.Claimed, Key: join(parts)}
}

// Derived returns a partition whose rows follow from claimed ones.
func Derived(parts ...string) driver.Partition {
	return driver.Partition{Table: driver.Derived, Key: join(parts)}
}

// join puts the family letter before the parts and NULs between them.
func join(parts []string) string { return parts[0] + strings.Join(parts[1:], "\x00") }

// Bucket returns which of the partitions holds the row of an id.
func (l Layout) Bucket(id string) string {
	if l.Buckets == 1 {
		return ""
	}
	h := fnv.New32a()
	h.Write([]byte(id))
	return string(binary.BigEndian.AppendUint16(nil, uint16(h.Sum32()%uint32(l.Buckets))))
}

// Claimed partitions.

// FormatPartition holds the format row.
func FormatPartition() driver.Partition { return Claimed("F") }

// RecordPartition holds the records of a collection.
func RecordPartition(collection string) driver.Partition { return Claimed("R", collection) }

// ConversationPartition holds the conversation's row, and those of others in its bucket.
func (l Layout) ConversationPartition(ref parlance.Ref) driver.Partition {
	return Claimed("C", string(ref.Workspace), l.Bucket(string(ref.Conversation)))
}

// AccountPartition holds the account's row, and those of others in its bucket.
func (l Layout) AccountPartition(ws parlance.WorkspaceID, id parlance.AccountID) driver.Partition {
	return Claimed("U", string(ws), l.Bucket(string(id)))
}

// MemberPartition holds the members of a conversation.
func MemberPartition(ref parlance.Ref) driver.Partition {
	return Claimed("P", string(ref.Workspace), string(ref.Conversation))
}

// HiddenPartition holds which messages of a conversation accounts have hidden.
func HiddenPartition(ref parlance.Ref) driver.Partition {
	return Claimed("H", string(ref.Workspace), string(ref.Conversation))
}

// HiddenKey orders by account, then message.
func HiddenKey(who parlance.AccountID, id parlance.MessageID) []byte {
	return []byte(string(who) + "\x00" + string(id))
}

// NumberPartition holds the account that has a number.
func (l Layout) NumberPartition(ws parlance.WorkspaceID, n int64) driver.Partition {
	return Claimed("N", string(ws), l.Bucket(string(Number8(uint64(n)))))
}

// LogPartition holds the entry of that number, and the others of its segment.
func (l Layout) LogPartition(ref parlance.Ref, number uint64) driver.Partition {
	segment := uint32((number - 1) / uint64(l.SegmentSize))
	return Claimed("L", string(ref.Workspace), string(ref.Conversation), string(Number4(segment)))
}

// LogKey is the key of an entry inside its partition.
func (l Layout) LogKey(number uint64) []byte {
	return binary.BigEndian.AppendUint16(nil, uint16((number-1)%uint64(l.SegmentSize)))
}

// SegmentEnd is the last number in the same log partition as number.
func (l Layout) SegmentEnd(number uint64) uint64 {
	return ((number-1)/uint64(l.SegmentSize) + 1) * uint64(l.SegmentSize)
}

// RegistryPartition holds the registered conversation of that number, and the others of its segment.
func (l Layout) RegistryPartition(ws parlance.WorkspaceID, number uint64) driver.Partition {
	return Claimed("G", string(ws), string(Number4(uint32((number-1)/uint64(l.SegmentSize)))))
}

// Derived partitions.

// RegistryHead holds up to which number the rows derived from the registry stand, on
// engines where that isn't plain.
func RegistryHead(ws parlance.WorkspaceID) driver.Partition { return Derived("e", string(ws)) }

// HeadPartition holds a conversation's head row, and the rows of its timelines' closed ranges.
func HeadPartition(ref parlance.Ref) driver.Partition {
	return Derived("h", string(ref.Workspace), string(ref.Conversation))
}

// TimelinePartition holds the pointers of a timeline's range.
func TimelinePartition(ref parlance.Ref, t TimelineID, id uint32) driver.Partition {
	return Derived("t", string(ref.Workspace), string(ref.Conversation), string([]byte{byte(t)})+string(Number4(id)))
}

// RangeKey is the key of a timeline's closed range in the head's partition, where the
// head has the empty key: what is written in one partition at once is seen at once.
func RangeKey(t TimelineID, low string) []byte { return append([]byte{byte(t)}, low...) }

// IDPartition holds the index row of a message.
func (l Layout) IDPartition(ws parlance.WorkspaceID, id parlance.MessageID) driver.Partition {
	return Derived("i", string(ws), l.Bucket(string(id)))
}

// IDKey orders by message id, then conversation, so that a message can be found with or without its conversation.
func IDKey(id parlance.MessageID, c parlance.ConversationID) []byte {
	return []byte(string(id) + "\x00" + string(c))
}

// OrderPartition holds the conversation of an order.
func OrderPartition(ws parlance.WorkspaceID, order string) driver.Partition {
	return Derived("o", string(ws), order)
}

// AcrossPartition holds the part of the timeline across conversations that lies in a period.
func AcrossPartition(ws parlance.WorkspaceID, m Period) driver.Partition {
	return Derived("x", string(ws), string(Number4(uint32(m))))
}

// AcrossPeriods holds the periods that have a part.
func AcrossPeriods(ws parlance.WorkspaceID) driver.Partition { return Derived("X", string(ws)) }

// Encodings of keys.

// Number4 orders like the number.
func Number4(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// Number8 orders like the number.
func Number8(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// TimeKey orders like the time, negative ones included.
func TimeKey(t parlance.Time) []byte { return Number8(uint64(t) ^ 1<<63) }

// TimeOfKey reads the time that k begins with.
func TimeOfKey(k []byte) parlance.Time { return parlance.Time(binary.BigEndian.Uint64(k) ^ 1<<63) }

// PositionKey orders like positions inside one conversation: by time, then id.
func PositionKey(p parlance.Position) string { return string(TimeKey(p.Time)) + string(p.ID) }

// PositionOfKey reads what PositionKey made.
func PositionOfKey(k []byte) parlance.Position {
	return parlance.Position{Time: TimeOfKey(k), ID: parlance.MessageID(k[8:])}
}

// AcrossKey orders like positions across conversations. A position without a
// conversation lies before all that have its time and id.
func AcrossKey(p parlance.Position) []byte {
	k := append(TimeKey(p.Time), p.ID...)
	if p.Conversation == "" {
		return k
	}
	return append(append(k, 0), p.Conversation...)
}

// PositionOfAcrossKey reads what AcrossKey made.
func PositionOfAcrossKey(k []byte) parlance.Position {
	id, conversation, _ := strings.Cut(string(k[8:]), "\x00")
	return parlance.Position{Time: TimeOfKey(k), ID: parlance.MessageID(id), Conversation: parlance.ConversationID(conversation)}
}
