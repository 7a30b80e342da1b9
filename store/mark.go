package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"parlance"
)

// A Mark names a conversation's log up to one of its entries. Two logs with the same mark hold the same entries up to
// there, byte for byte. The zero Mark is that of a log without entries.
type Mark struct {
	Number uint64            // of the last entry
	Hash   [sha256.Size]byte // of the chain after it; see docs/storage.md, "The log"
}

// String returns the hash in hexadecimal digits.
func (m Mark) String() string { return hex.EncodeToString(m.Hash[:]) }

// Mark returns the mark of the conversation's last entry, as its head has it; the zero Mark if it has no messages, or doesn't
// exist. Whether the log comes to that hash is for [Store.MarkAt] and [Store.Verify].
func (s *Store) Mark(ctx context.Context, ref parlance.Ref) (Mark, error) {
	number, h, err := s.logEnd(ctx, ref)
	if err != nil {
		return Mark{}, fmt.Errorf("look for the end of the log of %s: %w", ref, err)
	}
	return Mark{number, h}, nil
}

// MarkAt reads the conversation's log up to entry number, inclusive, and returns what its rows come to. It takes no stored hash's word.
// [parlance.NotFound] if the log ends before that entry; [parlance.Corrupt] if a row can't be read. 0 gives the zero Mark.
func (s *Store) MarkAt(ctx context.Context, ref parlance.Ref, number uint64) (Mark, error) {
	var sum logSum
	if number == 0 {
		return Mark{}, nil
	}
	for row, err := range s.allLogRows(ctx, ref) {
		if err != nil {
			return Mark{}, fmt.Errorf("read the log of %s: %w", ref, err)
		}
		if sum.add(&row); sum.number == number {
			return Mark{sum.number, sum.chain}, nil
		}
	}
	return Mark{}, parlance.Errorf(parlance.NotFound, "the log of conversation %s has %d entries, and no entry %d", ref, sum.number, number)
}
