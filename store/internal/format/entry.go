package format

import (
	"crypto/sha256"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"parlance"
)

// An Entry is one version of one message, as the log keeps it.
type Entry struct {
	// Number is the entry's place in the conversation's log, from 1, without gaps.
	Number uint64
	// First is the number of the message's first version, Previous that of the
	// version before this one; Previous is 0 in a first version.
	First, Previous uint64
	// Learned is when we stored this version.
	Learned parlance.Time
	Message parlance.Message

	Origin  Mode
	Total   int // messages of the conversation that aren't deleted, up to this entry
	Private int // of them private
	Content []byte
}

// Mode returns where this version came from: Send if it was written here.
func (e *Entry) Mode() Mode { return e.Origin }

// Size returns the bytes of the message as it is stored.
func (e *Entry) Size() int { return len(e.Content) }

// A Hash is a link of the chain that runs over a conversation's log.
type Hash [sha256.Size]byte

// ChainEvery is how often an entry carries the chain's hash.
const ChainEvery = 64

// AppendHeader appends the entry's fields but its content and chain. They are what
// the chain covers beside the content's hash.
func (e *Entry) AppendHeader(b []byte) []byte {
	b = appendUint(b, 1, uint64(e.Learned))
	// Counts are kept as what they lack, which is nearly always nothing.
	b = appendUint(b, 2, e.Number-uint64(e.Total))
	b = appendUint(b, 3, uint64(e.Private))
	if e.Previous != 0 {
		b = appendUint(b, 4, e.Number-e.Previous)
		b = appendUint(b, 5, e.Number-e.First)
	}
	b = appendUint(b, 6, uint64(e.Origin))
	if e.Message.Seq != 0 {
		// Written even if 0: a message at its own place in its source.
		b = protowire.AppendTag(b, 7, protowire.VarintType)
		b = protowire.AppendVarint(b, protowire.EncodeZigZag(int64(e.Message.Seq)-int64(e.Number)))
	}
	return b
}

// Link returns the chain's hash after e, given the hash before it.
func (e *Entry) Link(before Hash, header []byte) Hash {
	content := sha256.Sum256(e.Content)
	var scratch [256]byte
	b := append(scratch[:0], before[:]...)
	b = append(b, content[:]...)
	b = append(b, header...)
	return sha256.Sum256(b)
}

// Encode returns e's row and the chain's hash after it.
func (e *Entry) Encode(before Hash) ([]byte, Hash) {
	b := make([]byte, 0, len(e.Content)+64)
	b = e.AppendHeader(b)
	after := e.Link(before, b)
	if e.Number%ChainEvery == 0 {
		b = AppendBytes(b, 8, after[:])
	}
	return AppendBytes(b, 9, e.Content), after
}

// DecodeEntry reads the row of entry number; the entry keeps b, which must not change any more.
// chain is the hash that the row carries, or empty.
func DecodeEntry(number uint64, b []byte) (e Entry, chain []byte, err error) {
	chain, err = e.Decode(number, b)
	return e, chain, err
}

// Decode is [DecodeEntry] into e, of which nothing is left; e is zero after an error. Entries are
// large, and a page has many.
func (e *Entry) Decode(number uint64, b []byte) (chain []byte, err error) {
	*e = Entry{Number: number, First: number, Total: int(number)}
	var seq uint32
	err = EachField(b, func(f Field) (err error) {
		switch f.Number {
		case 1:
			e.Learned = parlance.Time(f.Uint)
		case 2:
			e.Total = int(number - f.Uint)
		case 3:
			e.Private, err = f.Count()
		case 4:
			e.Previous = number - f.Uint
		case 5:
			e.First = number - f.Uint
		case 6:
			e.Origin = Mode(f.Uint)
		case 7:
			seq = uint32(f.Int() + int64(number))
		case 8:
			chain = f.Bytes
		case 9:
			e.Content = f.Bytes
		}
		return err
	})
	// Numbers that were taken off number and wrapped around are far above it.
	if err == nil && (e.Total < 0 || e.Private > e.Total || e.Origin > Mirror ||
		e.First == 0 || e.First > number || e.Previous >= number || e.Previous < e.First != (e.Previous == 0)) {
		err = ErrRecord
	}
	if err == nil {
		err = decodeMessage(&e.Message, e.Content)
	}
	if err != nil {
		*e = Entry{}
		return nil, fmt.Errorf("read log entry %d: %w", number, err)
	}
	e.Message.Seq = seq
	return chain, nil
}
