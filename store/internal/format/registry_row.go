package format

import "parlance"

// A Registered is one row of a workspace's registry: a conversation, and how many there are of each kind up to it.
type Registered struct {
	Number uint64
	ID     parlance.ConversationID
	Counts [4]uint64 // conversations of each of kinds, this one included
}

// Kinds are the kinds of conversations that a registry counts, in the order of its counts.
var Kinds = [...]parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order}

// EncodeRegistered returns the row.
func EncodeRegistered(r *Registered) []byte {
	b := appendString(nil, 1, r.ID)
	for i, n := range r.Counts {
		b = appendUint(b, fieldNumber(2+i), n)
	}
	return b
}

// DecodeRegistered reads the row of that number.
func DecodeRegistered(number uint64, b []byte) (Registered, error) {
	r := Registered{Number: number}
	err := EachField(b, func(f Field) error {
		switch {
		case f.Number == 1:
			r.ID = parlance.ConversationID(f.Bytes)
		case f.Number >= 2 && f.Number < 2+fieldNumber(len(r.Counts)):
			r.Counts[f.Number-2] = f.Uint
		}
		return nil
	})
	return r, err
}
