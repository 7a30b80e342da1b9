package shopline

import (
	"context"
	"errors"
	"net/http"

	"parlance"
	"parlance/access"
)

// sendOrderMessage answers POST /v1/orders/{id}/messages: sends a text about an order,
// to the other side or as a note to the staff, and answers with a comment.
func (s *Server) sendOrderMessage(w http.ResponseWriter, r *http.Request, who access.Grant) error {
	ctx := r.Context()
	orderID := r.PathValue("id")
	if parlance.CheckID("order", orderID) != nil {
		return errNoOrder
	}
	var in OrderMessage
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := in.check(orderID); err != nil {
		return err
	}
	c, known, err := s.orderConversation(ctx, who.Workspace, orderID, &in)
	if err != nil {
		return err
	}
	m, err := in.message(who, c.Customer)
	if err != nil {
		return err
	}
	ref := parlance.Ref{Workspace: who.Workspace.ID, Conversation: c.ID}
	switch {
	case !known:
		if m.Role == parlance.Customer {
			c.Customer = m.Sender
		}
		err = s.create(ctx, ref, c, who.Workspace.Merchant)
	case c.Customer == "" && m.Role == parlance.Customer:
		err = s.learnCustomer(ctx, ref, m.Sender)
	}
	if err != nil {
		return err
	}
	sent, err := s.send(ctx, ref, m)
	if err != nil {
		return err
	}
	s.buffers.OK(w, func(b []byte) []byte {
		c := commentOf(who.Workspace, orderID, &sent)
		return appendComment(b, &c)
	})
	return nil
}

var errNoOrder = parlance.Errorf(parlance.NotFound, "order not found")

// Who sends an order's message.
const (
	byMerchant = "merchant"
	byCustomer = "customer"
)

// check reports, as an Invalid error, what is wrong with the request by itself.
func (in *OrderMessage) check(orderID string) error {
	if err := checkContent(in.Text, in.MediaID); err != nil {
		return err
	}
	switch {
	case in.TrackableType != "" && in.TrackableType != "Order":
		return parlance.Errorf(parlance.Invalid, "trackable_type is invalid: want Order")
	case in.TrackableID != "" && in.TrackableID != orderID:
		return parlance.Errorf(parlance.Invalid, "trackable_id is not the id in the path")
	case in.SendBy != "" && in.SendBy != byMerchant && in.SendBy != byCustomer:
		return parlance.Errorf(parlance.Invalid, "send_by is invalid: want %s or %s", byMerchant, byCustomer)
	case in.SendBy == byCustomer && in.IsPrivate:
		return parlance.Errorf(parlance.Invalid, "is_private is invalid: a note is the merchant's, not the customer's")
	case in.OwnerID != "":
		return parlance.CheckID("owner_id", in.OwnerID)
	}
	return nil
}

// namedCustomer returns the customer whom the request names as the message's owner,
// empty if it names none.
func (in *OrderMessage) namedCustomer() parlance.AccountID {
	if in.SendBy != byCustomer || in.OwnerType == string(MerchantSender) {
		return ""
	}
	return in.OwnerID
}

// message returns what to send. The customer may be empty.
func (in *OrderMessage) message(who access.Grant, customer parlance.AccountID) (parlance.Message, error) {
	m := parlance.Message{
		Sender: who.Workspace.Merchant,
		Role:   parlance.Merchant,
		Acting: who.Account,
		Type:   parlance.TypeText,
		Text:   in.Text,
	}
	if in.IsPrivate {
		m.Type = parlance.TypeNote
	}
	if in.SendBy == byCustomer {
		named := in.namedCustomer()
		switch {
		case customer == "" && named == "":
			return m, parlance.Errorf(parlance.Invalid, "owner_id is required: the customer of this order is not known")
		case customer == "":
			customer = named
		case named != "" && named != customer:
			return m, parlance.Errorf(parlance.Invalid, "owner_id is not the customer of this order")
		}
		m.Sender, m.Role, m.Acting = customer, parlance.Customer, ""
	}
	var err error
	m.Native, err = requestExtra{CustomData: in.CustomData}.native()
	return m, err
}

// orderConversation returns the conversation about an order. Its customer may be
// unknown. For an order that is not known it is one that is still to be made, if the
// request vouches for it, else the error is errNoOrder.
//
// SHOPLINE sending order messages, order: known, or vouched for by the body.
func (s *Server) orderConversation(ctx context.Context, ws access.Workspace, orderID string, in *OrderMessage) (c parlance.Conversation, known bool, err error) {
	id, err := s.store.ConversationOfOrder(ctx, ws.ID, orderID)
	switch {
	case err == nil:
		ref := parlance.Ref{Workspace: ws.ID, Conversation: id}
		if c, err = s.store.Conversation(ctx, ref); err != nil {
			return c, true, err
		}
		if c.Kind != parlance.Order || c.OrderID != orderID {
			return c, true, parlance.Errorf(parlance.Conflict, "the conversation of this order is another one")
		}
		c.Customer, err = s.customerOf(ctx, ref, &c)
		return c, true, err
	case !errors.Is(err, parlance.NotFound):
		return c, false, err
	case in.TrackableType != "Order" || in.TrackableID != orderID:
		return c, false, errNoOrder
	}
	c.ID = derivedID(ws.Merchant, parlance.Order, orderID)
	c.Kind, c.OrderID = parlance.Order, orderID
	return c, false, nil
}

// learnCustomer makes an account the customer of a conversation that has none.
func (s *Server) learnCustomer(ctx context.Context, ref parlance.Ref, customer parlance.AccountID) error {
	_, err := s.store.UpdateConversation(ctx, ref, func(c *parlance.Conversation) error {
		if c.Customer == "" {
			c.Customer = customer
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.store.AddMembers(ctx, ref, parlance.Member{Account: customer, Role: parlance.Customer, Joined: s.store.Now()})
}
