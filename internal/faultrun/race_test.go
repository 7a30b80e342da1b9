package faultrun

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parlance"
	"parlance/internal/cassandratest"
	"parlance/store"
	"parlance/store/cassandrastore"
	"parlance/store/driver"
)

// A counted engine counts the claims that are made on it.
type counted struct {
	driver.Engine
	won, lost atomic.Int64
	busy      atomic.Int64 // nanoseconds inside claims
}

func (c *counted) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	began := time.Now()
	err := c.Engine.Claim(ctx, p, claims, ops, v)
	c.busy.Add(int64(time.Since(began)))
	switch {
	case err == nil:
		c.won.Add(1)
	case driver.AsRefused(err) != nil:
		c.lost.Add(1)
	}
	return err
}

// TestRace has two stores, with four writers each, write to one conversation. Writers of one store
// share claims; the two stores race for the next number, and must not lose more often than they win.
func TestRace(t *testing.T) {
	hosts, keyspace := cassandratest.Keyspace(t)
	const perStore, raceTime = 4, 8 * time.Second
	var stores [2]*store.Store
	var engines [2]*counted
	for i := range stores {
		e, err := cassandrastore.Open(t.Context(), cassandrastore.Config{
			Hosts: hosts, Keyspace: keyspace, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		engines[i] = &counted{Engine: e}
		if stores[i], err = store.Open(t.Context(), engines[i], store.Options{}); err != nil {
			t.Fatal(err)
		}
		defer stores[i].Close()
	}
	ref := parlance.Ref{Workspace: "race", Conversation: "hall"}
	if _, err := stores[0].Create(t.Context(), ref.Workspace, parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	for _, e := range engines {
		e.won.Store(0)
		e.lost.Store(0)
		e.busy.Store(0)
	}

	began := time.Now()
	var put [2]atomic.Int64     // messages stored
	var longest [2]atomic.Int64 // nanoseconds that one took
	var wg sync.WaitGroup
	for i, s := range stores {
		for w := range perStore {
			wg.Go(func() {
				for n := 0; time.Since(began) < raceTime; n++ {
					m := parlance.Message{Sender: "ann", Text: fmt.Sprintf("%d-%d-%d", i, w, n)}
					asked := time.Now()
					if _, err := s.Put(t.Context(), ref, store.Send, m); err != nil {
						t.Errorf("store %d, writer %d, message %d: %v", i, w, n, err)
						return
					}
					put[i].Add(1)
					for took := int64(time.Since(asked)); ; {
						if most := longest[i].Load(); took <= most || longest[i].CompareAndSwap(most, took) {
							break
						}
					}
				}
			})
		}
	}
	wg.Wait()
	took := time.Since(began)
	var won, lost, total int64
	for i, e := range engines {
		t.Logf("store %d: %d messages, the longest took %s; %d claims won, %d lost, %s each", i, put[i].Load(),
			time.Duration(longest[i].Load()).Round(time.Millisecond), e.won.Load(), e.lost.Load(),
			(time.Duration(e.busy.Load()) / time.Duration(max(1, e.won.Load()+e.lost.Load()))).Round(time.Millisecond))
		won, lost, total = won+e.won.Load(), lost+e.lost.Load(), total+put[i].Load()
	}
	t.Logf("%d messages in %s, %.0f a second; %d claims won, %d lost, %.2f lost a win",
		total, took.Round(time.Millisecond), float64(total)/took.Seconds(), won, lost, float64(lost)/float64(won))
	if lost >= won {
		t.Errorf("%d claims lost of %d won: want fewer lost than won", lost, won)
	}
	if p, count, err := stores[0].PageCount(t.Context(), ref, store.Query{Limit: 1}); err != nil || int64(count) != total || !p.More {
		t.Errorf("the conversation counts %d messages, want %d: %v", count, total, err)
	}
}
