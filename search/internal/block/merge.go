package block

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"parlance"
)

// Merge makes one block of several, which together have at most MaxDocuments documents. What is there twice is taken once. The
// result is what Build makes of the same documents, byte for byte.
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
	if err := writeColumns(ctx, m.w, n, m.row); err != nil {
		return Descriptor{}, err
	}
	return m.w.end(), nil
}

// A merge is one merge at work.
type merge struct {
	blocks  []*Block
	w       *writer
	threads table[Thread]
	senders table[Sender]
	rows    []shortRow // of the new block
	places  [][]uint32 // by block: the new number of each document
}

// A shortRow is a row whose conversation and sender stand in tables.
type shortRow struct {
	created       parlance.Time
	first, number uint64
	thread        uint32
	sender        uint32
	flags         Flags
}

// A table numbers what it is given.
type table[T comparable] struct {
	all    []T
	places map[T]uint32
}

func (t *table[T]) place(v T) uint32 {
	place, ok := t.places[v]
	if !ok {
		if t.places == nil {
			t.places = map[T]uint32{}
		}
		place = uint32(len(t.all))
		t.places[v] = place
		t.all = append(t.all, v)
	}
	return place
}

func (m *merge) row(i int) row {
	r := &m.rows[i]
	return row{r.created, m.threads.all[r.thread], r.first, r.number, m.senders.all[r.sender], r.flags}
}

func (m *merge) name(r *shortRow) Name {
	return Name{r.created, m.threads.all[r.thread].ID, r.first, r.number}
}

// A reading is where a merge stands in a block's columns.
type reading struct {
	m    *merge
	at   int // index of the block
	rows []shortRow
	next int
}

// readings are a heap by the next document.
type readings []*reading

func (r readings) Len() int { return len(r) }
func (r readings) Less(i, j int) bool {
	m := r[i].m
	return m.name(&r[i].rows[r[i].next]).Compare(m.name(&r[j].rows[r[j].next])) < 0
}
func (r readings) Swap(i, j int) { r[i], r[j] = r[j], r[i] }
func (r *readings) Push(x any)   { *r = append(*r, x.(*reading)) }
func (r *readings) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// documents reads the columns of all blocks and finds each document's place.
func (m *merge) documents(ctx context.Context) error {
	var h readings
	m.places = make([][]uint32, len(m.blocks))
	for i, b := range m.blocks {
		rows, err := b.rows(ctx, &m.threads, &m.senders)
		if err != nil {
			return err
		}
		m.places[i] = make([]uint32, len(rows))
		if len(rows) > 0 {
			h = append(h, &reading{m: m, at: i, rows: rows})
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		r := h[0]
		next := r.rows[r.next]
		if n := len(m.rows); n == 0 || m.name(&m.rows[n-1]) != m.name(&next) {
			m.rows = append(m.rows, next)
		}
		m.places[r.at][r.next] = uint32(len(m.rows) - 1)
		if r.next++; r.next < len(r.rows) {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return nil
}

// rows reads all columns of a block. Conversations and senders are put into the tables.
func (b *Block) rows(ctx context.Context, allThreads *table[Thread], allSenders *table[Sender]) ([]shortRow, error) {
	threads, err := readTable(ctx, b, Threads, decodeThread, allThreads)
	if err != nil {
		return nil, err
	}
	senders, err := readTable(ctx, b, Senders, decodeSender, allSenders)
	if err != nil {
		return nil, err
	}
	rows := make([]shortRow, 0, b.Documents)
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
			rows = append(rows, shortRow{c.created[i], c.first[i], c.number[i], threads[c.thread[i]], senders[c.sender[i]], c.flags[i]})
		}
	}
	if len(rows) != b.Documents {
		return nil, b.damaged(Columns, 0, fmt.Errorf("%w: it has %d documents, its columns %d", ErrDamaged, b.Documents, len(rows)))
	}
	return rows, nil
}

// readTable reads a table of a block, and returns where its entries stand in another one.
func readTable[T comparable](ctx context.Context, b *Block, s Section, decode func(*pageReader) T, all *table[T]) (places []uint32, err error) {
	for n := range b.pages(s) {
		p, err := b.get(ctx, s, n)
		if err != nil {
			return nil, err
		}
		some, err := decodeTable(p, decode)
		if err != nil {
			return nil, b.damaged(s, n, err)
		}
		for _, v := range some {
			places = append(places, all.place(v))
		}
	}
	return places, nil
}

// Names returns the documents of a block, in order.
func (b *Block) Names(ctx context.Context) ([]Name, error) {
	m := merge{blocks: []*Block{b}}
	rows, err := b.rows(ctx, &m.threads, &m.senders)
	if err != nil {
		return nil, err
	}
	names := make([]Name, len(rows))
	for i := range rows {
		names[i] = m.name(&rows[i])
	}
	return names, nil
}

// A sorter sorts numbers below a limit.
type sorter struct{ bits []uint64 } // all clear between two calls

func newSorter(limit int) *sorter { return &sorter{make([]uint64, (limit+63)/64)} }

// sort returns the numbers ascending, each once, in the place of ns. Many are sorted by a bit each, which is linear.
func (s *sorter) sort(ns []uint32) []uint32 {
	if len(ns) < len(s.bits)/8 {
		slices.Sort(ns)
		return slices.Compact(ns)
	}
	for _, n := range ns {
		s.bits[n/64] |= 1 << (n % 64)
	}
	ns = ns[:0]
	for i, w := range s.bits {
		for ; w != 0; w &= w - 1 {
			ns = append(ns, uint32(i*64+bits.TrailingZeros64(w)))
		}
		s.bits[i] = 0
	}
	return ns
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
	facts := factsOf(len(m.rows), func(i int) (Thread, Sender) { r := m.row(i); return r.thread, r.sender })
	written := false
	var term []byte
	var list []uint32
	sorter := newSorter(len(m.rows))
	flush := func() error {
		list = sorter.sort(list)
		err := t.postings(term, list, len(m.rows))
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
			if !written && of[0] > factClass { // here is their place in the order
				if err := facts.write(t, len(m.rows)); err != nil {
					return err
				}
				written = true
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
	if !written {
		if err := facts.write(t, len(m.rows)); err != nil {
			return err
		}
	}
	return t.end()
}
