package access

import (
	"context"
	"slices"

	"parlance"
)

// A Reading is what a read token may read of its workspace. The zero value is every live message but staff notes.
type Reading struct {
	Conversations []parlance.ConversationID `json:"conversations,omitempty"` // the only ones, at most [parlance.MaxTokenConversations]; none: all
	Kinds         []parlance.Kind           `json:"kinds,omitempty"`         // the only ones; none: all
	From          parlance.Time             `json:"from,omitempty"`          // only messages created then or later; zero: no bound
	To            parlance.Time             `json:"to,omitempty"`            // only messages created before that; zero: no bound
	Private       bool                      `json:"private,omitempty"`       // staff notes too
	History       bool                      `json:"history,omitempty"`       // earlier versions too, and what was deleted or recalled
}

// check returns an Invalid error that names what isn't right.
func (r *Reading) check() error {
	if n := len(r.Conversations); n > parlance.MaxTokenConversations {
		return parlance.Errorf(parlance.Invalid, "a read token names %d conversations, at most %d are allowed", n, parlance.MaxTokenConversations)
	}
	for _, id := range r.Conversations {
		if err := parlance.CheckID("conversation", id); err != nil {
			return err
		}
	}
	kinds := []parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order}
	for i, kind := range r.Kinds {
		if !slices.Contains(kinds, kind) {
			return parlance.Errorf(parlance.Invalid, "kind of conversation %q: want one of %v", kind, kinds)
		}
		if slices.Contains(r.Kinds[:i], kind) {
			return parlance.Errorf(parlance.Invalid, "kind of conversation %q is named twice", kind)
		}
	}
	if r.From < 0 || r.To < 0 || r.To != 0 && r.From >= r.To {
		return parlance.Errorf(parlance.Invalid, "a read token from %s until before %s reads nothing", r.From, r.To)
	}
	return nil
}

// ReadToken returns what a read token grants: its workspace, to read in the bounds of Grant.Reading, as nobody in particular.
func (k *Keeper) ReadToken(ctx context.Context, token string) (Grant, error) {
	return k.bySecret(ctx, ReadToken, token)
}
