package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// log copies those entries of a log that the target lacks. head is of the source, and durable.
func (c *copier) log(ctx context.Context, ref parlance.Ref, head *format.Head) error {
	d := c.dst.conversations.acquire(ref)
	defer c.dst.conversations.release(d)
	t, err := c.dst.recoverHead(ctx, d)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if head.Number != t.Number || head.Chain != t.Chain {
		if err := c.follows(ctx, ref, t.Number, t.Chain); err != nil {
			return err
		}
	}
	limit := head.Number
	if !c.src.bounds.OneStep {
		limit = math.MaxUint64 // there may be entries above the head; each is durable that can be read
	}
	for number := t.Number; number < limit; {
		rows, err := c.src.logRows(ctx, ref, number+1, int(min(uint64(c.group), limit-number)))
		if err != nil {
			return err
		}
		if len(rows) == 0 && number < head.Number {
			return parlance.Errorf(parlance.Corrupt, "the log of conversation %s has no entry %d", ref, number+1)
		}
		if len(rows) == 0 {
			break
		}
		if err := c.limiter.WaitN(ctx, len(rows)); err != nil {
			return err
		}
		for len(rows) > 0 {
			n := 0
			err := c.write(ctx, func() (err error) {
				n, err = c.dst.adopt(ctx, d, number, rows)
				return err
			})
			if err != nil {
				return err
			}
			number += uint64(n)
			rows = rows[n:]
			c.count(func(r *CopyReport) { r.Copied += n })
			c.tell(false)
		}
	}
	return c.dst.lagging(ctx, d, t)
}

// recoverHead returns the head that entries are adopted on, after what an earlier copy left half done.
func (s *Store) recoverHead(ctx context.Context, c *conversation) (*format.Head, error) {
	c.write.Lock()
	defer c.write.Unlock()
	return s.writerHead(ctx, c)
}

// adopt makes rows, which follow on entry number of another store's log, entries of this
// one's: as many as one claim takes. It returns how many.
func (s *Store) adopt(ctx context.Context, c *conversation, number uint64, rows []logRow) (_ int, err error) {
	c.write.Lock()
	defer c.write.Unlock()
	t, err := s.writerHead(ctx, c)
	if err != nil {
		return 0, err
	}
	taken := parlance.Errorf(parlance.Conflict, "conversation %s: somebody else is writing to the target", c.ref)
	if t.Number != number {
		return 0, taken
	}
	a := &appender{s: s, c: c, ctx: ctx, base: t, next: *t}
	if err := a.prepare(); err != nil {
		return 0, err
	}
	first := a.firstNumber()
	rows = rows[:min(len(rows), s.groupEntries(), int(s.layout.SegmentEnd(first)-first)+1)]
	before, err := s.versionsBefore(ctx, c.ref, first, rows)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		if err := a.adopt(&rows[i], before); err != nil {
			return 0, err
		}
		if s.bounds.BatchBytes > 0 && max(a.size, a.rangeBytes()) > s.bounds.BatchBytes/2 {
			break
		}
	}
	defer func() { a.fed(err == nil) }()
	if err := a.finish(); err != nil {
		return 0, err
	}
	if slices.ContainsFunc(a.entries, func(e *Entry) bool { return e.Previous != 0 }) {
		c.revisions.Add(1) // as in run
		defer c.revisions.Add(1)
	}
	if err := a.commit(); err != nil {
		c.invalidate()
		if driver.AsRefused(err) != nil {
			return 0, taken
		}
		return 0, err
	}
	next := a.next
	c.cachedHead.Store(&next)
	return len(a.entries), nil
}

// versionsBefore returns the entries below number first that rows are versions after.
func (s *Store) versionsBefore(ctx context.Context, ref parlance.Ref, first uint64, rows []logRow) (map[uint64]*Entry, error) {
	var numbers []uint64
	for i := range rows {
		if n := rows[i].Previous; n != 0 && n < first {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	es, err := s.entries(ctx, ref, numbers)
	before := map[uint64]*Entry{}
	for i := range es {
		before[numbers[i]] = &es[i]
	}
	return before, err
}

// adopt adds a row to the group as it is.
func (a *appender) adopt(r *logRow, before map[uint64]*Entry) error {
	e := &r.Entry
	damaged := func(err error) error {
		return parlance.Wrap(parlance.Corrupt, err, "the log of conversation %s is damaged at or before entry %d", a.c.ref, e.Number)
	}
	var old *Entry
	if first := a.firstNumber(); e.Previous >= first {
		old = a.entries[e.Previous-first]
	} else if e.Previous != 0 {
		old = before[e.Previous]
	}
	if old != nil && old.Message.ID != e.Message.ID {
		return damaged(errors.New("it follows on another message"))
	}
	if err := a.derive(e, old); err != nil {
		return err
	}
	if e.Total != a.next.Total || e.Private != a.next.Private {
		return damaged(errors.New("it counts other messages than there are"))
	}
	a.next.Chain = e.Link(a.next.Chain, e.AppendHeader(nil))
	if e.Number%format.ChainEvery == 0 && !bytes.Equal(r.chain, a.next.Chain[:]) {
		return damaged(errors.New("the hash chain breaks"))
	}
	a.entries = append(a.entries, e)
	a.rows = append(a.rows, driver.Claim{Key: a.s.layout.LogKey(e.Number), Value: r.value})
	a.size += len(r.value)
	return nil
}

// lagging has Settle look at a conversation of head t whose place in the lists an earlier copy
// may have left behind.
func (s *Store) lagging(ctx context.Context, c *conversation, t *format.Head) error {
	a := &appender{s: s, c: c, ctx: ctx, base: t, next: *t}
	if err := a.prepare(); err != nil {
		return err
	}
	a.relist()
	return nil
}

// registry copies what the target lacks of the registry, and makes all conversations' records
// the same. It returns the last number that both have.
func (c *copier) registry(ctx context.Context, ws parlance.WorkspaceID) (last uint64, err error) {
	f := conversationRecords(ws)
	for group, err := range groups(c.src.registryRows(ctx, ws, 1), conversationsAtOnce) {
		if err != nil {
			return last, err
		}
		keys := make([][]byte, len(group))
		for i := range group {
			keys[i] = []byte(group[i].ID)
		}
		values, err := c.src.getMany(ctx, f, keys, c.o.Parallel)
		if err != nil {
			return last, err
		}
		rows := make([]driver.Row, len(group))
		for i, v := range values {
			if v == nil {
				return last, parlance.Errorf(parlance.Corrupt, "conversation %q has no record", group[i].ID)
			}
			rows[i] = driver.Row{Key: keys[i], Value: v}
		}
		if err := c.secure(ctx); err != nil {
			return last, err
		}
		if err := c.put(ctx, f, rows); err != nil {
			return last, err
		}
		if err := c.write(ctx, func() error { return c.dst.adoptRegistry(ctx, ws, group) }); err != nil {
			return last, err
		}
		last = group[len(group)-1].Number
	}
	return last, nil
}

// adoptRegistry makes rows of another store's registry rows of this one's, unless they are already.
func (s *Store) adoptRegistry(ctx context.Context, ws parlance.WorkspaceID, rows []registeredRow) error {
	r := s.registry(ws)
	r.mu.Lock()
	defer r.mu.Unlock()
	last, err := s.completeRegistry(ctx, ws)
	if err != nil {
		return err
	}
	known := slices.IndexFunc(rows, func(row registeredRow) bool { return row.Number > last.Number })
	if known < 0 {
		return nil
	}
	for rows = rows[known:]; len(rows) > 0; {
		first := rows[0].Number
		if first != last.Number+1 {
			return parlance.Errorf(parlance.Conflict, "the registry of the target ends at %d; somebody else is writing to it", last.Number)
		}
		n := min(len(rows), s.groupEntries(), int(s.layout.SegmentEnd(first)-first)+1)
		var claims []driver.Claim
		var ops []driver.Op
		for _, row := range rows[:n] {
			about, err := s.Conversation(ctx, parlance.Ref{Workspace: ws, Conversation: row.ID})
			if err != nil {
				return err
			}
			claims = append(claims, driver.Claim{Key: s.layout.LogKey(row.Number), Value: row.value})
			ops = append(ops, registryOps(ws, &about, row.Number, about.Created)...)
		}
		r.last = nil
		err := s.claimParts(ctx, s.layout.RegistryPartition(ws, first), claims, ops, 1)
		if driver.AsRefused(err) != nil {
			return parlance.Errorf(parlance.Conflict, "somebody else is writing to the target")
		}
		if err == nil {
			err = s.writeRegistryHead(ctx, ws, rows[n-1].Number)
		}
		if err != nil {
			return err
		}
		last = rows[n-1].Registered
		rows = rows[n:]
	}
	r.last = &last
	s.changed(ws)
	return nil
}
