package store

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// This file brings stores of older formats to the one at hand when they are opened. It can be stopped at any
// point: as long as the format row has the older version all that it had is there, and from then on all that the newer one has.

// oldFrozenKeys are the keys of formats 1 and 2 for why the store is frozen. Programs that know such a format only look
// for it while they run, and never again at the format: on an engine that they may share it stays
// for ever, so that they write nothing without what is new.
var oldFrozenKeys = [][]byte{[]byte("frozen"), []byte("frozen 2")}

// fenceText is what they tell their operators.
const fenceText = "the store was brought to a newer format; use the parlance that did it, or a newer one"

// migrate brings a store of an older format, or one that was left half-way, to the format at hand.
func (s *Store) migrate(ctx context.Context, f *format.Format, row []byte, workspaces Workspaces) error {
	if workspaces == nil {
		return parlance.Errorf(parlance.Invalid, "the store is of format %d and has to be brought to format %d by a program that knows its workspaces; nothing was changed", f.Version, format.Version)
	}
	// Where others are far away, lists of format 1 may have more dead rows than can be read; they stay.
	leftover := s.bounds.Exclusive && (f.Leftover || f.Version == 1)
	if f.Version < format.Version {
		s.log.InfoContext(ctx, "the store is brought to a newer format", "from", f.Version, "to", format.Version)
		if err := s.blockOldWriters(ctx); err != nil {
			return err
		}
		if f.Version == 1 {
			if err := s.eachListed(ctx, workspaces, s.relistAll); err != nil {
				return fmt.Errorf("make the lists of conversations: %w", err)
			}
		}
		if err := s.eachListed(ctx, workspaces, s.feedWhole); err != nil {
			return fmt.Errorf("make the change feed: %w", err)
		}
		if err := s.commitFormat(ctx, &row, &format.Format{Version: format.Version, Layout: f.Layout, Leftover: leftover}); err != nil {
			return err
		}
		s.log.InfoContext(ctx, "the store has the newer format")
	}
	if !leftover {
		return nil
	}
	if err := s.dropLists1(ctx, workspaces); err != nil {
		return fmt.Errorf("delete the lists of format 1: %w", err)
	}
	return s.commitFormat(ctx, &row, &format.Format{Version: format.Version, Layout: f.Layout})
}

// commitFormat replaces the format row. Another process may have been there first, with the same.
func (s *Store) commitFormat(ctx context.Context, row *[]byte, next *format.Format) error {
	claims := []driver.Claim{{Old: *row, Value: next.Encode()}}
	if s.bounds.Exclusive {
		more, err := s.moveFrozen(ctx, nil)
		if err != nil {
			return err
		}
		claims = append(claims, more...)
	}
	err := s.claim(ctx, format.FormatPartition(), claims, nil, 1)
	if refused := driver.AsRefused(err); refused != nil {
		var f format.Format
		*row = refused.Standing[0].Value
		if f, err = format.DecodeFormat(*row); err == nil && f.Version < format.Version {
			err = parlance.Errorf(parlance.Unavailable, "the store's format row was changed by somebody else")
		}
		return err
	}
	*row = claims[0].Value
	return err
}

// moveFrozen returns claims that leave fence under the keys of older formats, nothing where it is nil, and move a reason
// that stands there to the key of now.
func (s *Store) moveFrozen(ctx context.Context, fence []byte) (claims []driver.Claim, err error) {
	standing, err := s.engine.Get(ctx, format.FormatPartition(), append(oldFrozenKeys[:len(oldFrozenKeys):len(oldFrozenKeys)], frozenKey))
	if err != nil {
		return nil, err
	}
	why := standing[len(oldFrozenKeys)]
	for i, key := range oldFrozenKeys {
		old := standing[i]
		if bytes.Equal(old, fence) {
			continue
		}
		claims = append(claims, driver.Claim{Key: key, Old: old, Value: fence})
		if old != nil && string(old) != fenceText {
			why = old
		}
	}
	if now := standing[len(oldFrozenKeys)]; !bytes.Equal(why, now) {
		claims = append(claims, driver.Claim{Key: frozenKey, Old: now, Value: why})
	}
	return claims, nil
}

// blockOldWriters stops the writers of older formats in other processes, and returns when the last of them has ended.
func (s *Store) blockOldWriters(ctx context.Context) error {
	if s.bounds.Exclusive {
		return nil
	}
	for try := 0; ; try++ {
		claims, err := s.moveFrozen(ctx, []byte(fenceText))
		if err != nil {
			return err
		}
		if len(claims) == 0 {
			break
		}
		err = s.claim(ctx, format.FormatPartition(), claims, nil, 1)
		if err == nil {
			break
		}
		if driver.AsRefused(err) == nil || try == maxSwaps {
			return fmt.Errorf("keep older programs from writing: %w", err)
		}
		wait(try)
	}
	timer := time.NewTimer(FreezeDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// eachListed does something for all conversations of all workspaces, many at once.
func (s *Store) eachListed(ctx context.Context, workspaces Workspaces, do func(ctx context.Context, ws parlance.WorkspaceID, r format.Registered) error) error {
	for ws, err := range workspaces(ctx, s) {
		if err != nil {
			return err
		}
		for group, err := range groups(s.registered(ctx, ws, 1), conversationsAtOnce) {
			if err != nil {
				return fmt.Errorf("workspace %q: %w", ws, err)
			}
			g, gctx := errgroup.WithContext(ctx)
			g.SetLimit(64) // they wait for the disk, and share its syncs
			for _, r := range group {
				g.Go(func() error {
					if err := do(gctx, ws, r); err != nil {
						return fmt.Errorf("conversation %q of workspace %q: %w", r.ID, ws, err)
					}
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				return err
			}
		}
	}
	return nil
}

// relistAll has all lists show a conversation where its head says that it stands.
func (s *Store) relistAll(ctx context.Context, ws parlance.WorkspaceID, r format.Registered) error {
	ref := parlance.Ref{Workspace: ws, Conversation: r.ID}
	about, t, members, err := s.listed(ctx, ref)
	if err != nil {
		return err
	}
	var ops []driver.Op
	for _, l := range listsOf(&about, members) {
		ops = append(ops, listOps(ws, l, &about, listedAt(t, &about))...)
	}
	return s.writeParts(ctx, splitOps(ops, s.bounds.BatchBytes), max(appended(t.Number), 1))
}

// feedWhole makes one row of the change feed for all that a conversation has. It stands at the beginning of 1970, where nothing
// else does, in the order in which the conversations were registered.
func (s *Store) feedWhole(ctx context.Context, ws parlance.WorkspaceID, r format.Registered) error {
	t, err := s.head(ctx, parlance.Ref{Workspace: ws, Conversation: r.ID})
	if err != nil || t.Number == 0 {
		return err
	}
	row := format.FeedRow{At: parlance.Time(r.Number), Conversation: r.ID, First: 1, Count: t.Number}
	x := format.FeedStretchOf(row.At)
	ops := []driver.Op{{Partition: s.layout.FeedPartition(ws, x), Key: row.Key(), Value: row.Value()}}
	if s.layout.Buckets > 1 {
		ops = append(ops, feedLeads(ws, x)...)
	}
	return s.writeParts(ctx, [][]driver.Op{ops}, 1)
}

// listed reads what says where a conversation stands in which lists.
func (s *Store) listed(ctx context.Context, ref parlance.Ref) (about parlance.Conversation, t *format.Head, members []parlance.Member, err error) {
	if about, err = s.Conversation(ctx, ref); err != nil {
		return about, nil, nil, err
	}
	if t, err = s.head(ctx, ref); err != nil {
		return about, nil, nil, err
	}
	members, err = s.Members(ctx, ref)
	return about, t, members, err
}

// The lists of format 1: partitions by months of last activity whose rows have the time in the key, and the
// months that there are.
func listPartitions1(ws parlance.WorkspaceID, l List) (months driver.Partition, rows func(month []byte) driver.Partition) {
	if l.Account != "" {
		return format.Derived("m", string(ws), string(l.Account)), func(month []byte) driver.Partition {
			return format.Derived("a", string(ws), string(l.Account), string(month))
		}
	}
	return format.Derived("K", string(ws), string(l.Kind)), func(month []byte) driver.Partition {
		return format.Derived("k", string(ws), string(l.Kind), string(month))
	}
}

// after1 is a version above all that format 1 had: nothing is written to its lists any more.
const after1 driver.Version = 1 << 62

// dropLists1 deletes the lists of format 1. Those of accounts that have left all their conversations stay,
// since nobody knows of them.
func (s *Store) dropLists1(ctx context.Context, workspaces Workspaces) error {
	type list struct {
		ws parlance.WorkspaceID
		List
	}
	var mu sync.Mutex
	lists := map[list]struct{}{}
	err := s.eachListed(ctx, workspaces, func(ctx context.Context, ws parlance.WorkspaceID, r format.Registered) error {
		about, _, members, err := s.listed(ctx, parlance.Ref{Workspace: ws, Conversation: r.ID})
		mu.Lock()
		defer mu.Unlock()
		for _, l := range listsOf(&about, members) {
			lists[list{ws, l}] = struct{}{}
		}
		return err
	})
	if err != nil {
		return err
	}
	for l := range lists {
		if err := s.dropList1(ctx, l.ws, l.List); err != nil {
			return err
		}
	}
	return nil
}

// dropList1 deletes a list of format 1.
func (s *Store) dropList1(ctx context.Context, ws parlance.WorkspaceID, l List) error {
	months, rows := listPartitions1(ws, l)
	var ops, leads []driver.Op
	remove := func(ops *[]driver.Op, p driver.Partition) error {
		for row, err := range s.engine.Scan(ctx, p, driver.Range{}) {
			if err != nil {
				return err
			}
			*ops = append(*ops, driver.Op{Partition: p, Key: bytes.Clone(row.Key), Delete: true})
		}
		return nil
	}
	if err := remove(&leads, months); err != nil {
		return err
	}
	for _, lead := range leads {
		if err := remove(&ops, rows(lead.Key)); err != nil {
			return err
		}
	}
	// The months go last: they lead here again if this is stopped.
	return s.writeParts(ctx, [][]driver.Op{ops, leads}, after1)
}
