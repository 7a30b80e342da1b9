package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Goals of pages: newest ones against a bare server, and those of a large store against a small one's.
var (
	newestGoal = goal{Must: 0.60, Aim: 0.80}
	growthGoal = goal{Must: 0.95}
)

// newest measures the newest messages, as clients ask for them, against a bare server:
// of the same conversation again and again, and of conversations at random.
func (m *reading) newest(ctx context.Context) (rows []row, err error) {
	for _, d := range m.large.calls {
		for _, limit := range []int{20, 50} {
			host := m.largeAt.hosts[limit]
			same := func(*rand.Rand) call { return d.newest(m.large.long, limit, 0) }
			random := func(rng *rand.Rand) call {
				return d.newest(m.large.many[rng.IntN(len(m.large.many))], limit, 0)
			}
			bare, server, err := m.bareOf(ctx, host, random)
			if err != nil {
				return rows, err
			}
			defer server.close()
			first, err := m.first(ctx, d, host, limit)
			if err != nil {
				return rows, err
			}
			rows = append(rows, first)
			for _, c := range concurrencies {
				t := turn{c, m.block, m.rounds}
				cs := []contender{m.pages("same", host, same), bare, m.pages("random", host, random)}
				rs, err := match(ctx, t, cs...)
				if err != nil {
					return rows, err
				}
				for _, r := range []result{rs[0], rs[2]} {
					what := "the same conversation of " + number(float64(m.large.long.size))
					if r.name == "random" {
						what = fmt.Sprintf("one of %s conversations at random, each seen before", number(float64(len(m.large.many))))
					}
					x := r.against(rs[1], "Newest messages", fmt.Sprintf("%s, newest %d of %s, %d at once", d.name(), limit, what, c), "pages/s")
					if limit == 20 {
						x = x.judge(newestGoal)
					}
					rows = append(rows, x)
				}
				if err := m.profile(ctx, t, fmt.Sprint(d.name(), " newest ", limit), cs); err != nil {
					return rows, err
				}
			}
		}
	}
	return rows, nil
}

// first asks for the newest page of each of the many conversations once, one at a time. Whatever the
// process keeps in memory of a conversation, it has to read first.
func (m *reading) first(ctx context.Context, d dialect, host string, limit int) (row, error) {
	start := time.Now()
	for _, room := range m.large.many {
		if err := m.client.do(ctx, host, d.newest(room, limit, 0), nil); err != nil {
			return row{}, err
		}
	}
	rate := float64(len(m.large.many)) / time.Since(start).Seconds()
	what := fmt.Sprintf("%s, newest %d of each of %s conversations for the first time through this dialect, 1 at once", d.name(), limit, number(float64(len(m.large.many))))
	return row{Group: "Newest messages", Scenario: what, Unit: "pages/s", Ours: rate}, nil
}

// growth compares the large store with the small one, by the same requests. No answer is remembered.
func (m *reading) growth(ctx context.Context) (rows []row, err error) {
	const limit = 20
	kinds := []struct {
		name string
		next func(l *library, d dialect) source
		goal *goal
	}{
		{"newest 20 of the long conversation", func(l *library, d dialect) source {
			return func(*rand.Rand) call { return d.newest(l.long, limit, m.fresh()) }
		}, &growthGoal},
		{"20 anywhere in the long conversation", func(l *library, d dialect) source {
			return func(rng *rand.Rand) call {
				return d.before(l.long, l.long.place(rng.IntN(l.long.size-limit)), limit, m.fresh())
			}
		}, nil},
		{"newest 20 of a random conversation", func(l *library, d dialect) source {
			return func(rng *rand.Rand) call { return d.newest(l.many[rng.IntN(len(l.many))], limit, m.fresh()) }
		}, nil},
	}
	for i, d := range m.large.calls {
		for _, k := range kinds {
			for _, c := range concurrencies {
				name := fmt.Sprintf("%s messages", number(float64(m.small.long.size)))
				rs, err := match(ctx, turn{c, m.block, m.rounds},
					m.pages("large", m.largeAt.hosts[limit], k.next(m.large, d)),
					m.pages(name, m.smallAt.hosts[limit], k.next(m.small, m.small.calls[i])))
				if err != nil {
					return rows, err
				}
				x := rs[0].against(rs[1], "A million messages against ten thousand, no answer remembered", fmt.Sprintf("%s, %s, %d at once", d.name(), k.name, c), "pages/s")
				if k.goal != nil {
					x = x.judge(*k.goal)
				}
				rows = append(rows, x)
			}
		}
	}
	return rows, nil
}
