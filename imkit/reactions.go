package imkit

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"parlance"
)

// addReaction answers POST /messages/{mid}/reaction. Each user gives a reaction once.
func (s *Server) addReaction(w http.ResponseWriter, r *http.Request) error {
	return s.react(w, r, func(r *http.Request) (string, error) {
		var q struct {
			Reaction string `json:"reaction"`
		}
		err := readInto(r, &q)
		return q.Reaction, err
	}, func(rs []parlance.Reaction, given parlance.Reaction) ([]parlance.Reaction, error) {
		own := 0
		for _, r := range rs {
			if r == given {
				return rs, nil
			}
			if r.Account == given.Account {
				own++
			}
		}
		if own >= parlance.MaxReactionsBy || len(rs) >= parlance.MaxGiven {
			return nil, badParameter("The message has as many reactions as it takes")
		}
		return append(slices.Clone(rs), given), nil
	})
}

// removeReaction answers DELETE /messages/{mid}/reaction?reaction=…. Without a reaction all of
// the caller's go.
func (s *Server) removeReaction(w http.ResponseWriter, r *http.Request) error {
	all := false
	return s.react(w, r, func(r *http.Request) (string, error) {
		// A body is undocumented, but whoever names a reaction there doesn't mean all.
		q := struct {
			Reaction *string `json:"reaction"`
		}{}
		if err := readInto(r, &q); err != nil {
			return "", err
		}
		if values := r.URL.Query(); values.Has("reaction") {
			return values.Get("reaction"), nil
		}
		if q.Reaction != nil {
			return *q.Reaction, nil
		}
		all = true
		return "all", nil
	}, func(rs []parlance.Reaction, given parlance.Reaction) ([]parlance.Reaction, error) {
		return slices.DeleteFunc(slices.Clone(rs), func(x parlance.Reaction) bool {
			return x.Account == given.Account && (all || x.Emoji == given.Emoji)
		}), nil
	})
}

func (s *Server) react(w http.ResponseWriter, r *http.Request, read func(*http.Request) (string, error), change func([]parlance.Reaction, parlance.Reaction) ([]parlance.Reaction, error)) error {
	ctx := r.Context()
	c, err := s.user(r)
	if err != nil {
		return err
	}
	emoji, err := read(r)
	if err != nil {
		return err
	}
	if emoji == "" || len(emoji) > parlance.MaxReaction { // emoji with all their joints are shorter
		return badParameter("reaction must be 1 to 128 bytes of text")
	}
	m, message, err := s.messageAnywhere(ctx, c, r.PathValue("mid"))
	if err != nil {
		return err
	}
	if err := s.mayGrow(&m, message); err != nil {
		return err
	}
	out, err := s.store.Change(ctx, m.ref, message.ID, func(x *parlance.Message) (err error) {
		x.Reactions, err = change(x.Reactions, parlance.Reaction{Emoji: emoji, Account: c.account})
		return err
	})
	if err != nil {
		return gone(err)
	}
	return s.answerMessage(ctx, w, &m, &out.Entry.Message, listed)
}

// messageAnywhere finds a message that is named without its room.
func (s *Server) messageAnywhere(ctx context.Context, c caller, mid string) (room, *parlance.Message, error) {
	if messageWords[mid] {
		return room{}, nil, errNotFound
	}
	id := parlance.MessageID(mid)
	if parlance.CheckID("message id", id) != nil {
		return room{}, nil, errNoMessage
	}
	conversation, err := s.store.ConversationOfMessage(ctx, c.workspace, id)
	if errors.Is(err, parlance.NotFound) {
		return room{}, nil, errNoMessage
	}
	if err != nil {
		return room{}, nil, err
	}
	m, err := s.room(ctx, c, string(conversation))
	if err != nil {
		return room{}, nil, err
	}
	message, err := s.visible(ctx, &m, id)
	return m, message, err
}
