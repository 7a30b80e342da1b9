package readapi

import (
	"context"
	"net/http"
	"strconv"

	"parlance"
	"parlance/store"
)

// maxLooked is how many conversations a call looks at to find those that may be read. It then answers with those that it
// found, and a cursor.
const maxLooked = 10_000

// A conversation is one as the list shows it.
type conversation struct {
	ID          parlance.ConversationID `json:"id"`
	Kind        parlance.Kind           `json:"kind"`
	Platform    parlance.Dialect        `json:"platform"` // empty: it was imported
	Title       string                  `json:"title"`
	CreatedAt   string                  `json:"created_at"`
	Customer    parlance.AccountID      `json:"customer,omitempty"`
	OrderID     string                  `json:"order_id,omitempty"`
	OrderNumber string                  `json:"order_number,omitempty"`
}

// listing is what calls that list conversations have in common: they go through them in the order in which they were made here.
type listing struct {
	list     string
	limit    int
	from     uint64
	kind     string
	platform string
}

func (s *Server) listing(r *http.Request, call string) (l listing, err error) {
	p, err := parse(r.URL.RawQuery, "limit", "cursor", "kind", "platform")
	if err != nil {
		return l, err
	}
	if l.limit, err = p.limit(usualPage, maxPage); err != nil {
		return l, err
	}
	if l.kind, err = p.oneOf("kind", string(parlance.Room), string(parlance.Direct), string(parlance.Shop), string(parlance.Order)); err != nil {
		return l, err
	}
	if l.platform, err = p.oneOf("platform", string(parlance.IMKit), string(parlance.Shopline), string(parlance.IMetaStore)); err != nil {
		return l, err
	}
	l.list = p.list(call)
	at, err := p.cursor(l.list)
	if err != nil || at == "" {
		return l, err
	}
	if l.from, err = strconv.ParseUint(at, 10, 63); err != nil {
		return l, errCursor
	}
	return l, nil
}

// each calls do with the conversations of a listing, and returns the cursor of the next.
func (s *Server) each(ctx context.Context, who asker, l listing, do func(*store.NumberedConversation)) (string, error) {
	found, looked := 0, 0
	for c, err := range s.store.ConversationsFrom(ctx, who.ws, l.from) {
		if err != nil {
			return "", err
		}
		if found == l.limit || looked == maxLooked {
			return encodeCursor(l.list, strconv.FormatUint(c.Number, 10)), nil
		}
		looked++
		if !who.admits(c.ID, c.Kind) || l.kind != "" && l.kind != string(c.Kind) || l.platform != "" && l.platform != string(c.Platform) {
			continue
		}
		found++
		do(&c)
	}
	return "", nil
}

// conversations answers GET /archive/v1/conversations.
func (s *Server) conversations(ctx context.Context, who asker, r *http.Request) (any, error) {
	l, err := s.listing(r, "conversations")
	if err != nil {
		return nil, err
	}
	page := struct {
		Conversations []conversation `json:"conversations"`
		Cursor        string         `json:"cursor"` // empty: that was all
	}{Conversations: []conversation{}}
	page.Cursor, err = s.each(ctx, who, l, func(c *store.NumberedConversation) {
		page.Conversations = append(page.Conversations, conversation{
			ID: c.ID, Kind: c.Kind, Platform: c.Platform, Title: valid(c.Title), CreatedAt: c.Created.String(),
			Customer: c.Customer, OrderID: valid(c.OrderID), OrderNumber: valid(c.OrderNumber),
		})
	})
	return page, err
}
