package search

import (
	"fmt"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/pebblestore"
)

// BenchmarkBuild builds a block of 65,536 messages of some Latin and some Chinese words, read from their logs.
func BenchmarkBuild(b *testing.B) {
	e, err := pebblestore.OpenMemory()
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), e, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const messages, each = 65_536, 64
	for c := range messages / each {
		ref := parlance.Ref{Workspace: "w", Conversation: parlance.ConversationID(fmt.Sprint("c", c))}
		if _, err := s.Create(b.Context(), "w", parlance.Conversation{ID: ref.Conversation, Kind: parlance.Room}); err != nil {
			b.Fatal(err)
		}
		var ms []parlance.Message
		for i := range each {
			n := c*each + i
			text := fmt.Sprintf("hello, could you please tell me when order %d arrives? 請問訂單%d什麼時候會到呢", n, n*7)
			ms = append(ms, parlance.Message{ID: parlance.MessageID(fmt.Sprint("m", n)), Sender: parlance.AccountID(fmt.Sprint("u", c)), Text: text})
		}
		if _, err := s.Put(b.Context(), ref, store.Send, ms...); err != nil {
			b.Fatal(err)
		}
	}
	ix := Open(s, Options{})
	defer ix.Close()
	for b.Loop() {
		if n, err := ix.Rebuild(b.Context(), "w", nil); err != nil || n < messages-1 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(messages)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
