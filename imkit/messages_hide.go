package imkit

import (
	"errors"
	"net/http"

	"parlance"
)

// A HideResult is the answer to hiding messages.
type HideResult struct {
	N        int `json:"n"`         // messages that are there
	Modified int `json:"nModified"` // of them, that weren't hidden before
	OK       int `json:"ok"`
}

// hideMessages answers POST /messages/user-delete: it hides messages from the caller
// alone. Messages that aren't there don't count.
func (s *Server) hideMessages(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.user(r)
	if err != nil {
		return err
	}
	var q struct {
		Room     string               `json:"room"`
		Messages []parlance.MessageID `json:"messages"`
	}
	if err := readInto(r, &q); err != nil {
		return err
	}
	switch {
	case q.Room == "":
		return missing("room")
	case q.Messages == nil:
		return missing("messages")
	case len(q.Messages) > parlance.MaxAtOnce:
		return badBody("Too many messages at once")
	}
	m, err := s.room(ctx, c, q.Room)
	if err != nil {
		return err
	}
	hidden, err := s.store.Hidden(ctx, m.ref, c.account)
	if err != nil {
		return err
	}
	result := HideResult{OK: 1}
	var hide []parlance.MessageID
	seen := map[parlance.MessageID]bool{}
	for _, id := range q.Messages {
		if seen[id] {
			continue
		}
		seen[id] = true
		if _, err := s.visible(ctx, &m, id); err != nil {
			if errors.Is(err, errNoMessage) {
				continue
			}
			return err
		}
		result.N++
		if _, already := hidden[id]; !already {
			hide = append(hide, id)
		}
	}
	if len(hidden)+len(hide) > parlance.MaxHidden {
		return badBody("Too many messages of one room are hidden")
	}
	if len(hide) > 0 {
		if err := s.store.Hide(ctx, m.ref, c.account, hide...); err != nil {
			return err
		}
	}
	result.Modified = len(hide)
	return succeed(w, result)
}
