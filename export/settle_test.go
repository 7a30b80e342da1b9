package export_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"parlance"
	"parlance/export"
	"parlance/store"
)

var room = parlance.Ref{Workspace: ws, Conversation: "c"}

// entries counts what the logs of the workspace hold.
func entries(t interface {
	Context() context.Context
	Fatal(...any)
}, s *store.Store,
) (n uint64) {
	for c, err := range s.Conversations(t.Context(), ws) {
		if err != nil {
			t.Fatal(err)
		}
		st, err := s.State(t.Context(), parlance.Ref{Workspace: ws, Conversation: c.ID})
		if err != nil {
			t.Fatal(err)
		}
		n += st.Number
	}
	return n
}

// dressed returns a line that says the same as r's own.
func dressed(t *rapid.T, r export.Record) string {
	v := jsontext.Value(export.AppendRecord(nil, r))
	switch rapid.IntRange(0, 5).Draw(t, "dress") {
	case 0:
		if err := v.Canonicalize(); err != nil { // another order of names
			t.Fatal(err)
		}
	case 1:
		if err := v.Format(jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true)); err != nil {
			t.Fatal(err)
		}
	case 2:
		return strings.ReplaceAll(string(v), "text", `te\u0078t`)
	case 3:
		return strings.Replace(string(v), `"reply_to":null,`, "", 1)
	case 4:
		return strings.Replace(strings.Replace(string(v), `.000Z"`, `Z"`, 1), `:[]`, `: [ ]`, 1)
	}
	return string(v)
}

// said is what is left of an export if the dress is taken off.
func said(t *rapid.T, s *store.Store) []string {
	var b strings.Builder
	if _, err := export.Export(t.Context(), s, ws, &b, export.ExportOptions{}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		r, err := export.ParseRecord([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		r.Title = "" // of the first that said anything of the conversation
		lines = append(lines, string(export.AppendRecord(nil, r)))
	}
	slices.Sort(lines)
	for c, err := range s.Conversations(t.Context(), ws) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(c.ID)+" is called "+c.Title)
	}
	return lines
}

// Files that overlap and contradict each other come to the same, in whatever order they come, and the second time
// they write nothing.
func TestImportsSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := make([][]export.Record, rapid.IntRange(1, 4).Draw(t, "files"))
		for f := range files {
			title := rapid.SampledFrom([]string{"Room", "Hall", "The room"}).Draw(t, "title")
			for i := range rapid.IntRange(1, 6).Draw(t, "lines") {
				r := record("c", parlance.MessageID(fmt.Sprint("m", rapid.IntRange(0, 3).Draw(t, "id"))), 1e12)
				r.Title, r.Seq = title, int64(i)
				r.Sent += parlance.Time(1000 * rapid.IntRange(0, 2).Draw(t, "sent"))
				r.Text = rapid.SampledFrom([]string{"text", "text 2", "no"}).Draw(t, "text")
				r.Edited = rapid.SampledFrom([]parlance.Time{0, 0, 1e12 + 5000, 1e12 + 6000}).Draw(t, "edited")
				if rapid.IntRange(0, 4).Draw(t, "gone") == 0 {
					r.Deleted, r.Recalled = true, rapid.Bool().Draw(t, "recalled")
					r.DeletedAt = rapid.SampledFrom([]parlance.Time{0, 1e12 + 5500}).Draw(t, "deleted at")
				}
				if rapid.Bool().Draw(t, "reaction") {
					r.Reactions = []export.Reaction{{Emoji: "x", Senders: []parlance.AccountID{"a"}}}
				}
				files[f] = append(files[f], r)
			}
		}
		load := func(s *store.Store, order []int) (stored int) {
			for _, f := range order {
				var b strings.Builder
				for _, r := range rapid.Permutation(files[f]).Draw(t, "lines of the file") {
					b.WriteString(dressed(t, r) + "\n")
				}
				r, err := export.Import(t.Context(), s, ws, "f", strings.NewReader(b.String()), export.ImportOptions{})
				if err != nil || r.Bad != 0 || r.Messages != len(files[f]) || r.New+r.Changed+r.Same+r.Kept != r.Messages {
					t.Fatalf("%+v, %v", r, err)
				}
				stored += r.New + r.Changed
			}
			return stored
		}
		all := make([]int, len(files))
		for i := range all {
			all[i] = i
		}
		var first []string
		for range 2 {
			s := open(t)
			load(s, rapid.Permutation(all).Draw(t, "order"))
			got := said(t, s)
			if first == nil {
				first = got
			}
			if !slices.Equal(got, first) {
				t.Fatalf("one order comes to\n%s\nanother to\n%s", strings.Join(first, "\n"), strings.Join(got, "\n"))
			}
			before := entries(t, s)
			if n := load(s, rapid.Permutation(all).Draw(t, "order")); n != 0 || entries(t, s) != before {
				t.Fatalf("the second time %d versions were stored", n)
			}
			if got := said(t, s); !slices.Equal(got, first) {
				t.Fatalf("the second time comes to\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(first, "\n"))
			}
		}
	})
}

// change changes a message here.
func change(t *testing.T, s *store.Store, id parlance.MessageID, f func(*parlance.Message)) {
	t.Helper()
	if _, err := s.Change(t.Context(), room, id, func(m *parlance.Message) error { f(m); return nil }); err != nil {
		t.Fatal(err)
	}
}

// What was deleted, recalled or edited here, and whoever was taken out, stays so whatever files say later, until the
// import is told to overwrite it.
func TestWhatIsChangedHereWins(t *testing.T) {
	s := open(t)
	rs := numbered(4)
	rs[3].Sender = "z"
	load(t, s, lines(rs...), export.ImportOptions{})
	change(t, s, "m000000", func(m *parlance.Message) { m.State = parlance.Deleted })
	change(t, s, "m000001", func(m *parlance.Message) { m.State = parlance.Recalled })
	change(t, s, "m000002", func(m *parlance.Message) { m.Text = "edited here" })
	if err := s.RemoveMember(t.Context(), room, "z"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateConversation(t.Context(), room, func(c *parlance.Conversation) error { c.Title = "named here"; return nil }); err != nil {
		t.Fatal(err)
	}
	before, stored := dump(t, s), entries(t, s)

	for i := range rs {
		rs[i].Title = "another title"
	}
	if r := load(t, s, lines(rs...), export.ImportOptions{}); r.Same != 4 {
		t.Errorf("with another title: %+v", r)
	}
	for i := range rs[:3] {
		rs[i].Edited = 2e12
	}
	if r := load(t, s, lines(rs...), export.ImportOptions{}); r.Kept != 3 || r.Same != 1 {
		t.Errorf("with later edits: %+v", r)
	}
	if dump(t, s) != before || entries(t, s) != stored {
		t.Errorf("imports undid what was done here:\n%s", dump(t, s))
	}
	if ms, err := s.Members(t.Context(), room); err != nil || len(ms) != 1 {
		t.Errorf("members are %v, %v", ms, err)
	}

	edited, err := s.Message(t.Context(), room, "m000002")
	if err != nil {
		t.Fatal(err)
	}
	if r := load(t, s, lines(rs...), export.ImportOptions{Overwrite: true}); r.Changed != 3 || r.Same != 1 {
		t.Errorf("overwriting: %+v", r)
	}
	if r := load(t, s, lines(rs...), export.ImportOptions{Overwrite: true}); r.Changed != 0 || r.Same != 4 {
		t.Errorf("overwriting again: %+v", r)
	}
	for i := range rs {
		e, err := s.Message(t.Context(), room, rs[i].ID)
		if err != nil || e.Message.Text != "text" || e.Message.State != parlance.Live {
			t.Errorf("overwritten: %+v, %v", e.Message, err)
		}
		if i == 2 && e.Message.Updated <= edited.Message.Updated {
			t.Error("readers of what changed would miss what was overwritten")
		}
	}
	if c, err := s.Conversation(t.Context(), room); err != nil || c.Title != "another title" {
		t.Errorf("the conversation is called %q, %v", c.Title, err)
	}
	if ms, err := s.Members(t.Context(), room); err != nil || len(ms) != 2 {
		t.Errorf("members are %v, %v", ms, err)
	}
}

// An older export doesn't roll a newer one back.
func TestOlderExportsRollNothingBack(t *testing.T) {
	older := numbered(5)
	newer := slices.Clone(older)
	for i := range newer {
		newer[i].Title = "renamed"
	}
	newer[0].Text, newer[0].Edited = "e", 2e12
	newer[1].Deleted, newer[1].DeletedAt = true, 2e12
	newer[2].Deleted, newer[2].Recalled = true, true
	newer[3].Reactions = []export.Reaction{{Emoji: "x", Senders: []parlance.AccountID{"a"}}}
	last := record("c", "m9", 1e12+9)
	last.Title = "renamed"
	newer = append(newer, last)
	s := open(t)
	load(t, s, lines(newer...), export.ImportOptions{})
	want, stored := dump(t, s), entries(t, s)
	if r := load(t, s, lines(older...), export.ImportOptions{}); r.Kept != 4 || r.Same != 1 {
		t.Errorf("report is %+v", r)
	}
	if dump(t, s) != want || entries(t, s) != stored {
		t.Errorf("the older export came over the newer one:\n%s", dump(t, s))
	}
	if c, err := s.Conversation(t.Context(), room); err != nil || c.Title != "renamed" {
		t.Errorf("the conversation is called %q, %v", c.Title, err)
	}
	if r := load(t, s, lines(older...), export.ImportOptions{Overwrite: true}); r.Changed != 4 {
		t.Errorf("overwriting: %+v", r)
	}
}

// A line that the store refuses doesn't make those before it count twice.
func TestCountsAfterARefusedLine(t *testing.T) {
	rs := numbered(2500)
	big := record("c", "big", 1e12)
	big.Text = strings.Repeat("x", parlance.MaxMessage)
	rs = slices.Insert(rs, 1777, big)
	late := record("c", "late", parlance.MaxTime)
	later := record("c", "later", parlance.MaxTime) // no millisecond is left for it
	rs = append(rs, late, later)
	rs = append(rs, numbered(1)...)
	r, err := export.Import(t.Context(), open(t), ws, "f", strings.NewReader(lines(rs...)), export.ImportOptions{})
	if err != nil || r.New != 2501 || r.Same != 1 || r.Bad != 2 || r.Errors[0].Line != 1778 || r.Errors[1].Line != 2503 {
		t.Errorf("%+v, %v", r, err)
	}
}
