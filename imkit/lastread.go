package imkit

import (
	"errors"
	"net/http"

	"parlance"
)

// A LastReadResult is the answer to marking what was read.
type LastReadResult struct {
	Client   string `json:"client"` // user id
	LastRead string `json:"lastRead,omitempty"`
	Badge    int    `json:"badge"` // messages still unread
}

// setLastRead answers PUT /rooms/{id}/lastRead. What was read stays read: a mark never
// moves back. A body that names no message changes nothing, as clients send one when a
// room is empty.
func (s *Server) setLastRead(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := s.user(r)
	if err != nil {
		return err
	}
	m, err := s.room(ctx, c, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !m.isMember {
		return errNotMember
	}
	var q struct {
		Message parlance.MessageID `json:"message"`
	}
	if err := readInto(r, &q); err != nil {
		return err
	}
	if q.Message != "" {
		if parlance.CheckID("message id", q.Message) != nil {
			return errNoMessage
		}
		e, err := s.store.Message(ctx, m.ref, q.Message)
		if errors.Is(err, parlance.NotFound) || err == nil && e.Message.Private() && !m.private {
			return errNoMessage
		}
		if err != nil {
			return err
		}
		if at := e.Message.Position(parlance.ByCreated); at.Compare(m.member.LastRead) > 0 {
			m.member, err = s.store.UpdateMember(ctx, m.ref, m.account, func(p *parlance.Member) error {
				if at.Compare(p.LastRead) > 0 {
					p.LastRead = at
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	unread, err := s.unread(ctx, &m)
	if err != nil {
		return err
	}
	reads, err := s.lastReads(ctx, &m)
	if err != nil {
		return err
	}
	last, err := reads.of(ctx, m.member.LastRead)
	if err != nil {
		return err
	}
	return succeed(w, LastReadResult{string(m.account), last, unread})
}
