package fake

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"parlance"
)

func (u *Upstream) shoplineEndpoint(c *call) (endpoint, bool) {
	parts := strings.Split(strings.Trim(c.URL.Path, "/"), "/")
	if c.Method != http.MethodGet && c.Method != http.MethodHead {
		return endpoint{}, false
	}
	switch {
	case len(parts) >= 3 && parts[0] == "media" && parts[1] == "image_clips":
		c.rest = parts[2]
		return endpoint{name: "GET /media/image_clips/{id}", open: true, answer: u.serveFile}, true
	case len(parts) < 2 || parts[0] != "v1":
		return endpoint{}, false
	case len(parts) == 3 && parts[1] == "token" && parts[2] == "info":
		return endpoint{name: "GET /v1/token/info", answer: u.shoplineToken}, true
	case len(parts) == 2 && parts[1] == "conversations":
		return endpoint{name: "GET /v1/conversations", answer: u.shoplineConversations}, true
	case len(parts) == 4 && parts[1] == "conversations" && parts[3] == "messages":
		c.rest = parts[2]
		return endpoint{name: "GET /v1/conversations/{id}/messages", answer: u.shoplineMessages}, true
	}
	return endpoint{}, false
}

func shoplineError(status int, text string) answer {
	code := strings.ReplaceAll(http.StatusText(status), " ", "")
	if status == http.StatusTooManyRequests {
		code = "RateLimitExceeded"
	}
	return reply(status, map[string]string{"message": text, "error": text, "code": code})
}

func (u *Upstream) shoplineToken(*call) answer {
	return reply(http.StatusOK, map[string]any{
		"staff":    map[string]string{"id": "58ef246969702d5afd040000", "name": "practice"},
		"merchant": map[string]string{"id": u.world.merchant.id, "name": "practice shop"},
	})
}

// shoplinePlatform reads the parameter that every list asks for.
func shoplinePlatform(c *call) (parlance.Kind, *answer) {
	switch c.URL.Query().Get("platform") {
	case "shop_messages":
		return parlance.Shop, nil
	case "order_messages":
		return parlance.Order, nil
	case "return_order_messages":
		return "", nil
	}
	a := shoplineError(http.StatusUnprocessableEntity, "platform is required: shop_messages, order_messages, return_order_messages")
	return "", &a
}

func shoplineName(k parlance.Kind) string {
	if k == parlance.Order {
		return "order_messages"
	}
	return "shop_messages"
}

type shoplineConversation struct {
	ID                string           `json:"id"`
	Type              string           `json:"type"`
	CustomerID        string           `json:"customer_id"`
	OrderNumber       string           `json:"order_number,omitempty"`
	SystemOrderNumber string           `json:"system_order_number,omitempty"`
	OrderID           string           `json:"order_id,omitempty"`
	LastMessage       *shoplinePreview `json:"last_message,omitempty"`
}

type shoplinePreview struct {
	ID         string `json:"id"`
	SenderID   string `json:"sender_id"`
	SenderType string `json:"sender_type"`
	CreatedAt  string `json:"created_at"`
	Value      string `json:"value"`
	Type       string `json:"type"`
}

// The sizes of a page of the list.
const (
	listPage = 24
	maxList  = 250
)

func (u *Upstream) shoplineConversations(c *call) answer {
	kind, refusal := shoplinePlatform(c)
	if refusal != nil {
		return *refusal
	}
	q := c.URL.Query()
	page, per, ok := numbers(q.Get("page"), q.Get("per_page"))
	if !ok {
		return shoplineError(http.StatusUnprocessableEntity, "page and per_page are numbers")
	}
	page = max(page, 1)
	if per == 0 {
		per = listPage
	}
	per = min(per, maxList)
	var all []*conversation
	for _, x := range u.world.convs {
		if x.kind == kind {
			all = append(all, x)
		}
	}
	slices.SortStableFunc(all, newestFirst)
	items := []shoplineConversation{}
	for i := (page - 1) * per; i < len(all) && len(items) < per; i++ {
		items = append(items, u.shoplineConversationOf(all[i]))
	}
	return reply(http.StatusOK, map[string]any{
		"items": items,
		"pagination": map[string]int{
			"current_page": page, "per_page": per, "total_pages": (len(all) + per - 1) / per, "total_count": len(all),
		},
	})
}

func (u *Upstream) shoplineConversationOf(c *conversation) shoplineConversation {
	o := shoplineConversation{
		ID: c.id, Type: shoplineName(c.kind), CustomerID: c.customer.id,
		OrderNumber: c.order, SystemOrderNumber: c.order, OrderID: c.orderID,
	}
	if m := c.newest(); m != nil {
		from := u.shoplineSender(m)
		p := &shoplinePreview{ID: m.id, SenderID: from.SenderID, SenderType: from.SenderType, CreatedAt: from.CreatedAt, Value: m.text, Type: "text"}
		if m.text == "" && from.Attachment != nil {
			p.Value, p.Type = from.Attachment.ImageURL, "image"
		}
		o.LastMessage = p
	}
	return o
}

// shoplineLimit is how many messages a page holds if nothing else is asked.
const shoplineLimit = 24

func (u *Upstream) shoplineMessages(c *call) answer {
	kind, refusal := shoplinePlatform(c)
	if refusal != nil {
		return *refusal
	}
	x := u.world.find(c.rest)
	u.read(x)
	if x == nil || x.gone || x.kind != kind {
		return shoplineError(http.StatusNotFound, "the conversation does not exist")
	}
	q := c.URL.Query()
	limit := shoplineLimit
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return shoplineError(http.StatusUnprocessableEntity, "limit is a number above 0")
		}
		limit = n
	}
	candidates := x.ordered(parlance.ByCreated)
	for _, name := range []string{"start", "end"} {
		s := q.Get(name)
		if s == "" || name == "end" && u.faults.Has(IgnoreAnchor) {
			continue
		}
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return shoplineError(http.StatusUnprocessableEntity, name+" is a time in RFC 3339")
		}
		candidates = filter(candidates, func(m *message) bool {
			switch t := parlance.TimeOf(at); {
			case m.created == t && name == "start":
				return !u.faults.Has(StartExclusive)
			case m.created == t:
				return u.faults.Has(EndInclusive)
			default:
				return m.created < t == (name == "end")
			}
		})
	}
	most := min(limit, u.page)
	if !u.faults.Has(ClampSilent) {
		limit = most
	}
	n := u.shorten(len(candidates), most)
	page := slices.Clone(candidates[len(candidates)-n:])
	if !u.faults.Has(OrderAsc) {
		slices.Reverse(page)
	}
	items, raw := u.items(page)
	a := reply(http.StatusOK, map[string]any{"total": u.off(len(candidates)), "limit": limit, "items": raw})
	a.items = items
	return a
}

type shoplineMessage struct {
	ID       string         `json:"id"`
	Type     string         `json:"type,omitempty"`
	Platform string         `json:"platform"`
	Message  shoplineSender `json:"message"`
}

type shoplineSender struct {
	SenderID         string              `json:"sender_id"`
	SenderType       string              `json:"sender_type"`
	CreatedAt        string              `json:"created_at"`
	ActingSenderID   *string             `json:"acting_sender_id"`
	IsSentByMerchant bool                `json:"is_sent_by_merchant"`
	Content          *shoplineContent    `json:"content,omitempty"`
	Attachment       *shoplineAttachment `json:"attachment,omitempty"`
}

type shoplineContent struct {
	Text string `json:"text"`
}

type shoplineAttachment struct {
	ImageURL string `json:"image_url"`
	Type     string `json:"type"`
}

func (u *Upstream) shoplineItem(m *message) []byte {
	switch m.bad {
	case 1:
		return encode(map[string]any{"id": m.id, "platform": shoplineName(m.conv.kind), "message": map[string]any{"created_at": "yesterday", "sender_id": 7, "content": []int{1}}})
	case 2:
		return []byte(`"nonsense"`)
	case 3:
		return []byte(`{"message":{"content":{"text":"nobody knows this one"}}}`)
	}
	o := shoplineMessage{ID: m.id, Platform: shoplineName(m.conv.kind), Message: u.shoplineSender(m)}
	if m.conv.kind == parlance.Order {
		o.Type = "message"
		if m.typ == parlance.TypeNote {
			o.Type = "note"
		}
	}
	return u.escaped(m, encode(o))
}

func (u *Upstream) shoplineSender(m *message) shoplineSender {
	s := shoplineSender{SenderID: m.conv.customer.id, SenderType: "User", CreatedAt: m.created.String(), IsSentByMerchant: m.merchant}
	switch {
	case m.merchant:
		s.SenderID, s.SenderType, s.ActingSenderID = u.world.merchant.id, "Merchant", &m.acting
	case m.conv.kind == parlance.Order:
		s.ActingSenderID = &m.conv.customer.id
	}
	if m.text != "" {
		s.Content = &shoplineContent{m.text}
	}
	if m.file != nil {
		s.Attachment = &shoplineAttachment{u.fileURL(m), "image"}
	}
	return s
}
