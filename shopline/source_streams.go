package shopline

import (
	"context"
	"fmt"
	"iter"

	"parlance"
	"parlance/history"
)

// The list of conversations is read in pages of listPerPage. It is read again from its
// top until nothing new comes, at most maxPasses times.
const (
	listPerPage = 50
	maxPasses   = 5
)

// Streams lists the conversations of the platforms, one platform after the other. Each is
// given once.
//
// SHOPLINE mirror, list: read again from its top.
func (s *Source) Streams(ctx context.Context) iter.Seq2[history.Stream, error] {
	return func(yield func(history.Stream, error) bool) {
		for _, p := range s.platforms {
			l := listing{client: s.client, platform: p, seen: map[parlance.ConversationID]struct{}{}, yield: yield}
			if err := l.read(ctx); err != nil {
				yield(history.Stream{}, fmt.Errorf("list %s: %w", p, err))
				return
			}
			if l.stopped {
				return
			}
		}
	}
}

// A listing is one reading of a platform's list.
type listing struct {
	client   *Client
	platform Platform
	seen     map[parlance.ConversationID]struct{}
	yield    func(history.Stream, error) bool
	stopped  bool // yield wants no more
}

// read yields every conversation. A list of one page is read once, since it was seen at
// one moment. Of a longer one, what moved up while it was read stands above what was
// seen: it is read again from the top to the first page without anything new, or to its
// end if by the platform's own count something is missing.
func (l *listing) read(ctx context.Context) error {
	pages, _, err := l.pass(ctx, false)
	if err != nil || l.stopped || pages <= 1 {
		return err
	}
	for range maxPasses - 1 {
		_, fresh, err := l.pass(ctx, true)
		if err != nil || l.stopped || !fresh {
			return err
		}
	}
	return parlance.Errorf(parlance.Unavailable, "new conversations came up in each of %d passes", maxPasses)
}

// pass reads the list from its top, and returns how many pages it has and whether anything
// new came. If short is set it stops where nothing new is expected.
func (l *listing) pass(ctx context.Context, short bool) (pages int, fresh bool, err error) {
	for page := 1; ; page++ {
		list, err := l.client.Conversations(ctx, ConversationsQuery{Platform: l.platform, Page: page, PerPage: listPerPage})
		if err != nil {
			return page, fresh, err
		}
		p := list.Pagination
		if p.CurrentPage != 0 && p.CurrentPage != page && len(list.Items) > 0 {
			return page, fresh, parlance.Errorf(parlance.Broken, "page %d was asked for and page %d given", page, p.CurrentPage)
		}
		before := len(l.seen)
		if err := l.give(list.Items); err != nil || l.stopped {
			return page, fresh, err
		}
		news := len(l.seen) > before
		fresh = fresh || news
		switch {
		case len(list.Items) == 0, p.TotalPages > 0 && page >= p.TotalPages:
			return page, fresh, nil
		case short && !news && len(l.seen) >= p.TotalCount:
			return page, fresh, nil
		case !short && !news && p.TotalPages == 0:
			return page, fresh, parlance.Errorf(parlance.Broken, "page %d repeats earlier ones", page)
		}
	}
}

// give yields the conversations that weren't yielded before.
func (l *listing) give(items []Raw[ConversationItem]) error {
	for _, raw := range items {
		c, err := ConversationOf(raw.JSON)
		if err != nil {
			return parlance.Wrap(parlance.Broken, err, "conversation of the list")
		}
		if _, ok := l.seen[c.ID]; ok {
			continue
		}
		l.seen[c.ID] = struct{}{}
		if l.platform != ShopMessages {
			c.Kind = parlance.Order
		}
		stream := history.Stream{ID: streamID(l.platform, c.ID), Conversation: c, Hint: hintOf(lastMessageIn(raw.JSON))}
		if c.Customer != "" {
			stream.Members = []parlance.Member{{Account: c.Customer, Role: parlance.Customer}}
		}
		if !l.yield(stream, nil) {
			l.stopped = true
			return nil
		}
	}
	return nil
}
