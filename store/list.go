package store

import (
	"container/heap"
	"context"
	"fmt"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
)

// A List is one of the lists of conversations by last activity: an account's, or all
// of a kind. Exactly one field is set.
type List struct {
	Account parlance.AccountID
	Kind    parlance.Kind
}

// A Summary is a conversation as lists show it.
type Summary struct {
	Conversation parlance.Conversation
	State        State
	Last         *Entry // the newest message by Created; nil if there is none
}

// activity is what lists are ordered by.
func (s *Summary) activity() parlance.Time {
	if s.Last == nil {
		return s.Conversation.Created
	}
	return s.Last.Message.Created
}

// lag is how far behind a conversation's activity its row in the lists may be: rows
// that move with each message would leave a trail of dead rows for readers to cross.
const lag parlance.Time = 60_000

// listPartition holds a list's rows of one month; their key is time and conversation.
func listPartition(ws parlance.WorkspaceID, l List, m month) driver.Partition {
	if l.Account != "" {
		return derived("a", string(ws), string(l.Account), string(number4(uint32(m))))
	}
	return derived("k", string(ws), string(l.Kind), string(number4(uint32(m))))
}

// listMonths holds the months in which a list has rows, or had.
func listMonths(ws parlance.WorkspaceID, l List) driver.Partition {
	if l.Account != "" {
		return derived("m", string(ws), string(l.Account))
	}
	return derived("K", string(ws), string(l.Kind))
}

func listKey(t parlance.Time, c parlance.ConversationID) []byte { return append(timeKey(t), c...) }

// present is the value of a row whose key says it all.
var present = []byte{1}

// listOps puts a conversation into a list at time t.
func listOps(ws parlance.WorkspaceID, l List, c parlance.ConversationID, t parlance.Time) []driver.Op {
	m := monthOf(t)
	return []driver.Op{
		{Partition: listPartition(ws, l, m), Key: listKey(t, c), Value: present},
		{Partition: listMonths(ws, l), Key: number4(uint32(m)), Value: present},
	}
}

// listedAt is the time at which the conversation's rows stand in the lists.
func (t *tail) listedAt(about *parlance.Conversation) parlance.Time {
	if t.listed == 0 {
		return about.Created
	}
	return t.listed
}

// listEntry has the lists move with entry e if their rows lag too far behind. It looks at nothing
// but the log and where the rows stood before, so that all who derive from the same entries move them
// to the same place, whatever groups they make. An import runs through years in a minute; its
// conversations move with their first message, and then once more, when it ends.
func (a *appender) listEntry(e *Entry) {
	if !a.lags() || e.origin != Send && e.Number > 1 {
		return
	}
	a.left = append(a.left, a.next.listedAt(&a.about))
	a.next.listed = a.next.activity(&a.about)
}

// list writes the rows of the lists if the group's entries moved them, and leaves the rest to Settle.
func (a *appender) list() error {
	if len(a.left) > 0 {
		if err := a.move(); err != nil {
			return err
		}
	}
	a.relist()
	return nil
}

// lags reports whether the conversation's rows in the lists are too far from its activity.
func (a *appender) lags() bool {
	at := a.next.listedAt(&a.about)
	return a.next.number > 0 && (a.next.listed == 0 || a.next.activity(&a.about) >= at+lag)
}

// activity is the highest time that the conversation's last activity may have.
func (t *tail) activity(about *parlance.Conversation) parlance.Time {
	if t.total == 0 {
		return about.Created
	}
	return t.lastCreated
}

// relist leaves a conversation that lags in the lists to Settle. It does so also when
// nothing was stored: an import that is done again may be there because the first one never settled.
func (a *appender) relist() {
	if a.lags() {
		a.s.unlistedMu.Lock()
		defer a.s.unlistedMu.Unlock()
		a.s.unlisted[a.c.ref] = struct{}{}
	}
}

// move puts the conversation into the lists where next says that it stands, and takes it out where it stood before.
func (a *appender) move() error {
	if !a.s.bounds.Exclusive {
		a.s.drop(membersName(a.c.ref)) // who just came needs the new row most
	}
	members, err := a.s.Members(a.ctx, a.c.ref)
	if err != nil {
		return err
	}
	to := a.next.listedAt(&a.about)
	lists := []List{{Kind: a.about.Kind}}
	for _, m := range members {
		lists = append(lists, List{Account: m.Account})
	}
	for _, l := range lists {
		for _, from := range a.left {
			if from != to {
				a.ops.delete(listPartition(a.c.ref.Workspace, l, monthOf(from)), listKey(from, a.c.ref.Conversation))
			}
		}
		a.ops.ops = append(a.ops.ops, listOps(a.c.ref.Workspace, l, a.c.ref.Conversation, to)...)
	}
	return nil
}

// Settle brings the lists up to date after Puts in modes Import and Mirror, which leave
// them behind. Who imports calls it in the end; [Store.Close] does too.
func (s *Store) Settle(ctx context.Context) error {
	s.unlistedMu.Lock()
	refs := make([]parlance.Ref, 0, len(s.unlisted))
	for ref := range s.unlisted {
		refs = append(refs, ref)
	}
	clear(s.unlisted)
	s.unlistedMu.Unlock()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(64) // they wait for the disk, and share its syncs
	for _, ref := range refs {
		g.Go(func() error {
			err := s.settle(gctx, ref)
			if err != nil {
				s.unlistedMu.Lock()
				s.unlisted[ref] = struct{}{}
				s.unlistedMu.Unlock()
				return fmt.Errorf("bring the lists of %s up to date: %w", ref, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// settle moves one conversation in the lists. The head moves with the rows, under the
// number that it has: what the rows say is no more than the log does.
func (s *Store) settle(ctx context.Context, ref parlance.Ref) error {
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	c.write.Lock()
	defer c.write.Unlock()
	t, err := s.writerTail(ctx, c)
	if err != nil || t.number == 0 {
		return err
	}
	about, err := s.Conversation(ctx, ref)
	if err != nil {
		return err
	}
	a := &appender{s: s, c: c, ctx: ctx, next: *t, about: about}
	if t.listedAt(&about) == t.activity(&about) && t.listed != 0 {
		return nil
	}
	a.left, a.next.listed = []parlance.Time{t.listedAt(&about)}, t.activity(&about)
	if err := a.move(); err != nil {
		return err
	}
	// The old rows go once the head says where the new ones are.
	ops, head := a.ops.settled(), driver.Op{Partition: headPartition(ref), Value: a.next.encode()}
	old := slices.IndexFunc(ops, func(op driver.Op) bool { return op.Delete })
	if old < 0 {
		old = len(ops)
	}
	ops = slices.Insert(ops, old, head)
	parts := [][]driver.Op{ops}
	if !s.bounds.OneStep {
		parts = append(splitOps(ops[:old], s.bounds.BatchBytes), ops[old:old+1])
		parts = append(parts, splitOps(ops[old+1:], s.bounds.BatchBytes)...)
	}
	if err := s.writeParts(ctx, parts, appended(t.number)+1); err != nil {
		return err
	}
	next := a.next
	c.tail.Store(&next)
	return nil
}

// Recent returns a list's conversations, the last active first: by the Created of their
// newest message (of the conversation itself if it has none) descending, then by id.
// It reads as far as it is asked.
func (s *Store) Recent(ctx context.Context, ws parlance.WorkspaceID, l List) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		var found summaries
		seen := map[parlance.ConversationID]bool{}
		// Rows lag behind by up to lag, so a conversation may be shown once no row
		// above it can be missing.
		show := func(until parlance.Time) bool {
			for len(found) > 0 && found[0].activity() > until {
				if !yield(heap.Pop(&found).(Summary), nil) {
					return false
				}
			}
			return true
		}
		for row, err := range s.listRows(ctx, ws, l) {
			if err != nil {
				yield(Summary{}, err)
				return
			}
			if seen[row.conversation] {
				continue
			}
			if !show(row.at + lag) {
				return
			}
			seen[row.conversation] = true
			sum, ok, err := s.summary(ctx, ws, l, row.conversation)
			if err != nil {
				yield(Summary{}, err)
				return
			}
			if ok {
				heap.Push(&found, sum)
			}
		}
		show(parlance.MinTime - 1)
	}
}

// CountConversations returns the length of a list.
func (s *Store) CountConversations(ctx context.Context, ws parlance.WorkspaceID, l List) (int, error) {
	if l.Account == "" {
		r := s.registry(ws)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.last == nil || !s.bounds.Exclusive {
			last, err := s.lastRegistered(ctx, ws)
			if err != nil {
				return 0, fmt.Errorf("count conversations: %w", err)
			}
			r.last = &last
		}
		return int(r.last.counts[indexOf(kinds[:], l.Kind)]), nil
	}
	seen := map[parlance.ConversationID]bool{}
	for row, err := range s.listRows(ctx, ws, l) {
		if err != nil {
			return 0, err
		}
		if seen[row.conversation] {
			continue
		}
		ok, err := s.lists(ctx, ws, l, row.conversation)
		if err != nil {
			return 0, err
		}
		if ok {
			seen[row.conversation] = true
		}
	}
	return len(seen), nil
}

type listRow struct {
	at           parlance.Time
	conversation parlance.ConversationID
}

// listRows returns a list's rows, the latest first, superseded ones included.
func (s *Store) listRows(ctx context.Context, ws parlance.WorkspaceID, l List) iter.Seq2[listRow, error] {
	return func(yield func(listRow, error) bool) {
		for m, err := range s.engine.Scan(ctx, listMonths(ws, l), driver.Range{Reverse: true}) {
			if err != nil {
				yield(listRow{}, fmt.Errorf("read a list of conversations: %w", err))
				return
			}
			for row, err := range s.engine.Scan(ctx, listPartition(ws, l, monthOfKey(m.Key)), driver.Range{Reverse: true}) {
				if err != nil {
					yield(listRow{}, fmt.Errorf("read a list of conversations: %w", err))
					return
				}
				if !yield(listRow{timeOfKey(row.Key), parlance.ConversationID(row.Key[8:])}, nil) {
					return
				}
			}
		}
	}
}

func monthOfKey(k []byte) month {
	return month(uint32(k[0])<<24 | uint32(k[1])<<16 | uint32(k[2])<<8 | uint32(k[3]))
}

// lists reports whether a conversation still belongs into a list.
func (s *Store) lists(ctx context.Context, ws parlance.WorkspaceID, l List, id parlance.ConversationID) (bool, error) {
	if l.Account == "" {
		return true, nil
	}
	_, err := s.Member(ctx, parlance.Ref{Workspace: ws, Conversation: id}, l.Account)
	if parlance.KindOf(err) == parlance.NotFound {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) summary(ctx context.Context, ws parlance.WorkspaceID, l List, id parlance.ConversationID) (Summary, bool, error) {
	ok, err := s.lists(ctx, ws, l, id)
	if err != nil || !ok {
		return Summary{}, false, err
	}
	ref := parlance.Ref{Workspace: ws, Conversation: id}
	about, err := s.Conversation(ctx, ref)
	if err != nil {
		return Summary{}, false, err
	}
	n, err := s.newest(ctx, ref)
	if err != nil {
		return Summary{}, false, err
	}
	return Summary{Conversation: about, State: n.state, Last: n.last}, true, nil
}

// maxNewest is the largest content in bytes that is kept for every conversation in memory.
const maxNewest = 4096

// newest returns the newest message of a conversation, from memory if nothing was
// written since it was last asked for.
func (s *Store) newest(ctx context.Context, ref parlance.Ref) (*newest, error) {
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	t, err := s.readerTail(ctx, c)
	if err != nil {
		return nil, err
	}
	if n := c.newest.Load(); n != nil && n.state.Number == t.number {
		return n, nil
	}
	p, err := s.Page(ctx, ref, Query{Limit: 1, Private: true})
	if err != nil {
		return nil, err
	}
	n := &newest{state: p.State}
	if len(p.Entries) > 0 {
		n.last = &p.Entries[0]
	}
	if n.last == nil || len(n.last.content) <= maxNewest {
		c.newest.Store(n)
	}
	return n, nil
}

// summaries is a heap, the last active on top.
type summaries []Summary

func (h summaries) Len() int { return len(h) }
func (h summaries) Less(i, j int) bool {
	a, b := h[i].activity(), h[j].activity()
	return a > b || a == b && h[i].Conversation.ID < h[j].Conversation.ID
}
func (h summaries) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *summaries) Push(x any)   { *h = append(*h, x.(Summary)) }
func (h *summaries) Pop() any {
	last := (*h)[len(*h)-1]
	*h = slices.Delete(*h, len(*h)-1, len(*h))
	return last
}
