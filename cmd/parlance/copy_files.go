package main

import (
	"context"
	"fmt"
	"iter"

	"parlance"
	"parlance/store"
)

// joined returns two sequences, one behind the other.
func joined(first, second iter.Seq2[store.Collection, error]) iter.Seq2[store.Collection, error] {
	return func(yield func(store.Collection, error) bool) {
		for _, s := range []iter.Seq2[store.Collection, error]{first, second} {
			for c, err := range s {
				if !yield(c, err) {
					return
				}
			}
		}
	}
}

// copyFiles copies the contents that the target's records name and its folder lacks. A content is in the source's folder before
// its record is in the source, so none that a copied record names comes later.
func (m *mover) copyFiles(ctx context.Context, ids []parlance.WorkspaceID) error {
	from, to := m.src.files, m.dst.files
	if from == nil || to == nil {
		if m.sum.Passes == 1 {
			m.p.say("attachments aren't copied, only what is known of them: %s", "both ends need a folder of files, see PARLANCE_FILES")
		}
		return nil
	}
	if from.Folder().Dir() == to.Folder().Dir() {
		return nil
	}
	for _, ws := range ids {
		n, err := to.CopyContents(ctx, ws, from.Folder())
		m.sum.Files += n
		if err != nil {
			return fmt.Errorf("copy attachments: %w", err)
		}
	}
	return nil
}
