package store_test

import (
	"fmt"
	"testing"

	"parlance"
	"parlance/store"
	"parlance/store/pebblestore"
)

// BenchmarkVerify verifies one conversation of so many messages. Its cost a message is the same for both.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{20_000, 200_000} {
		b.Run(fmt.Sprintf("messages=%d", n), func(b *testing.B) {
			e, err := pebblestore.Open(b.TempDir(), pebblestore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			s, err := store.Open(b.Context(), e, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			ref := parlance.Ref{Workspace: "acme", Conversation: "one"}
			if _, err := s.Create(b.Context(), ref.Workspace, parlance.Conversation{ID: ref.Conversation, Kind: parlance.Shop}); err != nil {
				b.Fatal(err)
			}
			var ms []parlance.Message
			for i := range n {
				at := parlance.Time(1_700_000_000_000 + 1000*i)
				ms = append(ms, parlance.Message{
					ID: parlance.MessageID(fmt.Sprintf("m%08d", i)), Sender: "somebody", Type: parlance.TypeText,
					Text: "a message of usual length, as people write them", Sent: at, Created: at, Updated: at,
				})
				if len(ms) == 1000 || i == n-1 {
					if _, err := s.Put(b.Context(), ref, store.Import, ms...); err != nil {
						b.Fatal(err)
					}
					ms = ms[:0]
				}
			}
			for b.Loop() {
				r, err := s.Verify(b.Context(), ref.Workspace, func(f store.Finding) { b.Error(f.Text) }, nil)
				if err != nil || r.Messages != n {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
