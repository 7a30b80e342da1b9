package store

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"parlance"
)

// Stored records are in protobuf's wire format, written by hand; store.proto is
// their document. This file holds what all of them need.

var errRecord = errors.New("record can't be read")

type fieldNumber = protowire.Number

// appendNested appends field n even if v is empty: a repeated field's every value counts.
func appendNested(b []byte, n fieldNumber, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

// appendString appends field n, unless s is empty.
func appendString[S ~string](b []byte, n fieldNumber, s S) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), string(s))
}

func appendBytes(b []byte, n fieldNumber, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

// appendUint appends field n, unless v is 0.
func appendUint(b []byte, n fieldNumber, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
}

// appendInt appends field n in zigzag form, unless v is 0.
func appendInt(b []byte, n fieldNumber, v int64) []byte {
	return appendUint(b, n, protowire.EncodeZigZag(v))
}

func appendBool(b []byte, n fieldNumber, v bool) []byte {
	if !v {
		return b
	}
	return appendUint(b, n, 1)
}

func appendFloat(b []byte, n fieldNumber, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), math.Float64bits(v))
}

// A field is one field of a record: Bytes for strings, bytes and nested records, Uint for numbers.
type field struct {
	Number protowire.Number
	Bytes  []byte
	Uint   uint64
}

func (f field) Int() int64          { return protowire.DecodeZigZag(f.Uint) }
func (f field) Float() float64      { return math.Float64frombits(f.Uint) }
func (f field) Time() parlance.Time { return parlance.Time(f.Int()) }

// text is String without a copy, for records whose bytes nobody changes any more.
func (f field) text() string { return unsafe.String(unsafe.SliceData(f.Bytes), len(f.Bytes)) }

func (f field) String() string { return string(f.Bytes) }
func (f field) Bool() bool     { return f.Uint != 0 }

// Count returns a number of things; there are never more than 2^40.
func (f field) Count() (int, error) {
	if f.Uint > 1<<40 {
		return 0, errRecord
	}
	return int(f.Uint), nil
}

// eachField calls do for each field of record b, in order. Unknown fields are for do to ignore.
func eachField(b []byte, do func(field) error) error {
	for len(b) > 0 {
		var f field
		var n int
		// A tag of one byte is by far the commonest.
		if b[0] < 0x80 {
			f.Number, n = protowire.Number(b[0]>>3), 1
		} else {
			f.Number, _, n = protowire.ConsumeTag(b)
			if n < 0 {
				return errRecord
			}
		}
		kind := protowire.Type(b[0] & 7)
		b = b[n:]
		switch kind {
		case protowire.BytesType:
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return errRecord
			}
			f.Bytes, b = b[n:n+int(size)], b[n+int(size):]
		case protowire.VarintType:
			f.Uint, n = binary.Uvarint(b)
			if n <= 0 {
				return errRecord
			}
			b = b[n:]
		case protowire.Fixed64Type:
			if len(b) < 8 {
				return errRecord
			}
			f.Uint, b = binary.LittleEndian.Uint64(b), b[8:]
		case protowire.Fixed32Type:
			if len(b) < 4 {
				return errRecord
			}
			f.Uint, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			return errRecord
		}
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

func appendVarint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

func varint(b []byte) (uint64, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || size != len(b) {
		return 0, errRecord
	}
	return n, nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
