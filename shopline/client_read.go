package shopline

import (
	"bytes"
	"context"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/upstream"
)

// TokenInfo asks whose token it is.
func (c *Client) TokenInfo(ctx context.Context) (TokenInfo, error) {
	var info TokenInfo
	_, err := c.call(ctx, upstream.Call{Path: "/v1/token/info"}, &info)
	return info, err
}

// A ConversationsQuery says which page of which conversations is asked for.
type ConversationsQuery struct {
	Platform Platform           // required
	Customer parlance.AccountID // empty: of all customers
	Page     int                // from 1; 0: the first
	PerPage  int                // 0: the platform's default; it advises at most 50
}

// A ConversationList is a page of conversations.
type ConversationList struct {
	// Pagination is zero, or has zeros, where the platform doesn't tell.
	Pagination Pagination
	Items      []Raw[ConversationItem]
	Clock      parlance.Time // the platform's own at the answer; zero if it didn't tell
}

// Conversations asks for a page of a platform's conversations. A page past the end has
// no items.
func (c *Client) Conversations(ctx context.Context, q ConversationsQuery) (ConversationList, error) {
	values := url.Values{"platform": {string(q.Platform)}}
	if q.Customer != "" {
		values.Set("customer_id", string(q.Customer))
	}
	setPositive(values, "page", q.Page)
	setPositive(values, "per_page", q.PerPage)
	call := upstream.Call{Path: "/v1/conversations", Query: values}
	var answer struct {
		Pagination struct {
			CurrentPage count `json:"current_page"`
			PerPage     count `json:"per_page"`
			TotalPages  count `json:"total_pages"`
			TotalCount  count `json:"total_count"`
		} `json:"pagination"`
		Items list[ConversationItem] `json:"items"`
	}
	clock, err := c.call(ctx, call, &answer)
	if err != nil {
		return ConversationList{}, err
	}
	items, err := answer.Items.of(call)
	p := answer.Pagination
	return ConversationList{
		Pagination: Pagination{p.CurrentPage.or(0), p.PerPage.or(0), p.TotalPages.or(0), p.TotalCount.or(0)},
		Items:      items,
		Clock:      clock,
	}, err
}

// A MessagesQuery says which messages of a conversation are asked for.
type MessagesQuery struct {
	Platform Platform      // required; the conversation's
	Limit    int           // 0: the platform's default
	Start    parlance.Time // lower bound, inclusive as we read the documentation; zero: none
	End      parlance.Time // upper bound, exclusive as we read the documentation; zero: none
}

func (q *MessagesQuery) values() url.Values {
	values := url.Values{"platform": {string(q.Platform)}}
	setPositive(values, "limit", q.Limit)
	if q.Start != 0 {
		values.Set("start", q.Start.String())
	}
	if q.End != 0 {
		values.Set("end", q.End.String())
	}
	return values
}

// A MessageList is a page of a conversation's messages.
type MessageList struct {
	Total int           // as the platform counts, of the range or of the conversation; -1 if it didn't tell
	Limit int           // the limit that was applied; 0 if the platform didn't tell
	Items []Raw[Item]   // newest first, as far as is known
	Clock parlance.Time // the platform's own at the answer; zero if it didn't tell
}

// Messages asks for the newest messages of a range.
func (c *Client) Messages(ctx context.Context, id parlance.ConversationID, q MessagesQuery) (MessageList, error) {
	if err := parlance.CheckID("conversation", id); err != nil {
		return MessageList{}, err
	}
	call := upstream.Call{Path: messagesPath(id), Query: q.values()}
	var answer struct {
		Total count      `json:"total"`
		Limit count      `json:"limit"`
		Items list[Item] `json:"items"`
	}
	clock, err := c.call(ctx, call, &answer)
	if err != nil {
		return MessageList{}, err
	}
	items, err := answer.Items.of(call)
	return MessageList{Total: answer.Total.or(-1), Limit: answer.Limit.or(0), Items: items, Clock: clock}, err
}

func messagesPath(id parlance.ConversationID) string {
	return "/v1/conversations/" + url.PathEscape(string(id)) + "/messages"
}

func setPositive(values url.Values, name string, n int) {
	if n > 0 {
		values.Set(name, strconv.Itoa(n))
	}
}

// A count is a number that need not be there. What isn't a whole number from 0 to 2^31-1, or
// such a one in quotes, counts as absent.
type count struct {
	n     int
	known bool
}

// UnmarshalJSON never fails.
func (c *count) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseUint(string(bytes.Trim(b, `"`)), 10, 31)
	*c = count{int(n), err == nil}
	return nil
}

// or returns the number, or absent if there is none.
func (c count) or(absent int) int {
	if c.known {
		return c.n
	}
	return absent
}

// A list is the items of an answer. It tells an empty list from none.
type list[T any] struct {
	items   []Raw[T]
	missing bool // not a list, or never set
	set     bool
}

// UnmarshalJSON takes anything, so that its absence is told in one way.
func (l *list[T]) UnmarshalJSON(b []byte) error {
	l.set = true
	if l.missing = jsontext.Value(b).Kind() != '['; l.missing {
		return nil
	}
	return json.Unmarshal(b, &l.items, asSent)
}

// of returns the items. An answer without a list is Broken and not an empty one: it may
// be an error with the status of a success.
//
// SHOPLINE client, no list: no answer.
func (l *list[T]) of(c upstream.Call) ([]Raw[T], error) {
	if !l.set || l.missing {
		return nil, parlance.Errorf(parlance.Broken, "GET %s: the answer has no list of items", c.Path)
	}
	return l.items, nil
}
