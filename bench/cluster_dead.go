package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store"
)

// manyChanges is how often one message is edited, and one conversation written to, before dead rows are counted.
const manyChanges = 10_000

// edits counts dead rows that many edits of one message leave for readers of its page.
func (b *cluster) edits(ctx context.Context) (rows []row, err error) {
	p, err := b.again(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	const size = 1000
	end := parlance.TimeOf(time.Now())
	twin := newRoom(workspaceID, 200, size, end)
	for i, x := range []struct{ editors, edits int }{{100, b.config.n(manyChanges, 500)}, {1, b.config.n(manyChanges/10, 100)}} {
		edited := newRoom(workspaceID, 201+i, size, end)
		rooms := []*room{edited}
		if i == 0 {
			rooms = append(rooms, twin)
		}
		if err := b.world(p).fill(ctx, rooms); err != nil {
			return rows, err
		}
		var n atomic.Uint64
		began := time.Now()
		_, writes, err := p.engine.record(func() error {
			g, ctx := errgroup.WithContext(ctx)
			for range x.editors {
				g.Go(func() error {
					for range x.edits / x.editors {
						_, err := p.store.Change(ctx, edited.ref, edited.place(0).id, func(m *parlance.Message) error {
							m.Text = fmt.Sprint("edit ", n.Add(1))
							return nil
						})
						if err != nil {
							return err
						}
					}
					return nil
				})
			}
			return g.Wait()
		})
		if err != nil {
			return rows, fmt.Errorf("edit a message: %w", err)
		}
		took, claims := time.Since(began), 0
		for _, w := range writes {
			if len(w.claims) > 0 {
				claims++
			}
		}
		what := fmt.Sprintf("%s edits of one message by %d at once", number(float64(x.edits)), x.editors)
		rows = append(rows,
			row{Group: b.name, Scenario: what, Unit: "edits/s", Ours: float64(x.edits) / took.Seconds()},
			row{Group: b.name, Scenario: what, Unit: "claims", Ours: float64(claims)})
		for t := range parlance.ByUpdated + 1 {
			more, err := b.afterEdits(ctx, p, edited, twin, t, what)
			rows = append(rows, more...)
			if err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// afterEdits compares the newest page of a conversation whose newest message was edited a lot with that of one
// where nothing was.
func (b *cluster) afterEdits(ctx context.Context, p *process, edited, twin *room, t parlance.Timeline, what string) (rows []row, err error) {
	scenario := fmt.Sprintf("newest 20 by %s after %s", t, what)
	cs := make([]contender, 2)
	for i, r := range []*room{edited, twin} {
		read := func() error { return p.newestPage(ctx, r, t) }
		cs[i] = contender{"without edits", func(context.Context, int) (int, error) { return 1, read() }}
		if err := read(); err != nil { // from here on its entries are remembered
			return rows, err
		}
		name := scenario
		if i == 1 {
			name = fmt.Sprintf("newest 20 by %s without edits", t)
		}
		more, err := b.costs(ctx, p, name, func(uint64) func() error { return read })
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	rs, err := match(ctx, b.turn(1), cs...)
	if err != nil {
		return rows, err
	}
	return append(rows, rs[0].against(rs[1], b.name, scenario, "pages/s")), nil
}

// roomsOf is how many rooms an account has whose list is read.
const roomsOf = 1000

// lists counts dead rows that many messages in one of an account's rooms leave for readers of
// its list, and of that of all rooms. The clock is made up: a list's rows move once they are a minute behind.
func (b *cluster) lists(ctx context.Context) (rows []row, err error) {
	var clock atomic.Int64
	clock.Store(int64(parlance.TimeOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))))
	p, err := b.again(ctx, func() parlance.Time { return parlance.Time(clock.Load()) })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	shown := make([]contender, 0, 3)
	for i, x := range []struct {
		name string
		step time.Duration
	}{{"nobody writes", 0}, {"a second apart", time.Second}, {"a minute apart", time.Minute}} {
		account := parlance.AccountID(fmt.Sprintf("account%d", i))
		rooms, err := b.listed(ctx, p, &clock, account, 10_000*(i+1))
		if err != nil {
			return rows, err
		}
		list := func(ctx context.Context) error { return p.list(ctx, store.List{Account: account}) }
		what := "first 20 of " + number(float64(len(rooms))) + " rooms, never written to again"
		if n := b.config.n(manyChanges, 500); x.step > 0 {
			what = fmt.Sprintf("first 20 of %s rooms, after %s messages in one of them, %s", number(float64(len(rooms))), number(float64(n)), x.name)
			for range n {
				clock.Add(x.step.Milliseconds())
				if err := b.put(ctx, p, rooms[0], 1); err != nil {
					return nil, err
				}
			}
		}
		if err := list(ctx); err != nil {
			return rows, err
		}
		more, err := b.costs(ctx, p, what, func(uint64) func() error { return func() error { return list(ctx) } })
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
		all := func() error { return p.list(ctx, store.List{Kind: parlance.Room}) }
		if err := all(); err != nil {
			return rows, err
		}
		more, err = b.costs(ctx, p, strings.Replace(what, "first 20 of", "first 20 of all rooms beside", 1), func(uint64) func() error { return all })
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
		shown = append(shown, contender{what, func(ctx context.Context, _ int) (int, error) { return 1, list(ctx) }})
	}
	rs, err := match(ctx, b.turn(1), shown...)
	if err != nil {
		return rows, err
	}
	rs[0].name = "never written to again"
	for _, r := range rs[1:] {
		rows = append(rows, r.against(rs[0], b.name, r.name, "lists/s"))
	}
	return rows, nil
}

// list reads the first rooms of a list.
func (p *process) list(ctx context.Context, l store.List) error {
	n := 0
	for _, err := range p.store.Recent(ctx, workspaceID, l) {
		if err != nil {
			return err
		}
		if n++; n == pageLimit {
			return nil
		}
	}
	return fmt.Errorf("the list has %d rooms", n)
}

// apart is the time between the first messages of an account's rooms. It is longer than a list's rows may be behind, so that
// the list is read no further than it is shown.
const apart = 2 * time.Minute

// listed makes an account's rooms with one message each.
func (b *cluster) listed(ctx context.Context, p *process, clock *atomic.Int64, account parlance.AccountID, first int) ([]*room, error) {
	rooms := make([]*room, b.config.n(roomsOf, 50))
	cs := make([]parlance.Conversation, len(rooms))
	for i := range rooms {
		rooms[i] = newRoom(workspaceID, first+i, 0, 0)
		cs[i] = parlance.Conversation{ID: rooms[i].ref.Conversation, Kind: parlance.Room}
	}
	if _, err := p.store.Create(ctx, workspaceID, cs...); err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for _, r := range rooms {
		g.Go(func() error {
			if err := p.store.AddMembers(gctx, r.ref, parlance.Member{Account: account, Role: parlance.Customer}); err != nil {
				return err
			}
			clock.Add(apart.Milliseconds())
			return b.put(gctx, p, r, 1)
		})
	}
	return rooms, g.Wait()
}
