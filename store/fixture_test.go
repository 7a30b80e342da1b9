package store_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// A fixture is a store as some version of this program wrote it, row by row, for both layouts: that
// of an engine of our own and that of one that others share. To write those of the version at hand:
//
//	PARLANCE_WRITE_FIXTURES=testdata go test ./store -run TestWriteFixtures
var fixtures = map[string]driver.Bounds{
	"own":    {OneStep: true, Exclusive: true},
	"shared": {Rows: 100_000, BatchBytes: 40 << 10},
}

// fixtureLists are the lists that a fixture has, by workspace.
var fixtureLists = map[parlance.WorkspaceID][]store.List{
	"w": {
		{Kind: parlance.Room},
		{Kind: parlance.Direct},
		{Kind: parlance.Shop},
		{Kind: parlance.Order},
		{Account: "alice"},
		{Account: "bob"},
		{Account: "nobody"},
	},
	"v": {{Kind: parlance.Room}, {Account: "alice"}},
}

// TestWriteFixtures writes the fixtures of the format at hand, if it is asked to.
func TestWriteFixtures(t *testing.T) {
	dir := os.Getenv("PARLANCE_WRITE_FIXTURES")
	if dir == "" {
		t.Skip("PARLANCE_WRITE_FIXTURES is not set")
	}
	for name, bounds := range fixtures {
		e := &keeping{Engine: bounded{memory(t), bounds}, rows: map[driver.Partition]map[string]string{}}
		var b bytes.Buffer
		s := fillFixture(t, e)
		for _, ws := range slices.Sorted(maps.Keys(fixtureLists)) {
			for _, l := range fixtureLists[ws] {
				fmt.Fprintf(&b, "list %q %q %q %q\n", ws, l.Kind, l.Account, recentIDs(t, s, ws, l))
			}
		}
		for _, p := range slices.SortedFunc(maps.Keys(e.rows), func(a, b driver.Partition) int {
			return strings.Compare(string(rune(a.Table))+a.Key, string(rune(b.Table))+b.Key)
		}) {
			for _, key := range slices.Sorted(maps.Keys(e.rows[p])) {
				fmt.Fprintf(&b, "row %d %q %q %q\n", p.Table, p.Key, key, e.rows[p][key])
			}
		}
		name := filepath.Join(dir, fmt.Sprintf("format%d-%s.txt", store.FormatVersion, name))
		if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// recentIDs returns a list's conversations in order.
func recentIDs(t failer, s *store.Store, ws parlance.WorkspaceID, l store.List) []parlance.ConversationID {
	t.Helper()
	ids := []parlance.ConversationID{}
	for sum, err := range s.Recent(context.Background(), ws, l) {
		if err != nil {
			t.Fatalf("Recent(%+v): %v", l, err)
		}
		ids = append(ids, sum.Conversation.ID)
	}
	return ids
}

// fillFixture makes a store with something of everything that lists can come from.
func fillFixture(t *testing.T, e driver.Engine) *store.Store {
	t.Helper()
	clock := &clock{now: start}
	s := openOn(t, e, clock)
	create := func(ws parlance.WorkspaceID, c parlance.Conversation, members ...parlance.AccountID) parlance.Ref {
		t.Helper()
		if _, err := s.Create(t.Context(), ws, c); err != nil {
			t.Fatal(err)
		}
		ref := parlance.Ref{Workspace: ws, Conversation: c.ID}
		for _, m := range members {
			if err := s.AddMembers(t.Context(), ref, parlance.Member{Account: m}); err != nil {
				t.Fatal(err)
			}
		}
		return ref
	}
	create("w", parlance.Conversation{ID: "empty", Kind: parlance.Room, Created: start - 3*day}, "alice")
	create("w", parlance.Conversation{ID: "direct", Kind: parlance.Direct, Created: start - 800*day}, "alice", "bob")
	imported := create("w", parlance.Conversation{ID: "imported", Kind: parlance.Room}, "alice", "bob")
	for i := range 30 {
		put(t, s, imported, store.Import, parlance.Message{
			ID: parlance.MessageID(fmt.Sprint("i", i)), Sender: "alice", Sent: start - parlance.Time(900-i)*day, Text: "text",
		})
	}
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	shop := create("w", parlance.Conversation{ID: "shop", Kind: parlance.Shop, Created: start - 40*day, Customer: "bob"}, "bob")
	create("w", parlance.Conversation{ID: "order", Kind: parlance.Order, Created: start - 41*day, Customer: "bob", OrderID: "o"}, "bob")
	busy := create("w", parlance.Conversation{ID: "busy", Kind: parlance.Room}, "alice", "bob")
	for range 70 { // it moves through days and months
		clock.now += 11 * 60 * 60 * 1000
		put(t, s, busy, store.Send, parlance.Message{Sender: "alice", Role: parlance.Agent, Text: "busy"})
	}
	if err := s.RemoveMember(t.Context(), busy, "bob"); err != nil {
		t.Fatal(err)
	}
	put(t, s, shop, store.Send, parlance.Message{ID: "edited", Sender: "bob", Text: "one"}, parlance.Message{Sender: "bob", Text: "two"})
	if _, err := s.Change(t.Context(), shop, "edited", func(m *parlance.Message) error { m.State = parlance.Deleted; return nil }); err != nil {
		t.Fatal(err)
	}
	create("v", parlance.Conversation{ID: "other", Kind: parlance.Room}, "alice")
	// An import that stopped before the lists were brought up to date.
	put(t, s, imported, store.Import, parlance.Message{ID: "late", Sender: "bob", Sent: start - 870*day, Text: "late"})
	return s
}

// A keeping engine knows all rows that it was given, if no two writers write the same.
type keeping struct {
	driver.Engine
	mu   sync.Mutex
	rows map[driver.Partition]map[string]string
}

func (k *keeping) set(p driver.Partition, key, value []byte, gone bool) {
	if k.rows[p] == nil {
		k.rows[p] = map[string]string{}
	}
	if gone {
		delete(k.rows[p], string(key))
		return
	}
	k.rows[p][string(key)] = string(value)
}

func (k *keeping) Claim(ctx context.Context, p driver.Partition, claims []driver.Claim, ops []driver.Op, v driver.Version) error {
	if err := k.Engine.Claim(ctx, p, claims, ops, v); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range claims {
		k.set(p, c.Key, c.Value, c.Value == nil)
	}
	k.apply(ops)
	return nil
}

func (k *keeping) Write(ctx context.Context, ops []driver.Op, v driver.Version) error {
	if err := k.Engine.Write(ctx, ops, v); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.apply(ops)
	return nil
}

func (k *keeping) apply(ops []driver.Op) {
	for _, op := range ops {
		k.set(op.Partition, op.Key, op.Value, op.Delete)
	}
}

// A list as it was when a fixture was written.
type fixtureList struct {
	ws  parlance.WorkspaceID
	of  store.List
	ids string
}

// loadFixture puts a fixture's rows into e and returns its lists.
func loadFixture(t failer, name string, e driver.Engine) (lists []fixtureList) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatalf("open a fixture: %v", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "list "); ok {
			var l fixtureList
			if _, err := fmt.Sscanf(rest, "%q %q %q", &l.ws, &l.of.Kind, &l.of.Account); err != nil {
				t.Fatalf("fixture line %q: %v", line, err)
			}
			l.ids = rest[strings.Index(rest, "["):]
			lists = append(lists, l)
			continue
		}
		var p driver.Partition
		var key, value string
		if _, err := fmt.Sscanf(line, "row %d %q %q %q", &p.Table, &p.Key, &key, &value); err != nil {
			t.Fatalf("fixture line %q: %v", line, err)
		}
		if p.Table == driver.Claimed {
			err = e.Claim(context.Background(), p, []driver.Claim{{Key: []byte(key), Value: []byte(value)}}, nil, 1)
		} else {
			err = e.Write(context.Background(), []driver.Op{{Partition: p, Key: []byte(key), Value: []byte(value)}}, 1)
		}
		if err != nil {
			t.Fatalf("load a fixture: %v", err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("read a fixture: %v", err)
	}
	return lists
}
