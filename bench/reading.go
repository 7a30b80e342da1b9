package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"parlance"
)

// A library is a filled world that pages are read from.
type library struct {
	*world
	long  *room   // one long conversation
	many  []*room // many of 100 messages each
	walk  *room   // one to be walked from end to end; nil in the small library
	calls []dialect
}

// manySize is how many messages each of the many conversations has.
const manySize = 100

// A reading is what the page scenarios share.
type reading struct {
	*config
	client       *client
	large, small *library
	largeAt      *service
	smallAt      *service
	salt         atomic.Int64
}

// measureReading measures pages, walks and memory on two stores: a large one of a million
// messages in one conversation and a million over 10,000, and a small one of a hundredth.
func measureReading(ctx context.Context, c *config, dir string, ts texts) (rows []row, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	m := &reading{config: c, client: newClient()}
	if m.large, err = fillLibrary(ctx, c, filepath.Join(dir, "large"), ts, 100); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.large.close()) }()
	if m.small, err = fillLibrary(ctx, c, filepath.Join(dir, "small"), ts, 1); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.small.close()) }()
	if err := m.serve(ctx); err != nil {
		return nil, err
	}
	for _, g := range []struct {
		name    string
		measure func(context.Context) ([]row, error)
	}{{"newest", m.newest}, {"anew", m.anew}, {"deep", m.deep}, {"growth", m.growth}, {"walk", m.walks}} {
		if !c.wants(g.name) {
			continue
		}
		c.log.Info("measuring", "group", g.name)
		more, err := g.measure(ctx)
		rows = append(rows, more...)
		if err != nil {
			return rows, errors.Join(fmt.Errorf("%s: %w", g.name, err), m.largeAt.stop(), m.smallAt.stop())
		}
	}
	m.client.http.CloseIdleConnections()
	if err := errors.Join(m.largeAt.stop(), m.smallAt.stop()); err != nil {
		return rows, err
	}
	if c.wants("memory") {
		c.log.Info("measuring", "group", "memory")
		more, err := m.memory(ctx)
		return append(rows, more...), err
	}
	return rows, nil
}

func (m *reading) serve(ctx context.Context) (err error) {
	if m.largeAt, err = m.large.serve(ctx); err != nil {
		return err
	}
	m.smallAt, err = m.small.serve(ctx)
	return err
}

// fillLibrary makes a library: times times 10,000 messages in one conversation, and as
// many over times times 100 others.
func fillLibrary(ctx context.Context, c *config, dir string, ts texts, times int) (*library, error) {
	start := time.Now()
	w, err := newWorld(ctx, dir, ts, c.log)
	if err != nil {
		return nil, err
	}
	end := parlance.TimeOf(start)
	l := &library{world: w, long: newRoom(workspaceID, 1, c.n(times*10_000, 200), end)}
	rooms := []*room{l.long}
	for i := range c.n(times*100, 2) {
		l.many = append(l.many, newRoom(workspaceID, 10+i, manySize, end-parlance.Time(i)*1000))
	}
	rooms = append(rooms, l.many...)
	if times > 1 {
		l.walk = newRoom(workspaceID, 2, c.n(100_000, 1000), end)
		rooms = append(rooms, l.walk)
	}
	if err := w.fill(ctx, rooms); err != nil {
		return nil, errors.Join(fmt.Errorf("fill a store: %w", err), w.close())
	}
	if err := w.reopen(ctx, c.log); err != nil {
		return nil, errors.Join(err, w.close())
	}
	if l.calls, err = w.dialects(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	if err := w.settle(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	c.log.Info("filled a store", "messages in one", l.long.size, "conversations", len(rooms), "took", time.Since(start).Round(time.Millisecond))
	return l, nil
}

// settle waits until the engine has nothing left to do in the background: until its
// tables have been the same for a second.
func (w *world) settle(ctx context.Context) error {
	last, since := w.engine.Metrics(), time.Now()
	for time.Since(since) < time.Second {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if now := w.engine.Metrics(); now.Live != last.Live || now.Disk != last.Disk {
			last, since = now, time.Now()
		}
	}
	return nil
}

// A source makes the next call of one worker.
type source func(rng *rand.Rand) call

// fresh returns a salt that no call had before.
func (m *reading) fresh() int64 { return m.salt.Add(1) }

// pages returns a contender that asks host for what next makes.
func (m *reading) pages(name, host string, next source) contender {
	rngs := make([]*rand.Rand, maxWorkers)
	for i := range rngs {
		rngs[i] = rand.New(rand.NewPCG(1, uint64(i)))
	}
	return contender{name, func(ctx context.Context, worker int) (int, error) {
		return 1, m.client.do(ctx, host, next(rngs[worker]), nil)
	}}
}

// bareOf returns a contender that asks a new bare server for what next makes, which
// returns answers captured from host.
func (m *reading) bareOf(ctx context.Context, host string, next source) (contender, *bare, error) {
	rng := rand.New(rand.NewPCG(2, 0))
	as, err := m.client.capture(ctx, host, 64, func() call { return next(rng) })
	if err != nil {
		return contender{}, nil, err
	}
	b, err := newBare(as)
	if err != nil {
		return contender{}, nil, err
	}
	return m.pages("bare net/http", b.host, next), b, nil
}

// maxWorkers is the highest concurrency measured.
const maxWorkers = 16

var concurrencies = [...]int{1, maxWorkers}

// profile profiles those of the contenders that are not bare, if profiles were asked for.
func (m *reading) profile(ctx context.Context, t turn, what string, cs []contender) error {
	if m.profiles == "" {
		return nil
	}
	for _, c := range cs {
		if c.name == "bare net/http" {
			continue
		}
		if err := profile(ctx, m.profiles, fmt.Sprintf("%s %s c%d", what, c.name, t.concurrency), t, c); err != nil {
			return err
		}
	}
	return nil
}
