package search

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parlance"
	"parlance/search/internal/block"
	"parlance/search/query"
	"parlance/store"
	"parlance/store/pebblestore"
)

// TestBlocksOfSeveralChunks searches a block of two chunks, as merging makes them: what is in either is found, in order, whatever is asked for and
// from wherever the answer goes on.
func TestBlocksOfSeveralChunks(t *testing.T) {
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	now := parlance.Time(1_700_000_000_000)
	s, err := store.Open(t.Context(), e, store.Options{Now: func() parlance.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ix := Open(s, Options{})
	defer ix.Close()
	w := ix.workspace("w")
	const messages, each = block.ChunkDocuments + 3000, 1000
	words := []string{"often", "酒店", "oft", "A12345"}
	for i := range messages / each {
		ref := parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("c", i%7))}
		if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		var ms []parlance.Message
		for j := range each {
			n := i*each + j
			text := fmt.Sprint(words[n%len(words)], " n", n)
			switch n {
			case 100:
				text = "rare low 稀"
			case messages - 1500:
				text = "rare high 稀"
			}
			ms = append(ms, parlance.Message{ID: parlance.MessageID(fmt.Sprint("m", n)), Sender: parlance.AccountID(fmt.Sprint("u", n/10_000)), Text: text, Created: now - parlance.Time(n)*10})
		}
		if _, err := s.Put(t.Context(), ref, store.Mirror, ms...); err != nil {
			t.Fatal(err)
		}
	}
	now++
	var docs []block.Document
	var texts []query.Document
	var last position
	for c, err := range s.Changes(t.Context(), "w", 0) {
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range ix.documents(t.Context(), "w", c, c.First, c.Count) {
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, d.Document)
			texts = append(texts, query.Document{Folded: d.Folded, Conversation: d.Thread.ID, Kind: d.Thread.Kind, Message: d.message})
			last = position{c.At, c.First, c.Conversation, d.Number + 1}
		}
	}
	slices.SortFunc(texts, func(a, b query.Document) int { return int(b.Message.Created - a.Message.Created) })
	state, err := w.reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, state, err := w.make(t.Context(), state, func(put block.Put) (block.Descriptor, error) { return block.Build(t.Context(), docs, put) })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.publish(t.Context(), state, r, nil, &last); err != nil {
		t.Fatal(err)
	}
	v, err := w.view(t.Context())
	if err != nil || len(v.tail) > 0 || len(v.blocks) != 1 || v.blocks[0].AllChunks() != 3 {
		t.Fatalf("%d in the tail, %d blocks, %v", len(v.tail), len(v.blocks), err)
	}
	old := now - 10*(messages-2000)
	for _, text := range []string{
		"rare", "稀", "rare low", "rare high", "nowhere", "n100", `"ow 稀"`, "ofte n65999", "2345 n12", "-often n123 n6", "(low OR high) rare", "from:u0 稀", "from:u6 oft",
		"in:c3 n6550", "often before:" + old.String(), "often after:" + (now - 500).String(), "in:nowhere", "rare in:c0",
	} {
		q, err := query.Parse(text, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []parlance.MessageID
		for i := range texts {
			if q.Match(&texts[i]) {
				want = append(want, texts[i].Message.ID)
			}
		}
		for request := (Request{Query: q, Limit: 997}); ; {
			found, err := ix.Search(t.Context(), "w", request)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range found.Hits {
				got = append(got, h.Entry.Message.ID)
			}
			if !found.More {
				break
			}
			request.After = found.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d are found, %d match", text, len(got), len(want))
		}
	}
}
