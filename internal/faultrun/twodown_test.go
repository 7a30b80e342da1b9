package faultrun

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// twoDown takes two nodes of three away, by death or by silence. Every dialect says so in its own form
// and in time; nothing else happens; and when one of them is back, so is service.
func (w *world) twoDown(ctx context.Context, r *rand.Rand, tallies map[string]*tally) {
	t := w.t
	t.Helper()
	nodes := r.Perm(len(w.cluster.Hosts()))
	silent := r.IntN(2) == 0
	name, away := "two nodes killed", w.cluster.Kill
	back := func(i int) error { return w.cluster.Restart(ctx, i) }
	if silent {
		name, away, back = "two nodes paused", w.cluster.Pause, w.cluster.Resume
	}
	began := time.Now()
	for _, i := range nodes[:2] {
		if err := away(i); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		time.Sleep(upTo(r, 3*time.Second))
	}
	w.refusesAll(ctx, r)
	if err := back(nodes[0]); err != nil {
		t.Fatalf("%s, bring one back: %v", name, err)
	}
	over := time.Now()
	w.serves(30)
	t.Logf("%s: 30 writes were acknowledged %s after one of them was back", name, time.Since(over).Round(10*time.Millisecond))
	if err := errors.Join(back(nodes[1]), w.cluster.Ready(ctx)); err != nil {
		t.Fatalf("%s, bring the other back: %v", name, err)
	}
	w.serves(30)
	w.tell(name, began, over, tallies)
}

// refusesAll asks each server for a write and a walk in each dialect, which must all be unavailable.
func (w *world) refusesAll(ctx context.Context, r *rand.Rand) {
	w.t.Helper()
	unavailable := func(what string, ask func() error) {
		began := time.Now()
		err := ask()
		took := time.Since(began)
		if !errors.Is(err, errUnavailable) {
			w.t.Errorf("%s without a quorum, after %s: %v, want the dialect's form of unavailable", what, took.Round(time.Millisecond), err)
			return
		}
		w.t.Logf("%s without a quorum: unavailable after %s", what, took.Round(10*time.Millisecond))
	}
	var asked sync.WaitGroup
	for i, p := range w.processes {
		token := func(dialect string) string {
			s := "probe-" + dialect + "-" + []string{"a", "b"}[i]
			w.ledger.tries(s, w.chat, 1)
			return text(s, 1)
		}
		texts := []string{token("imkit"), token("shopline"), token("imetastore")}
		random := r.Uint32()
		asked.Go(func() {
			unavailable("an IMKit write", func() error { _, err := w.sendIMKit(ctx, p, w.chat, "", texts[0]); return err })
			unavailable("an IMKit read", func() error { _, err := w.walkIMKit(ctx, p, w.chat); return err })
		})
		asked.Go(func() {
			unavailable("a SHOPLINE write", func() error { _, err := w.sendShopline(ctx, p, texts[1], false); return err })
			unavailable("a SHOPLINE read", func() error { _, err := w.walkShopline(ctx, p); return err })
		})
		asked.Go(func() {
			unavailable("an iMetaStore write", func() error { return w.sendIMetaStore(ctx, p, texts[2], random) })
			unavailable("an iMetaStore read", func() error { _, err := w.walkIMetaStore(ctx, p, nil); return err })
		})
	}
	asked.Wait()
}
