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

// Covered counts those of a workspace's conversations that covers chooses. It asks no platform.
func (m *Mirror) Covered(ctx context.Context, ws parlance.WorkspaceID, covers func(parlance.ConversationID, parlance.Kind, parlance.Dialect) bool) (Coverages, error) {
	states := map[parlance.ConversationID]State{}
	for c, err := range m.Upstreams(ctx) {
		if err != nil {
			return Coverages{}, err
		}
		if c.Workspace != ws {
			continue
		}
		s, all, err := m.Coverage(ctx, c.Name)
		if err != nil {
			return Coverages{}, fmt.Errorf("what upstream %s is known to lack: %w", c.Name, err)
		}
		for i := range all {
			id, state := all[i].Conversation, all[i].State
			if s.Stale != "" {
				state = worst(state, Stale)
			}
			if before, ok := states[id]; ok {
				state = worst(before, state)
			}
			states[id] = state
		}
	}
	var n Coverages
	for c, err := range m.store.Conversations(ctx, ws) {
		if err != nil {
			return n, err
		}
		if !covers(c.ID, c.Kind, c.Platform) {
			continue
		}
		switch state, known := states[c.ID]; {
		case known && state == Complete:
			n.Complete++
		case known && state == Partial:
			n.Partial++
		default:
			n.Unknown++
		}
	}
	return n, nil
}
