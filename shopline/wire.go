package shopline

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parlance"
)

// A Platform says which sort of conversation is meant. It is never empty on the wire.
type Platform string

// The platforms. Nothing is ever served of the last one.
const (
	ShopMessages        Platform = "shop_messages"
	OrderMessages       Platform = "order_messages"
	ReturnOrderMessages Platform = "return_order_messages"
)

// A SenderType is the kind of account that a message came from.
type SenderType string

// The sender types. Platforms may send others.
const (
	UserSender     SenderType = "User"
	MerchantSender SenderType = "Merchant"
	BotSender      SenderType = "Bot"
)

// A Page is the answer to a question for a conversation's messages.
type Page struct {
	Total int    `json:"total"` // messages in the asked range, beyond the page too
	Limit int    `json:"limit"` // the limit that was applied
	Items []Item `json:"items"` // newest first
}

// The types of an order's message; a shop's has none.
const (
	ItemMessage = "message" // the customer sees it
	ItemNote    = "note"    // only the staff does
)

// An Item is one message with its place.
type Item struct {
	ID       parlance.MessageID `json:"id"`
	Type     string             `json:"type,omitzero"` // on order messages only
	Platform Platform           `json:"platform"`
	Message  Body               `json:"message"`
}

// A Body is what was said, by whom and when.
type Body struct {
	// SenderID is the shop's one constant id on the merchant's side, the
	// customer's id on the other.
	SenderID parlance.AccountID `json:"sender_id"`

	// SenderType is empty in older answers of the platform; we always write it.
	SenderType SenderType `json:"sender_type,omitzero"`

	// CreatedAt is in UTC: 2021-01-24T13:08:52.613Z.
	CreatedAt string `json:"created_at"`

	// ActingSenderID is who really acted, such as a staff member. It is null for a
	// customer's shop message and SenderID for a customer's order message.
	ActingSenderID *parlance.AccountID `json:"acting_sender_id"`

	IsSentByMerchant bool        `json:"is_sent_by_merchant"`
	Content          *Content    `json:"content,omitzero"`    // nil: no text
	Attachment       *Attachment `json:"attachment,omitzero"` // nil: no image
}

// A Content is a message's text.
type Content struct {
	Text string `json:"text"` // may hold line breaks
}

// UnmarshalJSON also takes the bare string that the platform's schema promises,
// where its answers hold an object.
func (c *Content) UnmarshalJSON(b []byte) error {
	if jsontext.Value(b).Kind() == '"' {
		return json.Unmarshal(b, &c.Text, asSent)
	}
	type plain Content
	return json.Unmarshal(b, (*plain)(c), asSent)
}

// An Attachment is an image; there is no other kind.
type Attachment struct {
	ImageURL string `json:"image_url"`
	Type     string `json:"type"` // "image"
}

// A ConversationPage is the answer to a question for conversations.
type ConversationPage struct {
	Pagination Pagination         `json:"pagination"`
	Items      []ConversationItem `json:"items"` // newest activity first
}

// A Pagination tells a page's place in its list.
type Pagination struct {
	CurrentPage int `json:"current_page"` // from 1
	PerPage     int `json:"per_page"`     // as applied
	TotalPages  int `json:"total_pages"`  // 0 for an empty list
	TotalCount  int `json:"total_count"`
}

// A ConversationItem is one conversation of the list. The order's fields are absent
// on a shop's conversation.
type ConversationItem struct {
	ID         parlance.ConversationID `json:"id"`
	Type       Platform                `json:"type"`
	CustomerID parlance.AccountID      `json:"customer_id,omitzero"` // absent in a room of many

	OrderNumber         string  `json:"order_number,omitzero"`
	SystemOrderNumber   string  `json:"system_order_number,omitzero"`
	MerchantOrderNumber *string `json:"merchant_order_number,omitzero"` // null unless the merchant gave one
	OrderID             string  `json:"order_id,omitzero"`

	LastMessage *LastMessage `json:"last_message,omitzero"` // nil in an empty conversation
}

// A LastMessage is a conversation's newest message in short.
type LastMessage struct {
	ID         parlance.MessageID `json:"id"`
	SenderID   parlance.AccountID `json:"sender_id"`
	SenderType SenderType         `json:"sender_type"`
	CreatedAt  string             `json:"created_at"` // as in Body
	Value      string             `json:"value"`      // the text if there is one, else the image's address
	Type       string             `json:"type"`       // "text" or "image", as Value is
}

// A ShopMessage asks to send a message between a customer and the shop.
type ShopMessage struct {
	SenderID    parlance.AccountID `json:"sender_id"`
	RecipientID parlance.AccountID `json:"recipient_id"`
	Text        string             `json:"text,omitzero"`
	MediaID     string             `json:"media_id,omitzero"`

	SenderEmail string         `json:"sender_email,omitzero"`
	RefData     jsontext.Value `json:"ref_data,omitzero"` // {"path", "full_path"}: the page where the sender was
}

// An OrderMessage asks to send a message, or a note, about an order.
type OrderMessage struct {
	Text      string `json:"text,omitzero"`
	MediaID   string `json:"media_id,omitzero"`
	IsPrivate bool   `json:"is_private,omitzero"` // for the staff only
	SendBy    string `json:"send_by,omitzero"`    // "merchant" or "customer"; empty means merchant

	TrackableType string `json:"trackable_type,omitzero"` // "Order"
	TrackableID   string `json:"trackable_id,omitzero"`   // the order's id once more

	OwnerID    parlance.AccountID `json:"owner_id,omitzero"`
	OwnerType  string             `json:"owner_type,omitzero"` // "Merchant" or "User"
	CustomData jsontext.Value     `json:"custom_data,omitzero"`
}

// A Comment is the answer to an [OrderMessage].
type Comment struct {
	ID            parlance.MessageID `json:"id"`
	CreatedAt     string             `json:"created_at"` // in UTC: 2020-09-18T02:18:32.549+00:00
	UpdatedAt     string             `json:"updated_at"` // likewise
	Text          string             `json:"text"`
	OwnerID       parlance.AccountID `json:"owner_id"`
	OwnerType     string             `json:"owner_type"` // "Merchant" or "User"
	TrackableID   string             `json:"trackable_id"`
	TrackableType string             `json:"trackable_type"` // "Order"
	IsPrivate     bool               `json:"is_private"`
	Media         jsontext.Value     `json:"media"` // null: there are no uploads
}

// A TokenInfo says whose token it is.
type TokenInfo struct {
	Staff    Identity `json:"staff"`
	Merchant Identity `json:"merchant"`
}

// An Identity names a staff member or a merchant.
type Identity struct {
	ID parlance.AccountID `json:"id"`
}

// A Problem is the body of every answer that is not a success. Message and Error
// hold the same text, since clients read one or the other.
type Problem struct {
	Message string `json:"message"`
	Error   string `json:"error"`
	Code    string `json:"code"`
}
