package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"parlance"
	"parlance/store"
)

// An ingest is what the scenarios of durable writing share.
type ingest struct {
	*world
	config *config
	rooms  []*room
	bare   *pebble.DB
	sent   atomic.Uint64
	rows   atomic.Uint64
	row    []byte // as large as an entry of ours

	wrote func(parlance.WorkspaceID) // hears of what is sent; nil: nobody does
}

// measureIngest measures messages sent one by one, each durable before the next of the
// same sender, against a bare loop that commits batches of one row.
func measureIngest(ctx context.Context, c *config, dir string, ts texts) (rows []row, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	c.log.Info("measuring", "group", "ingest")
	w, err := newWorld(ctx, filepath.Join(dir, "ours"), ts, c.log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	db, err := pebble.Open(filepath.Join(dir, "bare"), &pebble.Options{MemTableSize: 32 << 20, Logger: quiet{}})
	if err != nil {
		return nil, fmt.Errorf("open a bare Pebble: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// An entry holds the text and some 60 bytes more: id, sender, times, counts.
	m := &ingest{world: w, config: c, bare: db, row: make([]byte, int(ts.average())+60)}
	for i := range m.row {
		m.row[i] = byte(scatter(uint64(i)))
	}
	for i := range maxWorkers {
		m.rooms = append(m.rooms, newRoom(workspaceID, i, manySize, parlance.TimeOf(time.Now())))
	}
	if err := w.fill(ctx, m.rooms); err != nil {
		return nil, fmt.Errorf("fill a store: %w", err)
	}
	return m.measure(ctx)
}

func (m *ingest) measure(ctx context.Context) (rows []row, err error) {
	v, err := m.serve(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.stop()) }()
	calls, err := m.dialects(ctx)
	if err != nil {
		return nil, err
	}
	cl := newClient()
	defer cl.http.CloseIdleConnections()
	post := m.post(cl, v.hosts[pageSizes[0]], calls[0].(imkitCalls).header)
	bare := contender{"bare Pebble batches", m.commit}
	for _, c := range concurrencies {
		cs := []contender{{"one conversation", m.send(1)}, bare, {"IMKit's POST, one conversation", post}}
		if c > 1 {
			cs = append(cs, contender{fmt.Sprintf("%d conversations", c), m.send(c)})
		}
		rs, err := match(ctx, turn{c, 2 * m.config.block, m.config.rounds}, cs...)
		if err != nil {
			return rows, err
		}
		for i, r := range rs {
			if i != 1 {
				rows = append(rows, r.against(rs[1], "Durable ingest", fmt.Sprintf("%s, %d at once", r.name, c), "messages/s"))
			}
		}
	}
	return rows, nil
}

// send returns work that stores one message, over n conversations.
func (m *ingest) send(n int) func(context.Context, int) (int, error) {
	return func(ctx context.Context, worker int) (int, error) {
		r := m.rooms[worker%n]
		_, err := m.store.Put(ctx, r.ref, store.Send, parlance.Message{
			Sender: r.buyer, Role: parlance.Customer, Type: parlance.TypeText,
			Text: m.texts[m.sent.Add(1)%uint64(len(m.texts))],
		})
		if m.wrote != nil {
			m.wrote(workspaceID)
		}
		return 1, err
	}
}

// commit stores one row in the bare Pebble.
func (m *ingest) commit(context.Context, int) (int, error) {
	b := m.bare.NewBatch()
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 32), m.rows.Add(1))
	if err := b.Set(key, m.row, nil); err != nil {
		return 0, err
	}
	return 1, errors.Join(b.Commit(pebble.Sync), b.Close())
}

// post returns work that sends one message through IMKit's API.
func (m *ingest) post(cl *client, host string, header http.Header) func(context.Context, int) (int, error) {
	header = header.Clone()
	header.Set("Content-Type", "application/json")
	return func(ctx context.Context, _ int) (int, error) {
		body, err := json.Marshal(map[string]string{
			"messageType": "text", "message": m.texts[m.sent.Add(1)%uint64(len(m.texts))],
		})
		if err != nil {
			return 0, err
		}
		path := "/rooms/" + string(m.rooms[0].ref.Conversation) + "/message"
		return 1, cl.do(ctx, host, call{http.MethodPost, path, "", header, body}, nil)
	}
}

// quiet is a Pebble logger that says nothing of its background work.
type quiet struct{}

func (quiet) Infof(string, ...any) {}

func (quiet) Errorf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "pebble: "+format+"\n", args...)
}

func (quiet) Fatalf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "pebble: "+format+"\n", args...)
	os.Exit(1)
}
