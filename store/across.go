package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// An AcrossEntry is an entry with the conversation it is of.
type AcrossEntry struct {
	Conversation parlance.ConversationID
	Entry
}

// An AcrossPage is a stretch of a timeline across conversations.
type AcrossPage struct {
	Entries []AcrossEntry // in the asked order; fewer than Limit only where the range ends
	More    bool          // the range goes on beyond the last entry
}

// isAcross reports whether conversations of this kind stand in the workspace's
// timeline across conversations: those in which a shop talks with a customer.
func isAcross(k parlance.Kind) bool { return k == parlance.Shop || k == parlance.Order }

// deriveAcross makes the rows of the timeline across conversations, which is by Created.
func (a *appender) deriveAcross(e *Entry, old *parlance.Message) {
	m := &e.Message
	ws := a.c.ref.Workspace
	p := parlance.Position{Time: m.Created, ID: m.ID, Conversation: a.c.ref.Conversation}
	if old != nil && old.Created != m.Created {
		before := p
		before.Time = old.Created
		a.ops.delete(format.AcrossPartition(ws, a.s.layout.PeriodOf(before.Time)), format.AcrossKey(before))
	}
	rows := format.AcrossPartition(ws, a.s.layout.PeriodOf(p.Time))
	if m.State == parlance.Deleted {
		a.ops.delete(rows, format.AcrossKey(p))
		return
	}
	a.ops.put(rows, format.AcrossKey(p), format.Pointer{Number: e.Number, Private: m.Private()}.Encode())
	if x := a.s.layout.PeriodOf(p.Time); x != a.period {
		a.period = x // each group writes its periods once or twice; they are tiny
		a.ops.put(format.AcrossPeriods(ws), format.Number4(uint32(x)), present)
	}
}

// Across pages over all messages of the workspace's shop and order conversations, by
// (Created, ID, Conversation). Timeline must be ByCreated.
func (s *Store) Across(ctx context.Context, ws parlance.WorkspaceID, q Query) (AcrossPage, error) {
	if err := q.check(); err != nil {
		return AcrossPage{}, err
	}
	if q.Timeline != parlance.ByCreated {
		return AcrossPage{}, parlance.Errorf(parlance.Invalid, "the timeline across conversations is by created, not by %s", q.Timeline)
	}
	var k keys
	if q.From != nil {
		k.from = string(format.AcrossKey(*q.From))
	}
	if q.To != nil {
		k.to = string(format.AcrossKey(*q.To))
	}
	var ps []acrossHit
	if k.empty() {
		return AcrossPage{}, nil
	}
	periods := driver.Range{Reverse: !q.Ascending}
	if q.From != nil {
		periods.From = format.Number4(uint32(s.layout.PeriodOf(q.From.Time)))
	}
	if q.To != nil {
		periods.To = format.Number4(uint32(s.layout.PeriodOf(q.To.Time)) + 1)
	}
	for x, err := range s.engine.Scan(ctx, format.AcrossPeriods(ws), periods) {
		if err != nil {
			return AcrossPage{}, fmt.Errorf("read the workspace's timeline: %w", err)
		}
		period, err := format.PeriodOfKey(x.Key)
		if err != nil {
			return AcrossPage{}, s.corrupt(err, "the timeline of workspace %q", ws)
		}
		for row, err := range s.engine.Scan(ctx, format.AcrossPartition(ws, period), k.of(driver.Range{Reverse: !q.Ascending})) {
			if err != nil {
				return AcrossPage{}, fmt.Errorf("read the workspace's timeline: %w", err)
			}
			p, err := format.DecodePointer(row.Value)
			if err != nil {
				return AcrossPage{}, s.corrupt(err, "the timeline of workspace %q", ws)
			}
			if p.Private && !q.Private {
				continue
			}
			ps = append(ps, acrossHit{format.PositionOfAcrossKey(row.Key), p.Number})
			if len(ps) > q.Limit {
				break
			}
		}
		if len(ps) > q.Limit {
			break
		}
	}
	return s.acrossPage(ctx, ws, ps, &q)
}

type acrossHit struct {
	parlance.Position
	number uint64
}

// Merged is Page over several conversations at once, ordered as in [Store.Across].
func (s *Store) Merged(ctx context.Context, ws parlance.WorkspaceID, conversations []parlance.ConversationID, q Query) (AcrossPage, error) {
	if err := q.check(); err != nil {
		return AcrossPage{}, err
	}
	var ps []acrossHit
	for _, id := range conversations {
		ref := parlance.Ref{Workspace: ws, Conversation: id}
		own := q
		own.From, own.To = in(q.From, id), in(q.To, id)
		var pointers []hit
		_, err := s.atOneMoment(ctx, ref, reading{derived: func(v *view) (err error) {
			pointers, err = v.pointers(ctx, format.TimelineID(q.Timeline), own)
			return err
		}})
		if err != nil {
			return AcrossPage{}, err
		}
		for _, p := range pointers {
			at := format.PositionOfKey(p.key)
			at.Conversation = id
			ps = append(ps, acrossHit{at, p.number})
		}
	}
	slices.SortFunc(ps, func(a, b acrossHit) int {
		if q.Ascending {
			return a.Compare(b.Position)
		}
		return b.Compare(a.Position)
	})
	return s.acrossPage(ctx, ws, ps[:min(len(ps), q.Limit+1)], &q)
}

// in turns a bound across conversations into the same bound inside one of them: a
// message of the bound's time and id lies above it or not by its conversation.
func in(bound *parlance.Position, id parlance.ConversationID) *parlance.Position {
	if bound == nil || bound.Conversation == "" {
		return bound
	}
	p := parlance.Position{Time: bound.Time, ID: bound.ID}
	if strings.Compare(string(id), string(bound.Conversation)) < 0 {
		return p.Next()
	}
	return &p
}

// acrossPage reads the entries of the pointers, one more than limit if there are as many.
func (s *Store) acrossPage(ctx context.Context, ws parlance.WorkspaceID, ps []acrossHit, q *Query) (AcrossPage, error) {
	page := AcrossPage{More: len(ps) > q.Limit}
	if page.More {
		ps = ps[:q.Limit]
	}
	if q.Bytes == 0 {
		var err error
		page.Entries, err = s.acrossEntries(ctx, ws, ps)
		return page, err
	}
	bytes := q.Bytes
	for some := range slices.Chunk(ps, s.readAtOnce()) {
		read, err := s.acrossEntries(ctx, ws, some)
		if err != nil {
			return AcrossPage{}, err
		}
		for i := range read {
			page.Entries = append(page.Entries, read[i])
			if bytes -= read[i].Size(); bytes <= 0 {
				page.More = page.More || len(page.Entries) < len(ps)
				return page, nil
			}
		}
	}
	return page, nil
}

// acrossEntries reads the entries of the pointers, in their order.
func (s *Store) acrossEntries(ctx context.Context, ws parlance.WorkspaceID, ps []acrossHit) ([]AcrossEntry, error) {
	all := make([]AcrossEntry, len(ps))
	byConversation := map[parlance.ConversationID][]int{}
	for i, p := range ps {
		byConversation[p.Conversation] = append(byConversation[p.Conversation], i)
	}
	for id, at := range byConversation {
		numbers := make([]uint64, len(at))
		for i, j := range at {
			numbers[i] = ps[j].number
		}
		es, err := s.entries(ctx, parlance.Ref{Workspace: ws, Conversation: id}, numbers)
		if err != nil {
			return nil, err
		}
		for i, j := range at {
			all[j] = AcrossEntry{id, es[i]}
		}
	}
	return all, nil
}
