package search

import (
	"container/heap"
	"context"
	"errors"
	"slices"

	"parlance"
	"parlance/search/internal/block"
	"parlance/search/internal/fold"
	"parlance/search/query"
	"parlance/store"
)

// A Position is where a hit stands among all: the newest first. The zero Position is above all.
type Position struct {
	Created      parlance.Time
	Conversation parlance.ConversationID
	First        uint64 // number of the message's first entry in the conversation's log
	Number       uint64 // of this version's
}

// IsZero reports whether p is above all hits.
func (p Position) IsZero() bool { return p == Position{} }

// A Request is what is asked of the index.
type Request struct {
	Query *query.Query
	Scope Scope
	After Position // hits below it, newest first
	Limit int      // of hits, at least 1
	Most  int      // how many versions of messages are read at most; 0 means 10,000
}

// A Hit is a message that matches.
type Hit struct {
	Conversation parlance.ConversationID
	Kind         parlance.Kind
	Platform     parlance.Dialect
	Entry        store.Entry
	Current      bool // the version that the message has now
}

// Text returns what of the hit's text may be shown for a query: nothing of what was taken back, unless history is asked for.
func (h *Hit) Text(q *query.Query) string {
	if h.Entry.Message.State != parlance.Live && !q.History() {
		return ""
	}
	return h.Entry.Message.Text
}

// Position is where the hit stands.
func (h *Hit) Position() Position {
	return Position{h.Entry.Message.Created, h.Conversation, h.Entry.First, h.Entry.Number}
}

// A Result answers a request.
type Result struct {
	Hits []Hit // newest first; of one message in several versions the latest first
	// More says that there may be more behind Next. It may be so although there are fewer hits than asked for: the search
	// then read as much as it may at once.
	More bool
	Next Position

	Indexed parlance.Time // what was stored until then is in blocks; the rest was read
	Pending int           // how many entries that rest has
}

// Search answers a request exactly as of its beginning.
func (ix *Index) Search(ctx context.Context, ws parlance.WorkspaceID, r Request) (Result, error) {
	if r.Query.History() && !r.Scope.History {
		return Result{}, parlance.Errorf(parlance.Forbidden, "in:history finds what was changed, recalled or deleted, which this access may not read")
	}
	if r.Most == 0 {
		r.Most = 10_000
	}
	w := ix.workspace(ws)
	result, err := w.search(ctx, r, (*workspace).view)
	if !errors.Is(err, block.ErrDamaged) {
		return result, err
	}
	// Another process may have put others in the blocks' place and dropped them.
	if _, err := w.reload(ctx); err != nil {
		return Result{}, err
	}
	if result, err = w.search(ctx, r, (*workspace).view); !errors.Is(err, block.ErrDamaged) {
		return result, err
	}
	if err := w.restart(ctx, err); err != nil {
		ix.log.WarnContext(ctx, "the damaged search index can't be given up", "workspace", ws, "error", err)
	}
	return w.search(ctx, r, (*workspace).unindexed)
}

// search answers a request from what view gives.
func (w *workspace) search(ctx context.Context, r Request, view func(*workspace, context.Context) (*view, error)) (Result, error) {
	v, err := view(w, ctx)
	if err != nil {
		return Result{}, err
	}
	s := &running{w: w, ix: w.ix, r: &r, erased: v.state.erased, only: r.Scope.conversationSet()}
	s.from, s.to = span(r.Query.Root())
	if r.Scope.From != 0 {
		s.from = max(s.from, r.Scope.From)
	}
	if r.Scope.To != 0 {
		s.to = min(s.to, r.Scope.To)
	}
	result := Result{Indexed: v.state.until.At, Pending: len(v.tail)}
	var tail []candidate
	if v.more {
		tail, result.Pending, err = s.readTail(ctx, v)
	} else {
		tail = s.matching(v.tail)
	}
	if err != nil {
		return Result{}, err
	}
	s.begin(v.blocks, tail)
	return s.run(ctx, result)
}

// running is a search at work.
type running struct {
	w        *workspace
	ix       *Index
	r        *Request
	from, to parlance.Time
	open     sources // those that have something, the highest first
	erased   map[EntryName]struct{}
	only     map[parlance.ConversationID]struct{} // of the scope; nil: all
	hides    map[parlance.ConversationID]func(*store.Entry) bool
}

// A candidate is a version of a message that may match.
type candidate struct {
	block.Name
	thread block.Thread
}

// A source gives candidates, descending.
type source interface {
	// top is the one at hand.
	top() *candidate
	// next goes to the next one; false at the end.
	next(ctx context.Context) (bool, error)
}

// sources are a heap.
type sources []source

func (s sources) Len() int           { return len(s) }
func (s sources) Less(i, j int) bool { return s[i].top().Compare(s[j].top().Name) > 0 }
func (s sources) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)        { *s = append(*s, x.(source)) }
func (s *sources) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

// below reports whether a version stands where hits are asked for.
func (s *running) below(n *block.Name) bool {
	return s.r.After.IsZero() || n.Compare(block.Name(s.r.After)) < 0
}

// begin opens what may have hits.
func (s *running) begin(blocks []*readBlock, tail []candidate) {
	if tail = descending(tail); len(tail) > 0 {
		s.open = append(s.open, &tailSource{tail})
	}
	for _, b := range blocks {
		if b.High < s.from || b.Low >= s.to || !s.r.After.IsZero() && b.Low > s.r.After.Created {
			continue
		}
		s.open = append(s.open, &blockSource{s: s, b: b.Block, cur: candidate{Name: block.Name{Created: b.High, Conversation: "\xff", First: 1<<64 - 1, Number: 1<<64 - 1}}})
	}
	heap.Init(&s.open)
}

// descending returns candidates in the order of hits, each once.
func descending(cs []candidate) []candidate {
	slices.SortFunc(cs, func(a, b candidate) int { return b.Compare(a.Name) })
	return slices.CompactFunc(cs, func(a, b candidate) bool { return a.Name == b.Name })
}

// matching returns those of the tail that may be hits.
func (s *running) matching(tail []*fresh) (found []candidate) {
	for _, d := range tail {
		if s.matches(d) {
			found = append(found, candidate{d.Name, d.Thread})
		}
	}
	return found
}

// admits is [Scope.admits], at the same cost however many conversations the scope names.
func (s *running) admits(t *block.Thread) bool {
	if s.only != nil {
		if _, ok := s.only[t.ID]; !ok {
			return false
		}
	}
	return s.r.Scope.Kinds == nil || slices.Contains(s.r.Scope.Kinds, t.Kind)
}

// matches reports whether one of the tail may be a hit.
func (s *running) matches(d *fresh) bool {
	if _, gone := s.erased[EntryName{d.Conversation, d.Number}]; gone {
		return false
	}
	if d.Created < s.from || d.Created >= s.to || !s.below(&d.Name) || !s.admits(&d.Thread) {
		return false
	}
	doc := query.Document{Folded: d.Folded, Conversation: d.Thread.ID, Kind: d.Thread.Kind, Platform: d.Thread.Platform, Message: d.message}
	if d.message.State != parlance.Live && !s.r.Query.History() {
		doc.Folded = ""
	}
	return s.r.Query.Match(&doc)
}

// A tailSource gives what of the tail matches.
type tailSource struct{ left []candidate }

func (t *tailSource) top() *candidate { return &t.left[0] }

func (t *tailSource) next(context.Context) (bool, error) {
	t.left = t.left[1:]
	return len(t.left) > 0, nil
}

// readTail reads what isn't in blocks and not in memory either, and returns what of it matches, and how many entries it has. Of more than may be
// read for an answer it returns the highest, and one more, so that it shows that there are more.
func (s *running) readTail(ctx context.Context, v *view) (found []candidate, entries int, err error) {
	for c, err := range s.ix.store.Changes(ctx, s.w.id, v.state.until.At) {
		if err != nil {
			return nil, entries, err
		}
		first, count := v.state.until.left(&c)
		for d, err := range s.ix.documents(ctx, s.w.id, c, first, count) {
			if err != nil {
				return nil, entries, err
			}
			entries++
			if !s.matches(d) {
				continue
			}
			if found = append(found, candidate{d.Name, d.Thread}); len(found) > 2*s.r.Most {
				if found = descending(found); len(found) > s.r.Most {
					found = found[:s.r.Most+1]
				}
			}
		}
	}
	return found, entries, nil
}

// take returns the next candidates in order, at most so many. Those of the same version come once.
func (s *running) take(ctx context.Context, most int) ([]candidate, error) {
	var found []candidate
	for len(s.open) > 0 && len(found) < most {
		first := s.open[0]
		if b, ok := first.(*blockSource); !ok || b.begun {
			c := *first.top()
			_, gone := s.erased[EntryName{c.Conversation, c.Number}]
			if !gone && (len(found) == 0 || found[len(found)-1].Name != c.Name) {
				found = append(found, c)
			}
		}
		more, err := first.next(ctx)
		switch {
		case err != nil:
			return nil, err
		case more:
			heap.Fix(&s.open, 0)
		default:
			heap.Pop(&s.open)
		}
	}
	return found, nil
}

// Bounds of what is read of an answer's messages.
const (
	firstRead   = 32      // candidates at once, as long as nobody knows how large they are
	mostRead    = 512     // candidates at once
	answerBytes = 8 << 20 // of messages, with everything that is kept of them; an answer ends behind the one that reaches it
)

// run reads candidates until there are hits enough.
func (s *running) run(ctx context.Context, result Result) (Result, error) {
	var last *candidate
	held := 0
	for read, some := 0, min(s.r.Limit+1, firstRead); ; {
		cs, err := s.take(ctx, min(some, s.r.Most-read))
		if err != nil {
			return Result{}, err
		}
		if len(cs) == 0 {
			result.More = len(s.open) > 0 // it read as much as it may
			break
		}
		read += len(cs)
		hits, bytes, err := s.check(ctx, cs)
		if err != nil {
			return Result{}, err
		}
		last = &cs[len(cs)-1]
		for i := range hits {
			if n := len(result.Hits); n == s.r.Limit || n > 0 && held >= answerBytes {
				result.More, result.Next = true, result.Hits[n-1].Position()
				return result, nil
			}
			result.Hits = append(result.Hits, hits[i])
			held += hits[i].Entry.Size()
		}
		some = min(2*some, mostRead, max(answerBytes*len(cs)/max(bytes, 1), 1))
	}
	if result.More && last != nil {
		result.Next = Position(last.Name)
	}
	return result, nil
}

// check reads candidates and returns those that are hits, and how many bytes all of them have.
func (s *running) check(ctx context.Context, cs []candidate) (hits []Hit, bytes int, err error) {
	of := map[parlance.ConversationID][]int{}
	for i := range cs {
		of[cs[i].Conversation] = append(of[cs[i].Conversation], i)
	}
	found := make([]*Hit, len(cs))
	for id, at := range of {
		numbers := make([]uint64, len(at))
		for i, n := range at {
			numbers[i] = cs[n].Number
		}
		es, current, err := s.ix.store.Entries(ctx, parlance.Ref{Workspace: s.w.id, Conversation: id}, numbers)
		if err != nil {
			return nil, 0, err
		}
		hides, err := s.hidesOf(ctx, id)
		if err != nil {
			return nil, 0, err
		}
		for i, n := range at {
			bytes += es[i].Size()
			t := &cs[n].thread
			if s.hit(t, &es[i], current[i]) && (hides == nil || !hides(&es[i])) {
				found[n] = &Hit{Conversation: id, Kind: t.Kind, Platform: t.Platform, Entry: es[i], Current: current[i]}
			}
		}
	}
	for _, h := range found {
		if h != nil {
			hits = append(hits, *h)
		}
	}
	return hits, bytes, nil
}

// hidesOf returns what of a conversation isn't seen by the one who asks.
func (s *running) hidesOf(ctx context.Context, id parlance.ConversationID) (func(*store.Entry) bool, error) {
	if s.r.Scope.Hides == nil {
		return nil, nil
	}
	if hides, ok := s.hides[id]; ok {
		return hides, nil
	}
	hides, err := s.r.Scope.Hides(ctx, id)
	if s.hides == nil {
		s.hides = map[parlance.ConversationID]func(*store.Entry) bool{}
	}
	s.hides[id] = hides
	return hides, err
}

// hit reports whether a version is a hit.
func (s *running) hit(t *block.Thread, e *store.Entry, current bool) bool {
	m := &e.Message
	history := s.r.Query.History()
	switch {
	case !history && (!current || m.State == parlance.Deleted):
		return false
	case s.r.Scope.Public && m.Private():
		return false
	}
	d := query.Document{Conversation: t.ID, Kind: t.Kind, Platform: t.Platform, Message: m}
	if history || m.State == parlance.Live {
		d.Folded = fold.Fold(m.Text)
	}
	return s.r.Query.Match(&d)
}

// A blockSource gives what of a block may match.
type blockSource struct {
	s       *running
	b       *block.Block
	plan    plan
	chunks  block.Chunks // in which documents may match
	cur     candidate
	begun   bool
	chunk   int
	set     *block.Set // what may match in the chunk; nil: everything
	below   int        // documents of the chunk below it weren't looked at
	page    block.Page
	pageOf  int // the chunk's page at hand, or -1
	threads map[int]verdict
	senders map[int]block.Sender
}

// A verdict is what is known of a block's conversation.
type verdict struct {
	block.Thread
	admitted bool
}

func (b *blockSource) top() *candidate { return &b.cur }

func (b *blockSource) next(ctx context.Context) (bool, error) {
	if !b.begun {
		b.begun = true
		b.threads, b.senders = map[int]verdict{}, map[int]block.Sender{}
		if err := b.seek(ctx); err != nil {
			return false, err
		}
	}
	for {
		n := b.below - 1
		if b.set != nil {
			n = b.set.Below(b.below)
		}
		if n >= 0 {
			b.below = n
			ok, past, err := b.look(ctx, n)
			if err != nil || ok {
				return ok, err
			}
			if past {
				b.done()
				return false, nil
			}
			continue
		}
		chunk := b.chunks.Below(b.chunk)
		if chunk < 0 {
			b.done()
			return false, nil
		}
		if err := b.enter(ctx, chunk, block.ChunkDocuments); err != nil {
			return false, err
		}
	}
}

// done gives back what was borrowed.
func (b *blockSource) done() {
	if b.set != nil {
		sets.Put(b.set)
		b.set = nil
	}
}

// enter begins a chunk, with the documents below a number.
func (b *blockSource) enter(ctx context.Context, chunk, below int) (err error) {
	b.done()
	b.chunk, b.pageOf, b.below = chunk, -1, min(below, b.b.ChunkSize(chunk))
	b.set, err = b.plan.find(ctx, b.b, chunk)
	return err
}

// prepare finds out in which chunks documents may match.
func (b *blockSource) prepare(ctx context.Context) (err error) {
	if b.plan, err = planOf(ctx, b.b, b.s.r.Query.Root()); err != nil {
		return err
	}
	if only := b.s.r.Scope.Conversations; only != nil && len(only) <= 100 {
		in := make(terms, len(only))
		for i, id := range only {
			in[i] = block.In(id)
		}
		b.plan = all{b.plan, in}
	}
	b.chunks = b.b.AllChunks()
	if b.chunks > 1 { // else looking for it is as dear as finding it
		b.chunks, err = b.plan.where(ctx, b.b)
	}
	return err
}

// seek begins with the highest document that may be asked for.
func (b *blockSource) seek(ctx context.Context) error {
	if err := b.prepare(ctx); err != nil || b.chunks == 0 {
		return err
	}
	limit := b.s.to // exclusive
	if a := b.s.r.After; !a.IsZero() {
		limit = min(limit, a.Created+1)
	}
	n := b.b.Documents
	if b.b.High >= limit {
		// The first page that begins at the limit or above; what is asked for ends before or in the page before it.
		low, high := 0, (n+block.PageDocuments-1)/block.PageDocuments
		for low < high {
			mid := (low + high) / 2
			p, err := b.b.Page(ctx, mid*block.PageDocuments)
			if err != nil {
				return err
			}
			if p.Created(0) >= limit {
				high = mid
			} else {
				low = mid + 1
			}
		}
		n = min(n, low*block.PageDocuments)
	}
	if n == 0 {
		b.chunks = 0
		return nil
	}
	chunk := (n - 1) / block.ChunkDocuments
	if b.chunk = chunk + 1; b.chunks&(1<<chunk) == 0 {
		return nil // next goes to one below
	}
	return b.enter(ctx, chunk, n-chunk*block.ChunkDocuments)
}

// look makes document n of the chunk the one at hand, if it may match; past says that none below may.
func (b *blockSource) look(ctx context.Context, n int) (ok, past bool, err error) {
	if p := n / block.PageDocuments; p != b.pageOf {
		if err := ctx.Err(); err != nil {
			return false, false, err // pages that are remembered ask nobody
		}
		if b.page, err = b.b.Page(ctx, b.chunk*block.ChunkDocuments+n); err != nil {
			return false, false, err
		}
		b.pageOf = p
	}
	i := n % block.PageDocuments
	created := b.page.Created(i)
	switch {
	case created < b.s.from:
		return false, true, nil
	case created >= b.s.to:
		return false, false, nil
	}
	place := b.page.ThreadPlace(i)
	t, known := b.threads[place]
	if !known {
		if t.Thread, err = b.b.Thread(ctx, place); err != nil {
			return false, false, err
		}
		t.admitted = b.s.admits(&t.Thread)
		b.threads[place] = t
	}
	if !t.admitted {
		return false, false, nil
	}
	first, number := b.page.Entries(i)
	b.cur = candidate{block.Name{Created: created, Conversation: t.ID, First: first, Number: number}, t.Thread}
	flags := b.page.Flags(i)
	if !b.s.below(&b.cur.Name) || b.s.r.Scope.Public && flags&block.Private != 0 || !b.s.r.Query.History() && flags&block.Deleted != 0 {
		return false, false, nil
	}
	place = b.page.SenderPlace(i)
	sender, known := b.senders[place]
	if !known {
		if sender, err = b.b.Sender(ctx, place); err != nil {
			return false, false, err
		}
		b.senders[place] = sender
	}
	return may(b.s.r.Query.Root(), &row{created: created, thread: t.Thread, sender: sender, flags: flags}), false, nil
}
