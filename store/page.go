package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// MaxLimit is the highest Limit of a [Query].
const MaxLimit = 5000

// A Query asks for a stretch of a timeline.
type Query struct {
	Timeline parlance.Timeline

	// From and To bound the positions: From <= position < To; nil is open. See
	// [parlance.At] and [parlance.Position.Next].
	From, To *parlance.Position

	Ascending bool // oldest first, from From on; else newest first, down from To
	Limit     int  // 1 to MaxLimit
	Private   bool // private messages too

	// Bytes, if set, ends a page early: after the entry with which their contents reach so many bytes.
	Bytes int

	// Space, if set, is where the page's entries are put: they are good until it is given back or
	// used again. An engine that other processes write to doesn't use it.
	Space *Space

	// Unless, if set, is asked once the state is known that the page would be of. If it
	// says true, for the caller has that page already, only State is returned.
	Unless func(State) bool
}

// A Page is a stretch of a timeline at one moment.
type Page struct {
	// Entries are in the asked order. They are fewer than Limit only where the range ends, or they reach the query's Bytes.
	Entries []Entry
	// More says that the range goes on beyond the last entry.
	More bool
	// State is of the same moment as the entries.
	State State
}

// Page returns the first entries of q's range. Its cost depends on the number of
// entries, not on where they lie. A conversation that doesn't exist is empty.
func (s *Store) Page(ctx context.Context, ref parlance.Ref, q Query) (Page, error) {
	p, _, err := s.page(ctx, ref, format.TimelineID(q.Timeline), q, false)
	return p, err
}

// PageCount returns q's page and how many messages its whole range holds, at one moment.
func (s *Store) PageCount(ctx context.Context, ref parlance.Ref, q Query) (Page, int, error) {
	return s.page(ctx, ref, format.TimelineID(q.Timeline), q, true)
}

// DeletedPage is Page over the deleted messages, by (Sent, ID). Timeline is ignored.
func (s *Store) DeletedPage(ctx context.Context, ref parlance.Ref, q Query) (Page, error) {
	p, _, err := s.page(ctx, ref, format.ByDeleted, q, false)
	return p, err
}

// Count returns the number of messages with from <= position < to, private ones only
// if asked for. It reads a bounded number of rows however many messages there are.
func (s *Store) Count(ctx context.Context, ref parlance.Ref, t parlance.Timeline, from, to *parlance.Position, private bool) (int, error) {
	if err := checkTimeline(t); err != nil {
		return 0, err
	}
	var n int
	_, err := s.atOneMoment(ctx, ref, reading{derived: func(v *view) (err error) {
		n, err = v.count(ctx, format.TimelineID(t), bounds(from, to), private)
		return err
	}})
	return n, err
}

func (q *Query) check() error {
	if q.Limit < 1 || q.Limit > MaxLimit {
		return parlance.Errorf(parlance.Invalid, "limit %d: want 1 to %d", q.Limit, MaxLimit)
	}
	return checkTimeline(q.Timeline)
}

func checkTimeline(t parlance.Timeline) error {
	if t > parlance.ByUpdated {
		return parlance.Errorf(parlance.Invalid, "there is no timeline %d", t)
	}
	return nil
}

func (s *Store) page(ctx context.Context, ref parlance.Ref, t format.TimelineID, q Query, count bool) (Page, int, error) {
	if err := q.check(); err != nil {
		return Page{}, 0, err
	}
	if s.bounds.Exclusive {
		return s.readPage(ctx, ref, t, q, count)
	}
	return s.sharedPage(ctx, ref, t, q, count)
}

func (s *Store) readPage(ctx context.Context, ref parlance.Ref, t format.TimelineID, q Query, count bool) (p Page, n int, err error) {
	var pointers []hit
	p.State, err = s.atOneMoment(ctx, ref, reading{
		unless: q.Unless,
		derived: func(v *view) (err error) {
			if pointers, err = v.pointers(ctx, t, q); err == nil && count {
				n, err = v.count(ctx, t, bounds(q.From, q.To), q.Private)
			}
			return err
		},
		entries: func(ctx context.Context) (err error) {
			p.More = len(pointers) > q.Limit
			if p.More {
				pointers = pointers[:q.Limit]
			}
			numbers := make([]uint64, len(pointers))
			for i, x := range pointers {
				numbers[i] = x.number
			}
			if p.Entries, err = s.entriesWithin(ctx, ref, numbers, q.Bytes, q.Space); err != nil {
				return err
			}
			p.More = p.More || len(p.Entries) < len(pointers)
			for i := range p.Entries {
				if string(p.Entries[i].Message.ID) != string(pointers[i].key[8:]) {
					return s.corrupt(format.ErrRecord, "the timeline of conversation %s", ref)
				}
			}
			return nil
		},
	})
	return p, n, err
}

// errMoved says that the conversation changed while it was read.
var errMoved = errors.New("the conversation is being written to")

// A view reads one conversation as of one head.
type view struct {
	s    *Store
	c    *conversation
	head *format.Head
}

// A reading is what is read of a conversation at one moment.
type reading struct {
	// unless, if set, ends the reading when it is true of the state that the reading would be of.
	unless func(State) bool
	// derived reads what writers move. It may run several times; what counts is the last.
	derived func(*view) error
	// entries, if set, reads what derived found and nobody changes.
	entries func(context.Context) error
}

// atOneMoment does r until nothing was written meanwhile, which is nearly always the first
// time; at last it keeps this process's writers out.
func (s *Store) atOneMoment(ctx context.Context, ref parlance.Ref, r reading) (State, error) {
	c := s.conversations.acquire(ref)
	defer s.conversations.release(c)
	for try := 0; ; try++ {
		last := try == 8
		if try >= 4 {
			c.write.Lock()
		}
		revisions := c.revisions.Load()
		var t *format.Head
		var err error
		if try == 4 && !s.bounds.OneStep {
			// Maybe nobody is at work, but somebody stopped half-way.
			_, err = s.writerHead(ctx, c)
		}
		if err == nil {
			t, err = s.attempt(ctx, c, r)
		}
		moved := errors.Is(err, errMoved)
		if revisions%2 != 0 || c.revisions.Load() != revisions {
			moved = true
		}
		if try >= 4 {
			c.write.Unlock()
		}
		switch {
		case err == nil && !moved:
			return stateOf(t), nil
		case moved && last && s.bounds.Exclusive:
			return State{}, s.contradicts(ref)
		case moved && last:
			return State{}, parlance.Errorf(parlance.Unavailable, "conversation %s is being written to too fast to be read", ref)
		case !moved:
			return State{}, err
		}
		if !s.bounds.Exclusive && try > 0 {
			wait(try)
		}
	}
}

// attempt does r once and returns the head that it is of; errMoved if it turns out that others wrote
// meanwhile. Where others may, what is remembered of the conversation is taken for true at
// first, and the head is asked while the timeline is read by it.
func (s *Store) attempt(ctx context.Context, c *conversation, r reading) (*format.Head, error) {
	t := c.head()
	if s.bounds.Exclusive || t == nil {
		var err error
		if t, err = s.readerHead(ctx, c); err != nil {
			return nil, err
		}
		if r.unless != nil && r.unless(stateOf(t)) {
			return t, nil
		}
		if err := r.derived(&view{s, c, t}); err != nil {
			return nil, err
		}
		return t, s.finish(ctx, c, t, r)
	}
	var now *format.Head
	var g errgroup.Group
	g.Go(func() (err error) {
		now, err = s.readerHead(ctx, c)
		return err
	})
	err := r.derived(&view{s, c, t})
	switch e := g.Wait(); {
	case e != nil:
		return nil, e
	case now.Number != t.Number:
		return nil, errMoved
	case r.unless != nil && r.unless(stateOf(t)):
		return t, nil
	case err != nil:
		return nil, err
	}
	return t, s.finish(ctx, c, t, r)
}

// finish reads the entries and, where others may write, finds out meanwhile whether they
// moved pointers while those were read.
func (s *Store) finish(ctx context.Context, c *conversation, t *format.Head, r reading) error {
	if s.bounds.Exclusive {
		if r.entries == nil {
			return nil
		}
		return r.entries(ctx)
	}
	var revised bool
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		revised, err = s.revised(gctx, c.ref, t.Number)
		return err
	})
	if r.entries != nil {
		g.Go(func() error { return r.entries(gctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if revised {
		return errMoved
	}
	return nil
}

// revised reports whether entries above number change messages that there were before. Their
// pointers may be gone already, though the head doesn't tell yet. New messages are no harm:
// a pointer above the head is found out where it is read.
func (s *Store) revised(ctx context.Context, ref parlance.Ref, number uint64) (bool, error) {
	for e, err := range s.log1(ctx, ref, number+1) {
		if err != nil || e.Previous != 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// keys are the bounds of a range as keys; "" is open at either end.
type keys struct{ from, to string }

func bounds(from, to *parlance.Position) (k keys) {
	if from != nil {
		k.from = format.PositionKey(*from)
	}
	if to != nil {
		k.to = format.PositionKey(*to)
	}
	return k
}

func (k keys) empty() bool { return k.to != "" && k.from >= k.to }

func (k keys) of(r driver.Range) driver.Range {
	if k.from != "" {
		r.From = []byte(k.from)
	}
	if k.to != "" {
		r.To = []byte(k.to)
	}
	return r
}

// line returns a timeline with its closed ranges read if k reaches them.
func (v *view) line(ctx context.Context, t format.TimelineID) (*format.Timeline, error) {
	l := &v.head.Timelines[t]
	if l.Count == 0 || l.Closed != nil {
		return l, nil
	}
	closed, err := v.s.readRanges(ctx, v.c.ref, t, v.head)
	if err != nil {
		return nil, err
	}
	next := *v.head
	next.Timelines[t].Closed = closed
	v.c.cachedHead.CompareAndSwap(v.head, &next)
	v.head = &next
	return &next.Timelines[t], nil
}

// isNew reports whether a pointer is of an entry above the head, which nobody was told of yet. On
// an engine of our own such a message was just added, and the view is whole without it: readers
// don't wait for a writer's disk. (A change of an older message counts as a revision, see
// atOneMoment.) Elsewhere the head that was read may be behind, and the view has to be made anew.
func (v *view) isNew(p format.Pointer) (bool, error) {
	if p.Number <= v.head.Number {
		return false, nil
	}
	if !v.s.bounds.Exclusive {
		return false, errMoved
	}
	return true, nil
}

// A rangeVersion names the times of a range: versions are told apart by what was ever put and deleted in it.
type rangeVersion struct {
	partition              string
	written, dead, private int
}

// rangeTimes are the times of a range's pointers, ascending.
type rangeTimes struct {
	times   []parlance.Time
	private []int32 // indexes into times
}

// count returns the number of pointers in k: whole ranges by their own counts, the two
// at the edges by the times of their pointers.
func (v *view) count(ctx context.Context, t format.TimelineID, k keys, private bool) (int, error) {
	if k.empty() || v.head.Timelines[t].High == "" {
		return 0, nil
	}
	size := func(sp format.Range) int {
		if private {
			return sp.Live
		}
		return sp.Live - sp.Private
	}
	// below counts the pointers below key; an open end counts all.
	below := func(key string) (int, error) {
		l := &v.head.Timelines[t]
		if key == "" {
			n := v.head.Total
			if t == format.ByDeleted {
				return 0, errors.New("deleted messages are not counted")
			}
			if !private {
				n -= v.head.Private
			}
			return n, nil
		}
		if l.Count > 0 {
			var err error
			if l, err = v.line(ctx, t); err != nil {
				return 0, err
			}
		}
		at, n := l.Find(key), 0
		for _, sp := range l.Closed[:at] {
			n += size(sp)
		}
		in, err := v.below(ctx, t, l.At(at), key, private)
		return n + in, err
	}
	upper, err := below(k.to)
	if err != nil {
		return 0, err
	}
	if k.from == "" {
		return upper, nil
	}
	lower, err := below(k.from)
	return upper - lower, err
}

// below counts the pointers of a range below key. It keeps the times of ranges that were
// counted, because whoever pages by time asks for the same range again and again.
func (v *view) below(ctx context.Context, t format.TimelineID, sp format.Range, key string, private bool) (int, error) {
	p := format.TimelinePartition(v.c.ref, t, sp.ID)
	name := rangeVersion{p.Key, sp.Written, sp.Dead, sp.Private}
	st, ok := v.s.rangeTimes.GetIfPresent(name)
	if !ok {
		st = &rangeTimes{times: make([]parlance.Time, 0, min(sp.Live, 1<<16))}
		for row, err := range v.s.engine.Scan(ctx, p, driver.Range{}) {
			if err != nil {
				return 0, fmt.Errorf("count the timeline of %s: %w", v.c.ref, err)
			}
			x, err := format.DecodePointer(row.Value)
			if err != nil {
				return 0, parlance.Wrap(parlance.Corrupt, err, "the timeline of conversation %s is damaged", v.c.ref)
			}
			if isNew, err := v.isNew(x); err != nil {
				return 0, err
			} else if isNew {
				continue
			}
			if x.Private {
				st.private = append(st.private, int32(len(st.times)))
			}
			st.times = append(st.times, format.TimeOfKey(row.Key))
		}
		if len(st.times) != sp.Live {
			return 0, errMoved
		}
		v.s.rangeTimes.Set(name, st)
	}
	time := format.TimeOfKey([]byte(key))
	n, _ := slices.BinarySearch(st.times, time)
	hidden, _ := slices.BinarySearch(st.private, int32(n))
	if private {
		hidden = 0
	}
	if len(key) == 8 {
		return n - hidden, nil
	}
	// Those of the same time and a lower id.
	for row, err := range v.s.engine.Scan(ctx, p, driver.Range{From: format.TimeKey(time), To: []byte(key)}) {
		if err != nil {
			return 0, fmt.Errorf("count the timeline of %s: %w", v.c.ref, err)
		}
		if x, err := format.DecodePointer(row.Value); err == nil && (private || !x.Private) {
			n++
		}
	}
	return n - hidden, nil
}
