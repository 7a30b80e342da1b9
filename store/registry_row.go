package store

import "parlance"

// A registered is one row of a workspace's registry: a conversation, and how many there are of each kind up to it.
type registered struct {
	number uint64
	id     parlance.ConversationID
	counts [4]uint64 // conversations of each of kinds, this one included
}

var kinds = [...]parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order}

func encodeRegistered(r *registered) []byte {
	b := appendString(nil, 1, r.id)
	for i, n := range r.counts {
		b = appendUint(b, fieldNumber(2+i), n)
	}
	return b
}

func decodeRegistered(number uint64, b []byte) (registered, error) {
	r := registered{number: number}
	err := eachField(b, func(f field) error {
		switch {
		case f.Number == 1:
			r.id = parlance.ConversationID(f.Bytes)
		case f.Number >= 2 && f.Number < 2+fieldNumber(len(r.counts)):
			r.counts[f.Number-2] = f.Uint
		}
		return nil
	})
	return r, err
}
