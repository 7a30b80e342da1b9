package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parlance"
	"parlance/store"
)

// tries is how often a thing is counted. The least counts: what the driver does by itself, and what
// a busy machine tears apart, only ever adds.
const tries = 5

// costs counts what one call costs, in statements and in what a replica reads for them. do
// returns the call of each try.
func (b *cluster) costs(ctx context.Context, p *process, what string, do func(try uint64) func() error) ([]row, error) {
	rows, err := b.counts(what, func(try uint64) (count, error) { return p.count(do(try)) })
	if err != nil {
		return nil, err
	}
	s, err := b.traced(ctx, p, do(tries))
	if err != nil {
		return rows, err
	}
	return append(rows, b.serverRows(what, s)...), nil
}

// serverRows tells what a replica read.
func (b *cluster) serverRows(what string, s server) []row {
	return []row{
		{Group: b.name, Scenario: what, Unit: "live rows read by a replica", Ours: float64(s.rows)},
		{Group: b.name, Scenario: what, Unit: "tombstones read by a replica", Ours: float64(s.tombstones)},
	}
}

// counts tells the least that do costs.
func (b *cluster) counts(what string, do func(try uint64) (count, error)) ([]row, error) {
	var least count
	for try := range uint64(tries) {
		c, err := do(try)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if try == 0 {
			least = c
		}
		least = count{min(least.statements, c.statements), min(least.inSequence, c.inSequence), min(least.rows, c.rows)}
	}
	return []row{
		{Group: b.name, Scenario: what, Unit: "round trips that wait for one another", Ours: float64(least.inSequence)},
		{Group: b.name, Scenario: what, Unit: "statements", Ours: float64(least.statements)},
		{Group: b.name, Scenario: what, Unit: "rows returned", Ours: float64(least.rows)},
	}, nil
}

// trips counts the round trips of what clients do most.
func (b *cluster) trips(ctx context.Context) (rows []row, err error) {
	p, err := b.again(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	add := func(what string, do func(p *process, try uint64) error, cold bool) {
		if err != nil {
			return
		}
		var more []row
		more, err = b.counts(what, func(try uint64) (count, error) {
			if !cold {
				return p.count(func() error { return do(p, try) })
			}
			return b.cold(ctx, func(p *process) error { return do(p, try) })
		})
		rows = append(rows, more...)
	}
	newest := func(p *process, _ uint64) error { return p.newestPage(ctx, b.large, parlance.ByCreated) }
	deep := func(p *process, try uint64) error { return p.page(ctx, b.large, slot(b.large, try+1)) } // the 0th is near the newest
	message := func(p *process, _ uint64) error { return b.put(ctx, p, b.many[0], 1) }
	hundred := func(p *process, _ uint64) error { return b.put(ctx, p, b.many[0], 100) }

	add("newest page, of a conversation that the process meets for the first time", newest, true)
	add("page anywhere, of a conversation that the process meets for the first time", deep, true)
	if err == nil {
		err = errors.Join(newest(p, 0), deep(p, 100))
	}
	add("newest page, entries remembered", newest, false)
	add("page anywhere, entries not remembered", deep, false)
	add("first message that the process writes to a conversation", message, true)
	if err == nil {
		err = message(p, 0)
	}
	add("message", message, false)
	add("100 messages at once", hundred, false)
	return rows, err
}

// cold counts what do costs in a process that knows nothing but that the store is there.
func (b *cluster) cold(ctx context.Context, do func(*process) error) (c count, err error) {
	p, err := b.again(ctx, nil)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, p.store.Close()) }()
	return p.count(func() error { return do(p) })
}

// put sends n messages at once.
func (b *cluster) put(ctx context.Context, p *process, r *room, n int) error {
	ms := make([]parlance.Message, n)
	for i := range ms {
		ms[i] = parlance.Message{
			Sender: r.buyer, Role: parlance.Customer, Type: parlance.TypeText,
			Text: b.texts[uint64(time.Now().UnixNano()+int64(i))%uint64(len(b.texts))],
		}
	}
	_, err := p.store.Put(ctx, r.ref, store.Send, ms...)
	return err
}
