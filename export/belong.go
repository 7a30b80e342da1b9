package export

import (
	"context"
	"errors"
	"fmt"

	"parlance"
)

// leaveOut takes the lines out of g that aren't of the conversation which stands under their id, and reports them as bad.
// A message that is there already may come again.
func (im *importer) leaveOut(ctx context.Context, g *group) error {
	kept := make([]*item, 0, len(g.items))
	for _, it := range g.items {
		why, err := im.isOther(ctx, g, it)
		switch {
		case err != nil:
			return err
		case why == nil:
			kept = append(kept, it)
		default:
			im.bad(LineError{File: im.file, Line: it.line, Reason: why.Error()})
		}
	}
	g.items = kept
	return nil
}

// isOther returns why a line isn't of the conversation that stands under its id; nil if it is.
func (im *importer) isOther(ctx context.Context, g *group, it *item) (why, err error) {
	c, m := &g.known.stands, &it.message
	line := parlance.Conversation{ID: c.ID, Kind: it.first.Kind}
	if hasCustomer(c.Kind) && m.Role == parlance.Customer {
		line.Customer = m.Sender
	}
	why = c.Admits(&line)
	if why == nil || line.Kind != c.Kind {
		return why, nil
	}
	if c.Kind == parlance.Direct {
		// It is those two's: that one of them made it here is no difference.
		_, err := im.store.Member(ctx, g.ref, m.Sender)
		if err == nil || !errors.Is(err, parlance.NotFound) {
			return nil, err
		}
	}
	_, err = im.store.Versions(ctx, g.ref, m.ID)
	if err == nil {
		return nil, nil
	}
	if errors.Is(err, parlance.NotFound) {
		return why, nil
	}
	return nil, fmt.Errorf("look for a message of %s: %w", g.ref, err)
}
