package shopline

import (
	"strconv"
	"strings"
	"time"
	"unsafe"

	"parlance"
	"parlance/access"
)

// platformOf returns the platform that lists conversations of kind k.
func platformOf(k parlance.Kind) Platform {
	if k == parlance.Order {
		return OrderMessages
	}
	return ShopMessages
}

// kindsOf returns the kinds of conversation that platform p lists.
func kindsOf(p Platform) []parlance.Kind {
	switch p {
	case ShopMessages:
		return []parlance.Kind{parlance.Shop, parlance.Direct, parlance.Room}
	case OrderMessages:
		return []parlance.Kind{parlance.Order}
	default:
		return nil
	}
}

// senderTypeOf returns the sender type of m, and whether m was sent by the merchant.
// Whoever stands for the shop in ws speaks for it in every conversation, and so does
// the platform itself.
func senderTypeOf(ws access.Workspace, m *parlance.Message) (SenderType, bool) {
	switch {
	case m.Role == parlance.Bot:
		return BotSender, true
	case m.Role.Side() == parlance.MerchantSide:
		return MerchantSender, true
	case m.Role.Side() == parlance.CustomerSide:
		return UserSender, false
	case m.Type == parlance.TypeSystem, m.Type == parlance.TypeAnnouncement:
		return MerchantSender, true
	case m.Sender == ws.Merchant, m.Sender == ws.Staff, m.Sender == ws.Seller:
		return MerchantSender, true
	}
	return UserSender, false
}

// itemOf returns m's common form as an item of platform p.
func itemOf(ws access.Workspace, p Platform, m *parlance.Message) Item {
	return new(itemSpace).itemOf(ws, p, m)
}

// An itemSpace is what the pointers and the time of an item lie in. A page is written with one.
type itemSpace struct {
	acting     parlance.AccountID
	content    Content
	attachment Attachment
	created    []byte
}

// itemOf is the function of that name. The item is good until the next one is made.
func (x *itemSpace) itemOf(ws access.Workspace, p Platform, m *parlance.Message) Item {
	x.created = m.Created.Append(x.created[:0])
	it := Item{ID: m.ID, Platform: p, Message: Body{CreatedAt: unsafe.String(unsafe.SliceData(x.created), len(x.created))}}
	if p == OrderMessages {
		it.Type = ItemMessage
		if m.Type == parlance.TypeNote {
			it.Type = ItemNote // SHOPLINE messages, type: note is what only the staff sees.
		}
	}

	b := &it.Message
	b.SenderType, b.IsSentByMerchant = senderTypeOf(ws, m)
	b.SenderID = m.Sender
	if x.acting = m.Acting; x.acting == "" {
		x.acting = m.Sender
	}
	// SHOPLINE messages, acting_sender_id: null for a customer of the shop.
	switch {
	case b.IsSentByMerchant:
		b.SenderID = ws.Merchant
		b.ActingSenderID = &x.acting
	case p == OrderMessages:
		x.acting = b.SenderID
		b.ActingSenderID = &x.acting
	}

	text, image := contentOf(m)
	if text != "" {
		x.content = Content{Text: text}
		b.Content = &x.content
	}
	if image != "" {
		x.attachment = Attachment{ImageURL: image, Type: "image"}
		b.Attachment = &x.attachment
	}
	return it
}

// contentOf returns what a person sees of m: its text and the address of its image,
// either of which may be empty.
//
// SHOPLINE messages, other kinds: what has no form of its own is told as text.
func contentOf(m *parlance.Message) (text, image string) {
	if m.State != parlance.Live {
		return "", ""
	}
	lines := make([]string, 0, 4)
	switch {
	case m.Text == "":
	case m.Type == parlance.TypeAction && m.SenderName != "":
		lines = append(lines, m.SenderName+" "+m.Text)
	default:
		lines = append(lines, m.Text)
	}
	for _, a := range m.Attachments {
		switch {
		case a.URL == "":
			if a.Name != "" {
				lines = append(lines, a.Name)
			}
		case a.Type == parlance.TypeImage && image == "":
			image = a.URL
		case a.Name != "":
			lines = append(lines, a.Name+" "+a.URL)
		default:
			lines = append(lines, a.URL)
		}
	}
	if m.Location != nil {
		lines = append(lines, degrees(m.Location.Latitude)+","+degrees(m.Location.Longitude))
	}
	if m.Sticker != "" {
		lines = append(lines, m.Sticker)
	}
	if len(lines) == 0 && image == "" {
		switch m.Type {
		case parlance.TypeText, parlance.TypeNote, "":
		default:
			lines = append(lines, "["+string(m.Type)+"]")
		}
	}
	return strings.Join(lines, "\n"), image
}

func degrees(d float64) string { return strconv.FormatFloat(d, 'f', -1, 64) }

// message returns it in its common form, without its native one. The error is of kind
// Invalid.
func (it *Item) message() (parlance.Message, error) {
	b := &it.Message
	created, err := createdOf(b)
	if err != nil {
		return parlance.Message{}, err
	}
	m := parlance.Message{
		ID:      it.ID,
		Sender:  b.SenderID,
		Role:    parlance.Customer,
		Type:    parlance.TypeText,
		Created: created,
	}
	m.Sent, m.Updated = m.Created, m.Created
	switch {
	case b.SenderType == BotSender:
		m.Role = parlance.Bot
	case b.IsSentByMerchant, b.SenderType == MerchantSender: // SHOPLINE messages, sender_type: older answers lack it.
		m.Role = parlance.Merchant
	}
	if b.ActingSenderID != nil && *b.ActingSenderID != m.Sender {
		m.Acting = *b.ActingSenderID
	}
	if b.Content != nil {
		m.Text = b.Content.Text
	}
	if b.Attachment != nil {
		m.Type = parlance.TypeImage
		m.Attachments = []parlance.Attachment{{Type: parlance.TypeImage, URL: b.Attachment.ImageURL}}
	}
	if it.Type == ItemNote {
		m.Type = parlance.TypeNote
	}
	return m, nil
}

// createdOf returns when the message was created, cut to milliseconds. The error is of kind
// Invalid and doesn't show the text, which could be anything.
func createdOf(b *Body) (parlance.Time, error) {
	created, err := time.Parse(time.RFC3339, b.CreatedAt)
	if err != nil {
		return 0, parlance.Errorf(parlance.Invalid, "message has a created_at that is no RFC 3339 time")
	}
	return parlance.TimeOf(created), nil
}

// lastMessageOf returns m in the short form of the list of conversations.
func lastMessageOf(ws access.Workspace, m *parlance.Message) *LastMessage {
	it := itemOf(ws, ShopMessages, m)
	l := &LastMessage{
		ID:         it.ID,
		SenderID:   it.Message.SenderID,
		SenderType: it.Message.SenderType,
		CreatedAt:  it.Message.CreatedAt,
		Type:       "text",
	}
	// SHOPLINE conversations, last_message: the text if there is one, else the image.
	switch {
	case it.Message.Content != nil:
		l.Value = parlance.Cut(it.Message.Content.Text, parlance.MaxShown)
	case it.Message.Attachment != nil:
		l.Value, l.Type = it.Message.Attachment.ImageURL, it.Message.Attachment.Type
	}
	return l
}

// conversationOf returns c's common form as an item of the list, without its last
// message.
func conversationOf(c *parlance.Conversation, customer parlance.AccountID) ConversationItem {
	it := ConversationItem{ID: c.ID, Type: platformOf(c.Kind), CustomerID: customer}
	if c.Kind == parlance.Order {
		it.OrderNumber, it.SystemOrderNumber = c.OrderNumber, c.OrderNumber
		it.OrderID = c.OrderID
	}
	return it
}

// commentOf returns m as the answer to its being sent about an order.
func commentOf(ws access.Workspace, orderID string, m *parlance.Message) Comment {
	it := itemOf(ws, OrderMessages, m)
	c := Comment{
		ID:            m.ID,
		CreatedAt:     commentTime(m.Created),
		UpdatedAt:     commentTime(m.Updated),
		Text:          m.Text,
		OwnerID:       it.Message.SenderID,
		OwnerType:     string(it.Message.SenderType),
		TrackableID:   orderID,
		TrackableType: "Order",
		IsPrivate:     it.Type == ItemNote,
	}
	return c
}
