package store

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// A Collection names records that are copied or compared together.
type Collection struct {
	Name string
	// Owns says which of its records count; nil means all.
	Owns func(Record) (bool, error)
	// After says that those given before it must be done first.
	After bool
}

// A joinedPair is a key and what stands under it in two stores; nil where nothing does.
type joinedPair struct{ key, here, there []byte }

// mergeJoin returns what stands in a partition that both stores have, by key. Its bytes are
// valid until the next one is asked for.
func mergeJoin(ctx context.Context, a, b *Store, p driver.Partition, owns func(Record) (bool, error)) iter.Seq2[joinedPair, error] {
	return func(yield func(joinedPair, error) bool) {
		nextA, stopA := iter.Pull2(a.owned(ctx, p, owns))
		defer stopA()
		nextB, stopB := iter.Pull2(b.owned(ctx, p, owns))
		defer stopB()
		here, errA, moreA := nextA()
		there, errB, moreB := nextB()
		for moreA || moreB {
			if err := cmp.Or(errA, errB); err != nil {
				yield(joinedPair{}, err)
				return
			}
			order := bytes.Compare(here.Key, there.Key)
			if !moreA {
				order = +1
			} else if !moreB {
				order = -1
			}
			one := joinedPair{key: here.Key, here: here.Value, there: there.Value}
			switch {
			case order < 0:
				one.there = nil
			case order > 0:
				one.key, one.here = there.Key, nil
			}
			if !yield(one, nil) {
				return
			}
			if order <= 0 {
				here, errA, moreA = nextA()
			}
			if order >= 0 {
				there, errB, moreB = nextB()
			}
		}
	}
}

// owned returns the rows of a partition that owns takes.
func (s *Store) owned(ctx context.Context, p driver.Partition, owns func(Record) (bool, error)) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		for row, err := range s.engine.Scan(ctx, p, driver.Range{}) {
			if err == nil && owns != nil {
				var mine bool
				if mine, err = owns(Record{string(row.Key), row.Value}); err == nil && !mine {
					continue
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// A bucketedRows is a kind of claimed rows that are found by id and spread over buckets, which
// may be others in another store.
type bucketedRows struct {
	letter string
	ws     parlance.WorkspaceID
	names  func(key []byte) []string // under which they are remembered
}

func (f bucketedRows) in(l format.Layout, key []byte) driver.Partition {
	return format.Claimed(f.letter, string(f.ws), l.Bucket(string(key)))
}

// partitions returns all of a family's partitions in a store of layout l.
func (f bucketedRows) partitions(l format.Layout) iter.Seq[driver.Partition] {
	return func(yield func(driver.Partition) bool) {
		for n := range l.Buckets {
			bucket := ""
			if l.Buckets > 1 {
				bucket = string([]byte{byte(n >> 8), byte(n)})
			}
			if !yield(format.Claimed(f.letter, string(f.ws), bucket)) {
				return
			}
		}
	}
}

func accounts(ws parlance.WorkspaceID) bucketedRows {
	return bucketedRows{"U", ws, func(key []byte) []string { return []string{accountName(ws, parlance.AccountID(key))} }}
}

func numbers(ws parlance.WorkspaceID) bucketedRows {
	return bucketedRows{"N", ws, func([]byte) []string { return nil }}
}

func conversationRecords(ws parlance.WorkspaceID) bucketedRows {
	return bucketedRows{"C", ws, func(key []byte) []string {
		return []string{conversationName(parlance.Ref{Workspace: ws, Conversation: parlance.ConversationID(key)})}
	}}
}

// rowsAtOnce is how many rows of a family are held in memory.
const rowsAtOnce = 256

// scansAtOnce is how many buckets are looked into at once. Most are empty, or nearly so.
const scansAtOnce = 64

// each calls do for all rows of a family, some at a time, from several goroutines.
func (s *Store) each(ctx context.Context, f bucketedRows, do func(context.Context, []driver.Row) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(scansAtOnce)
	for p := range f.partitions(s.layout) {
		g.Go(func() error {
			var rows []driver.Row
			for row, err := range s.engine.Scan(ctx, p, driver.Range{}) {
				if err != nil {
					return err
				}
				rows = append(rows, driver.Row{Key: bytes.Clone(row.Key), Value: bytes.Clone(row.Value)})
				if len(rows) == rowsAtOnce {
					if err := do(ctx, rows); err != nil {
						return err
					}
					rows = nil
				}
			}
			if len(rows) == 0 {
				return nil
			}
			return do(ctx, rows)
		})
	}
	return g.Wait()
}

// getMany returns what stands under keys of a family, in their order; nil where nothing does.
func (s *Store) getMany(ctx context.Context, f bucketedRows, keys [][]byte, parallel int) ([][]byte, error) {
	at := map[driver.Partition][]int{}
	for i, k := range keys {
		p := f.in(s.layout, k)
		at[p] = append(at[p], i)
	}
	values := make([][]byte, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for p, is := range at {
		g.Go(func() error {
			slices.SortFunc(is, func(a, b int) int { return bytes.Compare(keys[a], keys[b]) })
			some := make([][]byte, len(is))
			for n, i := range is {
				some[n] = keys[i]
			}
			vs, err := s.engine.Get(ctx, p, some)
			for n, v := range vs {
				values[is[n]] = v
			}
			return err
		})
	}
	return values, g.Wait()
}
