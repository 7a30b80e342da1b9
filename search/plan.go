package search

import (
	"context"
	"sync"

	"parlance"
	"parlance/search/internal/block"
	"parlance/search/internal/fold"
	"parlance/search/query"
)

// sets are sets that nobody uses.
var sets = sync.Pool{New: func() any { return new(block.Set) }}

func newSet() *block.Set {
	s := sets.Get().(*block.Set)
	*s = block.Set{}
	return s
}

// A plan is what a node of a query comes to in a block: which documents may match. Every document may, where nothing in the index says more.
type plan interface {
	// where returns the chunks in which documents may match.
	where(ctx context.Context, b *block.Block) (block.Chunks, error)
	// find returns the documents of a chunk that may match; nil for all of them.
	find(ctx context.Context, b *block.Block, chunk int) (*block.Set, error)
}

// The plans.
type (
	everything struct{}
	terms      []block.Lookup // what one of them finds
	all        []plan         // what each of them may match
	either     []plan         // what one of them may match
)

// planOf returns the plan of a node in a block.
func planOf(ctx context.Context, b *block.Block, n query.Node) (plan, error) {
	switch n := n.(type) {
	case query.And:
		parts, err := plansOf(ctx, b, n)
		return all(parts), err
	case query.Or:
		parts, err := plansOf(ctx, b, n)
		return either(parts), err
	case query.Text:
		return planOfText(ctx, b, n)
	case query.Fact:
		switch n.Field {
		case query.Conversation:
			return terms{block.In(parlance.ConversationID(n.Value))}, nil
		case query.Sender:
			id, name := fold.Fold(n.Value), nameOf(n.Value)
			if name == "" {
				break // of blanks alone: blocks have no such names
			}
			return terms{block.From(id), block.From(name)}, nil
		}
	}
	// What a node that may match too much doesn't match isn't known; other facts stand in the columns.
	return everything{}, nil
}

func plansOf(ctx context.Context, b *block.Block, nodes []query.Node) ([]plan, error) {
	plans := make([]plan, len(nodes))
	for i, n := range nodes {
		var err error
		if plans[i], err = planOf(ctx, b, n); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// planOfText is all terms that a match must have.
func planOfText(ctx context.Context, b *block.Block, t query.Text) (plan, error) {
	var parts all
	for _, l := range t.Lookups() {
		lookup := block.Exact(l.Term)
		switch l.How {
		case query.Prefix:
			lookup = block.Prefix(l.Term)
		case query.Suffix, query.Infix:
			words, err := b.Choose(ctx, l.Takes)
			if err != nil {
				return nil, err
			}
			lookup = block.Words(words)
		}
		parts = append(parts, terms{lookup})
	}
	return parts, nil
}

func (everything) where(_ context.Context, b *block.Block) (block.Chunks, error) {
	return b.AllChunks(), nil
}

func (everything) find(context.Context, *block.Block, int) (*block.Set, error) { return nil, nil }

func (t terms) where(ctx context.Context, b *block.Block) (found block.Chunks, err error) {
	for _, l := range t {
		in, err := b.Where(ctx, l)
		if err != nil {
			return 0, err
		}
		found |= in
	}
	return found, nil
}

func (t terms) find(ctx context.Context, b *block.Block, chunk int) (*block.Set, error) {
	set := newSet()
	for _, l := range t {
		if err := b.Find(ctx, chunk, l, set); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func (a all) where(ctx context.Context, b *block.Block) (block.Chunks, error) {
	found := b.AllChunks()
	for _, p := range a {
		in, err := p.where(ctx, b)
		if err != nil {
			return 0, err
		}
		if found &= in; found == 0 {
			break
		}
	}
	return found, nil
}

func (a all) find(ctx context.Context, b *block.Block, chunk int) (*block.Set, error) {
	var found *block.Set
	for _, p := range a {
		set, err := p.find(ctx, b, chunk)
		if err != nil {
			return nil, err
		}
		if found = intersect(found, set); found != nil && found.Empty() {
			break
		}
	}
	return found, nil
}

func (a either) where(ctx context.Context, b *block.Block) (found block.Chunks, err error) {
	for _, p := range a {
		in, err := p.where(ctx, b)
		if err != nil {
			return 0, err
		}
		found |= in
	}
	return found, nil
}

func (a either) find(ctx context.Context, b *block.Block, chunk int) (*block.Set, error) {
	found := newSet()
	for _, p := range a {
		set, err := p.find(ctx, b, chunk)
		if err != nil {
			return nil, err
		}
		if set == nil {
			sets.Put(found)
			return nil, nil
		}
		found.Or(set)
		sets.Put(set)
	}
	return found, nil
}

// intersect returns what is in both sets, of which nil is everything, and gives one back.
func intersect(a, b *block.Set) *block.Set {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	a.And(b)
	sets.Put(b)
	return a
}

// A row is what the columns of a block, or the tail, say of a document.
type row struct {
	created parlance.Time
	thread  block.Thread
	sender  block.Sender
	flags   block.Flags

	nothingElse bool // only the conversation is known
}

// may reports whether a document may match a node; its text isn't looked at.
func may(n query.Node, r *row) bool {
	switch n := n.(type) {
	case query.And:
		for _, n := range n {
			if !may(n, r) {
				return false
			}
		}
		return true
	case query.Or:
		for _, n := range n {
			if may(n, r) {
				return true
			}
		}
		return false
	case query.Not:
		return !must(n.Node, r)
	case query.Fact:
		yes, _ := fact(n, r)
		return yes
	}
	return true
}

// must reports whether a document surely matches a node, whatever its text says.
func must(n query.Node, r *row) bool {
	switch n := n.(type) {
	case query.And:
		for _, n := range n {
			if !must(n, r) {
				return false
			}
		}
		return true
	case query.Or:
		for _, n := range n {
			if must(n, r) {
				return true
			}
		}
		return false
	case query.Not:
		return !may(n.Node, r)
	case query.Fact:
		_, sure := fact(n, r)
		return sure
	}
	return false
}

// fact reports whether a fact may hold of a document, and whether it does for sure.
func fact(f query.Fact, r *row) (may, must bool) {
	exactly := func(holds bool) (bool, bool) { return holds, holds }
	if r.nothingElse && !ofConversations(f.Field) {
		return true, false
	}
	switch f.Field {
	case query.Conversation:
		return exactly(string(r.thread.ID) == f.Value)
	case query.Sender:
		if string(r.sender.ID) == f.Value || string(r.sender.Acting) == f.Value {
			return true, true
		}
		name := nameOf(f.Value)
		same := r.sender.Name == name
		return same, same && name != "" && len(name) < maxName // else it may be another that isn't known whole
	case query.Kind:
		return exactly(string(r.thread.Kind) == f.Value)
	case query.Platform:
		return exactly(string(r.thread.Platform) == f.Value)
	case query.Time:
		return exactly(f.From <= r.created && r.created < f.To)
	case query.Type:
		flags, alone := block.TypeFlags(parlance.Type(f.Value))
		return r.flags.Type() == flags, alone && r.flags.Type() == flags
	case query.Has:
		if flag, ok := hasFlags[f.Value]; ok {
			has := r.flags&flag != 0
			// What text was taken back has no link to its readers.
			return has, has && (flag != block.HasLink || r.flags&(block.Recalled|block.Deleted) == 0)
		}
	case query.Is:
		if flag, ok := isFlags[f.Value]; ok {
			return exactly(r.flags&flag != 0)
		}
	}
	return true, false
}

// hasFlags and isFlags are what the columns know of has: and is:.
var (
	hasFlags = map[string]block.Flags{
		"file": block.HasFile, "image": block.HasImage, "audio": block.HasAudio, "video": block.HasVideo, "link": block.HasLink, "place": block.HasPlace,
	}
	isFlags = map[string]block.Flags{"edited": block.Edited, "recalled": block.Recalled}
)

// span returns the times, from inclusive to exclusive, in which all that match lie.
func span(n query.Node) (from, to parlance.Time) {
	from, to = parlance.MinTime, parlance.MaxTime+1
	switch n := n.(type) {
	case query.And:
		for _, n := range n {
			f, t := span(n)
			from, to = max(from, f), min(to, t)
		}
	case query.Fact:
		if n.Field == query.Time {
			return n.From, n.To
		}
	}
	return from, to
}
