package demoshop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parlance"
	"parlance/access"
	"parlance/store"
	"parlance/store/pebblestore"
)

var now = parlance.TimeOf(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))

// open returns an empty store that is marked as a demo, and its workspace.
func open(t *testing.T) (*store.Store, access.Workspace) {
	t.Helper()
	e, err := pebblestore.OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), e, store.Options{Now: func() parlance.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if known, err := Known(t.Context(), s); err != nil || known {
		t.Fatalf("Known of an empty store = %v, %v", known, err)
	}
	if err := Mark(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if known, err := Known(t.Context(), s); err != nil || !known {
		t.Fatalf("Known of a marked store = %v, %v", known, err)
	}
	return s, Workspace()
}

// contents returns all messages by conversation, oldest first.
func contents(t *testing.T, s *store.Store) map[parlance.ConversationID][]parlance.Message {
	t.Helper()
	all := map[parlance.ConversationID][]parlance.Message{}
	for c, err := range s.Conversations(t.Context(), Workspace().ID) {
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Page(t.Context(), parlance.Ref{Workspace: Workspace().ID, Conversation: c.ID}, store.Query{Limit: 1000, Ascending: true, Private: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			all[c.ID] = append(all[c.ID], e.Message)
		}
	}
	return all
}

func TestFill(t *testing.T) {
	s, w := open(t)
	if err := Fill(t.Context(), s, w); err != nil {
		t.Fatal(err)
	}
	all := contents(t, s)
	count := map[string]int{}
	ids := map[parlance.MessageID]bool{}
	for c, ms := range all {
		for _, m := range ms {
			if m.Sent <= 0 || m.Sent > m.Created || m.Created > m.Updated || m.Updated >= now {
				t.Errorf("%s, message %s: sent %s, created %s, updated %s", c, m.ID, m.Sent, m.Created, m.Updated)
			}
			if ids[m.ID] {
				t.Errorf("two messages have the id %s", m.ID)
			}
			ids[m.ID] = true
			if strings.ContainsAny(m.Text, "{}") {
				t.Errorf("%s, message %s: %q", c, m.ID, m.Text)
			}
			if m.Text == "" && len(m.Attachments) == 0 {
				t.Errorf("%s, message %s is empty", c, m.ID)
			}
			count["messages"]++
			count[string(m.Type)]++
			for what, is := range map[string]bool{
				"edited": m.Edited != 0, "recalled": m.State == parlance.Recalled, "reply": m.Reply != "", "reactions": len(m.Reactions) > 0,
			} {
				if is {
					count[what]++
				}
			}
		}
	}
	for what, least := range map[string]int{
		"messages": 300, "image": 5, "file": 3, "video": 1, "note": 5, "announcement": 1, "edited": 10, "recalled": 3, "reply": 10, "reactions": 50,
	} {
		if count[what] < least {
			t.Errorf("%d of %s, want %d", count[what], what, least)
		}
	}
	report, err := s.Verify(t.Context(), w.ID, func(f store.Finding) { t.Error(f) }, nil)
	if err != nil || report.Messages != count["messages"] {
		t.Errorf("Verify = %+v, %v", report, err)
	}
}

// TestFillAgain checks that a demo that was cut short is done to its end with the same contents as
// one that wasn't, and that a whole one is left alone.
func TestFillAgain(t *testing.T) {
	whole, w := open(t)
	if err := Fill(t.Context(), whole, w); err != nil {
		t.Fatal(err)
	}
	want := contents(t, whole)

	cut, _ := open(t)
	f := &filler{store: cut, workspace: w, composer: newComposer(now)}
	for _, step := range []func(context.Context) error{f.accounts, f.examples, f.backOffice} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := Fill(t.Context(), cut, w); err != nil {
		t.Fatal(err)
	}
	if got, want := shown(contents(t, cut)), shown(want); !slices.Equal(got, want) {
		t.Errorf("the demo that was cut short differs:\n%s\n\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	ref := parlance.Ref{Workspace: w.ID, Conversation: "back-office"}
	id := want["back-office"][0].ID
	if _, err := cut.Change(t.Context(), ref, id, func(m *parlance.Message) error { m.Text = "changed since"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := Fill(t.Context(), cut, w); err != nil {
		t.Fatal(err)
	}
	if e, err := cut.Message(t.Context(), ref, id); err != nil || e.Message.Text != "changed since" {
		t.Errorf("the change is gone: %q, %v", e.Message.Text, err)
	}
}

// shown returns what of the messages people see.
func shown(all map[parlance.ConversationID][]parlance.Message) []string {
	var lines []string
	for c, ms := range all {
		for _, m := range ms {
			lines = append(lines, fmt.Sprint(c, m.ID, m.Sender, m.Type, m.Text, m.State, m.Created, m.Updated, m.Reactions, m.Reply, m.Attachments))
		}
	}
	slices.Sort(lines)
	return lines
}
