package parlance

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
)

// An ObjectIDs mints 24-digit hexadecimal ids in the form that the platforms use:
// 4 bytes of Unix seconds, 5 random bytes that are the minter's own, and a 3-byte
// counter. Ids of one minter never repeat within 16 million ids of one second, and
// clients may read the second of creation from the first eight digits.
type ObjectIDs struct {
	process [5]byte
	counter atomic.Uint32
}

// NewObjectIDs returns a minter of its own random part.
func NewObjectIDs() *ObjectIDs {
	var o ObjectIDs
	var seed [4]byte
	rand.Read(o.process[:]) // never fails
	rand.Read(seed[:])
	o.counter.Store(binary.BigEndian.Uint32(seed[:]))
	return &o
}

// At returns a new id whose first four bytes are the second of t. Times before
// 1970 or after 2106 don't fit and wrap around.
func (o *ObjectIDs) At(t Time) string {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:4], uint32(t.Seconds()))
	copy(b[4:], o.process[:])
	n := o.counter.Add(1)
	b[9], b[10], b[11] = byte(n>>16), byte(n>>8), byte(n)
	return hex.EncodeToString(b[:])
}
