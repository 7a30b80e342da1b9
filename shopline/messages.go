package shopline

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"parlance"
	"parlance/access"
	"parlance/internal/answers"
	"parlance/internal/inflight"
	"parlance/internal/reply"
	"parlance/store"
)

// readAhead is how many messages are read at once on the way to a page number.
const readAhead = 5_000

// listMessages answers GET /v1/conversations/{conversationId}/messages: the newest
// messages of a conversation inside a range of time, newest first.
//
// SHOPLINE messages, order of checks: platform, conversation, then the rest.
func (s *Server) listMessages(w http.ResponseWriter, r *http.Request, who access.Grant) error {
	ctx := r.Context()
	v, err := query(r)
	if err != nil {
		return err
	}
	platform := v.platform()
	if v.err != nil {
		return v.err
	}
	ref := parlance.Ref{Workspace: who.Workspace.ID, Conversation: parlance.ConversationID(r.PathValue("conversationId"))}
	if err := s.checkConversation(ctx, ref, platform); err != nil {
		return err
	}
	q, err := v.messageQuery()
	if err != nil {
		return err
	}

	// The answer depends on the messages and on nothing else that can change, and
	// every change of theirs has a number.
	var answer []byte
	kept := func(state store.State) (ok bool) {
		answer, ok = s.answers.Get(answerKey(who.Workspace, ref, q.at(state), state.Number))
		return ok
	}
	var page store.Page
	var total int
	state, known := s.store.Glance(ref)
	if !known || !kept(state) {
		space := store.NewSpace()
		defer space.Free() // nothing of the entries is left in the answer
		if page, total, err = s.messagePage(ctx, ref, platform, q, space, kept); err != nil {
			return err
		}
	}
	if answer != nil {
		reply.JSON(w, http.StatusOK, answer)
		return nil
	}
	limit, err := q.applied(ctx, &page)
	if err != nil {
		return err
	}
	s.buffers.OK(w, func(b []byte) []byte {
		b = append(b, '{')
		b = appendInt(b, "total", total)
		b = appendInt(b, "limit", limit)
		b = append(appendName(b, "items"), '[')
		var space itemSpace
		for i := range page.Entries {
			if i > 0 {
				b = append(b, ',')
			}
			b = space.appendMessage(b, who.Workspace, platform, &page.Entries[i].Message)
		}
		b = append(b, ']', '}')
		if page.State.Number != 0 && len(b) <= answers.Largest {
			s.answers.Put(answerKey(who.Workspace, ref, q.at(page.State), page.State.Number), slices.Clone(b))
		}
		return b
	})
	return nil
}

// at returns q with the bound left out that bounds nothing in this state: who polls with "until now" gets
// the answer that is kept.
func (q messageQuery) at(state store.State) messageQuery {
	if q.to != nil && q.to.Time > state.Newest {
		q.to = nil
	}
	return q
}

// checkConversation returns an error of kind NotFound unless ref names a conversation
// that platform lists.
//
// SHOPLINE messages, wrong platform: answered like an unknown conversation.
func (s *Server) checkConversation(ctx context.Context, ref parlance.Ref, platform Platform) error {
	missing := parlance.Errorf(parlance.NotFound, "conversation not found")
	if parlance.CheckID("conversation", ref.Conversation) != nil {
		return missing
	}
	c, err := s.store.Conversation(ctx, ref)
	switch {
	case errors.Is(err, parlance.NotFound):
		return missing
	case err != nil:
		return err
	case platformOf(c.Kind) != platform:
		return missing
	}
	return nil
}

// applied returns the limit that a page was made with: it is lower than the one asked for if the page is as large as it may be. Who counts pages would
// miss the rest, and is refused.
//
// SHOPLINE messages, limit: clamped and echoed.
func (q *messageQuery) applied(ctx context.Context, page *store.Page) (int, error) {
	bytes := 0
	for i := range page.Entries {
		bytes += page.Entries[i].Size()
	}
	if err := inflight.Take(ctx, perByte*int64(bytes)); err != nil {
		return 0, err
	}
	if n := len(page.Entries); page.More && n > 0 && n < q.limit {
		if q.numbered {
			return 0, parlance.Errorf(parlance.Invalid, "page is too large: ask for a lower limit, or use end to go further back")
		}
		return n, nil
	}
	return q.limit, nil
}

// perByte is what a byte of a page costs, roughly: as a row, as a message and in the answer.
const perByte = 3

// messagePage returns the asked messages, and how many the range holds; nothing if kept says
// that there is an answer already.
func (s *Server) messagePage(ctx context.Context, ref parlance.Ref, platform Platform, q messageQuery, space *store.Space, kept func(store.State) bool) (store.Page, int, error) {
	sq := store.Query{
		From:    q.from,
		To:      q.to,
		Limit:   q.limit,
		Bytes:   parlance.MaxPage,
		Private: platform == OrderMessages,
	}
	if q.skip == 0 {
		sq.Unless, sq.Space = kept, space
		return s.store.PageCount(ctx, ref, sq) // SHOPLINE messages, total: of the range.
	}

	total, err := s.store.Count(ctx, ref, sq.Timeline, sq.From, sq.To, sq.Private)
	switch {
	case err != nil:
		return store.Page{}, 0, err
	case q.skip >= total:
		return store.Page{}, total, nil
	case q.skip > maxSkip:
		return store.Page{}, 0, parlance.Errorf(parlance.Invalid,
			"page is too deep: at most %d messages can be skipped, use end to go further back", maxSkip)
	}
	for rest := q.skip; rest > 0; {
		sq.Limit = min(rest, readAhead)
		page, err := s.store.Page(ctx, ref, sq)
		if err != nil {
			return store.Page{}, 0, err
		}
		if len(page.Entries) == 0 {
			return page, total, nil
		}
		last := page.Entries[len(page.Entries)-1].Message.Position(sq.Timeline)
		sq.To = &last
		rest -= len(page.Entries)
	}
	sq.Limit = q.limit
	page, err := s.store.Page(ctx, ref, sq)
	return page, total, err
}

// answerKey names an answer by all that it depends on.
func answerKey(ws access.Workspace, ref parlance.Ref, q messageQuery, number uint64) string {
	b := make([]byte, 0, 256)
	for _, id := range [...]string{string(ref.Workspace), string(ref.Conversation), string(ws.Merchant), string(ws.Staff), string(ws.Seller)} {
		b = append(b, id...)
		b = append(b, 0) // no id holds one
	}
	for _, n := range [...]uint64{number, uint64(q.limit), uint64(q.skip)} {
		b = strconv.AppendUint(b, n, 36)
		b = append(b, ' ')
	}
	for _, p := range [...]*parlance.Position{q.from, q.to} {
		if p != nil {
			b = strconv.AppendInt(b, int64(p.Time), 36)
		}
		b = append(b, ' ')
	}
	return string(b)
}
