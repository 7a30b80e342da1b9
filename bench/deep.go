package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
)

// deepGoal is a deep page's, against a newer one that differs from it in nothing but depth.
var deepGoal = goal{Must: 0.85, Aim: 0.95}

// deepLimit is the number of messages of a page here.
const deepLimit = 20

// A diver measures pages far back in the long conversation, through one dialect. Depth itself must cost
// nothing. So what has a goal compares pages in the same state of the caches: one page that is asked for again and
// again with another one, and pages at random places of a stretch with those of another stretch.
type diver struct {
	*reading
	dialect dialect
	host    string
	depths  []int // how many messages back
	twins   []int // a place near each depth whose page is as many bytes as the newest
}

// deep measures deep pages through each dialect.
func (m *reading) deep(ctx context.Context) (rows []row, err error) {
	for _, d := range m.large.calls {
		v, err := m.newDiver(ctx, d)
		if err != nil {
			return rows, err
		}
		for _, c := range concurrencies {
			t := turn{c, m.block, m.rounds}
			// What finds blocks missing comes first, as long as they are.
			for _, measure := range []func(context.Context, turn) ([]row, error){v.unmet, v.anyNewest, v.remembered, v.again, v.stretches} {
				more, err := measure(ctx, t)
				rows = append(rows, more...)
				if err != nil {
					return rows, err
				}
			}
		}
	}
	return rows, nil
}

func (m *reading) newDiver(ctx context.Context, d dialect) (*diver, error) {
	v := &diver{reading: m, dialect: d, host: m.largeAt.hosts[deepLimit], depths: []int{m.n(50_000, 50), m.n(500_000, 100)}}
	for _, depth := range v.depths {
		twin, err := v.twin(ctx, depth)
		if err != nil {
			return nil, err
		}
		v.twins = append(v.twins, twin)
	}
	return v, nil
}

// before asks for the page before the message that lies so far back.
func (v *diver) before(back int, salt int64) call {
	long := v.large.long
	return v.dialect.before(long, long.place(min(back, long.size-deepLimit-1)), deepLimit, salt)
}

// twin returns the place, among 64 from depth on, whose page comes nearest to the newest one in bytes. Messages are of
// many lengths, and two pages are compared for where they lie, not for what is said in them.
func (v *diver) twin(ctx context.Context, depth int) (best int, err error) {
	bytes := func(q call) (n int, err error) {
		err = v.client.do(ctx, v.host, q, func(_ *http.Response, b []byte) error {
			n = len(b)
			return nil
		})
		return n, err
	}
	newest, err := bytes(v.dialect.newest(v.large.long, deepLimit, v.fresh()))
	if err != nil {
		return 0, err
	}
	least := -1
	for back := depth; back < depth+64; back++ {
		n, err := bytes(v.before(back, v.fresh()))
		if err != nil {
			return 0, err
		}
		if off := max(n-newest, newest-n); least < 0 || off < least {
			least, best = off, back
		}
	}
	return best, nil
}

// play plays a match of the contenders, and profiles them if that was asked for.
func (v *diver) play(ctx context.Context, t turn, what string, cs ...contender) ([]result, error) {
	rs, err := match(ctx, t, cs...)
	if err != nil {
		return nil, err
	}
	return rs, v.profile(ctx, t, v.dialect.name()+" "+what, cs)
}

func (v *diver) row(t turn, what string, a, b result) row {
	return a.against(b, "Deep pages", fmt.Sprintf("%s, %s, %d at once", v.dialect.name(), what, t.concurrency), "pages/s")
}

// unmet measures pages at random places within a tenth around each depth, of which some blocks are in no cache
// yet, against the newest page, whose blocks always are. No answer is remembered. It has no goal, since it compares
// unlike things; the newest messages, at random places of as many as are around the greatest depth, show how much of the difference is depth.
func (v *diver) unmet(ctx context.Context, t turn) ([]row, error) {
	within := func(from, size int) source {
		return func(rng *rand.Rand) call { return v.before(from+rng.IntN(size), v.fresh()) }
	}
	var names []string
	var places []source
	for _, depth := range v.depths {
		names = append(names, fmt.Sprintf("within a tenth around %s back", number(float64(depth))))
		places = append(places, within(depth-depth/10, depth/5))
	}
	newest := v.depths[len(v.depths)-1] / 5
	names = append(names, fmt.Sprintf("in the newest %s", number(float64(newest))))
	places = append(places, within(0, newest))

	bare, server, err := v.bareOf(ctx, v.host, places[0])
	if err != nil {
		return nil, err
	}
	defer server.close()
	cs := []contender{v.pages("the newest again and again", v.host, v.newestAgain(true)), bare}
	for i, place := range places {
		cs = append(cs, v.pages(names[i], v.host, place))
	}
	rs, err := v.play(ctx, t, "unmet", cs...)
	if err != nil {
		return nil, err
	}
	rows := []row{v.row(t, "the newest 20 again and again, no answer remembered", rs[0], rs[1])}
	for _, r := range rs[2:] {
		what := fmt.Sprintf("20 anywhere %s, no answer remembered, some blocks in no cache", r.name)
		rows = append(rows, v.row(t, what, r, rs[0]), v.row(t, what, r, rs[1]))
	}
	return rows, nil
}

// anyNewest measures the newest page of one of the many conversations at random. They go over the whole store, so they have a
// match of their own: they push everything else out of the block cache.
func (v *diver) anyNewest(ctx context.Context, t turn) ([]row, error) {
	random := func(rng *rand.Rand) call {
		return v.dialect.newest(v.large.many[rng.IntN(len(v.large.many))], deepLimit, v.fresh())
	}
	bare, server, err := v.bareOf(ctx, v.host, random)
	if err != nil {
		return nil, err
	}
	defer server.close()
	rs, err := v.play(ctx, t, "of any", v.pages("newest of any", v.host, random), bare)
	if err != nil {
		return nil, err
	}
	return []row{v.row(t, "newest 20 of a random conversation, no answer remembered", rs[0], rs[1])}, nil
}

// remembered measures one page at each depth, asked for again and again, against the newest one.
func (v *diver) remembered(ctx context.Context, t turn) ([]row, error) {
	return v.samePages(ctx, t, "its answer remembered", false)
}

// again is remembered with requests that were never made before, so that each page is read and written anew.
func (v *diver) again(ctx context.Context, t turn) ([]row, error) {
	return v.samePages(ctx, t, "no answer remembered", true)
}

func (v *diver) samePages(ctx context.Context, t turn, how string, fresh bool) (rows []row, err error) {
	cs := []contender{v.pages("the newest again and again", v.host, v.newestAgain(fresh))}
	for i, twin := range v.twins {
		cs = append(cs, v.pages(number(float64(v.depths[i])), v.host, func(*rand.Rand) call { return v.before(twin, v.salted(fresh)) }))
	}
	rs, err := v.play(ctx, t, how, cs...)
	if err != nil {
		return nil, err
	}
	for _, r := range rs[1:] {
		what := fmt.Sprintf("the same 20 at %s back again and again, %s", r.name, how)
		rows = append(rows, v.row(t, what, r, rs[0]).judge(deepGoal))
	}
	return rows, nil
}

// newestAgain asks for the newest page of the long conversation.
func (v *diver) newestAgain(fresh bool) source {
	return func(*rand.Rand) call { return v.dialect.newest(v.large.long, deepLimit, v.salted(fresh)) }
}

// salted returns a salt for a request that is to be a new one, or 0.
func (v *diver) salted(fresh bool) int64 {
	if fresh {
		return v.fresh()
	}
	return 0
}

// stretches measures pages at random places of a stretch at each depth against those of the newest stretch, which is as
// long. No answer is remembered. Each stretch is read from end to end once before, which doesn't count.
func (v *diver) stretches(ctx context.Context, t turn) (rows []row, err error) {
	long := v.n(20_000, 20)
	var cs []contender
	names := []string{"the newest " + number(float64(long))}
	for _, depth := range v.depths {
		names = append(names, number(float64(depth)))
	}
	for i, from := range append([]int{0}, v.depths...) {
		for back := from; back < from+long; back += deepLimit {
			if err := v.client.do(ctx, v.host, v.before(back, v.fresh()), nil); err != nil {
				return nil, err
			}
		}
		cs = append(cs, v.pages(names[i], v.host, func(rng *rand.Rand) call { return v.before(from+rng.IntN(long), v.fresh()) }))
	}
	rs, err := v.play(ctx, t, "stretch", cs...)
	if err != nil {
		return nil, err
	}
	for _, r := range rs[1:] {
		what := fmt.Sprintf("20 anywhere in the %s from %s back on, no answer remembered", number(float64(long)), r.name)
		rows = append(rows, v.row(t, what, r, rs[0]).judge(deepGoal))
	}
	return rows, nil
}
