package format

import "parlance"

// Version is the version of all that this package writes. docs/storage.md
// says what each one means.
const Version = 3

// A Format is the format row.
type Format struct {
	Version  uint64
	Layout   Layout
	Leftover bool // rows of the format before are still to be deleted
}

// Encode returns the row.
func (f *Format) Encode() []byte {
	b := appendUint(nil, 1, f.Version)
	b = appendUint(b, 2, uint64(f.Layout.SegmentSize))
	b = appendUint(b, 3, uint64(f.Layout.RangeSize))
	b = appendUint(b, 4, uint64(f.Layout.Buckets))
	return appendBool(b, 5, f.Leftover)
}

// DecodeFormat reads the row: Invalid if it is of a newer program, Corrupt if nobody wrote it.
func DecodeFormat(row []byte) (f Format, err error) {
	err = EachField(row, func(x Field) error {
		switch x.Number {
		case 1:
			f.Version = x.Uint
		case 2:
			f.Layout.SegmentSize = int(x.Uint)
		case 3:
			f.Layout.RangeSize = int(x.Uint)
		case 4:
			f.Layout.Buckets = int(x.Uint)
		case 5:
			f.Leftover = x.Bool()
		}
		return nil
	})
	l := f.Layout
	switch {
	case f.Version > Version: // whatever else the row says
		return f, parlance.Errorf(parlance.Invalid, "the store is of format %d, this program knows formats up to %d: use a newer parlance; nothing was changed", f.Version, Version)
	case err != nil || f.Version == 0 || l.SegmentSize < 1 || l.SegmentSize > 1<<16 || l.RangeSize < 1 || l.Buckets < 1 || l.Buckets > 1<<16:
		return f, parlance.Errorf(parlance.Corrupt, "the store's format row can't be read; nothing was changed")
	}
	return f, nil
}
