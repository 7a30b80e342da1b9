package files_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"golang.org/x/sync/errgroup"

	"parlance"
	"parlance/files"
	"parlance/store"
	"parlance/store/pebblestore"
)

// BenchmarkCounts counts 100,000 addresses of 1,000 conversations, on disk.
func BenchmarkCounts(b *testing.B) {
	const addresses = 100_000
	engine, err := pebblestore.Open(b.TempDir(), pebblestore.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), engine, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	var g errgroup.Group
	g.SetLimit(256)
	for i := range addresses {
		g.Go(func() error {
			r := files.Record{
				Address: fmt.Sprintf("https://files.example.org/chatserver-upload/%024d.png?signature=%064d", i, i), Source: "shop",
				Conversation: parlance.ConversationID(fmt.Sprint("room-", i%1000)), Message: parlance.MessageID(fmt.Sprintf("%024d", i)),
				State: files.Kept, Sum: files.Sum{byte(i)}, Size: 100_000, Type: "image/png", Name: "picture.png", Time: start, Tries: 1,
			}
			raw, err := json.Marshal(r)
			if err != nil {
				return err
			}
			k := string(files.KeyOf(r.Address))
			return s.SwapRecord(b.Context(), "file/w/"+k[:2], k, nil, raw)
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	folder, err := files.OpenFolder(b.TempDir(), start)
	if err != nil {
		b.Fatal(err)
	}
	a := files.Open(s, folder)
	for b.Loop() {
		t, err := a.Counts(b.Context(), "w")
		if err != nil || t.Of("shop", "").Fetched != addresses {
			b.Fatalf("Counts = %+v, %v", t.Of("", ""), err)
		}
	}
}
