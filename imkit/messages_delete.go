package imkit

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store"
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
	_, m, err := s.roomToRun(r, errDeleteRole)
	if err != nil {
		return err
	}
	if messageWords[r.PathValue("mid")] {
		return errNotFound
	}
	message, err := s.visible(ctx, &m, parlance.MessageID(r.PathValue("mid")))
	if err != nil {
		return err
	}
	now, err := s.deleteOne(ctx, &m, message.ID)
	if err != nil {
		return gone(err)
	}
	return succeed(w, DeleteResult{
		DeletedCount: 1, RoomID: string(m.ref.Conversation), MessageID: string(message.ID),
		DeletedBy: string(m.account), DeletedAt: now.String(),
	})
}

// deleteOne deletes a message of m for everyone, and returns when.
func (s *Server) deleteOne(ctx context.Context, m *room, id parlance.MessageID) (parlance.Time, error) {
	now := s.store.Now()
	_, err := s.store.Change(ctx, m.ref, id, func(x *parlance.Message) error {
		x.State, x.Removed = parlance.Deleted, now
		return nil
	})
	return now, err
}

// Messages of a whole room are deleted so many at a time, and so many of these at once: the
// store writes together what comes together, and others' messages in between.
const (
	deleteBatch  = 500
	deleteAtOnce = 32
)

// deleteAllMessages answers DELETE /rooms/{id}/messages/_all: what the room holds when the call comes is
// gone for everyone. The work stops when the client leaves; the same call goes on with what is left.
func (s *Server) deleteAllMessages(w http.ResponseWriter, r *http.Request) error {
	_, m, err := s.roomToRun(r, errDeleteRole)
	if err != nil {
		return err
	}
	n, err := s.deleteAll(r.Context(), &m)
	if err != nil {
		return err
	}
	return succeed(w, DeleteResult{
		DeletedCount: n, RoomID: string(m.ref.Conversation), MessageID: "_all",
		DeletedBy: string(m.account), DeletedAt: s.store.Now().String(),
	})
}

// deleteAll deletes all messages of m that the caller sees, and returns how many there were.
func (s *Server) deleteAll(ctx context.Context, m *room) (int, error) {
	newest, err := s.store.Page(ctx, m.ref, store.Query{Limit: 1, Private: m.private})
	if err != nil || len(newest.Entries) == 0 {
		return 0, err
	}
	q := store.Query{Ascending: true, Limit: deleteBatch, Private: m.private, To: newest.Entries[0].Message.Position(parlance.ByCreated).Next()}
	var deleted atomic.Int64
	for {
		page, err := s.store.Page(ctx, m.ref, q)
		if err != nil {
			return 0, err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(deleteAtOnce)
		for i := range page.Entries {
			id := page.Entries[i].Message.ID
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				_, err := s.deleteOne(ctx, m, id)
				if errors.Is(err, parlance.NotFound) { // by somebody else meanwhile
					return nil
				}
				if err == nil {
					deleted.Add(1)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return 0, err
		}
		if !page.More || len(page.Entries) == 0 {
			return int(deleted.Load()), nil
		}
		q.From = page.Entries[len(page.Entries)-1].Message.Position(parlance.ByCreated).Next()
	}
}
