package shopline

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"parlance"
	"parlance/internal/quote"
)

// The appenders write what encoding/json would write of the wire types, without its
// cost. What is not UTF-8 is replaced by U+FFFD.

func appendString[T ~string](b []byte, s T) []byte {
	if quote.Plain(s) {
		b = append(append(b, '"'), s...)
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b, s) // the error only tells of the replacement
	return b
}

// appendName appends a member's name and its colon, with a comma before it unless it
// is the object's first.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func appendMember[T ~string](b []byte, name string, s T) []byte {
	return appendString(appendName(b, name), s)
}

// appendOptional leaves an empty string out.
func appendOptional[T ~string](b []byte, name string, s T) []byte {
	if s == "" {
		return b
	}
	return appendMember(b, name, s)
}

// appendNullable writes null for nil.
func appendNullable[T ~string](b []byte, name string, s *T) []byte {
	b = appendName(b, name)
	if s == nil {
		return append(b, "null"...)
	}
	return appendString(b, *s)
}

func appendInt(b []byte, name string, n int) []byte {
	return strconv.AppendInt(appendName(b, name), int64(n), 10)
}

func appendBool(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(appendName(b, name), v)
}

func appendItem(b []byte, it *Item) []byte {
	b = append(b, '{')
	b = appendMember(b, "id", it.ID)
	b = appendOptional(b, "type", it.Type)
	b = appendMember(b, "platform", it.Platform)
	b = appendBody(appendName(b, "message"), &it.Message)
	return append(b, '}')
}

func appendBody(b []byte, m *Body) []byte {
	b = append(b, '{')
	b = appendMember(b, "sender_id", m.SenderID)
	b = appendOptional(b, "sender_type", m.SenderType)
	b = appendMember(b, "created_at", m.CreatedAt)
	b = appendNullable(b, "acting_sender_id", m.ActingSenderID)
	b = appendBool(b, "is_sent_by_merchant", m.IsSentByMerchant)
	if m.Content != nil {
		b = appendContent(appendName(b, "content"), m.Content)
	}
	if m.Attachment != nil {
		b = appendAttachment(appendName(b, "attachment"), m.Attachment)
	}
	return append(b, '}')
}

func appendContent(b []byte, c *Content) []byte {
	return append(appendMember(append(b, '{'), "text", c.Text), '}')
}

func appendAttachment(b []byte, a *Attachment) []byte {
	b = append(b, '{')
	b = appendMember(b, "image_url", a.ImageURL)
	b = appendMember(b, "type", a.Type)
	return append(b, '}')
}

func appendConversation(b []byte, c *ConversationItem) []byte {
	b = append(b, '{')
	b = appendMember(b, "id", c.ID)
	b = appendMember(b, "type", c.Type)
	b = appendOptional(b, "customer_id", c.CustomerID)
	if c.Type == OrderMessages {
		b = appendOptional(b, "order_number", c.OrderNumber)
		b = appendOptional(b, "system_order_number", c.SystemOrderNumber)
		b = appendNullable(b, "merchant_order_number", c.MerchantOrderNumber)
		b = appendOptional(b, "order_id", c.OrderID)
	}
	if c.LastMessage != nil {
		b = appendLastMessage(appendName(b, "last_message"), c.LastMessage)
	}
	return append(b, '}')
}

func appendLastMessage(b []byte, l *LastMessage) []byte {
	b = append(b, '{')
	b = appendMember(b, "id", l.ID)
	b = appendMember(b, "sender_id", l.SenderID)
	b = appendMember(b, "sender_type", l.SenderType)
	b = appendMember(b, "created_at", l.CreatedAt)
	b = appendMember(b, "value", l.Value)
	b = appendMember(b, "type", l.Type)
	return append(b, '}')
}

func appendPagination(b []byte, p Pagination) []byte {
	b = append(b, '{')
	b = appendInt(b, "current_page", p.CurrentPage)
	b = appendInt(b, "per_page", p.PerPage)
	b = appendInt(b, "total_pages", p.TotalPages)
	b = appendInt(b, "total_count", p.TotalCount)
	return append(b, '}')
}

func appendComment(b []byte, c *Comment) []byte {
	b = append(b, '{')
	b = appendMember(b, "id", c.ID)
	b = appendMember(b, "created_at", c.CreatedAt)
	b = appendMember(b, "updated_at", c.UpdatedAt)
	b = appendMember(b, "text", c.Text)
	b = appendMember(b, "owner_id", c.OwnerID)
	b = appendMember(b, "owner_type", c.OwnerType)
	b = appendMember(b, "trackable_id", c.TrackableID)
	b = appendMember(b, "trackable_type", c.TrackableType)
	b = appendBool(b, "is_private", c.IsPrivate)
	b = appendNullable[string](b, "media", nil)
	return append(b, '}')
}

func appendTokenInfo(b []byte, t TokenInfo) []byte {
	b = append(b, `{"staff":`...)
	b = appendIdentity(b, t.Staff.ID)
	b = append(b, `,"merchant":`...)
	b = appendIdentity(b, t.Merchant.ID)
	return append(b, '}')
}

func appendIdentity(b []byte, id parlance.AccountID) []byte {
	return append(appendMember(append(b, '{'), "id", id), '}')
}

func appendProblem(b []byte, p Problem) []byte {
	b = append(b, '{')
	b = appendMember(b, "message", p.Message)
	b = appendMember(b, "error", p.Error)
	b = appendMember(b, "code", p.Code)
	return append(b, '}')
}
