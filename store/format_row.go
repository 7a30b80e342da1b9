package store

import "parlance"

// FormatVersion is the version of all that this package writes. docs/storage.md
// says what each one means.
const FormatVersion = 2

// A format is the format row.
type format struct {
	version  uint64
	layout   layout
	leftover bool // rows of the format before are still to be deleted
}

func (f *format) encode() []byte {
	b := appendUint(nil, 1, f.version)
	b = appendUint(b, 2, uint64(f.layout.segment))
	b = appendUint(b, 3, uint64(f.layout.span))
	b = appendUint(b, 4, uint64(f.layout.buckets))
	return appendBool(b, 5, f.leftover)
}

func decodeFormat(row []byte) (f format, err error) {
	err = eachField(row, func(x field) error {
		switch x.Number {
		case 1:
			f.version = x.Uint
		case 2:
			f.layout.segment = int(x.Uint)
		case 3:
			f.layout.span = int(x.Uint)
		case 4:
			f.layout.buckets = int(x.Uint)
		case 5:
			f.leftover = x.Bool()
		}
		return nil
	})
	l := f.layout
	switch {
	case f.version > FormatVersion: // whatever else the row says
		return f, parlance.Errorf(parlance.Invalid, "the store is of format %d, this program knows formats up to %d: use a newer parlance; nothing was changed", f.version, FormatVersion)
	case err != nil || f.version == 0 || l.segment < 1 || l.segment > 1<<16 || l.span < 1 || l.buckets < 1 || l.buckets > 1<<16:
		return f, parlance.Errorf(parlance.Corrupt, "the store's format row can't be read; nothing was changed")
	}
	return f, nil
}
