package faultrun

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"parlance/internal/cassandratest"
)

var (
	durationFlag = flag.Duration("duration", 0, "how long faults go on; 0 means 90 s, where real nodes are wanted")
	seedFlag     = flag.Uint64("seed", 0, "what decides about the faults and their order; 0 means any")
)

// pauseTime is longer than any time-out between the processes and the nodes, or among the nodes.
const pauseTime = 22 * time.Second

// serviceTime is how long it may take after a fault until writes are acknowledged again, on a machine that
// all nodes share with other tests. What it took is reported.
const serviceTime = 3 * time.Minute

// A fault is one thing that goes wrong and is put right again.
type fault struct {
	name string
	do   func(context.Context, *rand.Rand) error
}

func (w *world) faults() []fault {
	c := w.cluster
	return []fault{
		{"node killed", func(ctx context.Context, r *rand.Rand) error {
			i := w.node(r)
			err := c.Kill(i)
			if err == nil {
				time.Sleep(upTo(r, 5*time.Second))
				err = c.Restart(ctx, i)
			}
			return err
		}},
		{"node paused", func(ctx context.Context, r *rand.Rand) error {
			i := w.node(r)
			err := c.Pause(i)
			if err == nil {
				time.Sleep(pauseTime)
				err = errors.Join(c.Resume(i), c.Ready(ctx))
			}
			return err
		}},
		{"node wiped", func(ctx context.Context, r *rand.Rand) error {
			// What a node missed while it was away only one of the others may have.
			if err := w.repair(ctx); err != nil {
				return err
			}
			i := w.node(r)
			err := c.Kill(i)
			if err == nil {
				err = c.Wipe(i)
			}
			if err == nil {
				err = c.Restart(ctx, i)
			}
			return err
		}},
		{"process killed", func(ctx context.Context, r *rand.Rand) error { return w.killProcess(ctx, r) }},
		{"process killed while a node is away", func(ctx context.Context, r *rand.Rand) error {
			i := w.node(r)
			if err := c.Kill(i); err != nil {
				return err
			}
			time.Sleep(upTo(r, 3*time.Second))
			return errors.Join(w.killProcess(ctx, r), c.Restart(ctx, i))
		}},
	}
}

// node returns any node.
func (w *world) node(r *rand.Rand) int { return r.IntN(len(w.cluster.Hosts())) }

func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

// killProcess kills a server and starts it again.
func (w *world) killProcess(ctx context.Context, r *rand.Rand) error {
	p := w.any(r)
	if err := p.kill(); err != nil {
		return err
	}
	time.Sleep(upTo(r, 2*time.Second))
	return p.start(ctx)
}

// repair makes the nodes equal, as an operator does before a node is replaced: it reads every
// row from all of them, and what one lacks it is given.
func (w *world) repair(ctx context.Context) error {
	g := gocql.NewCluster(w.cluster.Hosts()...)
	g.Timeout, g.Logger = time.Minute, silent{}
	s, err := g.CreateSession()
	if err != nil {
		return fmt.Errorf("repair the nodes: %w", err)
	}
	defer s.Close()
	var table string
	tables := s.Query("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", w.keyspace).IterContext(ctx)
	for tables.Scan(&table) {
		rows := s.Query("SELECT * FROM " + w.keyspace + "." + table).Consistency(gocql.All).PageSize(200).IterContext(ctx)
		for rows.MapScan(map[string]any{}) {
		}
		if err := rows.Close(); err != nil {
			return fmt.Errorf("repair table %s: %w", table, err)
		}
	}
	if err := tables.Close(); err != nil {
		return fmt.Errorf("repair the nodes: %w", err)
	}
	return nil
}

// silent keeps the driver from telling of nodes that went away.
type silent struct{}

func (silent) Error(string, ...gocql.LogField)   {}
func (silent) Warning(string, ...gocql.LogField) {}
func (silent) Info(string, ...gocql.LogField)    {}
func (silent) Debug(string, ...gocql.LogField)   {}

// A tally is what faults of one kind came to.
type tally struct {
	times   int
	silence time.Duration // the longest time without an acknowledgement around one
}

// TestFaults has two servers serve one cluster while nodes and servers are killed, paused and wiped,
// one at a time and in random order; and then takes two nodes of three away.
func TestFaults(t *testing.T) {
	cluster := startCluster(t)
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	duration := *durationFlag
	if duration == 0 {
		duration = 90 * time.Second
	}
	if end, ok := t.Deadline(); ok && time.Until(end) < duration+5*time.Minute {
		t.Fatalf("faults for %s take 5 minutes more: give a longer -timeout", duration)
	}
	defer func() {
		if t.Failed() {
			t.Logf("the seed was %d", seed)
		}
	}()

	w := newWorld(t, seed, cluster)
	ctx := t.Context()
	defer func() { // also if the test ends early: nobody may write to a test that is over
		w.stopping.Store(true)
		w.busy.Wait()
	}()
	for name := range uint64(3) {
		w.writeIMKit(ctx, name)
	}
	w.writeShopline(ctx, 10)
	w.writeIMetaStore(ctx, 20)
	for name := range uint64(2) {
		w.read(ctx, 30+name)
	}
	w.serves(30)

	began := time.Now()
	tallies := map[string]*tally{}
	r := w.random(99)
	var deck []fault
	for time.Since(began) < duration {
		if len(deck) == 0 {
			deck = w.faults()
			r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		w.suffer(ctx, r, deck[0], tallies)
		deck = deck[1:]
	}
	w.twoDown(ctx, r, tallies)

	w.stopping.Store(true)
	w.busy.Wait()
	w.finish(ctx)
	w.report(time.Since(began), tallies)
}

// startCluster starts nodes for this test alone, if real nodes are wanted and can be had.
func startCluster(t *testing.T) *cassandratest.Cluster {
	t.Helper()
	if *durationFlag == 0 {
		cassandratest.Hosts(t) // whether real nodes are wanted
	}
	if testing.Short() {
		t.Skip("no faults in a short run: they take minutes")
	}
	// Two nodes die together here, so each keeps what it acknowledged.
	cluster, err := cassandratest.Start(t.Context(), cassandratest.Options{Durable: true})
	if errors.Is(err, cassandratest.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skipf("no faults: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// suffer lets one fault happen and waits until service goes on.
func (w *world) suffer(ctx context.Context, r *rand.Rand, f fault, tallies map[string]*tally) {
	w.t.Helper()
	began := time.Now()
	if err := f.do(ctx, r); err != nil {
		w.t.Fatalf("%s: %v", f.name, err)
	}
	over := time.Now()
	w.serves(30)
	w.tell(f.name, began, over, tallies)
}

// tell counts a fault.
func (w *world) tell(name string, began, over time.Time, tallies map[string]*tally) {
	if tallies[name] == nil {
		tallies[name] = &tally{}
	}
	silence := w.silence(began, time.Now())
	tallies[name].times++
	tallies[name].silence = max(tallies[name].silence, silence)
	w.t.Logf("%s, for %s: nothing was acknowledged for %s; %d acknowledged so far, %d unknown, %d refused",
		name, over.Sub(began).Round(100*time.Millisecond), silence.Round(10*time.Millisecond), w.acknowledged(), w.unknown.Load(), w.refused.Load())
}

// serves waits until so many more writes are acknowledged.
func (w *world) serves(writes int) {
	w.t.Helper()
	want := w.acknowledged() + writes
	for end := time.Now().Add(serviceTime); w.acknowledged() < want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%d writes were acknowledged in %s, want %d", w.acknowledged()-want+writes, serviceTime, writes)
		}
	}
}

// finish holds what is there in the end against what was told, through each server and in each
// dialect, and has the program verify the store.
func (w *world) finish(ctx context.Context) {
	t := w.t
	t.Helper()
	messages := 0
	for _, way := range w.readings() {
		var before *walk
		for _, p := range w.processes {
			found, err := w.readOnce(ctx, p, way)
			if err != nil {
				t.Errorf("%s: read in the end: %v", way.name, err)
				continue
			}
			if before != nil && !slices.Equal(found.rows, before.rows) {
				t.Errorf("%s: two servers answer differently", way.name)
			}
			if before == nil && way.name == "IMKit" {
				messages += len(found.rows)
			}
			before = &found
		}
	}
	for _, p := range w.processes {
		if err := p.stop(); err != nil {
			t.Errorf("stop a server: %v", err)
		}
	}
	var v struct {
		Workspaces []struct {
			Messages int
			Details  []struct{ Conversation, Text string }
		}
		Findings int
	}
	if err := run(ctx, w.program, &v, append([]string{"verify", "--quiet"}, w.engine()...)...); err != nil {
		t.Errorf("verify: %v", err)
	}
	if len(v.Workspaces) != 1 || v.Workspaces[0].Messages != messages || v.Findings != 0 {
		t.Errorf("verify, with %d messages found: %+v", messages, v)
	}
}

// report says in one line what the run came to.
func (w *world) report(took time.Duration, tallies map[string]*tally) {
	var kinds []string
	for _, name := range slices.Sorted(maps.Keys(tallies)) {
		kinds = append(kinds, fmt.Sprintf("%s %d (%.1f s)", name, tallies[name].times, tallies[name].silence.Seconds()))
	}
	w.t.Logf("seed %d, %s: %d operations (%d writes, %d walks, %d walks cut short), %d acknowledged, %d unknown, %d refused, lost %d, doubled %d; "+
		"faults (longest time without an acknowledgement): %s",
		w.seed, took.Round(time.Second), w.writes.Load()+w.walks.Load()+w.aborted.Load(), w.writes.Load(), w.walks.Load(), w.aborted.Load(),
		w.acknowledged(), w.unknown.Load(), w.refused.Load(), w.lost.Load(), w.doubled.Load(), strings.Join(kinds, ", "))
}
