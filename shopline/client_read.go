package shopline

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/upstream"
)

// TokenInfo asks whose token it is. An answer that names no merchant is Broken.
func (c *Client) TokenInfo(ctx context.Context) (TokenInfo, error) {
	var info TokenInfo
	call := upstream.Call{Path: "/v1/token/info"}
	_, err := c.call(ctx, call, &info)
	if err == nil && info.Merchant.ID == "" {
		err = lacks(call, "merchant.id")
	}
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
	var in struct {
		Pagination jsontext.Value `json:"pagination"`
		Items      jsontext.Value `json:"items"`
	}
	answer, err := c.call(ctx, call, &in)
	if err != nil {
		return ConversationList{}, err
	}
	l := ConversationList{Clock: answer.Clock}
	if l.Items, err = itemsOf[ConversationItem](call, in.Items, answer.Body); err != nil {
		return ConversationList{}, err
	}
	l.Pagination, err = paginationOf(call, in.Pagination)
	return l, err
}

// paginationOf reads what stands around a list of conversations.
//
// SHOPLINE client, counts: always there.
func paginationOf(call upstream.Call, v jsontext.Value) (Pagination, error) {
	if v.Kind() != '{' {
		return Pagination{}, lacks(call, "pagination")
	}
	var p struct {
		CurrentPage count `json:"current_page"`
		PerPage     count `json:"per_page"`
		TotalPages  count `json:"total_pages"`
		TotalCount  count `json:"total_count"`
	}
	if err := json.Unmarshal(v, &p, asSent); err != nil {
		return Pagination{}, lacks(call, "pagination")
	}
	for name, c := range map[string]count{"current_page": p.CurrentPage, "per_page": p.PerPage, "total_pages": p.TotalPages, "total_count": p.TotalCount} {
		if !c.known {
			return Pagination{}, lacks(call, "pagination."+name)
		}
	}
	return Pagination{p.CurrentPage.n, p.PerPage.n, p.TotalPages.n, p.TotalCount.n}, nil
}

// lacks is the error of an answer without something that this call always has, or with something else in its place.
func lacks(c upstream.Call, what string) error {
	return parlance.Errorf(parlance.Broken, "GET %s: the answer has no %s, or not of the promised type", c.Path, what)
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
	Total int           // as the platform counts, of the range or of the conversation
	Limit int           // the limit that was applied
	Items []Raw[Item]   // newest first, as far as is known
	Clock parlance.Time // the platform's own at the answer; zero if it didn't tell
}

// Messages asks for the newest messages of a range.
func (c *Client) Messages(ctx context.Context, id parlance.ConversationID, q MessagesQuery) (MessageList, error) {
	if err := parlance.CheckID("conversation", id); err != nil {
		return MessageList{}, err
	}
	call := upstream.Call{Path: messagesPath(id), Query: q.values()}
	var in struct {
		Total count          `json:"total"`
		Limit count          `json:"limit"`
		Items jsontext.Value `json:"items"`
	}
	answer, err := c.call(ctx, call, &in)
	if err != nil {
		return MessageList{}, err
	}
	items, err := itemsOf[Item](call, in.Items, answer.Body)
	switch {
	case err != nil:
		return MessageList{}, err
	case !in.Total.known:
		return MessageList{}, lacks(call, "total")
	case !in.Limit.known:
		return MessageList{}, lacks(call, "limit")
	}
	return MessageList{Total: in.Total.n, Limit: in.Limit.n, Items: items, Clock: answer.Clock}, nil
}

func messagesPath(id parlance.ConversationID) string {
	return "/v1/conversations/" + url.PathEscape(string(id)) + "/messages"
}

func setPositive(values url.Values, name string, n int) {
	if n > 0 {
		values.Set(name, strconv.Itoa(n))
	}
}

// A count is a number of an answer. What isn't a whole number from 0 to 2^31-1, or
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

// itemsOf returns the items of an answer. One without a list is Broken and not an empty one: it may
// be an error with the status of a success. So is an empty list beside which something is said in words.
//
// SHOPLINE client, no list: no answer.
func itemsOf[T any](c upstream.Call, list jsontext.Value, body []byte) ([]Raw[T], error) {
	if list.Kind() != '[' {
		return nil, lacks(c, "list of items")
	}
	values, err := upstream.Elements(list)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", c.Path, err)
	}
	if len(values) == 0 {
		if said := upstream.Remark(body); said != "" {
			name, _, _ := strings.Cut(said, " ")
			return nil, parlance.Errorf(parlance.Broken, "GET %s: the answer has a %s in the place of items", c.Path, upstream.Shown(name))
		}
	}
	items := make([]Raw[T], len(values))
	for i, v := range values {
		items[i].JSON = v
	}
	return items, nil
}
