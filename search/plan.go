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

// A finder finds the documents of one block that may match.
type finder struct {
	b     *block.Block
	words map[query.Lookup][]string // what infixes and suffixes stand for in this block
}

// find returns the documents of a chunk that may match a node; nil if that may be any.
func (f *finder) find(ctx context.Context, chunk int, n query.Node) (*block.Set, error) {
	switch n := n.(type) {
	case query.And:
		return f.all(ctx, chunk, n)
	case query.Or:
		return f.any(ctx, chunk, n)
	case query.Text:
		return f.text(ctx, chunk, n)
	case query.Fact:
		switch n.Field {
		case query.Sender:
			return f.from(ctx, chunk, n.Value)
		case query.Conversation:
			set := newSet()
			return set, f.b.In(ctx, chunk, parlance.ConversationID(n.Value), set)
		}
	}
	// What a node that may match too much doesn't match isn't known; other facts stand in the columns.
	return nil, nil
}

// from returns the documents of pages that have something of a sender of this id, or of a name that folds to the same; nil if that
// may be any.
func (f *finder) from(ctx context.Context, chunk int, who string) (*block.Set, error) {
	id, name := fold.Fold(who), nameOf(who)
	if name == "" {
		return nil, nil // of blanks alone: blocks have no such names
	}
	set := newSet()
	err := f.b.From(ctx, chunk, id, set)
	if err == nil && name != id {
		err = f.b.From(ctx, chunk, name, set)
	}
	return set, err
}

// all intersects what the nodes may match.
func (f *finder) all(ctx context.Context, chunk int, nodes []query.Node) (*block.Set, error) {
	var found *block.Set
	for _, n := range nodes {
		set, err := f.find(ctx, chunk, n)
		if err != nil {
			return nil, err
		}
		if found = intersect(found, set); found != nil && found.Empty() {
			break
		}
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

// any unites what the nodes may match.
func (f *finder) any(ctx context.Context, chunk int, nodes []query.Node) (*block.Set, error) {
	found := newSet()
	for _, n := range nodes {
		set, err := f.find(ctx, chunk, n)
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

// text returns the documents that have all terms which a match must have.
func (f *finder) text(ctx context.Context, chunk int, t query.Text) (*block.Set, error) {
	var found *block.Set
	for _, l := range t.Lookups() {
		set := newSet()
		if err := f.lookUp(ctx, chunk, l, set); err != nil {
			return nil, err
		}
		if found = intersect(found, set); found.Empty() {
			break
		}
	}
	return found, nil
}

func (f *finder) lookUp(ctx context.Context, chunk int, l query.Lookup, set *block.Set) error {
	switch l.How {
	case query.Exact:
		return f.b.Exact(ctx, chunk, l.Term, set)
	case query.Prefix:
		return f.b.Prefix(ctx, chunk, l.Term, set)
	}
	words, ok := f.words[l]
	if !ok {
		var err error
		if words, err = f.b.Words(ctx, l.Takes); err != nil {
			return err
		}
		if f.words == nil {
			f.words = map[query.Lookup][]string{}
		}
		f.words[l] = words
	}
	return f.b.Union(ctx, chunk, words, set)
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
