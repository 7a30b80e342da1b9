package shopline

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"

	"parlance"
	"parlance/access"
	"parlance/store"
)

// listConversations answers GET /v1/conversations: a page of the conversations of a
// platform, newest activity first.
//
// The list is paged by number, as the platform has it, so a page costs as much as
// everything before it.
func (s *Server) listConversations(w http.ResponseWriter, r *http.Request, who access.Grant) error {
	ctx := r.Context()
	v, err := query(r)
	if err != nil {
		return err
	}
	q, err := v.conversationQuery()
	if err != nil {
		return err
	}
	page, total, err := s.conversationPage(ctx, who.Workspace, q)
	if err != nil {
		return err
	}

	items := make([]ConversationItem, len(page))
	for i, sum := range page {
		if items[i], err = s.conversationItem(ctx, who.Workspace, sum); err != nil {
			return err
		}
	}
	s.buffers.OK(w, func(b []byte) []byte {
		b = append(b, '{')
		b = appendPagination(appendName(b, "pagination"), Pagination{
			CurrentPage: q.page,
			PerPage:     q.perPage,
			TotalPages:  (total + q.perPage - 1) / q.perPage,
			TotalCount:  total,
		})
		b = append(appendName(b, "items"), '[')
		for i := range items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendListed(b, &items[i], page[i].Conversation.Native)
		}
		return append(b, ']', '}')
	})
	return nil
}

// conversationPage returns the asked conversations, and how many there are in all.
func (s *Server) conversationPage(ctx context.Context, ws access.Workspace, q conversationQuery) ([]store.Summary, int, error) {
	total := 0
	skip := (q.page - 1) * q.perPage
	if q.customer == "" {
		for _, k := range kindsOf(q.platform) {
			n, err := s.store.CountConversations(ctx, ws.ID, store.List{Kind: k})
			if err != nil {
				return nil, 0, err
			}
			total += n
		}
		if skip >= total {
			return nil, total, nil
		}
	}

	var page []store.Summary
	seen := 0
	for sum, err := range s.recent(ctx, ws, q) {
		if err != nil {
			return nil, 0, err
		}
		if seen >= skip && len(page) < q.perPage {
			page = append(page, inShort(sum))
		}
		seen++
		// One customer's are counted by reading them all, which are few.
		if q.customer == "" && len(page) == q.perPage {
			return page, total, nil
		}
	}
	if q.customer != "" {
		total = seen
	}
	return page, total, nil
}

// inShort returns what a list holds of a conversation until it is written: of a large last message only what it
// shows, and no large record.
func inShort(sum store.Summary) store.Summary {
	if c := &sum.Conversation; len(c.Native.JSON) > parlance.MaxListed {
		c.Native = parlance.Native{}
	}
	sum.Conversation.OrderNumber = parlance.Cut(sum.Conversation.OrderNumber, parlance.MaxName)
	if sum.Last == nil || sum.Last.Size() <= parlance.MaxShown {
		return sum
	}
	m := sum.Last.Message
	m.Native = parlance.Native{}
	m.Text = strings.Clone(parlance.Cut(m.Text, parlance.MaxShown))
	m.Attachments = slices.Clone(m.Attachments[:min(len(m.Attachments), 1)])
	sum.Last = &store.Entry{Number: sum.Last.Number, Message: m}
	return sum
}

// recent yields the conversations of a query, newest activity first.
func (s *Server) recent(ctx context.Context, ws access.Workspace, q conversationQuery) iter.Seq2[store.Summary, error] {
	kinds := kindsOf(q.platform)
	if q.customer != "" {
		return s.recentOfCustomer(ctx, ws, q.customer, kinds)
	}
	lists := make([]iter.Seq2[store.Summary, error], len(kinds))
	for i, k := range kinds {
		lists[i] = s.store.Recent(ctx, ws.ID, store.List{Kind: k})
	}
	return mergeRecent(lists)
}

// recentOfCustomer yields the conversations of these kinds whose customer it is, and
// those without a customer of which it is a member. Those who stand for the shop are
// nobody's customer.
func (s *Server) recentOfCustomer(ctx context.Context, ws access.Workspace, customer parlance.AccountID, kinds []parlance.Kind) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		if len(kinds) == 0 || customer == ws.Merchant || customer == ws.Staff || customer == ws.Seller {
			return
		}
		for sum, err := range s.store.Recent(ctx, ws.ID, store.List{Account: customer}) {
			if err != nil {
				yield(store.Summary{}, err)
				return
			}
			c := &sum.Conversation
			if !slices.Contains(kinds, c.Kind) {
				continue
			}
			of, err := s.customerOf(ctx, parlance.Ref{Workspace: ws.ID, Conversation: c.ID}, c)
			if err != nil {
				yield(store.Summary{}, err)
				return
			}
			if of != "" && of != customer {
				continue
			}
			if !yield(sum, nil) {
				return
			}
		}
	}
}

// mergeRecent yields what the lists do, each of them newest activity first, as one list
// in that order.
func mergeRecent(lists []iter.Seq2[store.Summary, error]) iter.Seq2[store.Summary, error] {
	if len(lists) == 1 {
		return lists[0]
	}
	return func(yield func(store.Summary, error) bool) {
		type head struct {
			sum  store.Summary
			next func() (store.Summary, error, bool)
		}
		var heads []head
		for _, l := range lists {
			next, stop := iter.Pull2(l)
			defer stop()
			sum, err, ok := next()
			if err != nil {
				yield(store.Summary{}, err)
				return
			}
			if ok {
				heads = append(heads, head{sum, next})
			}
		}
		for len(heads) > 0 {
			first := 0
			for i := range heads[1:] {
				if before(heads[i+1].sum, heads[first].sum) {
					first = i + 1
				}
			}
			if !yield(heads[first].sum, nil) {
				return
			}
			sum, err, ok := heads[first].next()
			switch {
			case err != nil:
				yield(store.Summary{}, err)
				return
			case ok:
				heads[first].sum = sum
			default:
				heads = slices.Delete(heads, first, first+1)
			}
		}
	}
}

// before reports whether a had the newer activity, or the lower id at the same time.
func before(a, b store.Summary) bool {
	at, bt := activity(a), activity(b)
	if at != bt {
		return at > bt
	}
	return a.Conversation.ID < b.Conversation.ID
}

// activity is when the last message of a conversation was created, or the conversation.
func activity(sum store.Summary) parlance.Time {
	if sum.Last != nil {
		return sum.Last.Message.Created
	}
	return sum.Conversation.Created
}

// conversationItem returns a conversation as the list has it.
func (s *Server) conversationItem(ctx context.Context, ws access.Workspace, sum store.Summary) (ConversationItem, error) {
	c := &sum.Conversation
	ref := parlance.Ref{Workspace: ws.ID, Conversation: c.ID}
	customer, err := s.customerOf(ctx, ref, c)
	if err != nil {
		return ConversationItem{}, err
	}
	it := conversationOf(c, customer)

	last := sum.Last
	if last != nil && last.Message.Private() && it.Type != OrderMessages {
		// A shop's conversation has no form for notes, here as in its messages.
		page, err := s.store.Page(ctx, ref, store.Query{Limit: 1})
		if err != nil {
			return ConversationItem{}, err
		}
		last = nil
		if len(page.Entries) > 0 {
			last = &page.Entries[0]
		}
	}
	if last != nil {
		it.LastMessage = lastMessageOf(ws, &last.Message)
	}
	return it, nil
}

// customerOf returns the customer of c: the one it names, or else the first member on
// that side. It is empty if there is none, and in a room of many.
func (s *Server) customerOf(ctx context.Context, ref parlance.Ref, c *parlance.Conversation) (parlance.AccountID, error) {
	if c.Customer != "" || c.Kind == parlance.Room {
		return c.Customer, nil
	}
	members, err := s.store.Members(ctx, ref)
	if err != nil {
		return "", err
	}
	for _, m := range members {
		if m.Role.Side() == parlance.CustomerSide {
			return m.Account, nil
		}
	}
	return "", nil
}
