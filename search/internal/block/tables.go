package block

import (
	"cmp"
	"encoding/binary"
	"strings"

	"parlance"
)

// pageEntries is how many entries of a table a page holds. Entries are named by their place in the table.
const pageEntries = 128

// Compare orders threads by their ids.
func (t Thread) Compare(u Thread) int {
	return cmp.Or(strings.Compare(string(t.ID), string(u.ID)), strings.Compare(string(t.Kind), string(u.Kind)), strings.Compare(string(t.Platform), string(u.Platform)))
}

func (t Thread) encode(b []byte) []byte {
	return appendStrings(b, string(t.ID), string(t.Kind), string(t.Platform))
}

func decodeThread(r *pageReader) Thread {
	return Thread{parlance.ConversationID(r.string()), parlance.Kind(r.string()), parlance.Dialect(r.string())}
}

// Compare orders senders by their ids.
func (s Sender) Compare(u Sender) int {
	return cmp.Or(strings.Compare(string(s.ID), string(u.ID)), strings.Compare(string(s.Acting), string(u.Acting)), strings.Compare(s.Name, u.Name))
}

func (s Sender) encode(b []byte) []byte {
	return appendStrings(b, string(s.ID), string(s.Acting), s.Name)
}

func decodeSender(r *pageReader) Sender {
	return Sender{parlance.AccountID(r.string()), parlance.AccountID(r.string()), r.string()}
}

func appendStrings(b []byte, ss ...string) []byte {
	for _, s := range ss {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

// decodeTable reads a page of a table.
func decodeTable[T any](page []byte, decode func(*pageReader) T) ([]T, error) {
	r := &pageReader{b: page}
	var all []T
	for len(r.b) > 0 && !r.bad {
		all = append(all, decode(r))
	}
	if r.bad || len(all) > pageEntries {
		return nil, ErrDamaged
	}
	return all, nil
}
