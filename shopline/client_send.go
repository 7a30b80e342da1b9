package shopline

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"

	"parlance"
	"parlance/internal/upstream"
)

// SendShopMessage sends a message between a customer and the shop and returns it. If the
// call fails without an answer it may have been sent all the same.
//
// Where the platform answers with the conversation, the item is made of its last message: its ID
// need not be the one in the history then.
//
// SHOPLINE client, sent: a message item or a conversation.
func (c *Client) SendShopMessage(ctx context.Context, m ShopMessage) (Item, error) {
	var answer struct {
		Item
		LastMessage *LastMessage `json:"last_message"`
	}
	call, err := post("/v1/conversations/message", m)
	if err != nil {
		return Item{}, err
	}
	if _, err := c.call(ctx, call, &answer); err != nil {
		return Item{}, err
	}
	switch l := answer.LastMessage; {
	case answer.Message.CreatedAt != "":
		return answer.Item, nil
	case l != nil:
		return l.item(), nil
	}
	return Item{}, parlance.Errorf(parlance.Broken, "POST %s: the answer has neither message nor last_message", call.Path)
}

// item returns the message as an item of the history, as far as l tells of it.
func (l *LastMessage) item() Item {
	it := Item{ID: l.ID, Platform: ShopMessages, Message: Body{
		SenderID:         l.SenderID,
		SenderType:       l.SenderType,
		CreatedAt:        l.CreatedAt,
		IsSentByMerchant: l.SenderType != UserSender,
	}}
	if l.Type == "image" {
		it.Message.Attachment = &Attachment{ImageURL: l.Value, Type: l.Type}
	} else if l.Value != "" {
		it.Message.Content = &Content{Text: l.Value}
	}
	return it
}

// SendOrderMessage sends a message, or a note to the staff, about an order. If the call
// fails without an answer it may have been sent all the same.
func (c *Client) SendOrderMessage(ctx context.Context, orderID string, m OrderMessage) (Comment, error) {
	if err := parlance.CheckID("order", orderID); err != nil {
		return Comment{}, err
	}
	call, err := post("/v1/orders/"+url.PathEscape(orderID)+"/messages", m)
	if err != nil {
		return Comment{}, err
	}
	var sent Comment
	if _, err := c.call(ctx, call, &sent); err != nil {
		return Comment{}, err
	}
	if sent.ID == "" {
		return Comment{}, parlance.Errorf(parlance.Broken, "POST %s: the answer has no id", call.Path)
	}
	return sent, nil
}

// post returns the call that sends v.
func post(path string, v any) (upstream.Call, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return upstream.Call{}, parlance.Wrap(parlance.Invalid, err, "POST %s: the message can't be written", path)
	}
	return upstream.Call{Method: http.MethodPost, Path: path, Body: body}, nil
}
