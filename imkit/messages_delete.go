package imkit

import (
	"net/http"

	"parlance"
)

// A DeleteResult is the answer to deleting a message for everyone.
type DeleteResult struct {
	DeletedCount int    `json:"deletedCount"`
	RoomID       string `json:"roomID"`
	MessageID    string `json:"messageID"`
	DeletedBy    string `json:"deletedBy"` // user id; empty for an API key that acts for nobody
	DeletedAt    string `json:"deletedAt"` // ISO-8601
}

// deleteMessage answers DELETE /rooms/{id}/messages/{mid}: the message is gone for
// everyone. For the owner, managers and API keys.
func (s *Server) deleteMessage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.caller(r)
	if err != nil {
		return err
	}
	m, err := s.room(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !m.runs() {
		return errDeleteRole
	}
	message, err := s.visible(ctx, &m, parlance.MessageID(r.PathValue("mid")))
	if err != nil {
		return err
	}
	now := s.store.Now()
	_, err = s.store.Change(ctx, m.ref, message.ID, func(x *parlance.Message) error {
		x.State, x.Removed = parlance.Deleted, now
		return nil
	})
	if err != nil {
		return gone(err)
	}
	return succeed(w, DeleteResult{
		DeletedCount: 1, RoomID: string(m.ref.Conversation), MessageID: string(message.ID),
		DeletedBy: string(m.account), DeletedAt: now.String(),
	})
}
