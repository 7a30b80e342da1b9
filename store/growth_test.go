package store_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// A counting engine counts what is read.
type counting struct {
	driver.Engine
	bounds            driver.Bounds
	scans, rows, keys atomic.Int64
}

func (c *counting) Bounds() driver.Bounds { return c.bounds }

func (c *counting) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	c.keys.Add(int64(len(keys)))
	return c.Engine.Get(ctx, p, keys)
}

func (c *counting) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	c.scans.Add(1)
	return func(yield func(driver.Row, error) bool) {
		for row, err := range c.Engine.Scan(ctx, p, r) {
			c.rows.Add(1)
			if !yield(row, err) {
				return
			}
		}
	}
}

// cost is what was read.
type cost struct{ scans, rows, keys int64 }

func (c *counting) cost(do func()) cost {
	read := func() cost { return cost{c.scans.Load(), c.rows.Load(), c.keys.Load()} }
	before := read()
	do()
	after := read()
	return cost{after.scans - before.scans, after.rows - before.rows, after.keys - before.keys}
}

// grown opens a store with a conversation of so many messages, a millisecond apart.
func grown(t *testing.T, messages int) (*store.Store, *counting, parlance.Ref) {
	t.Helper()
	e := &counting{Engine: memory(t), bounds: driver.Bounds{Rows: 64, OneStep: true, Exclusive: true}}
	s := openOn(t, e, &clock{now: start})
	t.Cleanup(func() { s.Close() })
	ref := parlance.Ref{Workspace: "w", Conversation: "room"}
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	ms := make([]parlance.Message, messages)
	for i := range ms {
		ms[i] = parlance.Message{ID: parlance.MessageID(fmt.Sprintf("%06d", i)), Sender: "a", Sent: start - parlance.Time(messages-i)}
	}
	put(t, s, ref, store.Import, ms...)
	return s, e, ref
}

// TestDepth finds that a page costs the same wherever it lies, and that counting reads no
// more than the ranges at the edges.
func TestDepth(t *testing.T) {
	const messages = 20_000
	s, e, ref := grown(t, messages)
	page := func(depth int, ascending bool) cost {
		at := start - parlance.Time(depth)
		q := store.Query{Limit: 20, Ascending: ascending, To: parlance.At(at)}
		if ascending {
			q.From, q.To = q.To, nil
		}
		return e.cost(func() {
			p, err := s.Page(t.Context(), ref, q)
			if err != nil || len(p.Entries) != 20 {
				t.Fatalf("Page = %d entries, %v", len(p.Entries), err)
			}
		})
	}
	page(messages/2, false) // reads the list of ranges
	for _, ascending := range []bool{false, true} {
		for _, depth := range []int{50, 1000, messages / 2, messages - 50} {
			// 20 pointers and the one that says that there are more, of one range or two, and the 20
			// entries, of one partition of the log or two.
			if c := page(depth, ascending); c.rows != 21+20 || c.keys != 0 || c.scans > 4 {
				t.Errorf("a page at depth %d, ascending %t, costs %+v", depth, ascending, c)
			}
		}
	}
	for _, depth := range []int{50, messages / 2, messages - 50} {
		c := e.cost(func() {
			n, err := s.Count(t.Context(), ref, parlance.ByCreated, nil, parlance.At(start-parlance.Time(depth)), false)
			if err != nil || n != messages-depth {
				t.Fatalf("Count at depth %d = %d, %v; want %d", depth, n, err, messages-depth)
			}
		})
		if c.rows > 64 || c.keys > 0 {
			t.Errorf("counting at depth %d costs %+v", depth, c)
		}
	}
	if c := e.cost(func() { _, _ = s.State(t.Context(), ref) }); c != (cost{}) {
		t.Errorf("the state costs %+v", c)
	}
}

// TestReopenDeep finds that a long conversation that nothing is known of in memory can be
// written to, and read at its end, without reading its list of ranges.
func TestReopenDeep(t *testing.T) {
	s, e, ref := grown(t, 5000)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openOn(t, e, &clock{now: start})
	c := e.cost(func() { put(t, s, ref, store.Send, parlance.Message{Sender: "a"}) })
	if c.rows > 10 || c.keys > 10 {
		t.Errorf("the first message costs %+v", c)
	}
	for range 200 {
		put(t, s, ref, store.Send, parlance.Message{Sender: "a"})
	}
	page := func() {
		p, err := s.Page(t.Context(), ref, store.Query{Limit: 20})
		if err != nil || len(p.Entries) != 20 || p.State.Total != 5201 {
			t.Fatalf("Page = %+v, %v", p.State, err)
		}
	}
	page() // it may reach below the top range
	if c := e.cost(page); c.rows != 21+20 || c.keys != 0 {
		t.Errorf("the newest page costs %+v", c)
	}
	newChecker(t, s).whole()
}

// TestManyEdits finds that a message that is changed ten thousand times doesn't slow the
// newest page down.
func TestManyEdits(t *testing.T) {
	s, e, ref := grown(t, 50)
	for i := range 10_000 {
		_, err := s.Change(t.Context(), ref, "000049", func(m *parlance.Message) error { m.Text = fmt.Sprint(i); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	for tl := range parlance.Timeline(3) {
		c := e.cost(func() {
			p, err := s.Page(t.Context(), ref, store.Query{Timeline: tl, Limit: 20})
			if err != nil || len(p.Entries) != 20 {
				t.Fatalf("Page = %d entries, %v", len(p.Entries), err)
			}
		})
		if c.rows > 100+20 || c.scans > 10 {
			t.Errorf("the newest page by %s costs %+v", tl, c)
		}
	}
	newChecker(t, s).whole()
}

// TestListGrowth finds that the first conversations of a list and their total cost the same, however many there are.
func TestListGrowth(t *testing.T) {
	first := func(rooms int) cost {
		e := &counting{Engine: memory(t), bounds: driver.Bounds{Rows: 64, OneStep: true, Exclusive: true}}
		s := openOn(t, e, &clock{now: start})
		t.Cleanup(func() { s.Close() })
		for i := range rooms {
			id := parlance.ConversationID(fmt.Sprintf("%05d", i))
			c := parlance.Conversation{ID: id, Kind: parlance.Room, Frozen: i == 7, Created: start - parlance.Time(i)*600_000}
			if _, err := s.Create(t.Context(), "w", c); err != nil {
				t.Fatal(err)
			}
		}
		show := func() {
			if n, err := s.CountActive(t.Context(), "w", parlance.Room, parlance.Order); err != nil || n != rooms-1 {
				t.Fatalf("CountActive = %d, %v; want %d", n, err, rooms-1)
			}
			shown := 0
			for _, err := range s.Recent(t.Context(), "w", store.List{Kind: parlance.Room}) {
				if err != nil {
					t.Fatal(err)
				}
				if shown++; shown == 20 {
					break
				}
			}
		}
		show() // reads the records once
		return e.cost(show)
	}
	few, many := first(100), first(1500)
	if many.rows > few.rows+20 || many.keys > few.keys+20 || many.scans > few.scans+20 {
		t.Errorf("the first of 100 cost %+v, of 1500 %+v", few, many)
	}
}
