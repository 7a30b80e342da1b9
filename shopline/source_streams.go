package shopline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"

	"parlance"
	"parlance/history"
	"parlance/internal/upstream"
)

// The list of conversations is read in pages of listPerPage. It is read again from its
// top until nothing new comes and nothing is lacking, at most maxPasses times. A page that is too large is read
// in smaller ones, each a divisor of the one before.
const (
	listPerPage = 50
	maxPasses   = 5
)

var smallerPages = map[int]int{listPerPage: 25, 25: 5, 5: 1}

// maxHollow is how many pages in a row may bring nothing that the same reading hasn't shown, however many the platform says there are.
const maxHollow = 3

// Streams lists the conversations of the platforms, one platform after the other. Each is
// given once. An item that can't be a conversation of that list is given with its error, and so is what the platform
// counts and doesn't list.
//
// SHOPLINE mirror, list: read again from its top.
func (s *Source) Streams(ctx context.Context) iter.Seq2[history.Stream, error] {
	return func(yield func(history.Stream, error) bool) {
		of := map[parlance.ConversationID]Platform{}
		for _, p := range s.platforms {
			l := listing{source: s, platform: p, of: of, asides: map[fingerprint]struct{}{}, yield: yield}
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
	source   *Source
	platform Platform
	yield    func(history.Stream, error) bool
	stopped  bool // yield wants no more

	of     map[parlance.ConversationID]Platform // in which list a conversation was
	seen   int                                  // of them, in this list
	asides map[fingerprint]struct{}             // items that can't be read

	// Of the pass that is under way or ended last:
	pages   int
	broken  int // items that can't be read
	fresh   int // items that no pass had shown before
	counted int // by the platform, at the last page that had items, or at the first
}

// lacks returns how many more conversations the platform counts than it lists.
func (l *listing) lacks() int { return l.counted - l.seen - l.broken }

// read yields every conversation. A list of one page is read once, since it was seen at
// one moment, unless by the platform's own count something is missing. Of a longer one, what moved up while it was read stands above what was
// seen: it is read again from the top to the first page without anything new.
//
// What is still missing when a reading brings nothing new is told as one item that can't be read.
//
// SHOPLINE mirror, count: held against what is listed.
func (l *listing) read(ctx context.Context) error {
	for n := range maxPasses {
		if err := l.pass(ctx, n > 0 && l.lacks() <= 0); err != nil || l.stopped {
			return err
		}
		switch {
		case l.lacks() <= 0 && (n == 0 && l.pages <= 1 || n > 0 && l.fresh == 0):
			return nil
		case l.lacks() > 0 && n > 1 && l.fresh == 0:
			l.give(history.Stream{Err: l.short()})
			return nil
		}
	}
	if l.lacks() > 0 {
		l.give(history.Stream{Err: l.short()})
		return nil
	}
	return parlance.Errorf(parlance.Unavailable, "new conversations came up in each of %d passes", maxPasses)
}

// short says that the list holds less than it counts.
func (l *listing) short() error {
	return parlance.Errorf(parlance.Invalid, "the platform's list of %s counts %d conversations and holds %d", l.platform, l.counted, l.counted-l.lacks())
}

// pass reads the list from its top. If short is set it stops where nothing new is expected. Otherwise it goes on as long as
// pages say that there are more, or are full, or fewer were listed than are counted, and then to a page without items.
func (l *listing) pass(ctx context.Context, short bool) error {
	l.pages, l.broken, l.fresh, l.counted = 0, 0, 0, 0
	shown := map[fingerprint]struct{}{} // by this pass
	hollow := 0
	for page := 1; ; page++ {
		list, err := l.page(ctx, page, listPerPage)
		if err != nil || l.stopped {
			return err
		}
		p := list.Pagination
		if page == 1 || len(list.Items) > 0 {
			l.pages, l.counted = page, p.TotalCount
		}
		fresh, before := l.fresh, len(shown)
		for _, raw := range list.Items {
			if l.stopped {
				return nil
			}
			shown[fingerprintOf(raw.JSON)] = struct{}{}
			l.item(raw)
		}
		if hollow++; len(shown) > before {
			hollow = 0
		}
		full := len(list.Items) > 0 && len(list.Items) >= min(listPerPage, max(p.PerPage, 1))
		switch {
		case len(shown) > parlance.MaxUpstreamList:
			return parlance.Errorf(parlance.Broken, "it holds more than %d conversations", parlance.MaxUpstreamList)
		case hollow >= maxHollow,
			short && l.fresh == fresh && l.lacks() <= 0,
			page >= p.TotalPages && len(list.Items) == 0,
			page >= p.TotalPages && !full && l.lacks() <= 0:
			return nil
		}
	}
}

// page asks for a page, in smaller ones if it is too large. A conversation that is too large by itself is one that can't be read.
//
// SHOPLINE mirror, size: less is asked for.
func (l *listing) page(ctx context.Context, page, size int) (ConversationList, error) {
	list, err := l.source.client.Conversations(ctx, ConversationsQuery{Platform: l.platform, Page: page, PerPage: size})
	if !errors.Is(err, upstream.ErrTooLarge) {
		if p := list.Pagination; err == nil && len(list.Items) > 0 && p.CurrentPage != page {
			err = parlance.Errorf(parlance.Broken, "page %d was asked for and page %d given", page, p.CurrentPage)
		}
		return list, err
	}
	smaller, ok := smallerPages[size]
	if !ok {
		l.broken++
		l.giveOnce(fmt.Appendf(nil, "page %d", page), history.Stream{Err: parlance.Wrap(parlance.Invalid, err, "conversation number %d of %s", page, l.platform)})
		return ConversationList{}, nil
	}
	var whole ConversationList
	for i := range size / smaller {
		part, err := l.page(ctx, (page-1)*(size/smaller)+i+1, smaller)
		if err != nil || l.stopped {
			return whole, err
		}
		whole.Items = append(whole.Items, part.Items...)
		if p := part.Pagination; p.TotalCount > 0 {
			whole.Pagination = Pagination{CurrentPage: page, PerPage: size, TotalCount: p.TotalCount, TotalPages: (p.TotalCount + size - 1) / size}
		}
	}
	return whole, nil
}

// item yields a conversation that wasn't yielded before, or why an item is none of this list.
func (l *listing) item(raw Raw[ConversationItem]) {
	c, err := ConversationOf(raw.JSON)
	if err == nil {
		err = l.elsewhere(raw.JSON, c.ID)
	}
	if err != nil {
		l.broken++
		l.giveOnce(raw.JSON, history.Stream{
			Conversation: parlance.Conversation{ID: c.ID},
			Err:          parlance.Wrap(parlance.Invalid, err, "an item of the platform's list of %s", l.platform),
		})
		return
	}
	if _, known := l.of[c.ID]; known {
		return
	}
	l.of[c.ID] = l.platform
	l.seen++
	l.fresh++
	if l.platform != ShopMessages {
		c.Kind = parlance.Order
	}
	last := lastMessageIn(raw.JSON)
	stream := history.Stream{ID: streamID(l.platform, c.ID), Conversation: c, Hint: hintOf(last)}
	if c.Customer != "" {
		stream.Members = []parlance.Member{{Account: c.Customer, Role: parlance.Customer}}
	}
	l.source.note(stream.ID, listed{customer: c.Customer, order: c.OrderID, spoken: last != nil && last.ID != "" && last.CreatedAt != ""})
	l.give(stream)
}

// elsewhere returns an error if the item of a conversation, or an earlier list, says that it belongs to another list.
func (l *listing) elsewhere(raw []byte, id parlance.ConversationID) error {
	if p, known := l.of[id]; known && p != l.platform {
		return parlance.Errorf(parlance.Invalid, "the platform lists it among %s too", p)
	}
	merchant := l.source.whose()
	return misplaced(raw, claims{"type": string(l.platform), "platform": string(l.platform), "merchantid": string(merchant), "shopid": string(merchant)})
}

// give yields a stream.
func (l *listing) give(st history.Stream) { l.stopped = l.stopped || !l.yield(st, nil) }

// maxAsides is how many items of a list that can't be read are told one by one.
const maxAsides = 100

// giveOnce yields a stream unless one was yielded for the same reason, or very many were: the count tells of the others.
func (l *listing) giveOnce(reason []byte, st history.Stream) {
	key := fingerprintOf(reason)
	if _, known := l.asides[key]; known {
		return
	}
	if len(l.asides) == maxAsides {
		l.broken-- // so that it is lacking
		return
	}
	l.asides[key] = struct{}{}
	l.fresh++
	l.give(st)
}

// A fingerprint tells items apart by their bytes.
type fingerprint [16]byte

func fingerprintOf(b []byte) fingerprint {
	h := sha256.Sum256(b)
	return fingerprint(h[:16])
}
