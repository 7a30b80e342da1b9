package mirror

import (
	"context"
	"fmt"

	"parlance"
)

// Coverages counts conversations by what is known of them. A conversation that no upstream has, because it was imported
// or written here, is unknown, and so is one whose state is stale.
type Coverages struct {
	Complete int `json:"complete"`
	Partial  int `json:"partial"`
	Unknown  int `json:"unknown"`
}

// Add counts a conversation of this state. What is stale isn't known any more.
func (n *Coverages) Add(s State) {
	switch s.Coarse() {
	case Complete:
		n.Complete++
	case Partial:
		n.Partial++
	default:
		n.Unknown++
	}
}

// Coarse returns Complete, Partial or Unknown; what is stale is unknown.
func (s State) Coarse() State {
	if s == Complete || s == Partial {
		return s
	}
	return Unknown
}

// A Known is what is known of a conversation's history at the platforms that have it.
type Known struct {
	State State
	Gaps  []Gap // what is missing, or not proven to be here
}

// Known returns what is known of the conversations of a workspace that upstreams have. It asks no platform. A conversation that
// isn't there is unknown.
func (m *Mirror) Known(ctx context.Context, ws parlance.WorkspaceID) (map[parlance.ConversationID]Known, error) {
	known := map[parlance.ConversationID]Known{}
	for c, err := range m.Upstreams(ctx) {
		if err != nil {
			return nil, err
		}
		if c.Workspace != ws {
			continue
		}
		s, all, err := m.Coverage(ctx, c.Name)
		if err != nil {
			return nil, fmt.Errorf("what upstream %s is known to lack: %w", c.Name, err)
		}
		for i := range all {
			one := &all[i]
			if one.Conversation == "" {
				continue
			}
			k, there := known[one.Conversation]
			state := one.State
			if s.Stale != "" {
				state = worst(state, Stale)
			}
			if there {
				state = worst(k.State, state)
			}
			known[one.Conversation] = Known{state, append(k.Gaps, one.Holes...)}
		}
	}
	return known, nil
}

// Covered counts those of a workspace's conversations that covers chooses, by what is known.
func (m *Mirror) Covered(ctx context.Context, ws parlance.WorkspaceID, covers func(parlance.ConversationID, parlance.Kind, parlance.Dialect) bool) (n Coverages, err error) {
	known, err := m.Known(ctx, ws)
	if err != nil {
		return n, err
	}
	for c, err := range m.store.Conversations(ctx, ws) {
		if err != nil {
			return n, err
		}
		if covers(c.ID, c.Kind, c.Platform) {
			n.Add(known[c.ID].State)
		}
	}
	return n, nil
}
