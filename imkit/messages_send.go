package imkit

import (
	"context"
	"errors"
	"net/http"

	"parlance"
	"parlance/internal/reply"
	"parlance/store"
)

// postMessage answers POST /rooms/{id}/message: it sends, edits or recalls a message.
// IMKit Messages, writing.
func (s *Server) postMessage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	m, err := s.room(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	id, isText := o.text("_id")
	if !isText && o.has("_id") {
		return badBody("_id must be a string")
	}
	kind, _ := o.text("messageType")
	var written *parlance.Message
	switch {
	case id == "" && kind == "recall":
		return missing("_id")
	case id == "":
		written, err = s.send(ctx, &m, o)
	case kind == "recall":
		written, err = s.recall(ctx, &m, parlance.MessageID(id))
	default:
		written, err = s.edit(ctx, &m, parlance.MessageID(id), o)
	}
	if err != nil {
		return err
	}
	return s.answerMessage(ctx, w, &m, written, listed)
}

// postMessageAsAdmin answers POST /messages: an API key sends a message in a user's name.
func (s *Server) postMessageAsAdmin(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.admin(r)
	if err != nil {
		return err
	}
	o, err := readObject(r)
	if err != nil {
		return err
	}
	id, _ := o.text("room")
	if id == "" {
		return missing("room")
	}
	m, err := s.room(ctx, c, id)
	if err != nil {
		return err
	}
	if kind, _ := o.text("messageType"); kind == "recall" {
		return badBody("Recall a message through its room")
	}
	written, err := s.send(ctx, &m, o)
	if err != nil {
		return err
	}
	return s.answerMessage(ctx, w, &m, written, posted)
}

// answerMessage answers with one message as the caller sees it.
func (s *Server) answerMessage(ctx context.Context, w http.ResponseWriter, m *room, written *parlance.Message, form messageForm) error {
	var hidden map[parlance.MessageID]parlance.Time
	if m.account != "" {
		var err error
		if hidden, err = s.store.Hidden(ctx, m.ref, m.account); err != nil {
			return err
		}
	}
	result, err := s.view(m, hidden).message(ctx, written, form)
	if err != nil {
		return err
	}
	b := append([]byte(`{"RC":0,"RM":"OK","result":`), result...)
	reply.JSON(w, http.StatusOK, append(b, '}'))
	return nil
}

// send writes a new message. An API key names its sender in the body, if it doesn't act
// for somebody already.
func (s *Server) send(ctx context.Context, m *room, o object) (*parlance.Message, error) {
	var message parlance.Message
	if err := content(&message, o); err != nil {
		return nil, err
	}
	if err := plainlyWrong(sentType(o), o); err != nil {
		return nil, err
	}
	message.Sender, message.Role = m.account, m.member.Role
	if m.admin {
		if name, _ := o.text("sender"); name != "" {
			if parlance.CheckID("sender", name) != nil {
				return nil, badRequest("INVALID_USER_ID", "sender can't be a user's id")
			}
			message.Sender = parlance.AccountID(name)
		}
		if message.Sender == "" {
			return nil, missing("sender")
		}
		var err error
		if message.Role, err = s.roleOf(ctx, m, message.Sender); err != nil {
			return nil, err
		}
	}
	if !o.has("message") && !o.has("messageType") {
		return nil, missing("message")
	}
	var err error
	if message.Reply, err = s.replied(ctx, m, o); err != nil {
		return nil, err
	}
	out, err := s.store.Put(ctx, m.ref, store.Send, message)
	if err != nil {
		return nil, err
	}
	return &out[0].Entry.Message, nil
}

// roleOf returns what an account is in m. Who isn't a member and writes to a customer
// through an API key speaks for the shop.
func (s *Server) roleOf(ctx context.Context, m *room, id parlance.AccountID) (parlance.Role, error) {
	member, err := s.store.Member(ctx, m.ref, id)
	if !errors.Is(err, parlance.NotFound) {
		return member.Role, err
	}
	switch kind := m.conversation.Kind; {
	case id == m.conversation.Customer:
		return parlance.Customer, nil
	case kind == parlance.Shop || kind == parlance.Order:
		return parlance.Agent, nil
	}
	return "", nil
}

// replied returns the message that a new one answers: its id, or an object with its id.
func (s *Server) replied(ctx context.Context, m *room, o object) (parlance.MessageID, error) {
	v := o.get("reply")
	if v == nil {
		return "", nil
	}
	id, ok := o.text("reply")
	if !ok {
		whole, err := parseObject(v)
		if err != nil {
			return "", badBody("reply must be a message's id")
		}
		id, _ = whole.text("_id")
	}
	if id == "" && ok {
		return "", nil
	}
	if _, err := s.visible(ctx, m, parlance.MessageID(id)); err != nil {
		return "", err
	}
	return parlance.MessageID(id), nil
}

// visible returns the message id of m if the caller may see it.
func (s *Server) visible(ctx context.Context, m *room, id parlance.MessageID) (*parlance.Message, error) {
	if parlance.CheckID("message id", id) != nil {
		return nil, errNoMessage
	}
	e, err := s.store.Message(ctx, m.ref, id)
	if errors.Is(err, parlance.NotFound) || err == nil && e.Message.Private() && !m.private {
		return nil, errNoMessage
	}
	if err != nil {
		return nil, err
	}
	return &e.Message, nil
}
