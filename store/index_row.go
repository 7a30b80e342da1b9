package store

import (
	"encoding/binary"
	"parlance"

	"google.golang.org/protobuf/encoding/protowire"
)

// An indexRow is what the index by message id holds of a message's current version: its
// entry, and what places it in each timeline, so that a cursor which names a message costs one read.
type indexRow struct {
	number           uint64
	times            [3]parlance.Time // by [parlance.Timeline]
	private, deleted bool
}

func indexRowOf(e *Entry) indexRow {
	m := &e.Message
	r := indexRow{number: e.Number, private: m.Private(), deleted: m.State == parlance.Deleted}
	for t := range r.times {
		r.times[t] = m.Position(parlance.Timeline(t)).Time
	}
	return r
}

// encode gives the number with two flags below it, Created, and the other times as what they are after Created.
func (r indexRow) encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 16), r.number<<2|uint64(bit(r.deleted))<<1|uint64(bit(r.private)))
	var before parlance.Time
	for _, t := range r.times {
		b = binary.AppendUvarint(b, protowire.EncodeZigZag(int64(t-before)))
		before = r.times[parlance.ByCreated]
	}
	return b
}

func decodeIndexRow(b []byte) (r indexRow, err error) {
	var v [4]uint64
	for i := range v {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return indexRow{}, errRecord
		}
		v[i], b = n, b[size:]
	}
	r = indexRow{number: v[0] >> 2, deleted: v[0]&2 != 0, private: v[0]&1 != 0}
	for t := range r.times {
		r.times[t] = parlance.Time(protowire.DecodeZigZag(v[t+1])) + r.times[parlance.ByCreated]
	}
	if len(b) > 0 || r.number == 0 {
		return indexRow{}, errRecord
	}
	return r, nil
}
