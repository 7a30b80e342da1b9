package main

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"parlance"
	"parlance/access"
	"parlance/files"
	"parlance/mirror"
	"parlance/store"
)

// recordsOf returns the collections of records of two ends, of one workspace unless ws is empty.
func recordsOf(ctx context.Context, ws parlance.WorkspaceID, one, other *end) iter.Seq2[store.Collection, error] {
	return func(yield func(store.Collection, error) bool) {
		for c, err := range access.Collections(ctx, ws, one.keeper, other.keeper) {
			if !yield(c, err) || err != nil {
				return
			}
		}
		var ids []parlance.WorkspaceID
		for _, e := range []*end{one, other} {
			some, err := e.workspaces(ctx, "")
			if err != nil {
				yield(store.Collection{}, err)
				return
			}
			ids = append(ids, some...)
		}
		if ws != "" {
			ids = []parlance.WorkspaceID{ws}
		}
		for c, err := range mirror.Collections(ctx, ws, mirror.New(one.store, mirror.Options{}), mirror.New(other.store, mirror.Options{})) {
			if !yield(c, err) || err != nil {
				return
			}
		}
		slices.Sort(ids)
		for c, err := range files.Collections(slices.Compact(ids)...) {
			if !yield(c, err) {
				return
			}
		}
	}
}

// copyFiles copies the contents that the target's records name and its folder lacks. A content is in the source's folder before
// its record is in the source, so none that a copied record names comes later.
func (m *mover) copyFiles(ctx context.Context, ids []parlance.WorkspaceID) error {
	from, to := m.src.files, m.dst.files
	switch {
	case from == nil && to == nil:
		return nil
	case from == nil || to == nil:
		if m.sum.Passes == 1 {
			m.p.say("attachments aren't copied, only what is known of them: the cluster has no folder for them, name one with PARLANCE_FILES")
		}
		return nil
	case from.Folder().Dir() == to.Folder().Dir():
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
