package mirror

import (
	"context"
	"fmt"

	"parlance"
	"parlance/store"
)

// count brings h up to the end of the conversation's log, whose last entries may be out's. It reads only what it can't tell from
// out: entries of a run that was stopped before it counted them, and messages that were written here.
func (r *run) count(ctx context.Context, h *Held, ref parlance.Ref, out []store.Outcome) error {
	for i := range out {
		if e := &out[i].Entry; out[i].Result == store.New && e.Number == h.Number+1 {
			h.Number++
			h.Messages++
		}
	}
	state, err := r.m.store.State(ctx, ref)
	if err != nil {
		return fmt.Errorf("count the messages of %s: %w", ref, err)
	}
	if state.Number == h.Number {
		return nil
	}
	for e, err := range r.m.store.Log(ctx, ref, h.Number+1) {
		if err == nil {
			err = r.countEntry(ctx, h, ref, &e)
		}
		if err != nil {
			return fmt.Errorf("count the messages of %s: %w", ref, err)
		}
	}
	return nil
}

// countEntry counts one entry of the log.
func (r *run) countEntry(ctx context.Context, h *Held, ref parlance.Ref, e *store.Entry) error {
	h.Number = e.Number
	if e.Mode() != store.Mirror {
		return nil
	}
	var before *store.Entry
	if e.Previous != 0 {
		versions, err := r.m.store.Versions(ctx, ref, e.Message.ID)
		if err != nil {
			return err
		}
		for i := range versions { // newest first
			if v := &versions[i]; v.Number < e.Number && v.Mode() == store.Mirror {
				before = v
				break
			}
		}
	}
	missing := before != nil && before.Message.Missing != 0
	switch {
	case before == nil:
		h.Messages++
	case missing && e.Message.Missing == 0:
		h.Missing--
	}
	if !missing && e.Message.Missing != 0 {
		h.Missing++
	}
	return nil
}

// settle closes a reading: it counts what is here, to be held against what the platform claims.
func (r *run) settle(ctx context.Context, b *book) error {
	if b.Conversation == "" || r.o.DryRun {
		return nil
	}
	ref := parlance.Ref{Workspace: r.c.Workspace, Conversation: b.Conversation}
	if err := r.count(ctx, &b.Held, ref, nil); err != nil {
		return err
	}
	if b.Total != nil && b.lacks() < 0 {
		b.find("", fmt.Sprintf("the platform counts %d messages, %d fewer than are here", b.Total.Count, -b.lacks()), r.m.o.Now())
	}
	return nil
}
