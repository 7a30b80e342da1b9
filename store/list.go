package store

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"

	"parlance"
	"parlance/store/internal/format"
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
		var next []parlance.ConversationID // found in rows, and not yet read
		read := func() error {
			sums, err := s.summaries(ctx, ws, l, next)
			for i := range sums {
				heap.Push(&found, sums[i])
			}
			next = next[:0]
			return err
		}
		for row, err := range s.listRows(ctx, ws, l) {
			if err == nil && len(next) == s.shownAtOnce() {
				if err = read(); err == nil && !show(row.at+maxListLag) {
					return
				}
			}
			if err != nil {
				yield(Summary{}, err)
				return
			}
			if !seen[row.conversation] {
				seen[row.conversation] = true
				next = append(next, row.conversation)
			}
		}
		if err := read(); err != nil {
			yield(Summary{}, err)
			return
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
		return int(r.last.Counts[format.IndexOf(format.Kinds[:], l.Kind)]), nil
	}
	var ids []parlance.ConversationID
	for row, err := range s.listRows(ctx, ws, l) {
		if err != nil {
			return 0, err
		}
		ids = append(ids, row.conversation)
	}
	var n atomic.Int64
	err := s.several(len(ids), maxSummaries, func(i int) error {
		ok, err := s.lists(ctx, ws, l, ids[i])
		if ok {
			n.Add(1)
		}
		return err
	})
	return int(n.Load()), err
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

// maxSummaries is how many conversations of a list are read at once on an engine that is far away.
const maxSummaries = 32

// shownAtOnce is how many conversations of a list are read before the first of them is shown.
func (s *Store) shownAtOnce() int {
	if s.bounds.Exclusive {
		return 1
	}
	return maxSummaries
}

// summaries returns those of the conversations that belong into a list, in no order.
func (s *Store) summaries(ctx context.Context, ws parlance.WorkspaceID, l List, ids []parlance.ConversationID) ([]Summary, error) {
	sums, in := make([]Summary, len(ids)), make([]bool, len(ids))
	err := s.several(len(ids), maxSummaries, func(i int) (err error) {
		sums[i], in[i], err = s.summary(ctx, ws, l, ids[i])
		return err
	})
	n := 0
	for i := range sums {
		if in[i] {
			sums[n] = sums[i]
			n++
		}
	}
	return sums[:n], err
}

// summary reads what a list shows of a conversation, all at once; ok says that it belongs there.
func (s *Store) summary(ctx context.Context, ws parlance.WorkspaceID, l List, id parlance.ConversationID) (sum Summary, ok bool, err error) {
	ref := parlance.Ref{Workspace: ws, Conversation: id}
	var isIn, record, message error
	reads := [...]func(){
		func() { ok, isIn = s.lists(ctx, ws, l, id) },
		func() { sum.Conversation, record = s.Conversation(ctx, ref) },
		func() {
			var n *newest
			if n, message = s.newest(ctx, ref); message == nil {
				sum.State, sum.Last = n.state, n.last
			}
		},
	}
	_ = s.several(len(reads), len(reads), func(i int) error {
		if i == 0 || !s.bounds.Exclusive || ok {
			reads[i]()
		}
		return nil // each keeps its own, since accounts outside of the list don't matter
	})
	if isIn != nil || !ok {
		return Summary{}, false, isIn
	}
	if err = cmp.Or(record, message); err != nil {
		return Summary{}, false, err
	}
	return sum, true, nil
}

// maxNewest is the largest content in bytes that is kept for every conversation in memory.
const maxNewest = 4096

// newest returns the newest message of a conversation, from memory if nothing was
// written since it was last asked for.
func (s *Store) newest(ctx context.Context, ref parlance.Ref) (*newest, error) {
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	have := c.newest.Load()
	p, err := s.Page(ctx, ref, Query{Limit: 1, Private: true, Unless: func(st State) bool { return have != nil && have.state == st }})
	if err != nil {
		return nil, err
	}
	if have != nil && have.state == p.State {
		return have, nil
	}
	n := &newest{state: p.State}
	if len(p.Entries) > 0 {
		n.last = &p.Entries[0]
	}
	if n.last == nil || len(n.last.Content) <= maxNewest {
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
