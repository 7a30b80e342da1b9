package store

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/store/driver"
	"parlance/store/internal/format"
)

// A hit pointer with its key.
type hit struct {
	key    []byte
	number uint64
}

// pointers returns the first pointers of q's range, one more than its limit if there are as many.
//
// Where each read is a round trip, it reads at once all ranges that it expects to need.
func (v *view) pointers(ctx context.Context, t format.TimelineID, q Query) ([]hit, error) {
	k := bounds(q.From, q.To)
	l := &v.head.Timelines[t]
	if k.empty() || l.High == "" {
		return nil, nil
	}
	g := pointerScan{view: v, t: t, k: k, ascending: q.Ascending, private: q.Private, want: q.Limit + 1}
	if !l.Reaches(k.from) {
		err := g.scan(ctx, l.Top)
		return g.hits, err
	}
	inTop := k.to == "" || k.to > l.Top.Low
	if !q.Ascending && inTop && (v.s.bounds.Exclusive || g.expected(l, l.Count, true) >= g.want) {
		// Nearly always all is there, and the other ranges need not be known.
		if err := g.scan(ctx, l.Top); err != nil || g.missing() == 0 {
			return g.hits, err
		}
		inTop, g.begun = false, true
	}
	l, err := v.line(ctx, t)
	if err != nil {
		return nil, err
	}
	low, high := l.Find(k.from), l.Count
	if !inTop {
		high = l.Count - 1
		if k.to != "" {
			high = min(high, l.Find(k.to))
		}
	}
	for low <= high && g.missing() > 0 {
		n := g.ahead(l, low, high)
		spans := make([]format.Range, n)
		for i := range spans {
			if q.Ascending {
				spans[i] = l.At(low)
				low++
			} else {
				spans[i] = l.At(high)
				high--
			}
		}
		if err := g.scanAll(ctx, spans); err != nil {
			return nil, err
		}
	}
	return g.hits, nil
}

// A pointerScan collects pointers from one range after another.
type pointerScan struct {
	view      *view
	t         format.TimelineID
	k         keys
	ascending bool
	private   bool // private ones too
	want      int

	begun bool // a range was scanned
	hits  []hit
	keys  []byte // of found, which are short and live together
}

// missing returns how many pointers are still to be found.
func (g *pointerScan) missing() int { return g.want - len(g.hits) }

// maxAhead is how many ranges are read at once.
const maxAhead = 8

// ahead returns how many of the ranges from low to high, both inclusive, are to be read at once.
func (g *pointerScan) ahead(l *format.Timeline, low, high int) int {
	if g.view.s.bounds.Exclusive {
		return 1
	}
	most := min(high-low+1, maxAhead)
	expected := 0
	for n := 1; n < most; n++ {
		i := low + n - 1
		if !g.ascending {
			i = high - n + 1
		}
		if expected += g.expected(l, i, n == 1 && !g.begun); expected >= g.missing() {
			return n
		}
	}
	return most
}

// expected returns how many pointers a walk meets in range i, which is l.count for the top one: exactly, unless it begins in
// the midst of it. Then it is the half of a guess by time.
func (g *pointerScan) expected(l *format.Timeline, i int, begins bool) int {
	s := l.At(i)
	n := s.Live
	if !g.private {
		n -= s.Private
	}
	begin := g.k.to
	if g.ascending {
		begin = g.k.from
	}
	if !begins || begin == "" || !g.ascending && begin > l.High {
		return n
	}
	lowest, highest := s.Low, l.High
	if lowest == "" {
		lowest = l.Low
	}
	if i < l.Count {
		highest = l.At(i + 1).Low
	}
	from, to, at := format.TimeOfKey([]byte(lowest)), format.TimeOfKey([]byte(highest)), format.TimeOfKey([]byte(begin))
	if g.ascending {
		from, to, at = -to, -from, -at
	}
	if at <= from || to <= from {
		return 0
	}
	return int(float64(n) * min(1, float64(at-from)/float64(to-from)) / 2)
}

// scanAll scans ranges in the order of the walk, all at once.
func (g *pointerScan) scanAll(ctx context.Context, spans []format.Range) error {
	g.begun = true
	if len(spans) == 1 {
		return g.scan(ctx, spans[0])
	}
	parts := make([]pointerScan, len(spans))
	all, ctx := errgroup.WithContext(ctx)
	for i := range spans {
		parts[i] = pointerScan{view: g.view, t: g.t, k: g.k, ascending: g.ascending, private: g.private, want: g.missing()}
		all.Go(func() error { return parts[i].scan(ctx, spans[i]) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for i := range parts {
		g.hits = append(g.hits, parts[i].hits[:min(len(parts[i].hits), g.missing())]...)
	}
	return nil
}

// scan adds the pointers of one range, as many as are missing.
func (g *pointerScan) scan(ctx context.Context, sp format.Range) error {
	v := g.view
	r := g.k.of(driver.Range{Reverse: !g.ascending})
	if !v.s.bounds.Exclusive && (g.private || sp.Private == 0) {
		r.Limit = g.missing()
	}
	for row, err := range v.s.engine.Scan(ctx, format.TimelinePartition(v.c.ref, g.t, sp.ID), r) {
		if err != nil {
			return fmt.Errorf("read the timeline of %s: %w", v.c.ref, err)
		}
		p, err := format.DecodePointer(row.Value)
		if err != nil {
			return parlance.Wrap(parlance.Corrupt, err, "the timeline of conversation %s is damaged", v.c.ref)
		}
		if isNew, err := v.isNew(p); err != nil {
			return err
		} else if isNew || p.Private && !g.private {
			continue
		}
		if g.hits == nil {
			g.hits = make([]hit, 0, min(g.want, 128))
		}
		if g.keys == nil {
			g.keys = make([]byte, 0, (len(row.Key)+8)*cap(g.hits))
		}
		start := len(g.keys)
		g.keys = append(g.keys, row.Key...)
		if g.hits = append(g.hits, hit{g.keys[start:len(g.keys):len(g.keys)], p.Number}); g.missing() == 0 {
			return nil
		}
	}
	return nil
}
