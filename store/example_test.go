package store_test

import (
	"context"
	"fmt"
	"log"

	"parlance"
	"parlance/store"
	"parlance/store/pebblestore"
)

// A conversation is made, written to, and read page by page from its newest message down.
func Example() {
	ctx := context.Background()
	engine, err := pebblestore.OpenMemory()
	if err != nil {
		log.Fatal(err)
	}
	s, err := store.Open(ctx, engine, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	ref := parlance.Ref{Workspace: "acme", Conversation: "kitchen"}
	if _, err := s.Create(ctx, ref.Workspace, parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"Who has the keys?", "I do.", "Thanks."} {
		m := parlance.Message{Sender: "alice", Type: parlance.TypeText, Text: text}
		if _, err := s.Put(ctx, ref, store.Send, m); err != nil {
			log.Fatal(err)
		}
	}
	q := store.Query{Timeline: parlance.ByCreated, Limit: 2}
	for {
		page, err := s.Page(ctx, ref, q)
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range page.Entries {
			fmt.Println(e.Number, e.Message.Text)
		}
		if !page.More {
			break
		}
		last := page.Entries[len(page.Entries)-1].Message.Position(parlance.ByCreated)
		q.To = &last
	}
	// Output:
	// 3 Thanks.
	// 2 I do.
	// 1 Who has the keys?
}
