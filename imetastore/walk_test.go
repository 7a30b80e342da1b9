package imetastore_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"parlance"
	"parlance/imetastore"
	"parlance/store"
)

// A walked is a message of the model: where it stands, and what it says.
type walked struct {
	ref  parlance.Ref
	pos  parlance.Position
	text string
	gone bool
}

// TestWalk walks through what random messages left, while others are written, changed and
// deleted. The model is a sorted slice.
func TestWalk(t *testing.T) {
	f := newFixture(t, imetastore.Options{})
	var servers [6]*imetastore.Server
	for n := 1; n < len(servers); n++ {
		servers[n] = imetastore.New(f.store, f.keeper, imetastore.Options{PageSize: n})
	}
	round := 0
	for _, mode := range []struct {
		name                  string
		buyers, conversations int // conversations of each buyer
	}{{"buyer", 1, 1}, {"buyer of several conversations", 1, 3}, {"all buyers", 3, 2}} {
		t.Run(mode.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				round++ // buyers, conversations and seconds of its own
				w := &walk{t: t, f: f, server: servers[rapid.IntRange(1, 5).Draw(t, "page size")], start: int64(round) * 1000, all: mode.buyers > 1}
				w.prepare(round, mode.buyers, mode.conversations)
				w.fill(rapid.IntRange(0, 25).Draw(t, "messages"))
				w.run()
			})
		})
	}
}

type walk struct {
	t        *rapid.T
	f        *fixture
	server   *imetastore.Server
	start    int64 // first second
	all      bool  // all buyers
	buyer    int64
	refs     []parlance.Ref
	buyers   []int64 // of refs
	messages []*walked
}

func (w *walk) prepare(round, buyers, conversations int) {
	for b := range buyers {
		w.buyer = int64(round)*10 + int64(b) + 1
		for c := range conversations {
			kind := parlance.Shop
			if c > 0 {
				kind = parlance.Order
			}
			// The order of names is not that of making.
			name := fmt.Sprintf("c%d-%d-%d", round, (c*2+b)%5, c)
			w.refs = append(w.refs, w.f.conversation(parlance.Conversation{
				ID: parlance.ConversationID(name), Kind: kind, Customer: parlance.AccountID(fmt.Sprint(w.buyer)),
			}))
			w.buyers = append(w.buyers, w.buyer)
		}
	}
}

// fill writes messages, many of them in the same second, millisecond, and with the same id.
func (w *walk) fill(n int) {
	for range n {
		i := rapid.IntRange(0, len(w.refs)-1).Draw(w.t, "conversation")
		sec := w.start + rapid.Int64Range(0, 2).Draw(w.t, "second")
		text := fmt.Sprint("m", len(w.messages))
		var m parlance.Message
		if rapid.Bool().Draw(w.t, "mirrored") {
			from, to := fmt.Sprint(w.buyers[i]), seller
			if rapid.Bool().Draw(w.t, "to buyer") {
				from, to = to, from
			}
			var err error
			m, err = imetastore.MessageOf([]byte(item(from, to, sec, rapid.Uint32Range(0, 1).Draw(w.t, "seq"), rapid.Uint32Range(0, 2).Draw(w.t, "random"), text)))
			if err != nil {
				w.t.Fatal(err)
			}
		} else {
			m = parlance.Message{
				ID:     parlance.MessageID(rapid.SampledFrom([]string{"a", "b", "0000000000_0000000001_", "0000000001_0000000002", "é_."}).Draw(w.t, "id")),
				Sender: "someone", Role: parlance.Merchant, Type: parlance.TypeText, Text: text,
				Created: parlance.TimeOfSeconds(sec) + parlance.Time(rapid.Int64Range(0, 1).Draw(w.t, "ms")),
			}
		}
		ref := w.refs[i]
		known := slices.ContainsFunc(w.messages, func(o *walked) bool { return o.ref == ref && o.pos.ID == m.ID })
		if known {
			continue
		}
		w.f.put(ref, store.Mirror, m)
		w.messages = append(w.messages, &walked{
			ref: ref, text: text, pos: parlance.Position{Time: m.Created, ID: m.ID, Conversation: ref.Conversation},
		})
	}
}

func (w *walk) ask(maxTime, key string) imetastore.MessageList {
	who := "null"
	if !w.all {
		who = fmt.Sprint(w.buyer)
	}
	r := httptest.NewRequest("POST", "/seller/im/msg", strings.NewReader(
		fmt.Sprintf(`{"buyerId":%s,"minTime":%d,"maxTime":%s,"lastMsgKey":%q}`, who, w.start, maxTime, key)))
	r.Header.Set("Authorization", "bearer "+w.f.token)
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	var e imetastore.Envelope[imetastore.MessageList]
	if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil || rec.Code != http.StatusOK {
		w.t.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
	}
	return e.Data
}

func (w *walk) run() {
	atStart := slices.Clone(w.messages)
	maxTime, key := fmt.Sprint(w.start+999), ""
	var seen []string
	for range len(atStart) + 2 {
		l := w.ask(maxTime, key)
		if l.MsgCnt != len(l.MsgList) {
			w.t.Fatalf("msgCnt %d, %d are listed", l.MsgCnt, len(l.MsgList))
		}
		page := strings.Fields(strings.ReplaceAll(texts(w.f.t, l), "!", ""))
		slices.Reverse(page)
		seen = append(seen, page...)
		if l.Complete == 1 {
			w.check(atStart, seen)
			return
		}
		if oldest := l.MsgList[0].MsgTimestamp; l.LastMsgTime != oldest*1000 {
			w.t.Fatalf("lastMsgTime %d, the oldest is of %d", l.LastMsgTime, oldest)
		}
		key = l.LastMsgKey
		switch rapid.IntRange(0, 2).Draw(w.t, "maxTime") {
		case 0:
			maxTime = fmt.Sprint(l.LastMsgTime)
		case 1:
			maxTime = fmt.Sprint(l.LastMsgTime / 1000)
		}
		w.disturb()
	}
	w.t.Fatalf("no end; seen %v", seen)
}

// disturb deletes, changes and adds messages.
func (w *walk) disturb() {
	for _, m := range w.messages {
		if m.gone {
			continue
		}
		switch rapid.IntRange(0, 9).Draw(w.t, "change") {
		case 0:
			w.f.change(m.ref, m.pos.ID, func(m *parlance.Message) { m.State = parlance.Deleted })
			m.gone = true
		case 1:
			w.f.change(m.ref, m.pos.ID, func(m *parlance.Message) { m.Text += "!" })
		}
	}
	// Newer than any key.
	ref := w.refs[rapid.IntRange(0, len(w.refs)-1).Draw(w.t, "new in")]
	w.f.put(ref, store.Mirror, parlance.Message{
		ID: parlance.MessageID(fmt.Sprint("new", len(w.messages))), Sender: "someone", Role: parlance.Merchant,
		Type: parlance.TypeText, Text: "new", Created: parlance.TimeOfSeconds(w.start + 500),
	})
}

// check compares what was seen, newest first, with what there was at the start.
func (w *walk) check(atStart []*walked, seen []string) {
	slices.SortFunc(atStart, func(a, b *walked) int { return b.pos.Compare(a.pos) })
	for _, m := range atStart {
		switch {
		case len(seen) > 0 && seen[0] == m.text:
			seen = seen[1:]
		case !m.gone:
			w.t.Fatalf("%s at %s was not seen in its place; %v come next", m.text, m.pos, seen)
		}
	}
	if len(seen) > 0 {
		w.t.Fatalf("seen though not there at the start, or twice: %v", seen)
	}
}
