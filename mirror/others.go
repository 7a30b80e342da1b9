package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parlance"
	"parlance/history"
	"parlance/store"
)

// Under the id of a conversation that a platform has, another one may stand here: of another platform, with another customer, or
// a room that a user made. Nothing is brought into it, and the platform's conversation is a gap.

// otherHere begins the reasons of such gaps.
const otherHere = "another conversation stands here under this id, so nothing of it was stored: "

// admitted makes the conversation that a stream is of, unless it exists. The error is a [*store.Taken] if another one does.
func (r *run) admitted(ctx context.Context, ref parlance.Ref, st *history.Stream) (store.Created, error) {
	c := st.Conversation
	old, err := r.m.store.Conversation(ctx, ref)
	if err != nil && !errors.Is(err, parlance.NotFound) {
		return store.Created{}, err
	}
	stands := err == nil
	if stands && st.Guessed && old.Platform == c.Platform && (old.Kind == parlance.Room || old.Kind == parlance.Direct) {
		c.Kind = old.Kind
	}
	if stands && old.Kind == parlance.Direct && old.Maker != "" {
		// Which of the two made it doesn't matter.
		all, err := r.names(ctx, ref, st.Members)
		if err != nil {
			return store.Created{}, err
		}
		if all {
			c.Maker = old.Maker
		}
	}
	if r.o.DryRun {
		if why := old.Admits(&c); stands && why != nil {
			return store.Created{}, &store.Taken{Conversations: []parlance.ConversationID{c.ID}, First: why}
		}
		return store.Created{Conversation: c, New: true}, nil
	}
	made, err := r.m.store.Create(ctx, r.c.Workspace, c)
	if err != nil {
		return store.Created{}, err
	}
	return made[0], nil
}

// names reports whether all who are in a conversation here are among those whom the platform names.
func (r *run) names(ctx context.Context, ref parlance.Ref, named []parlance.Member) (bool, error) {
	here, err := r.m.store.Members(ctx, ref)
	if err != nil {
		return false, fmt.Errorf("read the members of %s: %w", ref, err)
	}
	for _, m := range here {
		if !slices.ContainsFunc(named, func(n parlance.Member) bool { return n.Account == m.Account }) {
			return false, nil
		}
	}
	return true, nil
}

// isOther returns why what the platform has under an id isn't the conversation that stands here; empty if it is, or none stands.
func (r *run) isOther(ctx context.Context, id parlance.ConversationID) (string, error) {
	if why, known := r.others.Load(id); known {
		return why.(string), nil
	}
	// The platform has told nothing of it in this run.
	c, err := r.m.store.Conversation(ctx, parlance.Ref{Workspace: r.c.Workspace, Conversation: id})
	switch {
	case errors.Is(err, parlance.NotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for conversation %q: %w", id, err)
	}
	claim := parlance.Conversation{ID: id, Kind: c.Kind, Platform: r.traits.Dialect}
	why := ""
	if err := c.Admits(&claim); err != nil {
		why = err.Error()
	}
	r.others.Store(id, why)
	return why, nil
}

// wasOther reports whether isOther has found that id is another conversation's.
func (r *run) wasOther(id parlance.ConversationID) bool {
	why, known := r.others.Load(id)
	return known && why != ""
}

// other notes that nothing of a conversation was stored, because it is another one.
func (r *run) other(b *book, id parlance.ConversationID, why string) {
	b.gap(Gap{Conversation: id, Reason: otherHere + why, Found: r.m.o.Now()})
}

// isOther reports whether nothing of the ledger's conversation was stored, because it is another one.
func (g *Gap) isOther() bool { return strings.HasPrefix(g.Reason, otherHere) }

// notOther takes back what was said of the ledger's own conversation, if nothing was read since. If something was, a full pass does.
func (l *Ledger) notOther() {
	if len(l.Spans) > 0 {
		return
	}
	l.Gaps = slices.DeleteFunc(l.Gaps, func(g Gap) bool { return g.isOther() && g.Conversation == l.Conversation })
}
