package search

import (
	"context"
	"slices"

	"parlance"
	"parlance/search/internal/block"
	"parlance/store"
)

// readAtOnce is how many entries are read at once to make a block again: each may have a megabyte.
const readAtOnce = 100

// remake makes a block of versions of messages again from their logs. However large the block is, no more texts are in memory than for
// building one: it is made in parts, whose pages are then merged, which comes to the same bytes.
func (w *workspace) remake(ctx context.Context, names []block.Name, put block.Put) (block.Descriptor, error) {
	var parts []*block.Block
	var docs []block.Document
	size := 0
	for some := range slices.Chunk(names, readAtOnce) {
		err := w.read(ctx, some, func(d *fresh) {
			docs = append(docs, d.Document)
			size += len(d.Folded)
		})
		if err != nil {
			return block.Descriptor{}, err
		}
		if len(docs) < maxBuild && size < maxBuildBytes {
			continue
		}
		part, err := inMemory(ctx, docs)
		if err != nil {
			return block.Descriptor{}, err
		}
		parts, docs, size = append(parts, part), nil, 0
	}
	if len(parts) == 0 {
		return block.Build(ctx, docs, put)
	}
	if len(docs) > 0 {
		part, err := inMemory(ctx, docs)
		if err != nil {
			return block.Descriptor{}, err
		}
		parts = append(parts, part)
	}
	return block.Merge(ctx, parts, put)
}

// inMemory makes a block whose pages are in memory, to be merged.
func inMemory(ctx context.Context, docs []block.Document) (*block.Block, error) {
	type name struct {
		section block.Section
		number  int
	}
	pages := map[name][]byte{}
	d, err := block.Build(ctx, docs, func(_ context.Context, s block.Section, number int, page []byte) error {
		pages[name{s, number}] = page
		return nil
	})
	get := func(_ context.Context, s block.Section, number int) ([]byte, error) {
		return pages[name{s, number}], nil
	}
	return block.Open("", d, get, nil), err
}

// read reads versions of messages from their logs, in no order.
func (w *workspace) read(ctx context.Context, names []block.Name, do func(*fresh)) error {
	of := map[parlance.ConversationID][]uint64{}
	for _, n := range names {
		of[n.Conversation] = append(of[n.Conversation], n.Number)
	}
	for id, numbers := range of {
		ref := parlance.Ref{Workspace: w.id, Conversation: id}
		about, err := w.ix.store.Conversation(ctx, ref)
		if err != nil {
			return err
		}
		slices.Sort(numbers)
		es, _, err := w.ix.store.Entries(ctx, ref, numbers)
		if err != nil {
			return err
		}
		for i := range es {
			do(documentOf(threadOf(&about), &es[i], store.Change{}))
		}
	}
	return nil
}
