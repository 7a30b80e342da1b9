package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"parlance"
)

// A frozenSet is which conversations of a workspace are frozen, as far as its registry was read. It costs a reading of
// all records once; from then on what is new or changed is looked at.
type frozenSet struct {
	mu     sync.Mutex
	number uint64 // of the registry, up to which it was read
	ids    map[parlance.ConversationID]parlance.Kind

	changedMu sync.Mutex
	changed   map[parlance.ConversationID]struct{} // since they were read
}

func newFrozenSet() *frozenSet {
	return &frozenSet{ids: map[parlance.ConversationID]parlance.Kind{}, changed: map[parlance.ConversationID]struct{}{}}
}

// CountActive returns how many conversations of these kinds a workspace has that aren't frozen. Where others may write to
// the engine too, it reads the records of all of them.
func (s *Store) CountActive(ctx context.Context, ws parlance.WorkspaceID, kinds ...parlance.Kind) (int, error) {
	f := newFrozenSet()
	if s.bounds.Exclusive {
		remembered, _ := s.frozen.LoadOrStore(ws, f)
		f = remembered.(*frozenSet)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := s.readFrozen(ctx, ws, f); err != nil {
		return 0, fmt.Errorf("count active conversations: %w", err)
	}
	n := 0
	for _, k := range kinds {
		all, err := s.CountConversations(ctx, ws, List{Kind: k})
		if err != nil {
			return 0, err
		}
		n += all
		for _, frozen := range f.ids {
			if frozen == k {
				n--
			}
		}
	}
	return n, nil
}

// readFrozen brings f up to date.
func (s *Store) readFrozen(ctx context.Context, ws parlance.WorkspaceID, f *frozenSet) error {
	for group, err := range groups(s.registered(ctx, ws, f.number+1), maxSummaries) {
		if err != nil {
			return err
		}
		ids := make([]parlance.ConversationID, len(group))
		for i, r := range group {
			ids[i] = r.ID
		}
		if err := s.lookFrozen(ctx, ws, f, ids); err != nil {
			return err
		}
		f.number = group[len(group)-1].Number
	}
	changed := f.takeChanged()
	if err := s.lookFrozen(ctx, ws, f, changed); err != nil {
		for _, again := range changed {
			f.change(again)
		}
		return err
	}
	return nil
}

// lookFrozen reads which of the conversations are frozen, many at once.
func (s *Store) lookFrozen(ctx context.Context, ws parlance.WorkspaceID, f *frozenSet, ids []parlance.ConversationID) error {
	cs := make([]parlance.Conversation, len(ids))
	err := s.several(len(ids), maxSummaries, func(i int) (err error) {
		cs[i], err = s.Conversation(ctx, parlance.Ref{Workspace: ws, Conversation: ids[i]})
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range cs {
		if c.Frozen {
			f.ids[c.ID] = c.Kind
		} else {
			delete(f.ids, c.ID)
		}
	}
	return nil
}

func (f *frozenSet) takeChanged() []parlance.ConversationID {
	f.changedMu.Lock()
	defer f.changedMu.Unlock()
	changed := f.changed
	f.changed = map[parlance.ConversationID]struct{}{}
	return slices.Collect(maps.Keys(changed))
}

func (f *frozenSet) change(id parlance.ConversationID) {
	f.changedMu.Lock()
	defer f.changedMu.Unlock()
	f.changed[id] = struct{}{}
}

// conversationChanged has the record that name is remembered by be looked at again, if it is a conversation's.
func (s *Store) conversationChanged(name string) {
	rest, ok := strings.CutPrefix(name, "c")
	if !ok {
		return
	}
	ws, id, _ := strings.Cut(rest, "\x00")
	if f, ok := s.frozen.Load(parlance.WorkspaceID(ws)); ok {
		f.(*frozenSet).change(parlance.ConversationID(id))
	}
}
