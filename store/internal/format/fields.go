package format

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"parlance"
)

// Stored records are in protobuf's wire format, written by hand; rows.proto is
// their document. This file holds what all of them need.

// ErrRecord is the error of bytes that no version of this program has written.
var ErrRecord = errors.New("record can't be read")

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

// AppendBytes appends field n, unless v is empty.
func AppendBytes(b []byte, n fieldNumber, v []byte) []byte {
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

// AppendInt appends field n in zigzag form, unless v is 0.
func AppendInt(b []byte, n fieldNumber, v int64) []byte {
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

// A Field is one field of a record: Bytes for strings, bytes and nested records, Uint for numbers.
type Field struct {
	Number protowire.Number
	Bytes  []byte
	Uint   uint64
}

// Int returns a number that AppendInt wrote; the next ones read what their names say.
func (f Field) Int() int64          { return protowire.DecodeZigZag(f.Uint) }
func (f Field) Float() float64      { return math.Float64frombits(f.Uint) }
func (f Field) Time() parlance.Time { return parlance.Time(f.Int()) }

// text is String without a copy, for records whose bytes nobody changes any more.
func (f Field) text() string { return unsafe.String(unsafe.SliceData(f.Bytes), len(f.Bytes)) }

// String returns a copy of the field's bytes.
func (f Field) String() string { return string(f.Bytes) }

// Bool returns whether the field's number isn't 0.
func (f Field) Bool() bool { return f.Uint != 0 }

// Count returns a number of things; there are never more than 2^40.
func (f Field) Count() (int, error) {
	if f.Uint > 1<<40 {
		return 0, ErrRecord
	}
	return int(f.Uint), nil
}

// EachField calls do for each field of record b, in order. Unknown fields are for do to ignore.
func EachField(b []byte, do func(Field) error) error {
	for len(b) > 0 {
		var f Field
		var n int
		// A tag of one byte is by far the commonest.
		if b[0] < 0x80 {
			f.Number, n = protowire.Number(b[0]>>3), 1
		} else {
			f.Number, _, n = protowire.ConsumeTag(b)
			if n < 0 {
				return ErrRecord
			}
		}
		kind := protowire.Type(b[0] & 7)
		b = b[n:]
		switch kind {
		case protowire.BytesType:
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return ErrRecord
			}
			f.Bytes, b = b[n:n+int(size)], b[n+int(size):]
		case protowire.VarintType:
			f.Uint, n = binary.Uvarint(b)
			if n <= 0 {
				return ErrRecord
			}
			b = b[n:]
		case protowire.Fixed64Type:
			if len(b) < 8 {
				return ErrRecord
			}
			f.Uint, b = binary.LittleEndian.Uint64(b), b[8:]
		case protowire.Fixed32Type:
			if len(b) < 4 {
				return ErrRecord
			}
			f.Uint, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			return ErrRecord
		}
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// AppendVarint appends a number by itself, as it stands in rows of one number.
func AppendVarint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

// Varint reads a row of one number.
func Varint(b []byte) (uint64, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || size != len(b) {
		return 0, ErrRecord
	}
	return n, nil
}

// Bit returns 1 for true.
func Bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
