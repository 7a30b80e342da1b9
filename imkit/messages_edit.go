package imkit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"parlance"
)

// edit replaces the fields that are given. The type stays.
func (s *Server) edit(ctx context.Context, m *room, id parlance.MessageID, o object) (*parlance.Message, error) {
	if err := s.mayRewrite(ctx, m, id); err != nil {
		return nil, err
	}
	reply, err := s.replied(ctx, m, o)
	if err != nil {
		return nil, err
	}
	out, err := s.store.Change(ctx, m.ref, id, func(message *parlance.Message) error {
		if message.State == parlance.Recalled {
			return errNoMessage
		}
		changed := *message
		if o.has("reply") {
			changed.Reply = reply
		}
		if err := rewrite(&changed, o); err != nil {
			return err
		}
		if !sameContent(message, &changed) {
			changed.Edited = s.store.Now()
			*message = changed
		}
		return nil
	})
	if err != nil {
		return nil, gone(err)
	}
	return &out.Entry.Message, nil
}

// rewrite puts the fields of o over what m was sent as. Of a message from elsewhere
// only the text and the mentions can be edited: it has no other fields of ours.
func rewrite(m *parlance.Message, o object) error {
	native, _ := nativeOf(m)
	if native == nil && (m.Native.Dialect != "" || m.Type != parlance.TypeText || len(m.Attachments) > 0) {
		if o.has("message") {
			m.Text = textOf(o.get("message"))
		}
		if o.has("mentions") {
			return setMentions(m, o)
		}
		return nil
	}
	whole := native.without(isBase)
	name, _ := whole.text("messageType")
	if name == "" {
		name = typeName(m)
	}
	if err := plainlyWrong(name, o); err != nil {
		return err
	}
	for field, value := range map[string]any{"messageType": name, "message": m.Text, "mentions": m.Mentions} {
		b, err := json.Marshal(value)
		if err != nil {
			return err
		}
		whole.set(field, b)
	}
	return content(m, whole.overlaid(o.without(func(name string) bool { return name == "messageType" })))
}

// sameContent reports whether an edit changed nothing that a reader could see.
func sameContent(a, b *parlance.Message) bool {
	fields := func(m *parlance.Message) string {
		native, _ := nativeOf(m)
		return string(native.without(func(name string) bool { return isBase(name) || name == "messageType" }).append(nil))
	}
	return a.Text == b.Text && a.Reply == b.Reply && slices.Equal(a.Mentions, b.Mentions) && fields(a) == fields(b)
}

// recall takes a message's content away from its readers.
func (s *Server) recall(ctx context.Context, m *room, id parlance.MessageID) (*parlance.Message, error) {
	if err := s.mayRewrite(ctx, m, id); err != nil {
		return nil, err
	}
	out, err := s.store.Change(ctx, m.ref, id, func(message *parlance.Message) error {
		if message.State == parlance.Live {
			message.State, message.Removed = parlance.Recalled, s.store.Now()
		}
		return nil
	})
	if err != nil {
		return nil, gone(err)
	}
	return &out.Entry.Message, nil
}

// mayRewrite refuses to edit or recall what somebody else wrote: only an API key may.
func (s *Server) mayRewrite(ctx context.Context, m *room, id parlance.MessageID) error {
	message, err := s.visible(ctx, m, id)
	if err != nil {
		return err
	}
	if !m.admin && message.Sender != m.account {
		return errRole
	}
	return s.mayGrow(m, message)
}

// gone returns what to answer when err says that a message isn't there any more.
func gone(err error) error {
	if errors.Is(err, parlance.NotFound) {
		return errNoMessage
	}
	return err
}
