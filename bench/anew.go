package main

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// anewGoals are those of pages that are read and written anew, by their size.
var anewGoals = map[int]goal{20: {Must: 0.55, Aim: 0.70}, 50: {Must: 0.45, Aim: 0.60}, 100: {Must: 0.45, Aim: 0.60}}

// anewStretch is how many messages lie between the first and the last that are asked for here: they fit in the block cache.
const anewStretch = 20_000

// anew measures pages whose answers nobody remembers, with their blocks in the cache, against a bare server: of
// each size anywhere in a stretch of the long conversation, and of 50 in a conversation at random.
func (m *reading) anew(ctx context.Context) (rows []row, err error) {
	long := m.large.long
	stretch := min(m.n(anewStretch, 200), long.size-walkLimit-1)
	for _, d := range m.large.calls {
		for _, limit := range pageSizes {
			host := m.largeAt.hosts[limit]
			inLong := func(rng *rand.Rand) call {
				return d.before(long, long.place(rng.IntN(stretch)), limit, m.fresh())
			}
			// Every block of the stretch is met once before the match.
			for back := 0; back < stretch; back += limit {
				if err := m.client.do(ctx, host, d.before(long, long.place(back), limit, m.fresh()), nil); err != nil {
					return rows, err
				}
			}
			what := fmt.Sprintf("%d anywhere in the newest %s, no answer remembered", limit, number(float64(stretch)))
			more, err := m.anewAgainst(ctx, d, host, what, limit, inLong)
			if err != nil {
				return rows, err
			}
			rows = append(rows, more...)
			if limit != 50 {
				continue
			}
			// As many conversations as the stretch has messages for, each of which is met once before.
			some := m.large.many[:min(len(m.large.many), max(1, stretch/manySize))]
			for _, room := range some {
				if err := m.client.do(ctx, host, d.newest(room, limit, m.fresh()), nil); err != nil {
					return rows, err
				}
			}
			random := func(rng *rand.Rand) call { return d.newest(some[rng.IntN(len(some))], limit, m.fresh()) }
			what = fmt.Sprintf("newest %d of one of %s conversations at random, no answer remembered", limit, number(float64(len(some))))
			if more, err = m.anewAgainst(ctx, d, host, what, limit, random); err != nil {
				return rows, err
			}
			rows = append(rows, more...)
		}
	}
	return rows, nil
}

// anewAgainst plays one kind of page against a bare server, at each concurrency.
func (m *reading) anewAgainst(ctx context.Context, d dialect, host, what string, limit int, next source) (rows []row, err error) {
	bare, server, err := m.bareOf(ctx, host, next)
	if err != nil {
		return nil, err
	}
	defer server.close()
	for _, c := range concurrencies {
		t := turn{c, m.block, m.rounds}
		cs := []contender{m.pages("anew", host, next), bare}
		rs, err := match(ctx, t, cs...)
		if err != nil {
			return rows, err
		}
		scenario := fmt.Sprintf("%s, %s, %d at once", d.name(), what, c)
		rows = append(rows, rs[0].against(rs[1], "Pages read anew", scenario, "pages/s").judge(anewGoals[limit]))
		if err := m.profile(ctx, t, d.name()+" "+what, cs); err != nil {
			return rows, err
		}
	}
	return rows, nil
}
