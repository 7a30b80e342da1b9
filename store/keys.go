package store

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

// layout holds what of the key layout depends on the engine. It is written into the
// format row when a store is made and never changes.
type layout struct {
	segment int // log entries per partition
	span    int // pointers per timeline range
	buckets int // partitions over which rows looked up by id are spread
}

// layoutFor returns the layout of a new store on an engine of these bounds.
func layoutFor(b driver.Bounds) layout {
	l := layout{segment: 4096, span: 1024, buckets: 1}
	if b.Rows > 0 {
		l.segment = min(l.segment, b.Rows)
		l.span = min(l.span, b.Rows)
		l.buckets = 4096
	}
	return l
}

func claimed(parts ...string) driver.Partition {
	return driver.Partition{Table: driver.Claimed, Key: join(parts)}
}

func derived(parts ...string) driver.Partition {
	return driver.Partition{Table: driver.Derived, Key: join(parts)}
}

// join puts the family letter before the parts and NULs between them.
func join(parts []string) string { return parts[0] + strings.Join(parts[1:], "\x00") }

func (l layout) bucket(id string) string {
	if l.buckets == 1 {
		return ""
	}
	h := fnv.New32a()
	h.Write([]byte(id))
	return string(binary.BigEndian.AppendUint16(nil, uint16(h.Sum32()%uint32(l.buckets))))
}

// Claimed partitions.

func formatPartition() driver.Partition { return claimed("F") }

func recordPartition(collection string) driver.Partition { return claimed("R", collection) }

func (l layout) conversationPartition(ref parlance.Ref) driver.Partition {
	return claimed("C", string(ref.Workspace), l.bucket(string(ref.Conversation)))
}

func (l layout) accountPartition(ws parlance.WorkspaceID, id parlance.AccountID) driver.Partition {
	return claimed("U", string(ws), l.bucket(string(id)))
}

func memberPartition(ref parlance.Ref) driver.Partition {
	return claimed("P", string(ref.Workspace), string(ref.Conversation))
}

func hiddenPartition(ref parlance.Ref) driver.Partition {
	return claimed("H", string(ref.Workspace), string(ref.Conversation))
}

// hiddenKey orders by account, then message.
func hiddenKey(who parlance.AccountID, id parlance.MessageID) []byte {
	return []byte(string(who) + "\x00" + string(id))
}

func (l layout) numberPartition(ws parlance.WorkspaceID, n int64) driver.Partition {
	return claimed("N", string(ws), l.bucket(string(number8(uint64(n)))))
}

func (l layout) logPartition(ref parlance.Ref, number uint64) driver.Partition {
	segment := uint32((number - 1) / uint64(l.segment))
	return claimed("L", string(ref.Workspace), string(ref.Conversation), string(number4(segment)))
}

// logKey is the key of an entry inside its partition.
func (l layout) logKey(number uint64) []byte {
	return binary.BigEndian.AppendUint16(nil, uint16((number-1)%uint64(l.segment)))
}

// segmentEnd is the last number in the same log partition as number.
func (l layout) segmentEnd(number uint64) uint64 {
	return ((number-1)/uint64(l.segment) + 1) * uint64(l.segment)
}

func (l layout) registryPartition(ws parlance.WorkspaceID, number uint64) driver.Partition {
	return claimed("G", string(ws), string(number4(uint32((number-1)/uint64(l.segment)))))
}

// Derived partitions.

// registryHead holds up to which number the rows derived from the registry stand, on
// engines where that isn't plain.
func registryHead(ws parlance.WorkspaceID) driver.Partition { return derived("e", string(ws)) }

func headPartition(ref parlance.Ref) driver.Partition {
	return derived("h", string(ref.Workspace), string(ref.Conversation))
}

func timelinePartition(ref parlance.Ref, t timeline, id uint32) driver.Partition {
	return derived("t", string(ref.Workspace), string(ref.Conversation), string([]byte{byte(t)})+string(number4(id)))
}

// rangeKey is the key of a timeline's closed range in the head's partition, where the
// head has the empty key: what is written in one partition at once is seen at once.
func rangeKey(t timeline, low string) []byte { return append([]byte{byte(t)}, low...) }

func (l layout) idPartition(ws parlance.WorkspaceID, id parlance.MessageID) driver.Partition {
	return derived("i", string(ws), l.bucket(string(id)))
}

// idKey orders by message id, then conversation, so that a message can be found with or without its conversation.
func idKey(id parlance.MessageID, c parlance.ConversationID) []byte {
	return []byte(string(id) + "\x00" + string(c))
}

func orderPartition(ws parlance.WorkspaceID, order string) driver.Partition {
	return derived("o", string(ws), order)
}

func acrossPartition(ws parlance.WorkspaceID, m period) driver.Partition {
	return derived("x", string(ws), string(number4(uint32(m))))
}

func acrossPeriods(ws parlance.WorkspaceID) driver.Partition { return derived("X", string(ws)) }

// Encodings of keys.

func number4(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func number8(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// timeKey orders like the time, negative ones included.
func timeKey(t parlance.Time) []byte { return number8(uint64(t) ^ 1<<63) }

func timeOfKey(k []byte) parlance.Time { return parlance.Time(binary.BigEndian.Uint64(k) ^ 1<<63) }

// positionKey orders like positions inside one conversation: by time, then id.
func positionKey(p parlance.Position) string { return string(timeKey(p.Time)) + string(p.ID) }

func positionOfKey(k []byte) parlance.Position {
	return parlance.Position{Time: timeOfKey(k), ID: parlance.MessageID(k[8:])}
}

// acrossKey orders like positions across conversations. A position without a
// conversation lies before all that have its time and id.
func acrossKey(p parlance.Position) []byte {
	k := append(timeKey(p.Time), p.ID...)
	if p.Conversation == "" {
		return k
	}
	return append(append(k, 0), p.Conversation...)
}

func positionOfAcrossKey(k []byte) parlance.Position {
	id, conversation, _ := strings.Cut(string(k[8:]), "\x00")
	return parlance.Position{Time: timeOfKey(k), ID: parlance.MessageID(id), Conversation: parlance.ConversationID(conversation)}
}
