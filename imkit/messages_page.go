package imkit

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"

	"parlance"
	"parlance/store"
)

// A span is the stretch of a timeline that a query asks for.
type span struct {
	from, to   *parlance.Position // from <= position < to; nil is open
	descending bool               // rows are taken from the upper end
	anchors    []anchor
}

// An anchor is a message that a query names, at its place in the query's timeline.
type anchor struct {
	at     parlance.Position
	before bool
}

// messagePage makes a page and returns it with the number of the conversation's state
// that it shows; 0 if the conversation changed while it was read. It makes none if kept says that
// there is one of the present state.
func (s *Server) messagePage(ctx context.Context, m *room, q *pageQuery, kept func(store.State) bool) ([]byte, uint64, error) {
	sp, err := s.span(ctx, m, q)
	if err != nil {
		return nil, 0, err
	}
	var hidden map[parlance.MessageID]parlance.Time
	if m.account != "" {
		if hidden, err = s.store.Hidden(ctx, m.ref, m.account); err != nil {
			return nil, 0, err
		}
	}
	skipped := false
	space := store.NewSpace()
	defer space.Free() // nothing of the entries is left in the page
	entries, state, number, err := s.rows(ctx, m, q, sp, hidden, space, func(state store.State) bool {
		skipped = kept(state)
		return skipped
	})
	if err != nil || skipped {
		return nil, 0, err
	}
	total := state.Total
	if !m.private {
		total -= state.Private
	}
	if q.web && len(hidden) > 0 { // IMKit Paging, totals
		n, err := s.countVisible(ctx, m, hidden)
		if err != nil {
			return nil, 0, err
		}
		total -= n
	}

	b := make([]byte, pageHead, 512+512*len(entries))
	b = append(b, `{"RC":0,"RM":"OK","result":{"totalCount":`...)
	b = strconv.AppendInt(b, int64(total), 10)
	b = append(b, `,"inspect":{"query":`...)
	b = appendQuery(b, m, q, sp)
	b = append(b, `,"tookMS":`...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-pageHead))
	b = append(b, `},"data":[`...)
	v := s.view(m, hidden)
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = v.appendMessage(ctx, b, &entries[i].Message, listed); err != nil {
			return nil, 0, err
		}
	}
	b = append(b, `],"userDeletedIDs":[`...)
	for i, id := range inOrder(hidden) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, id)
	}
	return append(b, `]}}`...), number, nil
}

// span finds the places of q's anchors and with them the stretch: IMKit Paging, anchors.
// An unknown anchor is refused, since an empty page would be read as the end.
func (s *Server) span(ctx context.Context, m *room, q *pageQuery) (span, error) {
	sp := span{descending: !q.ascending}
	if q.afterTime != nil {
		sp.from = parlance.At(*q.afterTime + 1)
	}
	if q.before != "" {
		at, err := s.place(ctx, m, q, q.before)
		if err != nil {
			return sp, err
		}
		sp.anchors = append(sp.anchors, anchor{at, true})
		sp.to = &at
		if q.inclusive {
			sp.to = at.Next()
		}
	}
	if q.after != "" {
		at, err := s.place(ctx, m, q, q.after)
		if err != nil {
			return sp, err
		}
		sp.anchors = append(sp.anchors, anchor{at, false})
		from := &at
		if !q.inclusive {
			from = at.Next()
		}
		if sp.from == nil || from.Compare(*sp.from) > 0 {
			sp.from = from
		}
	}
	if (q.before == "") != (q.after == "") { // one anchor: the rows next to it
		sp.descending = q.before != ""
	}
	return sp, nil
}

// place returns where the message id stands in q's timeline. A message that was
// deleted still marks the place where it was, but only for pages that leave the anchor
// out: who expects it as first row would take another for it.
func (s *Server) place(ctx context.Context, m *room, q *pageQuery, id parlance.MessageID) (parlance.Position, error) {
	if parlance.CheckID("message id", id) != nil {
		return parlance.Position{}, errNoMessage
	}
	at, private, err := s.store.Place(ctx, m.ref, q.timeline, id)
	if errors.Is(err, parlance.NotFound) && !q.inclusive {
		var versions []store.Entry
		versions, err = s.store.Versions(ctx, m.ref, id)
		for _, v := range versions { // newest first
			at, private = v.Message.Position(q.timeline), v.Message.Private()
			if v.Message.State != parlance.Deleted {
				break
			}
		}
	}
	if errors.Is(err, parlance.NotFound) || err == nil && private && !m.private {
		return parlance.Position{}, errNoMessage
	}
	return at, err
}

// rows reads the page's rows in the order in which they are shown. For the web SDK
// hidden rows are left out and the page is filled up, but an anchor that belongs to the
// page stays its first row, hidden or not.
func (s *Server) rows(ctx context.Context, m *room, q *pageQuery, sp span, hidden map[parlance.MessageID]parlance.Time, space *store.Space, unless func(store.State) bool) (kept []store.Entry, state store.State, number uint64, err error) {
	from, to := sp.from, sp.to
	if from != nil && to != nil && from.Compare(*to) >= 0 {
		if state, err = s.store.State(ctx, m.ref); err != nil {
			return nil, state, 0, err
		}
		return kept, state, state.Number, nil
	}
	leftOut := func(id parlance.MessageID) bool {
		_, is := hidden[id]
		return is && q.web && !(q.inclusive && (id == q.before || id == q.after))
	}
	limit := q.limit
	room := newPageRoom(q.limit)
	for pages := 0; ; pages++ {
		page, err := s.store.Page(ctx, m.ref, store.Query{
			Timeline: q.timeline, From: from, To: to,
			Ascending: !sp.descending, Limit: limit, Private: m.private, Unless: unless, Bytes: readAtOnce, Space: space,
		})
		if err != nil {
			return nil, state, 0, err
		}
		unless, space = nil, nil // it is about the page as a whole, and it is full
		if pages == 0 {
			number = page.State.Number
			kept = page.Entries[:0] // those that are left out make room for those behind them
		} else if number != page.State.Number {
			number = 0
		}
		state = page.State
		for i := range page.Entries {
			e := &page.Entries[i]
			if len(kept) == q.limit || len(hidden) > 0 && leftOut(e.Message.ID) {
				continue
			}
			if err = room.take(ctx, e); err != nil {
				return nil, state, 0, err
			}
			if pages == 0 && len(kept) == i {
				kept = page.Entries[:i+1] // it stands there already
			} else {
				kept = append(kept, *e)
			}
		}
		if !page.More || len(kept) >= q.limit {
			break
		}
		last := page.Entries[len(page.Entries)-1].Message.Position(q.timeline)
		if sp.descending {
			to = &last
		} else {
			from = last.Next()
		}
		if limit = q.limit - len(kept); len(hidden) > 0 {
			limit = max(q.limit, 500) // who hid one row on this page may have hid many
		}
	}
	if sp.descending == q.ascending {
		slices.Reverse(kept)
	}
	return kept, state, number, nil
}

// countVisible counts the hidden messages that the reader's total would hold otherwise.
func (s *Server) countVisible(ctx context.Context, m *room, hidden map[parlance.MessageID]parlance.Time) (int, error) {
	n := 0
	for id := range hidden {
		_, private, err := s.store.Place(ctx, m.ref, parlance.ByCreated, id)
		switch {
		case err == nil && (m.private || !private):
			n++
		case err != nil && !errors.Is(err, parlance.NotFound):
			return 0, err
		}
	}
	return n, nil
}

// inOrder returns the hidden ids, first hidden first.
func inOrder(hidden map[parlance.MessageID]parlance.Time) []parlance.MessageID {
	ids := make([]parlance.MessageID, 0, len(hidden))
	for id := range hidden {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b parlance.MessageID) int {
		return cmp.Or(cmp.Compare(hidden[a], hidden[b]), cmp.Compare(a, b))
	})
	return ids
}

// appendQuery appends the conditions that were applied, in the form of the
// platform's own diagnosis: IMKit Paging, inspect.
func appendQuery(b []byte, m *room, q *pageQuery, sp span) []byte {
	field := timeFields[q.timeline]
	b = append(b, `{"appID":`...)
	b = appendString(b, m.ref.Workspace)
	b = append(b, `,"room":`...)
	b = appendString(b, m.ref.Conversation)
	if q.afterTime != nil {
		b = appendCondition(append(b, ','), field, "$gt", *q.afterTime)
	}
	switch len(sp.anchors) {
	case 1:
		b = appendAnchor(append(b, ','), field, sp.anchors[0], q.inclusive)
	case 2:
		b = append(b, `,"$and":[{`...)
		b = appendAnchor(b, field, sp.anchors[0], q.inclusive)
		b = append(b, `},{`...)
		b = appendAnchor(b, field, sp.anchors[1], q.inclusive)
		b = append(b, `}]`...)
	}
	return append(b, '}')
}

// appendAnchor appends the condition that a row lies on an anchor's side of it, by time
// and then by id.
func appendAnchor(b []byte, field string, a anchor, inclusive bool) []byte {
	op := "$gt"
	if a.before {
		op = "$lt"
	}
	b = append(b, `"$or":[{`...)
	b = appendCondition(b, field, op, a.at.Time)
	b = append(b, `},{`...)
	b = appendString(b, field)
	b = append(b, ':', '"')
	b = append(a.at.Time.Append(b), `","_id":{`...)
	if inclusive {
		op += "e"
	}
	b = appendString(b, op)
	b = append(b, ':')
	b = appendString(b, a.at.ID)
	return append(b, `}}]`...)
}

func appendCondition(b []byte, field, op string, t parlance.Time) []byte {
	b = appendString(b, field)
	b = append(b, `:{`...)
	b = appendString(b, op)
	b = append(b, ':', '"')
	return append(t.Append(b), `"}`...)
}
