package readapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"parlance"
	"parlance/store"
)

// A message is a message in the form that all calls give. Fields that JSON Lines has too have the same names.
type message struct {
	Conversation parlance.ConversationID `json:"conversation"`
	ID           parlance.MessageID      `json:"id"`
	Sender       parlance.AccountID      `json:"sender"`
	SenderName   string                  `json:"sender_name"`
	SenderRole   parlance.Role           `json:"sender_role"`
	Type         parlance.Type           `json:"type"`
	State        string                  `json:"state"` // live, recalled or deleted
	Text         string                  `json:"text"`  // empty of what was recalled or deleted, without the right to history
	SentAt       string                  `json:"sent_at"`
	CreatedAt    string                  `json:"created_at"`
	UpdatedAt    string                  `json:"updated_at"`
	EditedAt     *string                 `json:"edited_at"`
	ReplyTo      *parlance.MessageID     `json:"reply_to"`
	Thread       string                  `json:"thread,omitempty"`
	Private      bool                    `json:"private,omitempty"`
	Attachments  []attachment            `json:"attachments,omitempty"`
	Reactions    []reaction              `json:"reactions,omitempty"`
	Location     *place                  `json:"location,omitempty"`
	Native       json.RawMessage         `json:"native,omitempty"`
}

// A reaction is all that reacted with one emoji, in order.
type reaction struct {
	Emoji   string               `json:"emoji"`
	Senders []parlance.AccountID `json:"senders"`
}

// reactionsOf groups reactions by their emoji, in the order in which each was first given.
func reactionsOf(all []parlance.Reaction) (grouped []reaction) {
	at := map[string]int{}
	for _, r := range all {
		i, there := at[r.Emoji]
		if !there {
			i = len(grouped)
			at[r.Emoji] = i
			grouped = append(grouped, reaction{Emoji: valid(r.Emoji)})
		}
		grouped[i].Senders = append(grouped[i].Senders, r.Account)
	}
	return grouped
}

// A place is where something is on earth, in degrees.
type place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// An attachment is a file that came with a message.
type attachment struct {
	Type parlance.Type `json:"type"`
	Name string        `json:"name"`
	URL  string        `json:"url"`
	Size *int64        `json:"size,omitempty"`
}

// messageOf returns a message as who asks may see it.
func messageOf(id parlance.ConversationID, e *store.Entry, who asker, native bool) message {
	m := &e.Message
	out := message{
		Conversation: id, ID: m.ID, Sender: m.Sender, SenderName: valid(m.SenderName), SenderRole: m.Role, Type: m.Type, State: m.State.String(),
		SentAt: m.Sent.String(), CreatedAt: m.Created.String(), UpdatedAt: m.Updated.String(), Thread: valid(m.Thread), Private: m.Private(),
	}
	if m.Edited != 0 {
		at := m.Edited.String()
		out.EditedAt = &at
	}
	if m.Reply != "" {
		out.ReplyTo = &m.Reply
	}
	if m.State != parlance.Live && !who.Reading.History {
		return out
	}
	out.Text, out.Reactions = valid(m.Text), reactionsOf(m.Reactions)
	if m.Location != nil {
		out.Location = &place{m.Location.Latitude, m.Location.Longitude}
	}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		one := attachment{Type: a.Type, Name: valid(a.Name), URL: valid(a.URL)}
		if a.Size != 0 || a.HasSize {
			one.Size = &a.Size
		}
		out.Attachments = append(out.Attachments, one)
	}
	if native && json.Valid(m.Native.JSON) {
		out.Native = m.Native.JSON
	}
	return out
}

func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// message answers GET /archive/v1/messages/{id}?conversation=ID.
func (s *Server) message(ctx context.Context, who asker, r *http.Request) (any, error) {
	p, err := parse(r.URL.RawQuery, "conversation", "native")
	if err != nil {
		return nil, err
	}
	native, err := p.oneOf("native", "true", "false")
	if err != nil {
		return nil, err
	}
	if p.get("conversation") == "" {
		return nil, parlance.Errorf(parlance.Invalid, "name the message's conversation: ?conversation=ID")
	}
	c, err := s.conversation(ctx, who, p.get("conversation"))
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	none := parlance.Errorf(parlance.NotFound, "there is no message %q", id)
	if parlance.CheckID("message id", parlance.MessageID(id)) != nil {
		return nil, none
	}
	e, err := s.store.Message(ctx, parlance.Ref{Workspace: who.ws, Conversation: c.ID}, parlance.MessageID(id))
	if parlance.KindOf(err) == parlance.NotFound || err == nil && !who.shows(&e.Message) {
		return nil, none
	}
	if err != nil {
		return nil, err
	}
	return messageOf(c.ID, &e, who, native == "true"), nil
}
