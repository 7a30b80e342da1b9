package search

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"parlance"
	"parlance/search/internal/block"
	"parlance/store/driver"
)

// This file makes the index forget entries. It is one layer of an erasure: the logs still have them until another one takes them out there.

// erasedKey begins the key of a record that says that an entry is erased: the conversation, a NUL and the number follow.
const erasedKey = "x"

// eraseAtOnce is how many records one claim makes.
const eraseAtOnce = 100

// An EntryName names an entry of a conversation's log.
type EntryName struct {
	Conversation parlance.ConversationID
	Number       uint64
}

// Erase takes entries out of all answers at once, on every node, and then out of the index: blocks that hold one are made
// again without it, and the old ones' pages are deleted before Erase returns. If it is stopped, the answers are right, and the same call
// again goes on. Entries that are erased stay so: what is built later leaves them out.
func (ix *Index) Erase(ctx context.Context, ws parlance.WorkspaceID, names ...EntryName) error {
	w := ix.workspace(ws)
	w.building.Lock()
	defer w.building.Unlock()
	if err := w.hide(ctx, names); err != nil {
		return fmt.Errorf("take entries out of the answers of workspace %q: %w", ws, err)
	}
	for {
		left, err := w.rebuildErased(ctx)
		if errors.Is(err, errBusy) {
			err = parlance.Wrap(parlance.Unavailable, err, "another process builds the index; no answer has the entries any more, and the same again takes them out of the index")
		}
		if err != nil {
			return fmt.Errorf("take entries out of the search index of workspace %q: %w", ws, err)
		}
		if !left {
			return w.unlock(ctx)
		}
	}
}

// hide records that entries are erased.
func (w *workspace) hide(ctx context.Context, names []EntryName) error {
	s, err := w.reload(ctx)
	if err != nil {
		return err
	}
	var claims []driver.Claim
	for i, n := range names {
		if _, there := s.erased[n]; !there {
			key := binary.BigEndian.AppendUint64([]byte(erasedKey+string(n.Conversation)+"\x00"), n.Number)
			claims = append(claims, driver.Claim{Key: key, Value: []byte{1}})
		}
		if len(claims) == eraseAtOnce || len(claims) > 0 && i == len(names)-1 {
			if err := w.rows.Change(ctx, claims...); err != nil {
				return err
			}
			claims = claims[:0]
		}
	}
	_, err = w.reload(ctx)
	return err
}

// erasedOf reads the key of a record that an entry is erased.
func erasedOf(key []byte) (n EntryName, ok bool) {
	end := len(key) - 9
	if end < 2 || key[0] != erasedKey[0] || key[end] != 0 || bytes.IndexByte(key[:end], 0) >= 0 {
		return n, false
	}
	return EntryName{parlance.ConversationID(key[1:end]), binary.BigEndian.Uint64(key[end+1:])}, true
}

// rebuildErased makes one block that holds erased entries again without them, and reports whether there was one.
func (w *workspace) rebuildErased(ctx context.Context) (bool, error) {
	s, err := w.lock(ctx, w.now())
	if err != nil {
		return false, err
	}
	for _, b := range s.blocks {
		names, err := b.Names(ctx)
		if err != nil {
			return false, err
		}
		kept := make([]block.Name, 0, len(names))
		for _, n := range names {
			if _, gone := s.erased[EntryName{n.Conversation, n.Number}]; !gone {
				kept = append(kept, n)
			}
		}
		if len(kept) == len(names) {
			continue
		}
		return true, w.replace(ctx, s, b, kept)
	}
	return false, nil
}

// replace makes a block of some of another one's documents and puts it in its place, whose pages it deletes.
func (w *workspace) replace(ctx context.Context, s *state, old *readBlock, names []block.Name) error {
	gone := *old.record
	// In-flight searches that miss its pages begin again.
	gone.State, gone.Since = dropped, w.ix.store.Now()-dropDelay
	claims := []driver.Claim{{Key: old.record.key(), Old: old.record.row, Value: encode(&gone)}}
	if len(names) > 0 {
		r, _, err := w.make(ctx, s, func(put block.Put) (block.Descriptor, error) { return w.remake(ctx, names, put) })
		if err != nil {
			return err
		}
		claims = append(claims, driver.Claim{Key: r.key(), Old: r.row, Value: encode(r)})
	}
	if err := w.rows.Change(ctx, claims...); err != nil {
		if driver.AsRefused(err) != nil {
			err = errBusy
		}
		return err
	}
	s, err := w.reload(ctx)
	if err != nil {
		return err
	}
	return w.drop(ctx, s)
}

// readable reports whether an entry isn't erased.
func (s *state) readable(d *fresh) bool {
	_, gone := s.erased[EntryName{d.Conversation, d.Number}]
	return !gone
}
