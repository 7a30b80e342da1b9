package block

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"slices"
)

// Merge makes one block of several, which together have at most MaxDocuments documents. What is there twice is taken once. The result is what Build makes of the same documents, byte for byte.
func Merge(ctx context.Context, blocks []*Block, put Put) (Descriptor, error) {
	m := &merge{blocks: blocks, w: &writer{put: put}}
	if err := m.documents(ctx); err != nil {
		return Descriptor{}, err
	}
	n := len(m.rows)
	if n < 1 || n > MaxDocuments {
		return Descriptor{}, fmt.Errorf("merge blocks into one of %d documents", n)
	}
	m.w.desc.Documents, m.w.desc.Low, m.w.desc.High = n, m.rows[0].created, m.rows[n-1].created
	if err := m.terms(ctx); err != nil {
		return Descriptor{}, err
	}
	if err := writeColumns(ctx, m.w, n, func(i int) row { return m.rows[i] }); err != nil {
		return Descriptor{}, err
	}
	return m.w.end(), nil
}

// A merge is one merge at work.
type merge struct {
	blocks []*Block
	w      *writer
	rows   []row      // of the new block
	places [][]uint32 // by block: the new number of each document
}

// documents reads the columns of all blocks and finds each document's place.
func (m *merge) documents(ctx context.Context) error {
	type old struct {
		block, n int
		row
	}
	var all []old
	m.places = make([][]uint32, len(m.blocks))
	for i, b := range m.blocks {
		rows, err := b.rows(ctx)
		if err != nil {
			return err
		}
		m.places[i] = make([]uint32, len(rows))
		for n, r := range rows {
			all = append(all, old{i, n, r})
		}
	}
	slices.SortStableFunc(all, func(a, b old) int { return a.name().Compare(b.name()) })
	for _, o := range all {
		if n := len(m.rows); n == 0 || m.rows[n-1].name() != o.name() {
			m.rows = append(m.rows, o.row)
		}
		m.places[o.block][o.n] = uint32(len(m.rows) - 1)
	}
	return nil
}

func (r *row) name() Name { return Name{r.created, r.thread.ID, r.first, r.number} }

// rows reads all columns of a block.
func (b *Block) rows(ctx context.Context) ([]row, error) {
	rows := make([]row, 0, b.Documents)
	var threads []Thread
	var senders []Sender
	for n := range b.pages(Threads) {
		p, err := b.get(ctx, Threads, n)
		if err != nil {
			return nil, err
		}
		some, err := decodeTable(p, decodeThread)
		if err != nil {
			return nil, b.damaged(Threads, n, err)
		}
		threads = append(threads, some...)
	}
	for n := range b.pages(Senders) {
		p, err := b.get(ctx, Senders, n)
		if err != nil {
			return nil, err
		}
		some, err := decodeTable(p, decodeSender)
		if err != nil {
			return nil, b.damaged(Senders, n, err)
		}
		senders = append(senders, some...)
	}
	for n := range b.pages(Columns) {
		p, err := b.get(ctx, Columns, n)
		if err != nil {
			return nil, err
		}
		c, err := decodeColumn(p)
		if err != nil {
			return nil, b.damaged(Columns, n, err)
		}
		for i := range c.len() {
			if int(c.thread[i]) >= len(threads) || int(c.sender[i]) >= len(senders) {
				return nil, b.damaged(Columns, n, ErrDamaged)
			}
			rows = append(rows, row{c.created[i], threads[c.thread[i]], c.first[i], c.number[i], senders[c.sender[i]], c.flags[i]})
		}
	}
	if len(rows) != b.Documents {
		return nil, b.damaged(Columns, 0, fmt.Errorf("%w: it has %d documents, its columns %d", ErrDamaged, b.Documents, len(rows)))
	}
	return rows, nil
}

// Names returns the documents of a block, in order.
func (b *Block) Names(ctx context.Context) ([]Name, error) {
	rows, err := b.rows(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]Name, len(rows))
	for i := range rows {
		names[i] = rows[i].name()
	}
	return names, nil
}

// A cursor goes through the terms of a block.
type cursor struct {
	b      *Block
	places []uint32
	number int // of the next page
	items  *itemReader
}

// next goes to the next item; false at the end.
func (c *cursor) next(ctx context.Context) (bool, error) {
	for {
		if c.items != nil && c.items.next() {
			return true, nil
		}
		if c.items != nil && c.items.err != nil {
			return false, c.b.damaged(Terms, c.number-1, c.items.err)
		}
		if c.number == c.b.pages(Terms) {
			return false, nil
		}
		p, err := c.b.get(ctx, Terms, c.number)
		if err != nil {
			return false, err
		}
		c.number++
		c.items = newItemReader(c.b.Documents, p)
	}
}

// cursors are a heap by key.
type cursors []*cursor

func (c cursors) Len() int           { return len(c) }
func (c cursors) Less(i, j int) bool { return bytes.Compare(c[i].items.key, c[j].items.key) < 0 }
func (c cursors) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)        { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// terms merges the terms: those of all blocks in order, each with its documents' new numbers. Facts are made anew from the new
// pages of columns.
func (m *merge) terms(ctx context.Context) error {
	t := &termWriter{w: m.w, ctx: ctx}
	var h cursors
	for i, b := range m.blocks {
		c := &cursor{b: b, places: m.places[i]}
		ok, err := c.next(ctx)
		if err != nil {
			return err
		}
		if ok {
			h = append(h, c)
		}
	}
	heap.Init(&h)
	facts := factsOf(len(m.rows), func(i int) (Thread, Sender) { return m.rows[i].thread, m.rows[i].sender })
	var term []byte
	var list []uint32
	flush := func() error {
		slices.Sort(list)
		err := t.postings(term, slices.Compact(list), len(m.rows))
		list = list[:0]
		return err
	}
	for len(h) > 0 {
		c := h[0]
		of, chunk, err := splitKey(c.items.key)
		if err != nil {
			return c.b.damaged(Terms, c.number-1, err)
		}
		if !bytes.Equal(of, term) {
			if err := flush(); err != nil {
				return err
			}
			if facts != nil && of[0] > factClass {
				if err := facts.write(t, len(m.rows)); err != nil {
					return err
				}
				facts = nil
			}
			term = append(term[:0], of...)
		}
		if of[0] != factClass {
			base := uint32(chunk) * ChunkDocuments
			size := sizeOf(c.b.Documents, of, chunk)
			if err := c.items.found.each(size, func(n uint32) { list = append(list, c.places[base+n]) }); err != nil {
				return c.b.damaged(Terms, c.number-1, err)
			}
		}
		ok, err := c.next(ctx)
		switch {
		case err != nil:
			return err
		case ok:
			heap.Fix(&h, 0)
		default:
			heap.Pop(&h)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := facts.write(t, len(m.rows)); err != nil {
		return err
	}
	return t.end()
}
