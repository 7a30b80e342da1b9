package format

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"

	"parlance"
)

// An IndexRow is what the index by message id holds of a message's current version: its
// entry, and what places it in each timeline, so that a cursor which names a message costs one read.
type IndexRow struct {
	Number           uint64
	Times            [3]parlance.Time // by [parlance.Timeline]
	Private, Deleted bool
}

// IndexRowOf returns the row of e, if that is its message's current version.
func IndexRowOf(e *Entry) IndexRow {
	m := &e.Message
	r := IndexRow{Number: e.Number, Private: m.Private(), Deleted: m.State == parlance.Deleted}
	for t := range r.Times {
		r.Times[t] = m.Position(parlance.Timeline(t)).Time
	}
	return r
}

// Encode gives the number with two flags below it, Created, and the other times as what they are after Created.
func (r IndexRow) Encode() []byte {
	b := binary.AppendUvarint(make([]byte, 0, 16), r.Number<<2|uint64(Bit(r.Deleted))<<1|uint64(Bit(r.Private)))
	var before parlance.Time
	for _, t := range r.Times {
		b = binary.AppendUvarint(b, protowire.EncodeZigZag(int64(t-before)))
		before = r.Times[parlance.ByCreated]
	}
	return b
}

// DecodeIndexRow reads what Encode made.
func DecodeIndexRow(b []byte) (r IndexRow, err error) {
	var v [4]uint64
	for i := range v {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return IndexRow{}, ErrRecord
		}
		v[i], b = n, b[size:]
	}
	r = IndexRow{Number: v[0] >> 2, Deleted: v[0]&2 != 0, Private: v[0]&1 != 0}
	for t := range r.Times {
		r.Times[t] = parlance.Time(protowire.DecodeZigZag(v[t+1])) + r.Times[parlance.ByCreated]
	}
	if len(b) > 0 || r.Number == 0 {
		return IndexRow{}, ErrRecord
	}
	return r, nil
}
