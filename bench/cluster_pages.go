package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"parlance"
	"parlance/store"
)

// pageLimit is how many messages a page has.
const pageLimit = 20

// newestPage reads the newest page of r and finds that it is full.
func (p *process) newestPage(ctx context.Context, r *room, t parlance.Timeline) error {
	return p.page(ctx, r, store.Query{Timeline: t, Limit: pageLimit})
}

func (p *process) page(ctx context.Context, r *room, q store.Query) error {
	page, err := p.store.Page(ctx, r.ref, q)
	if err == nil && len(page.Entries) != pageLimit {
		err = fmt.Errorf("a page has %d messages", len(page.Entries))
	}
	return err
}

// slot is the i-th of a long conversation's pages, in an order that jumps about. No two of
// the first slots(r) share a message.
func slot(r *room, i uint64) store.Query {
	const stride = 7919 // a prime
	k := int(i * stride % uint64(slots(r)))
	return store.Query{Limit: pageLimit, To: parlance.At(r.place(pageLimit * (k + 1)).at)}
}

func slots(r *room) int { return r.size/pageLimit - 2 }

// A pair is the two reads that a page can't do without: pointers by range, and rows by key.
type pair struct{ pointers, rows *read }

// pairOf returns the two of a page's reads, nil if either lies in two partitions.
func pairOf(reads []*read) *pair {
	var x pair
	for _, r := range reads {
		switch {
		case r.keys == nil && r.partition.Key[0] == 't' && r.rows > pageLimit:
			x.pointers = r
		case r.keys != nil && r.partition.Key[0] == 'L' && len(r.keys) == pageLimit:
			x.rows = r
		}
	}
	if x.pointers == nil || x.rows == nil {
		return nil
	}
	return &x
}

// maxPairs is how many places the bare loop reads from.
const maxPairs = 300

// pairs returns the reads of the newest page of r, and of pages anywhere in it.
func (b *cluster) pairs(ctx context.Context, r *room) (newest *pair, anywhere []*pair, err error) {
	p, err := b.again(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	reads, _, err := p.engine.record(func() error { return p.newestPage(ctx, r, parlance.ByCreated) })
	if err != nil {
		return nil, nil, err
	}
	if newest = pairOf(reads); newest == nil {
		return nil, nil, errors.New("the newest page isn't read from two partitions")
	}
	for i := range min(maxPairs, slots(r)) {
		reads, _, err := p.engine.record(func() error { return p.page(ctx, r, slot(r, uint64(i))) })
		if err != nil {
			return nil, nil, err
		}
		if x := pairOf(reads); x != nil {
			anywhere = append(anywhere, x)
		}
	}
	return newest, anywhere, nil
}

// readBare does the two reads of x, with nothing around them.
func (b *cluster) readBare(ctx context.Context, x *pair) error {
	for _, r := range [...]*read{x.pointers, x.rows} {
		text, args := r.statement(b.keyspace)
		it := b.bare.Query(text, args...).PageSize(max(r.bounds.Limit, pageLimit)).Idempotent(true).IterContext(ctx)
		n := 0
		for {
			var key, value []byte
			if !it.Scan(&key, &value) {
				break
			}
			n++
		}
		if err := it.Close(); err != nil {
			return fmt.Errorf("read rows: %w", err)
		}
		if n < pageLimit {
			return fmt.Errorf("%d rows were found", n)
		}
	}
	return nil
}

// pages measures pages against a bare loop over the same rows.
func (b *cluster) pages(ctx context.Context) (rows []row, err error) {
	newest, anywhere, err := b.pairs(ctx, b.large)
	if err != nil {
		return nil, err
	}
	for _, c := range concurrencies {
		more, err := b.pagesAt(ctx, c, newest, anywhere)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func (b *cluster) pagesAt(ctx context.Context, c int, newest *pair, anywhere []*pair) (rows []row, err error) {
	p, err := b.again(ctx, nil) // which remembers no entries yet
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	// What it knows of the conversation's ranges is read once.
	if err := p.page(ctx, b.large, store.Query{Limit: pageLimit, To: parlance.At(b.large.place(b.large.size - pageLimit - 1).at)}); err != nil {
		return nil, err
	}
	var asked, bareAsked atomic.Uint64
	ones := []contender{
		{"newest 20 of one conversation", func(ctx context.Context, _ int) (int, error) {
			return 1, p.newestPage(ctx, b.large, parlance.ByCreated)
		}},
		{"20 anywhere in it, entries not remembered", func(ctx context.Context, _ int) (int, error) {
			return 1, p.page(ctx, b.large, slot(b.large, asked.Add(1)))
		}},
	}
	if c > 1 {
		ones[0].name += ", which share readings"
		ones = append(ones, contender{fmt.Sprintf("newest 20 of %d conversations", c), func(ctx context.Context, worker int) (int, error) {
			return 1, p.newestPage(ctx, b.many[worker], parlance.ByCreated)
		}})
	}
	bareNewest := contender{"two bare reads of the newest", func(ctx context.Context, _ int) (int, error) { return 1, b.readBare(ctx, newest) }}
	bareAnywhere := contender{"two bare reads anywhere", func(ctx context.Context, _ int) (int, error) {
		return 1, b.readBare(ctx, anywhere[bareAsked.Add(1)%uint64(len(anywhere))])
	}}
	rs, err := match(ctx, b.turn(c), append(ones, bareNewest, bareAnywhere)...)
	if err != nil {
		return nil, err
	}
	if n := asked.Load(); n > uint64(slots(b.large)) {
		b.config.log.Warn("some pages were read twice: their entries were remembered", "pages", n, "different", slots(b.large))
	}
	bares := rs[len(ones):]
	for i, r := range rs[:len(ones)] {
		rival := bares[0]
		if i == 1 {
			rival = bares[1]
		}
		rows = append(rows, r.against(rival, b.name, fmt.Sprintf("%s, %d at once", r.name, c), "pages/s"))
	}
	return rows, nil
}

// growth compares the long conversation with one of a tenth of its messages.
func (b *cluster) growth(ctx context.Context) (rows []row, err error) {
	p, err := b.again(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	var asked [2]atomic.Uint64
	var newest, anywhere [2]contender
	for i, r := range []*room{b.large, b.small} {
		name := number(float64(r.size)) + " messages"
		newest[i] = contender{name, func(ctx context.Context, _ int) (int, error) { return 1, p.newestPage(ctx, r, parlance.ByCreated) }}
		anywhere[i] = contender{name, func(ctx context.Context, _ int) (int, error) {
			return 1, p.page(ctx, r, slot(r, asked[i].Add(1)))
		}}
		if _, err := newest[i].work(ctx, 0); err != nil {
			return nil, err
		}
		// What a page costs that lies anywhere, once its conversation's ranges are known.
		deep := func(k uint64) func() error {
			return func() error { return p.page(ctx, r, slot(r, k)) }
		}
		if err := deep(1)(); err != nil {
			return nil, err
		}
		for _, x := range []struct {
			what string
			do   func(try uint64) func() error
		}{
			{"newest 20 of ", func(uint64) func() error {
				return func() error { return p.newestPage(ctx, r, parlance.ByCreated) }
			}},
			{"20 anywhere in ", func(try uint64) func() error { return deep(2 + try) }},
		} {
			more, err := b.costs(ctx, p, x.what+name, x.do)
			rows = append(rows, more...)
			if err != nil {
				return rows, err
			}
		}
		asked[i].Store(50) // beyond those that were read just now
	}
	for _, x := range []struct {
		what string
		two  [2]contender
	}{{"newest 20 of one conversation", newest}, {"20 anywhere in it, entries not remembered", anywhere}} {
		rs, err := match(ctx, b.turn(1), x.two[:]...)
		if err != nil {
			return rows, err
		}
		rows = append(rows, rs[0].against(rs[1], b.name, fmt.Sprintf("%s of %s messages", x.what, number(float64(b.large.size))), "pages/s"))
	}
	return rows, nil
}
