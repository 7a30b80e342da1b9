package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"parlance"
	"parlance/store"
	"parlance/store/driver"
)

// format is the partition of the row that says how the store is written.
var format = driver.Partition{Table: driver.Claimed, Key: "F"}

// TestNewerFormat finds that a store of a newer format is refused and stays as it was.
func TestNewerFormat(t *testing.T) {
	e := kept{memory(t)}
	openOn(t, e, &clock{now: start})
	old := value(t, e, format)
	newer := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 99)
	newer = protowire.AppendString(protowire.AppendTag(newer, 77, protowire.BytesType), "unheard of")
	damaged := []byte{0xff, 0xff}
	for _, c := range []struct {
		row  []byte
		kind parlance.ErrorKind
	}{{newer, parlance.Invalid}, {damaged, parlance.Corrupt}} {
		if err := e.Claim(t.Context(), format, []driver.Claim{{Old: old, Value: c.row}}, nil, 1); err != nil {
			t.Fatal(err)
		}
		old = c.row
		if _, err := store.Open(t.Context(), e, store.Options{}); !errors.Is(err, c.kind) {
			t.Errorf("Open = %v, want an error of kind %q", err, c.kind)
		}
		if got := value(t, e, format); !bytes.Equal(got, c.row) {
			t.Errorf("the format row has become %q", got)
		}
	}
}

// value returns the row with the empty key.
func value(t *testing.T, e driver.Engine, p driver.Partition) []byte {
	t.Helper()
	v, err := e.Get(t.Context(), p, [][]byte{nil})
	if err != nil {
		t.Fatal(err)
	}
	return v[0]
}

// A damaging engine returns one row damaged, or not at all, wherever it is read.
type damaging struct {
	driver.Engine
	where driver.Partition
	key   string
	to    []byte // nil: the row is lost

	seen map[driver.Partition]map[string][]byte // what was read, if it isn't nil
	hits int
}

func (damaging) Bounds() driver.Bounds { return tiny }
func (*damaging) Close() error         { return nil }

func (d *damaging) see(p driver.Partition, key, value []byte) {
	if d.seen != nil && value != nil {
		if d.seen[p] == nil {
			d.seen[p] = map[string][]byte{}
		}
		d.seen[p][string(key)] = bytes.Clone(value)
	}
}

func (d *damaging) Get(ctx context.Context, p driver.Partition, keys [][]byte) ([][]byte, error) {
	values, err := d.Engine.Get(ctx, p, keys)
	for i := range values {
		d.see(p, keys[i], values[i])
		if p == d.where && string(keys[i]) == d.key {
			d.hits++
			values[i] = bytes.Clone(d.to)
		}
	}
	return values, err
}

func (d *damaging) Scan(ctx context.Context, p driver.Partition, r driver.Range) iter.Seq2[driver.Row, error] {
	return func(yield func(driver.Row, error) bool) {
		for row, err := range d.Engine.Scan(ctx, p, r) {
			d.see(p, row.Key, row.Value)
			if p == d.where && string(row.Key) == d.key {
				d.hits++
				if d.to == nil {
					continue
				}
				row.Value = d.to
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// TestDamage loses and damages each row that is ever read, one at a time, and calls every
// method that reads messages: none panics, and what fails says that the store is corrupt.
// Verify finds every row that is lost of those that it reads.
func TestDamage(t *testing.T) {
	e := memory(t)
	defer e.Close()
	s := openOn(t, bounded{kept{e}, tiny}, &clock{now: start})
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "shop", Kind: parlance.Shop, OrderID: "o"}); err != nil {
		t.Fatal(err)
	}
	ref := parlance.Ref{Workspace: "w", Conversation: "shop"}
	if err := s.AddMembers(t.Context(), ref, parlance.Member{Account: "alice"}); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		m := parlance.Message{ID: parlance.MessageID(fmt.Sprint(i)), Sender: "alice", Sent: start - parlance.Time(i*7%30), Role: parlance.Agent}
		if i%5 == 0 {
			m.Type = parlance.TypeNote
		}
		put(t, s, ref, store.Import, m)
	}
	for i := range 6 {
		_, err := s.Change(t.Context(), ref, parlance.MessageID(fmt.Sprint(i)), func(m *parlance.Message) error {
			m.State = parlance.State(1 + i%2)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole := &damaging{Engine: e, seen: map[driver.Partition]map[string][]byte{}}
	for what, err := range readAll(t, whole, ref) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for p, rows := range whole.seen {
		if p == format {
			continue
		}
		for key, value := range rows {
			for try := range 5 {
				d := &damaging{Engine: e, where: p, key: key}
				switch try {
				case 0:
				case 1:
					d.to = value[:len(value)-1]
				case 2:
					d.to = append(bytes.Clone(value), 0xff)
				default:
					d.to = bytes.Clone(value)
					d.to[r.IntN(len(value))] ^= byte(1 + r.IntN(255))
				}
				if try > 0 && len(d.to) == 0 {
					continue
				}
				for what, err := range readAll(t, d, ref) {
					if err != nil && !errors.Is(err, parlance.Corrupt) && !errors.Is(err, parlance.NotFound) {
						t.Errorf("%s with %q damaged in %q, from %q to %q: %v", what, key, p.Key, value, d.to, err)
					}
				}
				// Who is a member stands nowhere else.
				if try == 0 && p.Key[0] != 'P' && !finds(t, d) {
					t.Errorf("row %q of %q is lost and nobody notices", key, p.Key)
				}
			}
		}
	}
}

// finds reports whether a store notices the damage when it verifies itself.
func finds(t *testing.T, d *damaging) bool {
	t.Helper()
	n := 0
	d.hits = 0
	_, err := openOn(t, d, &clock{now: start}).Verify(t.Context(), "w", func(store.Finding) { n++ }, nil)
	if err != nil && !errors.Is(err, parlance.Corrupt) {
		t.Errorf("Verify: %v", err)
	}
	return n > 0 || err != nil || d.hits == 0
}

// readAll calls everything that reads messages, on a store that knows nothing yet.
func readAll(t *testing.T, e driver.Engine, ref parlance.Ref) map[string]error {
	t.Helper()
	ctx := t.Context()
	s := openOn(t, e, &clock{now: start})
	errs := map[string]error{}
	note := func(what string, err error) {
		if errs[what] == nil {
			errs[what] = err
		}
	}
	_, err := s.State(ctx, ref)
	note("State", err)
	for tl := range parlance.Timeline(3) {
		for _, ascending := range []bool{false, true} {
			_, _, err := s.PageCount(ctx, ref, store.Query{Timeline: tl, Limit: 100, Ascending: ascending})
			note("PageCount", err)
			_, err = s.Page(ctx, ref, store.Query{Timeline: tl, Limit: 100, Ascending: ascending, Private: true, From: parlance.At(start - 8)})
			note("Page", err)
		}
		for back := range parlance.Time(32) {
			_, err = s.Count(ctx, ref, tl, parlance.At(start-back), nil, true)
			note("Count", err)
		}
	}
	_, err = s.DeletedPage(ctx, ref, store.Query{Limit: 100, Private: true})
	note("DeletedPage", err)
	for i := range 30 {
		id := parlance.MessageID(fmt.Sprint(i))
		_, err = s.Versions(ctx, ref, id)
		note("Versions", err)
		_, err = s.ConversationOfMessage(ctx, ref.Workspace, id)
		note("ConversationOfMessage", err)
		_, err = s.Message(ctx, ref, id)
		if i < 6 && errors.Is(err, parlance.NotFound) {
			err = nil
		}
		note("Message", err)
	}
	for _, err := range s.Log(ctx, ref, 1) {
		note("Log", err)
	}
	_, err = s.Across(ctx, ref.Workspace, store.Query{Limit: 100, Private: true})
	note("Across", err)
	_, err = s.Merged(ctx, ref.Workspace, []parlance.ConversationID{ref.Conversation}, store.Query{Limit: 100, Private: true})
	note("Merged", err)
	for _, err := range s.Recent(ctx, ref.Workspace, store.List{Account: "alice"}) {
		note("Recent", err)
	}
	_, err = s.CountConversations(ctx, ref.Workspace, store.List{Account: "alice"})
	note("CountConversations", err)
	for _, err := range s.Conversations(ctx, ref.Workspace) {
		note("Conversations", err)
	}
	return errs
}

// TestLostHead finds that a write to a conversation whose head is lost, or older than its
// log, is refused as corrupt and changes nothing.
func TestLostHead(t *testing.T) {
	e := memory(t)
	defer e.Close()
	s := openOn(t, bounded{kept{e}, tiny}, &clock{now: start})
	if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: "room", Kind: parlance.Room}); err != nil {
		t.Fatal(err)
	}
	ref := parlance.Ref{Workspace: "w", Conversation: "room"}
	head := driver.Partition{Table: driver.Derived, Key: "hw\x00room"}
	put(t, s, ref, store.Import, parlance.Message{ID: "1", Sender: "a", Sent: start})
	older := value(t, e, head)
	put(t, s, ref, store.Import, parlance.Message{ID: "2", Sender: "a", Sent: start})
	for _, to := range [][]byte{nil, older} {
		s := openOn(t, &damaging{Engine: e, where: head, to: to}, &clock{now: start})
		_, err := s.Put(t.Context(), ref, store.Import, parlance.Message{ID: "3", Sender: "a", Sent: start})
		if !errors.Is(err, parlance.Corrupt) {
			t.Errorf("Put after the head was lost = %v", err)
		}
	}
	if st, err := s.State(t.Context(), ref); err != nil || st.Number != 2 {
		t.Errorf("State = %+v, %v", st, err)
	}
	newChecker(t, s).whole()
}
