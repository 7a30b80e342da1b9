package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"parlance"
	"parlance/store"
)

// failer is what a check tells of contradictions; testing.T and rapid.T are.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// A checker holds a store against models of all its conversations.
type checker struct {
	failer
	s      *store.Store
	ws     parlance.WorkspaceID
	models []*model
	rand   *rand.Rand
	ctx    context.Context
}

func (c *checker) ref(m *model) parlance.Ref {
	return parlance.Ref{Workspace: c.ws, Conversation: m.about.ID}
}

// all checks everything that a store can be asked about its messages.
func (c *checker) all() {
	c.Helper()
	for _, m := range c.models {
		c.state(m)
		c.log(m)
		for t := range parlance.Timeline(3) {
			c.walk(m, t)
			for range 3 {
				c.page(m, t)
			}
		}
		c.deleted(m)
		c.messages(m)
	}
	c.across()
}

// whole lets the store verify itself.
func (c *checker) whole() {
	c.Helper()
	_, err := c.s.Verify(c.ctx, c.ws, func(f store.Finding) { c.Errorf("verify: %s: %s", f.Conversation, f.Text) }, nil)
	if err != nil {
		c.Fatalf("verify: %v", err)
	}
}

func (c *checker) state(m *model) {
	c.Helper()
	st, err := c.s.State(c.ctx, c.ref(m))
	if err != nil || st != m.state() {
		c.Fatalf("State(%s) = %+v, %v; want %+v", m.about.ID, st, err, m.state())
	}
}

func (c *checker) log(m *model) {
	c.Helper()
	from := 1 + c.rand.IntN(len(m.log)+1)
	var es []store.Entry
	for e, err := range c.s.Log(c.ctx, c.ref(m), uint64(from)) {
		if err != nil {
			c.Fatalf("Log(%s): %v", m.about.ID, err)
		}
		es = append(es, e)
	}
	if !equalEntries(es, m.log[from-1:]) {
		c.Fatalf("Log(%s, %d) =%s\nwant%s", m.about.ID, from, list(es), list(m.log[from-1:]))
	}
}

// walk goes through a whole timeline by cursor.
func (c *checker) walk(m *model, t parlance.Timeline) {
	c.Helper()
	q := store.Query{Timeline: t, Limit: 1 + c.rand.IntN(9), Ascending: c.rand.IntN(2) == 0, Private: c.rand.IntN(2) == 0}
	var es []store.Entry
	for {
		p, err := c.s.Page(c.ctx, c.ref(m), q)
		if err != nil {
			c.Fatalf("Page(%s, %+v): %v", m.about.ID, q, err)
		}
		es = append(es, p.Entries...)
		if !p.More {
			break
		}
		step(&q, p.Entries[len(p.Entries)-1].Message.Position(t))
	}
	want := m.timeline(t, q.Private)
	if !q.Ascending {
		slices.Reverse(want)
	}
	if !equalEntries(es, want) {
		c.Fatalf("walk of %s by %s, ascending %t, private %t:%s\nwant%s", m.about.ID, t, q.Ascending, q.Private, list(es), list(want))
	}
}

// step moves q beyond last, the last position of its page.
func step(q *store.Query, last parlance.Position) {
	if q.Ascending {
		q.From = last.Next()
	} else {
		q.To = &last
	}
}

// page asks for one random stretch of a timeline.
func (c *checker) page(m *model, t parlance.Timeline) {
	c.Helper()
	es := m.timeline(t, true)
	q := store.Query{Timeline: t, Limit: 1 + c.rand.IntN(12), Ascending: c.rand.IntN(2) == 0, Private: c.rand.IntN(2) == 0}
	q.From, q.To = c.bound(es, t), c.bound(es, t)
	p, n, err := c.s.PageCount(c.ctx, c.ref(m), q)
	if err != nil {
		c.Fatalf("PageCount(%s, %+v): %v", m.about.ID, q, err)
	}
	want, more, count := stretch(m.timeline(t, q.Private), func(e store.Entry) parlance.Position { return e.Message.Position(t) }, q)
	if !equalEntries(p.Entries, want) || p.More != more || n != count || p.State != m.state() {
		c.Fatalf("PageCount(%s, by %s from %v to %v, %+v) = more %t, count %d, state %+v,%s\nwant more %t, count %d, state %+v,%s",
			m.about.ID, t, q.From, q.To, q, p.More, n, p.State, list(p.Entries), more, count, m.state(), list(want))
	}
	n, err = c.s.Count(c.ctx, c.ref(m), t, q.From, q.To, q.Private)
	if err != nil || n != count {
		c.Fatalf("Count(%s, by %s from %v to %v) = %d, %v; want %d", m.about.ID, t, q.From, q.To, n, err, count)
	}
}

// bound returns a bound at, before, behind or between messages, or none.
func (c *checker) bound(es []store.Entry, t parlance.Timeline) *parlance.Position {
	if len(es) == 0 || c.rand.IntN(5) == 0 {
		return nil
	}
	p := es[c.rand.IntN(len(es))].Message.Position(t)
	switch c.rand.IntN(4) {
	case 0:
		return p.Next()
	case 1:
		return parlance.At(p.Time)
	case 2:
		return parlance.At(p.Time + parlance.Time(c.rand.IntN(3)-1))
	}
	return &p
}

func (c *checker) deleted(m *model) {
	c.Helper()
	q := store.Query{Limit: 1 + c.rand.IntN(5), Ascending: c.rand.IntN(2) == 0, Private: true}
	var es []store.Entry
	for {
		p, err := c.s.DeletedPage(c.ctx, c.ref(m), q)
		if err != nil {
			c.Fatalf("DeletedPage(%s): %v", m.about.ID, err)
		}
		es = append(es, p.Entries...)
		if !p.More {
			break
		}
		step(&q, p.Entries[len(p.Entries)-1].Message.Position(parlance.BySent))
	}
	want := m.deleted()
	if !q.Ascending {
		slices.Reverse(want)
	}
	if !equalEntries(es, want) {
		c.Fatalf("deleted messages of %s:%s\nwant%s", m.about.ID, list(es), list(want))
	}
}

// messages looks up some messages by id.
func (c *checker) messages(m *model) {
	c.Helper()
	for range 4 {
		id := parlance.MessageID("nobody")
		if len(m.log) > 0 {
			id = m.log[c.rand.IntN(len(m.log))].Message.ID
		}
		want := m.versions(id)
		es, err := c.s.Versions(c.ctx, c.ref(m), id)
		if len(want) == 0 {
			if !errors.Is(err, parlance.NotFound) {
				c.Fatalf("Versions of no message: %v", err)
			}
			continue
		}
		if err != nil || !equalEntries(es, want) {
			c.Fatalf("Versions(%s, %s) =%s, %v\nwant%s", m.about.ID, id, list(es), err, list(want))
		}
		e, err := c.s.Message(c.ctx, c.ref(m), id)
		gone := want[0].Message.State == parlance.Deleted
		if gone != errors.Is(err, parlance.NotFound) || !gone && (err != nil || !equalEntry(e, want[0])) {
			c.Fatalf("Message(%s, %s) =%s, %v\nwant%s", m.about.ID, id, list([]store.Entry{e}), err, list(want[:1]))
		}
		first := m.about.ID
		for _, other := range c.models {
			if other.current(id) != nil && other.about.ID < first {
				first = other.about.ID
			}
		}
		if in, err := c.s.ConversationOfMessage(c.ctx, c.ws, id); err != nil || in != first {
			c.Fatalf("ConversationOfMessage(%s) = %q, %v; want %q", id, in, err, first)
		}
	}
}

// across asks for random stretches of timelines across conversations.
func (c *checker) across() {
	c.Helper()
	var sold []*model
	var ids, soldIDs []parlance.ConversationID
	for _, m := range c.models {
		ids = append(ids, m.about.ID)
		if m.about.Kind == parlance.Shop || m.about.Kind == parlance.Order {
			sold = append(sold, m)
			soldIDs = append(soldIDs, m.about.ID)
		}
	}
	for range 3 {
		q := store.Query{Limit: 1 + c.rand.IntN(9), Ascending: c.rand.IntN(2) == 0, Private: c.rand.IntN(2) == 0}
		c.acrossWalk("Across", acrossModel(sold, q.Private), q, func(q store.Query) (store.AcrossPage, error) {
			return c.s.Across(c.ctx, c.ws, q)
		})
		c.acrossWalk("Merged", acrossModel(c.models, q.Private), q, func(q store.Query) (store.AcrossPage, error) {
			return c.s.Merged(c.ctx, c.ws, ids, q)
		})
		es := acrossModel(c.models, true)
		if len(es) > 0 {
			p := acrossPosition(es[c.rand.IntN(len(es))])
			q.From = &p
		}
		if len(es) > 0 && c.rand.IntN(2) == 0 {
			p := acrossPosition(es[c.rand.IntN(len(es))])
			q.To = p.Next()
		}
		c.acrossWalk("Across", acrossModel(sold, q.Private), q, func(q store.Query) (store.AcrossPage, error) {
			return c.s.Across(c.ctx, c.ws, q)
		})
		c.acrossWalk("Merged", acrossModel(sold, q.Private), q, func(q store.Query) (store.AcrossPage, error) {
			return c.s.Merged(c.ctx, c.ws, soldIDs, q)
		})
	}
}

func (c *checker) acrossWalk(what string, es []store.AcrossEntry, q store.Query, get func(store.Query) (store.AcrossPage, error)) {
	c.Helper()
	for {
		p, err := get(q)
		if err != nil {
			c.Fatalf("%s(%+v): %v", what, q, err)
		}
		want, more, _ := stretch(es, acrossPosition, q)
		equal := slices.EqualFunc(p.Entries, want, func(a, b store.AcrossEntry) bool {
			return a.Conversation == b.Conversation && equalEntry(a.Entry, b.Entry)
		})
		if !equal || p.More != more {
			c.Fatalf("%s(from %v to %v, %+v) = more %t, %v\nwant more %t, %v", what, q.From, q.To, q, p.More, p.Entries, more, want)
		}
		if !p.More {
			return
		}
		step(&q, acrossPosition(p.Entries[len(p.Entries)-1]))
	}
}

// lists checks the lists of conversations. members says who is in which.
func (c *checker) lists(members map[parlance.AccountID][]parlance.ConversationID) {
	c.Helper()
	check := func(l store.List, in func(*model) bool) {
		var ms []*model
		for _, m := range c.models {
			if in(m) {
				ms = append(ms, m)
			}
		}
		var ids []parlance.ConversationID
		for sum, err := range c.s.Recent(c.ctx, c.ws, l) {
			if err != nil {
				c.Fatalf("Recent(%+v): %v", l, err)
			}
			ids = append(ids, sum.Conversation.ID)
		}
		if want := recent(ms); !slices.Equal(ids, want) {
			c.Fatalf("Recent(%+v) = %q, want %q", l, ids, want)
		}
		if n, err := c.s.CountConversations(c.ctx, c.ws, l); err != nil || n != len(ms) {
			c.Fatalf("CountConversations(%+v) = %d, %v; want %d", l, n, err, len(ms))
		}
	}
	for _, k := range []parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order} {
		check(store.List{Kind: k}, func(m *model) bool { return m.about.Kind == k })
	}
	for who, ids := range members {
		check(store.List{Account: who}, func(m *model) bool { return slices.Contains(ids, m.about.ID) })
	}
}

// list writes entries for people.
func list(es []store.Entry) string {
	var b strings.Builder
	for _, e := range es {
		m := &e.Message
		fmt.Fprintf(&b, "\n\t%d (%d, %d) %s %s %s %q sent %d created %+d updated %+d removed %d seq %d, learned %d",
			e.Number, e.First, e.Previous, m.ID, m.State, m.Type, m.Text, m.Sent, m.Created-m.Sent, m.Updated-m.Created, m.Removed, m.Seq, e.Learned)
	}
	return b.String()
}

func newChecker(t failer, s *store.Store, ms ...*model) *checker {
	return &checker{failer: t, s: s, ws: "w", models: ms, ctx: context.Background(), rand: rand.New(rand.NewPCG(1, 1))}
}
