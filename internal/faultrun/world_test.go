package faultrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parlance/internal/cassandratest"
)

// customer is who the shop chats with, under the same id in each dialect.
const customer = "700100"

// hall is a room that only IMKit's clients write to.
const hall = "hall"

// A world is a cluster, the servers on it, and those who write and read through them.
type world struct {
	t                           *testing.T
	seed                        uint64
	cluster                     *cassandratest.Cluster
	keyspace                    string
	program                     string
	processes                   []*process
	imkit, shopline, imetastore dialect
	merchant                    string
	chat                        string // the shop's conversation with the customer
	ledger                      *ledger

	stopping atomic.Bool
	busy     sync.WaitGroup // writers and readers

	writes, unknown, refused, walks, aborted atomic.Int64
	lost, doubled                            atomic.Int64

	mu   sync.Mutex
	acks []time.Time
}

// newWorld starts everything but the writers and readers.
func newWorld(t *testing.T, seed uint64, cluster *cassandratest.Cluster) *world {
	t.Helper()
	w := &world{t: t, seed: seed, cluster: cluster, keyspace: "faults", program: build(t), ledger: newLedger()}
	engine := w.engine()
	var made struct {
		IMKit struct {
			APIKey string `json:"api_key"`
		}
		Shopline   struct{ Token string }
		IMetaStore struct{ Email, Password string }
	}
	if err := run(t.Context(), w.program, &made, append([]string{"workspace", "create", "acme"}, engine...)...); err != nil {
		t.Fatal(err)
	}
	var known struct{ Workspaces []struct{ Merchant string } }
	if err := run(t.Context(), w.program, &known, append([]string{"workspace", "list"}, engine...)...); err != nil {
		t.Fatal(err)
	}
	w.merchant = known.Workspaces[0].Merchant
	w.imkit, w.shopline, w.imetastore = imkitDialect(made.IMKit.APIKey), shoplineDialect(made.Shopline.Token), imetastoreDialect()
	dir := t.TempDir()
	for i := range 2 {
		p := &process{
			program: w.program, log: filepath.Join(dir, fmt.Sprint(i, ".log")),
			args: append([]string{"serve", "--listen", "127.0.0.1:0", "--shopline-rate", "0", "--json"}, engine...),
		}
		if err := p.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("server %d said last:\n%s", i, p.lastWords())
			}
			p.cmd.Process.Kill()
		})
		w.processes = append(w.processes, p)
	}
	w.begin(made.IMetaStore.Email, made.IMetaStore.Password)
	return w
}

// engine returns the flags that name the store.
func (w *world) engine() []string {
	return []string{"--engine", "cassandra", "--hosts", strings.Join(w.cluster.Hosts(), ","), "--keyspace", w.keyspace}
}

// begin makes the room and the chat.
func (w *world) begin(email, password string) {
	ctx, p := w.t.Context(), w.processes[0]
	if err := w.login(ctx, p, email, password); err != nil {
		w.t.Fatalf("log in: %v", err)
	}
	if err := w.imkit.ask(ctx, p, "/rooms", map[string]any{"_id": hall, "roomType": "group", "members": []string{"ann"}}, nil); err != nil {
		w.t.Fatalf("make a room: %v", err)
	}
	w.ledger.tries("first", "", 1)
	id, err := w.sendShopline(ctx, p, text("first", 1), false)
	if err != nil {
		w.t.Fatalf("make a chat: %v", err)
	}
	var chats struct{ Items []struct{ ID string } }
	if err := w.shopline.ask(ctx, p, "/v1/conversations?platform=shop_messages", nil, &chats); err != nil {
		w.t.Fatalf("find the chat: %v", err)
	}
	for _, c := range chats.Items {
		if c.ID != hall { // SHOPLINE's clients see rooms too
			w.chat = c.ID
		}
	}
	w.ledger.records["first"].room = w.chat
	w.ledger.acknowledged("first", id, 1)
}

// random returns numbers that only the seed and the name decide.
func (w *world) random(name uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, name)) }

// any returns a process.
func (w *world) any(r *rand.Rand) *process { return w.processes[r.IntN(len(w.processes))] }

// ended notes how a write ended, and reports whether it was acknowledged.
func (w *world) ended(err error) bool {
	w.writes.Add(1)
	switch {
	case err == nil:
		w.mu.Lock()
		w.acks = append(w.acks, time.Now())
		w.mu.Unlock()
		return true
	case errors.Is(err, errRefused):
		w.refused.Add(1)
	case errors.Is(err, errNoAnswer), errors.Is(err, errUnavailable):
		w.unknown.Add(1)
	default:
		w.t.Errorf("write: %v", err)
	}
	return false
}

// acknowledged returns how many writes were.
func (w *world) acknowledged() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acks)
}

// silence returns the longest time without an acknowledgement that touches the given time.
func (w *world) silence(from, to time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, _ := slices.BinarySearchFunc(w.acks, from, time.Time.Compare)
	last, longest := from, time.Duration(0)
	if i > 0 {
		last = w.acks[i-1]
	}
	for _, at := range w.acks[i:] {
		longest = max(longest, at.Sub(last))
		if last = at; at.After(to) {
			return longest
		}
	}
	return max(longest, to.Sub(last))
}

// What a writer waits between two writes, and a reader between two walks.
const (
	writerPause  = 20 * time.Millisecond
	readerPause  = 300 * time.Millisecond
	refusedPause = 200 * time.Millisecond
)

// write runs a writer until the end: next writes one message or version, and tells how that ended.
func (w *world) write(next func() error) {
	w.busy.Go(func() {
		for !w.stopping.Load() {
			err := next()
			w.ended(err)
			if err != nil {
				time.Sleep(refusedPause)
			}
			time.Sleep(writerPause)
		}
	})
}

// writeIMKit sends to both conversations and edits what it has sent.
func (w *world) writeIMKit(ctx context.Context, name uint64) {
	type sent struct {
		token, room, id string
		version         int
	}
	r := w.random(name)
	var mine []sent
	n := 0
	w.write(func() error {
		p := w.any(r)
		if len(mine) > 0 && r.IntN(3) == 0 {
			i := r.IntN(len(mine))
			m := &mine[i]
			m.version++
			w.ledger.tries(m.token, m.room, m.version)
			_, err := w.sendIMKit(ctx, p, m.room, m.id, text(m.token, m.version))
			if err != nil {
				// The edit may still happen, so no later one could be told from it.
				mine = slices.Delete(mine, i, i+1)
				return err
			}
			w.ledger.acknowledged(m.token, "", m.version)
			return nil
		}
		n++
		m := sent{token: fmt.Sprintf("imkit-%d-%d", name, n), room: hall, version: 1}
		if r.IntN(4) == 0 {
			m.room = w.chat
		}
		w.ledger.tries(m.token, m.room, 1)
		var err error
		if m.id, err = w.sendIMKit(ctx, p, m.room, "", text(m.token, 1)); err != nil {
			return err
		}
		w.ledger.acknowledged(m.token, m.id, 1)
		mine = append(mine, m)
		return nil
	})
}

func (w *world) writeShopline(ctx context.Context, name uint64) {
	r := w.random(name)
	n := 0
	w.write(func() error {
		n++
		token := fmt.Sprintf("shopline-%d-%d", name, n)
		w.ledger.tries(token, w.chat, 1)
		id, err := w.sendShopline(ctx, w.any(r), text(token, 1), r.IntN(2) == 0)
		if err == nil {
			w.ledger.acknowledged(token, id, 1)
		}
		return err
	})
}

func (w *world) writeIMetaStore(ctx context.Context, name uint64) {
	r := w.random(name)
	n := 0
	w.write(func() error {
		n++
		token := fmt.Sprintf("imetastore-%d-%d", name, n)
		w.ledger.tries(token, w.chat, 1)
		err := w.sendIMetaStore(ctx, w.any(r), text(token, 1), r.Uint32())
		if err == nil {
			w.ledger.acknowledged(token, "", 1)
		}
		return err
	})
}

// A reading is one way to read one conversation whole.
type reading struct {
	name, room string
	walk       func(context.Context, *process) (walk, error)
}

func (w *world) readings() []reading {
	return []reading{
		{"IMKit", hall, func(ctx context.Context, p *process) (walk, error) { return w.walkIMKit(ctx, p, hall) }},
		{"IMKit", w.chat, func(ctx context.Context, p *process) (walk, error) { return w.walkIMKit(ctx, p, w.chat) }},
		{"SHOPLINE", w.chat, w.walkShopline},
		{"iMetaStore", w.chat, func(ctx context.Context, p *process) (walk, error) {
			return w.walkIMetaStore(ctx, p, json.Number(customer))
		}},
		{"iMetaStore, all buyers", w.chat, func(ctx context.Context, p *process) (walk, error) { return w.walkIMetaStore(ctx, p, nil) }},
	}
}

// read runs a reader until the end.
func (w *world) read(ctx context.Context, name uint64) {
	r := w.random(name)
	all := w.readings()
	w.busy.Go(func() {
		for !w.stopping.Load() {
			w.readOnce(ctx, w.any(r), all[r.IntN(len(all))])
			time.Sleep(readerPause)
		}
	})
}

// readOnce holds one walk against the ledger. The error is the walk's.
func (w *world) readOnce(ctx context.Context, p *process, way reading) (walk, error) {
	promise := w.ledger.promised(way.room)
	began := time.Now()
	found, err := way.walk(ctx, p)
	if err != nil {
		w.aborted.Add(1)
		if errors.Is(err, errWrong) {
			w.t.Errorf("%s: read: %v", way.name, err)
		}
		return found, err
	}
	w.walks.Add(1)
	m := w.ledger.check(promise, found)
	w.lost.Add(int64(len(m.lost)))
	w.doubled.Add(int64(len(m.doubled)))
	if all := m.all(); len(all) > 0 {
		w.t.Errorf("%s, a walk of %s that began at %s: %d mistakes, such as\n%s", way.name, time.Since(began).Round(time.Millisecond),
			began.Format(time.TimeOnly), len(all), strings.Join(all[:min(len(all), 5)], "\n"))
	}
	return found, nil
}
