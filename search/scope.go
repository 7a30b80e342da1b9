package search

import (
	"context"
	"slices"

	"parlance"
	"parlance/search/internal/block"
	"parlance/store"
)

// A Scope is what somebody may find. The zero value is all live messages of the workspace, staff notes included.
type Scope struct {
	Conversations []parlance.ConversationID // the only ones; nil: all
	Kinds         []parlance.Kind           // the only ones; nil: all
	From, To      parlance.Time             // From <= Created < To; zero: no bound
	Public        bool                      // staff notes aren't found
	History       bool                      // earlier versions, and what was deleted or recalled, are found by in:history

	// Hides, if it isn't nil, is asked which of a conversation's messages the one who asks doesn't see.
	Hides func(ctx context.Context, id parlance.ConversationID) (func(*store.Entry) bool, error)
}

// conversationSet returns the only conversations as a set; nil: all.
func (s *Scope) conversationSet() map[parlance.ConversationID]struct{} {
	if s.Conversations == nil {
		return nil
	}
	only := make(map[parlance.ConversationID]struct{}, len(s.Conversations))
	for _, id := range s.Conversations {
		only[id] = struct{}{}
	}
	return only
}

// admits reports whether anything of a conversation may be found.
func (s *Scope) admits(t *block.Thread) bool {
	return (s.Conversations == nil || slices.Contains(s.Conversations, t.ID)) && (s.Kinds == nil || slices.Contains(s.Kinds, t.Kind))
}
