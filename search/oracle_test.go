package search_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/search"
	"parlance/search/internal/fold"
	"parlance/search/query"
	"parlance/store"
	"parlance/store/driver"
	"parlance/store/pebblestore"
)

// memory opens an engine in memory.
func memory(t testing.TB) *pebblestore.Engine {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// phrases are what messages of tests are made of.
var phrases = []string{
	"refund please", "REFUNDS", "the order A12345", "ＡＢＣ１２３", "酒店", "北京酒店在哪裡", "ホテルのチェックイン", "ﾎﾃﾙ", "환불 부탁드립니다", "ขอคืนเงิน", "!?", "👍🏽 ok",
	"Straße", "café", "http://example.com/a?b=1", "x", "order_99", "see you", "block image", "な", "かな", "Việt Nam", strings.Repeat("long", 17) + "needle9needle",
}

// A clock is one for all processes of a test.
type clock struct{ now parlance.Time }

// A world is a store with messages, its index, and a clock.
type world struct {
	testing.TB
	r      *rand.Rand
	clock  *clock
	engine driver.Engine
	store  *store.Store
	index  *search.Index
	refs   []parlance.Ref
	ids    map[parlance.Ref][]parlance.MessageID
}

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	e := memory(t)
	t.Cleanup(func() { e.Close() })
	return newWorldOn(t, seed, shared{Engine: e, exclusive: true})
}

// makeConversations makes conversations of all kinds.
func (w *world) makeConversations() {
	w.Helper()
	kinds := []parlance.Kind{parlance.Room, parlance.Direct, parlance.Shop, parlance.Order}
	for i := range 8 {
		ref := parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("c", i))}
		c := parlance.Conversation{ID: ref.Conversation, Kind: kinds[i%4], Platform: []parlance.Dialect{parlance.IMKit, parlance.Shopline, ""}[i%3]}
		if _, err := w.store.Create(context.Background(), "w", c); err != nil {
			w.Fatal(err)
		}
		w.refs = append(w.refs, ref)
	}
}

// text returns a few phrases.
func (w *world) text() string {
	var some []string
	for range w.r.IntN(4) {
		some = append(some, phrases[w.r.IntN(len(phrases))])
	}
	return strings.Join(some, []string{" ", "", ", ", "\n"}[w.r.IntN(4)])
}

// do does something that changes what can be found.
func (w *world) do() {
	w.Helper()
	ctx := context.Background()
	w.clock.now += parlance.Time(w.r.IntN(3)) * 1000 * parlance.Time(w.r.IntN(100))
	ref := w.refs[w.r.IntN(len(w.refs))]
	ids := w.ids[ref]
	var err error
	switch n := w.r.IntN(10); {
	case n < 6 || len(ids) == 0:
		var ms []parlance.Message
		for range 1 + w.r.IntN(4) {
			m := parlance.Message{
				ID: parlance.MessageID(fmt.Sprint("m", w.r.Uint64())), Sender: parlance.AccountID(fmt.Sprint("user ", w.r.IntN(4))), Text: w.text(),
				SenderName: []string{"", "Ann", "ann", "Böb", " Ann\n", strings.Repeat("Name ", 40)}[w.r.IntN(6)], Type: []parlance.Type{parlance.TypeText, parlance.TypeImage, "imkit.poll", parlance.TypeNote}[w.r.IntN(4)],
				Role: []parlance.Role{parlance.Customer, parlance.Agent, parlance.MemberRole}[w.r.IntN(3)],
			}
			if w.r.IntN(5) == 0 {
				m.Attachments = []parlance.Attachment{{Type: []parlance.Type{parlance.TypeImage, parlance.TypeFile}[w.r.IntN(2)], URL: "http://x/y"}}
			}
			if w.r.IntN(9) == 0 {
				m.Location = &parlance.Location{Latitude: 25}
			}
			ms = append(ms, m)
			w.ids[ref] = append(w.ids[ref], m.ID)
		}
		mode := store.Send
		if w.r.IntN(3) == 0 {
			mode = store.Mirror
			for i := range ms {
				ms[i].Created = w.clock.now - parlance.Time(w.r.IntN(100))*3_600_000
				ms[i].Sent = ms[i].Created
			}
		}
		_, err = w.store.Put(ctx, ref, mode, ms...)
	default:
		id := ids[w.r.IntN(len(ids))]
		_, err = w.store.Change(ctx, ref, id, func(m *parlance.Message) error {
			switch n {
			case 6, 7:
				m.Text, m.Edited = w.text(), w.clock.now
			case 8:
				m.State, m.Removed = parlance.Recalled, w.clock.now
			default:
				m.State, m.Removed = parlance.Deleted, w.clock.now
			}
			return nil
		})
		if parlance.KindOf(err) == parlance.NotFound {
			err = nil
		}
	}
	if err != nil {
		w.Fatal(err)
	}
}

// query returns a random query, cut out of what messages are made of.
func (w *world) query(depth int) string {
	piece := func() string {
		s := []rune(fold.Fold(phrases[w.r.IntN(len(phrases))]))
		from := w.r.IntN(len(s))
		piece := strings.TrimSpace(string(s[from:min(len(s), from+1+w.r.IntN(8))]))
		if piece == "" || strings.ContainsAny(piece, "\" :()-") || w.r.IntN(3) == 0 {
			return `"` + strings.ReplaceAll(string(s[from:min(len(s), from+1+w.r.IntN(8))]), `"`, "") + `"`
		}
		if w.r.IntN(4) == 0 {
			piece = strings.ToUpper(piece)
		}
		return piece
	}
	facts := []string{
		"in:c1", "in:c7", "in:nowhere", `from:"user 1"`, "from:ann", "from:böb", `from:"` + strings.Repeat("name ", 40) + `"`, `from:" user 1"`, "kind:shop", "kind:room", "platform:shopline", "type:image", "type:imkit.poll", "type:note",
		"has:file", "has:image", "has:link", "has:place", "is:edited", "is:recalled", "after:2023-11-14T22:13:25Z", "before:2023-11-14T23:00:00Z", "during:2023-11-13",
	}
	switch n := w.r.IntN(12); {
	case depth > 0 && n < 3:
		return w.query(depth-1) + " " + w.query(depth-1)
	case depth > 0 && n < 4:
		return "(" + w.query(depth-1) + " OR " + w.query(depth-1) + ")"
	case depth > 0 && n < 5:
		return "-(" + w.query(depth-1) + ")"
	case n < 8:
		return facts[w.r.IntN(len(facts))]
	}
	return piece()
}

// scan finds what a query finds without any index.
func (w *world) scan(q *query.Query, scope search.Scope) (found []string) {
	w.Helper()
	type hit struct {
		search.Position
		number uint64
		name   string
	}
	var hits []hit
	for _, ref := range w.refs {
		if scope.Conversations != nil && !slices.Contains(scope.Conversations, ref.Conversation) {
			continue
		}
		about, err := w.store.Conversation(w.Context(), ref)
		if err != nil {
			w.Fatal(err)
		}
		var all []store.Entry
		current := map[parlance.MessageID]uint64{}
		for e, err := range w.store.Log(w.Context(), ref, 1) {
			if err != nil {
				w.Fatal(err)
			}
			all = append(all, e)
			current[e.Message.ID] = e.Number
		}
		for _, e := range all {
			m := &e.Message
			if !q.History() && (current[m.ID] != e.Number || m.State == parlance.Deleted) || scope.Public && m.Private() {
				continue
			}
			d := query.Document{Conversation: ref.Conversation, Kind: about.Kind, Platform: about.Platform, Message: m, Folded: fold.Fold(m.Text)}
			if !q.History() && m.State == parlance.Recalled {
				d.Folded = ""
			}
			if q.Match(&d) {
				hits = append(hits, hit{search.Position{Created: m.Created, Conversation: ref.Conversation, First: e.First}, e.Number, fmt.Sprint(ref.Conversation, " ", e.Number)})
			}
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		switch {
		case a.Created != b.Created:
			return int(b.Created - a.Created)
		case a.Conversation != b.Conversation:
			return strings.Compare(string(b.Conversation), string(a.Conversation))
		case a.First != b.First:
			return int(b.First) - int(a.First)
		}
		return int(b.number) - int(a.number)
	})
	for _, h := range hits {
		found = append(found, h.name)
	}
	return found
}

// walk finds what a query finds, page by page.
func (w *world) walk(q *query.Query, scope search.Scope) (found []string) {
	w.Helper()
	r := search.Request{Query: q, Scope: scope, Limit: 1 + w.r.IntN(7), Most: 1 + w.r.IntN(200)}
	for {
		result, err := w.index.Search(w.Context(), "w", r)
		if err != nil {
			w.Fatalf("Search(%s): %v", q, err)
		}
		for _, h := range result.Hits {
			found = append(found, fmt.Sprint(h.Conversation, " ", h.Entry.Number))
		}
		if !result.More {
			return found
		}
		if r.After == result.Next {
			w.Fatalf("Search(%s) doesn't go on from %v", q, r.After)
		}
		r.After = result.Next
	}
}

// check holds many random queries against a scan.
func (w *world) check(queries int) {
	w.Helper()
	for range queries {
		text := w.query(2)
		if w.r.IntN(5) == 0 {
			text += " in:history"
		}
		q, err := query.Parse(text, time.UTC)
		if err != nil {
			w.Logf("%s: %v", text, err)
			continue
		}
		scope := search.Scope{History: true, Public: w.r.IntN(4) == 0}
		if w.r.IntN(4) == 0 {
			scope.Conversations = []parlance.ConversationID{"c1", "c4", "c6"}
		}
		if got, want := w.walk(q, scope), w.scan(q, scope); !slices.Equal(got, want) {
			w.Errorf("%s (public %v, in %q): found %d, a scan finds %d: %s", text, scope.Public, scope.Conversations, len(got), len(want), difference(got, want))
		}
	}
}

// difference says where two lists part.
func difference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("from %d on %q and %q", i, got[i:min(i+3, len(got))], want[i:min(i+3, len(want))])
		}
	}
	return "they are the same"
}

// TestAnswersAreThoseOfAScan changes messages in every way, and builds and merges blocks between: what is found is always what a scan
// finds, in the same order, whatever the size of the pages.
func TestAnswersAreThoseOfAScan(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			for range 24 {
				for range w.r.IntN(30) {
					w.do()
				}
				w.check(12)
				if w.r.IntN(3) > 0 {
					w.clock.now++
					if _, err := w.index.Build(t.Context(), "w", 1+w.r.IntN(20), nil); err != nil {
						t.Fatal(err)
					}
					w.check(8)
				}
			}
		})
	}
}
