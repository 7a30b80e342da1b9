package search

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"parlance"
	"parlance/search/internal/block"
	"parlance/store"
	"parlance/store/pebblestore"
)

// TestRemadeInParts makes a block again whose texts are more than are held at once: it has the bytes of one that is made in one go.
func TestRemadeInParts(t *testing.T) {
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), e, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ix := Open(s, Options{})
	defer ix.Close()
	w := ix.workspace("w")
	for c := range 5 {
		ref := parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("c", c))}
		if _, err := s.Create(t.Context(), "w", parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		var ms []parlance.Message
		for i := range 700 {
			text := fmt.Sprintf("message %d of %d %04000d", i, c, i*c)
			ms = append(ms, parlance.Message{ID: parlance.MessageID(fmt.Sprintf("m%d.%d", c, i)), Sender: "a", Text: text, Created: parlance.Time(1_700_000_000_000 + i*7919%1000*5 + c)})
		}
		if _, err := s.Put(t.Context(), ref, store.Mirror, ms...); err != nil {
			t.Fatal(err)
		}
	}
	var docs []block.Document
	var names []block.Name
	for c, err := range s.Changes(t.Context(), "w", 0) {
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range ix.documents(t.Context(), "w", c, c.First, c.Count) {
			if err != nil {
				t.Fatal(err)
			}
			docs, names = append(docs, d.Document), append(names, d.Name)
		}
	}
	type page struct {
		section block.Section
		number  int
	}
	collect := func(to map[page]string) block.Put {
		return func(_ context.Context, s block.Section, number int, p []byte) error {
			to[page{s, number}] = string(p)
			return nil
		}
	}
	want, got := map[page]string{}, map[page]string{}
	whole, err := block.Build(t.Context(), docs, collect(want))
	if err != nil {
		t.Fatal(err)
	}
	if size := 3500 * 4000; size < maxBuildBytes {
		t.Fatalf("%d bytes are made in one go", size)
	}
	remade, err := w.remake(t.Context(), names, collect(got))
	if err != nil || remade != whole || !maps.Equal(got, want) {
		t.Errorf("remade it is %+v with %d pages, %v; want %+v with %d", remade, len(got), err, whole, len(want))
	}
}
