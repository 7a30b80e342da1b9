package readapi

import (
	"context"
	"encoding/binary"
	"net/http"

	"parlance"
	"parlance/internal/inflight"
	"parlance/store"
)

// The bounds of a page.
const (
	usualPage = 50
	maxPage   = 1000
	pageBytes = 8 << 20 // of messages as they are stored; a page ends behind the one that reaches it
)

// messages answers GET /archive/v1/conversations/{id}/messages.
func (s *Server) messages(ctx context.Context, who asker, r *http.Request) (any, error) {
	p, err := parse(r.URL.RawQuery, "limit", "cursor", "order", "from", "to", "native")
	if err != nil {
		return nil, err
	}
	limit, err := p.limit(usualPage, maxPage)
	if err != nil {
		return nil, err
	}
	order, err := p.oneOf("order", "asc", "desc")
	if err != nil {
		return nil, err
	}
	native, err := p.oneOf("native", "true", "false")
	if err != nil {
		return nil, err
	}
	from, err := p.time("from")
	if err != nil {
		return nil, err
	}
	to, err := p.time("to")
	if err != nil {
		return nil, err
	}
	c, err := s.conversation(ctx, who, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	list := p.list("messages/" + string(c.ID))
	at, err := p.cursor(list)
	if err != nil {
		return nil, err
	}
	q := store.Query{Timeline: parlance.ByCreated, Ascending: order == "asc", Limit: limit, Private: who.Reading.Private, Bytes: pageBytes}
	if from = max(from, who.Reading.From); from != 0 {
		q.From = &parlance.Position{Time: from}
	}
	if who.Reading.To != 0 && (to == 0 || who.Reading.To < to) {
		to = who.Reading.To
	}
	if to != 0 {
		q.To = &parlance.Position{Time: to}
	}
	if at != "" {
		place, err := decodePosition(at)
		if err != nil {
			return nil, err
		}
		// Whoever has a cursor can make others: it narrows what may be read, and widens nothing.
		if next := place.Next(); q.Ascending && (q.From == nil || next.Compare(*q.From) > 0) {
			q.From = next
		}
		if !q.Ascending && (q.To == nil || place.Compare(*q.To) < 0) {
			q.To = &place
		}
	}
	page := struct {
		Messages []message `json:"messages"`
		Cursor   string    `json:"cursor"` // empty: that was all
	}{Messages: []message{}}
	if q.From != nil && q.To != nil && q.From.Compare(*q.To) >= 0 {
		return page, nil
	}
	found, err := s.store.Page(ctx, parlance.Ref{Workspace: who.ws, Conversation: c.ID}, q)
	if err != nil {
		return nil, err
	}
	if err := take(ctx, found.Entries); err != nil {
		return nil, err
	}
	for i := range found.Entries {
		page.Messages = append(page.Messages, messageOf(c.ID, &found.Entries[i], who, native == "true"))
	}
	if n := len(found.Entries); found.More && n > 0 {
		page.Cursor = encodeCursor(list, encodePosition(found.Entries[n-1].Message.Position(parlance.ByCreated)))
	}
	return page, nil
}

// perByte is how many bytes an answer takes for each that its messages have in the store: these, their JSON, and that once more.
const perByte = 3

// take counts what an answer of some messages takes against what all answers may together.
func take(ctx context.Context, es []store.Entry) error {
	n := 0
	for i := range es {
		n += es[i].Size()
	}
	return inflight.Take(ctx, int64(perByte*n))
}

func encodePosition(p parlance.Position) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(p.Time))) + string(p.ID)
}

func decodePosition(text string) (parlance.Position, error) {
	if len(text) < 9 || parlance.CheckID("message id", parlance.MessageID(text[8:])) != nil {
		return parlance.Position{}, errCursor
	}
	return parlance.Position{Time: parlance.Time(binary.BigEndian.Uint64([]byte(text))), ID: parlance.MessageID(text[8:])}, nil
}
