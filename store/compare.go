package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// CompareOptions are the settings of a comparison. The zero value is good.
type CompareOptions struct {
	Parallel int                 // conversations compared at once; 0 means 8
	Heads    bool                // take the heads' word for what the logs come to, where both say the same
	Report   func(Finding)       // called for each difference, by one goroutine at a time
	Progress func(StoreContents) // of the first store; called now and then, likewise
}

// StoreContents are what a comparison counted in one of the stores.
type StoreContents struct {
	Conversations int    `json:"conversations"`
	Entries       int    `json:"entries"`  // of all logs
	Messages      int    `json:"messages"` // that aren't deleted
	Hash          string `json:"hash"`     // over each conversation's id, last number and hash, see add; hex
}

// A Comparison is what became of one.
type Comparison struct {
	Here, There StoreContents
	Differences int
}

// Compare reads a whole workspace of two stores and holds them against each other: registries,
// conversations, accounts, members, hidden marks, and the logs byte for byte, with the hash chain
// of each computed from its rows and held against its head. Differences in what is derived are for
// [Store.Verify]. It changes nothing. What is written meanwhile may show as a difference.
func (s *Store) Compare(ctx context.Context, other *Store, ws parlance.WorkspaceID, o CompareOptions) (Comparison, error) {
	c := newComparer(s, other, o)
	err := c.workspace(ctx, ws)
	return c.result, err
}

// CompareRecords holds the records of collections against each other. Its result counts nothing but differences.
func (s *Store) CompareRecords(ctx context.Context, other *Store, cs iter.Seq2[Collection, error], o CompareOptions) (Comparison, error) {
	c := newComparer(s, other, o)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.o.Parallel)
	for col, err := range cs {
		if err != nil {
			return c.result, errors.Join(fmt.Errorf("compare records: %w", err), g.Wait())
		}
		g.Go(func() error {
			n, err := c.rows(gctx, format.RecordPartition(col.Name), col.Owns)
			if err != nil {
				return fmt.Errorf("compare records of %s: %w", col.Name, err)
			}
			if n > 0 {
				c.find("", "%d records of %s differ", n, col.Name)
			}
			return nil
		})
	}
	err := g.Wait()
	return c.result, err
}

type comparer struct {
	here, there *Store
	o           CompareOptions

	mu     sync.Mutex
	result Comparison
}

func newComparer(here, there *Store, o CompareOptions) *comparer {
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	return &comparer{here: here, there: there, o: o}
}

func (c *comparer) find(in parlance.ConversationID, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Differences++
	if c.o.Report != nil {
		c.o.Report(Finding{in, fmt.Sprintf(format, args...)})
	}
}

// rows returns how many rows of a partition differ.
func (c *comparer) rows(ctx context.Context, p driver.Partition, owns func(Record) (bool, error)) (n int, err error) {
	for one, err := range mergeJoin(ctx, c.here, c.there, p, owns) {
		if err != nil {
			return n, err
		}
		if !bytes.Equal(one.here, one.there) {
			n++
		}
	}
	return n, nil
}

func (c *comparer) workspace(ctx context.Context, ws parlance.WorkspaceID) error {
	for _, of := range []struct {
		what string
		bucketedRows
	}{{"accounts", accounts(ws)}, {"account numbers", numbers(ws)}} {
		n, err := c.family(ctx, of.bucketedRows)
		if err != nil {
			return fmt.Errorf("compare %s: %w", of.what, err)
		}
		if n > 0 {
			c.find("", "%d %s differ", n, of.what)
		}
	}
	var sums [2]summer
	next, stop := iter.Pull2(c.there.registryRows(ctx, ws, 1))
	defer stop()
	for group, err := range groups(c.here.registryRows(ctx, ws, 1), conversationsAtOnce) {
		if err != nil {
			return err
		}
		if err := c.records(ctx, ws, group); err != nil {
			return err
		}
		ends := make([][2]logSum, len(group))
		has := make([]bool, len(group))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(c.o.Parallel)
		for i := range group {
			r, err, ok := next()
			if err != nil {
				return errors.Join(err, g.Wait())
			}
			has[i] = ok
			switch {
			case !ok:
				c.find(group[i].ID, "the other store lacks it")
			case r.ID != group[i].ID:
				c.find(group[i].ID, "the other store has conversation %q in its place", r.ID)
			case !bytes.Equal(r.value, group[i].value):
				c.find(group[i].ID, "the other store counts other conversations up to it")
			}
			g.Go(func() (err error) {
				ends[i], err = c.conversation(gctx, parlance.Ref{Workspace: ws, Conversation: group[i].ID})
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i, r := range group {
			sums[0].add(r.ID, ends[i][0])
			if has[i] {
				sums[1].add(r.ID, ends[i][1])
			}
		}
		c.result.Here, c.result.There = sums[0].contents(), sums[1].contents()
		if c.o.Progress != nil {
			c.o.Progress(c.result.Here)
		}
	}
	c.result.Here, c.result.There = sums[0].contents(), sums[1].contents()
	for {
		r, err, ok := next()
		if !ok || err != nil {
			return err
		}
		c.find(r.ID, "only the other store has it")
		ends, err := c.conversation(ctx, parlance.Ref{Workspace: ws, Conversation: r.ID})
		if err != nil {
			return err
		}
		sums[1].add(r.ID, ends[1])
		c.result.There = sums[1].contents()
	}
}

// records compares the records of conversations.
func (c *comparer) records(ctx context.Context, ws parlance.WorkspaceID, group []registeredRow) error {
	keys := make([][]byte, len(group))
	for i := range group {
		keys[i] = []byte(group[i].ID)
	}
	here, err := c.here.getMany(ctx, conversationRecords(ws), keys, c.o.Parallel)
	if err != nil {
		return err
	}
	there, err := c.there.getMany(ctx, conversationRecords(ws), keys, c.o.Parallel)
	if err != nil {
		return err
	}
	for i := range group {
		if !bytes.Equal(here[i], there[i]) {
			c.find(group[i].ID, "its record is another in the other store")
		}
	}
	return nil
}

// family returns how many rows of a family differ.
func (c *comparer) family(ctx context.Context, f bucketedRows) (n int, err error) {
	count := func(of, in *Store, differ func(a, b []byte) bool) error {
		return of.each(ctx, f, func(ctx context.Context, rows []driver.Row) error {
			values, err := in.getMany(ctx, f, keysOf(rows), c.o.Parallel)
			if err != nil {
				return err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			for i, v := range values {
				if differ(rows[i].Value, v) {
					n++
				}
			}
			return nil
		})
	}
	if err := count(c.here, c.there, func(a, b []byte) bool { return !bytes.Equal(a, b) }); err != nil {
		return n, err
	}
	err = count(c.there, c.here, func(_, b []byte) bool { return b == nil })
	return n, err
}

// A logSum is what a log comes to.
type logSum struct {
	number uint64
	total  int
	chain  format.Hash
}

// conversation compares what belongs to one conversation.
func (c *comparer) conversation(ctx context.Context, ref parlance.Ref) ([2]logSum, error) {
	var sums [2]logSum
	for _, of := range []struct {
		what string
		p    driver.Partition
	}{{"members", format.MemberPartition(ref)}, {"hidden marks", format.HiddenPartition(ref)}} {
		n, err := c.rows(ctx, of.p, nil)
		if err != nil {
			return sums, err
		}
		if n > 0 {
			c.find(ref.Conversation, "%d %s differ", n, of.what)
		}
	}
	if c.o.Heads {
		sums, err := c.heads(ctx, ref)
		if err != nil || sums[0] == sums[1] {
			return sums, err
		}
	}
	sums, err := c.logs(ctx, ref)
	if parlance.KindOf(err) == parlance.Corrupt && ctx.Err() == nil {
		c.find(ref.Conversation, "%v", err)
		return sums, nil
	}
	if err != nil {
		return sums, fmt.Errorf("compare conversation %s: %w", ref, err)
	}
	heads, err := c.heads(ctx, ref)
	if err != nil {
		return sums, err
	}
	for i, s := range []*Store{c.here, c.there} {
		if got := heads[i]; got.number <= sums[i].number && got != sums[i] && s.bounds.OneStep {
			c.find(ref.Conversation, "%s: the head says %d entries, %d messages and hash %x; the log comes to %d, %d and %x",
				[]string{"this store", "the other store"}[i], got.number, got.total, got.chain[:8], sums[i].number, sums[i].total, sums[i].chain[:8])
		}
	}
	return sums, nil
}

// heads returns what the heads say that two logs come to.
func (c *comparer) heads(ctx context.Context, ref parlance.Ref) (sums [2]logSum, err error) {
	for i, s := range []*Store{c.here, c.there} {
		t, err := s.head(ctx, ref)
		if err != nil {
			return sums, err
		}
		sums[i] = logSum{t.Number, t.Total, t.Chain}
	}
	return sums, nil
}

// logs compares two logs row by row.
func (c *comparer) logs(ctx context.Context, ref parlance.Ref) (sums [2]logSum, err error) {
	nextHere, stop := iter.Pull2(c.here.allLogRows(ctx, ref))
	defer stop()
	nextThere, stop := iter.Pull2(c.there.allLogRows(ctx, ref))
	defer stop()
	differ := false
	for {
		here, err, more := nextHere()
		if err != nil {
			return sums, fmt.Errorf("this store: %w", err)
		}
		there, err, moreThere := nextThere()
		if err != nil {
			return sums, fmt.Errorf("the other store: %w", err)
		}
		if more {
			sums[0].add(&here)
		}
		if moreThere {
			sums[1].add(&there)
		}
		if !more && !moreThere {
			break
		}
		if more && moreThere && !differ && !bytes.Equal(here.value, there.value) {
			differ = true
			c.find(ref.Conversation, "entry %d is another in the other store", here.Number)
		}
	}
	if a, b := sums[0], sums[1]; a.number != b.number {
		c.find(ref.Conversation, "its log has %d entries and %d messages here, %d and %d in the other store", a.number, a.total, b.number, b.total)
	} else if a.chain != b.chain && !differ {
		c.find(ref.Conversation, "the hashes of its logs differ")
	}
	return sums, nil
}

func (s *logSum) add(r *logRow) {
	s.number, s.total = r.Number, r.Total
	s.chain = r.Link(s.chain, r.AppendHeader(nil))
}

// allLogRows walks a whole log.
func (s *Store) allLogRows(ctx context.Context, ref parlance.Ref) iter.Seq2[logRow, error] {
	return func(yield func(logRow, error) bool) {
		for number := uint64(1); ; {
			rows, err := s.logRows(ctx, ref, number, verifyGroup)
			if err != nil {
				yield(logRow{}, err)
				return
			}
			if len(rows) == 0 {
				return
			}
			for i := range rows {
				if !yield(rows[i], nil) {
					return
				}
			}
			number += uint64(len(rows))
		}
	}
}

// A summer adds up what a store holds.
type summer struct {
	got StoreContents
	sum [sha256.Size]byte
}

// add takes a conversation in. The hash becomes SHA-256( hash before ‖ id ‖ NUL ‖ last number, 8 bytes ‖ hash
// of the log ); it begins with 32 zero bytes.
func (s *summer) add(id parlance.ConversationID, l logSum) {
	s.got.Conversations++
	s.got.Entries += int(l.number)
	s.got.Messages += l.total
	b := append(s.sum[:len(s.sum):len(s.sum)], id...)
	b = append(append(b, 0), format.Number8(l.number)...)
	s.sum = sha256.Sum256(append(b, l.chain[:]...))
}

func (s *summer) contents() StoreContents {
	s.got.Hash = hex.EncodeToString(s.sum[:])
	return s.got
}
