package mirror

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"parlance"
	"parlance/history"
	"parlance/internal/jsonrecord"
	"parlance/store"
)

// commit stores what a page brought, and returns how many versions of messages were new. Once it returned, the
// page's place may be noted.
func (r *run) commit(ctx context.Context, b *book, page *history.Page) (fresh int, err error) {
	if err := r.isAccount(ctx, page.Account); err != nil {
		return 0, err
	}
	r.unheard.Store(0)
	for i := range page.Conversations {
		if err := r.meta(ctx, &page.Conversations[i]); err != nil {
			return 0, err
		}
		id := page.Conversations[i].Conversation.ID
		why, err := r.isOther(ctx, id)
		if err != nil {
			return 0, err
		}
		if why != "" {
			r.other(b, id, why)
			continue
		}
		if b.Stream != history.Everything && b.Conversation == "" {
			b.Conversation = id // a platform that lists nobody tells it with the first message
		}
		if err := r.partOf(ctx, id, b.Stream); err != nil {
			return 0, err
		}
	}
	// A conversation's messages go into its log oldest first.
	items := slices.Clone(page.Items)
	slices.SortStableFunc(items, func(x, y history.Item) int {
		return cmp.Or(cmp.Compare(x.Conversation, y.Conversation),
			x.Message.Position(parlance.ByCreated).Compare(y.Message.Position(parlance.ByCreated)))
	})
	read := 0
	for len(items) > 0 {
		n := slices.IndexFunc(items, func(it history.Item) bool { return it.Conversation != items[0].Conversation })
		if n < 0 {
			n = len(items)
		}
		news, err := r.commitTo(ctx, b, items[:n])
		if err != nil {
			return fresh, err
		}
		fresh, read, items = fresh+news, read+n, items[n:]
	}
	r.board.change(func(p *Progress) { p.Read += read })
	return fresh, nil
}

// commitTo stores items of one conversation.
func (r *run) commitTo(ctx context.Context, b *book, items []history.Item) (fresh int, err error) {
	ref := parlance.Ref{Workspace: r.c.Workspace, Conversation: items[0].Conversation}
	if ref.Conversation != "" { // else none can be told, and they are all set aside
		why, err := r.isOther(ctx, ref.Conversation)
		if err != nil {
			return 0, err
		}
		if why != "" {
			r.other(b, ref.Conversation, why)
			return 0, nil
		}
	}
	var ms []parlance.Message
	for i := range items {
		it := &items[i]
		if it.Err != nil {
			if err := r.setAside(ctx, b, it); err != nil {
				return 0, err
			}
			continue
		}
		if it.Sender != nil {
			if err := r.account(ctx, it.Sender); err != nil {
				return 0, err
			}
		}
		ms = append(ms, it.Message)
	}
	if r.o.DryRun {
		return r.compare(ctx, ref, ms)
	}
	wanted, err := r.wantFiles(ctx, ref.Conversation, ms)
	if err != nil {
		return 0, err
	}
	b.heard(ref.Conversation, ms)
	out, err := r.put(ctx, b, ref, ms)
	if err != nil {
		return 0, fmt.Errorf("store messages of %s: %w", ref, err)
	}
	if b.Conversation == ref.Conversation {
		if err := r.count(ctx, &b.Held, ref, out); err != nil {
			return 0, err
		}
	}
	r.board.change(func(p *Progress) {
		for _, o := range out {
			switch o.Result {
			case store.New:
				p.New++
			case store.Changed:
				p.Changed++
			case store.Same:
				continue
			}
			fresh++
		}
	})
	if fresh > 0 {
		r.wrote.Store(true)
	}
	if r.queue != nil {
		r.queue.Add(wanted) // who reads doesn't wait for it
	}
	return fresh, nil
}

// put stores messages. One that the store takes offence at is set aside, and the others are stored all the same.
func (r *run) put(ctx context.Context, b *book, ref parlance.Ref, ms []parlance.Message) ([]store.Outcome, error) {
	if len(ms) == 0 {
		return nil, nil
	}
	out, err := r.m.store.Mirror(ctx, ref, r.same, ms...)
	switch {
	case errors.Is(err, parlance.Invalid) && len(ms) == 1:
		return nil, r.setAside(ctx, b, &history.Item{Conversation: ref.Conversation, Message: ms[0], Err: err, Raw: ms[0].Native.JSON})
	case errors.Is(err, parlance.Invalid):
		for i := range ms {
			one, err := r.put(ctx, b, ref, ms[i:i+1])
			if err != nil {
				return nil, err
			}
			out = append(out, one...)
		}
		return out, nil
	}
	return out, err
}

// same reports whether new says no more than old: it is the same JSON, or the platform's dialect says so.
func (r *run) same(old, new *parlance.Message) bool {
	return len(old.Native.JSON) > 0 && bytes.Equal(old.Native.JSON, new.Native.JSON) || r.asked().Same(old, new)
}

// compare counts what put would do.
func (r *run) compare(ctx context.Context, ref parlance.Ref, ms []parlance.Message) (fresh int, err error) {
	for i := range ms {
		e, err := r.m.store.Message(ctx, ref, ms[i].ID)
		switch {
		case errors.Is(err, parlance.NotFound):
			if _, err = r.m.store.Versions(ctx, ref, ms[i].ID); err == nil {
				continue // it was deleted here
			} else if !errors.Is(err, parlance.NotFound) {
				return fresh, err
			}
			r.board.change(func(p *Progress) { p.New++ })
			fresh++
		case err != nil:
			return fresh, err
		case !r.same(&e.Message, &ms[i]):
			r.board.change(func(p *Progress) { p.Changed++ })
			fresh++
		}
	}
	return fresh, nil
}

// An Aside is an item that couldn't be stored as a message, kept as the platform gave it.
type Aside struct {
	Conversation parlance.ConversationID `json:"conversation"`
	Reason       string                  `json:"reason"`
	Found        parlance.Time           `json:"found_ms"`
	Size         int                     `json:"size"` // bytes
	Raw          []byte                  `json:"raw"`  // the first maxAside bytes
}

// maxAside is how much of an item is kept.
const maxAside = 24 << 10

// setAside keeps an item that can't be a message, and notes that it is missing among them.
func (r *run) setAside(ctx context.Context, b *book, it *history.Item) error {
	h := sha256.Sum256(append([]byte(it.Conversation+"\x00"), it.Raw...))
	key := hex.EncodeToString(h[:12])
	at := it.Message.Position(b.Order).Time
	b.gap(Gap{
		Conversation: it.Conversation, From: at, To: at, Found: r.m.o.Now(), Aside: key, Message: it.Message.ID,
		Reason: fmt.Sprintf("a message can't be read and was set aside as %s: %v", key, it.Err),
	})
	if r.o.DryRun {
		return nil
	}
	_, err := r.m.store.Record(ctx, asides(r.c.Name), key)
	if !errors.Is(err, parlance.NotFound) {
		return err
	}
	aside := Aside{
		Conversation: it.Conversation, Reason: it.Err.Error(), Found: r.m.o.Now(), Size: len(it.Raw), Raw: it.Raw[:min(len(it.Raw), maxAside)],
	}
	if err := jsonrecord.Swap(ctx, r.m.store, asides(r.c.Name), key, nil, aside); err != nil && !errors.Is(err, parlance.Conflict) {
		return fmt.Errorf("set a message aside: %w", err)
	}
	return nil
}

// Aside returns an item that was set aside, NotFound if there is none of this name.
func (m *Mirror) Aside(ctx context.Context, n Name, key string) (a Aside, err error) {
	a, raw, err := jsonrecord.Read[Aside](ctx, m.store, asides(n), key)
	if err == nil && raw == nil {
		err = parlance.Errorf(parlance.NotFound, "nothing was set aside as %q", key)
	}
	return a, err
}
