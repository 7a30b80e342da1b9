package shopline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"parlance"
	"parlance/access"
	"parlance/store"
)

// sendShopMessage answers POST /v1/conversations/message: sends a text between a
// customer and the shop, in either direction, and answers with it.
func (s *Server) sendShopMessage(w http.ResponseWriter, r *http.Request, who access.Grant) error {
	ctx := r.Context()
	var in ShopMessage
	if err := decode(w, r, &in); err != nil {
		return err
	}
	m := parlance.Message{Sender: in.SenderID, Type: parlance.TypeText, Text: in.Text}
	customer, err := in.parties(who, &m)
	if err != nil {
		return err
	}
	if err := checkContent(in.Text, in.MediaID); err != nil {
		return err
	}
	m.Native, err = requestExtra{SenderEmail: in.SenderEmail, RefData: in.RefData}.native()
	if err != nil {
		return err
	}

	ref, err := s.shopConversation(ctx, who.Workspace, customer)
	if err != nil {
		return err
	}
	sent, err := s.send(ctx, ref, m)
	if err != nil {
		return err
	}
	s.buffers.OK(w, func(b []byte) []byte {
		return new(itemSpace).appendMessage(b, who.Workspace, ShopMessages, &sent)
	})
	return nil
}

// parties returns the customer of the two parties, and sets who m is from. One of them
// has to be the merchant.
//
// SHOPLINE sending shop messages, direction: by sender_id.
func (in *ShopMessage) parties(who access.Grant, m *parlance.Message) (parlance.AccountID, error) {
	if err := parlance.CheckID("sender_id", in.SenderID); err != nil {
		return "", err
	}
	if err := parlance.CheckID("recipient_id", in.RecipientID); err != nil {
		return "", err
	}
	merchant := who.Workspace.Merchant
	switch {
	case in.SenderID == in.RecipientID:
		return "", parlance.Errorf(parlance.Invalid, "sender_id and recipient_id are the same")
	case in.SenderID == merchant:
		m.Role, m.Acting = parlance.Merchant, who.Account
		return in.RecipientID, nil
	case in.RecipientID == merchant:
		m.Role = parlance.Customer
		return in.SenderID, nil
	}
	return "", parlance.Errorf(parlance.Invalid, "sender_id or recipient_id must be the merchant's id")
}

// checkContent reports, as an Invalid error, why there is nothing to send.
//
// SHOPLINE sending shop messages, media_id: refused.
func checkContent(text, mediaID string) error {
	switch {
	case mediaID != "":
		return parlance.Errorf(parlance.Invalid, "media_id is unknown: this server does not take uploads yet, send text")
	case text == "":
		return parlance.Errorf(parlance.Invalid, "text is required")
	}
	return nil
}

// send writes m, and returns it as it was stored.
func (s *Server) send(ctx context.Context, ref parlance.Ref, m parlance.Message) (parlance.Message, error) {
	outcomes, err := s.store.Put(ctx, ref, store.Send, m)
	if err != nil {
		return parlance.Message{}, err
	}
	return outcomes[0].Entry.Message, nil
}

// shopConversation returns the conversation between the shop and a customer, made if
// there is none: the one that was active last of those in which the lists show that customer, wherever it came from. Of
// several at the same time it is the platform's own.
//
// SHOPLINE sending shop messages, conversation: the one that is listed first.
func (s *Server) shopConversation(ctx context.Context, ws access.Workspace, customer parlance.AccountID) (parlance.Ref, error) {
	var first *store.Summary
	for sum, err := range s.recentOfCustomer(ctx, ws, customer, []parlance.Kind{parlance.Shop, parlance.Direct}) {
		if err != nil {
			return parlance.Ref{}, err
		}
		if first != nil && activity(sum) != activity(*first) {
			break
		}
		c := &sum.Conversation
		// A member of a conversation without a customer is listed as one, and is none to write to.
		of, err := s.customerOf(ctx, parlance.Ref{Workspace: ws.ID, Conversation: c.ID}, c)
		if err != nil {
			return parlance.Ref{}, err
		}
		if of == customer && (first == nil || first.Conversation.Platform != parlance.Shopline && c.Platform == parlance.Shopline) {
			first = &sum
		}
	}
	if first != nil {
		return parlance.Ref{Workspace: ws.ID, Conversation: first.Conversation.ID}, nil
	}
	ref := parlance.Ref{Workspace: ws.ID, Conversation: derivedID(ws.Merchant, parlance.Shop, string(customer))}
	return ref, s.create(ctx, ref, parlance.Conversation{Kind: parlance.Shop, Customer: customer}, ws.Merchant)
}

// create makes a conversation of ours unless it exists, with its members. Both steps
// can be repeated, by others at the same time too. What exists and is another conversation is refused.
func (s *Server) create(ctx context.Context, ref parlance.Ref, c parlance.Conversation, merchant parlance.AccountID) error {
	now := s.store.Now()
	c.ID, c.Platform, c.Created = ref.Conversation, parlance.Shopline, now
	if _, err := s.store.Create(ctx, ref.Workspace, c); err != nil {
		return err
	}
	members := []parlance.Member{{Account: merchant, Role: parlance.Merchant, Joined: now}}
	if c.Customer != "" {
		members = append(members, parlance.Member{Account: c.Customer, Role: parlance.Customer, Joined: now})
	}
	return s.store.AddMembers(ctx, ref, members...)
}

// derivedID returns the id of the conversation of a kind between the merchant and a
// customer or about an order. All who ask get the same, so that two who are first make
// one conversation.
func derivedID(merchant parlance.AccountID, kind parlance.Kind, about string) parlance.ConversationID {
	sum := sha256.Sum256([]byte(string(merchant) + "\x00" + string(kind) + "\x00" + about))
	return parlance.ConversationID(hex.EncodeToString(sum[:12]))
}
