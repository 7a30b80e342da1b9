package access

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/internal/jsonrecord"
	"parlance/store"
)

// Collections returns everything that the keepers' stores keep for package access, for
// who copies or compares them: a collection that one of them has is named. With a workspace,
// only what is that workspace's: the signing key is all workspaces' and is left out then, so a
// copy makes sellers log in again. A collection may be named twice. The stores are read as the
// sequence goes on, so what is changed in a collection that was named doesn't hide a later one.
func Collections(ctx context.Context, ws parlance.WorkspaceID, ks ...*Keeper) iter.Seq2[store.Collection, error] {
	return func(yield func(store.Collection, error) bool) {
		all, err := workspacesOf(ctx, ws, ks)
		if err != nil {
			yield(store.Collection{}, err)
			return
		}
		for _, w := range all {
			for c, err := range workspaceCollections(ctx, w, ks) {
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
		for _, c := range sharedCollections(ws) {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// workspacesOf returns the workspaces of all keepers by id, or just ws if it isn't empty.
func workspacesOf(ctx context.Context, ws parlance.WorkspaceID, ks []*Keeper) ([]parlance.WorkspaceID, error) {
	if ws != "" {
		return []parlance.WorkspaceID{ws}, nil
	}
	found := map[parlance.WorkspaceID]bool{}
	for _, k := range ks {
		for w, err := range k.Workspaces(ctx) {
			if err != nil {
				return nil, err
			}
			found[w.ID] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// workspaceCollections returns those that are one workspace's alone. An account's comes
// before the tokens that name it, as they are written: every token that counts is named.
func workspaceCollections(ctx context.Context, ws parlance.WorkspaceID, ks []*Keeper) iter.Seq2[store.Collection, error] {
	return func(yield func(store.Collection, error) bool) {
		if !yield(store.Collection{Name: credentials(ws)}, nil) {
			return
		}
		for some := range slices.Chunk(shards(), shardsAtOnce) {
			accounts, err := tokenAccounts(ctx, ws, ks, some)
			if err != nil {
				yield(store.Collection{}, err)
				return
			}
			for _, a := range accounts {
				if !yield(store.Collection{Name: user(ws, a)}, nil) {
					return
				}
			}
			for i, shard := range some {
				if !yield(store.Collection{Name: userTokens(ws, shard), After: i == 0}, nil) {
					return
				}
			}
		}
	}
}

// shardsAtOnce is how many shards are read at once, and whose accounts are held in memory.
const shardsAtOnce = 16

// tokenAccounts returns the accounts that user tokens of some shards name.
func tokenAccounts(ctx context.Context, ws parlance.WorkspaceID, ks []*Keeper, shards []digest) ([]parlance.AccountID, error) {
	found := make([]map[parlance.AccountID]bool, len(shards))
	g, ctx := errgroup.WithContext(ctx)
	for i, shard := range shards {
		found[i] = map[parlance.AccountID]bool{}
		g.Go(func() error {
			tokens := userTokens(ws, shard)
			for _, k := range ks {
				for r, err := range k.s.Records(ctx, tokens) {
					var t userTokenRecord
					if err == nil {
						t, err = jsonrecord.Decode[userTokenRecord](tokens, r.Value)
					}
					if err != nil {
						return fmt.Errorf("list user tokens: %w", err)
					}
					found[i][t.Account] = true
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := found[0]
	for _, accounts := range found[1:] {
		maps.Copy(all, accounts)
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// sharedCollections returns those in which all workspaces have records.
func sharedCollections(ws parlance.WorkspaceID) []store.Collection {
	of := func(workspace func(store.Record) (parlance.WorkspaceID, error)) func(store.Record) (bool, error) {
		if ws == "" {
			return nil
		}
		return func(r store.Record) (bool, error) {
			w, err := workspace(r)
			return w == ws, err
		}
	}
	var cs []store.Collection
	for _, shard := range shards() {
		cs = append(cs, store.Collection{Name: secrets(shard), Owns: of(func(r store.Record) (parlance.WorkspaceID, error) {
			s, err := jsonrecord.Decode[secretRecord](secrets(shard), r.Value)
			return s.Workspace, err
		})})
	}
	cs = append(cs, store.Collection{Name: logins, Owns: of(func(r store.Record) (parlance.WorkspaceID, error) {
		l, err := jsonrecord.Decode[loginRecord](logins, r.Value)
		return l.Workspace, err
	})})
	if ws == "" {
		cs = append(cs, store.Collection{Name: signingKeys})
	}
	return append(cs, store.Collection{Name: workspaces, After: true, Owns: of(func(r store.Record) (parlance.WorkspaceID, error) {
		return parlance.WorkspaceID(r.Key), nil
	})})
}

// shards returns a digest of each shard.
func shards() []digest {
	ds := make([]digest, 256)
	for i := range ds {
		ds[i][0] = byte(i)
	}
	return ds
}
