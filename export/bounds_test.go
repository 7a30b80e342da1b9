package export_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parlance"
	"parlance/export"
	"parlance/store"
)

// Messages whose fields lie at the bounds of what the store takes are exported as lines that can be imported, and say the same then.
func TestWhatLiesAtTheBoundsComesBack(t *testing.T) {
	roles := []parlance.Role{"", parlance.Customer, parlance.Owner, "reader", "\x01", parlance.Role(strings.Repeat("r", 2000))}
	kinds := []parlance.Type{"", parlance.TypeText, parlance.TypeNote, "poll", "\xff"}
	times := []parlance.Time{0, -1, 1, 999, -1000, 1e12, parlance.MinTime, parlance.MinTime + 1, parlance.MaxTime - 1000}
	texts := []string{"", "hi", "\xff", "\x00", "\ufeff", "\u2028", strings.Repeat("\\", 3000)}
	ids := []string{"0", "\x01", " ", "null", strings.Repeat("x", parlance.MaxID), strings.Repeat("\x1f", parlance.MaxID)}
	sizes := []int64{0, 1, -1, 1<<63 - 1, -1 << 63}
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string { return rapid.SampledFrom(texts).Draw(t, label) }
		at := func(label string) parlance.Time { return rapid.SampledFrom(times).Draw(t, label) }
		id := func(label string) string { return rapid.SampledFrom(ids).Draw(t, label) }
		s := open(t)
		c := parlance.Conversation{ID: parlance.ConversationID(id("conversation")), Kind: parlance.Room, Title: text("title")}
		if rapid.IntRange(0, 50).Draw(t, "long title") == 50 {
			c.Title = strings.Repeat("\xff", parlance.MaxTitle)
		}
		if _, err := s.Create(context.Background(), ws, c); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(t, "messages") {
			m := parlance.Message{
				ID: parlance.MessageID(id("id")), Sender: parlance.AccountID(id("sender")), SenderName: text("name"),
				Role: rapid.SampledFrom(roles).Draw(t, "role"), Type: rapid.SampledFrom(kinds).Draw(t, "type"), Text: text("text"),
				Thread: text("thread"), Sent: at("sent"), Created: at("created"), Edited: at("edited"),
				Seq:   rapid.SampledFrom([]uint32{0, 1, 1<<32 - 1}).Draw(t, "seq"),
				State: rapid.SampledFrom([]parlance.State{parlance.Live, parlance.Recalled, parlance.Deleted}).Draw(t, "state"),
			}
			m.Updated = max(m.Created, at("updated"))
			if m.State != parlance.Live {
				m.Removed = at("removed")
			}
			if rapid.Bool().Draw(t, "more") {
				m.Reply = parlance.MessageID(id("reply"))
				m.Reactions = []parlance.Reaction{{Emoji: text("emoji"), Account: parlance.AccountID(id("who"))}, {Emoji: text("emoji"), Account: "b"}}
				m.Attachments = []parlance.Attachment{{
					Type: rapid.SampledFrom(kinds).Draw(t, "kind"), Name: text("file"), URL: text("url"),
					Size: rapid.SampledFrom(sizes).Draw(t, "size"), HasSize: rapid.Bool().Draw(t, "has size"),
				}}
			}
			ref := parlance.Ref{Workspace: ws, Conversation: c.ID}
			if _, err := s.Put(context.Background(), ref, store.Mirror, m); err != nil && !errors.Is(err, parlance.Invalid) {
				t.Fatal(err)
			}
		}
		want := dumped(t, s)
		other := open(t)
		r, err := export.Import(context.Background(), other, ws, "file", strings.NewReader(want), export.ImportOptions{})
		if err != nil || r.Bad != 0 {
			t.Fatalf("%+v, %v: %.2000q", r, err, want)
		}
		// Of messages of one moment, of which only some had a place, the order may be another one.
		before, after := strings.SplitAfter(want, "\n"), strings.SplitAfter(dumped(t, other), "\n")
		slices.Sort(before)
		slices.Sort(after)
		if !slices.Equal(before, after) {
			t.Fatalf("%.4000q\nbecame\n%.4000q", before, after)
		}
		n := entries(t, other)
		if _, err := export.Import(context.Background(), other, ws, "file", strings.NewReader(want), export.ImportOptions{}); err != nil || entries(t, other) != n {
			t.Fatalf("imported again it isn't the same: %v", err)
		}
	})
}

// The largest message of each mode is imported again, with the place and the name that its line got.
func TestTheLargestMessageComesBack(t *testing.T) {
	for _, mode := range []store.Mode{store.Send, store.Mirror, store.Import} {
		s := open(t)
		if _, err := s.Create(t.Context(), ws, parlance.Conversation{ID: "c", Kind: parlance.Room}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.UpdateAccount(t.Context(), ws, "a", func(a *parlance.Account) error {
			a.Name = strings.Repeat("n", parlance.MaxName)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		largest := func() parlance.Message {
			for spare := range 200 {
				m := parlance.Message{ID: "m", Sender: "a", Type: parlance.TypeText, Sent: 1, Created: 1, Text: strings.Repeat("x", parlance.MaxMessage-spare)}
				if _, err := s.Put(t.Context(), room, mode, m); err == nil {
					return m
				}
			}
			t.Fatal("no message is taken")
			return parlance.Message{}
		}
		m := largest()
		want := dump(t, s)
		other := open(t)
		load(t, other, want, export.ImportOptions{})
		if got := dump(t, other); got != want {
			t.Errorf("mode %v: %d bytes of text: %d bytes became %d", mode, len(m.Text), len(want), len(got))
		}
	}
}

func dumped(t *rapid.T, s *store.Store) string {
	var b strings.Builder
	if _, err := export.Export(context.Background(), s, ws, &b, export.ExportOptions{}); err != nil {
		t.Fatalf("export: %v", err)
	}
	return b.String()
}
