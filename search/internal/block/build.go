package block

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"parlance"
	"parlance/search/internal/fold"
)

// Build makes a block of documents, which are 1 to MaxDocuments and need no order; it brings them into theirs. One that
// is there twice is taken once.
func Build(ctx context.Context, docs []Document, put Put) (Descriptor, error) {
	slices.SortFunc(docs, func(a, b Document) int { return a.Name.Compare(b.Name) })
	docs = slices.CompactFunc(docs, func(a, b Document) bool { return a.Name == b.Name })
	if len(docs) < 1 || len(docs) > MaxDocuments {
		return Descriptor{}, fmt.Errorf("build a block of %d documents", len(docs))
	}
	w := &writer{put: put}
	w.desc.Documents, w.desc.Low, w.desc.High = len(docs), docs[0].Created, docs[len(docs)-1].Created
	t := &termWriter{w: w, ctx: ctx}
	if err := buildTerms(docs, t); err != nil {
		return Descriptor{}, err
	}
	rows := make([]row, len(docs))
	for i := range docs {
		d := &docs[i]
		rows[i] = row{d.Created, d.Thread, d.First, d.Number, d.Sender, d.Flags}
	}
	if err := writeColumns(ctx, w, len(rows), func(i int) row { return rows[i] }); err != nil {
		return Descriptor{}, err
	}
	return w.end(), nil
}

// A row is what the columns say of a document.
type row struct {
	created parlance.Time
	thread  Thread
	first   uint64
	number  uint64
	sender  Sender
	flags   Flags
}

// writeColumns writes the sections Columns, Threads and Senders of n documents.
func writeColumns(ctx context.Context, w *writer, n int, at func(int) row) error {
	threads, senders := map[Thread]uint32{}, map[Sender]uint32{}
	for i := range n {
		r := at(i)
		threads[r.thread], senders[r.sender] = 0, 0
	}
	if err := writeTable(ctx, w, Threads, threads, Thread.Compare, Thread.encode); err != nil {
		return err
	}
	if err := writeTable(ctx, w, Senders, senders, Sender.Compare, Sender.encode); err != nil {
		return err
	}
	for from := 0; from < n; from += PageDocuments {
		var c column
		for i := from; i < min(n, from+PageDocuments); i++ {
			r := at(i)
			c.created = append(c.created, r.created)
			c.thread = append(c.thread, threads[r.thread])
			c.first = append(c.first, r.first)
			c.number = append(c.number, r.number)
			c.sender = append(c.sender, senders[r.sender])
			c.flags = append(c.flags, r.flags)
		}
		if err := w.page(ctx, Columns, c.encode()); err != nil {
			return err
		}
	}
	return nil
}

// writeTable writes a table and gives its entries their places.
func writeTable[T comparable](ctx context.Context, w *writer, s Section, places map[T]uint32, compare func(T, T) int, encode func(T, []byte) []byte) error {
	all := make([]T, 0, len(places))
	for v := range places {
		all = append(all, v)
	}
	slices.SortFunc(all, compare)
	var page []byte
	for i, v := range all {
		places[v] = uint32(i)
		page = encode(v, page)
		if (i+1)%pageEntries == 0 || i == len(all)-1 {
			if err := w.page(ctx, s, page); err != nil {
				return err
			}
			page = nil
		}
	}
	return nil
}

// sizeOf returns how many numbers the postings of a term can have in a chunk of a block of so many documents.
func sizeOf(documents int, term []byte, chunk int) int {
	n := min(documents-chunk*ChunkDocuments, ChunkDocuments)
	if term[0] == factClass {
		return (n + PageDocuments - 1) / PageDocuments
	}
	return max(n, 0)
}

// buildTerms writes the terms of the documents.
func buildTerms(docs []Document, t *termWriter) error {
	lists := lists{}
	for i := range docs {
		n := uint32(i)
		fold.Terms(docs[i].Folded, func(term []byte) { lists.add(term, n) })
	}
	facts := factsOf(len(docs), func(i int) (Thread, Sender) { return docs[i].Thread, docs[i].Sender })
	for term := range facts {
		lists[term] = facts[term]
	}
	if err := lists.write(t, len(docs)); err != nil {
		return err
	}
	return t.end()
}

// lists are postings of terms over a whole block, ascending.
type lists map[string]*[]uint32

func (l lists) add(term []byte, n uint32) {
	list := l[string(term)]
	if list == nil {
		list = new([]uint32)
		l[string(term)] = list
	}
	if ns := *list; len(ns) == 0 || ns[len(ns)-1] != n {
		*list = append(ns, n)
	}
}

// write writes the terms in order.
func (l lists) write(t *termWriter, documents int) error {
	for _, term := range slices.Sorted(maps.Keys(l)) {
		if err := t.postings([]byte(term), *l[term], documents); err != nil {
			return err
		}
	}
	return nil
}

// factsOf returns in which pages of columns the documents' conversations and senders are, by their facts.
func factsOf(documents int, at func(int) (Thread, Sender)) lists {
	facts := lists{}
	threads, senders := map[Thread][]byte{}, map[Sender][][]byte{}
	for i := range documents {
		t, s := at(i)
		if threads[t] == nil {
			threads[t] = factTerm(conversationFact, string(t.ID))
		}
		facts.add(threads[t], uint32(i/PageDocuments))
		if senders[s] == nil {
			for _, name := range s.names() {
				senders[s] = append(senders[s], factTerm(senderFact, name))
			}
		}
		for _, term := range senders[s] {
			facts.add(term, uint32(i/PageDocuments))
		}
	}
	return facts
}

// postings writes the items of a term of a block of so many documents. It spoils ns.
func (t *termWriter) postings(term []byte, ns []uint32, documents int) error {
	if len(ns) == 0 {
		return nil
	}
	chunk := uint32(ChunkDocuments)
	if term[0] == factClass {
		chunk /= PageDocuments
	}
	for len(ns) > 0 {
		c := ns[0] / chunk
		end, _ := slices.BinarySearch(ns, (c+1)*chunk)
		for i := range ns[:end] {
			ns[i] -= c * chunk
		}
		t.key = itemKey(t.key[:0], term, int(c))
		if err := t.add(t.key, ns[:end], sizeOf(documents, term, int(c))); err != nil {
			return err
		}
		ns = ns[end:]
	}
	return nil
}

// names returns what a sender is found by, folded, without repeats.
func (s *Sender) names() []string {
	names := []string{fold.Fold(string(s.ID))}
	for _, more := range []string{fold.Fold(string(s.Acting)), s.Name} {
		if more != "" && !slices.Contains(names, more) {
			names = append(names, more)
		}
	}
	return names
}

// factTerm returns the term of a fact.
func factTerm(kind byte, value string) []byte {
	return append([]byte{factClass, kind}, value[:min(len(value), maxTerm)]...)
}
